/** Waiting for a condition, for what is not in a page (pages wait by themselves). */

/** The first look comes again soon; the longer it takes, the rarer, since to ask a page costs the processor some milliseconds. */
const LOOK_AGAIN_MS = { first: 15, longest: 120, growth: 1.3 };

/** How long a condition may take on a machine with other work, before it is taken for one that never comes. */
export const PATIENCE_MS = 60_000;

/** Repeats a question until its answer is truthy, and returns that; fails with `what` after `patience_ms`. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  patience_ms = PATIENCE_MS,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + patience_ms;
  for (let pause_ms = LOOK_AGAIN_MS.first; ; pause_ms = Math.min(pause_ms * LOOK_AGAIN_MS.growth, LOOK_AGAIN_MS.longest)) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${patience_ms} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pause_ms));
  }
}

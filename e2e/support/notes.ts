/** What a test page has noted of its callbacks, asked of it from outside, whatever drives its browser. */
import type { Page } from 'playwright-core';
import { PATIENCE_MS, until } from './until.ts';

/** A page that can be asked something: Playwright's and Puppeteer's are alike in this. */
export type Asked = Pick<Page, 'evaluate'>;

/** One callback, as `recorder.js` notes it. */
export interface Noted {
  name: string;
  kind: string;
  argument?: any;
  state?: number;
  at_ms: number;
}

/** Everything that a test page has noted, of one socket or of all. */
export async function noted(page: Asked, name?: string): Promise<Noted[]> {
  // A page that could not be loaded has noted nothing.
  const all = await page.evaluate(() => ((window as any).records ?? []) as Noted[]);
  return name === undefined ? all : all.filter((note) => note.name === name);
}

/** The names of the callbacks so far, in order. */
export async function kinds(page: Asked, name?: string): Promise<string[]> {
  return (await noted(page, name)).map(({ kind }) => kind);
}

/** Kind, argument and state of the callbacks of one socket so far. */
export async function callbacks(page: Asked, name = 'a'): Promise<unknown[]> {
  return (await noted(page, name)).map(({ kind, argument, state }) => [kind, argument, state]);
}

/** Kind and argument of the callbacks of one socket so far. */
export async function calls(page: Asked, name = 'a'): Promise<unknown[]> {
  return (await noted(page, name)).map(({ kind, argument }) => [kind, argument]);
}

/** The data of the messages so far, in order. */
export async function received(page: Asked, name?: string): Promise<any[]> {
  return (await noted(page, name)).filter(({ kind }) => kind === 'onmessage').map(({ argument }) => argument.data);
}

/** Until a socket has had a callback of this kind, `times` times. */
export async function untilNoted(page: Asked, kind: string, name = 'a', times = 1, timeout = PATIENCE_MS): Promise<void> {
  await untilTrue(page, `${name}.${kind} (${times})`, timeout, () => page.evaluate(
    ([kind, name, times]) => {
      const those = ((window as any).records as Noted[]).filter((note) => note.kind === kind && note.name === name);
      return those.length >= times;
    },
    [kind, name, times] as const,
  ));
}

/** Until a socket has had a message with this data. As order is kept, everything before it has come then too. */
export async function untilMessage(page: Asked, data: string, name = 'a', timeout = PATIENCE_MS): Promise<void> {
  await untilTrue(page, `${name} with the message ${data.slice(0, 100)}`, timeout, () => page.evaluate(
    ([data, name]) => ((window as any).records as Noted[]).some(
      (note) => note.kind === 'onmessage' && note.name === name && note.argument.data === data,
    ),
    [data, name] as const,
  ));
}

async function untilTrue(page: Asked, what: string, timeout: number, ask: () => Promise<boolean>): Promise<void> {
  // A page that is just on its way to another one cannot be asked; the next one can.
  await until(what, () => ask().catch(() => false), timeout).catch(async (error) => {
    throw new Error(`${error.message}\n${await summary(page)}`);
  });
}

/** The last of what was noted, for the message of a failure. */
async function summary(page: Asked): Promise<string> {
  const state = () => `${location.href} is ${document.readyState}${(window as any).records ? '' : ', without recorder.js'}`;
  const notes = await noted(page).catch((error): Noted[] => [{ name: 'page', kind: `${error}`, at_ms: 0 }]);
  const about = await page.evaluate(state).catch((error) => `it cannot be asked: ${error}`);
  return [about, ...notes.slice(-20).map(({ name, kind, argument }) => `${name}.${kind} ${JSON.stringify(argument)?.slice(0, 80)}`)].join('\n');
}

/** Script that has a page note when it goes, at this event; {@link wentAt} tells. A busy browser takes its time until then. */
export function notesItsGoing(event: string, id: string): string {
  return `window.addEventListener("${event}", function () { localStorage.setItem(${JSON.stringify(`gone ${id}`)}, Date.now()); });`;
}

/** When the page that noted its going went, asked of another one of its origin: milliseconds since 1970. */
export async function wentAt(page: Asked, id: string): Promise<number> {
  const at_ms = await page.evaluate((key) => Number(localStorage.getItem(key)), `gone ${id}`);
  if (at_ms === 0) throw new Error('the page did not note that it goes');
  return at_ms;
}

/** Has a page close its socket; when it did. */
export async function closes(page: Asked): Promise<number> {
  return page.evaluate(() => {
    const at_ms = Date.now();
    (window as any).socket.close();
    return at_ms;
  });
}

/**
 * Cursors: `<epoch>.<offset>`, the place in a channel up to which a page has had everything.
 *
 * Only what keeps a message from being handed over twice is understood here; to everything else a cursor is opaque.
 */

function split(cursor: string): [epoch: string, offset: string] {
  const dot = cursor.lastIndexOf('.');
  return [cursor.slice(0, dot), cursor.slice(dot + 1)];
}

/** Whether both cursors belong to the same life of the log, so that their offsets can be compared. */
export function sameEpoch(one: string, other: string): boolean {
  return split(one)[0] === split(other)[0];
}

/**
 * Whether `next` lies beyond `had`, or cannot be compared with it.
 *
 * Offsets are 64 bits wide, more than a JavaScript number holds, and have no leading zeros: the longer is the larger.
 */
export function isBeyond(next: string, had: string | undefined): boolean {
  if (!had || !sameEpoch(next, had)) return true;
  const [, a] = split(next);
  const [, b] = split(had);
  return a.length === b.length ? a > b : a.length > b.length;
}

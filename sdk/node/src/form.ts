/** Reads a `multipart/form-data` body (RFC 7578) whose boundary is its own first line. No I/O. */

/**
 * The fields by their names; the first of a name counts.
 *
 * The boundary in `Content-Type` is not asked for: that header is not signed, and whoever chooses the boundary chooses where
 * fields begin. Throws if the text is not such a form.
 */
export function readForm(text: string): Map<string, string> {
  const delimiter = `\r\n${text.slice(0, text.indexOf('\r\n'))}`;
  if (delimiter.length < '\r\n--b'.length) throw new TypeError('no boundary');
  const fields = new Map<string, string>();
  // With a line break before it, the first delimiter is like the others.
  const [, ...pieces] = `\r\n${text}`.split(delimiter);
  if (!pieces.pop()?.startsWith('--')) throw new TypeError('no end');
  for (const piece of pieces) {
    const { name, value } = readPart(piece);
    if (!fields.has(name)) fields.set(name, value);
  }
  return fields;
}

function readPart(piece: string): { name: string; value: string } {
  const blank = piece.indexOf('\r\n\r\n');
  if (!piece.startsWith('\r\n') || blank < 0) throw new TypeError('no part');
  const name = /^content-disposition: *form-data; *name="([^"]*)"/im.exec(piece.slice(0, blank))?.[1];
  if (name === undefined) throw new TypeError('no name');
  return { name, value: piece.slice(blank + '\r\n\r\n'.length) };
}

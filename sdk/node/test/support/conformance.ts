/** Reads the conformance cases: behaviour as data, the same for every part of Downlink. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './server.ts';

/** The cases of one file, with all repetitions written out. */
export function readCases<T>(name: string): (T & { readonly name: string })[] {
  const file = JSON.parse(readFileSync(join(REPOSITORY, `conformance/cases/${name}.json`), 'utf8'));
  const cases = writtenOut(file.cases) as (T & { name: string })[];
  if (cases.length === 0 || new Set(cases.map((one) => one.name)).size !== cases.length) {
    throw new Error(`${name}.json: each case has a name of its own`);
  }
  return cases;
}

/** What a case sends. */
export function dataOf(given: { readonly text?: string; readonly base64?: string }): string | Uint8Array {
  return given.text ?? new Uint8Array(Buffer.from(given.base64 ?? '', 'base64'));
}

function writtenOut(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(writtenOut);
  if (typeof value !== 'object' || value === null) return value;
  if ('repeat' in value && Object.keys(value).length === 1) {
    const [text, times] = value.repeat as [string, number];
    return text.repeat(times);
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, writtenOut(one)]));
}

/**
 * A language model that is small enough to come along: it has read the documentation of this repository, and guesses each next
 * word from the two before it. It knows nothing; what matters here is how its words travel. To use a real model, write
 * `words` anew with your provider's stream: an async generator of pieces of text is all that `app.js` needs.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const ROOT = new URL('../../', import.meta.url);
const SENTENCES = 10;
/** Of one sentence. */
const WORDS_MAX = 40;
/** As fast as people read along. */
const PACE_MS = { least: 15, most: 55 };

/** What stands between two spaces, sentence after sentence; code, tables and lists are left out. */
const text = ['README.md', 'ARCHITECTURE.md', 'SECURITY.md', ...readdirSync(new URL('docs/', ROOT)).map((name) => `docs/${name}`)]
  .filter((name) => name.endsWith('.md'))
  .map((name) => readFileSync(new URL(name, ROOT), 'utf8').replace(/```[^]*?```|<!--[^]*?-->|^[|#>].*$|\[([^\]]*)\]\([^)]*\)|[*`]/gm, '$1'))
  .join('\n\n');

/** Which words have followed two words. @type {Map<string, string[]>} */
const followers = new Map();
/** The first two words of sentences. @type {[string, string][]} */
const beginnings = [];

for (const paragraph of text.split(/\n\s*\n/)) {
  const words = paragraph.split(/\s+/).filter(Boolean);
  // Headings and crumbs of tables are no sentences.
  if (words.length < 8 || !paragraph.trimEnd().endsWith('.')) continue;
  for (let at = 0; at + 2 < words.length; at += 1) {
    const [first = '', second = '', third = ''] = words.slice(at, at + 3);
    const key = `${first} ${second}`;
    followers.set(key, [...(followers.get(key) ?? []), third]);
    if (/^[A-Z][a-z]*$/.test(first) && (at === 0 || words[at - 1]?.endsWith('.'))) beginnings.push([first, second]);
  }
}

/** One of them. @template T @param {T[]} things */
const any = (things) => /** @type {T} */ (things[Math.floor(Math.random() * things.length)]);

/**
 * Answers a prompt: pieces of text, one after the other.
 *
 * @param {string} prompt
 * @param {AbortSignal} signal
 */
export async function* words(prompt, signal) {
  const asked = new Set(prompt.toLowerCase().match(/[a-z]{4,}/g));
  const near = beginnings.filter((pair) => pair.some((word) => asked.has(word.toLowerCase())));
  for (let sentence = 0; sentence < SENTENCES; sentence += 1) {
    let [first, second] = any(near.length > 0 && sentence % 2 === 0 ? near : beginnings);
    for (let count = 0; count < WORDS_MAX; count += 1) {
      yield sentence + count === 0 ? first : ` ${first}`;
      await pause(PACE_MS.least + Math.random() * (PACE_MS.most - PACE_MS.least), undefined, { signal });
      if (!second || first.endsWith('.')) break;
      [first, second] = [second, any(followers.get(`${first} ${second}`) ?? [''])];
    }
  }
}

/**
 * A language model's answer, word by word, that survives a reload: the application's side.
 *
 * Every answer has a channel of its own, and its words are messages. The application keeps no text: the token that was made
 * before the first word opens the channel there, however often, so a page that comes back has the whole answer again.
 */
import { Client } from 'downlink-sdk';
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { words } from './model.js';

const PROMPT_MAX = 500;
/** The oldest makes room. */
const ANSWERS_MAX = 1_000;

const client = new Client(); // DOWNLINK_URL, DOWNLINK_API_KEY

/** @typedef {{ prompt: string, token: string, stop: AbortController }} Answer */
/** By their ids, which nobody guesses. @type {Map<string, Answer>} */
const answers = new Map();

/** @param {string} prompt */
async function begin(prompt) {
  const id = randomUUID();
  // Before the first word, so that it stands before all of them.
  const { token } = await client.createChannel(`answer-${id}`);
  const answer = { prompt, token, stop: new AbortController() };
  answers.set(id, answer);
  const [oldest] = answers.keys();
  if (answers.size > ANSWERS_MAX && oldest) answers.delete(oldest);
  void write(`answer-${id}`, answer);
  return id;
}

/**
 * Sends the words as they come. Whether a page listens, listens again, or not yet, makes no difference.
 *
 * @param {string} clientId
 * @param {Answer} answer
 */
async function write(clientId, { prompt, stop }) {
  let end = 'done';
  try {
    for await (const text of words(prompt, stop.signal)) await client.send(clientId, JSON.stringify({ text }));
  } catch (error) {
    end = stop.signal.aborted ? 'stopped' : 'failed';
    if (end === 'failed') console.error(`${error}`);
  }
  await client.send(clientId, JSON.stringify({ end })).catch((error) => console.error(`${error}`));
}

/** @type {Record<string, (found: string, body: string) => unknown>} */
const handlers = {
  'GET /': () => new URL('page/index.html', import.meta.url),
  'GET /look/(look\\.css|look\\.js|icon\\.svg)': (name) => new URL(`../look/${name}`, import.meta.url),
  'POST /answers': async (_, body) => {
    const { prompt } = /** @type {{ prompt?: unknown }} */ (parsed(body));
    if (typeof prompt !== 'string' || !prompt.trim() || prompt.length > PROMPT_MAX) throw new Refused(400, 'Ask something, in 500 characters at most.');
    return { id: await begin(prompt.trim()) };
  },
  'GET /answers/([0-9a-f-]{36})': (id) => {
    const { prompt, token } = known(id);
    return { prompt, token };
  },
  'POST /answers/([0-9a-f-]{36})/stop': (id) => known(id).stop.abort(),
};

/** What the application says no to; the page shows it. */
class Refused extends Error {
  /** @param {number} status @param {string} why */
  constructor(status, why) {
    super(why);
    this.status = status;
  }
}

/** @param {string} id */
function known(id) {
  const answer = answers.get(id);
  if (!answer) throw new Refused(404, 'This answer is gone. Ask again.');
  return answer;
}

/** @param {string} body @returns {object} */
function parsed(body) {
  try {
    return Object(JSON.parse(body));
  } catch {
    throw new Refused(400, 'That is no JSON.');
  }
}

/** @param {import('node:http').IncomingMessage} request */
async function bodyOf(request) {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) {
    body += piece;
    if (body.length > 16 * 1024) throw new Refused(413, 'That is too long.');
  }
  return body;
}

const TYPES = { html: 'text/html; charset=utf-8', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };

const server = createServer(async (request, response) => {
  try {
    const line = `${request.method} ${request.url?.split('?')[0]}`;
    for (const [pattern, handle] of Object.entries(handlers)) {
      const found = new RegExp(`^${pattern}$`).exec(line);
      if (!found) continue;
      const value = await handle(found[1] ?? '', await bodyOf(request));
      if (value instanceof URL) {
        const type = TYPES[/** @type {keyof typeof TYPES} */ (value.pathname.split('.').pop())];
        response.writeHead(200, { 'Content-Type': type });
        createReadStream(value).pipe(response);
      } else {
        response.writeHead(value ? 200 : 204, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
        response.end(value && JSON.stringify(value));
      }
      return;
    }
    throw new Refused(404, 'There is nothing here.');
  } catch (error) {
    const refused = error instanceof Refused;
    if (!refused) console.error(`${error}`);
    response.writeHead(refused ? error.status : 500, { 'Content-Type': 'text/plain; charset=utf-8' });
    response.end(refused ? error.message : 'Something went wrong here; the log says what.');
  }
});

const port = Number(process.env.PORT ?? 8080);
server.listen(port, '127.0.0.1', () => console.log(`The application listens on http://127.0.0.1:${port}`));

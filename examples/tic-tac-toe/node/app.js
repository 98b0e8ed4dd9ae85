/**
 * Tic-tac-toe in two windows: the application's side.
 *
 * Moves come by ordinary HTTP, and each new state goes to both players over their channels. Needs nothing but Node and
 * `downlink-sdk`; ../README.md says how to run it.
 */
import { Client, NoticeRefused, readNotice } from 'downlink-sdk';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Games, Refused } from './game.js';

const page = readFileSync(new URL('../page/index.html', import.meta.url), 'utf8');
const client = new Client(); // DOWNLINK_URL, DOWNLINK_API_KEY
const games = new Games();

/**
 * What the handlers need to know. A client id is `<user>-<game>`, so neither of them has a dash in it.
 *
 * @typedef {object} Visit
 * @property {import('node:http').IncomingMessage} request
 * @property {URLSearchParams} query
 * @property {string} user
 * @property {string} gameId empty if there can be no such game
 * @property {string} clientId
 *
 * @typedef {{ status: number, body?: string, headers?: Record<string, string> }} Answer
 */

/** @type {Record<string, (visit: Visit) => Answer | Promise<Answer>>} */
const handlers = {
  'GET /': mainPage,
  'POST /opened': opened,
  'POST /move': move,
  'POST /_ah/channel/connected/': presence,
  'POST /_ah/channel/disconnected/': presence,
};

/**
 * Gives a seat at the game, and a page with the token of the player's channel.
 *
 * @param {Visit} visit
 */
async function mainPage({ query, user, gameId, clientId }) {
  // Stands for the login that a real application has.
  const cookie = { 'Set-Cookie': `user=${user}; Path=/; HttpOnly; SameSite=Lax` };
  if (!query.has('g')) return { status: 303, headers: { Location: `/?g=${randomLetters(10)}`, ...cookie } };
  if (!gameId) return refusal(400, "A game's name has letters and digits only.");
  const mark = games.getOrMake(gameId).join(clientId);
  const token = mark ? (await client.createChannel(clientId)).token : '';
  const body = page.replaceAll('{{token}}', token).replaceAll('{{mark}}', mark).replaceAll('{{game}}', gameId);
  // The page holds a token.
  return { status: 200, body, headers: { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store', ...cookie } };
}

/**
 * A page has opened its channel, and needs to know how the game stands.
 *
 * @param {Visit} visit
 */
function opened(visit) {
  return forPlayer(visit, () => {});
}

/**
 * A player puts a mark into a cell.
 *
 * @param {Visit} visit
 */
function move(visit) {
  const cell = visit.query.get('i') ?? '';
  if (!/^[0-8]$/.test(cell)) return refusal(400, 'A cell is a number from 0 to 8.');
  return forPlayer(visit, (game, mark) => game.move(mark, Number(cell)));
}

/**
 * Lets one of the two players act, and tells both how the game stands then.
 *
 * @param {Visit} visit
 * @param {(game: import('./game.js').Game, mark: import('./game.js').Mark) => void} act
 */
async function forPlayer({ gameId, clientId }, act) {
  const game = games.get(gameId);
  if (!game) return refusal(404, 'There is no such game.');
  const mark = game.markOf(clientId);
  if (!mark) return refusal(403, 'You do not play in this game.');
  try {
    act(game, mark);
  } catch (reason) {
    if (reason instanceof Refused) return refusal(400, reason.message);
    throw reason;
  }
  await tellBoth(game);
  return { status: 204 };
}

/**
 * Downlink says that a player came or went.
 *
 * @param {Visit} visit
 */
async function presence({ request }) {
  let notice;
  try {
    notice = await readNotice(request); // DOWNLINK_PRESENCE_SECRET
  } catch (reason) {
    if (reason instanceof NoticeRefused) return refusal(403, reason.message);
    throw reason;
  }
  const game = games.get(notice.clientId.slice(notice.clientId.lastIndexOf('-') + 1));
  const mark = game?.markOf(notice.clientId);
  const player = mark && game?.players.get(mark);
  if (game && player && notice.generation > player.generation) {
    player.here = notice.connected;
    await tellBoth(game);
    // Only now: if telling failed, the notice comes again, and must count again.
    player.generation = Math.max(player.generation, notice.generation);
  }
  // Also for a game that is gone, or the notice would come again and again.
  return { status: 204 };
}

/**
 * Sends the state over both channels.
 *
 * @param {import('./game.js').Game} game
 */
async function tellBoth(game) {
  const message = JSON.stringify(game.state);
  const telling = game.told.then(() => Promise.all(Array.from(game.players.values(), ({ clientId }) => client.send(clientId, message))));
  // The next one goes on also if this one fails; whoever waits for this one hears of it.
  game.told = telling.then(() => {}, () => {});
  await telling;
}

/**
 * Says why not; the page shows it.
 *
 * @param {number} status
 * @param {string} body
 */
function refusal(status, body) {
  return { status, body, headers: { 'Content-Type': 'text/plain; charset=utf-8' } };
}

/**
 * What nobody guesses.
 *
 * @param {number} count
 */
function randomLetters(count) {
  return Array.from({ length: count }, () => 'abcdefghijklmnopqrstuvwxyz'[randomInt(26)]).join('');
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @returns {Promise<Answer>}
 */
async function answer(request) {
  const [path = '', search] = (request.url ?? '').split('?', 2);
  const handler = handlers[`${request.method} ${path}`];
  if (!handler) return refusal(404, 'There is nothing here.');
  const query = new URLSearchParams(search);
  const user = /(?:^|; *)user=([A-Za-z]{1,64})(?:;|$)/.exec(request.headers.cookie ?? '')?.[1] ?? randomLetters(20);
  const gameId = /^[A-Za-z0-9]{1,64}$/.exec(query.get('g') ?? '')?.[0] ?? '';
  return handler({ request, query, user, gameId, clientId: `${user}-${gameId}` });
}

const server = createServer(async (request, response) => {
  const { status, body, headers } = await answer(request).catch((error) => {
    console.error(`${error}`);
    return refusal(500, 'Something went wrong here; the log says what.');
  });
  response.writeHead(status, headers).end(body);
});

const port = Number(process.env.PORT ?? 8080);
server.listen(port, '127.0.0.1', () => {
  console.log(`The application listens on http://127.0.0.1:${port}`);
  console.log('Open it through Downlink: http://127.0.0.1:7171/');
});

/** The rules of tic-tac-toe, who plays, and the games that are going on. No HTTP and no channel. */

/** Games live in memory; the oldest makes room. */
const GAMES_MAX = 1_000;

const FREE = '-';
const LINES = /** @type {const} */ ([[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]]);

/** @typedef {'X' | 'O'} Mark */

/** A move that the rules do not allow; its text is for the player. */
export class Refused extends Error {}

/** Who plays one of the marks. */
class Player {
  here = false;
  /** Of the last presence notice, so that one that comes late changes nothing. */
  generation = -1;

  /** @param {string} clientId */
  constructor(clientId) {
    this.clientId = clientId;
  }
}

/** One board and its two players. */
export class Game {
  board = FREE.repeat(9);
  /** @type {Mark} */
  turn = 'X';
  /** @type {Map<Mark, Player>} */
  players = new Map();
  /** Settles when the last state has been sent: the next one waits for it, so that no older state overtakes a newer one. */
  told = Promise.resolve();

  /**
   * The mark with which this client plays; empty for those who come third.
   *
   * @param {string} clientId
   * @returns {Mark | ''}
   */
  join(clientId) {
    const mark = this.markOf(clientId);
    if (mark || this.players.size === 2) return mark;
    const free = this.players.size === 0 ? 'X' : 'O';
    this.players.set(free, new Player(clientId));
    return free;
  }

  /**
   * The mark of a player; empty for everyone else.
   *
   * @param {string} clientId
   * @returns {Mark | ''}
   */
  markOf(clientId) {
    for (const [mark, player] of this.players) if (player.clientId === clientId) return mark;
    return '';
  }

  /**
   * Puts the mark into a cell.
   *
   * @param {Mark} mark
   * @param {number} cell
   */
  move(mark, cell) {
    if (this.winner) throw new Refused('The game is over.');
    if (mark !== this.turn) throw new Refused('It is not your turn.');
    if (this.board[cell] !== FREE) throw new Refused('The cell is taken.');
    this.board = this.board.slice(0, cell) + mark + this.board.slice(cell + 1);
    this.turn = mark === 'X' ? 'O' : 'X';
  }

  /** `X`, `O`, `draw`, or nothing while it goes on. */
  get winner() {
    for (const [a, b, c] of LINES) {
      const mark = this.board[a];
      if (mark !== FREE && mark === this.board[b] && mark === this.board[c]) return mark;
    }
    return this.board.includes(FREE) ? '' : 'draw';
  }

  /** What the pages show. */
  get state() {
    const here = { X: this.players.get('X')?.here ?? false, O: this.players.get('O')?.here ?? false };
    return { board: this.board, turn: this.turn, winner: this.winner, here };
  }
}

/** The games by their ids. A `Map` keeps them by age. */
export class Games {
  /** @type {Map<string, Game>} */
  #games = new Map();

  /**
   * The game, if there is one.
   *
   * @param {string} id
   */
  get(id) {
    return this.#games.get(id);
  }

  /**
   * The game; a new one if there is none.
   *
   * @param {string} id
   */
  getOrMake(id) {
    const found = this.#games.get(id);
    if (found) return found;
    const made = new Game();
    this.#games.set(id, made);
    const [oldest] = this.#games.keys();
    if (this.#games.size > GAMES_MAX && oldest !== undefined) this.#games.delete(oldest);
    return made;
  }
}

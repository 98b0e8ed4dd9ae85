/** The rules of the game in `examples/tic-tac-toe/node`. That it can be played is shown in a browser, in `e2e`. */
import { expect, test } from 'vitest';
import { Game, Games, type Mark, Refused } from '../../../examples/tic-tac-toe/node/game.js';

/** A game after some moves, X first. */
function playing(...cells: number[]): Game {
  const game = new Game();
  cells.forEach((cell, index) => game.move((['X', 'O'] as const)[index % 2] as Mark, cell));
  return game;
}

test('three in a line win, and end the game', () => {
  for (const line of [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]] as const) {
    const [one, two] = [0, 1, 2, 3, 4, 5, 6, 7, 8].filter((cell) => !line.includes(cell as never)) as [number, number];
    const game = playing(line[0], one, line[1], two);
    expect(game.winner).toBe('');
    game.move('X', line[2]);
    expect(game.winner).toBe('X');
    expect(() => game.move('O', 8)).toThrow(new Refused('The game is over.'));
  }
  expect(playing(0, 2, 1, 4, 8, 6).winner).toBe('O');
});

test('a full board is a draw, unless the last cell wins', () => {
  expect(playing(0, 1, 2, 4, 3, 5, 7, 6, 8).winner).toBe('draw');
  expect(playing(1, 0, 3, 2, 6, 4, 7, 5, 8).winner).toBe('X');
});

test('moves out of turn and on taken cells change nothing', () => {
  const game = playing(4);
  expect(() => game.move('X', 0)).toThrow(new Refused('It is not your turn.'));
  expect(() => game.move('O', 4)).toThrow(new Refused('The cell is taken.'));
  expect(game.state).toEqual({ board: '----X----', turn: 'O', winner: '', here: { X: false, O: false } });
});

test('two play, others watch', () => {
  const game = new Game();
  expect(['a', 'b', 'c', 'a', 'b', 'c'].map((clientId) => game.join(clientId))).toEqual(['X', 'O', '', 'X', 'O', '']);
});

test('the oldest game makes room', () => {
  const games = new Games();
  const first = games.getOrMake('0');
  for (let number = 1; number < 1_000; number++) games.getOrMake(`${number}`);
  expect(games.getOrMake('0')).toBe(first);
  games.getOrMake('one more');
  expect([games.get('0'), games.get('1') !== undefined, games.get('one more') !== undefined]).toEqual([undefined, true, true]);
});

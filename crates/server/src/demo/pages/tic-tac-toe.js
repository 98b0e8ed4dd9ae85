// Tic-tac-toe for two windows. A click only sends the move; the mark appears when the board comes down the channel.

import { Line, Wire, call, element, elapsed, enableCopying, find } from "/demo/assets/common.js";

const SVG = "http://www.w3.org/2000/svg";
const PLACES = ["top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right"];

const address = new URL(location.href);
let game = address.searchParams.get("game");
let player = "";
let seat = null;
let state = null;
/** The cell whose move is under way, and since when. */
let sent = null;
const wire = new Wire(find("wire"));
const cells = [];

// --- the table ---

/** Takes a seat, or the one that this tab has already. A game that is gone begins anew at the same address. */
async function sit() {
  const answer = await sitSomewhere();
  take(answer);
  return answer.token;
}

function take(answer) {
  if (player && answer.player !== player) {
    state = null;
    complain("That game is gone, so here is a new one.");
  }
  ({ game, player, seat } = answer);
  sessionStorage.setItem(`downlink-tic-tac-toe:${game}`, player);
  address.searchParams.set("game", game);
  history.replaceState(null, "", address);
  find("invite").value = address.href;
  find("second").href = address.href;
  show(answer.state);
}

/** Asks for the board as it is now; a server that began anew gives another seat, and with it another channel. */
async function lookAtTable() {
  const before = player;
  take(await call("/demo/tic-tac-toe/join", { game, player }));
  if (player !== before) line.restart();
}

async function sitSomewhere() {
  if (game) {
    player ||= sessionStorage.getItem(`downlink-tic-tac-toe:${game}`) ?? "";
    try {
      wire.up("POST /demo/tic-tac-toe/join", JSON.stringify({ game }));
      return await call("/demo/tic-tac-toe/join", { game, player });
    } catch (refusal) {
      if (refusal.code !== "unknown_game") throw refusal;
      complain("This address names no game, so here is a new one.");
    }
  }
  wire.up("POST /demo/tic-tac-toe/new");
  return call("/demo/tic-tac-toe/new", {});
}

const line = new Line({
  pill: find("state"),
  renew: sit,
  probe: lookAtTable,
  onmessage: (data) => {
    const next = JSON.parse(data);
    const own = sent !== null && state.cells[sent.cell] === null && next.cells[sent.cell] === seat;
    wire.down(data, own ? elapsed(sent.at) : "");
    if (own) sent = null;
    show(next);
  },
});

// --- the board ---

function stroke(className, attributes) {
  const made = document.createElementNS(SVG, attributes.r ? "circle" : "path");
  for (const [name, value] of Object.entries({ ...attributes, pathLength: 1 })) made.setAttribute(name, value);
  made.setAttribute("class", className);
  return made;
}

function mark(which, className) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 100 100");
  picture.setAttribute("aria-hidden", "true");
  if (which === "X") {
    picture.append(stroke(`x ${className}`, { d: "M16 17C38 36 62 62 85 84" }), stroke(`x ${className}`, { d: "M84 15C60 40 38 60 15 85" }));
  } else {
    picture.append(stroke(`o ${className}`, { cx: 50, cy: 50, r: 37, transform: "rotate(-70 50 50)" }));
  }
  return picture;
}

for (const [index, place] of PLACES.entries()) {
  const cell = element("button", "cell");
  cell.type = "button";
  cell.dataset.place = place;
  cell.addEventListener("click", () => play(index));
  cell.addEventListener("keydown", (event) => step(event, index));
  cells.push(cell);
}
find("board").append(...cells);

/** Arrow keys walk over the board. */
function step(event, index) {
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!by) return;
  event.preventDefault();
  const column = ((index % 3) + by[0] + 3) % 3;
  const row = (Math.floor(index / 3) + by[1] + 3) % 3;
  cells[row * 3 + column].focus();
}

const myTurn = () => state.complete && !state.outcome && state.turn === seat && sent === null;

function show(next) {
  if (state && next.version < state.version) return;
  const before = state && state.round === next.round ? state.cells : Array(9).fill(null);
  state = next;
  if (sent && state.cells[sent.cell]) sent = null;
  for (const [index, cell] of cells.entries()) showCell(cell, index, before[index]);
  const board = find("board");
  board.classList.toggle("over", state.outcome !== null);
  board.classList.toggle("waiting", !state.complete);
  showStatus();
  showSide();
}

function showCell(cell, index, before) {
  const now = state.cells[index];
  const won = state.line?.includes(index) ?? false;
  cell.classList.toggle("sending", sent?.cell === index);
  cell.classList.toggle("won", won);
  cell.classList.toggle("second", won && state.outcome === "O");
  const free = now === null && myTurn();
  // Not `disabled`: a cell that loses the focus in the middle of a game would throw keyboard players out.
  cell.setAttribute("aria-disabled", String(!free));
  cell.setAttribute("aria-label", `${cell.dataset.place}: ${now ?? "empty"}${won ? ", winning line" : ""}`);
  if (now !== null) {
    if (cell.dataset.mark !== now) cell.replaceChildren(mark(now, now === before ? "" : "drawn"));
    cell.dataset.mark = now;
  } else {
    delete cell.dataset.mark;
    const ghost = free || sent?.cell === index;
    cell.replaceChildren(...(ghost ? [mark(seat, "ghost")] : []));
  }
}

function showStatus() {
  const playing = seat !== "watcher";
  let text;
  let side = "";
  if (!state.complete) {
    text = "Waiting for the second player";
  } else if (state.outcome === "draw") {
    text = "A draw";
  } else if (state.outcome) {
    side = state.outcome.toLowerCase();
    if (!playing) text = `${state.outcome} wins`;
    else text = state.outcome === seat ? "You win" : "They win";
  } else {
    side = state.turn.toLowerCase();
    if (!playing) text = `${state.turn} to move`;
    else text = state.turn === seat ? "Your move" : "Their move";
  }
  const status = find("status");
  if (status.textContent !== text) status.textContent = text;
  status.className = `status ${side}`;
  document.title = `${text}: tic-tac-toe`;
}

function showSide() {
  for (const which of ["X", "O"]) {
    const lower = which.toLowerCase();
    const box = find(`seat-${lower}`);
    let who = seat === which ? "You" : seat === "watcher" ? `Player ${which}` : "The other window";
    if (which === "O" && !state.complete) who = "Nobody yet";
    box.querySelector(".who").textContent = who;
    box.classList.toggle("turn", state.complete && !state.outcome && state.turn === which);
    find(`score-${lower}`).textContent = state.score[lower];
  }
  const { draws } = state.score;
  find("draws").textContent = draws === 0 ? "No draws" : draws === 1 ? "1 draw" : `${draws} draws`;
  const others = state.watchers;
  find("watchers").textContent = others === 0 ? "" : others === 1 ? "1 watches" : `${others} watch`;
  find("rematch").hidden = !state.outcome || seat === "watcher";
  find("invite-card").classList.toggle("wanted", !state.complete);
  find("invite-title").textContent = state.complete ? "Let somebody watch" : "Bring the second player";
  find("invite-text").textContent = state.complete
    ? "Whoever opens this link now sees the board, move by move."
    : "Open this link in a second window, and put the two side by side.";
}

// --- what goes up ---

async function play(cell) {
  if (!state || !myTurn() || state.cells[cell] !== null) return;
  sent = { cell, at: performance.now() };
  show(state);
  await ask("/demo/tic-tac-toe/move", { game, player, cell }, JSON.stringify({ cell }));
}

find("rematch").addEventListener("click", async () => {
  await ask("/demo/tic-tac-toe/rematch", { game, player }, "");
  cells[4].focus({ preventScroll: true });
});

async function ask(path, body, told) {
  try {
    wire.up(`POST ${path}`, told);
    await call(path, body);
    find("trouble").hidden = true;
  } catch (refusal) {
    sent = null;
    show(state);
    // Both players asked for the rematch at once: what this one wanted is on its way.
    if (refusal.code === "round_goes_on") return;
    complain(refusal.message);
    line.look();
  }
}

function complain(text) {
  find("trouble").textContent = text;
  find("trouble").hidden = false;
}

// --- the beginning ---

enableCopying();
line.start().catch((refusal) => {
  complain(refusal.message);
  if (refusal.code === "stands_full") line.end();
  else line.restart();
});

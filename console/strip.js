// The last minutes of a client as a strip: when it had sockets, what was sent, what was acknowledged.

import { drawn } from "./dom.js";
import { server } from "./format.js";

/** Minutes that are shown: as few as hold what is known. */
const WINDOWS = [3, 15];
const TONES = { websocket: "signal", sse: "second", lines: "live", long_poll: "warn" };
const BAR = 8;
const MARKS = { sent: "signal", acked: "second", gap: "warn", slow: "warn", refused: "warn", deleted: "warn" };
const LANES_MAX = 4;

export class Strip {
  #svg;
  #last = [];
  #since = 0;

  constructor(svg) {
    this.#svg = svg;
    new ResizeObserver(() => this.#draw()).observe(svg.parentElement);
  }

  /** `events`: all that is known, in any order; before `since` nothing is. */
  show(events, since) {
    this.#last = events;
    this.#since = since;
    this.#draw();
  }

  #draw() {
    const width = this.#svg.clientWidth;
    if (width < 60) return;
    const now = server.now();
    const minutes = WINDOWS.find((minutes) => now - this.#since < minutes * 60000) ?? WINDOWS.at(-1);
    const begin = now - minutes * 60000;
    const x = (ms) => Math.max(0, width * (1 - (now - ms) / (now - begin)));
    const lanes = laid(spans(this.#last, now).filter(({ to }) => to > begin));
    const top = 4;
    const marksAt = top + Math.max(1, Math.min(LANES_MAX, lanes.length)) * (BAR + 4) + 8;
    const height = marksAt + 34;
    const parts = [];
    if (this.#since > begin) {
      parts.push(drawn("rect", { class: "unknown", x: 0, y: 0, width: x(this.#since), height: marksAt + 10, rx: 4 }));
    }
    lanes.slice(0, LANES_MAX).forEach((lane, row) => {
      for (const { from, to, transport } of lane) {
        const bar = { x: x(from), y: top + row * (BAR + 4), width: Math.max(3, x(to) - x(from)), height: BAR, rx: BAR / 2 };
        parts.push(drawn("rect", { class: "open", "data-tone": TONES[transport], ...bar }));
      }
    });
    parts.push(drawn("line", { x1: 0, x2: width, y1: marksAt, y2: marksAt }));
    for (const { what, ms } of this.#last) {
      if (!(what in MARKS) || ms < begin) continue;
      const [up, down] = what === "acked" ? [0, 8] : [-8, 0];
      parts.push(drawn("path", { class: "mark", "data-tone": MARKS[what], d: `M${x(ms).toFixed(1)} ${marksAt + up}V${marksAt + down}` }));
    }
    for (const minute of [minutes, (minutes * 2) / 3, minutes / 3, 0]) {
      const anchor = minute === minutes ? "start" : minute ? "middle" : "end";
      parts.push(drawn("text", { x: x(now - minute * 60000), y: height - 6, "text-anchor": anchor }, minute ? `−${minute} min` : "now"));
    }
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.style.height = `${height}px`;
    this.#svg.replaceChildren(...parts);
  }
}

/** From when to when each socket was open. A place is taken by one socket after the other. */
function spans(events, now) {
  const begun = new Map();
  const found = [];
  for (const { what, ms, socket, transport } of [...events].sort((one, other) => one.ms - other.ms)) {
    if (what === "connected") begun.set(socket, { from: ms, to: now, transport });
    if (what === "ended" && begun.has(socket)) {
      found.push({ ...begun.get(socket), to: ms });
      begun.delete(socket);
    }
  }
  return [...found, ...begun.values()].sort((one, other) => one.from - other.from);
}

/** Spans in as few lanes as it takes for none to cover another. */
function laid(spans) {
  const lanes = [];
  for (const span of spans) {
    const lane = lanes.find((lane) => lane.at(-1).to <= span.from);
    if (lane) lane.push(span);
    else lanes.push([span]);
  }
  return lanes;
}

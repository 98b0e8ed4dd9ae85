// A time series that moves: the last five minutes, drawn as SVG. By pointer or by arrow keys a moment is chosen and its values
// are told.

import { drawn, element, write } from "./dom.js";
import { time } from "./format.js";

const WINDOW_MS = 300000;
const MARGIN = { left: 56, right: 16, top: 12, bottom: 24 };
const still = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * `<time-plot>`: `describe` once, then `show` whenever there are new points. A point is `{ time, NAME: number, … }`.
 */
export class TimePlot extends HTMLElement {
  #series = [];
  #stacked = false;
  #format = String;
  #least = 1;
  #points = [];
  #size = { width: 0, height: 0 };
  #chosen = null;
  #svg = drawn("svg", { "aria-hidden": "true" });
  #tip = element("div", { class: "tip", hidden: "" });
  #spoken = element("span", { class: "visually-hidden", role: "status" });
  #now = element("dl", { class: "legend" });
  #title = "";

  /** `series`: `{ name, label, tone }`; `least`: the axis reaches at least so far. */
  describe({ title, series, stacked = false, format = String, least = 1 }) {
    this.#series = series;
    this.#stacked = stacked;
    this.#format = format;
    this.#least = least;
    this.#title = title;
    const field = element("div", { class: "field", tabindex: "0", role: "img" }, this.#svg, this.#tip);
    this.append(element("div", { class: "plot-head" }, element("h2", {}, title), this.#now), field, this.#spoken);
    this.#legend();
    new ResizeObserver(([entry]) => {
      this.#size = { width: entry.contentRect.width, height: entry.contentRect.height };
      this.#draw();
    }).observe(field);
    field.addEventListener("pointermove", (event) => this.#choose(this.#nearest(event.offsetX)));
    field.addEventListener("pointerdown", (event) => this.#choose(this.#nearest(event.offsetX)));
    field.addEventListener("pointerleave", () => this.#choose(null));
    field.addEventListener("focus", () => field.setAttribute("aria-label", this.#summary()));
    field.addEventListener("blur", () => this.#choose(null));
    field.addEventListener("keydown", (event) => this.#key(event));
    field.setAttribute("aria-label", title);
  }

  show(points) {
    const before = this.#points.at(-1)?.time;
    this.#points = points;
    this.#draw();
    this.#legend();
    const last = points.at(-1)?.time;
    if (before && last > before && !still.matches) this.#move(last - before);
  }

  /** What was new slides in from the right, in the time in which it happened. */
  #move(ms) {
    const px = (ms / WINDOW_MS) * this.#inner().width;
    if (px > 40) return;
    for (const moving of this.#svg.querySelectorAll(".moving")) {
      moving.animate([{ transform: `translateX(${px}px)` }, { transform: "none" }], { duration: 1000, easing: "linear" });
    }
  }

  #inner() {
    const { width, height } = this.#size;
    return { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
  }

  #legend() {
    const last = this.#points.at(-1);
    if (this.#now.children.length === 0) {
      for (const { label, tone } of this.#series) {
        const name = element("dt", { "data-tone": tone }, label);
        this.#now.append(element("div", {}, name, element("dd", {}, "–")));
      }
    }
    this.#series.forEach(({ name }, index) => {
      write(this.#now.children[index].querySelector("dd"), last ? this.#format(last[name]) : "–");
    });
  }

  #summary() {
    const parts = this.#series.map(({ name, label }) => {
      const values = this.#points.map((point) => point[name]);
      return values.length ? `${label}: now ${this.#format(values.at(-1))}, at most ${this.#format(Math.max(...values))}` : label;
    });
    return `${this.#title}, the last five minutes. ${parts.join(". ")}. Arrow keys tell the values of a moment.`;
  }

  #tops() {
    const sum = (point) => this.#series.reduce((total, { name }) => total + point[name], 0);
    const most = (point) => Math.max(...this.#series.map(({ name }) => point[name]));
    return Math.max(this.#least, ...this.#points.map(this.#stacked ? sum : most));
  }

  #scales() {
    const { width, height } = this.#inner();
    const end = this.#points.at(-1)?.time ?? Date.now();
    const ticks = steps(this.#tops());
    const top = ticks.at(-1);
    return {
      x: (ms) => MARGIN.left + width * (1 - (end - ms) / WINDOW_MS),
      y: (value) => MARGIN.top + height * (1 - value / top),
      ticks, end,
    };
  }

  #draw() {
    const { width, height } = this.#size;
    if (width < 80 || height < 60) return;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const { x, y, ticks, end } = this.#scales();
    const inner = this.#inner();
    const grid = drawn("g", { class: "grid" });
    for (const tick of ticks) {
      grid.append(
        drawn("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(tick), y2: y(tick), class: tick === 0 ? "base" : null }),
        drawn("text", { x: MARGIN.left - 8, y: y(tick) + 4, "text-anchor": "end" }, this.#format(tick)),
      );
    }
    const minutes = width < 440 ? [5, 3, 1] : [5, 4, 3, 2, 1];
    for (const minute of minutes) {
      const label = drawn("text", { x: x(end - minute * 60000), y: height - 6, "text-anchor": minute === 5 ? "start" : "middle" });
      label.append(`−${minute} min`);
      grid.append(label);
    }
    grid.append(drawn("text", { x: width - MARGIN.right, y: height - 6, "text-anchor": "end" }, "now"));
    const frame = drawn("svg", {
      x: MARGIN.left, y: 0, width: inner.width, height: height - MARGIN.bottom + 2,
      viewBox: `${MARGIN.left} 0 ${inner.width} ${height - MARGIN.bottom + 2}`,
    });
    frame.append(drawn("g", { class: "moving" }, ...this.#paths(x, y)));
    this.#svg.replaceChildren(grid, frame, drawn("g", { class: "cursor" }));
    this.#point();
  }

  #paths(x, y) {
    const points = this.#points;
    if (points.length === 0) return [];
    const paths = [];
    let floor = points.map(() => 0);
    for (const { name, tone } of this.#series) {
      // Nothing on top of something would hide what it lies on.
      if (this.#stacked && points.every((point) => point[name] === 0)) continue;
      const tops = points.map((point, index) => point[name] + (this.#stacked ? floor[index] : 0));
      const line = points.map((point, index) => `${index ? "L" : "M"}${x(point.time).toFixed(1)} ${y(tops[index]).toFixed(1)}`).join("");
      const back = points.map((point, index) => `L${x(point.time).toFixed(1)} ${y(floor[index]).toFixed(1)}`).reverse().join("");
      paths.push(drawn("path", { d: `${line}${back}Z`, class: "area", "data-tone": tone }));
      paths.push(drawn("path", { d: line, class: "line", "data-tone": tone }));
      if (this.#stacked) floor = tops;
    }
    // Lines over all areas.
    return paths.sort((one, other) => one.classList.contains("line") - other.classList.contains("line"));
  }

  #nearest(px) {
    const { x } = this.#scales();
    let best = null;
    this.#points.forEach((point, index) => {
      if (best === null || Math.abs(x(point.time) - px) < Math.abs(x(this.#points[best].time) - px)) best = index;
    });
    return best === null ? null : this.#points[best].time;
  }

  #key(event) {
    const last = this.#points.length - 1;
    const at = this.#points.findIndex(({ time }) => time === this.#chosen);
    const from = at < 0 ? last + 1 : at;
    const stride = event.shiftKey ? 10 : 1;
    const moves = { ArrowLeft: from - stride, ArrowRight: from + stride, Home: 0, End: last };
    if (event.key === "Escape") return this.#choose(null);
    if (!(event.key in moves) || last < 0) return;
    event.preventDefault();
    this.#choose(this.#points[Math.min(last, Math.max(0, moves[event.key]))].time);
    const point = this.#points.find(({ time }) => time === this.#chosen);
    const values = this.#series.map(({ name, label }) => `${label} ${this.#format(point[name])}`);
    write(this.#spoken, `${time(point.time)}: ${values.join(", ")}`);
  }

  #choose(ms) {
    this.#chosen = ms;
    this.#point();
  }

  /** The line and the words at the chosen moment. */
  #point() {
    const cursor = this.#svg.querySelector(".cursor");
    const point = this.#points.find(({ time }) => time === this.#chosen);
    if (!cursor) return;
    cursor.replaceChildren();
    this.#tip.hidden = !point;
    if (!point) return;
    const { x, y } = this.#scales();
    const px = x(point.time);
    cursor.append(drawn("line", { x1: px, x2: px, y1: MARGIN.top, y2: this.#size.height - MARGIN.bottom }));
    let floor = 0;
    const rows = this.#series.map(({ name, label, tone }) => {
      floor = this.#stacked ? floor + point[name] : point[name];
      cursor.append(drawn("circle", { cx: px, cy: y(floor), r: 3.5, "data-tone": tone }));
      return element("li", { "data-tone": tone }, element("span", {}, label), element("b", {}, this.#format(point[name])));
    });
    this.#tip.replaceChildren(element("time", {}, time(point.time)), element("ul", {}, ...rows));
    const toLeft = px > this.#size.width / 2;
    this.#tip.style.left = toLeft ? "" : `${px + 12}px`;
    this.#tip.style.right = toLeft ? `${this.#size.width - px + 12}px` : "";
  }
}

/** Where an axis has its lines: 0 and up to four round numbers, the last one at or over `top`. */
export function steps(top) {
  const raw = top / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw - 1e-9);
  const count = Math.ceil(top / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}

customElements.define("time-plot", TimePlot);

// The overview: what the node does, as numbers and plots, and who is there.

import { call, path } from "./api.js";
import { element, find, say, write } from "./dom.js";
import { TRANSPORTS, ago, bytes, count, milliseconds, rate, server } from "./format.js";
import { People } from "./finder.js";
import "./plot.js";

const KEPT = 300;
const TRANSPORT_TONES = { websocket: "signal", sse: "second", lines: "live", long_poll: "warn" };

/** Plots: title, what is drawn, and how values are written. Names are columns of the samples, or rates made of them. */
const PLOTS = [
  {
    title: "Sockets", stacked: true, format: count, least: 4, wide: true,
    series: Object.entries(TRANSPORTS).map(([name, label]) => ({ name, label, tone: TRANSPORT_TONES[name] })),
  },
  {
    title: "Messages per second", format: rate, wide: true, least: 4,
    series: [
      { name: "deliveries_rate", label: "Delivered", tone: "second" },
      { name: "sent_rate", label: "Sent", tone: "signal" },
    ],
  },
  {
    title: "From a send to its sockets", format: (us) => (us ? milliseconds(us / 1000) : "0"), least: 1000, wide: true,
    series: [
      { name: "latency_p99_us", label: "99 % within", tone: "warn" },
      { name: "latency_p50_us", label: "half within", tone: "live" },
    ],
  },
  {
    title: "Behind, per second", format: rate, least: 4,
    series: [
      { name: "blocked_rate", label: "Blocked", tone: "warn" },
      { name: "replays_rate", label: "From disk", tone: "second" },
      { name: "gaps_rate", label: "Gaps", tone: "signal" },
    ],
  },
  {
    title: "Sockets opened per second", format: rate, least: 4,
    series: [{ name: "opened_rate", label: "Opened", tone: "live" }],
  },
  {
    title: "Journal", format: bytes, least: 4096,
    series: [{ name: "journal_bytes", label: "Kept", tone: "second" }],
  },
  {
    title: "Notices", format: count, least: 4,
    series: [{ name: "notices_waiting", label: "Waiting", tone: "warn" }],
  },
];

/** Names of tiles; values are filled in by `#tiles`. */
const TILES = ["Sockets", "Channels", "Sent /s", "Delivered /s", "Journal", "Notices waiting"];

const RATES = ["sent", "deliveries", "blocked", "replays", "gaps", "opened"];

/** The samples as points: columns turned, rates made of counts. */
function points(columns, before) {
  return columns.time_ms.map((time, index) => {
    const point = { time };
    for (const [name, column] of Object.entries(columns)) point[name] = column[index];
    const last = index > 0 ? Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column[index - 1]])) : before;
    const seconds = last ? (point.time_ms - last.time_ms) / 1000 : 0;
    for (const name of RATES) point[`${name}_rate`] = seconds > 0 ? Math.max(0, point[name] - last[name]) / seconds : 0;
    return point;
  });
}

/** The newest samples, which the overview shows and which go on while another page of the console is looked at. */
export class Overview {
  #next;
  #points = [];
  #plots = [];
  #people = new People();

  constructor() {
    for (const name of TILES) {
      find("tiles").append(element("div", { class: "tile card" }, element("dt", {}, name), element("dd", {}, "–"), element("p", {})));
    }
    for (const plot of PLOTS) {
      const made = element("time-plot", { class: plot.wide ? "card wide" : "card" });
      made.describe(plot);
      this.#plots.push(made);
      find("plots").append(made);
    }
  }

  /** Asks for what is new; the node's standing. */
  async load(signal) {
    const answer = await call(path("/v1/console/stats", { since: this.#next }), { signal });
    signal.throwIfAborted();
    // A server that was started anew has fewer: its numbers begin again.
    if (answer.next < (this.#next ?? 0)) this.#points = [];
    this.#next = answer.next;
    server.set(answer.node.now);
    this.#points = [...this.#points, ...points(answer.samples, this.#points.at(-1))].slice(-KEPT);
    return answer.node;
  }

  show(node) {
    const last = this.#points.at(-1);
    if (last) this.#tiles(last, node);
    for (const plot of this.#plots) plot.show(this.#points);
    say(find("node-trouble"), trouble(node));
    write(find("node-facts"), `Downlink ${node.version}, running for ${ago(node.started)}, epoch ${node.epoch}`);
  }

  /** The list of clients. */
  get people() {
    return this.#people;
  }

  #tiles(last, node) {
    const sockets = Object.keys(TRANSPORTS).reduce((sum, name) => sum + last[name], 0);
    const recent = this.#points.slice(-5);
    const mean = (name) => recent.reduce((sum, point) => sum + point[name], 0) / recent.length;
    const notices = { off: "off: no address is configured", on: "", stopped: "stopped: the application wants none" }[node.notices];
    const values = [
      [count(sockets), `${count(last.opened)} since the start`],
      [count(last.channels), "with a socket"],
      [rate(mean("sent_rate")), `${count(last.sent)} since the start`],
      [rate(mean("deliveries_rate")), `${count(last.deliveries)} since the start`],
      [bytes(last.journal_bytes), "of kept messages"],
      [count(last.notices_waiting), notices],
    ];
    values.forEach(([value, remark], index) => {
      const tile = find("tiles").children[index];
      write(tile.querySelector("dd"), value);
      write(tile.querySelector("p"), remark);
    });
  }
}

function trouble(node) {
  if (node.refusing) return `Messages are refused: ${node.refusing}. What is stored is still delivered.`;
  if (node.draining) return "This node stops: its sockets are told to come back.";
  return null;
}

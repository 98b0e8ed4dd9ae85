// What happened to a client: the node's record of its sockets, with sends from the log and acknowledgements from the sockets.

import { element, find, keep, write } from "./dom.js";
import { Strip } from "./strip.js";
import { TRANSPORTS, ago, many, place, time } from "./format.js";

const SHOWN_MAX = 120;
/** So many sends in a row are told one by one; more are told together. */
const ROW_MAX = 3;

export class Timeline {
  /** Acknowledgements that were seen while this page looked: the server knows only the newest of each socket. */
  #acks = [];
  #acked = new Map();
  #strip = new Strip(find("strip"));

  open() {
    this.#acks = [];
    this.#acked.clear();
    find("timeline").replaceChildren();
  }

  show(look, kept) {
    this.#hear(look);
    const events = look.events.map((event, index) => ({ ...event, ms: Date.parse(event.time), key: `${event.time} ${event.what} ${event.transport} ${index}` }));
    const since = Date.parse(look.events_since);
    const sends = kept.map((message) => ({ what: "sent", text: "A message was sent.", ms: Date.parse(message.time), key: message.id }));
    const all = [...events, ...sends.filter(({ ms }) => ms >= since), ...this.#acks].sort((one, other) => other.ms - one.ms);
    this.#strip.show(all, since);
    const items = gathered(all).slice(0, SHOWN_MAX);
    keep(find("timeline"), items, ({ key }) => key, row, (item, event) => {
      write(item.querySelector(".text"), event.text);
      write(item.querySelector(".age"), `${ago(event.ms)} ago`);
    });
    write(find("timeline-since"), `What happened before ${time(since)} is not remembered.`);
  }

  #hear({ sockets, now }) {
    for (const look of sockets) {
      const { socket, since, acked, acked_seconds_ago, transport } = look;
      const name = `${socket} ${since}`;
      if (acked === null || this.#acked.get(name) === acked) continue;
      this.#acked.set(name, acked);
      const ms = Date.parse(now) - acked_seconds_ago * 1000;
      this.#acks.push({ what: "acked", text: `Its page acknowledged all up to ${place(look)}.`, ms, key: `ack ${name} ${acked}`, transport });
    }
    this.#acks = this.#acks.slice(-SHOWN_MAX);
  }
}

/** Runs of sends are told in one line. */
function gathered(all) {
  const items = [];
  for (let at = 0; at < all.length;) {
    let end = at;
    while (end < all.length && all[end].what === "sent") end += 1;
    if (end - at > ROW_MAX) {
      const oldest = all[end - 1];
      items.push({ ...all[at], text: `${many(end - at, "message")} were sent since ${time(oldest.ms)}.`, key: `run ${oldest.key}` });
      at = end;
    } else {
      items.push(all[at]);
      at += 1;
    }
  }
  return items;
}

function row({ what, ms, transport, address }) {
  const more = [transport && TRANSPORTS[transport], address && `from ${address}`].filter(Boolean).join(" ");
  return element("li", { "data-what": what },
    element("div", {}, element("p", { class: "text" }), more && element("p", { class: "more" }, more)),
    element("div", { class: "when" }, element("time", { datetime: new Date(ms).toISOString() }, time(ms)), element("span", { class: "age" })));
}

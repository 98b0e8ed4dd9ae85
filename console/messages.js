// What is kept for a client: where each message got to, and what it says if that is asked for.

import { call, path } from "./api.js";
import { element, find, keep, write } from "./dom.js";
import { ago, bytes, count, time } from "./format.js";

const SHOWN_AT_FIRST = innerWidth < 700 ? 8 : 25;
/** Pages at once, of 256 messages and a megabyte at most: more than the usual 1,000 messages of the usual 32 KiB. */
const PAGES_MAX = 40;
const KEPT_MAX = 2000;
const HEX_BYTES_MAX = 256;

/** The list of the messages that are kept for the client that is looked at. */
export class Messages {
  /** Oldest first. */
  kept = [];
  onrefusal = () => {};
  #id = null;
  #after;
  #shown = SHOWN_AT_FIRST;
  #look = null;

  constructor() {
    find("messages-more").addEventListener("click", () => {
      this.#shown += 100;
      this.show(this.#look);
    });
    find("messages").addEventListener("click", (event) => {
      const button = event.target.closest("button.body");
      if (button) this.#toggle(button).catch(this.onrefusal);
    });
  }

  open(id) {
    this.#id = id;
    this.kept = [];
    this.#after = undefined;
    this.#shown = SHOWN_AT_FIRST;
    find("messages").replaceChildren();
    write(find("messages-count"), "");
  }

  /** Reads on where the last reading ended. */
  async load(signal) {
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const answer = await call(path("/v1/console/messages", { client_id: this.#id, after: this.#after }), { signal });
      signal.throwIfAborted();
      // Of another life of the log: what was read before is gone.
      if (this.kept.length && answer.messages.length && epoch(this.kept[0].id) !== epoch(answer.messages[0].id)) this.kept = [];
      this.kept.push(...answer.messages);
      this.#after = answer.cursor;
      if (!answer.next) break;
    }
    this.kept = this.kept.slice(-KEPT_MAX);
  }

  show(look) {
    this.#look = look;
    // A deletion makes all before it unreadable.
    const deleted = look.events.filter(({ what }) => what === "deleted").at(-1);
    if (deleted) this.kept = this.kept.filter(({ time }) => Date.parse(time) > Date.parse(deleted.time));
    const newest = this.kept.slice(-this.#shown).reverse();
    keep(find("messages"), newest, ({ id }) => id, row, (item, message) => {
      const { state, text, title } = got(message, look);
      const chip = item.querySelector(".chip");
      chip.dataset.got = state;
      chip.title = title;
      write(chip, text);
      write(item.querySelector(".age"), `${ago(message.time)} ago`);
    });
    find("messages-none").hidden = this.kept.length > 0;
    find("messages-more").hidden = this.kept.length <= this.#shown;
    write(find("messages-count"), this.kept.length ? count(this.kept.length) : "");
  }

  async #toggle(button) {
    const item = button.closest("li");
    const shown = item.querySelector(".says");
    if (shown) {
      shown.remove();
    } else {
      const answer = await call(path("/v1/console/message", { client_id: this.#id, id: item.dataset.key })).catch((refusal) => {
        if (refusal.code === "message_not_kept") return { gone: refusal.message };
        throw refusal;
      });
      item.append(answer.gone ? element("p", { class: "says none" }, answer.gone) : body(answer));
    }
    const open = !shown;
    button.setAttribute("aria-expanded", String(open));
    write(button, open ? "Hide" : "Show");
  }
}

const epoch = (id) => id.split(".")[0];

/** Did the client get this message? As far as the node knows. */
function got({ offset }, { handed, acked, sockets }) {
  if (offset <= acked) return { state: "acked", text: "Acknowledged", title: "Its page said that it has handled it." };
  if (handed.some(([from, upto]) => from < offset && offset <= upto)) {
    const waits = sockets.filter((socket) => socket.offset < offset).length;
    const text = waits ? `${sockets.length - waits} of ${sockets.length} sockets` : "Handed over";
    return { state: "handed", text, title: "It was handed to a connection; no acknowledgement has come." };
  }
  if (handed.length && handed.every(([from]) => offset <= from)) {
    return { state: "before", text: "Before its sockets", title: "Its sockets, as far as is remembered, began behind this message." };
  }
  return { state: "waits", text: "Waits", title: "It is kept, and waits for a socket that takes it." };
}

function row({ id, kind, bytes: size, time: sent, ttl_seconds }) {
  const facts = [bytes(size), kind === "text" ? "text" : "binary", ttl_seconds && `for ${ttl_seconds} s`].filter(Boolean).join(", ");
  return element("li", {},
    element("div", { class: "message-head" },
      element("time", { datetime: sent, title: sent }, time(Date.parse(sent))),
      element("span", { class: "age" }),
      element("span", { class: "size" }, facts),
      element("code", {}, id),
      element("span", { class: "chip" }),
      element("button", { class: "small body", "aria-expanded": "false", "aria-label": `What message ${id} says` }, "Show")));
}

function body({ data, base64 }) {
  if (data !== undefined) return element("pre", { class: "says", tabindex: "0" }, data);
  const raw = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const rows = [];
  for (let at = 0; at < Math.min(raw.length, HEX_BYTES_MAX); at += 16) {
    const part = [...raw.subarray(at, at + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    rows.push(`${hex.padEnd(48)} ${text}`);
  }
  if (raw.length > HEX_BYTES_MAX) rows.push(`… and ${count(raw.length - HEX_BYTES_MAX)} bytes more`);
  return element("pre", { class: "says", tabindex: "0" }, rows.join("\n"));
}

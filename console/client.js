// One client: why it is behind, its sockets, what is kept for it, what happened.

import { call, path } from "./api.js";
import { element, find, keep, say, write } from "./dom.js";
import { TRANSPORTS, ago, count, many, place, server, span } from "./format.js";
import { Actions } from "./actions.js";
import { Messages } from "./messages.js";
import { Timeline } from "./timeline.js";

const STATES = {
  not_connected: "Not connected", blocked: "Blocked", reads_from_disk: "Reads from disk",
  behind: "Behind", up_to_date: "Up to date", ends: "Ends",
};

/** What a person reads; the slowest come first. */
const SOCKETS_SHOWN = 50;

/** The page of one client id at a time. */
export class Client {
  #id = null;
  #messages = new Messages();
  #timeline = new Timeline();
  #actions = new Actions((text) => say(find("client-note"), text));
  /** Calls when something was done to the client: look again at once. */
  onchange = () => {};

  constructor(onrefusal) {
    this.#messages.onrefusal = onrefusal;
    this.#actions.onrefusal = onrefusal;
    this.#actions.ondone = () => this.onchange();
    find("sockets").addEventListener("click", (event) => {
      const item = event.target.closest("button")?.closest("li");
      if (item) this.#actions.sendBack(Number(item.dataset.socket));
    });
  }

  /** Another client is looked at. */
  open(id) {
    this.#id = id;
    this.#actions.id = id;
    this.#messages.open(id);
    this.#timeline.open();
    write(find("client-title"), id);
    say(find("client-note"), null);
    find("sockets").replaceChildren();
    write(find("sockets-count"), "");
    find("why").dataset.state = "";
    write(find("why-state"), "…");
    write(find("why-sentence"), "");
  }

  async load(signal) {
    const look = await call(path("/v1/console/client", { client_id: this.#id }), { signal });
    server.set(look.now);
    await this.#messages.load(signal);
    signal.throwIfAborted();
    this.#show(look);
    this.#messages.show(look);
    this.#timeline.show(look, this.#messages.kept);
  }

  #show({ why, sockets }) {
    find("why").dataset.state = why.state;
    write(find("why-state"), STATES[why.state]);
    write(find("why-sentence"), why.sentence);
    const slowest = [...sockets].sort((one, other) => one.offset - other.offset).slice(0, SOCKETS_SHOWN);
    keep(find("sockets"), slowest, ({ socket, since }) => `${socket} ${since}`, row, update);
    // Of one socket it stands on top already.
    for (const item of find("sockets").children) {
      const sentence = item.querySelector(".sentence");
      sentence.hidden = sockets.length === 1 && sentence.textContent === why.sentence;
    }
    find("sockets-none").hidden = sockets.length > 0;
    find("close-sockets").disabled = sockets.length === 0;
    const more = sockets.length > SOCKETS_SHOWN ? `, the slowest ${SOCKETS_SHOWN} of them here` : "";
    write(find("sockets-count"), sockets.length ? count(sockets.length) + more : "");
  }
}

function row({ socket, transport, address, cursor, state }) {
  const facts = element("dl", { class: "facts" });
  for (const [name, value] of [["from", address], ["open for", ""], ["cursor", cursor], ["behind", ""], ["acknowledged", ""], ["token", ""]]) {
    facts.append(element("div", { "data-fact": name }, element("dt", {}, name), element("dd", {}, value)));
  }
  const head = element("div", { class: "socket-head" },
    element("b", {}, TRANSPORTS[transport] ?? transport), element("span", { class: "chip", "data-state": state }),
    element("button", { class: "small", "aria-label": `Send back this socket: ${TRANSPORTS[transport] ?? transport} from ${address}` }, "Send back"));
  return element("li", { "data-socket": socket }, head, element("p", { class: "sentence" }), facts);
}

function update(item, socket) {
  const chip = item.querySelector(".chip");
  chip.dataset.state = socket.state;
  write(chip, STATES[socket.state]);
  write(item.querySelector(".sentence"), socket.sentence);
  const fact = (name, text) => write(item.querySelector(`[data-fact="${name}"] dd`), text);
  fact("open for", ago(socket.since));
  fact("cursor", socket.cursor);
  fact("behind", socket.behind ? many(socket.behind, "message") + (socket.behind_more ? " or more" : "") : "nothing");
  fact("acknowledged", socket.acked === null ? "nothing" : `${place(socket)}, ${span(socket.acked_seconds_ago)} ago`);
  fact("token", `ends in ${span(socket.token_seconds_left)}`);
}

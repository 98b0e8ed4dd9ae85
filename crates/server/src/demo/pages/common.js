// What the three pages share: calls by HTTP, one channel kept open, buttons that copy, the log of the wire.

/* global goog */

export const find = (id) => document.getElementById(id);

/** A new element; texts go in as text, never as markup. */
export function element(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

/** The server's no: `code` for the program, the message for people. Code "offline" if it could not be asked. */
export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** Calls the server, with JSON both ways. `keepalive` lets the call outlive the page. */
export async function call(path, body, { keepalive = false, headers = {} } = {}) {
  const options = body === undefined
    ? { headers }
    : { method: "POST", headers: { "Content-Type": "application/json", ...headers }, keepalive,
        body: typeof body === "string" ? body : JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(CALL_MS), ...options });
  } catch {
    throw new Refusal("offline", "The server cannot be reached.");
  }
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) {
    throw new Refusal(answer?.code ?? "refused", answer?.detail ?? `The server answered ${response.status}.`);
  }
  return answer;
}

const STATE_TEXT = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", closed: "Closed" };
const CALL_MS = 8000;
const PROBE_MS = 5000;
const PROBE_TROUBLE_MS = 1000;
const WIRE_MAX = 5;

/**
 * Keeps one channel open for as long as the page lives, and shows its state.
 *
 * `renew` fetches a token; it is called at the start, when the channel said that messages are gone, and when the
 * old token is over. The library reconnects by itself and in silence, so a look at the server, every few seconds,
 * tells when it has to: `probe` is that look, and may also see whether the server still knows this page.
 */
export class Line {
  #pill;
  #renew;
  #onmessage;
  #probe;
  #socket = null;
  #open = false;
  #reachable = true;
  #attempts = 0;
  #timer = null;
  #ended = false;
  /** Rises with each restart, so that one overtaken by the next opens nothing. */
  #generation = 0;

  constructor({ pill, renew, onmessage, probe }) {
    this.#pill = pill;
    this.#renew = renew;
    this.#onmessage = onmessage;
    this.#probe = probe;
    addEventListener("offline", () => this.#lookedAt(false));
    addEventListener("online", () => this.look());
    addEventListener("pageshow", (event) => event.persisted && this.look());
    document.addEventListener("visibilitychange", () => document.hidden || this.look());
  }

  /** Opens the channel; rejects if the first token is refused. */
  async start() {
    this.#show();
    this.#listen(await this.#renew());
  }

  /** For good: the page has nothing more to hear. */
  end() {
    this.#ended = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#show();
  }

  /** Asks for a new token and opens the channel anew. */
  async restart() {
    if (this.#ended) return;
    const generation = ++this.#generation;
    const overtaken = () => this.#ended || generation !== this.#generation;
    const old = this.#socket;
    this.#socket = null;
    this.#open = false;
    old?.close();
    this.#show();
    try {
      const token = await this.#renew();
      if (!overtaken()) this.#listen(token);
    } catch {
      if (overtaken()) return;
      // Full jitter, so that all pages do not return in the same moment.
      const wait = Math.random() * Math.min(10000, 500 * 2 ** this.#attempts++);
      setTimeout(() => overtaken() || this.restart(), 250 + wait);
    }
  }

  /** Looks whether the server is there, now instead of at the next turn. */
  async look() {
    if (this.#ended || !this.#open) return;
    clearTimeout(this.#timer);
    try {
      await this.#probe();
      this.#lookedAt(true);
    } catch (refusal) {
      this.#lookedAt(refusal.code !== "offline");
    }
  }

  #listen(token) {
    if (this.#ended) return;
    const socket = new goog.appengine.Channel(token).open();
    this.#socket = socket;
    const current = () => this.#socket === socket;
    socket.onopen = () => {
      if (!current()) return;
      this.#open = true;
      this.#attempts = 0;
      this.#lookedAt(true);
    };
    socket.onmessage = (event) => {
      if (!current()) return;
      this.#lookedAt(true);
      this.#onmessage(event.data);
    };
    socket.onerror = () => {};
    socket.onclose = () => current() && this.restart();
    socket.ongap = () => current() && this.restart();
  }

  #lookedAt(reachable) {
    if (this.#ended) return;
    this.#reachable = reachable;
    this.#show();
    this.#schedule();
  }

  #schedule() {
    clearTimeout(this.#timer);
    if (!this.#open) return; // A page that has no channel yet asks for one anyway.
    this.#timer = setTimeout(() => this.look(), this.#reachable ? PROBE_MS : PROBE_TROUBLE_MS);
  }

  #show() {
    const before = this.#pill.dataset.state;
    let state = "closed";
    if (!this.#ended) {
      if (this.#open && this.#reachable) state = "live";
      else state = before === "connecting" && this.#reachable ? "connecting" : "reconnecting";
    }
    if (state === before) return;
    this.#pill.dataset.state = state;
    this.#pill.textContent = STATE_TEXT[state];
  }
}

/** The last few things that went up and came down, newest first. */
export class Wire {
  #list;

  constructor(list) {
    this.#list = list;
  }

  up(what, data = "") {
    this.#add("up", "↑", "Sent by HTTP: ", what, data, "");
  }

  down(data, took = "") {
    this.#add("down", "↓", "", "message on the channel", data, took);
  }

  #add(way, arrow, spoken, what, data, note) {
    const sign = element("span", "way", arrow);
    sign.setAttribute("aria-hidden", "true");
    const text = element("span", "what", element("span", "visually-hidden", spoken), what);
    const item = element("li", `${way} new`, sign, text, element("span", "note", note));
    if (data) item.append(element("span", "data", data));
    item.title = data;
    this.#list.querySelector(".idle")?.remove();
    this.#list.prepend(item);
    while (this.#list.children.length > WIRE_MAX) this.#list.lastElementChild.remove();
  }
}

async function copy(text, selectable) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without the clipboard (plain HTTP on another machine), at least the text is selected.
    if (selectable.select) selectable.select();
    else getSelection().selectAllChildren(selectable);
    return document.execCommand?.("copy") ?? false;
  }
}

/** Lets every `button[data-copy="id"]` copy the text or value of the element with that id. */
export function enableCopying(root = document) {
  for (const button of root.querySelectorAll("button[data-copy]")) {
    const label = button.textContent;
    let timer;
    button.addEventListener("click", async () => {
      const source = find(button.dataset.copy);
      const copied = await copy(source.value ?? source.textContent, source);
      button.textContent = copied ? "Copied" : "Selected";
      button.classList.add("done");
      clearTimeout(timer);
      timer = setTimeout(() => {
        button.textContent = label;
        button.classList.remove("done");
      }, 1600);
    });
  }
}

/** How long something took, in words that fit a narrow column. */
export function elapsed(since) {
  const ms = performance.now() - since;
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

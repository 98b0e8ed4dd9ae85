// Finding a client id: the field in the bar, which suggests, and the list on the overview.

import { call, path } from "./api.js";
import { element, find, keep, say, write } from "./dom.js";
import { ago, count, many } from "./format.js";

/** The address of a client's page. */
export const address = (id) => `#/client/${encodeURIComponent(id)}`;

const SUGGESTED = 8;
const LISTED = 14;
const TYPING_MS = 120;

const search = (text, limit, signal) => call(path("/v1/console/clients", { search: text, limit }), { signal });

/** The field in the bar: a list of suggestions below it, by pointer or by arrow keys. Any id may be opened, also one without a socket. */
export class Jump {
  #field = find("jump-text");
  #list = find("jump-list");
  #at = -1;
  #timer;
  #asking;

  constructor(onrefusal) {
    this.#field.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#suggest().catch(onrefusal), TYPING_MS);
    });
    this.#field.addEventListener("focus", () => this.#suggest().catch(onrefusal));
    this.#field.addEventListener("blur", () => setTimeout(() => this.#close(), 150));
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    find("jump").addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = this.#list.children[this.#at]?.dataset.key ?? this.#field.value.trim();
      if (chosen) this.#open(chosen);
    });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest?.("input, textarea, select, dialog");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey || find("jump").hidden) return;
      event.preventDefault();
      this.#field.focus();
    });
  }

  #open(id) {
    this.#close();
    this.#field.value = "";
    this.#field.blur();
    location.hash = address(id);
  }

  async #suggest() {
    this.#asking?.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const found = await search(this.#field.value.trim(), SUGGESTED, signal).catch((error) => {
      if (!signal.aborted) throw error;
    });
    if (!found || document.activeElement !== this.#field) return;
    // Who has chosen while an answer was on its way has chosen.
    const chosen = this.#list.children[this.#at]?.dataset.key;
    keep(this.#list, found.clients, ({ client_id }) => client_id, (client) => this.#option(client));
    this.#at = [...this.#list.children].findIndex((option) => option.dataset.key === chosen);
    this.#mark();
    const shown = found.clients.length > 0;
    this.#list.hidden = !shown;
    this.#field.setAttribute("aria-expanded", String(shown));
  }

  #option({ client_id, sockets }) {
    const option = element("li", { role: "option" },
      element("span", { class: "id" }, client_id), element("span", { class: "count" }, many(sockets, "socket")));
    option.addEventListener("pointerdown", (event) => event.preventDefault());
    option.addEventListener("click", () => this.#open(client_id));
    return option;
  }

  #key(event) {
    const last = this.#list.children.length - 1;
    if (event.key === "Escape") return this.#close();
    if (this.#list.hidden || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    // One place more than there are: the field itself.
    this.#at = ((this.#at + 1 + step + last + 2) % (last + 2)) - 1;
    this.#mark();
  }

  #mark() {
    [...this.#list.children].forEach((option, index) => {
      option.id = `jump-option-${index}`;
      option.setAttribute("aria-selected", String(index === this.#at));
    });
    if (this.#at < 0) this.#field.removeAttribute("aria-activedescendant");
    else this.#field.setAttribute("aria-activedescendant", `jump-option-${this.#at}`);
  }

  #close() {
    this.#asking?.abort();
    this.#list.hidden = true;
    this.#field.setAttribute("aria-expanded", "false");
  }
}

/** The list on the overview: who came last, or what matches. */
export class People {
  #text = "";
  #stale = null;

  constructor() {
    const field = find("people-text");
    let timer;
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        this.#text = field.value.trim();
        this.#stale?.();
      }, TYPING_MS);
    });
    find("people-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const id = field.value.trim();
      if (id) location.hash = address(id);
    });
  }

  /** Calls when there is another text to look for. */
  set onchange(call) {
    this.#stale = call;
  }

  async load(signal) {
    const text = this.#text;
    const { clients, matching } = await search(text, LISTED, signal);
    if (text !== this.#text) return;
    keep(find("people-list"), clients, ({ client_id }) => client_id, row, (item, client) => {
      write(item.querySelector(".count"), `${many(client.sockets, "socket")}, ${ago(client.since)}`);
    });
    write(find("people-count"), text ? `${count(matching)} match` : `${count(matching)} connected`);
    const none = text ? "No such client has a socket. Open it all the same to see what is kept for it." : "Nobody is connected.";
    say(find("people-none"), matching === 0 ? none : matching > clients.length ? `and ${count(matching - clients.length)} more` : null);
  }
}

function row({ client_id }) {
  const id = element("span", { class: "id" }, client_id);
  return element("li", {}, element("a", { href: address(client_id) }, id, element("span", { class: "count" })));
}

// What may be done to a client: send, a token, a test page, its sockets sent back, its channel deleted.

import { call, path } from "./api.js";
import { find, write } from "./dom.js";
import { many } from "./format.js";

export class Actions {
  id = null;
  ondone = () => {};
  onrefusal = () => {};
  #note;

  constructor(note) {
    this.#note = note;
    this.#on("close-sockets", "click", () => this.sendBack());
    this.#on("delete-channel", "click", () => this.#delete());
    this.#on("make-token", "click", () => this.#token());
    this.#on("open-test", "click", () => this.#test());
    this.#on("send-form", "submit", () => this.#send());
    find("send-text").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      find("send-form").requestSubmit();
    });
    find("token-copy").addEventListener("click", async () => {
      find("token-text").select();
      const copied = await navigator.clipboard?.writeText(find("token-text").value).then(() => true, () => false);
      write(find("token-copy"), copied ? "Copied" : "Selected");
    });
  }

  /** Ends all sockets, or one of them; their pages come again by themselves. */
  sendBack(socket) {
    return this.#try(async () => {
      const { closed } = await call(path("/v1/console/sockets", { client_id: this.id, socket }), { method: "DELETE" });
      this.#note(`${many(closed, "socket")} told to come back.`);
    });
  }

  async #send() {
    const field = find("send-text");
    await call(path("/v1/messages", { to: this.id }), { method: "POST", body: field.value, type: "text/plain;charset=utf-8" });
    field.value = "";
    this.#note("Sent.");
  }

  async #make() {
    return (await call("/v1/channels", { method: "POST", body: JSON.stringify({ client_id: this.id }) })).token;
  }

  async #token() {
    const token = await this.#make();
    find("token-text").value = token;
    find("token-test").href = testPage(token);
    write(find("token-copy"), "Copy");
    find("token").showModal();
  }

  /** In a window of its own that knows nothing of this one: neither its address nor its key. */
  async #test() {
    open(testPage(await this.#make()), "_blank", "noopener");
    this.#note("The test page opens in another tab. If your browser stopped it: make a token, which has a link.");
  }

  async #delete() {
    const sure = await ask("Delete this channel?", "Its sockets end, its tokens open nothing any more, and what is kept for it cannot be read again.", "Delete");
    if (!sure) return;
    await call(path("/v1/channels", { client_id: this.id }), { method: "DELETE" });
    this.#note("The channel was deleted.");
  }

  #on(name, event, work) {
    find(name).addEventListener(event, (happened) => {
      happened.preventDefault();
      this.#try(() => work());
    });
  }

  async #try(work) {
    const id = this.id;
    try {
      await work();
    } catch (refusal) {
      if (id === this.id) this.#note(refusal.message);
      // A key may be for looking alone.
      if (refusal.status !== 403) this.onrefusal(refusal);
    }
    this.ondone();
  }
}

const testPage = (token) => `/console/test#token=${token}`;

/** A question with one way back. */
function ask(title, text, yes) {
  write(find("ask-title"), title);
  write(find("ask-text"), text);
  write(find("ask-yes"), yes);
  const dialog = find("ask");
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((answer) => dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true }));
}

// The test page: opens a channel with the browser library, as any page does, and shows what arrives.

import { Channel } from "/downlink.mjs";
import { element, find, say, write } from "./dom.js";
import { many, time } from "./format.js";

const SHOWN_MAX = 200;
const STATES = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", closed: "Closed" };
let arrived = 0;

function show(state) {
  find("state").dataset.state = state;
  write(find("state"), STATES[state]);
}

/** The client id that a token names; the server alone says whether that is true. */
function nameOf(token) {
  try {
    const text = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (letter) => letter.charCodeAt(0)))).sub;
  } catch {
    return null;
  }
}

function land(kind, text) {
  find("arrivals-none").hidden = true;
  find("arrivals").prepend(element("li", { class: kind },
    element("pre", {}, text), element("time", {}, time(Date.now()))));
  while (find("arrivals").children.length > SHOWN_MAX) find("arrivals").lastElementChild.remove();
  if (kind === "message") write(find("arrivals-count"), many((arrived += 1), "message"));
}

function open(token) {
  find("open-form").hidden = true;
  const id = nameOf(token);
  if (id) {
    write(find("test-title"), id);
    document.title = `${id}: test page`;
  }
  const channel = new Channel(token, {
    // The console then shows what this page has handled.
    ack: true,
    onstatus: (state) => show({ open: "live", waiting: "reconnecting", closed: "closed" }[state] ?? "connecting"),
    onmessage: ({ data }) => land("message", typeof data === "string" ? data : many(data.byteLength, "byte") + " of binary data"),
    ongap: () => land("gap", "A gap: messages between this and the one before are no longer kept."),
    onerror: ({ code, reason }) => say(find("trouble"), `${reason} (${code})`),
    onclose: () => {
      find("close").hidden = true;
      write(find("arrivals-none"), "The channel is closed.");
    },
  });
  channel.open();
  find("close").hidden = false;
  find("close").onclick = () => channel.close();
}

const brought = /^#token=([\w.-]+)$/.exec(location.hash);
if (brought) {
  // Whoever reads the address, or goes back to it, finds no token.
  history.replaceState(null, "", location.pathname);
  open(brought[1]);
} else {
  show("closed");
  find("open-form").hidden = false;
}
find("open-form").addEventListener("submit", (event) => {
  event.preventDefault();
  show("connecting");
  open(find("open-token").value.trim());
});

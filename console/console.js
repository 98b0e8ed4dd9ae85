// The console: the way in, and which of its pages is shown. Addresses are fragments: `#/` and `#/client/ID`.

import { Refusal, call, key, repeat } from "./api.js";
import { find, say, write } from "./dom.js";
import { Client } from "./client.js";
import { Jump } from "./finder.js";
import { Overview } from "./overview.js";

const SECOND_MS = 1000;
const PEOPLE_MS = 2000;
const STATES = { connecting: "Connecting", live: "Live", trouble: "Not reachable", refusing: "Refuses messages" };

let overview = null;
let client = null;
/** Ends what the page that is shown does again and again. */
let leaving = null;

// --- the way in ---

/** A link may bring the key; it is taken out of the address at once. */
function keyFromLink() {
  const brought = /^#key=(.+)$/.exec(location.hash);
  if (!brought) return;
  history.replaceState(null, "", location.pathname);
  try {
    key.keep(decodeURIComponent(brought[1]));
  } catch {
    // Not the text of a key: then there is none.
  }
}

function showEntry(trouble) {
  leaving?.abort();
  for (const name of ["overview", "client", "jump", "state", "leave"]) find(name).hidden = true;
  find("entry").hidden = false;
  document.title = "Downlink console";
  say(find("entry-trouble"), trouble);
  find("entry-key").toggleAttribute("aria-invalid", Boolean(trouble));
  find("entry-key").focus();
}

find("entry-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = find("entry-key");
  const button = event.target.querySelector("button");
  button.disabled = true;
  try {
    await call("/v1/console/stats?since=0", { bearer: field.value.trim() });
    key.keep(field.value.trim());
    field.value = "";
    enter();
  } catch (refusal) {
    showEntry(refusal.status === 401 ? "That is no key of this server’s API." : refusal.message);
  } finally {
    button.disabled = false;
  }
});

find("leave").addEventListener("click", () => {
  key.forget();
  history.replaceState(null, "", location.pathname);
  // Nothing that was shown stays behind.
  location.reload();
});

// --- what goes wrong ---

/** What a call was refused for: a key that counts no more ends it, anything else is told in the bar. */
function refused(refusal) {
  if (!(refusal instanceof Refusal)) {
    if (refusal?.name === "AbortError") return;
    throw refusal;
  }
  if (refusal.status === 401 || refusal.status === 403) {
    key.forget();
    showEntry(refusal.status === 401 ? "The key is no longer one of this server’s API." : refusal.message);
  } else if (refusal.code === "offline") {
    show("trouble");
  }
}

function show(state) {
  find("state").dataset.state = state;
  write(find("state"), STATES[state]);
}

/** Work that may be refused, for as long as a page is shown. */
const trying = (work, signal) => async () => {
  try {
    await work();
  } catch (refusal) {
    if (!signal.aborted) refused(refusal);
  }
};

// --- pages ---

function enter() {
  find("entry").hidden = true;
  for (const name of ["jump", "state", "leave"]) find(name).hidden = false;
  overview ??= new Overview();
  client ??= new Client(refused);
  route();
}

function route() {
  if (!key.get()) return showEntry();
  leaving?.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const id = idFrom(location.hash);
  find("overview").hidden = id !== null;
  find("client").hidden = id === null;
  document.title = id === null ? "Overview: Downlink console" : `${id}: Downlink console`;
  scrollTo(0, 0);
  const statistics = async () => {
    const node = await overview.load(signal);
    show(node.refusing ? "refusing" : "live");
    if (id === null) overview.show(node);
  };
  repeat(trying(statistics, signal), SECOND_MS, signal);
  if (id === null) {
    overview.people.onchange = repeat(trying(() => overview.people.load(signal), signal), PEOPLE_MS, signal);
  } else {
    client.open(id);
    client.onchange = repeat(trying(() => client.load(signal), signal), SECOND_MS, signal);
  }
}

/** The client id in an address; `null` for the overview. */
function idFrom(hash) {
  const found = /^#\/client\/(.+)$/.exec(hash);
  if (!found) return null;
  try {
    return decodeURIComponent(found[1]);
  } catch {
    return null;
  }
}

addEventListener("hashchange", () => {
  if (/^#key=/.test(location.hash)) {
    keyFromLink();
    enter();
  } else {
    route();
    find("main").focus({ preventScroll: true });
  }
});

find("skip").addEventListener("click", (event) => {
  event.preventDefault();
  find("main").focus();
});

new Jump(refused);
keyFromLink();
if (key.get()) enter();
else showEntry();

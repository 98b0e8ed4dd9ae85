// The chat room. Everything that somebody wrote goes into the page as text, never as markup.

import { Line, Refusal, Wire, call, element, elapsed, enableCopying, find } from "/demo/assets/common.js";

const SHOWN_MAX = 300;
/** Messages of one person within this time stand together. */
const TOGETHER_MS = 3 * 60 * 1000;

const address = new URL(location.href);
let room = (address.searchParams.get("room") ?? "lobby").toLowerCase().replace(/[^a-z0-9-]/g, "-").slice(0, 32) || "lobby";
let name = "";
let member = "";
let me = null;
let life = "";
let shown = 0;
let last = null;
/** Own messages that have not come back down yet, oldest first. */
const pending = [];
let sending = Promise.resolve();
const wire = new Wire(find("wire"));

// --- joining ---

const saved = () => `downlink-chat:${room}`;

/** Joins, or joins again: keeps the seat if the server still knows it, and shows what was missed. */
async function join() {
  wire.up("POST /demo/chat/join", JSON.stringify({ room, name }));
  const answer = await call("/demo/chat/join", { room, name, member });
  const again = me !== null;
  if (answer.life !== life) shown = 0; // The room began anew, and so do its numbers.
  life = answer.life;
  member = answer.member;
  me = answer.you;
  sessionStorage.setItem(saved(), JSON.stringify({ name, member }));
  showPeople(answer.people);
  for (const past of answer.messages) {
    if (past.sequence <= shown) continue;
    takePending(past)?.item.remove();
    showMessage(past, Date.now() - past.age_ms, again);
  }
  return answer.token;
}

const line = new Line({ pill: find("state"), renew: join, onmessage: hear, probe: stayHere });

async function enter() {
  find("state").hidden = false;
  await line.start();
  address.searchParams.set("room", room);
  history.replaceState(null, "", address);
  find("door").hidden = true;
  find("room-view").hidden = false;
  find("room-name").textContent = room;
  find("invite").value = address.href;
  find("second").href = address.href;
  document.title = `#${room}: a Downlink demo`;
  notice("You are here as ", me, ".");
  toEnd();
  if (matchMedia("(hover: hover)").matches) find("text").focus(); // A phone would open its keyboard.
  addEventListener("pagehide", () => call("/demo/chat/leave", { room, member }, { keepalive: true }).catch(() => {}));
}

/** Tells the room that this page is still open, and joins again if the room has forgotten it. */
async function stayHere() {
  try {
    await call("/demo/chat/here", { room, member });
  } catch (refusal) {
    if (refusal.code !== "not_a_member") throw refusal;
    line.restart();
  }
}

find("join-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  name = find("name").value.trim();
  room = find("room").value;
  const trouble = find("door-trouble");
  trouble.hidden = true;
  try {
    await enter();
  } catch (refusal) {
    find("state").hidden = true;
    trouble.textContent = refusal.message;
    trouble.hidden = false;
  }
});

// --- what comes down the channel ---

function hear(data) {
  const event = JSON.parse(data);
  if (event.type === "people") {
    wire.down(data);
    showPeople(event.people, event.joined);
    for (const person of event.joined) if (person.id !== me.id) notice("", person, " came in.");
    for (const person of event.left) if (person.id !== me.id) notice("", person, " left.");
    return;
  }
  if (event.type !== "message" || event.sequence <= shown) return;
  const own = takePending(event);
  wire.down(data, own ? elapsed(own.sentAt) : "");
  own?.item.remove();
  showMessage(event, Date.now(), !own, own && elapsed(own.sentAt));
}

/** The own message that has come back with this one, if it was sent from this window. */
function takePending({ from, text }) {
  return from.id === me.id && pending[0]?.text === text ? pending.shift() : undefined;
}

// --- what is shown ---

const hue = (person) => `hue-${person.id % 8}`;

function face(person) {
  const made = element("span", `face ${hue(person)}`, [...person.name][0].toUpperCase());
  made.setAttribute("aria-hidden", "true");
  return made;
}

function showPeople(people, joined = []) {
  const fresh = new Set(joined.map((person) => person.id));
  find("people").replaceChildren(...people.map((person) => {
    const item = element("li", fresh.has(person.id) ? "new" : "", face(person), element("span", "name", person.name));
    if (person.id === me.id) item.append(element("span", "you", "you"));
    return item;
  }));
  find("count").textContent = people.length === 1 ? "only you" : `${people.length} here`;
}

function showMessage({ sequence, from, text }, time, animated, took = "") {
  shown = sequence;
  const item = messageItem(from, text, time, took, last);
  last = { id: from.id, time };
  if (animated) item.classList.add("new");
  // What has not come back yet stays below what has.
  append(item, pending.length > 0 ? pending[0].item : null);
}

function messageItem(from, text, time, took, above) {
  const own = from.id === me.id;
  const clock = element("time", "", new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  const who = element("div", "who", element("strong", "", from.name), clock);
  if (took) who.append(element("span", "note", `${took} up and down`));
  const item = element("li", `message ${hue(from)}`, face(from), who, element("p", "text", text));
  if (own) item.classList.add("own");
  if (above && above.id === from.id && time - above.time < TOGETHER_MS) item.classList.add("follows");
  return item;
}

function notice(before, person, after) {
  last = null;
  const item = element("li", "notice", before, element("strong", hue(person), person.name), after);
  append(item, null);
}

/** Adds to the end, and follows it unless the reader has scrolled back. */
function append(item, before) {
  const scroll = find("scroll");
  const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  const list = find("messages");
  list.insertBefore(item, before);
  while (list.children.length > SHOWN_MAX) list.firstElementChild.remove();
  if (atEnd || item.classList.contains("own")) toEnd();
  else find("newer").hidden = false;
}

function toEnd() {
  const scroll = find("scroll");
  scroll.scrollTop = scroll.scrollHeight;
  find("newer").hidden = true;
}

find("newer").addEventListener("click", toEnd);
find("scroll").addEventListener("scroll", () => {
  const scroll = find("scroll");
  if (scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 8) find("newer").hidden = true;
});

// --- what goes up ---

/** Shows the message at once, faintly, and sends it when those before it are sent. */
function say(text) {
  const now = Date.now();
  const above = pending.length > 0 ? { id: me.id, time: now } : last;
  const entry = { item: messageItem(me, text, now, "", above), text, sentAt: performance.now() };
  entry.item.classList.add("pending");
  pending.push(entry);
  append(entry.item, null);
  sending = sending.then(() => send(entry));
}

async function send(entry) {
  entry.sentAt = performance.now();
  try {
    wire.up("POST /demo/chat/say", JSON.stringify({ text: entry.text }));
    await call("/demo/chat/say", { room, member, text: entry.text });
    find("trouble").hidden = true;
  } catch (refusal) {
    if (refusal.code === "not_a_member" && !entry.retried) {
      entry.retried = true;
      await line.restart();
      return send(entry);
    }
    fail(entry, refusal);
    line.look();
  }
}

/** Keeps the text where it is, with a way to send it again. */
function fail(entry, refusal) {
  const at = pending.indexOf(entry);
  if (at < 0) return; // It came down all the same.
  pending.splice(at, 1);
  find("trouble").textContent = refusal instanceof Refusal ? refusal.message : "It could not be sent.";
  find("trouble").hidden = false;
  const again = element("button", "again", "Not sent. Try again");
  entry.item.classList.add("failed");
  entry.item.append(again);
  again.addEventListener("click", () => {
    entry.item.remove();
    say(entry.text);
    find("text").focus();
  });
}

find("say-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = find("text").value.trim();
  if (!text) return;
  find("text").value = "";
  say(text);
});
find("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  find("say-form").requestSubmit();
});

// --- the beginning ---

const FIRST = ["Quiet", "Bright", "Brave", "Swift", "Gentle", "Clever", "Lucky", "Merry", "Calm", "Keen"];
const SECOND = ["Otter", "Heron", "Fox", "Lynx", "Finch", "Badger", "Robin", "Hare", "Seal", "Wren"];
const any = (words) => words[Math.floor(Math.random() * words.length)];

enableCopying();
let seat = null;
try {
  seat = JSON.parse(sessionStorage.getItem(saved()));
} catch { /* Somebody else's entry: begin anew. */ }
find("room").value = room;
find("name").value = seat?.name ?? address.searchParams.get("name") ?? `${any(FIRST)} ${any(SECOND)}`;
find("name").select();
if (seat?.member) {
  ({ name, member } = seat);
  enter().catch(() => { find("state").hidden = true; });
}

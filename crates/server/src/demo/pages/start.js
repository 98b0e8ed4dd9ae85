// The start page: commands that work when pasted, and this page's own channel, live.

import { Line, Refusal, call, element, elapsed, enableCopying, find } from "/demo/assets/common.js";

const ARRIVALS_MAX = 50;
const KEY_SHOWN = 20;

/** What `/demo/start` told; a new channel brings a new client id, and the commands follow. */
let start = null;
const shown = { create: "cli", listen: "cli", send: "curl" };
const sentAt = [];

// --- the commands ---

/** Texts in `<b>` are the words of this very page, in `<i>` remarks. */
const bold = (text) => element("b", "", text);
/** Cut short for the eye alone: what is copied is the whole key. */
const secret = (text) => element("b", "", text.slice(0, KEY_SHOWN), element("span", "rest", text.slice(KEY_SHOWN)));
const remark = (text) => element("i", "", text);

function forms() {
  const { url, client_id: me, program } = start;
  const key = start.api_key ?? "$DOWNLINK_API_KEY";
  const bearer = () => ["  -H \"Authorization: Bearer ", secret(key), "\" \\\n"];
  const environment = start.api_key
    ? ["export DOWNLINK_URL=", bold(url), "\nexport DOWNLINK_API_KEY=", secret(key), "\n"]
    : ["export DOWNLINK_URL=", bold(url), "\n", remark("# and DOWNLINK_API_KEY, which the program printed"), "\n"];
  return {
    create: {
      cli: [...environment, `${program} channel create ada`],
      curl: ["curl ", bold(`${url}/v1/channels`), " \\\n", ...bearer(),
        "  -H \"Content-Type: application/json\" \\\n  -d '{\"client_id\":\"ada\"}'"],
    },
    listen: {
      cli: [`${program} listen ada`],
      curl: [remark("# TOKEN is what step 1 answered"), "\ncurl -N \"", bold(`${url}/v1/socket`), "?token=TOKEN\""],
      page: ["<script src=\"", bold(`${url}/_ah/channel/jsapi`), "\"></script>\n<script>\n",
        "  const socket = new goog.appengine.Channel(token).open();\n",
        "  socket.onmessage = (message) => console.log(message.data);\n</script>"],
    },
    send: {
      curl: ["curl -X POST ", bold(`${url}/v1/channels/${me}/messages`), " \\\n", ...bearer(),
        "  -d 'hello'"],
      cli: [`${program} send `, bold(me), " 'hello'"],
    },
  };
}

function showForms() {
  const all = forms();
  for (const [step, form] of Object.entries(shown)) find(step).replaceChildren(...all[step][form]);
}

for (const button of document.querySelectorAll("button[data-step]")) {
  button.addEventListener("click", () => {
    shown[button.dataset.step] = button.dataset.form;
    for (const other of button.parentElement.children) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    if (start) showForms();
  });
}
enableCopying();

// --- what arrives ---

function land(data) {
  const list = find("arrivals");
  const text = typeof data === "string" ? data : `${data.byteLength} bytes of binary data`;
  const since = sentAt.shift();
  const meta = element("div", "meta", element("time", "", new Date().toLocaleTimeString()));
  if (since !== undefined) meta.append(element("span", "", `${elapsed(since)} from POST to page`));
  list.querySelector(".waiting")?.remove();
  list.prepend(element("li", "arrival new", element("p", "", text), meta));
  while (list.children.length > ARRIVALS_MAX) list.lastElementChild.remove();
  for (const step of find("steps").children) step.classList.add("reached");
  pulse(document.querySelector(".receiver"));
}

/** Runs the animation from its beginning, also while the last one still runs. */
function pulse(receiver) {
  receiver.classList.remove("arriving");
  void receiver.offsetWidth;
  receiver.classList.add("arriving");
}

const line = new Line({
  pill: find("state"),
  renew: async () => {
    const answer = await call("/demo/start");
    start = answer;
    for (const place of document.querySelectorAll(".me")) place.textContent = answer.client_id;
    find("url").textContent = answer.url;
    find("send-form").hidden = !answer.api_key;
    showForms();
    return answer.token;
  },
  onmessage: land,
  probe: () => fetch("/healthz", { cache: "no-store" }).catch(() => Promise.reject(new Refusal("offline"))),
});

// --- sending from here: what an application does, by the key that only this page of a development server has ---

find("send-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = find("send-text").value;
  const trouble = find("trouble");
  sentAt.push(performance.now());
  try {
    await call(`/v1/channels/${start.client_id}/messages`, text, {
      headers: { "Content-Type": "text/plain", Authorization: `Bearer ${start.api_key}` },
    });
    trouble.hidden = true;
    const receiver = document.querySelector(".receiver");
    const bounds = receiver.getBoundingClientRect();
    if (bounds.top + 220 > innerHeight) receiver.scrollIntoView({ behavior: "smooth", block: "nearest" });
  } catch (refusal) {
    sentAt.pop();
    trouble.textContent = refusal.message;
    trouble.hidden = false;
    line.look();
  }
});

line.start().catch(() => line.restart());

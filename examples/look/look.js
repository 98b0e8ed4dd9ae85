/** What the pages of the examples share: finding elements, showing the channel's state and what went wrong, asking the application. */

/** What the states of a channel are called on the page. */
const STATES = { idle: "no channel", connecting: "connecting", open: "live", waiting: "reconnecting", closed: "closed" };

/** The element with this id. */
export const find = (id) => document.getElementById(id);

/** Shows what the channel is doing: give it as `onstatus`. */
export function showState(state) {
  find("state").dataset.state = state;
  find("state").textContent = STATES[state];
}

/** Says what went wrong; nothing takes it away again. */
export function complain(text = "") {
  find("trouble").textContent = text;
  find("trouble").hidden = text === "";
}

/** Asks the application, and returns its JSON; throws an `Error` with its own words if it refuses. */
export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw Object.assign(new Error("The application cannot be reached. Try again."), { status: 0 });
  }
  const text = await answer.text();
  if (!answer.ok) throw Object.assign(new Error(text.slice(0, 200) || `The application answered ${answer.status}.`), { status: answer.status });
  return text === "" ? undefined : JSON.parse(text);
}

/** Posts JSON. */
export function post(path, value = {}) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
}

// Calls to the server, and the key that they bear. The key is kept in this tab alone.

const KEY_NAME = "downlink.console.key";
const CALL_MS = 10000;

/** The server's no: `code` for the program, the message for people. Code "offline" if it could not be asked. */
export class Refusal extends Error {
  constructor(code, message, status = 0) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY_NAME),
  keep: (text) => sessionStorage.setItem(KEY_NAME, text),
  forget: () => sessionStorage.removeItem(KEY_NAME),
};

/** A path with a query; parameters without a value are left out. */
export function path(base, parameters = {}) {
  const known = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null);
  return known.length ? `${base}?${new URLSearchParams(known)}` : base;
}

/** Calls the server with the key that is kept, or with another one. */
export async function call(where, { method = "GET", body, type = "application/json", bearer = key.get(), signal } = {}) {
  const headers = { Authorization: `Bearer ${bearer}` };
  if (body !== undefined) headers["Content-Type"] = type;
  const limit = AbortSignal.timeout(CALL_MS);
  let response;
  try {
    response = await fetch(where, {
      method, headers, body, cache: "no-store", credentials: "omit", redirect: "error",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal("offline", "The server cannot be reached.");
  }
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) {
    const detail = answer?.detail ?? `The server answered ${response.status}.`;
    throw new Refusal(answer?.code ?? "refused", detail, response.status);
  }
  return answer;
}

/**
 * Calls `work` again and again, `pause` milliseconds after it is done, while the page is looked at; stops by the signal.
 * What it returns does so at once, or as soon as the work that is under way is done: never twice at a time.
 */
export function repeat(work, pause, signal) {
  let timer;
  let running = false;
  let again = false;
  const turn = async () => {
    clearTimeout(timer);
    again = running;
    if (running || signal.aborted || document.hidden) return;
    running = true;
    try {
      do {
        again = false;
        await work();
      } while (again && !signal.aborted);
    } finally {
      running = false;
      if (!signal.aborted) timer = setTimeout(turn, pause);
    }
  };
  document.addEventListener("visibilitychange", () => document.hidden || turn(), { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  turn();
  return turn;
}

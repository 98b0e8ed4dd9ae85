// Numbers and times as a person reads them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumFractionDigits: 1, notation: "compact" });

/** 1,234 */
export const count = (number) => whole.format(number);

/** 12.3, 1.2K: for axes and rates. */
export function rate(number) {
  if (number === 0) return "0";
  if (number < 10) return number < 0.05 ? "<0.1" : number.toFixed(1).replace(/\.0$/, "");
  return number < 10000 ? whole.format(number) : short.format(number);
}

/** 1.2 MiB */
export function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    unit += 1;
  }
  return `${unit === 0 || number >= 100 ? Math.round(number) : number.toFixed(1).replace(/\.0$/, "")} ${units[unit]}`;
}

/** 840 ms, 12.4 ms */
export function milliseconds(number) {
  if (number >= 1000) return `${(number / 1000).toFixed(1)} s`;
  return number < 10 ? `${number.toFixed(1)} ms` : `${Math.round(number)} ms`;
}

/** How long: 12 s, 3 min, 2 h 5 min, 4 d */
export function span(seconds) {
  seconds = Math.max(0, Math.round(seconds));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) {
    const minutes = Math.floor(seconds / 60) % 60;
    return `${Math.floor(seconds / 3600)} h${minutes ? ` ${minutes} min` : ""}`;
  }
  return `${Math.floor(seconds / 86400)} d`;
}

/** The server's clock, as this page knows it: ages are told by it. */
export const server = {
  ahead: 0,
  set(text) { this.ahead = Date.parse(text) - Date.now(); },
  now() { return Date.now() + this.ahead; },
};

/** How long ago something was, by the server's clock. */
export const ago = (text) => span((server.now() - (typeof text === "number" ? text : Date.parse(text))) / 1000);

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** 14:03:21; with the day, if it is another one. */
export function time(ms) {
  const date = new Date(ms);
  const text = clock.format(date);
  return date.toDateString() === new Date().toDateString() ? text : `${day.format(date)} ${text}`;
}

/** What a socket's page acknowledged, as the cursor that messages bear. */
export const place = ({ cursor, acked }) => `${cursor.split(".")[0]}.${acked}`;

/** The name of a transport. */
export const TRANSPORTS = {
  websocket: "WebSocket", sse: "Server-sent events", lines: "Streamed lines", long_poll: "Long-poll",
};

/** "1 socket", "3 sockets" */
export const many = (number, one, more = `${one}s`) => `${count(number)} ${number === 1 ? one : more}`;

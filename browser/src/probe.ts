/**
 * Whether a transport works, found out beside a connection that does.
 *
 * It opens a socket of its own and hands nothing over. What it hears is heard by the connection too, so the probe is
 * let go before the connection moves: a message that is kept nowhere has no place by which a second one could be told.
 */
import { STABLE_MS } from './backoff.ts';
import type { Attempt, Link, Sink, Transport } from './transport/transport.ts';

/**
 * Tells once whether the transport still passed something on when it had been open for a while: some proxies let the
 * first frame through and nothing after it. The returned function ends the probe untold.
 */
export function probe(transport: Transport, attempt: Attempt, tell: (works: boolean) => void): Link['close'] {
  let link: Link | undefined;
  let openedAt = 0;
  let over = false;
  const stop = (leave: boolean): void => {
    over = true;
    clearTimeout(timer);
    link?.close(leave);
  };
  const finish = (works: boolean): void => {
    if (over) return;
    stop(false);
    tell(works);
  };
  let timer = setTimeout(finish, transport.patience_ms, false);
  const within = (patience_ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(finish, patience_ms, false);
  };
  const sink: Sink = {
    frame(frame) {
      if (over) return;
      if (frame.type === 'close') return finish(false);
      if (frame.type === 'open') {
        openedAt = Date.now();
        // The server's first ping comes within that, if no message does.
        within(frame.ping * 1000 + STABLE_MS);
      } else if (openedAt && Date.now() - openedAt >= STABLE_MS) {
        finish(true);
      }
    },
    end: () => finish(false),
  };
  try {
    link = transport.start(attempt, sink);
  } catch {
    // Not told inside this call, whose caller has no way yet to end it.
    within(0);
  }
  return stop;
}

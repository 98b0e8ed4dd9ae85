/** Long-poll: the last choice, through everything that passes plain answers on. */
import { type CloseFrame, type Frame, frameOf } from '../frames.ts';
import { HttpLink, refusal, request } from './http.ts';
import type { Attempt, Sink, Transport } from './transport.ts';

/** How long the server may hold a poll; below the 30 s after which many proxies give up. */
const WAIT_SECONDS = 25;

/** An answer with nothing new that comes sooner than this was not held; asking again at once would be a storm. */
const HELD_MS = 1_000;

/** What one poll answers. */
interface Answer {
  socket: string;
  gap?: { cursor?: string; reason: string };
  messages: Parameters<typeof frameOf>[0][];
  cursor: string;
  close?: Omit<CloseFrame, 'type'>;
}

/** One request after the other, tied together by the socket's name. */
export const longpoll: Transport = {
  name: 'longpoll',
  patience_ms: 10_000,
  start(attempt, sink) {
    const link = new HttpLink(attempt);
    poll({ ...attempt }, link, sink).catch(() => sink.end());
    return link;
  },
};

async function poll(attempt: Attempt, link: HttpLink, sink: Sink): Promise<void> {
  const { signal } = link.abort;
  // The first poll is not held, so that the page learns at once that it is connected.
  for (let wait = 0; !link.closed; wait = WAIT_SECONDS) {
    const asked = Date.now();
    const response = await request(attempt, 'application/json', signal, { wait, socket: link.socket });
    if (!response.ok) return sink.end(await refusal(response));
    const answer: Answer = await response.json();
    for (const frame of frames(answer, link)) sink.frame(frame);
    // Another poll would open another socket.
    if (answer.close) return;
    link.socket = answer.socket;
    const moved = answer.cursor !== attempt.after;
    attempt.after = answer.cursor;
    if (wait && !moved && Date.now() - asked < HELD_MS) await new Promise((resolve) => setTimeout(resolve, HELD_MS));
  }
}

/** The frames that the other transports would have carried in place of this answer. */
function* frames(answer: Answer, link: HttpLink): Generator<Frame> {
  const { socket, gap, messages, cursor, close } = answer;
  if (socket !== link.socket) yield { type: 'open', socket, ping: WAIT_SECONDS };
  if (gap) yield { type: 'gap', cursor: gap.cursor ?? cursor, reason: gap.reason };
  for (const message of messages) yield frameOf(message);
  yield { type: 'ping', cursor };
  if (close) yield { ...close, type: 'close' };
}

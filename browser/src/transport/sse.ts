/** Server-sent events over `fetch`: the second choice, through everything that passes a streaming answer on. */
import { EventStream } from './event_stream.ts';
import { HttpLink, refusal, request } from './http.ts';
import type { Attempt, Sink, Transport } from './transport.ts';

const TYPE = 'text/event-stream';

/** `fetch`, not `EventSource`, which could neither send the token in a header nor see why it is refused. */
export const sse: Transport = {
  name: 'sse',
  patience_ms: 5_000,
  start(attempt, sink) {
    const link = new HttpLink(attempt);
    read(attempt, link, sink).catch(() => sink.end());
    return link;
  },
};

async function read(attempt: Attempt, link: HttpLink, sink: Sink): Promise<void> {
  const response = await request(attempt, TYPE, link.abort.signal);
  if (!response.ok) return sink.end(await refusal(response));
  if (!response.body || !response.headers.get('Content-Type')?.startsWith(TYPE)) return sink.end();
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const events = new EventStream();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return sink.end();
    for (const frame of events.feed(decoder.decode(value, { stream: true }))) {
      if (frame.type === 'open') link.socket = frame.socket;
      sink.frame(frame);
    }
  }
}

/** Uses the published types as a page would; `tsc` checks it, nothing runs it. */
import type { Channel as Published, ChannelOptions, Gap, Message, State } from '../dist/downlink.d.ts';

declare const Channel: typeof Published;

const channel: Published = new Channel('token').open();
const state: State = channel.state;
const cursor: string | undefined = channel.cursor;
channel.close();

new Channel(async () => (await fetch('/token')).text(), {
  url: 'https://push.example/v1/socket',
  onmessage: ({ data, id }: Message) => console.log(typeof data === 'string' ? data : data.byteLength, id?.length),
  ongap: ({ reason }: Gap) => console.log(reason),
  onclose: ({ code, reason }) => console.log(code.toFixed(), reason),
  onstatus: (now) => console.log(now === 'waiting'),
  transports: ['sse', 'longpoll'],
  ack: true,
  WebSocket,
  fetch,
});

// @ts-expect-error: a transport that does not exist
const pigeon: ChannelOptions = { transports: ['pigeon'] };
// @ts-expect-error: a token that is no text
new Channel(7);
// @ts-expect-error: the state is told, not set
channel.state = 'open';

export { cursor, pigeon, state };

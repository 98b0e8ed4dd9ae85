/** WebSocket: the first choice, since it costs least and has a way back. */
import { NORMAL } from '../close.ts';
import { type Frame, frameOf } from '../frames.ts';
import { type Transport, address } from './transport.ts';

/** What a close event says when whoever ended the connection gave no code. */
const NO_STATUS = 1005;

/** Frames as JSON texts; the token travels as a subprotocol, since a browser lets nothing else be added. */
export const websocket: Transport = {
  name: 'websocket',
  patience_ms: 5_000,
  start(attempt, sink) {
    const url = address(attempt);
    url.protocol = url.protocol.replace('http', 'ws');
    const { WebSocket } = attempt.web;
    if (!WebSocket) throw new Error('there is no WebSocket here');
    const socket = new WebSocket(url.href, ['downlink.v1', `downlink.token.${attempt.token()}`]);

    socket.onmessage = ({ data }: { data: string }) => {
      let frame: Frame;
      try {
        frame = frameOf(JSON.parse(data));
      } catch {
        socket.close();
        return sink.end();
      }
      sink.frame(frame);
    };
    // Only a failed connection has an error, and one that the page's CSP forbids has nothing else after it.
    socket.onerror = () => sink.end();
    socket.onclose = ({ code, reason, wasClean }: CloseEvent) => {
      // The server says farewell in a frame; a bare 1000 comes from something on the way, whose word is not final.
      const answered = wasClean && code !== NO_STATUS && code !== NORMAL;
      sink.end(answered ? { type: 'close', code, reason } : undefined);
    };

    return {
      say: (word) => socket.send(JSON.stringify(word)),
      close(leave) {
        socket.onmessage = socket.onclose = null;
        // Code 1000 is the explicit leave; without a code the server keeps the client's place for its grace.
        leave ? socket.close(1000) : socket.close();
      },
    };
  },
};

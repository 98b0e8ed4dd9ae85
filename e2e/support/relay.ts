/** A proxy on the way, with the faults that proxies have: no WebSocket, or no answer before its end. */
import { type IncomingMessage, type Server as HttpServer, createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';

/** What the proxy does not let through. */
export interface Faults {
  /** Connections that want to become WebSockets are cut. */
  noUpgrade?: boolean;
  /** Streamed answers are held back until they end, which they never do. */
  holdStreams?: boolean;
  /** Nothing gets through. */
  down?: boolean;
}

/** A reverse proxy before a server, on a port of its own. */
export class Relay {
  url = '';
  faults: Faults;
  /** How often a page has tried each way to open a socket. */
  readonly tried = { websocket: 0, sse: 0, longpoll: 0 };
  readonly #server: HttpServer;
  readonly #sockets = new Set<Socket>();
  /** Both sides of every WebSocket. */
  readonly #upgraded = new Set<Socket>();

  constructor(target: () => string, faults: Faults = {}) {
    this.faults = faults;
    this.#server = createServer((request, response) => {
      this.#count(request);
      if (this.faults.down) {
        request.socket.destroy();
        return;
      }
      const { hostname, port } = new URL(target());
      const { method, url: path, headers } = request;
      // A connection each: one that is kept may be closed by the server just when it is used again.
      const onward = httpRequest({ hostname, port, method, path, headers, agent: false }, (answer) => {
        const stream = answer.headers['content-type']?.startsWith('text/event-stream');
        if (stream && this.faults.holdStreams) {
          answer.resume();
          return;
        }
        response.writeHead(answer.statusCode as number, answer.headers);
        response.flushHeaders();
        answer.pipe(response);
        answer.on('error', () => response.destroy());
      });
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      request.pipe(onward);
    });
    this.#server.on('connection', (socket) => this.#keep(socket));
    this.#server.on('upgrade', (request, socket: Socket, first) => {
      this.tried.websocket += 1;
      socket.on('error', () => undefined);
      if (this.faults.noUpgrade || this.faults.down) {
        socket.destroy();
        return;
      }
      const { hostname, port } = new URL(target());
      const onward = this.#keep(connect(Number(port), hostname));
      for (const side of [socket, onward]) {
        this.#upgraded.add(side);
        side.on('close', () => this.#upgraded.delete(side));
      }
      onward.write(headOf(request));
      onward.write(first);
      socket.pipe(onward).pipe(socket);
      onward.on('close', () => socket.destroy());
      socket.on('close', () => onward.destroy());
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  /** Cuts everything that is under way, in the middle of whatever it is. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The WebSockets that are open stay so, but nothing gets through any more: what a dead network looks like. */
  hang(): void {
    for (const socket of this.#upgraded) socket.unpipe().pause();
  }

  stop(): void {
    this.cut();
    this.#server.close();
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    return socket;
  }

  #count({ url = '', headers: { accept = '' } }: IncomingMessage): void {
    if (!/^(\/v1|\/_ah\/channel)\/socket(\?|$)/.test(url)) return;
    if (accept.includes('text/event-stream')) this.tried.sse += 1;
    if (accept.includes('application/json')) this.tried.longpoll += 1;
  }
}

function headOf({ method, url, rawHeaders }: IncomingMessage): string {
  let head = `${method} ${url} HTTP/1.1\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  return `${head}\r\n`;
}

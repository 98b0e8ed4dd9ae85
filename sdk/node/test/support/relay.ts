/** Stands between a client and the server, and does to connections what networks do. */
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** What happens to one connection. */
export type Fault =
  /** The request is read and never answered. */
  | 'silent'
  /** Closed before the request is read. */
  | 'cut'
  /** The server takes the request and answers, and the answer never arrives. */
  | 'answer lost'
  /** The answer begins, and breaks off. */
  | 'answer torn'
  /** A proxy's 502, and the server never sees the request. */
  | 'bad gateway'
  /** A proxy's 503, and the server never sees the request. */
  | 'unavailable';

/** Those that end a connection by themselves, without a wait. */
export const QUICK: readonly Fault[] = ['cut', 'answer lost', 'answer torn', 'bad gateway', 'unavailable'];

const CANNED = {
  'bad gateway': 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  unavailable: 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwait',
};

/** Forwards each connection to the server, but for the first ones, which get the faults. */
export class Relay {
  url = '';
  connections = 0;
  readonly faults: Fault[];
  /** What happens between an answer of the server and its loss. */
  beforeTheLoss: () => Promise<unknown> = async () => undefined;
  readonly #target: () => string;
  readonly #sockets = new Set<Socket>();
  readonly #listener = createServer((socket) => this.#accept(this.#keep(socket)));

  private constructor(target: () => string, faults: readonly Fault[]) {
    this.#target = target;
    this.faults = [...faults];
  }

  /** A relay that listens. */
  static async before(server: { readonly url: string }, faults: readonly Fault[]): Promise<Relay> {
    const relay = new Relay(() => server.url, faults);
    await new Promise<void>((done) => relay.#listener.listen(0, '127.0.0.1', done));
    relay.url = `http://127.0.0.1:${(relay.#listener.address() as AddressInfo).port}`;
    return relay;
  }

  stop(): void {
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(client: Socket): void {
    this.connections += 1;
    const fault = this.faults.shift();
    if (fault === 'cut') {
      client.destroy();
      return;
    }
    if (fault === undefined) {
      const server = this.#toServer();
      client.pipe(server).pipe(client);
      client.on('close', () => server.destroy());
      server.on('close', () => client.destroy());
      return;
    }
    let request = Buffer.alloc(0);
    client.on('data', (piece: Buffer) => {
      request = Buffer.concat([request, piece]);
      if (isWhole(request)) this.#fail(client, fault, request);
    });
  }

  #fail(client: Socket, fault: Exclude<Fault, 'cut'>, request: Buffer): void {
    if (fault === 'silent') return;
    if (fault === 'bad gateway' || fault === 'unavailable') {
      client.end(CANNED[fault]);
      return;
    }
    const server = this.#toServer();
    server.write(request);
    server.once('data', async (answer: Buffer) => {
      await this.beforeTheLoss();
      server.destroy();
      if (fault === 'answer lost') client.destroy();
      else client.write(answer.subarray(0, answer.byteLength - 1), () => client.destroy());
    });
  }

  #toServer(): Socket {
    const { hostname, port } = new URL(this.#target());
    return this.#keep(connect(Number(port), hostname));
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    return socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
  }
}

function isWhole(request: Buffer): boolean {
  const head = request.indexOf('\r\n\r\n');
  if (head < 0) return false;
  const length = /^content-length: *(\d+)/im.exec(request.subarray(0, head).toString('latin1'))?.[1] ?? '0';
  return request.byteLength >= head + '\r\n\r\n'.length + Number(length);
}

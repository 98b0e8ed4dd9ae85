/** A network that breaks: each connection carries so many bytes, and then ends in one of the ways in which networks end. */
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

/** The head of an answer and its first frame: a browser gives up what fails before. */
const BYTES_MIN = 600;
const BYTES_MAX = 8_000;

/** How long a connection that has died says nothing. */
const SILENCE_MS = 300;

/** A TCP proxy before a server, on an address of its own: browsers open few connections to one. */
export class Breaking {
  url = '';
  /** How many connections have been cut. */
  cuts = 0;
  /** Whether it breaks no more. */
  calm = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(port: number) {
    this.#server = createServer((socket) => this.#carry(socket, connect(port, '127.0.0.1')));
  }

  async start(address: string): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, address, resolve));
    this.url = `http://${address}:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #carry(page: Socket, server: Socket): void {
    for (const socket of [page, server]) {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
    }
    page.pipe(server);
    page.on('close', () => server.destroy());
    server.on('close', () => page.destroy());
    let left = BYTES_MIN + Math.floor(Math.random() * (BYTES_MAX - BYTES_MIN));
    server.on('data', (bytes) => {
      page.write(this.calm ? bytes : bytes.subarray(0, left));
      left -= bytes.length;
      if (left <= 0 && !this.calm) {
        server.removeAllListeners('data').pause();
        this.#cut(page, server);
      }
    });
  }

  #cut(page: Socket, server: Socket): void {
    this.cuts += 1;
    const way = this.cuts % 3;
    if (way === 0) page.end();
    if (way === 1) for (const socket of [page, server]) socket.resetAndDestroy();
    if (way === 2) setTimeout(() => page.resetAndDestroy(), SILENCE_MS);
  }
}

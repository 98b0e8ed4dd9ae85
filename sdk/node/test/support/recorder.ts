/** A server of HTTP that keeps what it is sent and answers as it is told: for what a call puts on the wire. */
import { type IncomingHttpHeaders, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request, as it came. */
export interface Recorded {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A status, and a body: JSON, or bytes as they are. */
export type Canned = readonly [status: number, body?: unknown, headers?: Record<string, string>];

/** Answers each request with the next of its answers, and the last one for ever. */
export class Recorder {
  url = '';
  readonly requests: Recorded[] = [];
  readonly #answers: Canned[];
  readonly #server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece)).on('end', () => {
      const { method = '', url: target = '', headers } = request;
      this.requests.push({ method, target, headers, body: Buffer.concat(pieces) });
      const [status, body, more] = (this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]) as Canned;
      response.writeHead(status, more);
      response.end(body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body));
    });
  });

  private constructor(answers: readonly Canned[]) {
    this.#answers = [...answers];
  }

  static async answering(...answers: Canned[]): Promise<Recorder> {
    const recorder = new Recorder(answers);
    await new Promise<void>((done) => recorder.#server.listen(0, '127.0.0.1', done));
    recorder.url = `http://127.0.0.1:${(recorder.#server.address() as AddressInfo).port}`;
    return recorder;
  }

  /** The only request so far. */
  get only(): Recorded {
    if (this.requests.length !== 1) throw new Error(`${this.requests.length} requests`);
    return this.requests[0] as Recorded;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Listens to a channel as a page does, over streamed lines. */
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** A frame as the server writes it. */
export interface Frame {
  readonly type?: string;
  readonly data?: string;
  readonly base64?: string;
  readonly code?: number;
  readonly reason?: string;
}

const PATIENCE_MS = 15_000;

/** An open socket; what arrives is kept until asked for. */
export class Page {
  readonly #request: ClientRequest;
  readonly #frames: Frame[] = [];
  #over = false;

  private constructor(outgoing: ClientRequest, response: IncomingMessage) {
    this.#request = outgoing;
    this.#request.on('error', () => undefined);
    response.on('error', () => undefined).on('close', () => { this.#over = true; });
    // Only a line feed ends a line here; `readline` stops at U+2028 as well, so the pieces are cut by hand.
    let rest = '';
    response.setEncoding('utf8').on('data', (piece: string) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#frames.push(JSON.parse(line) as Frame);
    });
  }

  /** Opens a channel; rejects with the first frame if that is a refusal. */
  static async open(url: string, token: string, after?: string): Promise<Page> {
    const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`;
    const outgoing = request(`${url}/v1/socket${query}`, {
      headers: { Authorization: `Bearer ${token}`, Accept: 'application/x-ndjson' },
      agent: false,
    });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) {
      response.resume();
      throw new Error(`not opened: ${response.statusCode}`);
    }
    const page = new Page(outgoing, response);
    const first = await page.frame();
    if (first.type === 'open') return page;
    page.close();
    throw new Error(`not opened: ${JSON.stringify(first)}`);
  }

  /** The next `count` messages. */
  async messages(count: number): Promise<(string | Uint8Array)[]> {
    const messages = [];
    while (messages.length < count) {
      const { data, base64, type } = await this.frame();
      if (data !== undefined) messages.push(data);
      else if (base64 !== undefined) messages.push(new Uint8Array(Buffer.from(base64, 'base64')));
      else if (type !== 'ping') throw new Error(`unexpected frame ${type}`);
    }
    return messages;
  }

  /** The next frame. */
  async frame(): Promise<Frame> {
    for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(5)) {
      const frame = this.#frames.shift();
      if (frame) return frame;
      if (this.#over) throw new Error('the socket ended');
      if (Date.now() > deadline) throw new Error('nothing arrives');
    }
  }

  /** Goes away. */
  close(): void {
    this.#request.destroy();
  }
}

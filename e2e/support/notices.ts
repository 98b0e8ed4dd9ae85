/** The presence notices that an application got: read as an old application reads them, and told from forged ones. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { PATIENCE_MS, until } from './until.ts';

/** The secret that server and application share, as Standard Webhooks writes it. */
export const PRESENCE_SECRET = `whsec_${Buffer.from('the presence secret of the tests').toString('base64')}`;

/** That a client id came or went. */
export interface Notice {
  /** Stays the same when it is sent again. */
  id: string;
  clientId: string;
  connected: boolean;
  generation: number;
  at_ms: number;
}

/** All notices of one application, each once. */
export class Notices {
  readonly #all: Notice[] = [];
  readonly #reactions = new Map<string, (notice: Notice) => Promise<unknown>>();
  /** Requests to the paths of notices that did not come from the server. */
  forged = 0;

  /** Takes one request; answers the status for it. */
  async take(path: string, headers: IncomingHttpHeaders, body: string): Promise<number> {
    if (!genuine(headers, body)) {
      this.forged += 1;
      return 403;
    }
    const id = `${headers['webhook-id']}`;
    // Any notice may come twice, if its answer was lost.
    if (this.#all.some((notice) => notice.id === id)) return 204;
    const form = await new Response(body, { headers: { 'Content-Type': `${headers['content-type']}` } }).formData();
    const connected = path === '/_ah/channel/connected/';
    if (form.get('state') !== (connected ? 'connected' : 'disconnected')) throw new Error(`path and form differ: ${body}`);
    const notice = {
      id, connected, clientId: `${form.get('from')}`, generation: Number(form.get('generation')), at_ms: Date.now(),
    };
    this.#all.push(notice);
    await this.#reactions.get(notice.clientId)?.(notice);
    return 204;
  }

  /** What the application does with the notices of a client id before it answers them. */
  react(clientId: string, reaction: (notice: Notice) => Promise<unknown>): void {
    this.#reactions.set(clientId, reaction);
  }

  /** The notices of a client id, in the order in which they came. */
  of(clientId: string): Notice[] {
    return this.#all.filter((notice) => notice.clientId === clientId);
  }

  /** Whether a client id came (true) or went (false), for each of its notices. */
  changes(clientId: string): boolean[] {
    return this.of(clientId).map(({ connected }) => connected);
  }

  /** Until there were so many of a client id; answers the last of them. */
  async until(clientId: string, count: number, patience_ms = PATIENCE_MS): Promise<Notice> {
    return until(`${count} presence notices of ${clientId}`, () => this.of(clientId)[count - 1], patience_ms);
  }
}

/** Whether the server has signed it. */
function genuine(headers: IncomingHttpHeaders, body: string): boolean {
  const key = Buffer.from(PRESENCE_SECRET.replace('whsec_', ''), 'base64');
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const signature = createHmac('sha256', key).update(content).digest();
  return `${headers['webhook-signature']}`.split(' ').some((given) => {
    const bytes = Buffer.from(given.replace(/^v1,/, ''), 'base64');
    return bytes.length === signature.length && timingSafeEqual(bytes, signature);
  });
}

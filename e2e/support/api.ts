/** What an application says to the server, by plain HTTP. */

/** One socket, as the server sees it. */
export interface SocketLook {
  transport: string;
  cursor: string;
}

/** The API of a running server. */
export class Api {
  readonly #url: () => string;
  readonly #key: string;

  constructor(url: () => string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  /** A token for a client id. */
  async createChannel(clientId: string, duration_minutes?: number): Promise<string> {
    const asked = JSON.stringify({ client_id: clientId, duration_minutes });
    const answer = await this.#call('/v1/channels', 'application/json', asked);
    return answer.token;
  }

  /** Sends one message, text or binary, and returns its place. Rejects unless it was stored. */
  async send(clientId: string, message: string | Uint8Array<ArrayBuffer>): Promise<string> {
    const type = typeof message === 'string' ? 'text/plain' : 'application/octet-stream';
    const answer = await this.#call(`/v1/channels/${encodeURIComponent(clientId)}/messages`, type, message);
    return answer.id;
  }

  /** Sends many texts in one call. */
  async sendMany(clientId: string, texts: string[]): Promise<void> {
    const items = texts.map((data) => ({ to: clientId, data }));
    const answers: { id?: string }[] = await this.#call('/v1/messages', 'application/json', JSON.stringify(items));
    if (answers.length !== texts.length || answers.some(({ id }) => !id)) {
      throw new Error(`not all were stored: ${JSON.stringify(answers)}`);
    }
  }

  /** The sockets that a client id has open. */
  async sockets(clientId: string): Promise<SocketLook[]> {
    return (await this.#call(`/v1/channels/${encodeURIComponent(clientId)}`)).sockets;
  }

  async #call(path: string, type?: string, body?: string | Uint8Array<ArrayBuffer>): Promise<any> {
    const response = await fetch(this.#url() + path, {
      headers: { Authorization: `Bearer ${this.#key}`, ...(type && { 'Content-Type': type }) },
      ...(body !== undefined && { method: 'POST', body }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    return JSON.parse(text);
  }
}

/** The application behind the server: pages of the tests, in the plain way in which an old application has them. */
import { readFileSync } from 'node:fs';
import { type IncomingMessage, type Server as HttpServer, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { Notices } from './notices.ts';
import { E2E } from './places.ts';

/** A page of a test. */
export interface TestPage {
  /** Runs at the end of the body. */
  script?: string;
  /** Goes into the head, before it is closed, behind the library. */
  head?: string;
  /** In place of the library's own script element. */
  library?: string;
  body?: string;
  headers?: Record<string, string>;
}

/** Answers a request for a path by its query and its body. */
type Handler = (query: URLSearchParams, body: string) => string | TestPage | Promise<string | TestPage>;

const RECORDER = readFileSync(resolve(E2E, 'support/recorder.js'), 'utf8');

const STYLE = `body { font: 15px/1.5 "DejaVu Sans Mono", monospace; margin: 2rem; overflow-wrap: anywhere }
  h1 { font-size: 1.2rem } ol { padding: 0; list-style: none } li { border-top: 1px solid #ddd; padding: .2rem 0 }`;

/** An HTTP server with the pages that tests put there, which hears who comes and goes. */
export class Application {
  url = '';
  readonly notices = new Notices();
  readonly #handlers = new Map<string, Handler>([['/recorder.js', () => RECORDER]]);
  readonly #server: HttpServer;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error) => response.writeHead(500).end(`${error}`));
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  /** Answers a path: with a page, or with a text as it is. */
  answer(path: string, handler: Handler): void {
    this.#handlers.set(path, handler);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url as string, 'http://application');
    const body = await text(request);
    const handler = this.#handlers.get(pathname);
    if (/^\/_ah\/channel\/(dis)?connected\/$/.test(pathname)) {
      response.writeHead(await this.notices.take(pathname, request.headers, body)).end();
    } else if (!handler) {
      response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end();
    } else {
      const page = await handler(searchParams, body);
      const headers = { 'Cache-Control': 'no-store', ...(typeof page === 'string' ? {} : page.headers) };
      const plain = pathname.endsWith('.js') ? 'text/javascript' : 'text/plain; charset=utf-8';
      response.writeHead(200, { 'Content-Type': typeof page === 'string' ? plain : 'text/html; charset=utf-8', ...headers });
      response.end(typeof page === 'string' ? page : html(page, pathname));
    }
  }
}

async function text(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) body += piece;
  return body;
}

function html(page: TestPage, title: string): string {
  const { script = '', head = '', body = '', library = '<script src="/_ah/channel/jsapi"></script>' } = page;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style>
<script src="/recorder.js"></script>${library}${head}</head>
<body><h1>${title}</h1><p id="count">nothing yet</p><ol id="log"></ol>${body}${script && `<script>${script}</script>`}</body></html>`;
}

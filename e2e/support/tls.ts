/** HTTPS before a server, by a certificate that nobody but the tests' own browsers takes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Server, createServer } from 'node:tls';

/** Ends TLS and hands on what is in it, byte for byte. */
export class TlsRelay {
  url = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(target: () => string) {
    this.#server = createServer(certificate(), (socket) => {
      const { hostname, port } = new URL(target());
      const onward = connect(Number(port), hostname);
      socket.pipe(onward).pipe(socket);
      for (const [one, other] of [[socket, onward], [onward, socket]] as const) {
        this.#sockets.add(one);
        one.on('error', () => undefined);
        one.on('close', () => {
          other.destroy();
          this.#sockets.delete(one);
        });
      }
    });
    this.#server.on('tlsClientError', () => undefined);
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** A key and its certificate, for a day. */
export function certificate(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'downlink-tls-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const { status, stderr, error } = spawnSync('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=127.0.0.1',
      '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert,
    ], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl made no certificate: ${error?.message ?? stderr}`);
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

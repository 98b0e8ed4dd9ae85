/** The verifier for handlers of `node:http`, and of the frameworks that hand on its requests. */
import type { IncomingMessage } from 'node:http';
import { NoticeRefused } from './errors.js';
import { type Notice, type VerifyOptions, verifyNotice } from './notices.js';

/** A notice is below 1 KiB. Whoever sends more than this is not Downlink, and is not listened to further. */
const BODY_BYTES_MAX = 16 * 1024;

/**
 * Reads a request to its end and verifies it: `verifyNotice` for a handler of `node:http`.
 *
 * Rejects with `NoticeRefused` for what is not a notice, also if the body is too long or breaks off (`unreadable`). Use it
 * before any parser has taken the body.
 */
export async function readNotice(request: IncomingMessage, options: VerifyOptions = {}): Promise<Notice> {
  return verifyNotice(request.headers, await readBounded(request), options);
}

function readBounded(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    const take = (piece: Buffer) => {
      bytes += piece.byteLength;
      if (bytes > BODY_BYTES_MAX) settle(() => reject(unreadable('The body is too long for a presence notice.')));
      else pieces.push(piece);
    };
    const end = () => settle(() => resolve(Buffer.concat(pieces)));
    const broken = () => settle(() => reject(unreadable('The request ended before its body did.')));
    const settle = (how: () => void) => {
      request.off('data', take).off('end', end).off('close', broken);
      // What is left is thrown away unread. `error` keeps a listener, or a connection that breaks now would end the program.
      request.resume();
      how();
    };
    if (request.readableEnded || request.destroyed) {
      reject(unreadable('The body was read before; verify the notice before any parser.'));
      return;
    }
    request.on('data', take).on('end', end).on('close', broken).on('error', broken);
  });
}

function unreadable(detail: string): NoticeRefused {
  return new NoticeRefused('unreadable', detail);
}

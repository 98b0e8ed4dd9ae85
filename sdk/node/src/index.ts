/**
 * Send messages from your server to its browsers, through Downlink.
 *
 * ```js
 * import { Client } from 'downlink-sdk';
 *
 * const client = new Client();                          // DOWNLINK_URL, DOWNLINK_API_KEY
 * const channel = await client.createChannel('ada');    // channel.token goes into the page
 * await client.send('ada', 'hello');                    // and this arrives there
 * ```
 */
export { Client, type ClientOptions, type SendOptions } from './client.js';
export {
  DownlinkError, EmptyMessage, IdempotencyConflict, InvalidApiKey, InvalidClientId, InvalidCursor, InvalidDuration,
  InvalidMessage, InvalidUtf8, MessageTooLarge, type NoticeFault, NoticeRefused, Unavailable,
} from './errors.js';
export {
  Channel, type ChannelState, type Data, FailedTarget, type Gap, type Item, type ItemError, type ItemResult, type Message,
  type MessagesPage, type Sent, type SentToMany, type SocketState,
} from './models.js';
export { type Notice, type NoticeHeaders, type VerifyOptions, verifyNotice } from './notices.js';
export { readNotice } from './read_notice.js';
export { type SignOptions, signToken } from './tokens.js';
export { VERSION } from './version.js';

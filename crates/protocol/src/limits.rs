//! Every bound in one place, each with its reason. What an operator may change is a default here and an option in
//! the configuration; what is part of the wire is a constant.

use std::time::Duration;

/// 256 bytes: the limit of the App Engine Channel API in running code (channel-api.md 1.2).
pub const CLIENT_ID_BYTES_MAX: usize = 256;

/// 32 KiB: what the Channel API documented. Larger data belongs behind a URL in the message.
pub const MESSAGE_BYTES_MAX: usize = 32 * 1024;

/// 2 hours: the old default (channel-api.md 1.2).
pub const TOKEN_MINUTES_DEFAULT: u32 = 120;

/// 24 hours: the old maximum (channel-api.md 1.2); a token is a secret in a page and must not live long.
pub const TOKEN_MINUTES_MAX: u32 = 1440;

/// A token's life may exceed 24 hours by this much, for clocks that differ between signers.
pub const TOKEN_LIFE_LEEWAY_SECONDS: u64 = 60;

/// How far in the future `iat` may lie before a token is refused: honest clocks differ by seconds.
pub const TOKEN_FUTURE_LEEWAY_SECONDS: u64 = 30;

/// A token without a position starts this long before its `iat`: covers the application's clock and rendering.
pub const TOKEN_START_BEFORE_ISSUE: Duration = Duration::from_secs(5);

/// HS256 secrets are at least as long as the hash (RFC 7518, 3.2).
pub const TOKEN_SECRET_BYTES_MIN: usize = 32;

/// Longest token that is looked at: RS256 with a 256-byte client id stays under 2 KiB.
pub const TOKEN_BYTES_MAX: usize = 4096;

/// A guessable API key is no key.
pub const API_KEY_BYTES_MIN: usize = 16;

/// A name is for people, and for a label of metrics.
pub const API_KEY_NAME_BYTES_MAX: usize = 64;

/// Seconds between pings: short enough for the 60 s idle time-out of common proxies, long enough to cost nothing.
pub const PING_SECONDS: u32 = 15;

/// A socket that takes no byte for this long is given up; its cursor is with the client.
pub const STUCK_SECONDS_MAX: u32 = 600;

/// What a browser may say on a WebSocket is an acknowledgement, a token or a farewell: 4 KiB holds the longest token
/// in use with room to spare.
pub const CLIENT_WORD_BYTES_MAX: usize = 4096 + 512;

/// A client's word has no reason to come in more pieces; each piece costs work before anything is known.
pub const FRAGMENTS_MAX: u32 = 8;

/// `wait` of a long-poll when the client does not say: under the usual 30 s of impatient proxies.
pub const WAIT_SECONDS_DEFAULT: u32 = 25;

/// Longest `wait` of a long-poll.
pub const WAIT_SECONDS_MAX: u32 = 60;

/// A long-poll socket lives this long past its last answer; the client's next poll is on its way.
pub const POLL_LINGER_SECONDS: u32 = 10;

/// One answer of a long-poll, and one page of kept messages: messages at most.
pub const PAGE_MESSAGES_MAX: usize = 256;

/// One answer of a long-poll, and one page of kept messages: bytes of data at most (one message always fits).
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// Items in one `POST /v1/messages`, and ids in one item: bounds the work of one call.
pub const BATCH_ITEMS_MAX: usize = 10_000;

/// Body of one `POST /v1/messages` with many items.
pub const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Longest Idempotency-Key: a UUID has 36; nobody needs more than 255.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// Longest time to live of a message: nothing is kept longer than a day.
pub const TTL_SECONDS_MAX: u32 = 86_400;

/// A body of the control API (`POST /v1/channels`): a client id, escaped, and a number.
pub const CONTROL_BYTES_MAX: usize = 16 * 1024;

/// A request's head, all headers together. (Hyper takes at most 100 of them; setting that number costs an allocation
/// for every request.)
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Connections that are no sockets and in no request, at once and at most (and at most a quarter of the descriptors):
/// with heads of 16 KiB that do not end, at 36 KB each, they take 75 MB.
pub const QUIET_CONNECTIONS_MAX: usize = 2048;

/// A request's head must be there within this time after the last answer, or the connection is closed (slow clients
/// hold a descriptor each, and so do idle ones).
pub const HEAD_TIME: Duration = Duration::from_secs(10);

/// A request's body must be there within this time, for a body of at most 16 MiB.
pub const BODY_TIME: Duration = Duration::from_secs(30);

/// At a stop, requests under way have this long to be answered: half of what the usual supervisors give.
pub const STOP_TIME: Duration = Duration::from_secs(5);

/// Unacknowledged data this old ends a TCP connection (`TCP_USER_TIMEOUT`): a cut network shows within seconds. It does not
/// count while a reader takes nothing but is there.
pub const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);

/// A socket that takes nothing for this long is looked at: is its reader slow, or is it gone? Well before
/// [`TCP_USER_TIMEOUT`], which would end it in either case.
pub const SLOW_SECONDS: u32 = 3;

/// A slow reader whose kernel answers nothing for this long is gone; as long as [`TCP_USER_TIMEOUT`].
pub const UNANSWERED_SECONDS_MAX: u32 = 10;

/// A connection that waits for an answer and is silent for this long is asked by the kernel whether it is still there.
pub const TCP_KEEPALIVE: Duration = Duration::from_secs(10);

/// The kernel's send buffer for each socket, in bytes as `SO_SNDBUF` counts: two of the largest frames.
pub const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// What waits for room on a connection of HTTP/2, for each of its sockets: a piece of this size here, one on its way to
/// the connection, and one in it. All three are less than [`SEND_BUFFER_BYTES`], which they stand in for.
pub const HTTP2_UNSENT_BYTES_MAX: usize = 16 * 1024;

/// Requests and sockets at once on a connection of HTTP/2: as many as RFC 9113, 6.5.2 asks for at least. More wait at the
/// client, or take another connection.
pub const HTTP2_STREAMS_MAX: u32 = 100;

/// What one request of HTTP/2 may send before somebody reads its body: a batch comes in a few round trips.
pub const HTTP2_REQUEST_WINDOW_BYTES: u32 = 256 * 1024;

/// And all requests of one connection together, which is what a client can make us keep.
pub const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// Requests of HTTP/2 that were taken back before anybody saw them, at once: a page that is left takes back a few, a flood
/// (CVE-2023-44487) thousands. Such a connection ends.
pub const HTTP2_EARLY_RESETS_MAX: usize = 20;

/// Requests of HTTP/2 that we take back since they break a rule, as one too many at once does: a client that goes on is
/// no client.
pub const HTTP2_REFUSALS_MAX: usize = 200;

/// An answer over HTTP/2 of which nothing is taken for this long ends its connection: answers, unlike sockets, are kept as a
/// whole. (Without HTTP/2 the kernel sees to it.)
pub const ANSWER_TIME: Duration = Duration::from_secs(30);

/// A connection of HTTP/2 that ends in order has this long for it, once there is nothing left to do on it.
pub const PARTING_TIME: Duration = Duration::from_secs(1);

/// Sockets one client id may have open at once, by default: tabs of one person on a few devices.
pub const SOCKETS_PER_CLIENT_DEFAULT: u32 = 20_000;

/// Sockets one address may have open at once, by default: a proxy or a load test in front counts as one.
pub const SOCKETS_PER_ADDRESS_DEFAULT: u32 = 20_000;

/// How long messages are kept, by default.
pub const RETENTION_DEFAULT: Duration = Duration::from_secs(2 * 3600);

/// How many messages of one channel are kept, by default.
pub const RETENTION_MESSAGES_DEFAULT: u32 = 1_000;

/// How many bytes of all channels are kept, by default: 1 GiB.
pub const RETENTION_BYTES_DEFAULT: u64 = 1 << 30;

/// How long the index remembers a channel after its last message: as long as a token can live.
pub const INDEX_RETENTION: Duration = Duration::from_secs(24 * 3600);

/// How long an Idempotency-Key is remembered.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(600);

/// How many Idempotency-Keys are remembered, by default: about 100 bytes each.
pub const IDEMPOTENCY_KEYS_DEFAULT: usize = 1_000_000;

/// How long a presence notice is tried: an application that is away for longer asks who is there when it is back.
pub const NOTICE_LIFE: Duration = Duration::from_secs(24 * 3600);

/// An application has this long to answer a presence notice.
pub const NOTICE_TIME: Duration = Duration::from_secs(10);

/// And so much of its answer is read, for nothing but to use the connection again.
pub const NOTICE_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// After its last socket a client id stays connected for this long, by default: a reload or a reconnect is nobody's
/// leave.
pub const PRESENCE_GRACE_DEFAULT: Duration = Duration::from_secs(5);

/// After a start, those who were connected before have this long to come back, beside the time over which their
/// return was spread.
pub const PRESENCE_RETURN: Duration = Duration::from_secs(10);

/// A client of the old development wire that is silent for this long is gone, by default: it polls twice a second,
/// and the old server's 2 s flapped under load (channel-api.md, item 48).
pub const PRESENCE_SILENCE_DEFAULT: Duration = Duration::from_secs(5);

/// A secret that signs presence notices has at least so many bytes (Standard Webhooks: 24 to 64).
pub const NOTICE_SECRET_BYTES_MIN: usize = 24;

/// Events of sockets that a node remembers for people who look: a megabyte. A storm of 8,000 sockets that end and
/// come back fits in.
pub const TIMELINE_EVENTS_MAX: usize = 16_384;

/// And how many of one channel are shown: what a person may read.
pub const TIMELINE_SHOWN_MAX: usize = 500;

/// Seconds of which the console has samples: what its plots show, 130 bytes each.
pub const SAMPLES_MAX: usize = 300;

/// Client ids that one search of the console finds: what fits on a screen.
pub const CLIENTS_FOUND_MAX: usize = 50;

/// Sockets shown of one channel at most.
pub const SOCKETS_SHOWN_MAX: usize = 1000;

/// The newest messages, kept in memory for the sockets that keep up, unless the operator says otherwise: 64 MiB a node.
pub const CACHE_BYTES_DEFAULT: usize = 64 * 1024 * 1024;

/// The server's canary flies so often: what is wrong is seen within a second or two.
pub const CANARY_PERIOD: Duration = Duration::from_secs(1);

/// A message of the canary that nobody keeps, and that did not arrive, is passed again after this.
pub const CANARY_REPEAT: Duration = Duration::from_millis(250);

/// A canary that is not back after this is missing: a thread that is merely busy has had its turn by then.
pub const CANARY_TIME: Duration = Duration::from_secs(2);

/// What the canary found out counts for so long: a flight may fail to come back in time once.
pub const CANARY_AGE_MAX: Duration = Duration::from_secs(4);

/// Messages are stored for the canary until so long after somebody asked whether sends are ready: longer than most probes
/// pause.
pub const CANARY_ASKED_FOR: Duration = Duration::from_secs(12);

/// Spans of traces that wait to be sent: some seconds of a busy node with every request traced; more are dropped.
pub const SPANS_WAITING_MAX: usize = 8 * 1024;

/// Spans in one request to the collector: about 200 KB of JSON.
pub const SPANS_AT_ONCE: usize = 512;

/// Spans wait for others for so long.
pub const SPANS_PERIOD: Duration = Duration::from_secs(1);

/// The collector has this long to take them.
pub const SPANS_TIME: Duration = Duration::from_secs(5);

/// Sockets of one request's messages that have a span: a fan-out to thousands would bury the rest.
pub const SPANS_PER_MESSAGE_MAX: u32 = 16;

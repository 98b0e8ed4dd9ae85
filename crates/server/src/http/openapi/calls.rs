//! Every call, in the order in which people meet them.

use super::{
    super::error::Problem,
    call::{Call, client_id, header, query, required},
    schemas::of,
};
use crate::{
    keys::Scope,
    rates::{Limit, Rate, TooOften},
};
use broker::error::{PublishError, ReadError};
use protocol::{
    close::{CloseCode, TOKEN_INVALID, TOKEN_TIMED_OUT},
    cursor::InvalidCursor,
    id::InvalidClientId,
    item::{InvalidItem, InvalidItems},
    limits,
    message::NotUtf8,
};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) fn all() -> Vec<Call> {
    let parts = [channels(), messages(), presence(), sockets(), operation()];
    parts.into_iter().flatten().map(|call| call.refuses(general())).collect()
}

/// What any request may be answered, whatever it asks for.
fn general() -> [Problem; 3] {
    [Problem::bad_host(), Problem::unknown_coding(), Problem::from(PublishError::Stopping)]
}

fn publish_errors() -> [Problem; 5] {
    [
        PublishError::DiskFull,
        PublishError::OutcomeUnknown,
        PublishError::Unavailable,
        PublishError::Away,
        PublishError::Overloaded,
    ]
    .map(Problem::from)
}

/// What may be wrong with a body while it is read.
fn reading(max: Problem) -> [Problem; 3] {
    [max, Problem::body_too_slow(), Problem::broken_body(&"the connection ended")]
}

fn too_often(limit: Limit) -> Problem {
    let rate = Rate::per_second(100).expect("not 0");
    Problem::too_many_requests(TooOften { limit, rate, wait: Duration::from_millis(10) })
}

fn invalid_client_id() -> Problem {
    InvalidClientId::Empty.into()
}

fn invalid_parameter() -> Problem {
    Problem::invalid_parameter("This call takes `limit` or `after` and nothing else.")
}

fn unreadable() -> Problem {
    Problem::unreadable(&ReadError("the disk failed".into()))
}

const CURSOR: &str = "k3f.17";

fn channels() -> Vec<Call> {
    let by_query =
        || required(query("client_id", &of("ClientId"), "For ids that a path cannot carry, and all others."));
    let look = |call: Call| {
        call.says(
            "Look at a channel",
            "Whether somebody listens, since when, over what, and how far each socket is. A channel that nobody opened is \
             one without sockets, not an error.",
        )
        .needs(Scope::Read)
        .answers(200, "The channel as this node sees it.", [("application/json", of("Channel"), json!({
            "client_id": "ada", "connected": true, "since": "2026-01-31T12:00:00.000Z",
            "sockets": [{
                "transport": "websocket", "address": "203.0.113.7", "since": "2026-01-31T12:00:00.000Z",
                "cursor": CURSOR, "acked": null,
            }],
            "cursor": CURSOR, "acked": null, "lag": 0,
        }))])
        .refuses([invalid_client_id(), unreadable()])
    };
    let delete = |call: Call| {
        call.says(
            "Delete a channel",
            "Ends its sockets (close code 4410), refuses its earlier tokens and makes what is kept unreadable. What is \
             sent later, and tokens made later, just work.",
        )
        .needs(Scope::Admin)
        .answers(204, "It is deleted, also if there was nothing.", [])
        .refuses([invalid_client_id()])
        .refuses(publish_errors())
    };
    let create = Call::new("post", "/v1/channels", "Channels", "createChannel")
        .says(
            "Create a channel",
            "A token with which a page opens the channel of a client id. Stores nothing; two calls give two tokens of one \
             channel.",
        )
        .needs(Scope::Create)
        .body("", [("application/json", of("Create"), json!({ "client_id": "ada", "duration_minutes": 120 }))])
        .answers(201, "The token.", [("application/json", of("Created"), json!({
            "client_id": "ada", "token": "eyJ…", "expires_at": "2026-01-31T14:00:00.000Z", "cursor": CURSOR,
        }))])
        .refuses([
            invalid_client_id(),
            super::super::channels::invalid_duration(),
            Problem::invalid_json("The body is not JSON."),
            too_often(Limit::KeyTokens),
        ])
        .refuses(reading(Problem::too_large(limits::CONTROL_BYTES_MAX)));
    vec![
        create,
        look(Call::new("get", "/v1/channels/{client_id}", "Channels", "getChannel")).takes([client_id()]),
        delete(Call::new("delete", "/v1/channels/{client_id}", "Channels", "deleteChannel"))
            .takes([client_id()]),
        look(Call::new("get", "/v1/channels", "Channels", "getChannelByQuery"))
            .form("Look at a channel, by query")
            .takes([by_query()])
            .refuses([invalid_parameter()]),
        delete(Call::new("delete", "/v1/channels", "Channels", "deleteChannelByQuery"))
            .form("Delete a channel, by query")
            .takes([by_query()])
            .refuses([invalid_parameter()]),
    ]
}

/// The headers of a send.
fn words() -> [Value; 2] {
    let key =
        json!({ "type": "string", "pattern": format!("^[!-~]{{1,{}}}$", limits::IDEMPOTENCY_KEY_BYTES_MAX) });
    let ttl = json!({ "type": "integer", "minimum": 0, "maximum": limits::TTL_SECONDS_MAX });
    [
        header(
            "Idempotency-Key",
            &key,
            "A send repeated with it within 10 minutes is stored once and answered alike. Another message with it is \
             refused.",
        ),
        header(
            "Downlink-TTL",
            &ttl,
            "Seconds after which the message is not delivered any more. 0 stores nothing: it reaches the sockets that are \
             open and not behind.",
        ),
    ]
}

/// A send of any form.
fn sends(call: Call) -> Call {
    let sent = |id: Value| json!({ "id": id, "sockets": 1 });
    call.needs(Scope::Send)
        .answers(
            202,
            "Given to who listens, and kept by nobody (TTL 0).",
            [("application/json", of("Sent"), sent(Value::Null))],
        )
        .answers(201, "Stored.", [("application/json", of("Sent"), sent(json!(CURSOR)))])
        .refuses([
            invalid_client_id(),
            Problem::empty_message(),
            NotUtf8.into(),
            InvalidItem::Ttl.into(),
            InvalidItem::IdempotencyKey.into(),
            PublishError::KeyReused.into(),
            too_often(Limit::KeySends),
        ])
        .refuses(publish_errors())
        .refuses(reading(Problem::message_too_large(limits::MESSAGE_BYTES_MAX)))
}

fn messages() -> Vec<Call> {
    let text = json!({ "type": "string", "minLength": 1 });
    let bytes = json!({ "type": "string", "format": "binary", "minLength": 1 });
    let anything = |example: Value| ("application/json", json!({}), example);
    let one = Call::new("post", "/v1/channels/{client_id}/messages", "Messages", "sendMessage")
        .says(
            "Send a message",
            "The body is the message, 1 byte to 32 KiB unless the server says otherwise. `text/*`, JSON, forms and no type are \
             text: checked to be UTF-8, delivered verbatim as a string. Everything else is binary. Sending to a client id that \
             nobody listens to succeeds: the message is kept.",
        )
        .takes([client_id()])
        .takes(words());
    let one = sends(one).body(
        "The message.",
        [
            ("text/plain", text.clone(), json!("hello")),
            anything(json!({ "move": "e2e4" })),
            ("application/octet-stream", bytes, Value::Null),
        ],
    );
    let to = query(
        "to",
        &of("ClientId"),
        "A client id, or a token of one. With it the body is one message, and is answered like `sendMessage`. To a token \
         whose time is over: `{\"id\": null, \"sockets\": 0}`, stored nowhere.",
    );
    let items = json!({
        "type": "array", "items": of("Item"), "minItems": 1, "maxItems": limits::BATCH_ITEMS_MAX,
    });
    let item = json!({ "to": ["ada", "bob"], "data": "hello", "ttl": 60, "idempotency_key": "greeting-7" });
    let many = Call::new("post", "/v1/messages", "Messages", "sendMessages")
        .says(
            "Send many messages, or one by query",
            "Without `to`: a JSON array, or an item a line (NDJSON; a torn last line does not count). At most 10,000 items and \
             16 MiB. Array in, array out; lines in, lines out.",
        )
        .takes([to])
        .takes(words());
    let results = json!([{ "id": CURSOR, "stored": 2, "failed": [], "sockets": 1 }]);
    let many = sends(many)
        .body(
            "Items, or with `to` the message.",
            [
                ("application/json", items, json!([item])),
                ("application/x-ndjson", text, json!(format!("{item}\n"))),
            ],
        )
        .answers(
            200,
            "A result an item.",
            [
                ("application/json", of("Results"), results),
                ("application/x-ndjson", json!({ "type": "string" }), Value::Null),
            ],
        )
        .refuses([
            Problem::invalid_json("The body is no array of items."),
            Problem::too_large(limits::BATCH_BYTES_MAX),
            InvalidItems::TooMany.into(),
            Problem::invalid_parameter("A send takes one parameter, `to`, once."),
        ]);
    vec![one, many, kept()]
}

fn kept() -> Call {
    let limit = json!({
        "type": "integer", "minimum": 0, "maximum": u32::MAX, "default": limits::PAGE_MESSAGES_MAX,
    });
    Call::new("get", "/v1/channels/{client_id}/messages", "Messages", "keptMessages")
        .says("Read what is kept", "Oldest first, in pages of at most 256 messages and 1 MiB.")
        .needs(Scope::Read)
        .takes([
            client_id(),
            query(
                "after",
                &of("Cursor"),
                "Only what lies behind this place; a gap is told if some of that is gone.",
            ),
            query(
                "limit",
                &limit,
                "Messages on this page: 1 to 256; what is beyond is taken for the nearest.",
            ),
        ])
        .answers(
            200,
            "A page.",
            [(
                "application/json",
                of("Kept"),
                json!({
                    "messages": [{ "id": CURSOR, "data": "hello", "time": "2026-01-31T12:00:00.000Z" }],
                    "cursor": CURSOR, "gap": null, "next": null,
                }),
            )],
        )
        .refuses([invalid_client_id(), InvalidCursor.into(), invalid_parameter(), unreadable()])
}

fn presence() -> Vec<Call> {
    let limit = json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX, "default": 1000 });
    let list = Call::new("get", "/v1/presence", "Presence", "presence")
        .says("Who is there", "Client ids with a socket, in pages of at most 10,000.")
        .needs(Scope::Read)
        .takes([
            query("limit", &limit, "Ids on this page: 1 to 10,000; what is beyond is taken for the nearest."),
            query("after", &of("ClientId"), "Only those behind this one: the last page's `next`."),
        ])
        .answers(
            200,
            "A page.",
            [("application/json", of("Presence"), json!({ "client_ids": ["ada", "bob"], "next": null }))],
        )
        .refuses([invalid_client_id(), invalid_parameter()]);
    vec![list]
}

fn sockets() -> Vec<Call> {
    let refused = |code: CloseCode| Problem::closed(code, code.reason());
    let unauthorized = |reason: &str| Problem::closed(CloseCode::UNAUTHORIZED, reason);
    let wait = json!({
        "type": "integer", "minimum": 0, "maximum": limits::WAIT_SECONDS_MAX, "default": limits::WAIT_SECONDS_DEFAULT,
    });
    let open = Call::new("get", "/v1/socket", "Sockets", "openSocket")
        .says(
            "Open a socket",
            "The transport follows from the request: `Upgrade: websocket` a WebSocket, `Accept: text/event-stream` server-sent \
             events, `application/x-ndjson` or `*/*` a line a frame, `application/json` a long-poll. A WebSocket brings its token \
             as subprotocols, `downlink.v1, downlink.token.<token>`, and is always opened: what is refused is told in a close \
             frame. The same lies at `/_ah/channel/socket`.",
        )
        .takes([
            query("after", &of("Cursor"), "Up to where the client has had everything. Without it the token's own place counts."),
            query("wait", &wait, "Long-poll: how many seconds to wait for a message."),
            query("socket", &json!({ "type": "string" }), "Long-poll: the `socket` of the answer before."),
        ])
        .answers(200, "A stream of frames, or what a poll has waited for.", [
            ("text/event-stream", json!({ "type": "string" }), json!("id: k3f.17\ndata: hello\n\n")),
            ("application/x-ndjson", of("Frame"), json!({ "id": CURSOR, "data": "hello" })),
            ("application/json", of("Poll"), json!({
                "socket": "…", "messages": [{ "id": CURSOR, "data": "hello" }], "cursor": CURSOR,
            })),
        ])
        .answers(101, "A WebSocket: frames as texts.", [])
        .refuses([
            refused(CloseCode::BAD_REQUEST),
            InvalidCursor.into(),
            super::super::socket::unexpected_body(),
            unauthorized(TOKEN_INVALID),
            unauthorized(TOKEN_TIMED_OUT),
            refused(CloseCode::FORBIDDEN),
            refused(CloseCode::GONE),
            super::super::socket::not_a_websocket(),
            refused(CloseCode::OVERLOADED),
            Problem::closed(CloseCode::OVERLOADED, super::super::error::TOO_MANY_REFUSED),
            refused(CloseCode::RESTART),
        ]);
    let name = json!({
        "name": "socket", "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 },
        "description": "From the open frame, or a poll's answer. Whoever knows it is its client; it takes no token beside it.",
    });
    let word = Call::new("post", "/v1/socket/{socket}", "Sockets", "speak")
        .says(
            "Say a word beside a stream",
            "To acknowledge, to renew the token, to leave. The same lies below `/_ah/channel/socket`. Where several nodes share a \
             NATS, any of them takes it.",
        )
        .takes([name])
        .body("One word.", [("application/json", of("Word"), json!({ "ack": CURSOR }))])
        .answers(204, "Heard.", [])
        .refuses([
            super::super::socket::invalid_word(),
            super::super::socket::no_such_socket(),
            refused(CloseCode::BAD_REQUEST),
            unauthorized(TOKEN_INVALID),
            unauthorized(TOKEN_TIMED_OUT),
            refused(CloseCode::FORBIDDEN),
            refused(CloseCode::GONE),
            PublishError::Away.into(),
            PublishError::OutcomeUnknown.into(),
        ])
        .refuses(reading(Problem::too_large(limits::CLIENT_WORD_BYTES_MAX)));
    vec![open, word]
}

fn operation() -> Vec<Call> {
    let call = |path, id, summary, about| Call::new("get", path, "Operation", id).says(summary, about);
    let page = || ("text/html; charset=utf-8", json!({ "type": "string" }), Value::Null);
    vec![
        call(
            "/healthz",
            "health",
            "Is it alive?",
            "Red once storage has failed for good. A full disk is not that: it passes.",
        )
        .answers(200, "It is.", [("application/json", of("Alive"), json!({ "status": "ok" }))])
        .refuses([PublishError::Unavailable.into()]),
        ready(call(
            "/readyz",
            "ready",
            "Is it ready?",
            "A canary goes through the broker to a socket of every edge once a second.",
        )),
        call("/metrics", "metrics", "What is counted", "For Prometheus. No label has a client id in it.")
            .answers(
                200,
                "OpenMetrics text.",
                [(
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                    json!({ "type": "string" }),
                    Value::Null,
                )],
            ),
        call(
            "/console",
            "console",
            "The console",
            "A page that shows what happens, and why a client is behind. It asks for a key with the scope `admin`; the calls \
             behind it are its own and may change.",
        )
        .answers(200, "The page.", [page()]),
        call("/openapi.json", "openapi", "This description", "OpenAPI 3.1.").answers(
            200,
            "It.",
            [("application/json", json!({ "type": "object" }), Value::Null)],
        ),
        call("/docs", "docs", "This description, for people", "A page that shows it.").answers(
            200,
            "The page.",
            [page()],
        ),
    ]
}

fn ready(call: Call) -> Call {
    let what = json!({ "type": "string", "enum": ["sockets", "sends"] });
    let well = json!({ "ready": true, "round_trip_ms": 0.14, "age_ms": 412 });
    let full =
        json!({ "ready": false, "round_trip_ms": 1.9, "age_ms": 5_031, "reason": "Messages are refused." });
    call.takes([query("for", &what, "Only this one decides on the status.")])
        .answers(
            200,
            "Both are ready, or the one that was asked about.",
            [("application/json", of("Ready"), json!({ "sockets": well, "sends": well }))],
        )
        .answers(
            503,
            "One of them is not, or the one that was asked about.",
            [("application/json", of("Ready"), json!({ "sockets": well, "sends": full }))],
        )
        .refuses([Problem::invalid_parameter(
            "This call takes `for`, which is `sockets` or `sends`, and nothing else.",
        )])
}

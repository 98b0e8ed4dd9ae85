//! The shapes of what is sent and answered.

use protocol::limits;
use serde_json::{Value, json};

/// A reference to one of [`all`].
pub(super) fn of(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A header of an answer.
pub(super) fn header(name: &str) -> Value {
    let about = match name {
        "retry-after" => "Seconds after which the call is worth another try.",
        "www-authenticate" => "How to be let in.",
        "ratelimit" => "The limit that was reached: what remains of it, and seconds until there is more.",
        "ratelimit-policy" => "The limit that was reached: how many in how many seconds.",
        "connection" => "The connection ends behind this answer.",
        _ => "",
    };
    json!({ "description": about, "schema": { "type": "string" } })
}

/// All that has a name.
pub(super) fn all() -> Value {
    let mut all = words();
    for part in [of_channels(), of_messages(), of_sockets(), of_readiness()] {
        let (Value::Object(all), Value::Object(part)) = (&mut all, part) else { continue };
        all.extend(part);
    }
    all
}

fn words() -> Value {
    json!({
        "ClientId": {
            "type": "string", "minLength": 1, "maxLength": limits::CLIENT_ID_BYTES_MAX,
            "description": format!(
                "The application's own name for who listens: 1 to {} bytes of UTF-8.", limits::CLIENT_ID_BYTES_MAX
            ),
            "examples": ["ada"],
        },
        "Cursor": {
            "type": "string",
            "pattern": "^(0|[1-9a-z][0-9a-z]{0,11})\\.(0|[1-9][0-9]{0,18})$",
            "description": "A place in the log. Opaque: send back, unchanged, what was given.",
            "examples": ["k3f.17"],
        },
        "Time": { "type": "string", "format": "date-time", "examples": ["2026-01-31T12:00:00.000Z"] },
        "Problem": {
            "type": "object",
            "description": "A refusal (RFC 9457).",
            "required": ["type", "title", "status", "code", "detail"],
            "properties": {
                "type": { "type": "string", "description": "`urn:downlink:problem:` and the code." },
                "title": { "type": "string", "description": "What the status means." },
                "status": { "type": "integer" },
                "code": { "type": "string", "description": "Stable: branch on it." },
                "detail": { "type": "string", "description": "What to do, for people. Never holds a token, a key or a message." },
                "request_id": { "type": "string", "description": "The request's `X-Request-Id`, by which the server's log has it." },
            },
        },
    })
}

fn of_channels() -> Value {
    let nullable = |name: &str| json!({ "oneOf": [of(name), { "type": "null" }] });
    json!({
        "Create": {
            "type": "object", "additionalProperties": false, "required": ["client_id"],
            "properties": {
                "client_id": of("ClientId"),
                "duration_minutes": {
                    "type": ["integer", "null"], "minimum": 1, "maximum": limits::TOKEN_MINUTES_MAX,
                    "default": limits::TOKEN_MINUTES_DEFAULT,
                    "description": "How long the token lives.",
                },
            },
        },
        "Created": {
            "type": "object", "required": ["client_id", "token", "expires_at", "cursor"],
            "properties": {
                "client_id": of("ClientId"),
                "token": { "type": "string", "description": "For the page. Whoever has it can open the channel." },
                "expires_at": of("Time"),
                "cursor": { "allOf": [of("Cursor")], "description": "Where a socket of this token starts." },
            },
        },
        "Channel": {
            "type": "object",
            "required": ["client_id", "connected", "since", "sockets", "cursor", "acked", "lag"],
            "properties": {
                "client_id": of("ClientId"),
                "connected": { "type": "boolean", "description": "It has a socket on this node." },
                "since": nullable("Time"),
                "sockets": { "type": "array", "items": of("OpenSocket") },
                "cursor": { "allOf": [of("Cursor")], "description": "The end of the log." },
                "acked": nullable("Cursor"),
                "lag": { "type": "integer", "minimum": 0, "description": "Messages that the slowest socket still has to get." },
            },
        },
        "OpenSocket": {
            "type": "object", "required": ["transport", "address", "since", "cursor", "acked"],
            "properties": {
                "transport": { "type": "string" },
                "address": { "type": "string" },
                "since": of("Time"),
                "cursor": of("Cursor"),
                "acked": nullable("Cursor"),
            },
        },
        "Presence": {
            "type": "object", "required": ["client_ids", "next"],
            "properties": {
                "client_ids": { "type": "array", "items": of("ClientId"), "description": "In the order of their bytes." },
                "next": { "oneOf": [of("ClientId"), { "type": "null" }], "description": "The `after` of the next page." },
            },
        },
        "Alive": { "type": "object", "required": ["status"], "properties": { "status": { "const": "ok" } } },
    })
}

fn of_messages() -> Value {
    let ids = json!({ "type": "array", "items": of("ClientId"), "minItems": 1, "maxItems": limits::BATCH_ITEMS_MAX });
    let failed = json!({
        "type": "object", "required": ["to", "code"],
        "properties": { "to": of("ClientId"), "code": { "type": "string" } },
    });
    json!({
        "Item": {
            "type": "object", "additionalProperties": false, "required": ["to"],
            "properties": {
                "to": {
                    "anyOf": [of("ClientId"), ids],
                    "description": "A client id, a token of one, or a list of ids: one message, for all or for none.",
                },
                "data": { "type": "string", "minLength": 1, "description": "The message, if it is text." },
                "base64": {
                    "type": "string", "contentEncoding": "base64",
                    "pattern": "^([A-Za-z0-9+/]{4})+$",
                    "description": "The message, if it is bytes. With padding.",
                },
                "ttl": { "type": "integer", "minimum": 0, "maximum": limits::TTL_SECONDS_MAX },
                "idempotency_key": {
                    "type": "string", "pattern": format!("^[ -~]{{1,{}}}$", limits::IDEMPOTENCY_KEY_BYTES_MAX),
                },
            },
            "oneOf": [{ "required": ["data"] }, { "required": ["base64"] }],
        },
        "Sent": {
            "type": "object", "required": ["id", "sockets"],
            "properties": {
                "id": {
                    "oneOf": [of("Cursor"), { "type": "null" }],
                    "description": "The message's place; null if it is kept nowhere.",
                },
                "sockets": { "type": "integer", "minimum": 0, "description": "Sockets open on this node: a hint." },
                "stored": { "type": "integer", "minimum": 0, "description": "Of a list of ids: for how many." },
                "failed": { "type": "array", "items": failed },
            },
        },
        "Refused": {
            "type": "object", "required": ["code", "detail"],
            "properties": { "code": { "type": "string" }, "detail": { "type": "string" } },
        },
        "Results": {
            "type": "array", "items": { "anyOf": [of("Sent"), of("Refused")] },
            "description": "One an item, in their order. One that was refused does not touch the others.",
        },
        "Kept": {
            "type": "object", "required": ["messages", "cursor", "gap", "next"],
            "properties": {
                "messages": { "type": "array", "items": of("KeptMessage"), "maxItems": limits::PAGE_MESSAGES_MAX },
                "cursor": { "allOf": [of("Cursor")], "description": "Up to where this page tells all." },
                "gap": { "oneOf": [of("Gap"), { "type": "null" }] },
                "next": {
                    "oneOf": [of("Cursor"), { "type": "null" }], "description": "The `after` of the next page.",
                },
            },
        },
        "KeptMessage": {
            "allOf": [of("Message"), { "required": ["id", "time"], "properties": { "time": of("Time") } }],
        },
    })
}

fn of_sockets() -> Value {
    let frame = |kind: &str, more: Value, required: &[&str]| {
        let mut properties = more;
        properties["type"] = json!({ "const": kind });
        let required: Vec<&str> = ["type"].iter().chain(required).copied().collect();
        json!({ "type": "object", "required": required, "properties": properties })
    };
    json!({
        "Message": {
            "type": "object",
            "properties": {
                "id": { "allOf": [of("Cursor")], "description": "Missing if it was sent with a TTL of 0." },
                "data": { "type": "string", "description": "A text." },
                "base64": { "type": "string", "contentEncoding": "base64", "description": "Bytes." },
            },
            "oneOf": [{ "required": ["data"] }, { "required": ["base64"] }],
        },
        "Open": frame("open", json!({
            "cursor": of("Cursor"),
            "socket": { "type": "string", "description": "Its name, a secret of the client." },
            "ping": { "type": "integer", "description": "Seconds between pings." },
        }), &["cursor", "socket", "ping"]),
        "Gap": frame("gap", json!({
            "cursor": of("Cursor"),
            "reason": { "enum": ["trimmed", "epoch"] },
        }), &["cursor", "reason"]),
        "Ping": frame("ping", json!({ "cursor": of("Cursor") }), &["cursor"]),
        "Close": frame("close", json!({
            "code": { "type": "integer", "description": "4000 to 4499: final. Others: come back." },
            "reason": { "type": "string" },
            "retry_after_ms": { "type": "integer", "minimum": 0 },
        }), &["code", "reason"]),
        "Frame": {
            "oneOf": [of("Open"), of("Message"), of("Gap"), of("Ping"), of("Close")],
            "description": "What travels on a socket: first an open frame, last a close frame if the server ends it.",
        },
        "Poll": {
            "type": "object", "required": ["socket", "messages", "cursor"],
            "properties": {
                "socket": { "type": "string", "description": "The `socket` of the next poll." },
                "gap": of("Gap"),
                "messages": { "type": "array", "items": of("Message") },
                "cursor": { "allOf": [of("Cursor")], "description": "The `after` of the next poll." },
                "close": of("Close"),
            },
        },
        "Word": {
            "description": "What a client says beside a stream that goes one way.",
            "oneOf": [
                { "type": "object", "additionalProperties": false, "required": ["ack"],
                  "properties": { "ack": of("Cursor") } },
                { "type": "object", "additionalProperties": false, "required": ["token"],
                  "properties": { "token": { "type": "string", "maxLength": limits::TOKEN_BYTES_MAX } } },
                { "type": "object", "additionalProperties": false, "required": ["close"],
                  "properties": { "close": { "const": true } } },
            ],
        },
    })
}

fn of_readiness() -> Value {
    json!({
        "Ready": {
            "type": "object", "required": ["sockets", "sends"],
            "properties": { "sockets": of("Readiness"), "sends": of("Readiness") },
        },
        "Readiness": {
            "type": "object", "required": ["ready", "round_trip_ms", "age_ms"],
            "properties": {
                "ready": { "type": "boolean" },
                "round_trip_ms": {
                    "type": ["number", "null"],
                    "description": "From the message to the socket, when it last arrived; null before the first.",
                },
                "age_ms": {
                    "type": ["integer", "null"],
                    "description": "Since it last went well; null if it never did.",
                },
                "reason": { "type": "string", "description": "What is wrong." },
            },
        },
    })
}

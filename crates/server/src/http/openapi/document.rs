//! The document as a whole, made of the table of calls.

use super::{super::error::Problem, call::Call, calls, schemas};
use crate::keys::Scope;
use serde_json::{Map, Value, json};

/// The parts into which people divide the calls, in their order.
pub(super) const TAGS: [(&str, &str); 5] = [
    ("Channels", "Tokens with which pages open channels; looking at a channel; deleting one."),
    ("Messages", "Sending to one client id or to many, and what is kept."),
    ("Presence", "Who has a socket open."),
    ("Sockets", "What browsers call, with a token in place of a key."),
    ("Operation", "What operators and their tools ask."),
];

const ABOUT: &str = "One-way channels from a server to its browsers. An application asks for a token for a client id; \
a page opens the channel with it; whatever the application sends to that client id arrives in the page, in order, once.\n\n\
Calls of applications bear a key, `Authorization: Bearer …`. A key may be limited to some scopes: `send`, `create`, `read`, \
`admin`; each call says which one it needs. Every refusal is a problem document (RFC 9457) with a stable `code`.";

pub(super) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for (place, call) in calls::all().into_iter().enumerate() {
        let (path, method) = (call.path, call.method);
        let mut operation = operation(call);
        // Members of JSON have no order, and people want one.
        operation["x-place"] = place.into();
        paths.entry(path).or_insert_with(|| json!({}))[method] = operation;
    }
    let tags: Vec<Value> =
        TAGS.iter().map(|(name, about)| json!({ "name": name, "description": about })).collect();
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Downlink",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This server" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "key": {
                    "type": "http", "scheme": "bearer",
                    "description": "A key of the API: one of `api.keys` in the server's configuration.",
                },
                "token": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "The token of a channel, as `POST /v1/channels` answers it.",
                },
                "tokenInQuery": {
                    "type": "apiKey", "in": "query", "name": "token",
                    "description": "The same, for clients that can send no header, unless `socket.token_in_query` is off.",
                },
            },
        },
    })
}

/// The type of refusals.
const PROBLEM: &str = "application/problem+json";

/// How OpenAPI writes a call.
fn operation(call: Call) -> Value {
    let security = match call.scope {
        Some(_) => json!([{ "key": [] }]),
        None if call.tag == "Sockets" => json!([{ "token": [] }, { "tokenInQuery": [] }]),
        None => json!([]),
    };
    let mut responses = Map::new();
    for (status, answer) in call.answers {
        responses.insert(status.to_string(), answer);
    }
    for (status, refusal) in refusals(call.problems) {
        if let Some(answer) = responses.get_mut(&status) {
            // An answer and a refusal may have the same status; their types tell them apart.
            answer["content"][PROBLEM] = refusal["content"][PROBLEM].clone();
            continue;
        }
        responses.insert(status, refusal);
    }
    let mut operation = json!({
        "operationId": call.id,
        "tags": [call.tag],
        "summary": call.summary,
        "description": about(call.about, call.scope),
        "security": security,
        "responses": responses,
    });
    if let Some(scope) = call.scope {
        operation["x-scope"] = scope.as_str().into();
    }
    if !call.parameters.is_empty() {
        operation["parameters"] = call.parameters.into();
    }
    if let Some(body) = call.body {
        operation["requestBody"] = body;
    }
    operation
}

fn about(text: &str, scope: Option<Scope>) -> String {
    match scope {
        Some(scope) => format!("{text}\n\nNeeds a key with the scope `{scope}`."),
        None => text.to_owned(),
    }
}

/// The refusals of a call by their status: each with its codes, and an example as it is sent.
fn refusals(problems: Vec<Problem>) -> Map<String, Value> {
    let mut by_status: Map<String, Value> = Map::new();
    for problem in problems {
        let (status, code) = (problem.status.as_u16().to_string(), problem.code);
        let example: Value = serde_json::from_slice(&problem.body()).expect("a problem is JSON");
        let refusal = by_status.entry(status).or_insert_with(|| {
            json!({
                "description": "",
                "content": { PROBLEM: {
                    "schema": { "allOf": [
                        { "$ref": "#/components/schemas/Problem" },
                        { "properties": { "code": { "enum": [] } } },
                    ] },
                    "examples": {},
                } },
            })
        });
        let content = &mut refusal["content"][PROBLEM];
        content["examples"][code] = json!({ "value": example });
        let codes = &mut content["schema"]["allOf"][1]["properties"]["code"]["enum"];
        let codes = codes.as_array_mut().expect("made as one");
        if !codes.contains(&code.into()) {
            codes.push(code.into());
        }
        let named: Vec<String> =
            codes.iter().filter_map(|code| Some(format!("`{}`", code.as_str()?))).collect();
        refusal["description"] = named.join(", ").into();
        for header in problem.header_names() {
            refusal["headers"][header.as_str()] = schemas::header(header.as_str());
        }
    }
    by_status
}

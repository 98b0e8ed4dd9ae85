//! Spans as OTLP has them in JSON (opentelemetry-proto, `trace/v1`): numbers of 64 bits as texts, ids in hexadecimal.

use super::{Attribute, Span, Value};
use serde_json::{Value as Json, json};

/// The body of a request for spans of a service.
pub(super) fn request(service: &str, spans: &[Span]) -> String {
    let resource = [
        Attribute::text("service.name", service),
        Attribute::text("service.version", env!("CARGO_PKG_VERSION")),
    ];
    json!({ "resourceSpans": [{
        "resource": { "attributes": attributes(&resource) },
        "scopeSpans": [{
            "scope": { "name": "downlink", "version": env!("CARGO_PKG_VERSION") },
            "spans": spans.iter().map(span).collect::<Vec<Json>>(),
        }],
    }]})
    .to_string()
}

fn span(span: &Span) -> Json {
    let nanoseconds = |us: u64| (us * 1000).to_string();
    let mut json = json!({
        "traceId": format!("{:032x}", span.context.trace),
        "spanId": format!("{:016x}", span.context.span),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": nanoseconds(span.time_us.0),
        "endTimeUnixNano": nanoseconds(span.time_us.1.max(span.time_us.0)),
        "attributes": attributes(&span.attributes),
        // 2 is an error; that all is well is for applications to say.
        "status": if span.failed { json!({ "code": 2 }) } else { json!({}) },
    });
    if let Some(parent) = span.parent {
        json["parentSpanId"] = format!("{parent:016x}").into();
    }
    json
}

fn attributes(attributes: &[Attribute]) -> Vec<Json> {
    let value = |value: &Value| match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
    };
    attributes.iter().map(|known| json!({ "key": known.name, "value": value(&known.value) })).collect()
}

//! Traces, as a collector gets them.

use crate::support::{
    application::{Application, SECRET},
    collector::Collector,
    front::Front,
    http::API_KEY,
    server::{Setup, memory, on_disk},
    tls::Authority,
    until,
};
use protocol::socket::Transport;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn traced(setup: Setup, collector: &Collector, ratio: &str) -> Setup {
    setup
        .env("DOWNLINK_TRACE_OTLP", &collector.url())
        .env("DOWNLINK_TRACE_SERVICE", "tests")
        .env("DOWNLINK_TRACE_RATIO", ratio)
}

#[test]
fn a_trace_shows_a_message_from_its_caller_to_the_socket() {
    let collector = Collector::start();
    let server = traced(on_disk("fsync"), &collector, "0").start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut socket = server.opening(Transport::Sse, &token).open();
    let headers = [("traceparent", &*format!("00-{TRACE}-{CALLER}-01")), ("X-Request-Id", "traced-1")];
    let answer = api.call("POST", "/v1/channels/ada/messages", &headers, b"a secret text");
    assert_eq!((answer.status, answer.header("x-request-id")), (201, Some("traced-1")));
    assert_eq!(socket.text(), "a secret text");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let offset = id.split_once('.').unwrap().1;

    let request = collector.span("POST /v1/channels/{client_id}/messages");
    let (publish, sync) = (collector.span("publish"), collector.span("journal sync"));
    let deliver = collector.span("deliver");
    for span in [&request, &publish, &sync, &deliver] {
        assert_eq!(span.text("traceId"), TRACE, "{span:?}");
        assert!(span.time("startTimeUnixNano") <= span.time("endTimeUnixNano"), "{span:?}");
    }
    assert_eq!(request.text("parentSpanId"), CALLER);
    assert_eq!(publish.text("parentSpanId"), request.text("spanId"));
    assert_eq!(sync.text("parentSpanId"), publish.text("spanId"));
    assert_eq!(deliver.text("parentSpanId"), publish.text("spanId"));
    assert_eq!((&request.0["kind"], &publish.0["kind"]), (&2.into(), &4.into()));
    assert_eq!(request.attribute("http.response.status_code").unwrap(), "201");
    assert_eq!(request.attribute("http.request.method").unwrap(), "POST");
    assert_eq!(request.attribute("downlink.request_id").unwrap(), "traced-1");
    for span in [&publish, &sync, &deliver] {
        assert_eq!(span.attribute("downlink.offset").unwrap(), offset, "{span:?}");
    }
    assert_eq!(deliver.attribute("downlink.transport").unwrap(), "sse");
    // The sync is part of what storing took.
    assert!(publish.time("startTimeUnixNano") <= sync.time("startTimeUnixNano"));
    assert!(sync.time("endTimeUnixNano") <= deliver.time("startTimeUnixNano"));

    // A caller that records nothing wants nothing, and by the ratio nobody else does.
    let headers = [("traceparent", &*format!("00-{TRACE}-{CALLER}-00"))];
    api.call("POST", "/v1/channels/ada/messages", &headers, b"unseen");
    api.send("ada", "unseen");
    let headers = [("traceparent", &*format!("00-{TRACE}-{CALLER}-01"))];
    assert_eq!(api.call("GET", "/v1/channels/nobody-knows-her", &headers, b"").status, 200);
    collector.span("GET /v1/channels/{client_id}");
    let spans = collector.spans();
    assert_eq!(spans.iter().filter(|span| span.text("name") == "publish").count(), 1, "{spans:?}");
    for body in collector.bodies() {
        for secret in [API_KEY, &token, "a secret text", "unseen", "nobody-knows-her", "\"ada\""] {
            assert!(!body.contains(secret), "{secret:?} in {body}");
        }
    }
}

#[test]
fn a_trace_goes_on_over_http_2() {
    let (collector, authority) = (Collector::start(), Authority::new());
    let server = traced(memory(), &collector, "0").tls(&authority).start();
    let front = Front::of(&server, &authority);
    let mut api = front.api();
    let token = api.token("ada");
    let opens = front.opening(Transport::Sse, &token);
    let mut socket = opens.header("traceparent", &format!("00-{TRACE}-{CALLER}-01")).open();
    let opening = collector.span("GET /v1/socket");
    let headers = [("traceparent", &*format!("00-{TRACE}-{CALLER}-01")), ("X-Request-Id", "traced-2")];
    let answer = api.call("POST", "/v1/channels/ada/messages", &headers, b"hello");
    assert_eq!((answer.status, socket.text().as_str()), (201, "hello"));
    let request = collector.span("POST /v1/channels/{client_id}/messages");
    let (publish, deliver) = (collector.span("publish"), collector.span("deliver"));
    for span in [&opening, &request, &publish, &deliver] {
        assert_eq!(span.text("traceId"), TRACE, "{span:?}");
    }
    assert_eq!((opening.text("parentSpanId"), request.text("parentSpanId")), (CALLER, CALLER));
    assert_eq!(publish.text("parentSpanId"), request.text("spanId"));
    assert_eq!(deliver.text("parentSpanId"), publish.text("spanId"));
    assert_eq!(request.attribute("downlink.request_id").unwrap(), "traced-2");
}

#[test]
fn what_brings_no_trace_begins_one_as_often_as_the_ratio_says() {
    let (collector, application) = (Collector::start(), Application::start());
    let setup = traced(memory(), &collector, "1")
        .env("DOWNLINK_PRESENCE_URL", &application.url())
        .env("DOWNLINK_PRESENCE_SECRET", SECRET);
    let mut server = setup.start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut socket = server.opening(Transport::WebSocket, &token).open();
    api.send("ada", "hello");
    assert_eq!(socket.text(), "hello");
    application.hears("ada", &[true]);
    let notice = collector.span("presence notice");
    assert_eq!(
        (&notice.0["kind"], notice.attribute("http.response.status_code").unwrap()),
        (&3.into(), "204".into())
    );
    let opening = collector.span("GET /v1/socket");
    assert_eq!(opening.attribute("http.response.status_code").unwrap(), "101");
    // Refusals of the server are errors, and those of a caller are not.
    api.call("POST", "/v1/channels/ada/messages", &[], b"");
    // What has not been sent yet is sent at a stop.
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    let spans = collector.spans();
    let refused =
        spans.iter().find(|span| span.attribute("http.response.status_code").as_deref() == Some("400"));
    assert_eq!(refused.unwrap().0["status"], serde_json::json!({}), "{refused:?}");
    let roots = spans.iter().filter(|span| span.0.get("parentSpanId").is_none());
    let mut traces: Vec<_> = roots.map(|span| span.text("traceId").to_owned()).collect();
    let count = traces.len();
    traces.sort_unstable();
    traces.dedup();
    assert!(count >= 4 && traces.len() == count, "each begins its own: {traces:?}");
}

#[test]
fn a_collector_that_is_away_holds_nobody_up() {
    let collector = Collector::start();
    // Nobody listens there.
    let setup = traced(memory(), &collector, "1").env("DOWNLINK_TRACE_OTLP", "http://127.0.0.1:1/");
    let mut server = setup.start();
    let mut api = server.api();
    (0..20).for_each(|number| drop(api.send("ada", &number.to_string())));
    until("they are dropped, and counted", || {
        let text = api.get("/metrics").text();
        let line =
            text.lines().find_map(|line| line.strip_prefix("downlink_spans_total{result=\"dropped\"} "))?;
        (line.parse::<u64>().unwrap() >= 40).then_some(())
    });
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_wrong_address_or_ratio_is_told() {
    for (name, value) in [
        ("DOWNLINK_TRACE_OTLP", "collector:4318"),
        ("DOWNLINK_TRACE_OTLP", "http://me:secret@collector"),
        ("DOWNLINK_TRACE_RATIO", "1.5"),
        ("DOWNLINK_TRACE_RATIO", "some"),
    ] {
        let (code, complaint) = memory().env(name, value).fail();
        assert_eq!(code, Some(64), "{complaint}");
        assert!(complaint.contains(name) && !complaint.contains("secret"), "{complaint}");
    }
}

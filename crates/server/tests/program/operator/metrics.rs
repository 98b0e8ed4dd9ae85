//! `/metrics`: what happened is what is counted.

use crate::support::{
    server::on_disk,
    socket::{ALL, STREAMS},
    token, until,
};
use protocol::socket::Transport;
use std::collections::BTreeMap;

/// All samples of a scrape, by name and labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

#[test]
fn what_happened_is_what_is_counted() {
    let server = on_disk("fsync").env("DOWNLINK_RETENTION_MESSAGES", "2").start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut sockets: Vec<_> = ALL.iter().map(|transport| server.opening(*transport, &token).open()).collect();
    for text in ["0", "1", "2"] {
        api.send("ada", text);
        sockets.iter_mut().for_each(|socket| assert_eq!(socket.text(), text));
    }
    let path = "/v1/channels/ada/messages";
    assert_eq!(api.call("POST", path, &[("Downlink-TTL", "0")], b"now").status, 202);
    STREAMS.iter().zip(&mut sockets).for_each(|(_, socket)| assert_eq!(socket.text(), "now"));
    assert_eq!(api.call("POST", path, &[], b"").status, 400);
    // The first of its messages is gone by now.
    let mut late = server.opening(ALL[1], &token).open();
    assert_eq!((late.gap().as_str(), late.texts(2)), ("trimmed", vec!["1".to_owned(), "2".to_owned()]));
    drop(late);
    assert_eq!(server.opening(ALL[1], "no.good.token").refused().0, 401);
    let mut claims = token::claims("ada");
    (claims["iat"], claims["exp"]) = ((token::now() - 60).into(), (token::now() - 1).into());
    assert_eq!(server.opening(ALL[1], &token::sign(&claims, token::TOKEN_KEY)).refused().0, 401);
    until("the late one is gone", || (api.sockets("ada") == ALL.len()).then_some(()));
    let found = samples(&api.get("/metrics").text());
    let is = |name: &str, value: f64| {
        assert_eq!(found.get(name).copied(), Some(value), "{name} in {found:#?}");
    };
    let at_least = |name: &str, least: f64| {
        assert!(found.get(name).is_some_and(|value| *value >= least), "{name} in {found:#?}");
    };
    for transport in ALL {
        let label = format!("{{transport=\"{}\"}}", transport.as_str());
        is(&format!("downlink_sockets_open{label}"), 1.0);
        is(&format!("downlink_sockets_opened_total{label}"), if transport == ALL[1] { 2.0 } else { 1.0 });
        if transport != Transport::LongPoll {
            // None of its polls waited; and nobody times what nobody keeps.
            is(&format!("downlink_delivery_seconds_count{label}"), 3.0);
        }
    }
    is("downlink_channels_open", 1.0);
    // Three to each of four sockets, and what was left to the late one; what nobody keeps is not counted.
    is("downlink_deliveries_total", 12.0 + 2.0);
    is("downlink_gaps_total", 1.0);
    is("downlink_messages_total{result=\"stored\"}", 3.0);
    is("downlink_messages_total{result=\"passed\"}", 1.0);
    // What is refused before it is a send is none.
    is("downlink_send_seconds_count", 4.0);
    is("downlink_tokens_made_total", 1.0);
    is("downlink_tokens_refused_total{reason=\"invalid\"}", 1.0);
    is("downlink_tokens_refused_total{reason=\"timed_out\"}", 1.0);
    is("downlink_refusals_total{code=\"empty_message\"}", 1.0);
    is("downlink_refusals_total{code=\"invalid_token\"}", 1.0);
    is("downlink_refusals_total{code=\"token_timed_out\"}", 1.0);
    is("downlink_broker_healthy", 1.0);
    for name in ["write", "sync"] {
        at_least(&format!("downlink_disk_{name}_seconds_count{{log=\"journal\"}}"), 3.0);
    }
    for name in [
        "downlink_journal_kept_bytes",
        "downlink_journal_segments",
        "downlink_connections_open",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        at_least(name, 1.0);
    }
    at_least("downlink_connections_opened_total", 7.0);
    let is_build = |name: &&String| name.starts_with("downlink_build_info{") && name.contains("\"fsync\"");
    assert_eq!(found.keys().filter(is_build).count(), 1, "{found:#?}");
}

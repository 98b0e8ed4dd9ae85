//! Each measure, briefly, against a real server.

use super::{between, good};
use crate::support::{
    server::{memory, on_disk},
    tls::Authority,
};
use std::process::Command;

#[test]
fn all_measures_report_plausible_figures() {
    let server = memory().start();
    let results = good(&server, "all --sockets 40 --publishers 8 --seconds 1 --rate 200");
    let names: Vec<_> = results.iter().map(|result| result["measure"].as_str().unwrap()).collect();
    assert_eq!(names, ["idle", "connect", "unicast", "batch", "fan-out", "latency", "resume"]);
    for result in &results {
        assert_eq!(
            (result["good"].as_bool(), result["sockets"].as_u64()),
            (Some(true), Some(40)),
            "{result}"
        );
        between(result, "bench_cores", 0.0, 4.0);
        between(result, "steal_cores", 0.0, 64.0);
    }
    let [idle, connect, unicast, batch, fan_out, latency, resume] = results.try_into().unwrap();
    between(&idle, "resident_mb", 1.0, 1_000.0);
    between(&connect, "sockets_per_second", 10.0, 1e6);
    for sending in [&unicast, &batch] {
        between(sending, "messages_per_second", 100.0, 1e7);
        between(sending, "server_cpu_us_per_message", 0.5, 10_000.0);
        between(sending, "latency_p50_us", 1.0, 5e6);
    }
    assert_eq!(batch["messages_per_call"], 10);
    between(&fan_out, "deliveries_per_second", 100.0, 1e7);
    between(&latency, "messages", 150.0, 201.0);
    between(&latency, "latency_p99_us", latency["latency_p50_us"].as_f64().unwrap(), 5e6);
    between(&resume, "all_back_ms", 0.1, 30_000.0);
    between(&resume, "opening_p50_us", 1.0, 30e6);
}

#[test]
fn options_reach_the_server() {
    let server = on_disk("fsync").start();
    for arguments in [
        "unicast --transport sse --sockets 10 --messages 50 --seconds 2",
        "unicast --idempotent --sockets 10 --messages 50 --seconds 2 --publishers 20",
        "batch --lines --batch 100 --sockets 10 --messages 500 --seconds 2",
        "fan-out --ids --sockets 10 --messages 5 --seconds 2 --payload 32768",
        "resume --transport sse --sockets 10 --rate 100 --seconds 1",
    ] {
        let results = good(&server, arguments);
        between(&results[0], "messages", 5.0, 1e6);
    }
}

#[test]
fn a_server_behind_tls_is_measured() {
    let authority = Authority::new();
    let server = memory().tls(&authority).start();
    let mut command = super::bench(server.address, "unicast --sockets 10 --messages 50 --seconds 2");
    command.env("DOWNLINK_URL", format!("https://localhost:{}", server.address.port()));
    command.env("DOWNLINK_CA_FILE", authority.file());
    let (code, json, said) = super::results(command);
    assert_eq!(code, Some(0), "{said}");
    between(&json["results"][0], "messages", 50.0, 50.0);
}

#[test]
fn another_server_is_measured_by_its_description() {
    let server = memory().start();
    let mut api = server.api();
    let (token, key, address) = (api.token("ada"), crate::support::http::API_KEY, server.address);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("peer.toml");
    // One channel for all sockets, as far as that server is concerned; all of them get what is sent.
    let text = format!(
        "publish = {{ url = 'http://{address}/v1/channels/ada/messages', headers = ['Authorization: Bearer {key}'], \
         body = '{{message}}' }}\n\
         socket = {{ url = 'ws://{address}/v1/socket?token={token}', transport = 'ws', ready = '\"type\":\"open\"', \
         headers = ['Sec-WebSocket-Protocol: downlink.v1'] }}\n"
    );
    std::fs::write(&file, text).unwrap();
    let run = |measure: &str| -> (Option<i32>, serde_json::Value, String) {
        let mut command: Command = super::bench(address, measure);
        command.arg("--peer").arg(&file);
        super::results(command)
    };
    let (code, json, said) = run("fan-out --sockets 5 --messages 5 --seconds 2");
    assert_eq!(code, Some(0), "{said}");
    between(&json["results"][0], "messages", 5.0, 5.0);
    // What is for one of them comes to the others, which is noticed.
    let (code, _, said) = run("unicast --sockets 5 --messages 5 --seconds 1");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("NOT FOR"), "{said}");
}

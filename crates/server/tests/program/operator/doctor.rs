//! `downlink doctor` on this very machine, with limits that are lowered for it.

use crate::{
    cluster::nats_server::NatsServer,
    support::{
        http::API_KEY,
        server::{downlink, run},
        token::TOKEN_KEY,
    },
};
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    process::{Command, Output},
    thread,
};

/// Doctor with so many descriptors at most, as a service would have it whose limit nobody raised.
fn limited(descriptors: u32, arguments: &[&str]) -> Output {
    let program = downlink();
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {descriptors} && exec \"$0\" doctor \"$@\""));
    command.arg(program.get_program()).args(arguments);
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.output().unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let found = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not in {report}"))
}

#[test]
fn a_low_limit_is_wrong_and_the_command_is_said() {
    let output = limited(512, &["--sockets", "10000", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    assert_eq!((report["good"].as_bool(), report["sockets"].as_u64()), (Some(false), Some(10_000)));
    let limit = check(&report, "descriptors of the process");
    assert_eq!((limit["verdict"].as_str(), limit["now"].as_str()), (Some("wrong"), Some("512 (hard limit)")));
    assert_eq!(limit["wanted"], "at least 12,304");
    assert!(limit["command"].as_str().unwrap().starts_with("ulimit -n 12304"), "{limit}");
    assert!(limit["kept"].as_str().unwrap().contains("LimitNOFILE=12304"), "{limit}");
    let text = String::from_utf8(limited(512, &["--sockets", "10000"]).stdout).unwrap();
    assert!(text.contains("WRONG    descriptors of the process"), "{text}");
    assert!(
        text.contains("now:      ulimit -n 12304") && text.contains("for good: systemctl edit"),
        "{text}"
    );
}

#[test]
fn enough_is_good_and_every_check_has_its_shape() {
    let output = limited(4000, &["--sockets", "1000", "--json"]);
    let report = json(&output);
    assert_eq!(check(&report, "descriptors of the process")["verdict"], "good");
    let verdicts = ["good", "note", "unknown", "wrong"];
    let checks = report["checks"].as_array().unwrap();
    for check in checks {
        assert!(verdicts.contains(&check["verdict"].as_str().unwrap()), "{check}");
        assert!(!check["name"].as_str().unwrap().is_empty() && !check["now"].as_str().unwrap().is_empty());
        let told = check["verdict"] == "good" || !check["why"].as_str().unwrap().is_empty();
        assert!(told && check.get("command").is_some() && check.get("kept").is_some(), "{check}");
    }
    let wrong = checks.iter().any(|check| check["verdict"] == "wrong");
    assert_eq!((report["good"].as_bool(), output.status.code()), (Some(!wrong), Some(i32::from(wrong))));
}

#[test]
fn the_disk_of_a_configuration_is_timed_and_left_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("downlink.toml");
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    let text = format!(
        "data_dir = {data:?}\n[api]\nkeys = [\"a-key-of-sixteen-and-more\"]\n[token]\nkey = \
         \"a-secret-of-thirty-two-bytes-and-more\"\n[limits]\nsockets_per_address = 50\n[retention]\nbytes = 1048576\n"
    );
    fs::write(&file, &text).unwrap();
    let output = limited(4000, &["--sockets", "1000", "--json", "--config", file.to_str().unwrap()]);
    let report = json(&output);
    let syncs = check(&report, "syncs to the disk");
    assert!(syncs["now"].as_str().unwrap().contains("99th of 100"), "{syncs}");
    assert_eq!(check(&report, "room on the disk")["verdict"], "good");
    assert_eq!(check(&report, "limits.sockets_per_address")["verdict"], "note");
    assert_eq!(check(&report, "broker")["now"], "local, durability \"fsync\"");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0, "nothing is left behind");
    // A configuration that is wrong is said as everywhere, and nothing of a key is shown.
    fs::write(&file, text.replace("-of-thirty-two-bytes-and-more", "")).unwrap();
    let (code, complaint) = run(downlink().args(["doctor", "--config"]).arg(&file));
    assert_eq!(code, Some(64), "{complaint}");
    assert!(complaint.contains("32 bytes") && !complaint.contains("a-secret"), "{complaint}");
}

#[test]
fn wrong_options_end_with_two_and_a_missing_process_with_one() {
    for arguments in [&["--sockets", "0"][..], &["--sockets", "many"], &["--pid", "x"], &["--all"]] {
        let (code, complaint) = run(downlink().arg("doctor").args(arguments));
        assert_eq!(code, Some(2), "{arguments:?}: {complaint}");
    }
    let (code, complaint) = run(downlink().args(["doctor", "--pid", "4194305"]));
    assert_eq!(code, Some(1), "{complaint}");
    assert!(complaint.contains("no process 4194305"), "{complaint}");
    let own = std::process::id().to_string();
    let output = downlink().args(["doctor", "--json", "--pid", &own]).output().unwrap();
    assert!(
        check(&json(&output), "descriptors of the process")["now"].as_str().unwrap().contains("hard limit")
    );
}

/// What doctor says of a configuration on NATS: each thing's verdict and sentence.
fn on_nats(environment: &[(&str, &str)]) -> Vec<(String, String, String)> {
    let mut command = downlink();
    command.args(["doctor", "--sockets", "100", "--json"]).env("DOWNLINK_BROKER", "nats");
    command.env("DOWNLINK_API_KEY", API_KEY).env("DOWNLINK_TOKEN_KEY", TOKEN_KEY);
    command.envs(environment.iter().copied());
    let report = json(&command.output().unwrap());
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    let checks = report["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["name"].as_str().unwrap().starts_with("NATS "))
        .map(|check| (text(check, "name"), text(check, "verdict"), text(check, "now")))
        .collect()
}

#[track_caller]
fn says(found: &[(String, String, String)], name: &str, verdict: &str, words: &[&str]) {
    let is_it = |(is_name, is_verdict, sentence): &(String, String, String)| {
        is_name == name && is_verdict == verdict && words.iter().all(|word| sentence.contains(word))
    };
    assert!(found.iter().any(is_it), "{name}, {verdict}, {words:?}: {found:?}");
}

#[test]
fn a_nats_that_will_do_is_good_and_nothing_is_made_there() {
    let nats = NatsServer::start();
    let (servers, monitors) = (nats.url(), nats.monitor());
    let environment = [("DOWNLINK_NATS_SERVERS", &*servers), ("DOWNLINK_NATS_MONITORS", &*monitors)];
    for _ in 0..2 {
        let found = on_nats(&environment);
        says(&found, "NATS server", "good", &["127.0.0.1:", "version 2."]);
        says(&found, "NATS stream", "good", &["downlink-messages is not there yet"]);
        says(&found, "NATS replicas", "note", &["broker.replicas = 1"]);
        says(&found, "NATS syncs", "good", &["they sync before they answer"]);
        says(&found, "NATS clocks", "good", &["to the second"]);
        assert_eq!(found.len(), 5, "{found:?}");
    }
}

#[test]
fn what_is_wrong_with_nats_is_said_with_what_to_do() {
    let nats = NatsServer::with("jetstream { store_dir: \"$STORE\" }");
    let both = format!("{},nats://me:a-secret@127.0.0.1:1", nats.url());
    let found = on_nats(&[("DOWNLINK_NATS_SERVERS", &both), ("DOWNLINK_NATS_REPLICAS", "3")]);
    says(&found, "NATS server", "good", &["version 2."]);
    says(&found, "NATS server", "wrong", &["cannot be reached at 127.0.0.1:1", "check broker.servers"]);
    says(&found, "NATS replicas", "wrong", &["in no cluster", "routes"]);
    says(&found, "NATS syncs", "wrong", &["broker.monitors"]);
    says(&found, "NATS clocks", "unknown", &["broker.monitors"]);
    assert!(!format!("{found:?}").contains("a-secret"), "{found:?}");
    let monitors = nats.monitor();
    let found = on_nats(&[("DOWNLINK_NATS_SERVERS", &nats.url()), ("DOWNLINK_NATS_MONITORS", &monitors)]);
    says(&found, "NATS syncs", "wrong", &["sync_interval: always"]);
    let bare = NatsServer::with("");
    let found = on_nats(&[("DOWNLINK_NATS_SERVERS", &bare.url()), ("DOWNLINK_DURABILITY", "os")]);
    says(&found, "NATS server", "wrong", &["not with JetStream", "-js"]);
    assert!(found.iter().all(|(name, ..)| name != "NATS syncs"), "it promises no syncs: {found:?}");
}

#[test]
fn a_clock_of_nats_that_is_wrong_is_seen() {
    let nats = NatsServer::start();
    // What a monitoring address would say on a machine whose clock stands years ago.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let monitor = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(
                b"HTTP/1.0 200 OK\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\n\
                  {\"jetstream\": {\"config\": {\"sync_always\": true}}}",
            );
        }
    });
    let found = on_nats(&[("DOWNLINK_NATS_SERVERS", &nats.url()), ("DOWNLINK_NATS_MONITORS", &monitor)]);
    says(&found, "NATS clocks", "wrong", &["seconds from this machine's", "NTP"]);
    says(&found, "NATS syncs", "good", &[]);
}

//! `downlink bench`: its figures are plausible, and it notices whatever goes wrong.

mod measures;
mod meddling;
mod mistakes;

use crate::support::{
    http::API_KEY,
    server::{Server, downlink},
};
use serde_json::Value;
use std::{net::SocketAddr, process::Command};

/// A run against an address: its arguments are separated by spaces.
fn bench(address: SocketAddr, arguments: &str) -> Command {
    let mut command = downlink();
    command.arg("bench").args(arguments.split(' '));
    command.env("DOWNLINK_URL", format!("http://{address}")).env("DOWNLINK_API_KEY", API_KEY);
    command
}

/// What a run ends with, says as JSON, and says to people.
#[track_caller]
fn results(mut command: Command) -> (Option<i32>, Value, String) {
    let output = command.args(["--json", "-"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.code(), json, said)
}

/// The results of a run that is to succeed.
#[track_caller]
fn good(server: &Server, arguments: &str) -> Vec<Value> {
    let (code, json, said) = results(bench(server.address, arguments));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(json["server"]["name"], "downlink", "{json}");
    json["results"].as_array().unwrap().clone()
}

/// A figure, which is there and lies between these.
#[track_caller]
fn between(result: &Value, name: &str, least: f64, most: f64) {
    let value = result[name].as_f64().unwrap_or_else(|| panic!("no {name}: {result}"));
    assert!((least..=most).contains(&value), "{name} is {value}: {result}");
}

//! The console: pages that anybody may load, calls that want a key, and what they say of a client.

mod client;
mod messages;
mod pages;
mod stats;

use crate::support::{
    http::{Api, escape},
    server::Server,
    until,
};
use serde_json::Value;

/// What the console says of a client.
fn look(api: &mut Api, id: &str) -> Value {
    api.get(&format!("/v1/console/client?client_id={}", escape(id))).json()
}

/// Until the console says this of how a client is doing.
fn until_state(server: &Server, id: &str, state: &str) -> Value {
    let mut api = server.api();
    until(&format!("{id} is {state}"), || {
        let look = look(&mut api, id);
        (look["why"]["state"] == state).then_some(look)
    })
}

/// The kinds of the events that are told of a client.
fn events(look: &Value) -> Vec<&str> {
    look["events"].as_array().unwrap().iter().map(|event| event["what"].as_str().unwrap()).collect()
}

//! Nothing costs more than was recorded. `DOWNLINK_GUARD=record` records instead; see `just guard-record`.

use std::process::Command;

#[test]
fn a_message_and_a_socket_cost_what_is_recorded() {
    let is_recording = std::env::var_os("DOWNLINK_GUARD").is_some_and(|what| what == "record");
    let command = if is_recording { "record" } else { "check" };
    let output = Command::new(env!("CARGO_BIN_EXE_guard")).arg(command).output().unwrap();
    let (table, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{table}{complaint}");
}

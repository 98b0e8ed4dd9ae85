//! What a person does wrong is answered with what to do.

use super::bench;
use crate::support::{
    http::API_KEY,
    server::{downlink, memory, run},
};
use std::process::Command;

#[test]
fn a_server_that_is_not_there_or_refuses_the_key_is_named() {
    let server = memory().start();
    let address = server.address;
    let mut wrong = bench(address, "unicast --sockets 5");
    let (code, said) = run(wrong.env("DOWNLINK_API_KEY", "wrong-key-0123456789"));
    assert_eq!(code, Some(1));
    assert!(said.contains("key") && !said.contains("wrong-key-0123456789"), "{said}");
    drop(server);
    let (code, said) = run(&mut bench(address, "unicast --sockets 5"));
    assert_eq!(code, Some(1));
    assert!(said.contains(&address.to_string()), "{said}");
}

#[test]
fn too_few_descriptors_are_said_with_the_command_that_helps() {
    let server = memory().start();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -n 100 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_downlink")]);
    shell.args(["bench", "idle", "--sockets", "1000", "--url", &format!("http://{}", server.address)]);
    let (code, said) = run(shell.env("DOWNLINK_API_KEY", API_KEY));
    assert_eq!(code, Some(1));
    assert!(said.contains("`ulimit -n 1096`") && said.contains("--sockets 4"), "{said}");
}

#[test]
fn wrong_options_are_refused_before_anything_is_done() {
    for arguments in
        [&["bench"][..], &["bench", "unicast", "--sockets", "0"], &["bench", "unicast", "--payload", "10"]]
    {
        assert_eq!(run(downlink().args(arguments)).0, Some(2), "{arguments:?}");
    }
    let (code, said) = run(downlink().args(["bench", "unicast", "--peer", "/nowhere/peer.toml"]));
    assert_eq!(code, Some(1));
    assert!(said.contains("/nowhere/peer.toml cannot be read"), "{said}");
}

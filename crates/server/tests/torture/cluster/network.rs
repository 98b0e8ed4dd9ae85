//! A network of a test's own, in which what lies between a node and NATS can be cut, or lose a part of what it carries.
//!
//! The test starts itself once more in a network namespace, with nothing in it but a loopback interface, and runs there.
//! Each node finds NATS by an address of its own, so that the kernel (nftables) knows whose packets to drop. All
//! processes end with it.

use crate::length::is_long;
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// Set where the test runs in its own network.
const INSIDE: &str = "DOWNLINK_OWN_NETWORK";

/// See the module.
pub(super) struct Network(());

/// Runs a test of this name (with its modules) in a network of its own.
///
/// # Panics
/// Where there can be none: it needs root, or user namespaces, and Debian's `nftables` and `iproute2`.
#[track_caller]
pub(super) fn in_its_own(test: &str, run: impl FnOnce(&Network)) {
    if std::env::var_os(INSIDE).is_some() {
        return run(&Network::begin());
    }
    let is_root = rustix::process::geteuid().is_root();
    let mut command = Command::new("unshare");
    command.args(["--net", "--pid", "--fork", "--kill-child"]);
    command.args((!is_root).then_some("--map-root-user"));
    command.arg("--").arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    // Where nft and ip are, also for who is not root.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    command.env(INSIDE, "yes").env("PATH", path).stdin(Stdio::null());
    let status = if is_long() {
        command.status()
    } else {
        // Said only if it fails.
        command.output().map(|output| {
            print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            output.status
        })
    };
    let status = status.expect("unshare is there, of util-linux");
    assert!(status.success(), "{test} failed in its own network, or there can be none (it needs root)");
}

impl Network {
    fn begin() -> Self {
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        assert!(
            up.is_ok_and(|status| status.success()),
            "the loopback interface cannot be set up: install iproute2"
        );
        let network = Self(());
        network.rules(
            "add table inet faults\nadd chain inet faults input { type filter hook input priority 0; }\n",
        );
        network
    }

    /// Where a node finds NATS.
    pub(super) fn nats_of(&self, node: usize) -> String {
        format!("127.0.{}.1", 11 + node)
    }

    /// From now on nothing goes between a node and NATS; nobody is told.
    pub(super) fn cut(&self, node: usize) {
        self.drop_what(node, "");
    }

    /// From now on this part of the packets between a node and NATS is lost.
    pub(super) fn lose(&self, node: usize, percent: u32) {
        self.drop_what(node, &format!("numgen random mod 100 < {percent}"));
    }

    /// All packets arrive again.
    pub(super) fn heal(&self) {
        self.rules("flush chain inet faults input\n");
    }

    fn drop_what(&self, node: usize, which: &str) {
        let address = self.nats_of(node);
        self.rules(&format!(
            "add rule inet faults input ip daddr {address} {which} drop\n\
             add rule inet faults input ip saddr {address} {which} drop\n"
        ));
    }

    fn rules(&self, text: &str) {
        let child = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn();
        let mut child = child.expect("nft is there: install nftables");
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "nft refuses: {text}");
    }
}

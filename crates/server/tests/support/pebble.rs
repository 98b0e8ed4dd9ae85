//! A real authority: Pebble, the ACME server that Let's Encrypt tests its clients with.

use super::{
    http::Api,
    tls::{Authority, Tls},
    until,
};
use serde_json::json;
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};
use tempfile::TempDir;

/// A running authority; killed when it is dropped.
pub(crate) struct Pebble {
    child: Child,
    /// Certificates that were issued are vouched for by this.
    root: String,
    folder: TempDir,
}

/// Where an authority is going to be.
pub(crate) struct Place {
    pub(crate) calls: SocketAddr,
    management: SocketAddr,
}

impl Place {
    /// Below the ports that the kernel gives to connections, of which a crowd could take one before the authority has it, and above
    /// those of NATS servers.
    pub(crate) fn free() -> Self {
        static TRIED: AtomicU16 = AtomicU16::new(0);
        let free = || {
            let tried = TRIED.fetch_add(1, Ordering::Relaxed);
            let port = 30_000 + (std::process::id() as u16).wrapping_mul(7).wrapping_add(tried) % 2_700;
            TcpListener::bind(("127.0.0.1", port)).ok()?.local_addr().ok()
        };
        Self { calls: until("a port is free", free), management: until("a port is free", free) }
    }

    pub(crate) fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.calls.port())
    }
}

impl Pebble {
    /// Starts one whose own server `authority` vouches for. It looks at domains on this port, and what it issues is good for
    /// so many seconds.
    pub(crate) fn start(place: &Place, authority: &Authority, port: u16, seconds: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({"pebble": {
            "listenAddress": place.calls,
            "managementListenAddress": place.management,
            "certificate": authority.certificate(),
            "privateKey": authority.key(),
            "httpPort": 1,
            "tlsPort": port,
            "domainBlocklist": ["blocked-domain.example"],
            "retryAfter": {"authz": 1, "order": 1},
            "profiles": {"default": {"description": "of the tests", "validityPeriod": seconds}},
        }});
        let file = folder.path().join("pebble.json");
        fs::write(&file, config.to_string()).unwrap();
        let log =
            fs::File::options().create(true).append(true).open(folder.path().join("pebble.log")).unwrap();
        let child = Command::new("pebble")
            .arg("-config")
            .arg(&file)
            // It looks at once, and not after the seconds that a real one may need.
            .env("PEBBLE_VA_NOSLEEP", "1")
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .spawn()
            .expect("pebble is installed by scripts/test");
        let client = authority.client();
        let root = until("the authority is there", || {
            let mut management = Api::new(place.management).with(Some(&client));
            let answer = management.try_call("GET", "/roots/0", &[], b"").ok()?;
            (answer.status == 200).then(|| answer.text())
        });
        Self { child, root, folder }
    }

    /// A client that knows servers by what this authority issued.
    pub(crate) fn client(&self) -> Tls {
        Tls::trusting(&self.root)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("pebble.log")).unwrap()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server logged so far.
pub(crate) fn logged(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

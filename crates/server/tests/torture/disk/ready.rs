//! `/readyz` on a disk that fails: sends are not ready, sockets are, and once the disk is well both are.

use super::faults::{
    Action::Fail,
    Disk, EIO, ENOSPC, Fault,
    Operation::{Create, Sync, Write},
    Place::Journal,
};
use crate::{
    length::alone,
    support::{http::Api, server::Server, until},
};
use protocol::limits::CANARY_PERIOD;
use std::{thread, time::Instant};

/// Until sends are not ready any more, with what the disk did; sockets stay.
fn turns_red(server: &Server, code: &str) {
    let mut api = server.api();
    until("sends are not ready", || (api.get("/readyz").status == 503).then_some(()));
    let json = api.get("/readyz").json();
    assert_eq!((&json["sends"]["ready"], &json["sockets"]["ready"]), (&false.into(), &true.into()), "{json}");
    assert!(json["sends"]["reason"].as_str().unwrap().contains(code), "{json}");
    assert_eq!(api.get("/readyz?for=sockets").status, 200);
    assert_eq!(api.get("/readyz?for=sends").status, 503);
}

fn is_ready(api: &mut Api) -> bool {
    api.get("/readyz").status == 200
}

#[test]
fn a_full_disk_is_seen_by_the_canary_and_seen_to_have_room_again() {
    let _alone = alone();
    let disk = Disk::new();
    let server = disk.setup("fsync").start();
    let mut api = server.api();
    assert!(is_ready(&mut api));
    for operation in [Write, Create] {
        disk.fail(Fault::always(Journal, operation, Fail(ENOSPC)));
    }
    turns_red(&server, "full");
    disk.mend();
    // By the canary alone: nobody sends anything.
    until("there is room", || is_ready(&mut api).then_some(()));
}

#[test]
fn a_disk_that_failed_stays_red_until_the_next_start() {
    let _alone = alone();
    let disk = Disk::new();
    let server = disk.setup("fsync").start();
    assert!(is_ready(&mut server.api()));
    disk.fail(Fault::once(Journal, Sync, Fail(EIO)));
    turns_red(&server, "failed");
    disk.mend();
    let (mut api, end) = (server.api(), Instant::now() + 3 * CANARY_PERIOD);
    while Instant::now() < end {
        assert_eq!(api.get("/readyz").status, 503, "it is well again, but what it held may be gone");
        thread::sleep(CANARY_PERIOD / 10);
    }
    turns_red(&server, "failed");
    let server = super::story::killed_and_started(&disk, server);
    assert!(is_ready(&mut server.api()));
}

//! The presence ledger on a disk that fails: a new file takes its place, notices stay true, and deletions that were answered
//! hold.

use super::{
    faults::{
        Action::{Fail, Short},
        Disk, EIO, ENOSPC, Fault,
        Operation::{Create, DirectorySync, Rename, Sync, Write},
        Place::Presence,
    },
    story::{killed_and_started, metric, texts},
};
use crate::{
    length::alone,
    support::{
        application::{Application, SECRET},
        socket::ALL,
        until,
    },
};
use checker::{Event, History, Rules, check};

/// How the disk fails the ledger.
fn cases() -> Vec<(&'static str, Vec<Fault>)> {
    let once = |operation, action| Fault::once(Presence, operation, action);
    // What takes the place of a failed file may fail itself.
    let and_the_new_one = |operation| {
        vec![once(Sync, Fail(EIO)), once(operation, Fail(EIO)).after(u64::from(operation == Sync))]
    };
    vec![
        ("EIO on a sync", vec![once(Sync, Fail(EIO))]),
        ("EIO on a write", vec![once(Write, Fail(EIO))]),
        ("EIO in the middle of a write", vec![once(Write, Short(9)), once(Write, Fail(EIO)).after(1)]),
        ("no room in the middle of a write", vec![once(Write, Short(9)), once(Write, Fail(ENOSPC)).after(1)]),
        ("EIO on a sync, and on making a new file", and_the_new_one(Create)),
        ("EIO on a sync, and on the new file's", and_the_new_one(Sync)),
        ("EIO on a sync, and on putting a new file in place", and_the_new_one(Rename)),
        ("EIO on a sync, and on that of the directory", and_the_new_one(DirectorySync)),
    ]
}

/// Notices as the application had them are held against the promise on notices.
#[track_caller]
fn check_notices(application: &Application, present: &[(&str, bool)], what: &str) {
    let history = History::new();
    for notice in application.tries().into_iter().filter(|notice| (200..300).contains(&notice.status)) {
        let (client_id, connected) = (notice.client, notice.connected);
        history.record(Event::Notice { client_id, connected, generation: notice.generation, id: notice.id });
    }
    for (client_id, connected) in present {
        let client_id = (*client_id).to_owned();
        history.record(Event::Present { client_id, connected: *connected });
    }
    let report = check(&history.events(), Rules::default());
    assert!(report.violations.is_empty(), "{what}: {report}");
}

fn a_failed_ledger(what: &str, faults: &[Fault]) {
    let application = Application::start();
    let disk = Disk::new();
    let setup = disk.setup("fsync").env("DOWNLINK_PRESENCE_URL", &application.url());
    let setup = setup.env("DOWNLINK_PRESENCE_SECRET", SECRET).env("DOWNLINK_PRESENCE_GRACE_SECONDS", "0");
    // After a start, those who were there have this long to come back, and ten seconds.
    let server = setup.env("DOWNLINK_DRAIN_SECONDS", "0").start();
    let mut api = server.api();
    api.send("bob", "to be deleted");
    let ada = server.opening(ALL[0], &api.token("ada")).open();
    application.hears("ada", &[true]);
    // A coming, whose record fails.
    until("all is told", || (metric(&mut api, "downlink_notices_waiting") == "0").then_some(()));
    let numbers: Vec<u64> = faults.iter().map(|fault| disk.fail(*fault)).collect();
    let eve = server.opening(ALL[1], &api.token("eve")).open();
    application.hears("eve", &[true]);
    numbers.iter().for_each(|number| assert_eq!(disk.hits(*number), 1, "{what}"));
    assert_eq!(disk.syncs_repeated(), 0, "{what}: no sync of that descriptor is tried again");
    assert_eq!(api.get("/healthz").status, 200, "{what}: messages are stored as before");
    api.send("ada", "stored as before");
    // A deletion, which its caller tries again.
    until("all is told", || (metric(&mut api, "downlink_notices_waiting") == "0").then_some(()));
    disk.mend();
    for fault in faults {
        disk.fail(*fault);
    }
    let mut tries = 0;
    until("the deletion is taken", || {
        tries += 1;
        let answer = api.call("DELETE", "/v1/channels/bob", &[], b"");
        assert!([204, 503, 507].contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
        (answer.status == 204).then_some(())
    });
    assert!((2..=3).contains(&tries), "{what}: {tries} tries");
    assert_eq!(texts(&mut api, "bob"), [""; 0], "{what}");
    drop(eve);
    application.hears("eve", &[true, false]);
    assert_eq!(disk.syncs_repeated(), 0, "{what}");
    let server = killed_and_started(&disk, server);
    let mut api = server.api();
    assert_eq!(texts(&mut api, "bob"), [""; 0], "{what}: deleted is deleted, also after a kill");
    drop(ada);
    let _ada = server.opening(ALL[2], &api.token("ada")).open();
    // Whoever comes next is told of after all that was left to tell.
    let _zoe = server.opening(ALL[3], &api.token("zoe")).open();
    application.hears("zoe", &[true]);
    check_notices(&application, &[("ada", true), ("eve", false), ("zoe", true)], what);
    println!("{what}: {tries} tries of a deletion");
}

#[test]
fn a_ledger_on_a_failed_disk_is_made_anew_and_loses_nothing() {
    let _alone = alone();
    for (what, faults) in cases() {
        a_failed_ledger(what, &faults);
    }
}

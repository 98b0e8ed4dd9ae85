//! A disk that is full: 507 and nothing lost, delivery and reads go on, and so do sends, deletions and notices by themselves
//! when there is room again.

use super::{
    faults::{
        Action::{Fail, Short},
        Disk, ENOSPC, Fault,
        Operation::{Create, Write},
        Place::{Anywhere, Journal},
    },
    story::{Answer, Story, killed_and_started, metric, texts, try_send},
};
use crate::{
    length::{alone, pick},
    support::{
        application::{Application, SECRET},
        http::Api,
        server::{Server, Setup},
        socket::{ALL, Socket},
        until,
    },
};
use std::{fs, path::Path, process::Command};

fn telling(setup: Setup, application: &Application) -> Setup {
    setup
        .env("DOWNLINK_PRESENCE_URL", &application.url())
        .env("DOWNLINK_PRESENCE_SECRET", SECRET)
        .env("DOWNLINK_PRESENCE_GRACE_SECONDS", "0")
}

/// What a full disk is told as, and what it leaves untouched.
fn check_full(story: &Story, server: &Server, stored: &[String], round: u64) {
    let mut api = server.api();
    for number in 0..3 {
        let answer = story.send(&mut api, "ada", &format!("refused {round}.{number}"));
        assert!(answer.is(507, "disk_full"), "{answer:?}");
    }
    assert_eq!(api.call("DELETE", "/v1/channels/bob", &[], b"").code(), "disk_full");
    assert_eq!(api.get("/healthz").status, 200, "it passes, so nobody shall restart the server for it");
    assert_eq!(metric(&mut api, "downlink_broker_healthy"), "0");
    assert_eq!(texts(&mut api, "ada"), stored);
    let token = api.token("ada");
    let after = api.get("/v1/channels/ada/messages?limit=1").json()["messages"][0]["id"].clone();
    for transport in ALL {
        let opening = server.opening(transport, &token).after(after.as_str().unwrap());
        assert_eq!(opening.open().texts(stored.len() - 1), stored[1..], "{transport:?}: delivery goes on");
    }
}

/// A disk that was full has room again: what was refused is stored under the same keys, and the rest goes on.
fn check_room(story: &Story, api: &mut Api, round: u64) {
    for number in 0..3 {
        story.send(api, "ada", &format!("refused {round}.{number}")).cursor();
    }
    assert_eq!(metric(api, "downlink_broker_healthy"), "1");
    assert_eq!(api.call("DELETE", "/v1/channels/bob", &[], b"").status, 204);
    assert_eq!(texts(api, "bob"), [""; 0], "deleted is deleted");
}

#[test]
fn a_full_disk_passes_by_itself() {
    let _alone = alone();
    for durability in ["fsync", "os"] {
        let application = Application::start();
        let disk = Disk::new();
        let mut story = Story::default();
        let server = telling(disk.setup(durability), &application).start();
        let mut api = server.api();
        story.open_pages(&server, "ada");
        application.hears("ada", &[true]);
        let stored: Vec<String> = (0..5).map(|number| format!("before {number}")).collect();
        stored.iter().for_each(|text| drop(story.send(&mut api, "ada", text).cursor()));
        api.send("bob", "to be deleted");
        let full =
            [Write, Create].map(|operation| disk.fail(Fault::always(Anywhere, operation, Fail(ENOSPC))));
        check_full(&story, &server, &stored, 0);
        let before = disk.hits(full[0]);
        let newcomer = server.opening(ALL[0], &api.token("eve")).open();
        until("its coming cannot be recorded", || (disk.hits(full[0]) > before).then_some(()));
        assert_eq!(application.told("eve"), [true; 0], "{durability}: what may be lost is not told");
        disk.mend();
        check_room(&story, &mut api, 0);
        application.hears("eve", &[true]);
        drop(newcomer);
        application.hears("eve", &[true, false]);
        let server = killed_and_started(&disk, server);
        assert_eq!(texts(&mut server.api(), "bob"), [""; 0], "{durability}: deleted is deleted");
        assert_eq!(application.told("ada").first(), Some(&true));
        story.end(&server, &["ada"], durability);
    }
}

/// A record of one key with an Idempotency-Key and 9 to 16 bytes.
const AFTER_BYTES: u64 = 112;

/// A write that stores the first bytes of a batch and then finds no room, at every length: nothing of the batch comes to
/// light, and what is answered after it survives.
#[test]
fn half_a_batch_on_a_full_disk_never_stands_before_what_is_answered_later() {
    let _alone = alone();
    // Three records of one key in one write; and one record of three keys. The first record of the three is as long as the
    // one that is sent afterwards: what was left of the others would stand right behind that, at its own place.
    let batch = serde_json::json!([
        {"to": "ada", "data": format!("{:48}", "lost one")},
        {"to": "ada", "data": "lost two"},
        {"to": "ada", "data": "lost three"}
    ]);
    let list = serde_json::json!([{"to": ["ada", "bob", "eve"], "data": "lost to three"}]);
    let mut lengths = 0;
    for (durability, body, bytes) in [("os", &batch, AFTER_BYTES + 72 + 80), ("fsync", &list, 144)] {
        let disk = Disk::new();
        let mut story = Story::default();
        let server = disk.setup(durability).start();
        let mut api = server.api();
        story.open_pages(&server, "ada");
        story.send(&mut api, "ada", "the first").cursor();
        let mut next = None;
        for stored in (1..bytes).step_by(pick(7, 1)) {
            disk.fail(Fault::once(Journal, Write, Short(stored)));
            let full = disk.fail(Fault::once(Journal, Write, Fail(ENOSPC)).after(1));
            let answers = api.post("/v1/messages", body).json();
            for answer in answers.as_array().unwrap() {
                assert_eq!(answer["code"], "disk_full", "{durability}, {stored} bytes: {answer}");
            }
            assert_eq!(disk.hits(full), 1, "{durability}: a batch has {bytes} bytes");
            disk.mend();
            let after = story.send(&mut api, "ada", &format!("after {stored} bytes")).offset();
            assert_eq!(
                next.replace(after + AFTER_BYTES).unwrap_or(after),
                after,
                "a record has {AFTER_BYTES} bytes"
            );
            lengths += 1;
            if stored % pick(49, 7) == 1 {
                let copy = disk.copy();
                let again = copy.plain(durability).start();
                assert_eq!(texts(&mut again.api(), "ada"), texts(&mut api, "ada"), "after {stored} bytes");
            }
        }
        let server = killed_and_started(&disk, server);
        let kept = story.end(&server, &["ada"], durability).remove(0);
        assert!(kept.iter().all(|(_, text)| !text.starts_with("lost")), "{durability}: {kept:?}");
        assert_eq!(texts(&mut server.api(), "eve"), [""; 0]);
    }
    println!("{lengths} lengths of half a batch");
}

/// A small file system of its own, for as long as this lives.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn at(folder: &'a Path, bytes: u64) -> Self {
        let size = format!("size={bytes}");
        as_root(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "downlink-test"]).arg(folder));
        Self(folder)
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        as_root(Command::new("umount").arg("--lazy").arg(self.0));
    }
}

/// Mounting needs root; elsewhere `sudo` is asked, as in scripts/test.
#[track_caller]
fn as_root(command: &mut Command) {
    let is_root = rustix::process::geteuid().is_root();
    let mut sudo = Command::new("sudo");
    sudo.arg(command.get_program()).args(command.get_args());
    let status = if is_root { command.status() } else { sudo.status() };
    assert!(status.is_ok_and(|status| status.success()), "this test needs root: {command:?}");
}

/// No shim: a file system that is really full, where room taken ahead is what fails first.
#[test]
fn a_small_file_system_is_full_and_then_is_not() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let rounds = pick(2, 10);
    // The journal takes room in steps of 4 MiB; each round fills one.
    let _mounted = Mounted::at(&path, (rounds + 3) << 22);
    let application = Application::start();
    let disk = Disk::below(folder);
    let mut story = Story::default();
    let setup = disk.plain("fsync").env("DOWNLINK_RETENTION_BYTES", "1073741824");
    let mut server = telling(setup, &application).start();
    let mut api = server.api();
    story.open_pages(&server, "ada");
    application.hears("ada", &[true]);
    let mut stored: Vec<String> = Vec::new();
    for number in 0..3 {
        stored.push(format!("before {number}"));
        story.send(&mut api, "ada", &stored[number]).cursor();
    }
    api.send("bob", "to be deleted");
    // First somebody else takes what is left, then the journal itself runs against the end.
    let hog = path.join("hog");
    let mut taken = 0;
    for round in 0..rounds {
        fs::write(&hog, vec![1; 64 << 20]).unwrap_err();
        for bytes in [30_000, 1_000, 1] {
            while try_send(&mut api, "filler", &format!("{taken} {}", "x".repeat(bytes))).is_stored() {
                taken += 1;
                assert!(taken < 10_000, "it never was full");
            }
        }
        check_full(&story, &server, &stored, round);
        server = killed_and_started(&disk, server);
        check_full(&story, &server, &stored, round);
        api = server.api();
        let newcomer = server.opening(ALL[1], &api.token(&format!("eve{round}"))).open();
        let told = |client: &str| application.told(client);
        assert_eq!(told(&format!("eve{round}")), [true; 0]);
        fs::remove_file(&hog).unwrap();
        check_room(&story, &mut api, round);
        stored.extend((0..3).map(|number| format!("refused {round}.{number}")));
        application.hears(&format!("eve{round}"), &[true]);
        drop::<Socket>(newcomer);
    }
    let server = killed_and_started(&disk, server);
    story.end(&server, &["ada"], "a small file system");
    println!("a small file system: full {rounds} times, {taken} messages before");
}

impl Answer {
    fn is_stored(&self) -> bool {
        matches!(self, Self::Stored(_))
    }
}

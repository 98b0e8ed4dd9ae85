//! Bits that flip in what is stored: refused at the start, or not needed, or an error for that read. Never other data.

use super::{
    faults::{Action::Fail, Disk, EIO, Fault, Operation::Read, Place::Journal},
    story::{kept, offset, texts},
};
use crate::{
    length::{alone, pick},
    support::{
        Random,
        http::Api,
        server::Server,
        socket::{ALL, Data, Frame, Socket},
        until,
    },
};
use serde_json::json;
use std::{fs::OpenOptions, os::unix::fs::FileExt, path::Path};

const CHANNELS: usize = 8;

fn channel(number: usize) -> String {
    format!("channel {number}")
}

/// A data directory with several sealed segments, their files of keys, and a channel that was deleted.
struct Ground {
    disk: Disk,
    /// What is kept of each channel, with cursors.
    truth: Vec<Vec<(String, String)>>,
    token: String,
}

impl Ground {
    fn new(clean: bool) -> Self {
        let disk = Disk::new();
        let mut server = disk.plain("fsync").env("DOWNLINK_DRAIN_SECONDS", "0").start();
        let mut api = server.api();
        let token = api.token(&channel(0));
        api.send("gone", "to be deleted");
        assert_eq!(api.call("DELETE", "/v1/channels/gone", &[], b"").status, 204);
        for batch in 0..25 {
            let item = |number| json!({"to": channel(number % CHANNELS), "data": format!("{batch}-{number} {}", "x".repeat(2_000))});
            let items: Vec<_> = (0..16).map(item).collect();
            for answer in api.post("/v1/messages", &items.into()).json().as_array().unwrap() {
                assert!(answer["id"].is_string(), "{answer}");
            }
        }
        let sealed = disk.files("journal", ".seg").len() - 1;
        until("the files of keys are written", || {
            (disk.files("journal", ".keys").len() == sealed).then_some(())
        });
        assert!(sealed >= 3, "{sealed} sealed segments");
        let truth = (0..CHANNELS).map(|number| kept(&mut api, &channel(number)).unwrap()).collect();
        if clean {
            server.terminate();
            assert_eq!(server.wait().code(), Some(0));
        } else {
            server.kill();
        }
        Self { disk, truth, token }
    }
}

fn flip(path: &Path, at: u64, bit: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    byte[0] ^= 1 << bit;
    file.write_all_at(&byte, at).unwrap();
}

/// How starts on damaged data went.
#[derive(Debug, Default)]
struct Found {
    refused: usize,
    unreadable: usize,
    unharmed: usize,
}

/// A start on damaged data: whatever it shows is the truth.
fn look(ground: &Ground, disk: &Disk, what: &str, may_end_early: bool, found: &mut Found) {
    let server = match disk.plain("fsync").attempt() {
        Ok(server) => server,
        Err(status) => {
            let said = disk.complaints();
            assert_eq!(status.code(), Some(1), "{what}: {said}");
            // A version that is none of ours is said as such, whatever brought it about.
            let ways = ["--accept-loss", "restore it from a backup", "has format version"];
            assert!(ways.iter().any(|way| said.contains(way)), "{what}: {said}");
            found.refused += 1;
            return;
        }
    };
    let (mut api, mut unreadable) = (server.api(), false);
    for (number, truth) in ground.truth.iter().enumerate() {
        match kept(&mut api, &channel(number)) {
            // Without a clean end the last write may be taken for one that a crash tore; it is cut as a whole.
            Ok(messages) if may_end_early && truth.starts_with(&messages) => {
                assert!(
                    truth.len() - messages.len() <= 2,
                    "{what}: {} are gone",
                    truth.len() - messages.len()
                );
            }
            Ok(messages) => {
                assert!(messages == *truth, "{what}: {} is not what was written", channel(number))
            }
            Err(answer) => {
                assert_eq!((answer.status, &*answer.code()), (503, "unreadable"), "{what}");
                unreadable = true;
            }
        }
    }
    if !may_end_early {
        assert_eq!(texts(&mut api, "gone"), [""; 0], "{what}: deleted is deleted");
    }
    found.unreadable += usize::from(unreadable);
    found.unharmed += usize::from(!unreadable);
}

#[test]
fn a_flipped_bit_is_refused_or_said_or_not_needed() {
    let _alone = alone();
    let mut random = Random(0x5eed_b175);
    for clean in [true, false] {
        let ground = Ground::new(clean);
        let (mut found, flips) = (Found::default(), pick(25, 200));
        for _ in 0..flips {
            let disk = ground.disk.copy();
            let mut files = disk.files("journal", ".seg");
            // The segments hold most bytes; the small files have their turn too.
            if random.below(3) == 0 {
                files = disk.files("journal", ".keys");
                files.extend(disk.files("journal", ".state"));
                files.extend(disk.files("presence", "ledger"));
                files.push(disk.data().join("hash.key"));
            }
            let file = &files[random.below(files.len() as u64) as usize];
            let (at, bit) = (random.below(file.metadata().unwrap().len()), random.below(8));
            flip(file, at, bit);
            let name = file.file_name().unwrap().to_str().unwrap();
            let what = format!("bit {bit} of byte {at} of {name}, closed: {clean}");
            look(&ground, &disk, &what, !clean, &mut found);
        }
        println!("{flips} flipped bits, closed before: {clean}; {found:?}");
        assert!(found.refused > 0 && found.unharmed > 0, "{found:?}");
    }
}

/// Where a channel's first message lies: file and place.
fn place_of(ground: &Ground, disk: &Disk, number: usize) -> (std::path::PathBuf, u64) {
    let place = offset(&ground.truth[number][0].0);
    let base = |path: &Path| u64::from_str_radix(path.file_stem().unwrap().to_str().unwrap(), 16).unwrap();
    let segments = disk.files("journal", ".seg");
    let file = segments.into_iter().rfind(|path| base(path) <= place).unwrap();
    let at = place - base(&file);
    (file, at)
}

/// What a page gets that comes back and was behind a place that cannot be read: nothing wrong, and a word.
fn comes_back(server: &Server, ground: &Ground, what: &str) {
    for transport in ALL {
        let after = &ground.truth[0][0].0;
        let before = format!("{}.1", after.split_once('.').unwrap().0);
        let opened = server.opening(transport, &ground.token).after(&before).try_open().unwrap();
        // A poll is refused with a status, a stream is closed with a code.
        let frame = opened.map(|mut socket: Socket| {
            loop {
                match socket.next() {
                    Ok(Frame::Open | Frame::Ping) => {}
                    other => return other.unwrap_or(Frame::End(None)),
                }
            }
        });
        match frame {
            Err(answer) => assert_eq!(answer.status, 503, "{what}, {transport:?}: {}", answer.text()),
            Ok(Frame::Close { code, .. }) => assert_eq!(code, 1011, "{what}, {transport:?}"),
            Ok(other) => panic!("{what}, {transport:?}: {other:?}"),
        }
    }
}

fn check_others(server: &Server, api: &mut Api, ground: &Ground, what: &str) {
    let readable = (1..CHANNELS).filter(|number| {
        kept(api, &channel(*number)).is_ok_and(|messages| messages == ground.truth[*number])
    });
    assert_eq!(readable.count(), CHANNELS - 1, "{what}: the other channels are untouched");
    // Who is there hears what is sent from now on.
    let token = api.token(&channel(0));
    let mut live = server.opening(ALL[0], &token).open();
    api.send(&channel(0), what);
    assert!(matches!(live.frame(), Frame::Message(_, Data::Text(text)) if text == what));
}

#[test]
fn a_record_that_goes_bad_under_a_running_server_is_an_error_and_the_way_out_is_a_new_epoch() {
    let _alone = alone();
    let ground = Ground::new(true);
    let disk = &ground.disk;
    // The cache of newest messages is empty after a start: all of this is read from the disk.
    let mut server = disk.setup("fsync").env("DOWNLINK_DRAIN_SECONDS", "0").start();
    let mut api = server.api();
    disk.fail(Fault::always(Journal, Read, Fail(EIO)));
    assert_eq!(kept(&mut api, &channel(0)).unwrap_err().code(), "unreadable");
    comes_back(&server, &ground, "EIO on a read");
    disk.mend();
    assert!(kept(&mut api, &channel(0)).unwrap() == ground.truth[0], "and when it reads again, all is there");
    let (file, at) = place_of(&ground, disk, 0);
    for (what, within) in [("a bad payload", 100), ("a bad link", 40), ("a bad length", 1)] {
        flip(&file, at + within, 3);
        assert_eq!(kept(&mut api, &channel(0)).unwrap_err().code(), "unreadable", "{what}");
        comes_back(&server, &ground, what);
        check_others(&server, &mut api, &ground, what);
        flip(&file, at + within, 3);
        let messages = kept(&mut api, &channel(0)).unwrap();
        assert!(messages.starts_with(&ground.truth[0]), "{what}: as it was");
    }
    flip(&file, at + 100, 3);
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    let server = disk.plain("fsync").arg("--accept-loss").start();
    let mut api = server.api();
    let last = &ground.truth[0].last().unwrap().0;
    api.send(&channel(0), "of the new life");
    for transport in ALL {
        let mut socket = server.opening(transport, &ground.token).after(last).open();
        assert_eq!(socket.gap(), "epoch", "{transport:?}");
        assert_eq!(socket.text(), "of the new life", "{transport:?}");
    }
    assert_eq!(texts(&mut api, &channel(0)), ["of the new life"]);
    assert!(disk.complaints().contains("a new epoch begins"), "{}", disk.complaints());
}

//! Dropping whole segments, forgetting keys, and what stays known of what is gone.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{NOON, PowerDisk, Random, entry, history, key, open_at, options, reopen, send};
use journal::{After, Disk, FileDisk, LogStart, MemoryDisk, Offset, Opened, Options, ReadError, Trimmed};

const HOUR: u64 = 3_600_000;

fn small() -> Options {
    Options { retention_bytes: 32 * 1024, ..options() }
}

fn send_at(opened: &mut Opened, to: u128, payload: &[u8], now_ms: u64) -> Offset {
    let keys = [key(to)];
    opened.writer.append_one(entry(&keys, payload), now_ms).expect("there is room").offset
}

fn retain(opened: &mut Opened, now_ms: u64) -> Option<Trimmed> {
    opened.writer.retain(now_ms).expect("it drops")
}

/// Lets a day's worth of calls pass, so that every shard is looked at.
fn retain_often(opened: &mut Opened, now_ms: u64) {
    for _ in 0..40 {
        retain(opened, now_ms);
    }
}

fn segment_bytes(disk: &PowerDisk) -> usize {
    disk.names(".seg").iter().map(|name| disk.content(name).len()).sum()
}

#[test]
fn more_bytes_than_allowed_drop_the_oldest_segments() {
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, &small(), NOON).unwrap();
    let mut offsets = Vec::new();
    for number in 0..1000 {
        offsets.push(send_at(&mut opened, 1, &[0; 100], NOON + number));
    }
    assert!(segment_bytes(&disk) > 100_000);
    let trimmed = retain(&mut opened, NOON + 1000).unwrap();
    assert!(segment_bytes(&disk) <= 32 * 1024 + 4096);
    assert_eq!(trimmed.start, opened.reader.start());
    assert!(trimmed.segments > 10 && trimmed.bytes > 60_000);
    assert_eq!(retain(&mut opened, NOON + 1000), None);

    let kept = opened.reader.walk(key(1), After::Offset(Offset(0)), Offset(u64::MAX), u64::MAX).unwrap();
    let start = opened.reader.start();
    assert_eq!(kept.oldest_previous, start.offset, "the start is the newest record that is gone");
    let gone = offsets.iter().position(|offset| *offset == start.offset).unwrap();
    assert_eq!(start.time_ms, NOON + gone as u64);
    assert_eq!(kept.offsets, offsets[gone + 1..]);
    assert_eq!(kept.newest.unwrap().ordinal, 1000);
    for offset in &offsets[..=gone] {
        assert!(matches!(opened.reader.read(*offset, key(1)), Err(ReadError::Trimmed)));
    }
    assert_eq!(reopen(&disk.after_kill()).reader.start(), start);
}

#[test]
fn age_drops_segments_also_when_nothing_is_sent_any_more() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    let offset = send_at(&mut opened, 1, b"x", NOON);
    assert_eq!(retain(&mut opened, NOON + 2 * HOUR), None, "sealed, but not too old yet");
    assert_eq!(disk.names(".seg").len(), 2);
    let start = LogStart { offset, time_ms: NOON };
    assert_eq!(retain(&mut opened, NOON + 2 * HOUR + 1).unwrap().start, start);
    assert_eq!(opened.reader.end(), offset, "the end stays known");
    for _ in 0..100 {
        assert_eq!(retain(&mut opened, NOON + 9 * HOUR), None);
    }
    assert_eq!(disk.names(".seg").len(), 1, "an empty segment is not sealed again and again");

    opened.writer.close().unwrap();
    let mut opened = open_at(&disk, &options(), NOON + 9 * HOUR).unwrap();
    assert_eq!((opened.reader.end(), opened.reader.start()), (offset, start));
    let place = opened.reader.newest(key(1), opened.reader.end()).unwrap();
    assert_eq!((place.offset, place.ordinal), (offset, 1));
    let walk = opened.reader.walk(key(1), After::Offset(Offset(0)), Offset(u64::MAX), 9).unwrap();
    assert_eq!((walk.offsets.len(), walk.newest), (0, Some(place)));
    assert!(send_at(&mut opened, 1, b"y", 0) > offset);
    assert_eq!(history(&opened.reader, key(1)), [b"y"]);
}

#[test]
fn a_journal_that_retention_alone_has_touched_is_recovered_like_any_other() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    let offset = send_at(&mut opened, 1, b"x", NOON);
    opened.writer.close().unwrap();
    let mut opened = open_at(&disk, &options(), NOON + HOUR).unwrap();
    retain(&mut opened, NOON + HOUR);
    assert_eq!(disk.names(".seg").len(), 2, "sealed by age, with no append in this run");
    let killed = open_at(&disk.after_kill(), &options(), NOON + HOUR).unwrap();
    assert_eq!((killed.reader.end(), killed.report.was_unclean), (offset, true));
    opened.writer.close().unwrap();
    let closed = open_at(&disk, &options(), NOON + HOUR).unwrap();
    assert_eq!((closed.reader.end(), closed.report.was_unclean), (offset, false));
}

#[test]
fn a_record_is_kept_an_eighth_longer_at_most() {
    let mut opened = reopen(&PowerDisk::new());
    let minute = 60_000;
    let mut offsets = Vec::new();
    for now in 0..400 {
        offsets.push(send_at(&mut opened, 1, b"x", NOON + now * minute));
        retain(&mut opened, NOON + now * minute);
        let oldest = offsets.iter().position(|offset| *offset > opened.reader.start().offset).unwrap() as u64;
        assert!(now - oldest <= 120 + 16, "{} minutes old", now - oldest);
        assert!(oldest == 0 || now - oldest >= 120 - 1, "dropped after {} minutes", now - oldest);
    }
}

#[test]
fn keys_outlive_their_records_also_over_restarts_and_are_forgotten_in_the_end() {
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, &small(), NOON).unwrap();
    for number in 0..500 {
        send_at(&mut opened, number, &[0; 100], NOON);
    }
    // Later traffic drops the segments of all of these, a few at a time.
    for round in 0..100 {
        for number in 1000..1010 {
            send_at(&mut opened, number, &[0; 100], NOON + HOUR + round);
        }
        retain(&mut opened, NOON + HOUR + round);
    }
    assert!(disk.names(".keys").len() < 30, "files of keys are merged: {:?}", disk.names(".keys"));
    for _ in 0..2 {
        opened = open_at(&disk.after_kill(), &small(), NOON + 2 * HOUR).unwrap();
        assert_eq!(opened.reader.keys(), 510);
        for number in 0..500 {
            assert_eq!(opened.reader.newest(key(number), Offset(u64::MAX)).unwrap().ordinal, 1);
        }
    }
    // A key goes with the segment of its newest record, and one segment has records of both hours.
    let keys = open_at(&disk.after_kill(), &small(), NOON + 25 * HOUR).unwrap().reader.keys();
    assert!((10..40).contains(&keys), "{keys} keys");
    retain_often(&mut opened, NOON + 23 * HOUR);
    assert_eq!(opened.reader.keys(), 510);
    retain_often(&mut opened, NOON + 25 * HOUR);
    assert!((10..40).contains(&opened.reader.keys()), "{} keys", opened.reader.keys());
    retain_often(&mut opened, NOON + 50 * HOUR);
    assert_eq!(opened.reader.keys(), 0);
    let offset = send_at(&mut opened, 3, b"x", NOON + 50 * HOUR);
    assert_eq!(opened.reader.newest(key(3), offset).unwrap().ordinal, 1);
}

#[test]
fn forgetting_keeps_up_however_fast_segments_go() {
    let second = Duration::from_secs(1);
    let options = Options { retention: second, index_retention: second, ..options() };
    let mut opened = open_at(&PowerDisk::new(), &options, NOON).unwrap();
    for round in 0..200 {
        let now_ms = NOON + round * 2000;
        for number in 0..40 {
            send_at(&mut opened, u128::from(round * 40 + number), &[0; 100], now_ms);
        }
        retain(&mut opened, now_ms);
    }
    assert!(opened.reader.keys() < 1600, "{} of 8,000 keys are left", opened.reader.keys());
}

/// Segments go one by one, the oldest first, also for the disk: else there would be a hole, which is damage.
#[test]
fn a_power_loss_while_segments_are_dropped_leaves_no_hole() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    for _ in 0..400 {
        send_at(&mut opened, 1, &[0; 100], NOON);
    }
    while let Some(chore) = opened.writer.take_chore(NOON) {
        chore.run().unwrap();
    }
    opened.writer.sync().unwrap();
    for step in 0..40 {
        let cut = disk.after_kill();
        let mut opened = open_at(&cut, &small(), NOON).unwrap();
        cut.with(|shared| shared.faults.stop_at = Some(shared.changes + step));
        drop(opened.writer.retain(NOON));
        for seed in 0..5 {
            let left = cut.after_power_loss(&mut Random(step * 5 + seed));
            let opened = open_at(&left, &small(), NOON).unwrap();
            let gone = opened.reader.walk(key(1), After::TimeMs(0), Offset(u64::MAX), u64::MAX).unwrap();
            assert_eq!(opened.reader.newest(key(1), Offset(u64::MAX)).unwrap().ordinal, 400);
            assert_eq!(gone.oldest_previous, opened.reader.start().offset);
        }
    }
}

/// Chores that were taken may be done late, in any order, or never.
#[test]
fn chores_done_late_or_never_do_no_harm() {
    for skipped in [1, 2, 1000] {
        let disk = PowerDisk::new();
        let mut opened = open_at(&disk, &small(), NOON).unwrap();
        let mut chores = Vec::new();
        for number in 0..2000 {
            send_at(&mut opened, number, &[0; 100], NOON);
            chores.extend(opened.writer.take_chore(NOON));
            retain(&mut opened, NOON);
        }
        assert!(chores.len() > 40);
        for (number, chore) in chores.into_iter().rev().enumerate() {
            if number % skipped == 0 {
                drop(chore.run());
            }
        }
        let recovered = open_at(&disk.after_kill(), &small(), NOON).unwrap();
        assert_eq!(recovered.reader.start(), opened.reader.start());
        let kept = |number| !history(&recovered.reader, key(number)).is_empty();
        let oldest = (0..2000).find(|number| kept(*number)).unwrap();
        assert!((oldest..2000).all(kept), "what is kept can be read");
    }
}

#[test]
fn files_of_forgotten_keys_are_removed() {
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, &small(), NOON).unwrap();
    for number in 0..2000 {
        send_at(&mut opened, number, &[0; 100], NOON);
    }
    retain_often(&mut opened, NOON);
    retain_often(&mut opened, NOON + 30 * HOUR);
    assert_eq!((disk.names(".keys").len(), disk.names(".seg").len()), (0, 1));
}

#[test]
fn keys_whose_records_are_kept_are_never_forgotten() {
    let disk = PowerDisk::new();
    let day = Duration::from_secs(24 * 3600);
    let options = Options { retention: 10 * day, index_retention: day, ..options() };
    let mut opened = open_at(&disk, &options, NOON).unwrap();
    send_at(&mut opened, 1, b"x", NOON);
    retain_often(&mut opened, NOON + 9 * 24 * HOUR);
    assert_eq!(history(&opened.reader, key(1)), [b"x"]);
    let opened = open_at(&disk.after_kill(), &options, NOON + 9 * 24 * HOUR).unwrap();
    assert_eq!(history(&opened.reader, key(1)), [b"x"]);
}

/// Resumes that race with dropping get records or the word that they are gone, and nothing else.
#[test]
fn readers_of_dropped_segments_are_told_so() {
    fn race(disk: &Arc<impl Disk + 'static>, times: u64) {
        let mut opened = open_at(disk, &small(), NOON).unwrap();
        send(&mut opened, key(1), &[0; 100]);
        let reader = opened.reader.clone();
        std::thread::scope(|scope| {
            let reading = scope.spawn(move || {
                let mut trimmed = 0;
                while reader.newest(key(1), Offset(u64::MAX)).unwrap().ordinal < times {
                    let walk = reader.walk(key(1), After::TimeMs(0), Offset(u64::MAX), 400).unwrap();
                    for offset in walk.offsets {
                        match reader.read(offset, key(1)) {
                            Ok(record) => assert_eq!(record.payload.len(), 100),
                            Err(ReadError::Trimmed) => trimmed += 1,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
                trimmed
            });
            for number in 1..times {
                send(&mut opened, key(1), &[0; 100]);
                if number % 20 == 0 {
                    retain(&mut opened, NOON);
                }
            }
            reading.join().unwrap();
        });
    }
    let directory = tempfile::tempdir().unwrap();
    race(&Arc::new(FileDisk::new(directory.path()).unwrap()), 2_000);
    race(&Arc::new(MemoryDisk::new()), 20_000);
}

#[test]
fn hashes_within_the_window_are_read_back_once_each_wherever_they_lie() {
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, &small(), NOON).unwrap();
    let keys = [key(1)];
    let mut sent = Vec::new();
    for number in 0..800 {
        let hashes = journal::Idempotency { key: number, body: number * 3 };
        let idempotent = journal::Entry { idempotency: Some(hashes), ..entry(&keys, &[0; 100]) };
        let time_ms = NOON + number as u64 * 1000;
        sent.push((number, opened.writer.append_one(idempotent, time_ms).unwrap().offset, time_ms));
        retain(&mut opened, time_ms);
    }
    let now_ms = NOON + 800_000;
    let recovered = open_at(&disk.after_kill(), &small(), now_ms).unwrap().report.idempotency;
    // Ten minutes: most of their segments have been dropped already.
    let expected = &sent[200..];
    assert_eq!(recovered.len(), expected.len());
    for (entry, (number, offset, time_ms)) in recovered.iter().zip(expected) {
        assert_eq!((entry.key, entry.body), (*number, number * 3));
        assert_eq!((entry.offset, entry.time_ms), (*offset, *time_ms));
    }
}

#[test]
fn memory_is_given_back_when_segments_are_dropped() {
    let disk = Arc::new(MemoryDisk::with_capacity(12 << 20));
    let options = Options { retention_bytes: 8 << 20, segment_bytes: 1 << 20, ..Options::in_memory() };
    let mut opened = open_at(&disk, &options, NOON).unwrap();
    for _ in 0..2000 {
        send(&mut opened, key(1), &[0; 32 * 1024]);
        retain(&mut opened, NOON);
    }
    assert!(disk.list().unwrap().iter().all(|name| !name.ends_with(".keys")));
}

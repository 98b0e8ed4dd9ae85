//! Appending and reading, on both disks.

use std::sync::Arc;

use crate::common::{NOON, entry, history, key, open_at, options, reopen, send, send_synced};
use journal::{After, AppendError, Disk, Entry, FileDisk, Key, MemoryDisk, Offset, Place, ReadError};
use journal::{KEYS_MAX, RECORD_BYTES_MAX};

#[test]
fn what_is_appended_reads_back_in_order_also_over_segments() {
    fn story(disk: &Arc<impl Disk + 'static>) {
        let mut opened = reopen(disk);
        let sent: Vec<Vec<u8>> = (0..200).map(|number| vec![number; 10 + number as usize * 5]).collect();
        let mut last = Offset(0);
        for payload in &sent {
            let appended = send(&mut opened, key(1), payload);
            send(&mut opened, key(2), b"between");
            assert!(appended.offset > last, "offsets rise");
            assert_eq!(appended.links[0].previous, last);
            last = appended.offset;
        }
        assert!(disk.list().unwrap().iter().filter(|name| name.ends_with(".seg")).count() > 10);
        assert_eq!(history(&opened.reader, key(1)), sent);
        assert_eq!(history(&opened.reader, key(2)).len(), 200);
        assert_eq!(history(&opened.reader, key(3)).len(), 0);
    }
    let directory = tempfile::tempdir().unwrap();
    story(&Arc::new(FileDisk::new(directory.path()).unwrap()));
    story(&Arc::new(MemoryDisk::new()));
}

#[test]
fn a_fresh_journal_is_empty() {
    let opened = reopen(&Arc::new(MemoryDisk::new()));
    assert_eq!(opened.reader.end(), Offset(0));
    assert_eq!(opened.reader.start(), journal::LogStart::default());
    assert_eq!(opened.reader.newest(key(1), Offset(u64::MAX)), None);
    assert_eq!(opened.epoch, 7);
    assert!(!opened.report.was_unclean && !opened.report.epoch_is_new);
}

#[test]
fn a_batch_is_numbered_in_its_order_and_chains_within_itself() {
    let mut opened = reopen(&Arc::new(MemoryDisk::new()));
    let (ada, bob) = ([key(1)], [key(2)]);
    let batch = [entry(&ada, b"a1"), entry(&bob, b"b1"), entry(&ada, b"a2"), entry(&ada, b"a3")];
    let appended = opened.writer.append(&batch, NOON).unwrap();
    let ordinals: Vec<u64> = appended.iter().map(|one| one.links[0].ordinal).collect();
    assert_eq!(ordinals, [1, 1, 2, 3]);
    assert_eq!(appended[3].links[0].previous, appended[2].offset);
    assert_eq!(opened.reader.end(), appended[3].offset);
    assert_eq!(history(&opened.reader, key(1)), [b"a1", b"a2", b"a3"]);
    assert_eq!(opened.writer.append(&[], NOON).unwrap(), []);
}

#[test]
fn a_record_of_many_keys_is_one_offset_with_an_ordinal_for_each() {
    let mut opened = reopen(&Arc::new(MemoryDisk::new()));
    send(&mut opened, key(500), b"before");
    let keys: Vec<Key> = (0..10_000).rev().map(key).collect();
    let appended = opened.writer.append_one(entry(&keys, b"to all"), NOON).unwrap();
    assert_eq!(appended.links.len(), 10_000);
    assert!(appended.links.is_sorted_by_key(|link| link.key));
    for number in [0, 1, 499, 501, 9_999] {
        assert_eq!(history(&opened.reader, key(number)), [b"to all"]);
    }
    assert_eq!(history(&opened.reader, key(500)), [b"before", b"to all"]);
    let place = Place { offset: appended.offset, ordinal: 2 };
    assert_eq!(opened.reader.newest(key(500), opened.reader.end()), Some(place));
    assert!(matches!(opened.reader.read(appended.offset, key(10_000)), Err(ReadError::Unknown)));
}

#[test]
fn a_key_named_twice_in_one_entry_counts_once() {
    let mut opened = reopen(&Arc::new(MemoryDisk::new()));
    let appended = opened.writer.append_one(entry(&[key(1), key(2), key(1)], b"x"), NOON).unwrap();
    assert_eq!(appended.links.len(), 2);
    assert_eq!(send(&mut opened, key(1), b"y").links[0].ordinal, 2);
}

#[test]
fn kind_time_and_time_to_live_come_back() {
    let mut opened = reopen(&Arc::new(MemoryDisk::new()));
    let keys = [key(1)];
    let sent = Entry { kind: 200, ttl_seconds: 30, ..entry(&keys, b"") };
    let offset = opened.writer.append_one(sent, NOON + 5).unwrap().offset;
    let record = opened.reader.read(offset, key(1)).unwrap();
    assert_eq!((record.kind, record.ttl_seconds, record.time_ms), (200, 30, NOON + 5));
    assert_eq!(record.payload.len(), 0);
}

#[test]
fn times_never_run_backwards_also_over_a_restart() {
    let disk = Arc::new(MemoryDisk::new());
    let mut opened = reopen(&disk);
    let keys = [key(1)];
    assert_eq!(opened.writer.append_one(entry(&keys, b"x"), NOON + 10).unwrap().time_ms, NOON + 10);
    assert_eq!(opened.writer.append_one(entry(&keys, b"x"), NOON).unwrap().time_ms, NOON + 10);
    opened.writer.close().unwrap();
    let mut opened = reopen(&disk);
    assert_eq!(opened.writer.append_one(entry(&keys, b"x"), 0).unwrap().time_ms, NOON + 10);
}

#[test]
fn a_walk_stops_where_it_is_told() {
    let mut opened = reopen(&Arc::new(MemoryDisk::new()));
    let mut offsets = Vec::new();
    for number in 0..10 {
        let keys = [key(1)];
        let appended = opened.writer.append_one(entry(&keys, b"x"), NOON + number * 1000).unwrap();
        offsets.push(appended.offset);
        send(&mut opened, key(2), b"between");
    }
    let end = opened.reader.end();
    let walk = |after, up_to, max| opened.reader.walk(key(1), after, up_to, max).unwrap();
    assert_eq!(walk(After::Offset(offsets[6]), end, 99).offsets, offsets[7..]);
    assert_eq!(walk(After::Offset(offsets[6]), end, 99).oldest_previous, offsets[6]);
    assert_eq!(walk(After::Offset(Offset(0)), end, 3).offsets, offsets[7..]);
    assert_eq!(walk(After::TimeMs(NOON + 7000), end, 99).offsets, offsets[7..]);
    assert_eq!(walk(After::TimeMs(NOON + 7001), end, 99).offsets, offsets[8..]);
    assert_eq!(walk(After::Offset(Offset(0)), offsets[2], 2).offsets, offsets[1..3]);
    assert_eq!(walk(After::Offset(Offset(0)), offsets[2], 2).newest.unwrap().ordinal, 3);
    let nothing = walk(After::Offset(offsets[9]), end, 99);
    assert_eq!((nothing.offsets.len(), nothing.newest.unwrap().ordinal), (0, 10));
    assert_eq!(walk(After::Offset(Offset(0)), end, 99).oldest_previous, Offset(0));
}

#[test]
fn what_is_beyond_the_limit_is_not_seen() {
    let mut opened = reopen(&Arc::new(MemoryDisk::new()));
    let first = send_synced(&mut opened, key(1), b"synced").offset;
    send(&mut opened, key(1), b"not yet");
    send(&mut opened, key(2), b"not yet");
    let place = Place { offset: first, ordinal: 1 };
    assert_eq!(opened.reader.newest(key(1), first), Some(place));
    assert_eq!(opened.reader.newest(key(2), first), None);
}

#[test]
fn an_offset_that_is_no_record_is_refused() {
    let mut opened = reopen(&Arc::new(MemoryDisk::new()));
    let offset = send(&mut opened, key(1), &[0; 500]).offset;
    send(&mut opened, key(1), b"x");
    let read = |offset, of| opened.reader.read(Offset(offset), of);
    assert!(matches!(read(offset.0, key(2)), Err(ReadError::Unknown)));
    assert!(matches!(read(0, key(1)), Err(ReadError::Unknown)));
    assert!(matches!(read(1 << 40, key(1)), Err(ReadError::Unknown)));
    assert!(matches!(read(offset.0 + 8, key(1)), Err(ReadError::Corrupt { .. })));
}

#[test]
fn what_is_too_large_or_nobodys_is_refused_and_changes_nothing() {
    let mut opened = reopen(&Arc::new(MemoryDisk::new()));
    let keys = [key(1)];
    let large = vec![0; RECORD_BYTES_MAX as usize];
    let refused = opened.writer.append_one(entry(&keys, &large), NOON);
    assert!(matches!(refused, Err(AppendError::TooLarge { .. })));
    let refused = opened.writer.append(&[entry(&keys, b"good"), entry(&[], b"nobody")], NOON);
    assert!(matches!(refused, Err(AppendError::Keys { .. })));
    let many: Vec<Key> = (0..u128::from(KEYS_MAX) + 1).map(key).collect();
    assert!(matches!(opened.writer.append_one(entry(&many, b"x"), NOON), Err(AppendError::Keys { .. })));
    let fits = &large[..15 << 20];
    let five = [entry(&keys, fits); 5];
    assert!(matches!(opened.writer.append(&five, NOON), Err(AppendError::TooLarge { .. })));
    assert_eq!(send(&mut opened, key(1), b"x").links[0].ordinal, 1);
    opened.writer.append_one(entry(&keys, fits), NOON).unwrap();
    assert_eq!(history(&opened.reader, key(1))[1].len(), 15 << 20);
}

#[test]
fn readers_on_other_threads_see_whole_records_while_the_writer_writes() {
    let disk = Arc::new(MemoryDisk::new());
    let mut opened = open_at(&disk, &options(), NOON).unwrap();
    let reader = opened.reader.clone();
    std::thread::scope(|scope| {
        let watching = scope.spawn(move || {
            let mut seen = 0;
            while seen < 3000 {
                let end = reader.end();
                let ordinal = reader.newest(key(1), end).map_or(0, |place| place.ordinal);
                let walk = reader.walk(key(1), After::Offset(Offset(0)), end, 5).unwrap();
                let newest = walk.newest.map_or(0, |place| place.ordinal);
                assert!(newest >= ordinal && ordinal >= seen, "it never runs back");
                for offset in walk.offsets {
                    let record = reader.read(offset, key(1)).unwrap();
                    assert_eq!(record.payload, record.link.ordinal.to_string().as_bytes());
                }
                seen = newest;
            }
        });
        for number in 1..=3000 {
            send(&mut opened, key(1), number.to_string().as_bytes());
        }
        watching.join().unwrap();
    });
}

//! A disk that is full, writes half, or fails.

use std::io::ErrorKind;
use std::sync::Arc;

use crate::common::{NOON, PowerDisk, entry, history, key, open_at, options, reopen, send, send_synced};
use journal::{AppendError, MemoryDisk, Options, SyncError};

fn one_segment() -> Options {
    Options { segment_bytes: 1 << 16, ..options() }
}

#[test]
fn a_full_disk_numbers_nothing_and_passes() {
    let disk = Arc::new(MemoryDisk::with_capacity(3 * 256 * 1024));
    let options = Options { segment_bytes: 1 << 20, ..options() };
    let mut opened = open_at(&disk, &options, NOON).unwrap();
    let (keys, large) = ([key(1)], vec![1; 600 * 1024]);
    send(&mut opened, key(1), b"one");
    let full = opened.writer.append_one(entry(&keys, &large), NOON);
    assert!(matches!(full, Err(AppendError::Full)));
    let full = opened.writer.append(&[entry(&keys, b"small"), entry(&keys, &large)], NOON);
    assert!(matches!(full, Err(AppendError::Full)));
    assert_eq!(history(&opened.reader, key(1)), [b"one"]);
    assert_eq!(send(&mut opened, key(1), b"two").links[0].ordinal, 2);
    disk.add_capacity(10 << 20);
    let appended = opened.writer.append_one(entry(&keys, &large), NOON).unwrap();
    assert_eq!(appended.links[0].ordinal, 3);
    assert_eq!(history(&opened.reader, key(1)), [b"one".to_vec(), b"two".to_vec(), large]);
}

/// A write that stores any part of a batch, whole records too, and then fails for want of room: later
/// records must survive it, and nothing of it may come to light.
#[test]
fn a_partial_append_is_never_taken_for_good() {
    let keys = [key(1)];
    let lost = [entry(&keys, b"lost one"), entry(&keys, b"lost two"), entry(&keys, b"lost three")];
    for stored in 0..3 * 80 {
        let disk = PowerDisk::new();
        let mut opened = open_at(&disk, &one_segment(), NOON).unwrap();
        send_synced(&mut opened, key(1), b"before");
        disk.with(|shared| shared.faults.write = Some((ErrorKind::StorageFull, stored)));
        assert!(matches!(opened.writer.append(&lost, NOON), Err(AppendError::Full)));
        let after = open_at(&disk.after_kill(), &one_segment(), NOON).unwrap();
        assert_eq!(history(&after.reader, key(1)), [b"before"]);
        send_synced(&mut opened, key(1), b"after it");
        let after = open_at(&disk.after_kill(), &one_segment(), NOON).unwrap();
        assert_eq!(history(&after.reader, key(1)), [&b"before"[..], b"after it"], "{stored} bytes stored");
    }
}

#[test]
fn a_failed_write_is_final() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    let keys = [key(1)];
    send_synced(&mut opened, key(1), b"good");
    disk.with(|shared| shared.faults.write = Some((ErrorKind::Other, 20)));
    assert!(matches!(opened.writer.append_one(entry(&keys, b"bad"), NOON), Err(AppendError::Io(_))));
    assert!(opened.writer.is_poisoned());
    assert!(matches!(opened.writer.append_one(entry(&keys, b"x"), NOON), Err(AppendError::Poisoned)));
    assert!(matches!(opened.writer.append(&[entry(&keys, b"x"); 2], NOON), Err(AppendError::Poisoned)));
    assert!(matches!(opened.writer.sync(), Err(SyncError::Poisoned)));
    assert_eq!(history(&opened.reader, key(1)), [b"good"], "what is stored is still delivered");
    assert!(matches!(opened.writer.close(), Err(SyncError::Poisoned)));
    assert_eq!(history(&reopen(&disk.after_kill()).reader, key(1)), [b"good"]);
}

#[test]
fn a_failed_sync_is_final_and_what_the_kernel_forgot_is_written_anew() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    send_synced(&mut opened, key(1), b"good");
    let unknown = send(&mut opened, key(1), b"unknown").offset;
    disk.with(|shared| shared.faults.sync = Some(ErrorKind::Other));
    assert!(matches!(opened.writer.sync(), Err(SyncError::Io(_))));
    assert!(matches!(opened.writer.sync(), Err(SyncError::Poisoned)));
    let keys = [key(1)];
    assert!(matches!(opened.writer.append_one(entry(&keys, b"x"), NOON), Err(AppendError::Poisoned)));
    // The process dies; the next one sees the record, in memory only, and announces it.
    let disk = disk.after_kill();
    let opened = reopen(&disk);
    assert_eq!(history(&opened.reader, key(1)), [&b"good"[..], b"unknown"]);
    // Then the power goes: what was announced must be there.
    let disk = disk.after_power_loss(&mut crate::common::Random(0));
    let mut opened = reopen(&disk);
    assert_eq!(history(&opened.reader, key(1)), [&b"good"[..], b"unknown"]);
    assert!(send(&mut opened, key(1), b"next").offset > unknown);
}

#[test]
fn offsets_of_a_batch_with_unknown_outcome_are_not_used_again() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    send_synced(&mut opened, key(1), b"good");
    let unknown = send(&mut opened, key(1), b"unknown").offset;
    disk.with(|shared| shared.faults.sync = Some(ErrorKind::Other));
    opened.writer.sync().unwrap_err();
    let disk = disk.after_power_loss(&mut crate::common::Random(0));
    // Two starts, of which the first writes nothing and is even closed.
    reopen(&disk).writer.close().unwrap();
    let mut opened = reopen(&disk);
    assert_eq!(history(&opened.reader, key(1)), [b"good"]);
    let next = send(&mut opened, key(1), b"next");
    assert!(next.offset > unknown);
    assert_eq!(next.links[0].ordinal, 2);
    opened.writer.close().unwrap();
    assert_eq!(history(&reopen(&disk).reader, key(1)), [&b"good"[..], b"next"]);
}

#[test]
fn a_full_disk_at_the_end_of_a_segment_passes_too() {
    for durable in [true, false] {
        let options = Options { durable, ..options() };
        let disk = PowerDisk::new();
        let mut opened = open_at(&disk, &options, NOON).unwrap();
        let keys = [key(1)];
        for _ in 0..20 {
            send(&mut opened, key(1), &[0; 100]);
        }
        disk.with(|shared| shared.faults.create = Some(ErrorKind::StorageFull));
        let full = opened.writer.append_one(entry(&keys, &[0; 3000]), NOON);
        assert!(matches!(full, Err(AppendError::Full)));
        // A small one still fits the old segment, and must not be hidden by what is left of the new one.
        opened.writer.append_one(entry(&keys, b"small"), NOON).unwrap();
        opened.writer.append_one(entry(&keys, &[0; 3000]), NOON).unwrap();
        opened.writer.sync().unwrap();
        assert_eq!(history(&opened.reader, key(1)).len(), 22);
        let opened = open_at(&disk.after_kill(), &options, NOON).unwrap();
        assert_eq!(history(&opened.reader, key(1)).len(), 22);
    }
}

#[test]
fn no_room_ahead_is_a_full_disk() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    disk.with(|shared| shared.faults.allocate = Some(ErrorKind::StorageFull));
    let keys = [key(1)];
    assert!(matches!(opened.writer.append_one(entry(&keys, b"x"), NOON), Err(AppendError::Full)));
    disk.with(|shared| shared.faults.allocate = None);
    send_synced(&mut opened, key(1), b"x");
}

#[test]
fn a_full_disk_does_not_keep_a_journal_from_starting() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    send_synced(&mut opened, key(1), b"x");
    let disk = disk.after_kill();
    disk.with(|shared| {
        shared.faults.create = Some(ErrorKind::StorageFull);
        shared.faults.allocate = Some(ErrorKind::StorageFull);
    });
    let mut opened = reopen(&disk);
    assert_eq!(history(&opened.reader, key(1)), [b"x"]);
    let keys = [key(1)];
    assert!(matches!(opened.writer.append_one(entry(&keys, b"y"), NOON), Err(AppendError::Full)));
    disk.with(|shared| shared.faults = crate::common::Faults::default());
    send_synced(&mut opened, key(1), b"y");
}

//! A disk that is full, writes half, or fails.

use std::io::ErrorKind;
use std::sync::Arc;

use crate::common::{Failing, NOON, PowerDisk, Random, Shared, entry, history, key};
use crate::common::{open_at, options, reopen, send, send_synced};
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

/// The cut behind such a write was not synced, so a power loss could bring the write back.
#[test]
fn what_a_full_disk_refused_does_not_come_back_after_a_power_loss() {
    let keys = [key(1)];
    for seed in 0..50 {
        let disk = PowerDisk::new();
        let mut opened = open_at(&disk, &one_segment(), NOON).unwrap();
        send_synced(&mut opened, key(1), b"before");
        disk.with(|shared| shared.faults.write = Some((ErrorKind::StorageFull, 200)));
        let refused = [entry(&keys, b"refused"), entry(&keys, b"refused too")];
        assert!(matches!(opened.writer.append(&refused, NOON), Err(AppendError::Full)));
        let after = open_at(&disk.after_power_loss(&mut Random(seed)), &one_segment(), NOON).unwrap();
        assert_eq!(history(&after.reader, key(1)), [b"before"]);
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
    let disk = disk.after_power_loss(&mut Random(0));
    let mut opened = reopen(&disk);
    assert_eq!(history(&opened.reader, key(1)), [&b"good"[..], b"unknown"]);
    assert!(send(&mut opened, key(1), b"next").offset > unknown);
}

/// The kernel takes the header of a new segment for stored after a sync that failed. A power loss after the next start
/// took it, and with it the whole journal.
#[test]
fn a_header_whose_sync_failed_is_written_anew() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    for _ in 0..20 {
        send_synced(&mut opened, key(1), &[0; 100]);
    }
    // The full segment is synced, the new one created, its header written, and that sync fails.
    let fails = |shared: &mut Shared| {
        shared.faults.failing =
            Some(Failing { change: shared.changes + 4, kind: ErrorKind::Other, chance: 0 });
    };
    disk.with(fails);
    let keys = [key(1)];
    assert!(matches!(opened.writer.append_one(entry(&keys, &[0; 3000]), NOON), Err(AppendError::Io(_))));
    let disk = disk.after_kill();
    assert_eq!(disk.names(".seg").len(), 2);
    let mut opened = reopen(&disk);
    send_synced(&mut opened, key(1), b"after it");
    let opened = reopen(&disk.after_power_loss(&mut Random(0)));
    assert_eq!(history(&opened.reader, key(1)).len(), 21);
}

/// The same for the first segment, whose start failed and left a state that says that all is well.
#[test]
fn the_first_header_whose_sync_failed_is_written_anew() {
    let disk = PowerDisk::new();
    // The state is made, written, synced, renamed and its directory synced, which is synced again; the segment is made and
    // written.
    let failing = Failing { change: 9, kind: ErrorKind::Other, chance: 0 };
    disk.with(|shared| shared.faults.failing = Some(failing));
    assert!(open_at(&disk, &options(), NOON).is_err());
    let disk = disk.after_kill();
    assert_eq!(disk.names(".seg").len(), 1);
    let mut opened = reopen(&disk);
    send_synced(&mut opened, key(1), b"good");
    let opened = reopen(&disk.after_power_loss(&mut Random(0)));
    assert_eq!(history(&opened.reader, key(1)), [b"good"]);
}

#[test]
fn offsets_of_a_batch_with_unknown_outcome_are_not_used_again() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    send_synced(&mut opened, key(1), b"good");
    let unknown = send(&mut opened, key(1), b"unknown").offset;
    disk.with(|shared| shared.faults.sync = Some(ErrorKind::Other));
    opened.writer.sync().unwrap_err();
    let disk = disk.after_power_loss(&mut Random(0));
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

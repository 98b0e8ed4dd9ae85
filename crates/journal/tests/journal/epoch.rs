//! When a new life of the log begins, and what becomes of the old one's files.

use std::sync::Arc;

use crate::common::{NOON, PowerDisk, history, key, open_at, options, reopen, send};
use journal::{Offset, OpenError, Opened, Options};

fn without_syncs(boot_id: &str) -> Options {
    Options { durable: false, boot_id: boot_id.to_owned(), fresh_epoch: 8, ..options() }
}

/// A journal with one record, left open or closed.
fn left(options: &Options, is_closed: bool) -> Arc<PowerDisk> {
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, options, NOON).expect("the journal opens");
    send(&mut opened, key(1), b"old");
    if is_closed {
        opened.writer.close().expect("it closes");
    }
    disk.after_kill()
}

fn assert_new_epoch(opened: &Opened, disk: &PowerDisk) {
    assert!(opened.report.epoch_is_new);
    assert_eq!(opened.report.set_aside, 1);
    assert_eq!(opened.reader.end(), Offset(0));
    assert_eq!(history(&opened.reader, key(1)).len(), 0);
    assert_eq!(disk.names(".before-00000009"), ["0000000000000000.seg.before-00000009"]);
}

#[test]
fn the_epoch_stays_over_restarts() {
    let disk = left(&options(), true);
    assert_eq!(open_at(&disk, &without_syncs("boot-2"), NOON).unwrap().epoch, 7);
}

#[test]
fn left_open_without_syncs_it_goes_on_in_the_same_kernel_life_only() {
    let fresh = |boot_id| Options { fresh_epoch: 9, ..without_syncs(boot_id) };
    let disk = left(&without_syncs("boot-1"), false);
    let same = open_at(&disk.after_kill(), &fresh("boot-1"), NOON).unwrap();
    assert_eq!((same.epoch, history(&same.reader, key(1)).len()), (8, 1));
    let other = open_at(&disk, &fresh("boot-2"), NOON).unwrap();
    assert_eq!(other.epoch, 9);
    assert_new_epoch(&other, &disk);
}

#[test]
fn closed_or_with_syncs_it_goes_on_in_another_kernel_life() {
    let other = |durable| Options { durable, boot_id: "boot-2".to_owned(), fresh_epoch: 9, ..options() };
    for durable in [true, false] {
        let closed = left(&without_syncs("boot-1"), true);
        assert_eq!(open_at(&closed, &other(durable), NOON).unwrap().epoch, 8);
        let synced = left(&options(), false);
        assert_eq!(open_at(&synced, &other(durable), NOON).unwrap().epoch, 7);
    }
}

#[test]
fn a_start_that_writes_nothing_leaves_it_as_clean_as_it_was() {
    let disk = left(&without_syncs("boot-1"), true);
    drop(open_at(&disk, &without_syncs("boot-1"), NOON).unwrap());
    assert_eq!(open_at(&disk.after_kill(), &without_syncs("boot-2"), NOON).unwrap().epoch, 8);
}

#[test]
fn an_odd_boot_id_does_no_harm() {
    let odd = without_syncs("two\nlines\r");
    let disk = left(&odd, false);
    assert_eq!(open_at(&disk, &odd, NOON).unwrap().epoch, 8);
}

#[test]
fn a_restored_backup_begins_a_new_epoch_when_told() {
    let disk = left(&options(), true);
    let opened = open_at(&disk, &Options { new_epoch: true, fresh_epoch: 9, ..options() }, NOON).unwrap();
    assert_eq!(opened.epoch, 9);
    assert_new_epoch(&opened, &disk);
    drop(opened);
    assert_eq!(reopen(&disk).epoch, 9);
}

#[test]
fn a_new_epoch_is_never_the_one_before() {
    let disk = left(&options(), true);
    assert_eq!(open_at(&disk, &Options { new_epoch: true, ..options() }, NOON).unwrap().epoch, 8);
}

#[test]
fn told_to_accept_loss_it_sets_damage_aside_but_only_damage() {
    let accepting = Options { accept_loss: true, fresh_epoch: 9, ..options() };
    let good = left(&options(), true);
    assert_eq!(open_at(&good, &accepting, NOON).unwrap().epoch, 7);
    let disk = left(&options(), true);
    disk.tamper("0000000000000000.seg", |bytes| bytes[100] ^= 1);
    assert!(matches!(open_at(&disk, &options(), NOON), Err(OpenError::Corrupt { .. })));
    let opened = open_at(&disk, &accepting, NOON).unwrap();
    assert_eq!(opened.epoch, 9);
    assert_new_epoch(&opened, &disk);
}

#[test]
fn without_its_state_file_a_journal_is_refused_or_set_aside() {
    let disk = left(&options(), true);
    journal::Disk::remove(&*disk, "journal.state").unwrap();
    assert!(matches!(open_at(&disk, &options(), NOON), Err(OpenError::Corrupt { .. })));
    let opened = open_at(&disk, &Options { accept_loss: true, fresh_epoch: 9, ..options() }, NOON).unwrap();
    assert_new_epoch(&opened, &disk);
}

#[test]
fn one_generation_is_kept_and_an_empty_one_replaces_nothing() {
    let disk = left(&options(), true);
    for fresh_epoch in [20, 21] {
        let again = Options { new_epoch: true, fresh_epoch, ..options() };
        let mut opened = open_at(&disk, &again, NOON).unwrap();
        send(&mut opened, key(1), b"newer");
        opened.writer.close().unwrap();
    }
    assert_eq!(disk.names("").iter().filter(|name| name.contains("before")).count(), 1);
    assert_eq!(disk.names(".before-00000015").len(), 1);
}

/// Wherever the power goes while the old files are being set aside, all of them are kept, and none is read.
#[test]
fn a_new_epoch_that_is_cut_off_at_any_step_is_finished_by_the_next_start() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    for _ in 0..100 {
        send(&mut opened, key(1), &[0; 100]);
    }
    opened.writer.close().unwrap();
    let files = disk.names(".seg").len() + disk.names(".keys").len();
    let told = Options { new_epoch: true, fresh_epoch: 9, ..options() };
    let mut random = crate::common::Random(1);
    for step in 0.. {
        let cut = disk.after_kill();
        cut.with(|shared| shared.faults.stop_at = Some(step));
        let is_through = open_at(&cut, &told, NOON).is_ok();
        let left = cut.after_power_loss(&mut random);
        let opened = open_at(&left, &told, NOON).unwrap();
        assert_eq!(history(&opened.reader, key(1)).len(), 0);
        let kept = left.names("").iter().filter(|name| name.contains(".before-")).count();
        assert!(kept == files || is_through, "{kept} of {files} files are kept after step {step}");
        if is_through {
            break;
        }
    }
}

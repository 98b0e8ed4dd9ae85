//! The ledger: changes of a state, rewritten when they have grown.

use crate::common::{Failing, PowerDisk, Random};
use journal::{AppendError, Disk, Ledger, OpenError};
use std::{io, sync::Arc};

type Records = Vec<(u64, Vec<u8>)>;

fn open(disk: &Arc<PowerDisk>) -> Result<(Ledger, Records), OpenError> {
    let opened = Ledger::open(Arc::clone(disk) as Arc<dyn Disk>, false, 0)?;
    Ok((opened.ledger, opened.records.iter().map(|(number, bytes)| (*number, bytes.to_vec())).collect()))
}

/// Opens, and rewrites with all that was found, as owners do.
fn reopen(disk: &Arc<PowerDisk>) -> (Ledger, Records) {
    let (mut ledger, records) = open(disk).unwrap();
    ledger.rewrite(records.iter().map(|(number, bytes)| (*number, &bytes[..]))).unwrap();
    (ledger, records)
}

fn payload(index: u64) -> Vec<u8> {
    index.to_string().repeat(1 + index as usize % 90).into_bytes()
}

#[test]
fn what_was_appended_is_there_in_order_with_its_numbers() {
    let disk = PowerDisk::new();
    let (mut ledger, records) = reopen(&disk);
    assert!(records.is_empty());
    assert_eq!(ledger.next(), 1);
    ledger.append(&[payload(1), payload(2)]).unwrap();
    ledger.append(&[payload(3)]).unwrap();
    let (mut ledger, records) = reopen(&disk.after_kill());
    assert_eq!(records, (1..=3).map(|index| (index, payload(index))).collect::<Vec<_>>());
    assert_eq!(ledger.next(), 4);
    ledger.rewrite([(3, &b"three"[..])].into_iter()).unwrap();
    assert_eq!(ledger.next(), 4, "numbers are never used again, also when their records are gone");
}

#[test]
fn numbers_go_on_from_where_the_owner_says() {
    let disk = PowerDisk::new();
    let opened = Ledger::open(Arc::clone(&disk) as Arc<dyn Disk>, false, 1_000).unwrap();
    assert_eq!(opened.ledger.next(), 1_000);
}

#[test]
fn a_power_loss_takes_nothing_that_was_synced_and_tears_no_record() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut disk = PowerDisk::new();
        let (mut ledger, _) = reopen(&disk);
        let (mut index, mut synced) = (0, 0);
        for _ in 0..40 {
            match random.below(10) {
                0..=5 => {
                    let batch: Vec<_> = (0..=random.below(3)).map(|more| payload(index + more + 1)).collect();
                    index += batch.len() as u64;
                    ledger.append(&batch).unwrap();
                }
                6 | 7 => {
                    ledger.sync().unwrap();
                    synced = index;
                }
                8 => {
                    let kept: Vec<_> = (1..=index).map(|number| (number, payload(number))).collect();
                    ledger.rewrite(kept.iter().map(|(number, bytes)| (*number, &bytes[..]))).unwrap();
                    synced = index;
                }
                _ => {
                    disk = disk.after_power_loss(&mut random);
                    let records;
                    (ledger, records) = reopen(&disk);
                    assert!(records.len() as u64 >= synced, "seed {seed}: {} of {synced}", records.len());
                    for (place, (number, bytes)) in records.iter().enumerate() {
                        assert_eq!(
                            (*number, bytes),
                            (place as u64 + 1, &payload(place as u64 + 1)),
                            "seed {seed}"
                        );
                    }
                    index = records.len() as u64;
                    synced = index;
                }
            }
        }
    }
}

#[test]
fn a_tail_cut_at_any_byte_is_left_out() {
    let disk = PowerDisk::new();
    let (mut ledger, _) = reopen(&disk);
    let mut ends = vec![disk.content("ledger").len()];
    for index in 1..=4 {
        ledger.append(&[payload(index)]).unwrap();
        ends.push(disk.content("ledger").len());
    }
    let whole = disk.content("ledger");
    for cut in ends[0]..whole.len() {
        let disk = disk.after_kill();
        disk.tamper("ledger", |bytes| bytes.truncate(cut));
        let expected = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!(open(&disk).unwrap().1.len(), expected, "cut at {cut}");
    }
}

#[test]
fn damage_before_good_records_is_refused_unless_loss_is_accepted() {
    let disk = PowerDisk::new();
    let (mut ledger, _) = reopen(&disk);
    ledger.append(&[payload(101), payload(102)]).unwrap();
    ledger.sync().unwrap();
    let first = disk.content("ledger").len();
    ledger.append(&[payload(103)]).unwrap();
    for at in 0..first {
        let disk = disk.after_kill();
        disk.tamper("ledger", |bytes| bytes[at] ^= 0x10);
        assert!(matches!(open(&disk), Err(OpenError::Corrupt { .. })), "a flipped bit at {at}");
        let opened = Ledger::open(Arc::clone(&disk) as Arc<dyn Disk>, true, 0).unwrap();
        assert!(opened.records.len() < 3);
        for (number, bytes) in &opened.records {
            assert_eq!(&bytes[..], payload(100 + number));
        }
    }
}

/// What was rewritten or closed ended well, so nothing there is the trace of a crash.
#[test]
fn damage_to_the_last_record_is_no_torn_tail_where_the_end_was_marked() {
    let disk = PowerDisk::new();
    let (mut ledger, _) = reopen(&disk);
    ledger.append(&[payload(101), payload(102)]).unwrap();
    ledger.close().unwrap();
    assert!(ledger.append(&[payload(103)]).is_err(), "nothing stands behind the end");
    let closed = disk.after_kill();
    let (_, records) = reopen(&disk);
    for disk in [closed, disk] {
        assert_eq!(open(&disk.after_kill()).unwrap().1, records);
        let (bytes, last) = (disk.content("ledger").len(), 20 + payload(102).len());
        for at in bytes - 20 - last..bytes - 20 {
            let disk = disk.after_kill();
            disk.tamper("ledger", |bytes| bytes[at] ^= 0x10);
            assert!(matches!(open(&disk), Err(OpenError::Corrupt { .. })), "a flipped bit at {at}");
        }
        for at in bytes - 20..bytes {
            let disk = disk.after_kill();
            disk.tamper("ledger", |bytes| bytes[at] ^= 0x10);
            assert_eq!(open(&disk).unwrap().1, records, "a flipped bit at {at} of the mark");
        }
    }
}

#[test]
fn a_full_disk_passes_and_a_broken_one_does_not() {
    let disk = PowerDisk::new();
    let (mut ledger, _) = reopen(&disk);
    ledger.append(&[payload(1)]).unwrap();
    disk.with(|shared| shared.faults.write = Some((io::ErrorKind::StorageFull, 7)));
    assert!(matches!(ledger.append(&[payload(2)]), Err(AppendError::Full)));
    ledger.append(&[payload(2)]).unwrap();
    assert_eq!(open(&disk.after_kill()).unwrap().1.len(), 2);
    disk.with(|shared| shared.faults.sync = Some(io::ErrorKind::Other));
    ledger.sync().unwrap_err();
    assert!(matches!(ledger.append(&[payload(3)]), Err(AppendError::Poisoned)));
    assert!(ledger.sync().is_err());
}

#[test]
fn what_a_full_disk_refused_does_not_come_back_after_a_power_loss() {
    for seed in 0..50 {
        let disk = PowerDisk::new();
        let (mut ledger, _) = reopen(&disk);
        disk.with(|shared| shared.faults.write = Some((io::ErrorKind::StorageFull, 1000)));
        assert!(matches!(ledger.append(&[payload(1)]), Err(AppendError::Full)));
        let (_, records) = open(&disk.after_power_loss(&mut Random(seed))).unwrap();
        assert!(records.is_empty(), "seed {seed}");
    }
}

/// What was appended went to a file that had no name any more.
#[test]
fn after_a_rename_that_failed_and_was_done_nothing_is_appended_to_the_old_file() {
    let disk = PowerDisk::new();
    let (mut ledger, _) = reopen(&disk);
    ledger.append(&[payload(1)]).unwrap();
    ledger.sync().unwrap();
    // A file is made, written, synced, and renamed.
    disk.with(|shared| {
        let change = shared.changes + 4;
        shared.faults.failing = Some(Failing { change, kind: io::ErrorKind::Other, chance: 1 });
    });
    ledger.rewrite([(1, &payload(1)[..])].into_iter()).unwrap_err();
    assert!(matches!(ledger.append(&[payload(2)]), Err(AppendError::Poisoned)));
    ledger.rewrite([(1, &payload(1)[..])].into_iter()).unwrap();
    ledger.append(&[payload(2)]).unwrap();
    assert_eq!(open(&disk.after_kill()).unwrap().1, [(1, payload(1)), (2, payload(2))]);
}

#[test]
fn a_rewrite_that_is_cut_short_leaves_the_old_or_the_new() {
    for stop_at in 0..8 {
        let disk = PowerDisk::new();
        let (mut ledger, _) = reopen(&disk);
        ledger.append(&[payload(1), payload(2)]).unwrap();
        ledger.sync().unwrap();
        disk.with(|shared| shared.faults.stop_at = Some(shared.changes + stop_at));
        let rewritten = ledger.rewrite([(2, &payload(2)[..])].into_iter());
        for seed in 0..20 {
            let (_, records) = open(&disk.after_power_loss(&mut Random(seed))).unwrap();
            let numbers: Vec<u64> = records.iter().map(|(number, _)| *number).collect();
            assert!(numbers == [1, 2] || numbers == [2], "stopped at {stop_at}: {numbers:?}");
            assert!(rewritten.is_err() || numbers == [2]);
        }
    }
}

#[test]
fn a_long_life_asks_for_a_rewrite() {
    let disk = PowerDisk::new();
    let (mut ledger, _) = reopen(&disk);
    while !ledger.wants_rewrite() {
        ledger.append(&vec![vec![7; 1000]; 100]).unwrap();
        assert!(disk.content("ledger").len() < 2_000_000);
    }
    ledger.rewrite(std::iter::empty()).unwrap();
    assert!(!ledger.wants_rewrite() && disk.content("ledger").len() < 100);
}

//! Starting again after the process was killed: torn tails, damage, and what must never be used again.

use std::sync::Arc;

use crate::common::{NOON, PowerDisk, Random, entry, history, key, open_at};
use crate::common::{options, reopen, send, send_synced};
use journal::{After, FileDisk, Offset, OpenError, Opened, Options};

/// Large enough that nothing rotates.
fn one_segment() -> Options {
    Options { segment_bytes: 1 << 16, ..options() }
}

fn corrupt(opened: Result<Opened, OpenError>) -> (String, Offset) {
    match opened {
        Err(OpenError::Corrupt { segment, offset }) => (segment, offset),
        Err(error) => panic!("refused for another reason: {error}"),
        Ok(_) => panic!("damage was not noticed"),
    }
}

#[test]
fn a_killed_journal_goes_on_with_everything_that_was_written() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    send(&mut opened, key(1), b"one");
    send(&mut opened, key(1), b"two");
    let disk = disk.after_kill();
    let mut opened = reopen(&disk);
    assert!(opened.report.was_unclean);
    assert_eq!(opened.report.torn_bytes, 0);
    assert_eq!(send(&mut opened, key(1), b"three").links[0].ordinal, 3);
    assert_eq!(history(&opened.reader, key(1)), [&b"one"[..], b"two", b"three"]);
}

#[test]
fn a_journal_that_was_closed_has_nothing_to_repair() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    send(&mut opened, key(1), b"one");
    let end = opened.reader.end();
    opened.writer.close().unwrap();
    let changes = disk.with(|shared| shared.changes);
    let opened = reopen(&disk);
    assert!(!opened.report.was_unclean);
    assert_eq!(opened.reader.end(), end);
    assert_eq!(
        disk.with(|shared| shared.changes),
        changes + 1,
        "a clean start stores names, and writes nothing"
    );
}

/// Cuts the last segment at every byte of its last three records, and fills it with zeros again or not.
#[test]
fn a_tail_torn_at_any_byte_leaves_exactly_the_whole_records() {
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, &one_segment(), NOON).unwrap();
    let payloads: [&[u8]; 5] =
        [b"first", b"second", b"the third one", b"the fourth one", b"the fifth and last"];
    // Where each record ends, before the zeros that fill it up.
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for payload in payloads {
        let offset = send_synced(&mut opened, key(1), payload).offset.0;
        starts.push(offset);
        ends.push(offset + 64 + payload.len() as u64);
    }
    let segment = disk.names(".seg").remove(0);
    for cut in starts[2]..=ends[4] {
        for zeros in [0, 8192] {
            let disk = disk.after_kill();
            disk.tamper(&segment, |bytes| {
                bytes.truncate(cut as usize);
                bytes.resize(cut as usize + zeros, 0);
            });
            let mut opened = open_at(&disk, &one_segment(), NOON).unwrap();
            let whole = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(history(&opened.reader, key(1)), payloads[..whole], "cut at {cut}");
            let end = ends[whole - 1].next_multiple_of(8);
            assert_eq!(disk.content(&segment).len() as u64, end, "the cut is on the disk");
            assert!(zeros > 0 || opened.report.torn_bytes <= cut.saturating_sub(end));
            let next = send(&mut opened, key(1), b"next");
            assert_eq!(next.links[0].ordinal, whole as u64 + 1);
            assert!(next.offset.0 > ends[4], "no offset that may have been known is used again");
            assert_eq!(reopen(&disk.after_kill()).reader.end(), next.offset);
        }
    }
}

#[test]
fn a_batch_whose_pages_came_out_of_order_is_a_torn_tail() {
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, &one_segment(), NOON).unwrap();
    send_synced(&mut opened, key(1), b"synced");
    let keys = [key(1)];
    let batch = [crate::common::entry(&keys, &[1; 600]); 4];
    let appended = opened.writer.append(&batch, NOON).unwrap();
    let segment = disk.names(".seg").remove(0);
    let hole = appended[1].offset.0 as usize;
    let disk = disk.after_kill();
    disk.tamper(&segment, |bytes| bytes[hole..hole + 512].fill(0));
    let opened = open_at(&disk, &one_segment(), NOON).unwrap();
    assert_eq!(history(&opened.reader, key(1)), [b"synced".to_vec(), vec![1; 600]]);
    assert!(opened.report.torn_bytes > 1000);
}

#[test]
fn a_bad_record_before_synced_ones_is_refused_with_a_way_out() {
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, &one_segment(), NOON).unwrap();
    let first = send_synced(&mut opened, key(1), b"one").offset;
    let second = send_synced(&mut opened, key(1), b"two").offset;
    send_synced(&mut opened, key(1), b"three");
    let segment = disk.names(".seg").remove(0);
    for at in first.0..second.0 - 5 {
        let disk = disk.after_kill();
        disk.tamper(&segment, |bytes| bytes[at as usize] ^= 0x40);
        let refused = open_at(&disk, &one_segment(), NOON);
        let text = refused.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert!(text.contains("--accept-loss") && text.contains(&segment), "{text}");
        assert_eq!(corrupt(refused), (segment.clone(), first), "byte {at}");
    }
}

#[test]
fn without_syncs_a_bad_record_before_another_write_is_damage_too() {
    let options = Options { durable: false, ..one_segment() };
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, &options, NOON).unwrap();
    let first = send(&mut opened, key(1), b"one").offset;
    send(&mut opened, key(1), b"two");
    let disk = disk.after_kill();
    disk.tamper(&disk.names(".seg")[0], |bytes| bytes[first.0 as usize + 40] ^= 1);
    corrupt(open_at(&disk, &options, NOON));
}

#[test]
fn after_a_clean_close_even_the_last_byte_must_be_there() {
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, &one_segment(), NOON).unwrap();
    send(&mut opened, key(1), b"one");
    let last = send(&mut opened, key(1), b"two").offset;
    opened.writer.close().unwrap();
    let segment = disk.names(".seg").remove(0);
    let last_at = last.0 as usize;
    let damages = [
        |bytes: &mut Vec<u8>, last: usize| bytes.truncate(last + 10),
        |bytes: &mut Vec<u8>, last: usize| bytes[last + 65] ^= 1,
        |bytes: &mut Vec<u8>, last: usize| bytes.truncate(last),
    ];
    for damage in damages {
        let disk = disk.after_kill();
        disk.tamper(&segment, |bytes| damage(bytes, last_at));
        assert_eq!(corrupt(open_at(&disk, &one_segment(), NOON)), (segment.clone(), last));
    }
}

#[test]
fn damage_in_a_sealed_segment_is_found_at_the_start_or_by_the_reader() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    for number in 0..100 {
        send(&mut opened, key(1), &[number; 100]);
    }
    while let Some(chore) = opened.writer.take_chore(NOON) {
        chore.run().unwrap();
    }
    let (segments, lists) = (disk.names(".seg"), disk.names(".keys"));
    assert_eq!(lists.len(), segments.len() - 1);
    let disk = disk.after_kill();
    disk.tamper(&segments[1], |bytes| bytes[200] ^= 1);
    let opened = reopen(&disk);
    assert!(opened.report.records_scanned < 25, "only the last was scanned");
    let walk = opened.reader.walk(key(1), After::TimeMs(0), Offset(u64::MAX), u64::MAX).unwrap();
    let mut damaged = walk.offsets.iter().filter_map(|offset| opened.reader.read(*offset, key(1)).err());
    let error = damaged.next().expect("it is noticed").to_string();
    assert!(error.contains("damaged") && error.contains(&segments[1]), "{error}");
    assert!(damaged.next().is_none(), "and nothing else is lost");
    drop(damaged);
    drop(opened);
    let accepted = open_at(&disk.after_kill(), &Options { accept_loss: true, ..options() }, NOON).unwrap();
    assert!(
        accepted.report.epoch_is_new,
        "who accepts a loss is rid of it, although a start need not see it"
    );
    journal::Disk::remove(&*disk, &lists[1]).unwrap();
    assert_eq!(corrupt(open_at(&disk, &options(), NOON)).0, segments[1]);
}

/// A walk passes records of other keys too, and went by what they said without a look at their checksum.
#[test]
fn a_flipped_bit_in_the_links_of_many_keys_misleads_no_walk() {
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, &one_segment(), NOON).unwrap();
    send(&mut opened, key(1), b"first");
    let keys: Vec<journal::Key> = (0..40).map(key).collect();
    let wide = opened.writer.append_one(entry(&keys, b"to all"), NOON).unwrap().offset;
    send(&mut opened, key(1), b"last");
    let walk = |after| opened.reader.walk(key(1), after, Offset(u64::MAX), u64::MAX).map_err(drop);
    let questions = [After::Offset(Offset(0)), After::Offset(Offset(wide.0 - 1)), After::TimeMs(NOON)];
    let answers = questions.map(walk);
    let segment = disk.names(".seg").remove(0);
    for at in wide.0..wide.0 + 32 + 40 * 32 {
        disk.tamper(&segment, |bytes| bytes[at as usize] ^= 0x80);
        for (question, answer) in questions.into_iter().zip(&answers) {
            let misled = walk(question).is_ok_and(|found| Ok(found) != *answer);
            assert!(!misled, "byte {} of the record", at - wide.0);
        }
        disk.tamper(&segment, |bytes| bytes[at as usize] ^= 0x80);
    }
}

#[test]
fn a_missing_or_damaged_file_of_keys_costs_a_scan_and_nothing_else() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    for number in 0..100 {
        send(&mut opened, key(number % 7), &[0; 100]);
    }
    while let Some(chore) = opened.writer.take_chore(NOON) {
        chore.run().unwrap();
    }
    let lists = disk.names(".keys");
    let disk = disk.after_kill();
    journal::Disk::remove(&*disk, &lists[0]).unwrap();
    disk.tamper(&lists[1], |bytes| bytes[60] ^= 1);
    let of_another = disk.content(&lists[3]);
    disk.tamper(&lists[2], |bytes| *bytes = of_another);
    let mut opened = reopen(&disk);
    // 24 records fit a segment, and the last one is scanned too.
    assert!(opened.report.records_scanned > 3 * 24, "{} scanned", opened.report.records_scanned);
    for number in 0..7 {
        assert_eq!(history(&opened.reader, key(number)).len(), if number < 2 { 15 } else { 14 });
    }
    while let Some(chore) = opened.writer.take_chore(NOON) {
        chore.run().unwrap();
    }
    assert_eq!(disk.names(".keys"), lists, "they are written anew");
}

#[test]
fn segments_that_are_missing_short_or_without_a_header_are_damage() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    for number in 0..100 {
        send(&mut opened, key(number % 7), &[0; 100]);
    }
    let segments = disk.names(".seg");
    let damages: [&dyn Fn(&PowerDisk); 4] = [
        &|disk| journal::Disk::remove(disk, &segments[1]).unwrap(),
        &|disk| disk.tamper(&segments[1], |bytes| bytes.truncate(4000)),
        &|disk| disk.tamper(&segments[1], |bytes| bytes[20] ^= 1),
        &|disk| disk.tamper(&segments[2], |bytes| bytes[20] ^= 1),
    ];
    for damage in damages {
        let disk = disk.after_kill();
        damage(&disk);
        corrupt(open_at(&disk, &options(), NOON));
    }
    let disk = disk.after_kill();
    for segment in &segments {
        journal::Disk::remove(&*disk, segment).unwrap();
    }
    corrupt(open_at(&disk, &options(), NOON));
}

#[test]
fn a_segment_that_was_just_being_made_is_made_again() {
    let disk = PowerDisk::new();
    let mut opened = reopen(&disk);
    for _ in 0..50 {
        send_synced(&mut opened, key(1), &[0; 100]);
    }
    let last = disk.names(".seg").pop().unwrap();
    for torn in [0, 10, 64] {
        let disk = disk.after_kill();
        disk.tamper(&last, |bytes| {
            bytes.truncate(torn.min(60));
            bytes.resize(torn, 0);
        });
        let mut opened = reopen(&disk);
        assert!(!disk.names(".seg").contains(&last));
        let kept = history(&opened.reader, key(1)).len();
        assert!(kept > 20);
        assert_eq!(send(&mut opened, key(1), b"next").links[0].ordinal, kept as u64 + 1);
        assert_eq!(history(&reopen(&disk.after_kill()).reader, key(1)).len(), kept + 1);
    }
}

/// The directory entry of a new segment must be as durable as what is then synced to it.
#[test]
fn a_power_loss_right_after_a_new_segment_loses_nothing_that_was_synced() {
    for seed in 0..50 {
        let disk = PowerDisk::new();
        let mut opened = reopen(&disk);
        for _ in 0..30 {
            send_synced(&mut opened, key(1), &[0; 100]);
        }
        assert_eq!(disk.names(".seg").len(), 2);
        let opened = reopen(&disk.after_power_loss(&mut Random(seed)));
        assert_eq!(history(&opened.reader, key(1)).len(), 30);
    }
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let disk = PowerDisk::new();
    send(&mut reopen(&disk), key(1), b"x");
    let segment = disk.names(".seg").remove(0);
    disk.tamper(&segment, |bytes| bytes[8] = 9);
    let Err(OpenError::Version { version: 9, .. }) = open_at(&disk, &options(), NOON) else {
        panic!("a newer format was taken for an old one");
    };
}

#[test]
fn recovery_can_be_cut_off_at_every_step_and_repeated() {
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, &one_segment(), NOON).unwrap();
    send_synced(&mut opened, key(1), b"one");
    let torn = send(&mut opened, key(1), b"two").offset;
    let disk = disk.after_kill();
    disk.tamper(&disk.names(".seg")[0], |bytes| bytes.truncate(torn.0 as usize + 50));
    for step in 0.. {
        let cut = disk.after_kill();
        cut.with(|shared| shared.faults.stop_at = Some(step));
        let is_through = open_at(&cut, &one_segment(), NOON).is_ok();
        for lost in [cut.after_kill(), cut.after_power_loss(&mut Random(step))] {
            let opened = open_at(&lost, &one_segment(), NOON).unwrap();
            assert_eq!(history(&opened.reader, key(1)), [b"one"]);
        }
        if is_through {
            assert!(step >= 3, "there is something to cut off");
            break;
        }
    }
}

#[test]
fn a_directory_in_use_is_refused_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let first = Arc::new(FileDisk::new(directory.path()).unwrap());
    let second = Arc::new(FileDisk::new(directory.path()).unwrap());
    let opened = reopen(&first);
    let refused = open_at(&second, &options(), NOON).map(drop).unwrap_err();
    let name = directory.path().display().to_string();
    assert!(matches!(&refused, OpenError::Locked { place } if *place == name), "{refused}");
    assert!(refused.to_string().contains("another process"));
    drop(opened);
    reopen(&second);
}

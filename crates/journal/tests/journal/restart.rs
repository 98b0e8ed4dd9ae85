//! What a start reads: the files of keys and one segment, however large the journal is.

use crate::common::{NOON, PowerDisk, history, key, open_at, options, send};
use journal::{Offset, Options};

fn options_of_many_segments() -> Options {
    Options { segment_bytes: 256 * 1024, ..options() }
}

#[test]
fn a_start_reads_keys_and_one_segment() {
    let disk = PowerDisk::new();
    let mut opened = open_at(&disk, &options_of_many_segments(), NOON).unwrap();
    for number in 0..8000 {
        send(&mut opened, key(number % 50), &[0; 1000]);
        if number % 100 == 0 {
            opened.writer.retain(NOON).unwrap();
        }
    }
    opened.writer.retain(NOON).unwrap();
    let total: usize = disk.names(".seg").iter().map(|name| disk.content(name).len()).sum();
    let keys: usize = disk.names(".keys").iter().map(|name| disk.content(name).len()).sum();
    let disk = disk.after_kill();
    let opened = open_at(&disk, &options_of_many_segments(), NOON).unwrap();
    let read = disk.with(|shared| shared.bytes_read) as usize;
    assert!(total > 30 * 256 * 1024);
    // The segment twice: its records, and the search behind them; half of it again for what is stored anew.
    assert!(read < keys + 3 * 256 * 1024, "{read} bytes read of {total}, {keys} of them keys");
    assert!(opened.report.records_scanned <= 256);
    for number in 0..50 {
        assert_eq!(opened.reader.newest(key(number), Offset(u64::MAX)).unwrap().ordinal, 160);
        assert_eq!(history(&opened.reader, key(number)).len(), 160);
    }
}

#[test]
fn ordinals_go_on_over_restarts_of_every_kind() {
    let mut disk = PowerDisk::new();
    for round in 0..20_u64 {
        let mut opened = open_at(&disk, &options(), NOON).unwrap();
        assert_eq!(opened.report.was_unclean, round % 2 == 1);
        for number in 0..7 {
            for times in 1..=3 {
                let appended = send(&mut opened, key(number), &[7; 90]);
                assert_eq!(appended.links[0].ordinal, round * 3 + times);
            }
        }
        if round % 2 == 0 {
            disk = disk.after_kill();
        } else {
            opened.writer.close().unwrap();
        }
        if round % 2 == 0 {
            continue;
        }
        assert_eq!(
            history(&open_at(&disk, &options(), NOON).unwrap().reader, key(3)).len() as u64,
            round * 3 + 3
        );
    }
}

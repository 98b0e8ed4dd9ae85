use super::*;
use crate::address::{Key, Link};
use crate::memory_disk::MemoryDisk;
use crate::record::{self, Entry, Numbered};
use crate::segment::Header;

const EPOCH: u64 = 3;
const BASE: u64 = 1 << 20;

fn segment() -> Segment {
    let header =
        Header { epoch: EPOCH, base: BASE, previous_end: BASE, last_offset: Offset(5), last_time_ms: 50 };
    Segment::create(&MemoryDisk::new(), header).unwrap()
}

/// Lays a record down at a place in the file; returns the place behind it.
fn put(segment: &Segment, position: u64, payload: &[u8], confirmed: bool) -> u64 {
    let links = [Link { key: Key(1), previous: Offset(0), ordinal: 1 }];
    let entry = Entry { kind: 0, ttl_seconds: 0, keys: &[], payload, idempotency: None };
    let offset = Offset(BASE + position);
    let numbered = Numbered { epoch: EPOCH, offset, time_ms: position, links: &links, confirmed };
    let mut bytes = Vec::new();
    record::encode(&entry, &numbered, &mut bytes);
    segment.file.write_at(position, &bytes).unwrap();
    position + bytes.len() as u64
}

#[test]
fn a_scan_sees_all_records_also_over_windows_and_stops_at_zeros() {
    let segment = segment();
    let (mut position, mut places) = (HEADER_BYTES, Vec::new());
    for number in 0..40 {
        places.push(Offset(BASE + position));
        position = put(&segment, position, &vec![1; number * 5000], number % 3 == 0);
    }
    segment.file.set_size(position + 10_000).unwrap();
    let mut seen = Vec::new();
    let found = scan(&segment, EPOCH, position + 10_000, |offset, _, _| seen.push(offset)).unwrap();
    assert_eq!(seen, places);
    assert_eq!((found.end, found.records), (position, 40));
    assert_eq!(BASE + found.confirmed, places[39].0);
    assert_eq!(found.first_time_ms, Some(HEADER_BYTES));
    assert_eq!(found.last, Some((places[39], places[39].0 - BASE)));
    assert_eq!(inspect_tail(&segment, EPOCH, found.end).unwrap(), Tail { bytes: 0, is_damage: false });
}

#[test]
fn a_scan_does_not_look_beyond_where_it_is_told() {
    let segment = segment();
    let first = put(&segment, HEADER_BYTES, b"one", true);
    let second = put(&segment, first, b"two", true);
    for (until, end) in [(first, first), (first + 8, first), (second, second), (9999, second)] {
        assert_eq!(scan(&segment, EPOCH, until, |_, _, _| {}).unwrap().end, end);
    }
}

#[test]
fn an_empty_segment_has_no_records() {
    let segment = segment();
    let found = scan(&segment, EPOCH, HEADER_BYTES, |_, _, _| {}).unwrap();
    assert_eq!((found.end, found.records, found.last), (HEADER_BYTES, 0, None));
}

#[test]
fn only_a_confirmed_record_behind_a_bad_one_tells_of_damage() {
    for confirmed in [false, true] {
        let segment = segment();
        let bad = put(&segment, HEADER_BYTES, b"good", true);
        let behind = put(&segment, bad, &[2; 999], true);
        let end = put(&segment, behind, b"behind", confirmed);
        segment.file.write_at(bad + 500, b"damage").unwrap();
        assert_eq!(scan(&segment, EPOCH, end, |_, _, _| {}).unwrap().end, bad);
        let tail = inspect_tail(&segment, EPOCH, bad).unwrap();
        // The record behind is 64 bytes of header and 6 of payload, then padding.
        assert_eq!(tail, Tail { bytes: behind + 70 - bad, is_damage: confirmed });
    }
}

#[test]
fn a_record_inside_a_payload_or_at_another_place_is_none() {
    let segment = segment();
    let mut inner = Vec::new();
    let other = put(&segment, HEADER_BYTES, b"confirmed", true);
    inner.resize((other - HEADER_BYTES) as usize, 0);
    disk::read_full(&*segment.file, HEADER_BYTES, &mut inner).unwrap();
    let torn = put(&segment, HEADER_BYTES, b"good", true);
    put(&segment, torn, &inner, false);
    segment.file.write_at(torn + 8, b"\xff").unwrap();
    assert!(!inspect_tail(&segment, EPOCH, torn).unwrap().is_damage);
}

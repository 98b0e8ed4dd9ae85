//! Journal files with correct checksums and any content: what a damaged disk hardly ever makes, and a bug would.

use crate::{
    input::Input,
    recovery::{KEYS, NOON, histories, open_memory},
};
use journal::{Disk, Entry, MemoryDisk, OpenError};
use std::sync::Arc;

/// Builds a directory out of the input and opens it. The journal is refused or works, and does so twice.
pub fn records(data: &[u8]) {
    let mut input = Input::new(data);
    let disk = Arc::new(MemoryDisk::new());
    let flags = input.byte();
    if flags & 1 == 0 {
        put(&disk, "journal.state", &state(&mut input));
    }
    for _ in 0..input.below(4) {
        let base = number(&mut input);
        put(&disk, &format!("{base:016x}.seg"), &segment(&mut input, base));
    }
    for _ in 0..input.below(3) {
        let base = number(&mut input);
        put(&disk, &format!("{base:016x}.keys"), &keys(&mut input));
    }
    let accept_loss = flags & 2 != 0;
    let mut opened = match open_memory(&disk, accept_loss, NOON) {
        Ok(opened) => opened,
        Err(error) => {
            assert!(matches!(error, OpenError::Corrupt { .. } | OpenError::Version { .. }), "{error}");
            let again = open_memory(&disk, accept_loss, NOON).map(drop);
            assert_eq!(again.expect_err("it was refused").to_string(), error.to_string());
            return;
        }
    };
    let kept = histories(&opened.reader);
    let entry = Entry { kind: 1, ttl_seconds: 0, keys: &KEYS[..1], payload: b"new", idempotency: None };
    // A log that ends at the end of all addresses is as full as a disk can be.
    let appended = opened.writer.append_one(entry, NOON).is_ok();
    drop(opened);
    let again = open_memory(&disk, false, NOON).expect("what was opened once opens again");
    let mut after = histories(&again.reader);
    if appended && after[0].last().is_some_and(|payload| payload == b"new") {
        after[0].pop();
    }
    // What could not be read before may lie behind the new record's chain, or not.
    for (before, after) in kept.iter().zip(&after) {
        assert!(after == before || after.is_empty(), "{before:?} became {after:?}");
    }
}

fn put(disk: &MemoryDisk, name: &str, bytes: &[u8]) {
    let file = disk.create(name).expect("memory takes it");
    file.write_at(0, bytes).expect("memory takes it");
}

/// Small numbers mostly, and those at the end of all.
fn number(input: &mut Input<'_>) -> u64 {
    match input.byte() {
        0 => 0,
        1 => u64::MAX - u64::from(input.byte()),
        2 => input.long(),
        small => u64::from(small) * 64,
    }
}

fn state(input: &mut Input<'_>) -> Vec<u8> {
    let (epoch, end) = (number(input), number(input));
    let flags = input.byte();
    let flag = |bit: u8| flags & bit != 0;
    let lines = format!(
        "downlink-journal 1\nepoch {epoch}\nclean {}\nend {end}\ndurable {}\nreplacing {}\nboot_id boot\n",
        flag(1),
        flag(2),
        flag(4)
    );
    let crc = crc32c::crc32c(lines.as_bytes());
    format!("{lines}crc {crc:08x}\n").into_bytes()
}

/// A header and records, their checksums made right, unless the input says otherwise.
fn segment(input: &mut Input<'_>, base: u64) -> Vec<u8> {
    let epoch = number(input);
    let mut bytes = b"DLJOURN\0".to_vec();
    bytes.extend_from_slice(&(1 + u32::from(input.byte() / 255)).to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    for field in [epoch, base, number(input), number(input), number(input)] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    bytes.extend_from_slice(&[0; 4]);
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    for _ in 0..input.below(8) {
        let offset = base.wrapping_add(bytes.len() as u64);
        bytes.extend(record(input, epoch, offset));
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    let torn = usize::from(input.byte());
    bytes.extend_from_slice(input.bytes(torn));
    bytes
}

fn record(input: &mut Input<'_>, epoch: u64, offset: u64) -> Vec<u8> {
    let (flags, links, payload) = (input.byte(), usize::from(input.byte() % 4), input.byte());
    let has_hashes = flags & 2 != 0;
    let payload = input.bytes(usize::from(payload));
    let length = 32 + 32 * links + if has_hashes { 32 } else { 0 } + payload.len();
    let length = if flags & 0x40 == 0 { length as u32 } else { number(input) as u32 };
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&[1, flags & 3, 0, 0]);
    bytes.extend_from_slice(&(links as u32).to_le_bytes());
    bytes.extend_from_slice(&number(input).to_le_bytes());
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    for _ in 0..links {
        bytes.extend_from_slice(&KEYS[input.below(KEYS.len())].0.to_le_bytes());
        bytes.extend_from_slice(&number(input).to_le_bytes());
        bytes.extend_from_slice(&number(input).to_le_bytes());
    }
    if has_hashes {
        bytes.extend_from_slice(&input.array::<32>());
    }
    let mut place = [0; 20];
    place[..8].copy_from_slice(&epoch.to_le_bytes());
    place[8..16].copy_from_slice(&offset.to_le_bytes());
    place[16..].copy_from_slice(&bytes[..4]);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&place), &bytes[8..]);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn keys(input: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = b"DLKEYS\0\0".to_vec();
    bytes.extend_from_slice(&1_u32.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&number(input).to_le_bytes());
    for _ in 0..3 {
        bytes.extend_from_slice(&(number(input) / 64).to_le_bytes());
    }
    for _ in 0..input.below(64) {
        bytes.extend_from_slice(&number(input).to_le_bytes());
    }
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

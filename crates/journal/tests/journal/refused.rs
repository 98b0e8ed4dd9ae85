//! A start that is refused is refused again, however often it is tried: it changes nothing.

use std::sync::Arc;

use crate::common::{NOON, key, open_at, options, send_synced};
use journal::{Disk, MemoryDisk, OpenError};

/// All that is on a disk.
fn files(disk: &MemoryDisk) -> Vec<(String, Vec<u8>)> {
    let names = disk.list().unwrap();
    let read = |name: String| {
        let file = disk.open(&name).unwrap();
        let mut bytes = vec![0; file.size().unwrap() as usize];
        let filled = file.read_at(0, &mut bytes).unwrap();
        assert_eq!(filled, bytes.len(), "test files are small");
        (name, bytes)
    };
    names.into_iter().map(read).collect()
}

/// The last of two lost segments used to be taken for one that was being made, and removed; the next start then took the
/// other one for that, and went on without the messages of both.
#[test]
fn two_segments_that_are_lost_are_not_forgotten_one_by_one() {
    let disk = Arc::new(MemoryDisk::new());
    let mut opened = open_at(&disk, &options(), NOON).unwrap();
    (0..6).for_each(|_| drop(send_synced(&mut opened, key(1), &[7; 2000])));
    drop(opened);
    let segments: Vec<String> =
        disk.list().unwrap().into_iter().filter(|name| name.ends_with(".seg")).collect();
    assert!(segments.len() >= 3, "{segments:?}");
    for name in &segments[segments.len() - 2..] {
        disk.open(name).unwrap().set_size(0).unwrap();
    }
    let before = files(&disk);
    for _ in 0..3 {
        let refused = open_at(&disk, &options(), NOON).map(drop);
        assert!(matches!(refused, Err(OpenError::Corrupt { .. })), "{refused:?}");
        assert!(files(&disk) == before, "a refused start changed something");
    }
}

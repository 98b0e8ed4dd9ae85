//! The ledger of presence and deletions, damaged in any way.

use crate::{input::Input, recovery::damage};
use journal::{Disk, Ledger, MemoryDisk, OpenError, OpenedLedger};
use std::sync::Arc;

/// Writes a ledger, damages it, opens it. What is read was written; numbers that are given later are new.
pub fn ledger(data: &[u8]) {
    let mut input = Input::new(data);
    let disk = Arc::new(MemoryDisk::new());
    let written = write(&mut input, &disk);
    let accept_loss = input.byte() & 1 != 0;
    for _ in 0..input.below(4) {
        damage(&mut input, &*disk);
    }
    let opened = match open(&disk, accept_loss) {
        Ok(opened) => opened,
        Err(error) => {
            assert!(!accept_loss && matches!(error, OpenError::Corrupt { .. }), "{error}");
            assert!(open(&disk, false).is_err(), "refused once, refused again");
            open(&disk, true).expect("loss is accepted")
        }
    };
    let OpenedLedger { mut ledger, records, .. } = opened;
    let mut rest = written.iter();
    for (number, payload) in &records {
        let found = rest.any(|(one, bytes)| one == number && bytes == payload);
        assert!(found, "number {number} was not written");
        assert!(ledger.next() > *number, "a number is given once");
    }
    ledger.rewrite(records.iter().map(|(number, payload)| (*number, &payload[..]))).expect("memory writes");
    ledger.append(&[b"new".to_vec()]).expect("memory takes it");
    drop(ledger);
    let again = open(&disk, false).expect("what was rewritten is in order");
    assert_eq!(again.torn_bytes, 0);
    assert_eq!(again.records[..records.len()], records);
    assert_eq!(again.records[records.len()..].len(), 1);
}

fn open(disk: &Arc<MemoryDisk>, accept_loss: bool) -> Result<OpenedLedger, OpenError> {
    Ledger::open(Arc::clone(disk) as Arc<dyn Disk>, accept_loss, 1)
}

fn write(input: &mut Input<'_>, disk: &Arc<MemoryDisk>) -> Vec<(u64, Vec<u8>)> {
    let OpenedLedger { mut ledger, .. } = open(disk, false).expect("a new ledger opens");
    ledger.rewrite(std::iter::empty()).expect("memory writes");
    let mut written = Vec::new();
    for _ in 0..input.below(32) {
        match input.byte() % 4 {
            0 => ledger.sync().expect("memory syncs"),
            1 => {
                let records: Vec<(u64, &[u8])> = written
                    .iter()
                    .map(|(number, payload): &(u64, Vec<u8>)| (*number, &payload[..]))
                    .collect();
                ledger.rewrite(records.into_iter()).expect("memory writes");
            }
            _ => {
                let count = usize::from(input.byte() % 40);
                // A record says something.
                let payload = [input.bytes(count), b"."].concat();
                let number = ledger.next();
                ledger.append(std::slice::from_ref(&payload)).expect("memory takes it");
                written.push((number, payload));
            }
        }
    }
    written
}

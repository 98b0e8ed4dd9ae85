//! What the log of presence holds: batches, each the news of one node.
//!
//! A batch is a head and then records to its end, each as postcard writes it.

use serde::{Deserialize, Serialize};

/// The first byte of everything that is stored. Another rule of folding is another version: all nodes must come to the
/// same state.
const VERSION: u8 = 1;

/// A node from its start, or from the moment it came back after it was counted out, to its end. Chosen at random: no
/// two are the same.
pub(super) type Member = u64;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) member: Member,
    /// Rises by one with each batch of a member; 0 is its first word. What is sent again keeps its number.
    pub(super) number: u64,
    /// Whether it tells an application who comes and goes.
    pub(super) tells: bool,
    /// A sign of life in the common rhythm: the silence of others is counted in these.
    pub(super) beat: bool,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Record<'a> {
    /// A client id has a socket on this node, or no longer one.
    Changed { id: &'a str, connected: bool, time_ms: u64 },
    /// A notice was told, or never will be.
    Settled { id: &'a str, generation: u64 },
    /// How far a reader of the development wire has come.
    Position { token: u128, epoch: u64, offset: u64, expires_at: u64 },
    /// The node stops. Its sockets come back elsewhere: it counts as gone after so many beats of another.
    Leaving { beats: u32 },
}

impl Record<'_> {
    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("memory takes every record")
    }
}

/// A batch of records that are encoded already.
pub(super) fn encode(head: Head, records: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend(postcard::to_allocvec(&head).expect("memory takes every head"));
    records.iter().for_each(|record| out.extend_from_slice(record));
    out
}

/// `None` for what no node of this release has written.
pub(super) fn decode(bytes: &[u8]) -> Option<(Head, Vec<Record<'_>>)> {
    let (VERSION, rest) = bytes.split_first().map(|(version, rest)| (*version, rest))? else { return None };
    let (head, mut rest) = postcard::take_from_bytes(rest).ok()?;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let (record, after) = postcard::take_from_bytes(rest).ok()?;
        records.push(record);
        rest = after;
    }
    Some((head, records))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_read_as_it_was_written_and_half_of_one_is_none() {
        let head = Head { member: u64::MAX, number: 3, tells: true, beat: false };
        let records = [
            Record::Changed { id: "ada", connected: true, time_ms: 7 },
            Record::Position { token: u128::MAX, epoch: 1, offset: 2, expires_at: 3 },
        ];
        let bytes = encode(head, &records.map(|record| record.encode()));
        assert_eq!(decode(&bytes), Some((head, records.to_vec())));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[[2].as_slice(), &bytes[1..]].concat()), None, "of a later release");
    }
}

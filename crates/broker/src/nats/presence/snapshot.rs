//! The state at a place of the log, so that what lies before it can be dropped and a node that starts need not read it.
//!
//! It lies in a bucket, in parts; an index names them and is written last, so that a snapshot is there as a whole or
//! not at all.

use super::{
    fold::{Fold, Piece},
    log::{Log, Trouble},
};
use serde::{Deserialize, Serialize};

/// A part holds about so much: well below what NATS takes as one message.
const PART_BYTES: usize = 256 * 1024;

/// Where a snapshot is, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    version: u8,
    /// Of which of several logs of this name: when it was made.
    log: i128,
    /// It holds everything up to here.
    pub(super) place: u64,
    /// Distinguishes snapshots of one place.
    made_by: u64,
    parts: u32,
}

const VERSION: u8 = 1;

impl Index {
    fn key(&self, part: u32) -> String {
        format!("{}.{:016x}.{part}", self.place, self.made_by)
    }

    fn keys(self) -> impl Iterator<Item = String> {
        (0..self.parts).map(move |part| self.key(part))
    }
}

/// The state in parts.
pub(super) fn encode(fold: &Fold) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    for piece in fold.pieces() {
        let bytes = postcard::to_allocvec(&piece).expect("memory takes every piece");
        match parts.last_mut() {
            Some(part) if part.len() + bytes.len() <= PART_BYTES => part.extend(bytes),
            _ => parts.push(bytes),
        }
    }
    parts
}

/// Adds a part to a state.
pub(super) fn decode(part: &[u8], fold: &mut Fold) -> Result<(), postcard::Error> {
    let mut rest = part;
    while !rest.is_empty() {
        let (piece, after): (Piece, _) = postcard::take_from_bytes(rest)?;
        fold.put(piece);
        rest = after;
    }
    Ok(())
}

/// The newest snapshot of a log.
pub(super) async fn find(log: &Log, of: i128) -> Result<Option<Index>, Trouble> {
    let (bytes, _) = log.index().await?;
    Ok(read_index(bytes.as_deref(), of))
}

fn read_index(bytes: Option<&[u8]>, of: i128) -> Option<Index> {
    let index: Index = postcard::from_bytes(bytes?).ok()?;
    (index.version == VERSION && index.log == of).then_some(index)
}

/// Reads a snapshot; `None` if a newer one takes its place at this moment.
pub(super) async fn load(log: &Log, index: Index) -> Result<Option<Fold>, Trouble> {
    let mut fold = Fold::default();
    for key in index.keys() {
        let Some(part) = log.part(&key).await? else { return Ok(None) };
        decode(&part, &mut fold)?;
    }
    Ok(Some(fold))
}

/// Writes a snapshot, drops the parts of those before, and drops from the log what the last one held: so a node that is
/// reading the log at this moment finds what it looks for. Of two nodes that do this at the same time one fails.
pub(super) async fn save(
    log: &Log,
    of: i128,
    place: u64,
    made_by: u64,
    parts: Vec<Vec<u8>>,
) -> Result<(), Trouble> {
    let (bytes, revision) = log.index().await?;
    let before = read_index(bytes.as_deref(), of);
    let index = Index { version: VERSION, log: of, place, made_by, parts: u32::try_from(parts.len())? };
    let mut first = None;
    for (key, part) in index.keys().zip(parts) {
        let stored = log.put_part(&key, part.into()).await?;
        first.get_or_insert(stored);
    }
    log.replace_index(postcard::to_allocvec(&index)?.into(), revision).await?;
    log.drop_parts_before(first.unwrap_or_default()).await?;
    match before {
        Some(before) => log.drop_before(before.place + 1).await,
        None => Ok(()),
    }
}

//! How much is sent in one go: whoever has more to send lets others have their turn in between.

/// Sends of few bytes in a row: about a millisecond.
pub(crate) const SENDS_MAX: usize = 128;

/// A send of so many bytes more takes about as long as two.
const SEND_BYTES: usize = 1024;

/// How many sends of few bytes one of so many is.
pub(crate) fn weight(bytes: usize) -> usize {
    1 + bytes / SEND_BYTES
}

/// How many sends of so many bytes each are one turn; at least one.
pub(crate) fn sends(bytes: usize) -> usize {
    SENDS_MAX.div_ceil(weight(bytes))
}

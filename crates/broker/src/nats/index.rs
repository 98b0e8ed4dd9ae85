//! The newest message of each channel that this node has seen in the stream, so that opening a socket asks nobody.

use crate::{key::ChannelKey, message::Link};
use parking_lot::Mutex;
use protocol::cursor::Offset;
use std::collections::HashMap;

/// Channels at most: about 100 MB. Beyond them the older half is forgotten, and NATS is asked for those again.
const CHANNELS_MAX: usize = 1_000_000;

/// What is known of the stream's newer part: everything behind the floor.
pub(super) struct Index {
    known: Mutex<Known>,
    channels_max: usize,
}

#[derive(Default)]
struct Known {
    /// What lies up to here is not known; what lies behind it, entirely.
    floor: Offset,
    newest: HashMap<ChannelKey, (Offset, u64)>,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { known: Mutex::default(), channels_max: CHANNELS_MAX }
    }

    /// Begins anew: nothing up to `floor` is known.
    pub(super) fn restart(&self, floor: Offset) {
        *self.known.lock() = Known { floor, newest: HashMap::new() };
    }

    pub(super) fn floor(&self) -> Offset {
        self.known.lock().floor
    }

    /// The newest record of a channel, if one lies behind the floor.
    pub(super) fn newest(&self, key: ChannelKey) -> Option<Offset> {
        self.known.lock().newest.get(&key).map(|(offset, _)| *offset)
    }

    /// A record lies behind all that is known. Returns how it hangs in its channel: between it and `previous` there is
    /// none.
    pub(super) fn add(&self, key: ChannelKey, offset: Offset) -> Link {
        let mut known = self.known.lock();
        let unknown = (known.floor, 0);
        let (previous, ordinal) = known.newest.insert(key, (offset, 0)).unwrap_or(unknown);
        let ordinal = ordinal + 1;
        known.newest.insert(key, (offset, ordinal));
        if known.newest.len() > self.channels_max {
            known.forget_half();
        }
        Link { key, previous, ordinal }
    }
}

impl Known {
    fn forget_half(&mut self) {
        let mut offsets: Vec<Offset> = self.newest.values().map(|(offset, _)| *offset).collect();
        let middle = offsets.len() / 2;
        let (_, median, _) = offsets.select_nth_unstable(middle);
        let floor = *median;
        self.newest.retain(|_, (offset, _)| *offset > floor);
        self.newest.shrink_to_fit();
        self.floor = floor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_the_one_before_or_the_floor() {
        let index = Index::new();
        index.restart(Offset(10));
        let link = |key, offset| index.add(ChannelKey(key), Offset(offset));
        assert_eq!(link(1, 11), Link { key: ChannelKey(1), previous: Offset(10), ordinal: 1 });
        assert_eq!(link(2, 12).previous, Offset(10));
        assert_eq!(link(1, 15), Link { key: ChannelKey(1), previous: Offset(11), ordinal: 2 });
        assert_eq!((index.newest(ChannelKey(1)), index.newest(ChannelKey(3))), (Some(Offset(15)), None));
    }

    #[test]
    fn what_is_forgotten_lies_below_the_floor() {
        let index = Index { channels_max: 10, ..Index::new() };
        for number in 1..=11 {
            index.add(ChannelKey(number), Offset(number as u64));
        }
        let floor = index.floor();
        assert_eq!(floor, Offset(6));
        for number in 1..=11 {
            let known = index.newest(ChannelKey(number));
            assert_eq!(known, (number as u64 > floor.0).then_some(Offset(number as u64)));
        }
        assert_eq!(index.add(ChannelKey(1), Offset(20)).previous, floor);
    }
}

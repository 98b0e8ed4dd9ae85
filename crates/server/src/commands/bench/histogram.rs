//! Times, counted in slots that widen with the time: any quantile to 1.6 %, in 32 KiB whatever comes.

/// Slots for each doubling: the width of one is a 64th of its value at most.
const STEPS: u64 = 64;

pub(super) struct Histogram {
    slots: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { slots: vec![0; 64 * STEPS as usize], count: 0, max: 0 }
    }
}

impl Histogram {
    pub(super) fn add(&mut self, nanoseconds: u64) {
        self.slots[slot(nanoseconds)] += 1;
        self.count += 1;
        self.max = self.max.max(nanoseconds);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The time in microseconds that this share of all did not exceed.
    pub(super) fn microseconds(&self, share: f64) -> f64 {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.slots.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.map_or(0.0, |slot| start(slot) as f64 / 1000.0)
    }

    /// The longest, in microseconds.
    pub(super) fn longest(&self) -> f64 {
        self.max as f64 / 1000.0
    }
}

fn slot(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    // So far that what is left lies between STEPS and twice that.
    let shift = 57 - u64::from(value.leading_zeros());
    (shift * STEPS + (value >> shift)) as usize
}

/// The least value of a slot.
fn start(slot: usize) -> u64 {
    let slot = slot as u64;
    if slot < 2 * STEPS {
        return slot;
    }
    let shift = slot / STEPS - 1;
    (slot - shift * STEPS) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_at_most_a_64th_wide() {
        for value in [0, 1, 63, 64, 65, 127, 128, 129, 1000, 123_456, 9_999_999_999, u64::MAX] {
            let back = start(slot(value));
            assert!(back <= value && value - back <= value / 63, "{value} became {back}");
        }
    }

    #[test]
    fn quantiles_are_those_of_what_was_added() {
        let mut histogram = Histogram::default();
        assert!(histogram.is_empty());
        (1..=1000).for_each(|microseconds| histogram.add(microseconds * 1000));
        assert!((histogram.microseconds(0.5) - 500.0).abs() < 9.0);
        assert!((histogram.microseconds(0.99) - 990.0).abs() < 17.0);
        assert!((histogram.longest() - 1000.0).abs() < f64::EPSILON);
    }
}

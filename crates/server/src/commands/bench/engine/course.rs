//! What one socket has had of its channel: judges every message that comes.

/// So many missing messages of one socket are remembered one by one; more are lost, whatever comes later.
const MISSING_MAX: usize = 1_024;

/// What a message that came is to its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The next one, or one after some that have not come yet.
    InOrder,
    /// One that others overtook.
    Late,
    Again,
}

#[derive(Debug, Default)]
pub(crate) struct Course {
    /// The number of the message after the newest that came.
    next: u32,
    /// Those before it that have not come: none nearly always.
    missing: Vec<u32>,
    /// Missing ones that are not remembered.
    forgotten: u32,
}

impl Course {
    pub(crate) fn take(&mut self, number: u32) -> Arrival {
        if number >= self.next {
            for missing in self.next..number {
                if self.missing.len() < MISSING_MAX {
                    self.missing.push(missing);
                } else {
                    self.forgotten += number - missing;
                    break;
                }
            }
            self.next = number + 1;
            return Arrival::InOrder;
        }
        let Some(at) = self.missing.iter().position(|missing| *missing == number) else {
            return Arrival::Again;
        };
        self.missing.swap_remove(at);
        Arrival::Late
    }

    /// Of so many messages that were sent, those that did not come and that `excused` does not name.
    pub(crate) fn lost(&self, sent: u32, excused: impl Fn(u32) -> bool) -> u64 {
        let missing = self.missing.iter().copied();
        let lost = missing.chain(self.next..sent).filter(|number| !excused(*number)).count();
        lost as u64 + u64::from(self.forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_late_or_repeated_is_told_apart() {
        let mut course = Course::default();
        let arrivals = [0, 1, 4, 2, 2, 1].map(|number| course.take(number));
        use Arrival::{Again, InOrder, Late};
        assert_eq!(arrivals, [InOrder, InOrder, InOrder, Late, Again, Again]);
        assert_eq!(course.lost(7, |_| false), 3, "3, 5 and 6");
        assert_eq!(course.lost(7, |number| number == 5), 2, "5 was refused");
        assert_eq!(course.lost(5, |_| false), 1);
    }

    #[test]
    fn a_large_hole_is_counted_and_not_kept() {
        let mut course = Course::default();
        course.take(1_000_000);
        assert_eq!(course.lost(1_000_001, |_| false), 1_000_000);
    }
}

//! What the canary found out about one of the two: sockets or sends.

use delivery::histogram::Histogram;
use parking_lot::Mutex;
use protocol::limits::CANARY_AGE_MAX;
use serde::{Deserialize, Serialize};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum What {
    Sockets,
    Sends,
}

impl What {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            What::Sockets => "sockets",
            What::Sends => "sends",
        }
    }
}

/// What is known of both.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ready {
    pub(crate) sockets: Readiness,
    pub(crate) sends: Readiness,
}

/// What is known of one, as it is answered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    /// Milliseconds from the message to the socket, at the last time that it arrived; null before the first.
    pub(crate) round_trip_ms: Option<f64>,
    /// Milliseconds since it last went well; null if it never did.
    pub(crate) age_ms: Option<u64>,
    /// What is wrong, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Whether anything was found out lately.
    #[serde(skip)]
    pub(super) is_known: bool,
}

impl Readiness {
    /// Whether something is known to be wrong.
    pub(crate) fn is_wrong(&self) -> bool {
        self.is_known && !self.ready
    }

    /// Something else is known to be wrong.
    pub(super) fn refuse(&mut self, reason: String) {
        (self.ready, self.is_known) = (false, true);
        self.reason = Some(reason);
    }
}

/// What was found out about one of the two.
#[derive(Debug, Default)]
pub(super) struct Standing {
    last: Mutex<Last>,
    pub(super) round_trips: Histogram,
}

#[derive(Clone, Debug, Default)]
struct Last {
    /// When it last went well, in milliseconds of the hub's clock.
    good_at: Option<u64>,
    round_trip_us: Option<u64>,
    /// Why it did not go well since.
    failure: Option<String>,
    /// Since when one is under way.
    under_way_since: Option<u64>,
}

impl Standing {
    /// It sets out, in milliseconds of the hub's clock.
    pub(super) fn begin(&self, now_ms: u64) {
        self.last.lock().under_way_since = Some(now_ms);
    }

    /// It came back, or did not; times in microseconds of the hub's clock.
    pub(super) fn note(&self, result: Result<(), String>, began: u64, ended: u64) {
        let mut last = self.last.lock();
        last.under_way_since = None;
        match result {
            Ok(()) => {
                let round_trip = ended.saturating_sub(began);
                self.round_trips.observe(round_trip);
                *last =
                    Last { good_at: Some(ended / 1000), round_trip_us: Some(round_trip), ..Last::default() };
            }
            Err(failure) => last.failure = Some(failure),
        }
    }

    /// Others were seen to succeed.
    pub(super) fn note_other(&self, now_ms: u64) {
        let mut last = self.last.lock();
        last.good_at = Some(now_ms);
        last.failure = None;
    }

    pub(super) fn readiness(&self, now_ms: u64) -> Readiness {
        let mut last = self.last.lock().clone();
        let late_ms = last.under_way_since.map_or(0, |since| now_ms.saturating_sub(since));
        if late_ms > CANARY_AGE_MAX.as_millis() as u64 {
            last.failure = Some(format!("A message has been under way for {} seconds.", late_ms / 1000));
        }
        let age_ms = last.good_at.map(|good_at| now_ms.saturating_sub(good_at));
        let is_fresh = age_ms.is_some_and(|age| age <= CANARY_AGE_MAX.as_millis() as u64);
        let is_known = is_fresh || last.failure.is_some();
        let ready = is_fresh && last.failure.is_none();
        let reason = last.failure.or_else(|| (!is_fresh).then(|| "No answer yet.".to_owned()));
        let round_trip_ms = last.round_trip_us.map(|us| us as f64 / 1000.0);
        Readiness { ready, round_trip_ms, age_ms, reason, is_known }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_well_counts_for_a_while_and_a_failure_at_once() {
        let standing = Standing::default();
        let ready = |now| {
            let found = standing.readiness(now);
            (found.ready, found.is_known)
        };
        assert_eq!(ready(0), (false, false), "nothing was tried");
        standing.note(Ok(()), 1_000_000, 1_000_250);
        assert_eq!(ready(1_000), (true, true));
        assert_eq!(standing.readiness(1_500).age_ms, Some(500));
        assert_eq!(standing.readiness(1_500).round_trip_ms, Some(0.25));
        assert_eq!(ready(60_000), (false, false), "too long ago to say");
        standing.note(Err("It is full.".into()), 60_000_000, 60_000_100);
        assert_eq!(ready(60_000), (false, true));
        assert_eq!(standing.readiness(60_000).reason.as_deref(), Some("It is full."));
        standing.note_other(61_000);
        assert_eq!(ready(61_000), (true, true), "somebody's message was stored");
        assert_eq!(standing.readiness(61_000).reason, None);
        standing.begin(62_000);
        assert_eq!(ready(63_000), (true, true), "it is under way");
        assert_eq!(ready(66_001), (false, true), "for too long");
        assert!(standing.readiness(66_001).is_wrong());
        standing.note(Ok(()), 62_000_000, 67_000_000);
        assert_eq!(ready(67_000), (true, true), "slow, and there");
    }
}

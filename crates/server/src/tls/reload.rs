//! Looking again and again whether certificate and key have changed.
//!
//! The files' contents are compared, not their times: then it does not matter how they were replaced (written over,
//! renamed, a link that was moved), and a few kilobytes a second cost nothing.

use super::{Certificates, Source, pair};
use rustls::ServerConfig;
use std::{os::unix::fs::PermissionsExt, sync::Arc, time::Duration};
use tokio::time::{self, MissedTickBehavior};

/// How often.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Read by people who are neither the owner nor of the group.
const READ_BY_OTHERS: u32 = 0o004;

type Fingerprint = [u8; 32];

/// What was seen so far.
#[derive(Debug)]
pub(super) struct Looks {
    /// Of what handshakes are made with.
    serving: Fingerprint,
    /// Of what was there at the last look, if it was something else. Two files cannot be replaced at once: what is
    /// half replaced is not looked at, but what stays.
    last: Option<Seen>,
    /// It was said that `last` cannot be used.
    complained: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Pair(Fingerprint),
    Unreadable(pair::Mistake),
}

/// What follows from a look.
#[derive(Debug, PartialEq, Eq)]
enum Follows {
    Nothing,
    /// What is there has stayed for a while, and is to be tried.
    Try,
}

impl Looks {
    pub(super) fn new(serving: Fingerprint) -> Self {
        Self { serving, last: None, complained: false }
    }

    fn saw(&mut self, seen: Seen) -> Follows {
        if seen == Seen::Pair(self.serving) {
            self.last = None;
            return Follows::Nothing;
        }
        if self.last.as_ref() != Some(&seen) {
            (self.last, self.complained) = (Some(seen), false);
            return Follows::Nothing;
        }
        if self.complained { Follows::Nothing } else { Follows::Try }
    }
}

impl Certificates {
    /// Says what deserves a warning at the start.
    pub(crate) fn warn(&self) {
        let Source::Files(files, _) = &self.source else { return };
        let mode = std::fs::metadata(&files.key).map(|data| data.permissions().mode());
        if mode.is_ok_and(|mode| mode & READ_BY_OTHERS != 0) {
            let key = files.key.display();
            tracing::warn!(%key, "everybody on this machine can read the private key; chmod o-r it");
        }
    }

    /// Looks for as long as it runs.
    pub(super) async fn watch_files(self: &Arc<Self>) {
        let mut looks = time::interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let this = Arc::clone(self);
            // Files may lie anywhere, also behind a network that is slow.
            if let Err(error) = tokio::task::spawn_blocking(move || this.look()).await {
                tracing::error!(%error, "looking at the certificate failed");
            }
        }
    }

    /// Makes handshakes with what has just been read from the same files.
    pub(crate) fn take_over(&self, read: &Self) {
        // Those that are fetched are kept good by themselves.
        let (Source::Files(_, looks), Source::Files(_, fresh)) = (&self.source, &read.source) else { return };
        let (mut looks, fresh) = (looks.lock(), fresh.lock().serving);
        // Else tickets of those who return would be worth nothing, for no reason.
        if looks.serving != fresh {
            let mut config = ServerConfig::clone(&read.current());
            // What is spoken was said at the start.
            config.alpn_protocols.clone_from(&self.current().alpn_protocols);
            self.serve(config);
            *looks = Looks::new(fresh);
            self.warn();
        }
    }

    fn look(&self) {
        let Source::Files(files, looks) = &self.source else { return };
        let pair = pair::read(files);
        let seen = match &pair {
            Ok(pair) => Seen::Pair(pair.fingerprint()),
            Err(mistake) => Seen::Unreadable(mistake.clone()),
        };
        let mut looks = looks.lock();
        if looks.saw(seen) == Follows::Nothing {
            return;
        }
        match pair.and_then(|pair| Ok((pair.config(files)?, pair.fingerprint()))) {
            Ok((config, fingerprint)) => {
                self.serve(config);
                *looks = Looks::new(fingerprint);
                tracing::info!(
                    "the certificate has changed; handshakes are made with the new one from now on"
                );
                self.warn();
            }
            Err(mistake) => {
                looks.complained = true;
                let (option, sentence) = (mistake.option, mistake.sentence);
                tracing::error!("the new certificate is refused, the old one goes on: {option} {sentence}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_is_tried_and_only_once() {
        let mut looks = Looks::new([0; 32]);
        let seen = |number| Seen::Pair([number; 32]);
        assert_eq!(looks.saw(seen(0)), Follows::Nothing, "what is served");
        assert_eq!(looks.saw(seen(1)), Follows::Nothing, "half replaced, perhaps");
        assert_eq!(looks.saw(seen(2)), Follows::Nothing, "still being replaced");
        assert_eq!(looks.saw(seen(2)), Follows::Try);
        looks.complained = true;
        assert_eq!(looks.saw(seen(2)), Follows::Nothing, "it was said");
        assert_eq!(looks.saw(seen(0)), Follows::Nothing);
        assert_eq!(looks.saw(seen(2)), Follows::Nothing);
        assert_eq!(looks.saw(seen(2)), Follows::Try, "it came back, and is said again");
    }

    #[test]
    fn files_that_are_gone_are_told_of_too() {
        let mut looks = Looks::new([0; 32]);
        let gone = || Seen::Unreadable(pair::Mistake { option: "tls.key", sentence: "gone".into() });
        assert_eq!(looks.saw(gone()), Follows::Nothing);
        assert_eq!(looks.saw(gone()), Follows::Try);
    }
}

//! What can go wrong with a certificate that is fetched, what to do about it, and when it is tried again.

use instant_acme::{Error, Problem};
use std::{fmt, io, time::Duration};

/// Why there is no certificate.
#[derive(Debug)]
pub(super) enum Failure {
    /// The authority cannot be reached, or does not speak ACME.
    Unreachable(String),
    /// It refuses: what it says, and its kind of error.
    Refused { detail: String, kind: String },
    /// The data directory does not take it.
    Here(io::Error),
    /// Something that ought not to be.
    Odd(String),
}

/// An authority that is not there may be back soon, and does not count what it does not see.
const UNREACHABLE_PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));

/// Let's Encrypt allows five failures in an hour for each domain: five fit into the first hour of these, then fewer.
const PAUSES: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(4 * 3600));

impl Failure {
    pub(super) fn of_domain(domain: &str, problem: Problem) -> Self {
        let kind = problem.r#type.unwrap_or_default();
        Self::Refused { detail: format!("{domain}: {}", problem.detail.unwrap_or_default()), kind }
    }

    /// How long to wait before the next try, after so many that failed.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let (first, most) = match self {
            Self::Unreachable(_) => UNREACHABLE_PAUSES,
            _ => PAUSES,
        };
        first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(most)
    }

    /// Whether it is the account that the authority does not take.
    pub(super) fn is_of_account(&self) -> bool {
        matches!(self, Self::Refused { kind, .. } if kind.ends_with(":accountDoesNotExist"))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Refused { detail: problem.detail.unwrap_or_default(), kind: problem.r#type.unwrap_or_default() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => problem.into(),
            Error::Timeout(_) => Self::Odd("it takes too long to look at the domains".into()),
            Error::Json(_) => {
                Self::Unreachable("what answers there is no ACME directory; is acme.directory right?".into())
            }
            error => Self::Unreachable(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "it cannot be reached: {why}"),
            Self::Refused { detail, kind } => {
                let word = kind.rsplit(':').next().unwrap_or_default();
                write!(f, "it refuses ({word}): {detail}")?;
                match word {
                    "connection" | "tls" | "unauthorized" | "incorrectResponse" => f.write_str(
                        " (it must reach this server by the domain, on port 443, with nothing in between that speaks TLS \
                         itself)",
                    ),
                    "dns" => f.write_str(" (the domain must have an address that leads here)"),
                    "caa" => f.write_str(" (the domain's CAA record names other authorities)"),
                    "rateLimited" => f.write_str(" (try things out with the authority's staging directory)"),
                    _ => Ok(()),
                }
            }
            Self::Here(error) => write!(f, "what it issued cannot be kept in the data directory: {error}"),
            Self::Odd(what) => f.write_str(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_rare_and_stay_within_what_an_authority_allows() {
        let refused = Failure::Refused { detail: String::new(), kind: String::new() };
        let mut at = Duration::ZERO;
        let within_an_hour = (1..).take_while(|failures| {
            at += refused.pause(*failures);
            at < Duration::from_secs(3600)
        });
        assert_eq!(within_an_hour.count() + 1, 5);
        assert_eq!(refused.pause(1_000), Duration::from_secs(4 * 3600));
        let away = Failure::Unreachable(String::new());
        assert_eq!([away.pause(1), away.pause(2), away.pause(99)].map(|pause| pause.as_secs()), [5, 10, 600]);
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let problem = |kind: &str| {
            let text =
                format!(r#"{{"type":"urn:ietf:params:acme:error:{kind}","detail":"No.","status":400}}"#);
            serde_json::from_str::<Problem>(&text).unwrap()
        };
        let text = Failure::of_domain("a.example", problem("connection")).to_string();
        assert!(text.contains("a.example: No.") && text.contains("port 443"), "{text}");
        assert!(Failure::from(problem("rateLimited")).to_string().contains("staging"));
        assert!(Failure::from(problem("accountDoesNotExist")).is_of_account());
        assert!(!Failure::from(problem("caa")).is_of_account());
    }
}

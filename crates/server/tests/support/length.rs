//! How long a test tortures: the short form is for every change, the long one for every release.

/// Whether the long form is asked for (`DOWNLINK_TORTURE=long`).
pub(crate) fn is_long() -> bool {
    std::env::var("DOWNLINK_TORTURE").is_ok_and(|value| value == "long")
}

/// The one number in the short form, the other in the long one.
pub(crate) fn pick<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

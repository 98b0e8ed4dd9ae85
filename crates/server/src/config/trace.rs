//! Where traces go.

use super::{Check, written};
use crate::trace::TraceTo;
use http::Uri;

/// Where a collector takes traces, below its address (OTLP over HTTP).
const PATH: &str = "/v1/traces";

impl Check<'_> {
    pub(super) fn trace(&mut self, written: written::Trace) -> Option<TraceTo> {
        let ratio = written.ratio.unwrap_or(0.01);
        if !(0.0..=1.0).contains(&ratio) {
            self.wrong("trace.ratio", &format!("is {ratio}; it must be 0 to 1"));
        }
        let url = written.otlp.and_then(|text| self.collector(&text))?;
        Some(TraceTo { url, service: written.service.unwrap_or_else(|| "downlink".into()), ratio })
    }

    /// The address with its path, if it has none.
    fn collector(&mut self, text: &str) -> Option<Uri> {
        let text = text.trim_end_matches('/');
        let full = if text.ends_with(PATH) { text.to_owned() } else { format!("{text}{PATH}") };
        let good = full.parse().ok().filter(|uri: &Uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        });
        if good.is_none() {
            // It may hold a password, so it is not repeated.
            self.wrong(
                "trace.otlp",
                "is no address of a collector; write one as \"http://127.0.0.1:4318\", without a user",
            );
        }
        good
    }
}

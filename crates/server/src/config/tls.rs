//! Certificate and key: both or neither, and they can be used; or domains for which they are fetched.

use super::{Check, written};
use crate::tls::{Certificates, Files, Spoken, Wanted, roots};
use http::Uri;
use std::{fs, path::Path, sync::Arc};

/// Let's Encrypt's own: most who have no other want this.
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// As many as Let's Encrypt puts into one certificate.
const DOMAINS_MAX: usize = 100;

impl Check<'_> {
    pub(super) fn certificates(
        &mut self,
        tls: Option<written::Tls>,
        acme: Option<written::Acme>,
        data_dir: Option<&Path>,
    ) -> Option<Arc<Certificates>> {
        let (tls, acme) = (tls.unwrap_or_default(), acme.unwrap_or_default());
        let spoken = if tls.http2.unwrap_or(true) { Spoken::Both } else { Spoken::Http1 };
        if acme.domains.as_ref().is_none_or(Vec::is_empty) {
            return self.read_certificates(tls, spoken);
        }
        if tls.certificate.is_some() || tls.key.is_some() {
            self.wrong(
                "acme.domains",
                "stands beside tls.certificate and tls.key: a certificate is fetched, or read from files",
            );
        }
        let before = self.mistakes.len();
        let wanted = self.wanted(acme, data_dir).filter(|_| self.mistakes.len() == before)?;
        let fetched = Certificates::fetched(wanted, spoken);
        fetched.map_err(|mistake| self.wrong(mistake.option, &mistake.sentence)).ok()
    }

    /// What is to be fetched, from whom.
    fn wanted(&mut self, acme: written::Acme, data_dir: Option<&Path>) -> Option<Wanted> {
        let domains: Vec<String> =
            acme.domains.unwrap_or_default().iter().map(|domain| domain.to_ascii_lowercase()).collect();
        for domain in domains.iter().filter(|domain| !is_domain(domain)) {
            let what = format!(
                "has {domain:?}; write names as in \"push.example.com\" (no wildcards and no addresses: this server cannot \
                 prove them)"
            );
            self.wrong("acme.domains", &what);
        }
        if domains.len() > DOMAINS_MAX {
            self.wrong("acme.domains", &format!("has more than {DOMAINS_MAX} names"));
        }
        let directory = acme.directory.unwrap_or_else(|| DIRECTORY.to_owned());
        let uri = directory.parse().ok().filter(|uri: &Uri| uri.scheme_str() == Some("https"));
        if uri.is_none() {
            let what = format!("is {directory:?}; write the https:// URL of an authority's ACME directory");
            self.wrong("acme.directory", &what);
        }
        let authority_certificates = acme.ca_file.and_then(|path| {
            let pem = fs::read(&path).map_err(|error| format!("cannot be read: {error}"));
            let checked = pem.and_then(|pem| roots(&pem).map(|_| pem));
            checked.map_err(|what| self.wrong("acme.ca_file", &format!("names {path:?}, which {what}"))).ok()
        });
        if data_dir.is_none() {
            self.wrong("acme.domains", "needs a data_dir: what is fetched is kept there");
        }
        Some(Wanted {
            domains,
            email: acme.email,
            directory: uri?,
            authority_certificates,
            folder: data_dir?.join("acme"),
        })
    }

    fn read_certificates(&mut self, written: written::Tls, spoken: Spoken) -> Option<Arc<Certificates>> {
        let (certificate, key) = match (written.certificate, written.key) {
            (Some(certificate), Some(key)) => (certificate.into(), key.into()),
            (None, None) => return None,
            (Some(_), None) => {
                self.wrong("tls.key", "is missing: the certificate alone proves nothing");
                return None;
            }
            (None, Some(_)) => {
                self.wrong("tls.certificate", "is missing: a key without it is of no use");
                return None;
            }
        };
        let loaded = Certificates::load(Files { certificate, key }, spoken);
        loaded.map_err(|mistake| self.wrong(mistake.option, &mistake.sentence)).ok()
    }
}

/// Whether a text is the name of a host (RFC 1123, 2.1), and no address.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::is_domain;

    #[test]
    fn names_of_hosts_are_told_from_all_else() {
        for good in ["push.example.com", "localhost", "xn--bcher-kva.example", "3.example", "a-b.example"] {
            assert!(is_domain(good), "{good}");
        }
        for wrong in [
            "",
            ".",
            "*.example.com",
            "example.com.",
            "192.0.2.1",
            "[::1]",
            "a b",
            "-a.example",
            "a..b",
            "ä.example",
        ] {
            assert!(!is_domain(wrong), "{wrong}");
        }
    }
}

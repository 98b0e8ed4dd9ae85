//! Certificate and key: both or neither, and they can be used.

use super::{Check, written};
use crate::tls::{Certificates, Files};
use std::sync::Arc;

impl Check<'_> {
    pub(super) fn certificates(&mut self, written: written::Tls) -> Option<Arc<Certificates>> {
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
        let loaded = Certificates::load(Files { certificate, key });
        loaded.map_err(|mistake| self.wrong(mistake.option, &mistake.sentence)).ok()
    }
}

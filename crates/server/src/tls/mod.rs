//! The server's certificate: read, checked, and read again when it changes.

mod pair;
mod reload;

use parking_lot::{Mutex, RwLock};
use reload::Looks;
use rustls::ServerConfig;
use std::{fmt, path::PathBuf, sync::Arc};

pub(crate) use pair::{HTTP2, Mistake};

/// Where certificate and key are.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// The server's own certificate first, then those that vouch for it, as PEM.
    pub(crate) certificate: PathBuf,
    /// Its private key, as PEM.
    pub(crate) key: PathBuf,
}

/// What handshakes are made with.
pub(crate) struct Certificates {
    files: Files,
    current: RwLock<Arc<ServerConfig>>,
    looks: Mutex<Looks>,
}

impl Certificates {
    /// Reads and checks both files.
    ///
    /// # Errors
    /// [`Mistake`].
    pub(crate) fn load(files: Files) -> Result<Arc<Self>, Mistake> {
        let pair = pair::read(&files)?;
        let current = RwLock::new(Arc::new(pair.config(&files)?));
        let looks = Mutex::new(Looks::new(pair.fingerprint()));
        Ok(Arc::new(Self { files, current, looks }))
    }

    /// For a handshake that begins now. Connections keep what they began with.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read())
    }
}

impl fmt::Debug for Certificates {
    /// Where they are; never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

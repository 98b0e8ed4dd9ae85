//! The server's certificate: read from files, and again when they change; or fetched from an authority.

mod acme;
mod pair;
mod reload;

use acme::Acme;
use parking_lot::{Mutex, RwLock};
use reload::Looks;
use rustls::ServerConfig;
use std::{fmt, path::PathBuf, sync::Arc};

pub(crate) use acme::{PROTOCOL as ACME, Wanted, roots};
pub(crate) use pair::{HTTP2, Mistake};

/// Where certificate and key are.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// The server's own certificate first, then those that vouch for it, as PEM.
    pub(crate) certificate: PathBuf,
    /// Its private key, as PEM.
    pub(crate) key: PathBuf,
}

/// What is spoken behind a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// HTTP/2 with whoever offers it, HTTP/1.1 with all others.
    Both,
    /// HTTP/1.1 alone.
    Http1,
}

/// What handshakes are made with.
pub(crate) struct Certificates {
    source: Source,
    spoken: Spoken,
    current: RwLock<Arc<ServerConfig>>,
}

/// Where they come from.
enum Source {
    Files(Files, Mutex<Looks>),
    Authority(Acme),
}

impl Certificates {
    /// Reads and checks both files.
    ///
    /// # Errors
    /// [`Mistake`].
    pub(crate) fn load(files: Files, spoken: Spoken) -> Result<Arc<Self>, Mistake> {
        let pair = pair::read(&files)?;
        let current = RwLock::new(spoken.of(pair.config(&files)?));
        let looks = Mutex::new(Looks::new(pair.fingerprint()));
        Ok(Arc::new(Self { source: Source::Files(files, looks), spoken, current }))
    }

    /// Those that an authority issues: at first what was fetched before, if anything was.
    ///
    /// # Errors
    /// [`Mistake`].
    pub(crate) fn fetched(wanted: Wanted, spoken: Spoken) -> Result<Arc<Self>, Mistake> {
        let (acme, config) = Acme::new(wanted)?;
        let current = RwLock::new(spoken.of(config));
        Ok(Arc::new(Self { source: Source::Authority(acme), spoken, current }))
    }

    /// Sees to it that they stay good, for as long as it runs.
    pub(crate) async fn watch(self: Arc<Self>) {
        match &self.source {
            Source::Files(..) => self.watch_files().await,
            Source::Authority(acme) => acme.run(&self).await,
        }
    }

    fn serve(&self, config: ServerConfig) {
        *self.current.write() = self.spoken.of(config);
    }

    /// For a handshake that begins now. Connections keep what they began with.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read())
    }
}

impl Spoken {
    /// Handshakes that agree on nothing else.
    fn of(self, mut config: ServerConfig) -> Arc<ServerConfig> {
        if self == Self::Http1 {
            config.alpn_protocols.retain(|name| name != HTTP2);
        }
        Arc::new(config)
    }
}

impl fmt::Debug for Certificates {
    /// Where they are; never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Files(files, _) => f.debug_tuple("Certificates").field(files).finish_non_exhaustive(),
            Source::Authority(acme) => f.debug_tuple("Certificates").field(acme).finish_non_exhaustive(),
        }
    }
}

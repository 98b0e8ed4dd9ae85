//! Keys: never shown, compared in constant time, made once where they are missing.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};
use subtle::ConstantTimeEq;

/// A text that must not reach a log: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// A new one: 256 random bits, in letters that need no escaping anywhere.
    ///
    /// # Panics
    /// Without a source of random numbers.
    pub(crate) fn random() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the system has random numbers");
        Self(hex(&bytes))
    }

    /// The text itself, for the one place that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a text is this secret, in a time that does not depend on where they differ.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(text).into()
    }

    /// A name for the secret that tells nothing of it.
    pub(crate) fn fingerprint(&self) -> String {
        use aws_lc_rs::digest::{SHA256, digest};
        hex(&digest(&SHA256, format!("downlink key id\0{}", self.0).as_bytes()).as_ref()[..6])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keys as the keyring takes them.
pub(super) fn bytes(keys: &[(String, Secret)]) -> Vec<(String, Vec<u8>)> {
    keys.iter().map(|(id, secret)| (id.clone(), secret.expose().as_bytes().to_vec())).collect()
}

/// What is missing, from the data directory or made now and kept there. Without a directory it lives as long as the
/// process.
pub(super) fn make_missing(
    data_dir: Option<&Path>,
    api: bool,
    token: bool,
) -> Result<(Option<Secret>, Option<Secret>), String> {
    let api = if api { Some(kept(data_dir, "api.key", Secret::random())?) } else { None };
    let token = if token { Some(kept(data_dir, "token.key", Secret::random())?) } else { None };
    Ok((api, token))
}

/// The secret of the hash by which channels are found in the journal.
///
/// With another one nothing would be found, and no gap be said. So its fingerprint stands behind it.
pub(super) fn hash_secret(data_dir: Option<&Path>) -> Result<[u8; 16], String> {
    let fresh = Secret::random();
    let line = Secret(format!("{} {}", fresh.expose(), fresh.fingerprint()));
    let kept = kept(data_dir, "hash.key", line)?;
    let damaged = "hash.key in the data directory is damaged; restore it from a backup, with the journal";
    let (text, fingerprint) = kept.expose().split_once(' ').ok_or(damaged)?;
    if Secret::new(text.to_owned()).fingerprint() != fingerprint {
        return Err(damaged.into());
    }
    let mut secret = [0; 16];
    for (index, byte) in secret.iter_mut().enumerate() {
        let digits = text.get(index * 2..index * 2 + 2);
        *byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(damaged)?;
    }
    Ok(secret)
}

/// The secret of this name, or the fresh one, which is then kept.
fn kept(data_dir: Option<&Path>, name: &str, fresh_one: Secret) -> Result<Secret, String> {
    let Some(directory) = data_dir else { return Ok(fresh_one) };
    let path = directory.join(name);
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(Secret(text.trim().to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            return Err(format!("{} is damaged; restore it from a backup", path.display()));
        }
        Err(error) => return Err(failed(error)),
    }
    fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    // Complete under another name first: a crash in between must not leave half a key.
    let fresh = directory.join(format!("{name}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(failed)?;
    writeln!(file, "{}", fresh_one.expose()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&fresh, &path).map_err(failed)?;
    OpenOptions::new()
        .read(true)
        .open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed)?;
    Ok(fresh_one)
}

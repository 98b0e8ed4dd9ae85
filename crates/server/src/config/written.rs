//! What was written, before it means anything: the file, the variables, the command line.

use super::{
    Sources, file,
    options::{Kind, OPTIONS, OptionSpec},
};
use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// The file's form. Unknown keys are mistakes: a misspelt option must not be an ignored one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) listen: Option<String>,
    pub(super) admin_listen: Option<String>,
    pub(super) data_dir: Option<String>,
    pub(super) durability: Option<String>,
    pub(super) drain_seconds: Option<u64>,
    pub(super) api: Option<Api>,
    pub(super) token: Option<Token>,
    pub(super) tls: Option<Tls>,
    pub(super) acme: Option<Acme>,
    pub(super) socket: Option<Socket>,
    pub(super) presence: Option<Presence>,
    pub(super) retention: Option<Retention>,
    pub(super) limits: Option<Limits>,
    pub(super) broker: Option<Broker>,
    pub(super) edge: Option<Edge>,
    pub(super) log: Option<Log>,
    pub(super) trace: Option<Trace>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trace {
    pub(super) otlp: Option<String>,
    pub(super) service: Option<String>,
    pub(super) ratio: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Api {
    pub(super) keys: Option<Vec<ApiKey>>,
}

/// A key: its text alone, or a table with its name.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ApiKey {
    Plain(String),
    Named(NamedKey),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedKey {
    pub(super) name: String,
    pub(super) secret: String,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) sends_per_second: Option<u64>,
    pub(super) tokens_per_second: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    pub(super) key: Option<String>,
    pub(super) keys: Option<Vec<TokenKey>>,
    pub(super) key_set: Option<String>,
}

/// One of several keys, for rotation: the first signs, all verify.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenKey {
    pub(super) id: String,
    pub(super) secret: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// The names of files.
    pub(super) certificate: Option<String>,
    pub(super) key: Option<String>,
    pub(super) http2: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acme {
    pub(super) domains: Option<Vec<String>>,
    pub(super) email: Option<String>,
    pub(super) directory: Option<String>,
    pub(super) ca_file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Socket {
    pub(super) token_in_query: Option<bool>,
    pub(super) allowed_origins: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Presence {
    pub(super) url: Option<String>,
    pub(super) format: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) grace_seconds: Option<u64>,
    pub(super) silence_seconds: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Retention {
    pub(super) seconds: Option<u64>,
    pub(super) messages: Option<u64>,
    pub(super) bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) message_bytes: Option<u64>,
    pub(super) sockets_per_client: Option<u64>,
    pub(super) sockets_per_address: Option<u64>,
    pub(super) cache_bytes: Option<u64>,
    pub(super) idempotency_keys: Option<u64>,
    pub(super) key_sends_per_second: Option<u64>,
    pub(super) key_tokens_per_second: Option<u64>,
    pub(super) client_sends_per_second: Option<u64>,
    pub(super) address_connections_per_second: Option<u64>,
    pub(super) address_refused_tokens_per_second: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Broker {
    pub(super) kind: Option<String>,
    pub(super) servers: Option<Vec<String>>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) token: Option<String>,
    pub(super) credentials: Option<String>,
    pub(super) tls: Option<bool>,
    pub(super) tls_ca: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) replicas: Option<u64>,
    pub(super) monitors: Option<Vec<String>>,
    pub(super) assert_synced: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edge {
    pub(super) threads: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) format: Option<String>,
    pub(super) level: Option<String>,
}

/// Keys are not for eyes.
impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Api([redacted])")
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Broker([redacted])")
    }
}

impl std::fmt::Debug for Presence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Presence([redacted])")
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token([redacted])")
    }
}

/// All sources as one, and what was seen on the way.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) written: Written,
    /// Where the options of the file stand.
    pub(super) lines: BTreeMap<String, usize>,
    /// Options of which a mistake has been told.
    pub(super) faulty: BTreeSet<String>,
    pub(super) mistakes: Vec<String>,
    /// What is missing may only be unreadable: nothing follows from it.
    pub(super) is_torn: bool,
    /// The options as they were said, to compare them with what is said later.
    pub(super) said: Said,
}

/// What was said of each option, as a fingerprint: it may be a secret.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said(BTreeMap<&'static str, [u8; 32]>);

impl Said {
    fn of(table: &Table) -> Self {
        let value = |path: &str| match path.split_once('.') {
            None => table.get(path),
            Some((section, name)) => table.get(section)?.get(name),
        };
        let print = |value: &Value| {
            let digest = digest(&SHA256, value.to_string().as_bytes());
            digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
        };
        Self(OPTIONS.iter().filter_map(|option| Some((option.path, print(value(option.path)?)))).collect())
    }

    /// The options of which something else is said here than there.
    pub(crate) fn changed<'s>(&'s self, later: &'s Self) -> impl Iterator<Item = &'static str> + 's {
        OPTIONS.iter().map(|option| option.path).filter(|path| self.0.get(path) != later.0.get(path))
    }
}

/// Reads all sources into one.
pub(super) fn read(sources: &Sources<'_>) -> Reading {
    let (mut reading, mut table) = (Reading::default(), Table::new());
    if let Some(path) = sources.file {
        let name = path.display();
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let file = file::read(&text);
                let told =
                    file.mistakes.into_iter().map(|(line, mistake)| format!("{name}:{line}: {mistake}"));
                reading.mistakes.extend(told);
                table = file.table;
                (reading.lines, reading.faulty, reading.is_torn) = (file.lines, file.faulty, file.is_torn);
            }
            Err(error) => {
                reading.mistakes.push(format!("{name}: cannot be read: {error}"));
                reading.is_torn = true;
            }
        }
    }
    for option in OPTIONS {
        let Some((place, text)) = text_of(sources, option) else { continue };
        match value(option.kind, &text) {
            Ok(value) => put(&mut table, option.path, value),
            Err(wanted) => {
                reading.mistakes.push(format!("{place}: must be {wanted}"));
                reading.faulty.insert(option.path.to_owned());
            }
        }
    }
    reading.said = Said::of(&table);
    match Written::deserialize(Value::Table(table)) {
        Ok(written) => reading.written = written,
        // What is left has been looked at; but nothing that it holds is repeated in any case.
        Err(error) => reading.mistakes.push(without_value(error.message())),
    }
    reading
}

/// What was expected, without what was found instead.
fn without_value(message: &str) -> String {
    match message.rsplit_once(", expected ") {
        Some((found, expected)) if found.starts_with("invalid ") => format!("expected {expected}"),
        _ => message.to_owned(),
    }
}

/// The text that command line or environment give for an option, the command line first.
fn text_of(sources: &Sources<'_>, option: &'static OptionSpec) -> Option<(String, String)> {
    let said = sources.overrides.iter().find(|(path, _)| *path == option.path);
    if let Some((_, text)) = said {
        return Some((format!("--{}", option.path.replace('_', "-")), text.clone()));
    }
    (sources.environment)(option.variable).map(|text| (option.variable.to_owned(), text))
}

fn value(kind: Kind, text: &str) -> Result<Value, &'static str> {
    match kind {
        Kind::Text => Ok(Value::String(text.to_owned())),
        Kind::Number => text.trim().parse().map(Value::Integer).map_err(|_| "a whole number"),
        Kind::Fraction => text.trim().parse().map(Value::Float).map_err(|_| "a number"),
        Kind::Switch => text.trim().parse().map(Value::Boolean).map_err(|_| "true or false"),
        Kind::List => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Ok(Value::Array(parts.map(|part| Value::String(part.to_owned())).collect()))
        }
    }
}

fn put(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((section, name)) => {
            let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(section) = section {
                section.insert(name.to_owned(), value);
            }
        }
    }
}

/// Where the value of an option came from: the command line, a variable, or a line of the file.
pub(super) fn place_of(sources: &Sources<'_>, lines: &BTreeMap<String, usize>, path: &str) -> String {
    // Of an item in a list, the list.
    let option = path.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end_matches('.');
    if let Some((place, _)) = super::option(option).and_then(|option| text_of(sources, option)) {
        return place;
    }
    let Some(file) = sources.file else {
        let variable = super::option(option).map_or("the configuration", |option| option.variable);
        return variable.to_owned();
    };
    let line = lines.get(path).or_else(|| lines.get(option));
    line.map_or_else(|| file.display().to_string(), |line| format!("{}:{line}", file.display()))
}

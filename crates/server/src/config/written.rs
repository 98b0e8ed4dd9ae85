//! What was written, before it means anything: the file, the variables, the command line.

use super::{
    Mistakes, Sources,
    options::{Kind, OPTIONS, OptionSpec},
};
use serde::Deserialize;
use toml::{Table, Value};

/// The file's form. Unknown keys are mistakes: a misspelt option must not be an ignored one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) listen: Option<String>,
    pub(super) data_dir: Option<String>,
    pub(super) durability: Option<String>,
    pub(super) drain_seconds: Option<u64>,
    pub(super) api: Option<Api>,
    pub(super) token: Option<Token>,
    pub(super) tls: Option<Tls>,
    pub(super) socket: Option<Socket>,
    pub(super) presence: Option<Presence>,
    pub(super) retention: Option<Retention>,
    pub(super) limits: Option<Limits>,
    pub(super) edge: Option<Edge>,
    pub(super) log: Option<Log>,
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

/// Names of files.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) certificate: Option<String>,
    pub(super) key: Option<String>,
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
    pub(super) idempotency_keys: Option<u64>,
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

/// Reads all sources into one.
pub(super) fn read(sources: &Sources<'_>) -> Result<Written, Mistakes> {
    let mut table = Table::new();
    // No error is written as the library would: with the line of the file as it stands.
    if let Some(path) = sources.file {
        let name = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Mistakes(vec![format!("{name}: cannot be read: {error}")]))?;
        // First in its own form, for errors that name the line.
        toml::from_str::<Written>(&text)
            .map_err(|error| Mistakes(vec![file_mistake(&name, &text, &error)]))?;
        table = text.parse().map_err(|error| Mistakes(vec![file_mistake(&name, &text, &error)]))?;
    }
    let mut mistakes = Vec::new();
    for option in OPTIONS {
        let Some((place, text)) = text_of(sources, option) else { continue };
        match value(option.kind, &text) {
            Ok(value) => put(&mut table, option.path, value),
            Err(wanted) => mistakes.push(format!("{place}: must be {wanted}")),
        }
    }
    if !mistakes.is_empty() {
        return Err(Mistakes(mistakes));
    }
    Written::deserialize(Value::Table(table)).map_err(|error| Mistakes(vec![without_value(error.message())]))
}

/// The error with its line, without the value that stands there: it may be a key.
fn file_mistake(name: &dyn std::fmt::Display, text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    format!("{name}:{line}: {}", without_value(error.message()))
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
pub(super) fn place_of(sources: &Sources<'_>, path: &str) -> String {
    if let Some((place, _)) = super::option(path).and_then(|option| text_of(sources, option)) {
        return place;
    }
    let Some(file) = sources.file else {
        let variable = super::option(path).map_or("the configuration", |option| option.variable);
        return variable.to_owned();
    };
    let line = std::fs::read_to_string(file).ok().and_then(|text| line_of(&text, path));
    line.map_or_else(|| file.display().to_string(), |line| format!("{}:{line}", file.display()))
}

/// The line on which an option stands.
fn line_of(text: &str, path: &str) -> Option<usize> {
    let (wanted, name) = path.split_once('.').unwrap_or(("", path));
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_matches(['[', ']', ' ']).to_owned();
        } else if section == wanted && line.split('=').next().is_some_and(|key| key.trim() == name) {
            return Some(index + 1);
        }
    }
    None
}

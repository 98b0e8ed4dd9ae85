//! A configuration file, read as far as it can be: what is right in it, where each option stands, and every mistake.
//!
//! A mistake never repeats a value: it may be a key.

use super::{
    nearest::did_you_mean,
    options::{Kind, OPTIONS},
};
use std::collections::{BTreeMap, BTreeSet};
use toml::{
    Spanned, Table, Value,
    de::{DeString, DeTable, DeValue},
};

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The options that have a value of their kind.
    pub(super) table: Table,
    /// The line of each option, by its path; of a list's items by path and number.
    pub(super) lines: BTreeMap<String, usize>,
    /// Options of which a mistake has been told: that they are missing is not told on top of it.
    pub(super) faulty: BTreeSet<String>,
    /// Each with its line.
    pub(super) mistakes: Vec<(usize, String)>,
    /// It is no TOML: what is missing may only be unreadable.
    pub(super) is_torn: bool,
}

/// What may stand in a place of the file.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Number,
    /// A number that may have a point.
    Fraction,
    Switch,
    /// A list of texts.
    Texts,
    /// A list of tables with these members, or also of texts.
    Tables {
        members: &'static [Member],
        or_texts: bool,
    },
}

/// A member of a table in a list; whether it must be there.
type Member = (&'static str, Shape, bool);

const API_KEY: &[Member] = &[
    ("name", Shape::Text, true),
    ("secret", Shape::Text, true),
    ("scopes", Shape::Texts, false),
    ("sends_per_second", Shape::Number, false),
    ("tokens_per_second", Shape::Number, false),
];
const TOKEN_KEY: &[Member] = &[("id", Shape::Text, true), ("secret", Shape::Text, true)];

/// What an option may be, by its path.
fn shape(path: &str) -> Option<Shape> {
    match path {
        "api.keys" => Some(Shape::Tables { members: API_KEY, or_texts: true }),
        "token.keys" => Some(Shape::Tables { members: TOKEN_KEY, or_texts: false }),
        path => OPTIONS.iter().find(|option| option.path == path).map(|option| match option.kind {
            Kind::Text => Shape::Text,
            Kind::Number => Shape::Number,
            Kind::Fraction => Shape::Fraction,
            Kind::Switch => Shape::Switch,
            Kind::List => Shape::Texts,
        }),
    }
}

/// Every path that an option may have.
fn paths() -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().map(|option| option.path).chain(["token.keys"])
}

/// The names below a section; of the top if it is empty.
fn names_in(section: &str) -> impl Iterator<Item = &'static str> {
    paths().filter_map(move |path| match path.split_once('.') {
        Some((of, name)) => (of == section).then_some(name),
        None => section.is_empty().then_some(path),
    })
}

fn sections() -> BTreeSet<&'static str> {
    paths().filter_map(|path| path.split_once('.')).map(|(section, _)| section).collect()
}

/// Reads the text of a file.
pub(super) fn read(text: &str) -> Read {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { text, read: Read::default(), torn: BTreeSet::new() };
    for error in errors {
        let line = error.span().map_or(1, |span| reader.line(span.start));
        // One line is one mistake: what follows in it is only how the reader finds its way back.
        if reader.torn.insert(line) {
            reader.read.mistakes.push((line, format!("is no TOML here: {}", error.message())));
        }
    }
    reader.read.is_torn = !reader.torn.is_empty();
    for (key, value) in table.get_ref() {
        reader.top(key, value);
    }
    reader.read.mistakes.sort_by_key(|(line, _)| *line);
    reader.read
}

struct Reader<'t> {
    text: &'t str,
    read: Read,
    /// Lines that are no TOML.
    torn: BTreeSet<usize>,
}

type Key<'i> = Spanned<DeString<'i>>;
type Found<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn wrong(&mut self, line: usize, path: &str, what: &str) {
        self.read.faulty.insert(path.to_owned());
        if !self.torn.contains(&line) {
            self.read.mistakes.push((line, format!("{path} {what}")));
        }
    }

    fn top(&mut self, key: &Key<'_>, value: &Found<'_>) {
        let (name, line) = (key.get_ref().as_ref(), self.line(key.span().start));
        match value.get_ref() {
            DeValue::Table(table) if sections().contains(name) => {
                for (key, value) in table {
                    self.option(name, key, value);
                }
            }
            _ if sections().contains(name) => {
                self.wrong(line, name, &format!("is a section: write [{name}], and its options below it"));
            }
            DeValue::Table(_) if shape(name).is_some() => {
                self.wrong(
                    line,
                    name,
                    &format!("is an option, not a section: write {name} = … above the first section"),
                );
            }
            DeValue::Table(_) => self.unknown_section(line, name),
            _ => self.option("", key, value),
        }
    }

    fn unknown_section(&mut self, line: usize, name: &str) {
        let hint = did_you_mean(name, sections()).map(|name| format!("; did you mean [{name}]?"));
        let hint = hint.unwrap_or_else(|| format!("; there are {}", listed(sections().into_iter())));
        self.unknown(line, "section", name, &hint);
    }

    fn option(&mut self, section: &str, key: &Key<'_>, value: &Found<'_>) {
        let (name, line) = (key.get_ref().as_ref(), self.line(key.span().start));
        let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        let Some(shape) = shape(&path) else {
            let hint = hint(section, name);
            return self.unknown(line, "option", name, &hint);
        };
        self.read.lines.insert(path.clone(), line);
        let Some(value) = self.value(&path, shape, value) else { return };
        if section.is_empty() {
            self.read.table.insert(name.to_owned(), value);
        } else {
            let section = self.read.table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(section) = section {
                section.insert(name.to_owned(), value);
            }
        }
    }

    fn unknown(&mut self, line: usize, kind: &str, name: &str, hint: &str) {
        // What does not look like a name may be a key that has lost its quotes.
        let looks_like_one =
            name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-.".contains(&byte));
        let shown = if looks_like_one { format!(" `{name}`") } else { String::new() };
        if !self.torn.contains(&line) {
            self.read.mistakes.push((line, format!("unknown {kind}{shown}{hint}")));
        }
    }

    fn fraction(&mut self, line: usize, path: &str, text: &str) -> Option<Value> {
        text.parse().ok().map(Value::Float).or_else(|| self.not(line, path, "a number"))
    }

    /// The value, if it is of its kind.
    fn value(&mut self, path: &str, shape: Shape, value: &Found<'_>) -> Option<Value> {
        let line = self.line(value.span().start);
        match (shape, value.get_ref()) {
            (Shape::Text, DeValue::String(text)) => Some(Value::String(text.to_string())),
            (Shape::Text, DeValue::Array(_) | DeValue::Table(_)) => self.not(line, path, "a text in quotes"),
            (Shape::Text, _) => self.not(line, path, "a text: put it in quotes"),
            (Shape::Number, DeValue::Integer(number)) => {
                let number =
                    i64::from_str_radix(number.as_str(), number.radix()).ok().filter(|number| *number >= 0);
                number
                    .map(Value::Integer)
                    .or_else(|| self.not(line, path, "a whole number that is not below 0"))
            }
            (Shape::Number, DeValue::String(_)) => {
                self.not(line, path, "a whole number, without quotes and without a unit")
            }
            (Shape::Number, _) => self.not(line, path, "a whole number"),
            (Shape::Fraction, DeValue::Float(number)) => self.fraction(line, path, number.as_str()),
            (Shape::Fraction, DeValue::Integer(number)) => self.fraction(line, path, number.as_str()),
            (Shape::Fraction, _) => self.not(line, path, "a number, without quotes"),
            (Shape::Switch, DeValue::Boolean(is_on)) => Some(Value::Boolean(*is_on)),
            (Shape::Switch, _) => self.not(line, path, "true or false, without quotes"),
            (Shape::Texts | Shape::Tables { or_texts: true, .. }, DeValue::String(_)) => {
                self.not(line, path, "a list: put brackets around it, [\"…\"]")
            }
            (Shape::Texts, DeValue::Array(items)) => {
                let texts = items.iter().map(|item| self.value(path, Shape::Text, item)).collect::<Vec<_>>();
                texts.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
            }
            (Shape::Texts, _) => self.not(line, path, "a list of texts, [\"…\", \"…\"]"),
            (Shape::Tables { members, or_texts }, DeValue::Array(items)) => {
                let numbered = items.iter().enumerate();
                let items: Vec<_> =
                    numbered.map(|(index, item)| self.item(path, index, members, or_texts, item)).collect();
                items.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
            }
            (Shape::Tables { members, .. }, _) => {
                let what = format!(
                    "a list: write [[{path}]], and {} below it",
                    listed(members.iter().map(|(name, ..)| *name))
                );
                self.not(line, path, &what)
            }
        }
    }

    /// One of a list of tables.
    fn item(
        &mut self,
        path: &str,
        index: usize,
        members: &[Member],
        or_texts: bool,
        item: &Found<'_>,
    ) -> Option<Value> {
        let line = self.line(item.span().start);
        self.read.lines.insert(format!("{path}.{index}"), line);
        let table = match item.get_ref() {
            DeValue::String(text) if or_texts => return Some(Value::String(text.to_string())),
            DeValue::Table(table) => table,
            _ => {
                let names = listed(members.iter().map(|(name, ..)| *name));
                let what = if or_texts {
                    format!("of texts, or of tables with {names}")
                } else {
                    format!("of tables with {names}")
                };
                return self.not(line, path, &format!("a list {what}"));
            }
        };
        let (mut read, mut is_right) = (Table::new(), true);
        for (key, value) in table {
            let (name, line) = (key.get_ref().as_ref(), self.line(key.span().start));
            let Some((_, shape, _)) = members.iter().find(|(known, ..)| *known == name) else {
                let known = members.iter().map(|(name, ..)| *name);
                let hint = did_you_mean(name, known.clone()).map(|name| format!("; did you mean `{name}`?"));
                let hint = hint.unwrap_or_else(|| format!("; a key has {}", listed(known)));
                self.unknown(line, "member", name, &hint);
                self.read.faulty.insert(path.to_owned());
                is_right = false;
                continue;
            };
            match self.value(path, *shape, value) {
                Some(value) => _ = read.insert(name.to_owned(), value),
                None => is_right = false,
            }
        }
        for (name, ..) in members.iter().filter(|(name, _, must)| *must && !table.contains_key(*name)) {
            self.wrong(line, path, &format!("has a key without `{name}`"));
            is_right = false;
        }
        is_right.then_some(Value::Table(read))
    }

    fn not(&mut self, line: usize, path: &str, wanted: &str) -> Option<Value> {
        self.wrong(line, path, &format!("is to be {wanted}"));
        None
    }
}

/// What may have been meant by a name that is none in its section.
fn hint(section: &str, name: &str) -> String {
    if let Some(meant) = did_you_mean(name, names_in(section)) {
        return format!("; did you mean `{meant}`?");
    }
    let elsewhere = paths().find(|path| path.rsplit('.').next() == Some(name));
    match elsewhere.map(|path| path.split_once('.').map_or(("", path), |parts| parts)) {
        Some(("", _)) => "; it stands above the first section".into(),
        Some((section, _)) => format!("; it belongs below [{section}]"),
        None if section.is_empty() => format!("; at the top there are {}", listed(names_in(section))),
        None => format!("; [{section}] has {}", listed(names_in(section))),
    }
}

fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

//! A text with words in braces that differ from message to message: `/pub?id={channel}`.

/// What the words stand for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Words<'a> {
    pub(crate) channel: &'a str,
    pub(crate) token: &'a str,
    /// What a socket that comes back has had: `?after=…`, or nothing.
    pub(crate) after: &'a str,
    pub(crate) message: &'a [u8],
    /// Differs for each message of a run.
    pub(crate) key: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Channel,
    Token,
    After,
    Message,
    /// The length of the message.
    Bytes,
    Key,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

const WORDS: [(&str, Part); 6] = [
    ("{channel}", Part::Channel),
    ("{token}", Part::Token),
    ("{after}", Part::After),
    ("{message}", Part::Message),
    ("{bytes}", Part::Bytes),
    ("{key}", Part::Key),
];

impl Template {
    /// Braces around anything but a known word stand for themselves, as in JSON.
    pub(crate) fn new(text: &str) -> Self {
        let (mut parts, mut literal, mut rest) = (Vec::new(), Vec::new(), text);
        while let Some(first) = rest.bytes().next() {
            let known = WORDS.iter().find(|(word, _)| rest.starts_with(word));
            if let Some((word, part)) = known {
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(part.clone());
                rest = &rest[word.len()..];
            } else {
                let end = if first == b'{' { 1 } else { rest.find('{').unwrap_or(rest.len()) };
                literal.extend_from_slice(&rest.as_bytes()[..end]);
                rest = &rest[end..];
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Self(parts)
    }

    /// Appends the text with the words filled in.
    pub(crate) fn write(&self, words: Words<'_>, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Channel => out.extend_from_slice(words.channel.as_bytes()),
                Part::Token => out.extend_from_slice(words.token.as_bytes()),
                Part::After => out.extend_from_slice(words.after.as_bytes()),
                Part::Message => out.extend_from_slice(words.message),
                Part::Bytes => out.extend_from_slice(words.message.len().to_string().as_bytes()),
                Part::Key => out.extend_from_slice(words.key.to_string().as_bytes()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_filled_in_and_other_braces_stay() {
        let template = Template::new(r#"{"é{}":{channel},"{message}{bytes}{x}{"#);
        let mut out = Vec::new();
        template.write(Words { channel: "c1", message: b"abc", ..Words::default() }, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"é{}":c1,"abc3{x}{"#);
    }
}

//! What a browser may say on its socket: an acknowledgement, a new token, farewell. Nothing else.

use crate::cursor::Cursor;
use serde::Deserialize;

/// One word of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientWord {
    /// `{"ack":"<cursor>"}`: the page has handled everything up to here.
    Ack(Cursor),
    /// `{"token":"<token>"}`: renewal without a gap.
    Token(String),
    /// `{"close":true}`: an explicit leave.
    Close,
}

/// The text is none of the three words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(r#"a client says {{"ack":"<cursor>"}}, {{"token":"<token>"}} or {{"close":true}}, nothing else"#)]
pub struct InvalidWord;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    ack: Option<String>,
    token: Option<String>,
    close: Option<bool>,
}

impl ClientWord {
    /// Reads one word.
    ///
    /// # Errors
    /// [`InvalidWord`].
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        match serde_json::from_str(text).map_err(|_| InvalidWord)? {
            Raw { ack: Some(cursor), token: None, close: None } => {
                cursor.parse().map(Self::Ack).map_err(|_| InvalidWord)
            }
            Raw { ack: None, token: Some(token), close: None } => Ok(Self::Token(token)),
            Raw { ack: None, token: None, close: Some(true) } => Ok(Self::Close),
            _ => Err(InvalidWord),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::{Epoch, Offset};

    #[test]
    fn three_words_and_no_more() {
        let cursor = Cursor::new(Epoch(1), Offset(2));
        assert_eq!(ClientWord::parse(r#"{"ack":"1.2"}"#), Ok(ClientWord::Ack(cursor)));
        assert_eq!(ClientWord::parse(r#"{"token":"t"}"#), Ok(ClientWord::Token("t".into())));
        assert_eq!(ClientWord::parse(r#"{"close":true}"#), Ok(ClientWord::Close));
        for text in [
            "",
            "{}",
            "[]",
            "hello",
            r#"{"ack":"x"}"#,
            r#"{"ack":1}"#,
            r#"{"close":false}"#,
            r#"{"close":true,"ack":"1.2"}"#,
            r#"{"say":"hi"}"#,
            r#"{"token":"t","token":"u"}"#,
        ] {
            assert_eq!(ClientWord::parse(text), Err(InvalidWord), "{text}");
        }
    }
}

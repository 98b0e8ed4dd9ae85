//! What a signed body says. The body alone decides which format it has: what is around it is not signed.

use crate::notice::form;
use protocol::id::ClientId;
use serde::Deserialize;

/// What every language with an SDK can hold, and far more than the server counts up to.
const GENERATION_MAX: u64 = (1 << 53) - 1;

/// Digits of that; more are not looked at.
const GENERATION_DIGITS_MAX: usize = 16;

/// What a notice tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) client_id: String,
    pub(super) connected: bool,
    pub(super) generation: u64,
}

/// Reads a body; nothing if it is no notice.
pub(super) fn read(body: &[u8]) -> Option<Told> {
    let text = std::str::from_utf8(body).ok()?;
    let told = match text.starts_with('{') {
        true => read_document(text)?,
        false => read_form(text)?,
    };
    told.client_id.parse::<ClientId>().ok()?;
    (told.generation <= GENERATION_MAX).then_some(told)
}

/// Format `standard`. Members that are not known came later than this client, and do no harm.
fn read_document(text: &str) -> Option<Told> {
    #[derive(Deserialize)]
    struct Document {
        #[serde(rename = "type")]
        kind: String,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        client_id: String,
        generation: u64,
    }
    let Document { kind, data } = serde_json::from_str(text).ok()?;
    let connected = is_connected(kind.strip_prefix("channel.")?)?;
    Some(Told { client_id: data.client_id, connected, generation: data.generation })
}

/// Format `appengine`.
fn read_form(text: &str) -> Option<Told> {
    let fields = form::read(text)?;
    let generation = fields.get("generation")?;
    // Digits only: to read a number is to allow a sign before it.
    if generation.len() > GENERATION_DIGITS_MAX || !generation.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(Told {
        client_id: (*fields.get("from")?).to_owned(),
        connected: is_connected(fields.get("state")?)?,
        generation: generation.parse().ok()?,
    })
}

fn is_connected(state: &str) -> Option<bool> {
    match state {
        "connected" => Some(true),
        "disconnected" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn document(client_id: impl Into<Value>, generation: impl Into<Value>) -> String {
        let (client_id, generation): (Value, Value) = (client_id.into(), generation.into());
        let data = json!({ "client_id": client_id, "generation": generation });
        json!({ "type": "channel.connected", "data": data }).to_string()
    }

    fn form(from: &str, state: &str, generation: &str) -> String {
        let fields = [("from", from), ("state", state), ("generation", generation)];
        let part = |(name, value)| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        fields.map(part).concat() + "--b--\r\n"
    }

    #[test]
    fn the_largest_of_everything_is_read() {
        let (longest, most) = ("é".repeat(128), (1_u64 << 53) - 1);
        let told = Told { client_id: longest.clone(), connected: true, generation: most };
        assert_eq!(read(document(&*longest, most).as_bytes()).as_ref(), Some(&told));
        assert_eq!(read(form(&longest, "connected", &most.to_string()).as_bytes()), Some(told));
    }

    #[test]
    fn documents_that_are_no_notices_are_not_read() {
        for wrong in [
            document("", 7),
            document("x".repeat(257), 7),
            document("é".repeat(129), 7),
            document(7, 7),
            document("ada", -1),
            document("ada", true),
            document("ada", "7"),
            document("ada", 7.0),
            document("ada", 1_u64 << 53),
            document("ada", 7).replace("ada", "\\ud800"),
            document("ada", 7).replace("channel.", ""),
            document("ada", 7).replace("channel.", "channel.channel."),
            r#"{"type":"channel.connected","data":[]}"#.into(),
            format!("{{\"a\":{}", "[".repeat(100_000)),
            format!(" {}", document("ada", 7)),
            format!("\u{feff}{}", document("ada", 7)),
            "[]".into(),
            "null".into(),
        ] {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong:.200}");
        }
    }

    #[test]
    fn forms_that_are_no_notices_are_not_read() {
        assert!(read(form("ada", "disconnected", "7").as_bytes()).is_some_and(|told| !told.connected));
        for wrong in [
            form("", "connected", "7"),
            form(&"x".repeat(257), "connected", "7"),
            form("ada", "CONNECTED", "7"),
            form("ada", "", "7"),
            form("ada", "connected", ""),
            form("ada", "connected", "-1"),
            form("ada", "connected", "+7"),
            form("ada", "connected", "٧"),
            form("ada", "connected", "9999999999999999"),
            form("ada", "connected", "00000000000000007"),
            form("ada", "connected", "7").replace("generation", "age"),
            form("ada", "connected", "7")[1..].to_owned(),
        ] {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong:.200}");
        }
        let mut bytes = form("ada", "connected", "7").into_bytes();
        let at = bytes.windows(3).position(|window| window == b"ada").unwrap();
        bytes[at] = 0xff;
        assert_eq!(read(&bytes), None, "not UTF-8");
    }
}

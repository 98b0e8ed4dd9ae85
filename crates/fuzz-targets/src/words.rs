//! What clients say: one of three words or none.

use protocol::client_word::ClientWord;
use serde_json::{Value, json};

/// A word that is taken says, to any other reader of JSON, exactly what it was taken for.
pub fn words(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(word) = ClientWord::parse(text) else { return };
    let expected = match word {
        ClientWord::Ack(cursor) => json!({"ack": cursor.to_string()}),
        ClientWord::Token(token) => json!({ "token": token }),
        ClientWord::Close => json!({"close": true}),
    };
    let mut said: Value = serde_json::from_str(text).expect("a word is JSON");
    let said = said.as_object_mut().expect("and an object");
    said.retain(|_, value| !value.is_null());
    assert_eq!(Value::Object(std::mem::take(said)), expected);
}

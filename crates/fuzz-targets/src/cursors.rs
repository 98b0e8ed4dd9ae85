//! Cursors as clients send them back.

use protocol::cursor::Cursor;

/// What parses is what would be written: one text for one cursor.
pub fn cursors(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), text);
    }
}

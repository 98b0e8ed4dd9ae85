//! Reads one frame from one line.

use base64::{Engine, prelude::BASE64_STANDARD};
use protocol::{close::CloseCode, cursor::Cursor, frame::GapReason, message::Data};
use serde::{Deserialize, Deserializer, de::Error as _};

/// A frame as a listener reads it; see `protocol::frame` for what each says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Open {
        cursor: Cursor,
        /// Seconds between pings.
        ping: u32,
    },
    Message {
        cursor: Option<Cursor>,
        data: Data,
    },
    Gap {
        cursor: Cursor,
        reason: GapReason,
    },
    /// A sign of life, with or without news.
    Ping {
        cursor: Option<Cursor>,
    },
    Close {
        code: CloseCode,
        reason: String,
        retry_after_ms: Option<u32>,
    },
}

/// The line is not a frame, so whoever wrote it is not Downlink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAFrame;

#[derive(Deserialize)]
struct Written {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "read_cursor")]
    id: Option<Cursor>,
    #[serde(default, deserialize_with = "read_cursor")]
    cursor: Option<Cursor>,
    data: Option<String>,
    base64: Option<String>,
    ping: Option<u32>,
    code: Option<u16>,
    reason: Option<String>,
    retry_after_ms: Option<u32>,
}

fn read_cursor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cursor>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

/// Reads a line. What a later server says and this client does not know is a sign of life and nothing more.
pub(crate) fn parse(line: &[u8]) -> Result<Frame, NotAFrame> {
    if line.trim_ascii().is_empty() {
        return Ok(Frame::Ping { cursor: None });
    }
    let written: Written = serde_json::from_slice(line).map_err(|_| NotAFrame)?;
    frame(written).ok_or(NotAFrame)
}

/// Nothing if a known frame lacks what it needs.
fn frame(written: Written) -> Option<Frame> {
    let Written { kind, id, cursor, data, base64, ping, code, reason, retry_after_ms } = written;
    Some(match kind.as_deref() {
        Some("open") => Frame::Open { cursor: cursor?, ping: ping? },
        Some("gap") => Frame::Gap { cursor: cursor?, reason: gap_reason(reason.as_deref()) },
        Some("ping") => Frame::Ping { cursor },
        Some("close") => {
            let code = CloseCode(code?);
            Frame::Close { code, reason: reason.unwrap_or_else(|| code.reason().into()), retry_after_ms }
        }
        Some(_) => Frame::Ping { cursor: None },
        None => match (data, base64) {
            (Some(text), _) => Frame::Message { cursor: id, data: Data::Text(text.into()) },
            (None, Some(text)) => {
                let bytes = BASE64_STANDARD.decode(text).ok()?;
                Frame::Message { cursor: id, data: Data::Binary(bytes.into()) }
            }
            (None, None) => Frame::Ping { cursor: None },
        },
    })
}

/// Only a lost log takes a cursor back; any other reason amounts to messages that are no longer kept.
pub(crate) fn gap_reason(word: Option<&str>) -> GapReason {
    if word == Some(GapReason::Epoch.as_str()) { GapReason::Epoch } else { GapReason::Trimmed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use protocol::{
        encode::{json, lines},
        frame::{Frame as Sent, Placed},
    };

    fn cursor(text: &str) -> Cursor {
        text.parse().unwrap()
    }

    fn as_sent(frame: &Sent<'_>) -> Result<Frame, NotAFrame> {
        let mut line = Vec::new();
        lines::frame(&mut line, frame);
        parse(&line)
    }

    #[test]
    fn every_frame_is_read_as_the_server_writes_it() {
        let (at, code) = (cursor("k3f.12"), CloseCode::RESTART);
        let open = Sent::Open { cursor: at, socket: "s", ping: 15 };
        assert_eq!(as_sent(&open), Ok(Frame::Open { cursor: at, ping: 15 }));
        for reason in [GapReason::Trimmed, GapReason::Epoch] {
            assert_eq!(as_sent(&Sent::Gap { cursor: at, reason }), Ok(Frame::Gap { cursor: at, reason }));
        }
        assert_eq!(as_sent(&Sent::Ping { cursor: at }), Ok(Frame::Ping { cursor: Some(at) }));
        for retry_after_ms in [None, Some(700)] {
            assert_eq!(
                as_sent(&Sent::Close { code, reason: "So \"long\".", retry_after_ms }),
                Ok(Frame::Close { code, reason: "So \"long\".".into(), retry_after_ms })
            );
        }
    }

    #[test]
    fn every_message_is_read_as_the_server_writes_it() {
        let text = Data::Text("q\"\\\r\n\u{1}\u{2028}🎈".to_owned().into());
        for data in [text, Data::Binary(Bytes::from_static(b"\0\n\xff"))] {
            for cursor in [None, Some(cursor("k3f.17"))] {
                let mut line = Vec::new();
                json::message(&mut line, Placed { cursor, data: &data });
                assert_eq!(parse(&line), Ok(Frame::Message { cursor, data: data.clone() }));
            }
        }
    }

    #[test]
    fn what_a_later_server_says_is_a_sign_of_life() {
        for line in ["", "\r", " ", r#"{"type":"news","cursor":"k3f.1"}"#, r#"{"id":"k3f.1","xml":"<a/>"}"#] {
            assert_eq!(parse(line.as_bytes()), Ok(Frame::Ping { cursor: None }), "{line:?}");
        }
        let line = br#"{"type":"gap","cursor":"k3f.1","reason":"weather"}"#;
        assert_eq!(parse(line), Ok(Frame::Gap { cursor: cursor("k3f.1"), reason: GapReason::Trimmed }));
    }

    #[test]
    fn other_lines_are_no_frames() {
        for line in [
            "<html>",
            "1",
            "[]",
            r#"{"type":"open"}"#,
            r#"{"type":"close"}"#,
            r#"{"id":"K","data":"x"}"#,
            r#"{"id":"k3f.1","base64":"?"}"#,
        ] {
            assert_eq!(parse(line.as_bytes()), Err(NotAFrame), "{line}");
        }
    }
}

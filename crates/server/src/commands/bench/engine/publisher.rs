//! One connection on which messages go in: a call at a time, and the next when it is answered.

use super::wire::Wire;

/// An answer larger than this is none that a send gets.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(crate) struct Publisher {
    pub(crate) wire: Wire,
    pub(crate) state: State,
    /// What came of an answer that is not whole.
    pub(crate) input: Vec<u8>,
    /// What goes in with the call under way: channel and number of each message.
    pub(crate) under_way: Vec<(u32, u32)>,
    /// Answers that are awaited: one for an HTTP call, one for each line.
    pub(crate) awaited: usize,
    /// Set while the call asks for this channel's token.
    pub(crate) token_for: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Connecting,
    /// Connected, and the answer to what was said first is awaited.
    Greeted,
    Ready,
}

impl Publisher {
    pub(crate) fn new(wire: Wire) -> Self {
        Self {
            wire,
            state: State::Connecting,
            input: Vec::new(),
            under_way: Vec::new(),
            awaited: 0,
            token_for: None,
        }
    }
}

/// The first answer in what came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer<'a> {
    /// It is not whole.
    Partly,
    Whole {
        length: usize,
        status: u16,
        body: &'a [u8],
        /// The connection ends with it.
        closes: bool,
    },
    /// It is not HTTP.
    Broken,
}

/// Reads an answer of HTTP/1.1.
pub(crate) fn http(data: &[u8]) -> Answer<'_> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(data) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) if data.len() < 64 * 1024 => return Answer::Partly,
        _ => return Answer::Broken,
    };
    let value = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let status = response.code.unwrap_or(0);
    let closes = value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let body = if value("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        match chunks(&data[head..]) {
            Chunks::Whole(length) => length,
            Chunks::Partly => return Answer::Partly,
            Chunks::Broken => return Answer::Broken,
        }
    } else {
        match value("content-length").map(str::parse) {
            Some(Ok(length)) if length <= ANSWER_BYTES_MAX => length,
            None if status == 204 || status == 304 => 0,
            _ => return Answer::Broken,
        }
    };
    match data.get(head..head + body) {
        Some(body) => Answer::Whole { length: head + body.len(), status, body, closes },
        None => Answer::Partly,
    }
}

enum Chunks {
    Whole(usize),
    Partly,
    Broken,
}

/// The length of a chunked body, with its chunks' heads: what is looked for in it is never cut by them.
fn chunks(data: &[u8]) -> Chunks {
    let mut at = 0;
    loop {
        match httparse::parse_chunk_size(&data[at.min(data.len())..]) {
            Ok(httparse::Status::Complete((head, length))) => {
                let Some(end) = usize::try_from(length).ok().filter(|length| *length <= ANSWER_BYTES_MAX)
                else {
                    return Chunks::Broken;
                };
                at += head + end + 2;
                if end == 0 {
                    return if at <= data.len() { Chunks::Whole(at) } else { Chunks::Partly };
                }
            }
            Ok(httparse::Status::Partial) => return Chunks::Partly,
            Err(_) => return Chunks::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn whole(data: &[u8]) -> (usize, u16, Vec<u8>, bool) {
        for end in 0..data.len() {
            assert_eq!(http(&data[..end]), Answer::Partly, "{end}");
        }
        let more = [data, b"HTTP/1.1 2"].concat();
        let Answer::Whole { length, status, body, closes } = http(&more) else { panic!("{:?}", http(&more)) };
        (length, status, body.to_vec(), closes)
    }

    #[test]
    fn an_answer_is_taken_when_it_is_whole() {
        let plain = b"HTTP/1.1 201 Created\r\ncontent-length: 4\r\nConnection: close\r\n\r\nbody";
        assert_eq!(whole(plain), (plain.len(), 201, b"body".to_vec(), true));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert_eq!(whole(chunked), (chunked.len(), 200, b"3\r\nabc\r\n0\r\n\r\n".to_vec(), false));
    }

    #[test]
    fn what_is_no_answer_is_broken() {
        for data in [
            &b"SSH-2.0-x\r\n"[..],
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        ] {
            assert_eq!(http(data), Answer::Broken);
        }
    }
}

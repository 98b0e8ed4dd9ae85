//! As much of RFC 6455 as a client needs that only reads messages, answers pings and says a few words.

/// One frame from the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    pub(crate) payload: &'a [u8],
    /// Its length with its head.
    pub(crate) length: usize,
}

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// The first frame, or nothing while it is not whole.
pub(crate) fn first(data: &[u8]) -> Option<Frame<'_>> {
    let short = usize::from(*data.get(1)? & 0x7f);
    let (head, length): (usize, usize) = match short {
        126 => (4, usize::from(u16::from_be_bytes(data.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(data.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, short),
    };
    let end = head.checked_add(length)?;
    Some(Frame { opcode: data[0] & 15, payload: data.get(head..end)?, length: end })
}

/// Appends a whole frame as a client sends it: masked. The key need not be secret, since no page chose the payload.
pub(crate) fn write(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    const KEY: [u8; 4] = [0x5a, 0x17, 0xc3, 0x68];
    out.push(0x80 | opcode);
    if payload.len() < 126 {
        out.push(0x80 | payload.len() as u8);
    } else {
        out.push(0x80 | 126);
        out.extend_from_slice(&u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
    }
    out.extend_from_slice(&KEY);
    out.extend(
        payload.iter().take(usize::from(u16::MAX)).zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key),
    );
}

/// What a close frame says.
pub(crate) fn close_reason(payload: &[u8]) -> String {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else { return "without a reason".into() };
    format!("{} {}", u16::from_be_bytes(*code), String::from_utf8_lossy(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_all_lengths_are_read_when_they_are_whole() {
        for (head, length) in
            [(&[0x81, 5][..], 5), (&[0x82, 126, 1, 0], 256), (&[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65_536)]
        {
            let mut data = head.to_vec();
            data.resize(head.len() + length, b'x');
            assert_eq!(first(&data[..data.len() - 1]), None);
            data.push(0x89);
            let frame = first(&data).unwrap();
            assert_eq!((frame.opcode, frame.length), (head[0] & 15, head.len() + length));
            assert_eq!(frame.payload.len(), length);
        }
    }

    #[test]
    fn what_is_written_is_masked_and_whole() {
        let mut out = Vec::new();
        write(PONG, b"abc", &mut out);
        assert_eq!((out[0], out[1], out.len()), (0x8a, 0x83, 9));
        let plain: Vec<u8> = out[6..].iter().zip(&out[2..6]).map(|(byte, key)| byte ^ key).collect();
        assert_eq!(plain, b"abc");
    }
}

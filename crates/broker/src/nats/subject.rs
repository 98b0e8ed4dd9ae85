//! A client id as one token of a subject, and back.
//!
//! Letters, digits, `-` and `_` stand for themselves, every other byte is `=` and two digits. So no two ids share a
//! subject, and a person finds a channel by its name. The longest takes 768 bytes; NATS takes lines of 4,096.

use protocol::id::ClientId;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends the token of a client id.
pub(super) fn push_token(subject: &mut String, id: &ClientId) {
    if id.is_canary() {
        // A token has at least one character, and no other id has this one.
        return subject.push('=');
    }
    for byte in id.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            subject.push(char::from(byte));
        } else {
            subject.push('=');
            subject.push(char::from(DIGITS[usize::from(byte >> 4)]));
            subject.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// The token of a client id.
pub(super) fn token(id: &ClientId) -> String {
    let mut token = String::with_capacity(id.as_str().len() + 8);
    push_token(&mut token, id);
    token
}

/// The client id of a token; `None` if it is none that [`push_token`] writes.
pub(super) fn client_id(token: &str) -> Option<ClientId> {
    if token == "=" {
        return Some(ClientId::canary());
    }
    if !token.contains('=') {
        return token.parse().ok();
    }
    let digit = |byte: &u8| DIGITS.iter().position(|digit| digit == byte);
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'=' {
            bytes.push(*byte);
            continue;
        }
        let [high, low, behind @ ..] = rest else { return None };
        bytes.push((digit(high)? << 4 | digit(low)?) as u8);
        rest = behind;
    }
    ClientId::from_bytes(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_a_token_of_its_own_and_comes_back() {
        let longest = "\u{1f600}".repeat(64);
        let ids = ["ada", "a.b", "a b", "*", ">", "a=2eb", "=", "..", "é", "a-b_C9", "$SYS", &longest];
        let tokens: Vec<String> = ids.iter().map(|id| token(&id.parse().unwrap())).collect();
        for (id, token) in ids.iter().zip(&tokens) {
            assert!(
                token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte)),
                "{token}"
            );
            assert_eq!(client_id(token).unwrap().as_str(), *id);
        }
        assert_eq!(tokens[1], "a=2eb");
        assert_eq!(tokens.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
    }

    #[test]
    fn what_is_no_token_is_no_id() {
        assert!(client_id(&token(&ClientId::canary())).unwrap().is_canary());
        for token in ["", "=4", "=zz", "a=", "=ff", "=C3"] {
            assert!(client_id(token).is_none(), "{token}");
        }
    }
}

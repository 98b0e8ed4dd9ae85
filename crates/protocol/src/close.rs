//! Why a socket ends: one table, shared with the browser library (a conformance case holds them equal).
//!
//! The range says what a client does: 40xx and 44xx are final, 45xx and 10xx come back.

/// A close code of RFC 6455, 7.4, or of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(pub u16);

macro_rules! close_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $reason:literal;)*) => {
        impl CloseCode {
            $($(#[$doc])* pub const $name: CloseCode = CloseCode($code);)*

            /// Every code that this server sends, with its usual reason.
            pub const TABLE: &[(CloseCode, &'static str)] = &[$((CloseCode($code), $reason)),*];
        }
    };
}

close_codes! {
    /// The client said farewell, or the server answers its close.
    NORMAL = 1000, "Closed.";
    /// The page went away.
    GOING_AWAY = 1001, "The page went away.";
    /// A frame that breaks RFC 6455.
    PROTOCOL_ERROR = 1002, "Protocol error.";
    /// A text that is not UTF-8.
    NOT_UTF8 = 1007, "Text that is not UTF-8.";
    /// More than a client has to say.
    TOO_BIG = 1009, "Too large; a client says at most a token or a cursor.";
    /// A fault of the server.
    INTERNAL_ERROR = 1011, "Internal error.";
    /// The server restarts; come back after `retry_after_ms`.
    RESTART = 1012, "The server restarts.";
    /// A limit of sockets is reached; come back later.
    OVERLOADED = 1013, "Too many sockets; try again later.";
    /// The request is not one of this protocol.
    BAD_REQUEST = 4400, "Bad request.";
    /// The token is invalid, or its time is over.
    UNAUTHORIZED = 4401, "Invalid token.";
    /// The origin is not allowed.
    FORBIDDEN = 4403, "This origin may not open channels.";
    /// The channel was deleted or the token revoked.
    GONE = 4410, "The channel was deleted.";
    /// No pong, or nothing taken for ten minutes.
    SILENT = 4508, "No answer to pings.";
}

impl CloseCode {
    /// Whether a client comes back by itself, with its cursor. (After 4401 it may come back with a new token.)
    #[must_use]
    pub fn comes_back(self) -> bool {
        matches!(self.0, 1000..=1999 | 4500..=4599) && self != Self::NORMAL
    }

    /// The usual sentence for this code.
    #[must_use]
    pub fn reason(self) -> &'static str {
        Self::TABLE.iter().find(|(code, _)| *code == self).map_or("Closed.", |(_, reason)| reason)
    }
}

/// Reason of a [`CloseCode::UNAUTHORIZED`] for a token whose time is over; clients tell the two apart by it.
pub const TOKEN_TIMED_OUT: &str = "Token timed out.";

/// Reason of a [`CloseCode::UNAUTHORIZED`] for every other token.
pub const TOKEN_INVALID: &str = "Invalid token.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_says_who_comes_back() {
        for (code, come_back) in [
            (1000, false),
            (1001, true),
            (1012, true),
            (4400, false),
            (4401, false),
            (4403, false),
            (4410, false),
            (4508, true),
        ] {
            assert_eq!(CloseCode(code).comes_back(), come_back, "{code}");
        }
    }

    #[test]
    fn reasons_fit_a_close_frame() {
        // RFC 6455, 5.5: a control frame holds 125 bytes, two of them are the code.
        assert!(CloseCode::TABLE.iter().all(|(_, reason)| reason.len() <= 123));
    }
}

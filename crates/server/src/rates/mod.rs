//! How often keys, addresses and client ids may do something: off unless the operator says a number.
//!
//! A limit here is for what one of them does to the others. What protects the server itself (sizes, counts, deadlines) is
//! always on, in `protocol::limits`.

mod cell;
mod crowd;

use cell::Cell;
use crowd::Crowd;
use delivery::counters::Counter;
use protocol::id::ClientId;
use std::{net::IpAddr, time::Duration};

pub(crate) use cell::Rate;

/// A limit that can be reached, as the metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Messages that one key sends.
    KeySends,
    /// Tokens that one key makes.
    KeyTokens,
    /// Messages to one client id.
    ClientSends,
    /// Connections from one address.
    AddressConnections,
    /// Tokens from one address that were none.
    AddressRefusedTokens,
}

impl Limit {
    pub(crate) const ALL: [Self; 5] = [
        Self::KeySends,
        Self::KeyTokens,
        Self::ClientSends,
        Self::AddressConnections,
        Self::AddressRefusedTokens,
    ];

    /// The option that sets it, without its section.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::KeySends => "key_sends_per_second",
            Self::KeyTokens => "key_tokens_per_second",
            Self::ClientSends => "client_sends_per_second",
            Self::AddressConnections => "address_connections_per_second",
            Self::AddressRefusedTokens => "address_refused_tokens_per_second",
        }
    }
}

/// Somebody does something too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooOften {
    pub(crate) limit: Limit,
    pub(crate) rate: Rate,
    /// After which it may be done again.
    pub(crate) wait: Duration,
}

/// What a key has done, and how often it may.
#[derive(Debug, Default)]
pub(crate) struct KeyRates {
    pub(crate) sends: Option<Rate>,
    pub(crate) tokens: Option<Rate>,
    sent: Cell,
    made: Cell,
}

impl KeyRates {
    pub(crate) fn new(sends: Option<Rate>, tokens: Option<Rate>) -> Self {
        Self { sends, tokens, ..Self::default() }
    }

    /// It wants to send so many.
    pub(crate) fn send(&self, count: u32, now_ms: u64) -> Result<(), TooOften> {
        take(Limit::KeySends, self.sends, &self.sent, count, now_ms)
    }

    /// It wants to make a token.
    pub(crate) fn make_token(&self, now_ms: u64) -> Result<(), TooOften> {
        take(Limit::KeyTokens, self.tokens, &self.made, 1, now_ms)
    }
}

fn take(limit: Limit, rate: Option<Rate>, cell: &Cell, count: u32, now_ms: u64) -> Result<(), TooOften> {
    let Some(rate) = rate else { return Ok(()) };
    if let Some(wait) = cell.wait(rate, now_ms) {
        return Err(TooOften { limit, rate, wait });
    }
    cell.add(rate, now_ms, count);
    Ok(())
}

/// The limits that are not a key's.
#[derive(Default)]
pub(crate) struct Rates {
    client_sends: Option<Crowd>,
    address_connections: Option<Crowd>,
    address_refused_tokens: Option<Crowd>,
    refused: [Counter; Limit::ALL.len()],
}

/// What the configuration says of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RatesWanted {
    pub(crate) client_sends: Option<Rate>,
    pub(crate) address_connections: Option<Rate>,
    pub(crate) address_refused_tokens: Option<Rate>,
}

impl Rates {
    pub(crate) fn new(wanted: RatesWanted) -> Self {
        Self {
            client_sends: wanted.client_sends.map(Crowd::new),
            address_connections: wanted.address_connections.map(Crowd::new),
            address_refused_tokens: wanted.address_refused_tokens.map(Crowd::new),
            refused: Default::default(),
        }
    }

    /// How often a limit has refused something.
    pub(crate) fn refused(&self, limit: Limit) -> &Counter {
        &self.refused[limit as usize]
    }

    /// Whether how often a client id is sent to is looked at.
    pub(crate) fn limits_clients(&self) -> bool {
        self.client_sends.is_some()
    }

    /// A message to a client id.
    pub(crate) fn send_to(&self, id: &ClientId, now_ms: u64) -> Result<(), TooOften> {
        Self::look(Limit::ClientSends, self.client_sends.as_ref(), id.as_str().as_bytes(), now_ms, true)
    }

    /// A connection from an address.
    pub(crate) fn connect(&self, address: IpAddr, now_ms: u64) -> Result<(), TooOften> {
        let crowd = self.address_connections.as_ref();
        Self::look(Limit::AddressConnections, crowd, &bytes(address), now_ms, true)
    }

    /// Whether an address may show another token.
    pub(crate) fn show_token(&self, address: IpAddr, now_ms: u64) -> Result<(), TooOften> {
        let crowd = self.address_refused_tokens.as_ref();
        Self::look(Limit::AddressRefusedTokens, crowd, &bytes(address), now_ms, false)
    }

    /// The token that an address has shown was none.
    pub(crate) fn token_was_refused(&self, address: IpAddr, now_ms: u64) {
        if let Some(crowd) = &self.address_refused_tokens {
            crowd.add(&bytes(address), now_ms, 1);
        }
    }

    fn look(
        limit: Limit,
        crowd: Option<&Crowd>,
        name: &[u8],
        now_ms: u64,
        counts: bool,
    ) -> Result<(), TooOften> {
        let Some(crowd) = crowd else { return Ok(()) };
        if let Some(wait) = crowd.wait(name, now_ms) {
            return Err(TooOften { limit, rate: crowd.rate(), wait });
        }
        if counts {
            crowd.add(name, now_ms, 1);
        }
        Ok(())
    }
}

/// What stands for an address. Of IPv6 a network of 64 bits is one: whoever has an address there has them all.
fn bytes(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

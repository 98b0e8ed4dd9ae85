//! The Rust client of Downlink: create channels, send, listen, and know who comes and goes.
//!
//! For applications, for the command line, and for whatever measures or tests the server from outside. It
//! speaks HTTP, and HTTPS to a server that is known by a certificate.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use client::{Client, Data, Event, SendOptions};
//!
//! let client = Client::from_env()?; // DOWNLINK_URL, DOWNLINK_API_KEY, DOWNLINK_CA_FILE
//! let channel = client.create_channel("ada", None).await?;
//! let mut listener = client.listen(channel.token, None);
//! client.send("ada", Data::Text("hello".to_owned().into()), SendOptions::default()).await?;
//! while let Some(event) = listener.next().await {
//!     if let Event::Message { data, .. } = event? {
//!         println!("{data:?}");
//!         break;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Who comes and goes
//!
//! Downlink posts a notice when a client id connects or disconnects (`DOWNLINK_PRESENCE_URL`). Anybody can post to an
//! application, so each is signed, and only one that was verified is to be believed:
//!
//! ```no_run
//! use client::{Notice, NoticeVerifier};
//!
//! # fn set_online(client_id: &str, connected: bool, generation: u64) {}
//! // Made once: `NoticeVerifier::from_env()`, which reads DOWNLINK_PRESENCE_SECRET.
//! fn on_notice(verifier: &NoticeVerifier, headers: &hyper::HeaderMap, body: &[u8]) -> u16 {
//!     match verifier.verify(headers, body) {
//!         Ok(Notice { client_id, connected, generation, .. }) => {
//!             set_online(&client_id, connected, generation);
//!             204
//!         }
//!         Err(refused) => {
//!             eprintln!("not a notice of Downlink: {refused}");
//!             403
//!         }
//!     }
//! }
//! ```
//!
//! A notice may come twice, or late: ignore one whose `generation` is not above the client id's last one.
//!
//! # Tokens without a call
//!
//! [`TokenSigner`] makes tokens with the server's own key, where many are needed, or while the server cannot be reached.

mod address;
mod answers;
mod call;
mod client;
mod clock;
mod error;
mod http;
mod items;
mod listen;
mod notice;
mod random;
mod retry;
mod token_signer;
mod trust;

pub use address::DEFAULT_URL;
pub use answers::{Channel, ChannelState, Gap, Message, MessagesPage, PresencePage, Sent};
pub use client::{Client, SendOptions};
pub use error::Error;
pub use items::{FailedTarget, Item, ItemResult, To};
pub use listen::event::{Event, ListenError};
pub use listen::listener::Listener;
pub use listen::token::{BoxError, FreshToken, TokenFailure, TokenSource};
pub use notice::{
    secret::InvalidSecret,
    verifier::{InvalidNotice, Notice, NoticeVerifier},
};
pub use protocol::{
    close::CloseCode,
    cursor::Cursor,
    frame::GapReason,
    id::InvalidClientId,
    message::{Data, Text},
};
pub use token_signer::{SignError, TokenSigner};

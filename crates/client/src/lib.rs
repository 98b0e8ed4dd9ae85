//! The Rust client of Downlink: create channels, send, and listen.
//!
//! For applications, for the command line, and for whatever measures or tests the server from outside. Plain HTTP only:
//! it is meant for the network between an application and its Downlink.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use client::{Client, Data, Event, SendOptions};
//!
//! let client = Client::from_env()?; // DOWNLINK_URL and DOWNLINK_API_KEY
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

mod address;
mod answers;
mod call;
mod client;
mod error;
mod http;
mod items;
mod listen;
mod random;
mod retry;

pub use address::DEFAULT_URL;
pub use answers::{Channel, ChannelState, PresencePage, Sent};
pub use client::{Client, SendOptions};
pub use error::Error;
pub use items::{FailedTarget, Item, ItemResult, To};
pub use listen::event::{Event, ListenError};
pub use listen::listener::Listener;
pub use listen::token::{BoxError, FreshToken, TokenFailure, TokenSource};
pub use protocol::{
    close::CloseCode,
    cursor::Cursor,
    frame::GapReason,
    message::{Data, Text},
};

//! The pages that `downlink dev` shows: a start page, a chat room and tic-tac-toe for two.
//!
//! The demos are applications like any other. They ask Downlink for channels and send to client ids through
//! [`Channels`], and know nothing of sockets, logs or the journal. Everything they hold lives in memory and is
//! bounded; a restart of the program empties the rooms, and the pages come back by themselves.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;

mod chat;
mod pages;
mod problem;
mod start;
mod tic_tac_toe;

pub(crate) use start::StartInfo;

/// What a demo needs of Downlink: exactly what any application server gets by HTTP.
#[async_trait::async_trait]
pub(crate) trait Channels: Send + Sync {
    /// Creates a channel and returns the token with which a page opens it.
    ///
    /// The error is a sentence that the page may show.
    async fn create_channel(&self, client_id: &str) -> Result<String, String>;

    /// Sends one text to all of these client ids; nobody has to listen.
    ///
    /// The error is a sentence that the page may show.
    async fn send(&self, client_ids: &[String], text: String) -> Result<(), String>;
}

/// A request of a demo page: the longest message, every character escaped, with room for the rest.
const BODY_BYTES_MAX: usize = 8 * 1024;

/// The routes `/` and `/demo/…`, with their pages, scripts and state.
pub(crate) fn router(channels: Arc<dyn Channels>, start: StartInfo) -> Router {
    Router::new()
        .merge(pages::router())
        .merge(start::router(Arc::clone(&channels), start))
        .merge(chat::router(Arc::clone(&channels)))
        .merge(tic_tac_toe::router(channels))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(map_response(harden))
}

/// What no answer of a demo may lack: tokens are in some of them, and what visitors wrote in others.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

/// A random name: lower-case letters and digits without those that are easily mistaken, 5 bits each.
///
/// 26 of them cannot be guessed, and serve as the secret by which a page proves which seat is its own.
fn random_id(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
}

/// Length of the secret that stands for one visitor: 130 bits.
const VISITOR_KEY_LENGTH: usize = 26;

/// The only place where the demos ask for the time; rooms and games take it as an argument.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests;

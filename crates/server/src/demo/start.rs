//! What the start page needs to show commands that work when pasted.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::problem::Problem;
use super::{Channels, random_id};

/// What the program knows and the start page shows.
#[derive(Clone, Debug)]
pub(crate) struct StartInfo {
    /// Where this server is reached, without a slash at the end: `http://127.0.0.1:7171`.
    pub(crate) url: String,
    /// The key of the API; `None` unless the server listens on loopback alone, since whoever reaches the page
    /// reads it.
    pub(crate) api_key: Option<String>,
    /// How this program is called from the directory it was started in.
    pub(crate) program: String,
}

#[derive(Clone)]
struct Start {
    channels: Arc<dyn Channels>,
    info: Arc<StartInfo>,
}

#[derive(Serialize)]
struct Answer {
    client_id: String,
    token: String,
    url: String,
    api_key: Option<String>,
    program: String,
}

pub(super) fn router(channels: Arc<dyn Channels>, info: StartInfo) -> Router {
    Router::new().route("/demo/start", get(start)).with_state(Start { channels, info: Arc::new(info) })
}

/// A channel of its own for this view of the page.
async fn start(State(state): State<Start>, headers: HeaderMap) -> Result<Response, Problem> {
    let client_id = format!("start-{}", random_id(6));
    let token = state.channels.create_channel(&client_id).await.map_err(Problem::from_channels)?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let info = &state.info;
    let answer = Answer {
        client_id,
        token,
        url: info.url.clone(),
        // A foreign site can point its own name at 127.0.0.1 and then read what its visitor's browser gets from
        // there; the name in the request gives it away.
        api_key: info.api_key.clone().filter(|_| names_loopback(host)),
        program: info.program.clone(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// Whether a `Host` header can only mean this machine.
fn names_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::names_loopback;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in ["localhost", "LOCALHOST:7171", "127.0.0.1", "127.0.0.1:7171", "[::1]", "[::1]:7171"] {
            assert!(names_loopback(host), "{host}");
        }
        for host in [
            "",
            "rebound.example:7171",
            "localhost.example",
            "10.0.0.1:7171",
            "127.0.0.1.example",
            "[fe80::1]",
        ] {
            assert!(!names_loopback(host), "{host}");
        }
    }
}

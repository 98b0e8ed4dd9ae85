//! `dev --app`: whatever is not Downlink's own goes to the application behind it.

use super::error::Problem;
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, uri};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use percent_encoding::percent_decode_str;
use std::net::SocketAddr;

/// An application to forward to.
#[derive(Clone)]
pub(crate) struct App {
    authority: uri::Authority,
    client: Client<HttpConnector, Body>,
    /// How pages reach this server.
    scheme: &'static str,
}

/// Headers that belong to one connection, not to the message (RFC 9110, 7.6.1).
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Notices of presence come from Downlink alone; whoever sends one from outside forges it.
const PRESENCE_PATHS: &[&str] = &["_ah/channel/connected", "_ah/channel/disconnected"];

/// Downlink's own, now or in a version to come: never forwarded, with the keys that such calls bring.
const OWN_PATHS: &[&str] = &["readyz", "openapi.json", "docs", "console"];
const OWN_FOLDERS: &[&str] = &["v1/", "_ah/channel/"];

/// The one path below `/_ah/channel/` that is the application's (channel-api.md, 3.1).
const RECEIVE_PATH: &str = "_ah/channel/receive";

impl App {
    /// An application at a URL.
    ///
    /// # Errors
    /// A sentence, for anything but `http://host:port`.
    pub(crate) fn new(url: &str) -> Result<Self, String> {
        let wrong =
            || format!("--app {url:?}: write the address of your application, as in http://127.0.0.1:8080");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let plain =
            uri.scheme_str() == Some("http") && matches!(uri.path(), "" | "/") && uri.query().is_none();
        let authority = uri.authority().filter(|_| plain).cloned().ok_or_else(wrong)?;
        // A connection for each request: an application may end an idle one (Node does after 5 s) in the very moment in which
        // a request is written to it, and what may have been read cannot be sent again.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Ok(Self { authority, client, scheme: "http" })
    }

    /// Pages come by `https://`, and the application is told so.
    pub(crate) fn behind_tls(self) -> Self {
        Self { scheme: "https", ..self }
    }
}

/// A router that forwards everything it gets.
pub(crate) fn router(app: App) -> Router {
    Router::new().fallback(forward).with_state(app)
}

async fn forward(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let Some(path) = plain(request.uri().path()) else {
        return Err(Problem::bad_request("bad_target", "The target is escaped too many times over."));
    };
    if PRESENCE_PATHS.contains(&path.as_str()) {
        let detail = "Notices of presence come from Downlink, not from outside.";
        return Err(Problem::new(StatusCode::FORBIDDEN, "presence_from_outside", detail));
    }
    let in_own_folder = OWN_FOLDERS.iter().any(|folder| format!("{path}/").starts_with(folder));
    if OWN_PATHS.contains(&path.as_str()) || (in_own_folder && path != RECEIVE_PATH) {
        return Err(Problem::not_found());
    }
    let (mut parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", uri::PathAndQuery::as_str);
    parts.uri = Uri::builder()
        .scheme("http")
        .authority(app.authority.clone())
        .path_and_query(target)
        .build()
        .map_err(|error| {
            Problem::bad_request("bad_target", format!("The target cannot be forwarded: {error}."))
        })?;
    let peer = parts.extensions.remove::<ConnectInfo<SocketAddr>>();
    parts.extensions.clear();
    parts.version = http::Version::HTTP_11;
    strip(&mut parts.headers);
    join_cookies(&mut parts.headers);
    forwarded(&mut parts.headers, app.scheme, peer.map(|ConnectInfo(peer)| peer));
    match app.client.request(Request::from_parts(parts, body)).await {
        Ok(mut response) => {
            strip(response.headers_mut());
            Ok(response.map(Body::new).into_response())
        }
        Err(error) => {
            tracing::debug!(%error, "the application does not answer");
            let detail =
                format!("The application at http://{} does not answer. Is it running?", app.authority);
            Err(Problem::new(StatusCode::BAD_GATEWAY, "application_unreachable", detail))
        }
    }
}

/// What a short answer that did not come to its end is replaced with; a longer one ends the connection where it broke.
pub(super) fn broken_off() -> Problem {
    let detail = "The application broke its answer off.";
    Problem::new(StatusCode::BAD_GATEWAY, "application_unreachable", detail)
}

/// No application decodes a path so often; a path that goes on would cost a round for each two of its bytes.
const DECODINGS_MAX: usize = 16;

/// A path as an application may come to read it: decoded, without empty and dotted parts. What is refused must not
/// come through in another spelling. `None` for one that has no end of spellings.
fn plain(path: &str) -> Option<String> {
    let mut decoded = path.to_owned();
    // An application that decodes twice is no way in either.
    for round in 0.. {
        let once = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
        if once == decoded {
            break;
        }
        if round == DECODINGS_MAX {
            return None;
        }
        decoded = once;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in decoded.split(['/', '\\']) {
        // Parameters of a part, as servlets read them, are not its name.
        match part.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/").to_ascii_lowercase())
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().map(HeaderName::as_str).chain(HOP_BY_HOP.iter().copied()) {
        headers.remove(name);
    }
}

/// HTTP/2 may bring them one by one, HTTP/1.1 may not (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, cookie);
    }
}

/// What the application would not know otherwise: who asked, how, and for which host.
fn forwarded(headers: &mut HeaderMap, scheme: &'static str, peer: Option<SocketAddr>) {
    if let Some(value) = peer.and_then(|peer| HeaderValue::from_str(&peer.ip().to_string()).ok()) {
        headers.insert("x-forwarded-for", value);
    }
    headers.insert("x-forwarded-proto", HeaderValue::from_static(scheme));
    if let Some(host) = headers.get(header::HOST).cloned() {
        headers.insert("x-forwarded-host", host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_is_an_address_and_nothing_more() {
        assert!(App::new("http://127.0.0.1:8080").is_ok());
        assert!(App::new("http://localhost:8080/").is_ok());
        for wrong in
            ["", "127.0.0.1:8080", "https://localhost", "http://localhost/path", "http://", "ftp://x"]
        {
            assert!(App::new(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_path_is_known_in_every_spelling() {
        for path in [
            "/_ah/channel/connected/",
            "//_ah/channel/connected",
            "/_ah/channel/connecte%64/",
            "/_ah/channel/connecte%2564",
            "/_ah/./channel//connected",
            "/x/../_ah/channel/connected",
            "/_ah%2Fchannel%2Fconnected",
            "/_ah\\channel/connected",
            "/_ah/channel/connected;x=1/",
            "/_AH/channel/Connected",
        ] {
            assert_eq!(plain(path).as_deref(), Some("_ah/channel/connected"), "{path}");
        }
        assert_eq!(plain("/").as_deref(), Some(""));
        assert_eq!(plain("/a%zz/b").as_deref(), Some("a%zz/b"));
    }

    #[test]
    fn a_path_that_is_escaped_over_and_over_is_refused() {
        let escaped = |times: usize| format!("/%{}20x", "25".repeat(times));
        assert_eq!(plain(&escaped(15)).as_deref(), Some(" x"));
        assert_eq!(plain(&escaped(17)), None);
        assert_eq!(plain(&escaped(7_000)), None);
    }

    #[test]
    fn headers_of_the_connection_stay_with_it() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONNECTION, "close, X-Mine".parse().unwrap());
        headers.insert("x-mine", "1".parse().unwrap());
        headers.insert("keep-alive", "1".parse().unwrap());
        headers.insert("x-other", "1".parse().unwrap());
        strip(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-other"]);
    }
}

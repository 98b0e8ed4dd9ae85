//! The driver of a listener: gives the state machine of `course` its bytes and its time.

use crate::{
    error::Error,
    http::{self, Http},
    listen::{
        course::{Command, Course, Happening},
        event::{Event, ListenError},
        token::{Fetching, TokenSource},
    },
    random,
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use protocol::{close::TOKEN_INVALID, cursor::Cursor};
use std::{
    fmt,
    future::{Future, pending},
    pin::Pin,
};
use tokio::time::{Instant, sleep_until};

const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// One listener of one channel: it connects, comes back when the connection is lost, and goes on where it was.
///
/// Made by [`Client::listen`](crate::Client::listen). Dropping it closes its socket.
pub struct Listener {
    http: Http,
    tokens: TokenSource,
    course: Course,
    /// What is under way. Held here and not in a future of `next`, which may be dropped at any time.
    wire: Wire,
    /// Where the course's time begins.
    started: Instant,
}

type Opening = Pin<Box<dyn Future<Output = Opened> + Send>>;

enum Wire {
    Idle,
    Token(Fetching),
    Opening(Opening),
    Stream(Incoming),
}

/// How the server took the request for a socket.
enum Opened {
    Stream(Incoming),
    Not(Happening),
}

impl Listener {
    pub(crate) fn new(http: Http, tokens: TokenSource, after: Option<Cursor>) -> Self {
        let course = Course::new(after, tokens.renewable(), random::fraction);
        Self { http, tokens, course, wire: Wire::Idle, started: Instant::now() }
    }

    /// Up to where [`next`](Self::next) handed everything over; give it to [`Client::listen`](crate::Client::listen) to
    /// go on there. `None` before the first [`Event::Open`], unless one was given.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.course.told()
    }

    /// The next event; `None` after [`Event::Closed`] or an error.
    ///
    /// May be dropped at any time, as `tokio::select!` does: nothing is lost by it. Call it again soon enough that the
    /// server can go on sending: it gives up a listener that takes nothing for ten minutes (and then this one comes
    /// back by itself).
    pub async fn next(&mut self) -> Option<Result<Event, ListenError>> {
        loop {
            if let Some(event) = self.course.poll_event() {
                return Some(event);
            }
            if let Some(command) = self.course.poll_command() {
                self.obey(command);
            }
            let timeout = self.started + self.course.poll_timeout()?;
            tokio::select! {
                // What has come in the meantime counts before the time that has passed.
                biased;
                happening = self.wire.happening() => self.course.handle(happening, self.started.elapsed()),
                () = sleep_until(timeout) => self.course.handle_timeout(self.started.elapsed()),
            }
        }
    }

    fn obey(&mut self, command: Command) {
        self.wire = match command {
            Command::FetchToken => Wire::Token(self.tokens.fetch()),
            Command::Connect { token, after } => {
                Wire::Opening(Box::pin(open(self.http.clone(), token, after)))
            }
            Command::Disconnect => Wire::Idle,
        };
    }
}

impl Wire {
    /// Waits for what comes next. May be dropped at any time.
    async fn happening(&mut self) -> Happening {
        if let Wire::Opening(opening) = self {
            match opening.await {
                Opened::Stream(body) => *self = Wire::Stream(body),
                Opened::Not(happening) => {
                    *self = Wire::Idle;
                    return happening;
                }
            }
        }
        match self {
            Wire::Idle | Wire::Opening(_) => pending().await,
            Wire::Token(fetching) => {
                let token = fetching.await;
                *self = Wire::Idle;
                Happening::Token(token)
            }
            Wire::Stream(body) => loop {
                match body.frame().await {
                    Some(Ok(frame)) => {
                        if let Ok(bytes) = frame.into_data() {
                            return Happening::Bytes(bytes);
                        }
                    }
                    Some(Err(_)) | None => {
                        return Happening::Gone { reason: "the connection to the server was lost".into() };
                    }
                }
            },
        }
    }
}

/// Asks for a socket. A token that no header can carry is one that no server made.
async fn open(http: Http, token: String, after: Option<Cursor>) -> Opened {
    let Some(authorization) = http::bearer(&token) else {
        let reason = TOKEN_INVALID.into();
        return Opened::Not(Happening::Refused { status: 401, retry_after: None, reason });
    };
    match request(&http, authorization, after).await {
        Ok(response) if response.status() == StatusCode::OK => Opened::Stream(response.into_body()),
        Ok(response) => Opened::Not(refusal(response).await),
        Err(error) => Opened::Not(Happening::Gone { reason: error.to_string() }),
    }
}

async fn request(
    http: &Http,
    authorization: HeaderValue,
    after: Option<Cursor>,
) -> Result<Response<Incoming>, Error> {
    let after = after.map_or_else(String::new, |cursor| format!("?after={cursor}"));
    let mut request = Request::new(Full::<Bytes>::default());
    *request.uri_mut() = http.address().uri(&format!("/v1/socket{after}"))?;
    request.headers_mut().insert(ACCEPT, NDJSON);
    request.headers_mut().insert(AUTHORIZATION, authorization);
    http.request(request).await
}

async fn refusal(response: Response<Incoming>) -> Happening {
    match http::read(response).await {
        Some(answer) => Happening::Refused {
            status: answer.status,
            retry_after: answer.retry_after,
            reason: match Error::from_problem(answer.status, &answer.body) {
                Error::Refused { detail, .. } => detail,
                other => other.to_string(),
            },
        },
        None => Happening::Gone { reason: "the connection to the server was lost".into() },
    }
}

impl fmt::Debug for Listener {
    /// Where it is; never the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("url", &self.http.address().to_string())
            .field("cursor", &self.cursor())
            .finish_non_exhaustive()
    }
}

//! `POST /v1/socket/{name}`: what a client says beside a stream that only goes one way. Any node takes it; the one that
//! has the socket does what it says.

use super::{
    super::{
        body::{self, Body, Incoming},
        error::Problem,
    },
    Cors,
};
use crate::service::Service;
use broker::broker::{Heard, Word};
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use protocol::{client_word::ClientWord, close::CloseCode, limits};

pub(super) async fn handle(
    service: &Service,
    request: Request<Incoming>,
    name: &str,
    cors: &Cors,
) -> Response<Body> {
    if !cors.admits(request.headers()) {
        return Problem::closed(CloseCode::FORBIDDEN, CloseCode::FORBIDDEN.reason()).response();
    }
    match hear(service, request, name).await {
        Ok(()) => {
            let mut response = Response::new(Body::full(""));
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(problem) => problem.response(),
    }
}

pub(in crate::http) fn no_such_socket() -> Problem {
    let detail = "There is no such socket (any more); open one, and use the name from its open frame.";
    Problem::new(StatusCode::NOT_FOUND, "no_such_socket", detail)
}

pub(in crate::http) fn invalid_word() -> Problem {
    Problem::bad_request("invalid_word", protocol::client_word::InvalidWord.to_string())
}

async fn hear(service: &Service, request: Request<Incoming>, name: &str) -> Result<(), Problem> {
    if request.body().size_hint().lower() > limits::CLIENT_WORD_BYTES_MAX as u64 {
        return Err(Problem::too_large(limits::CLIENT_WORD_BYTES_MAX));
    }
    // Before the body is read: who cannot name a socket holds nothing here for longer than a refusal takes.
    let (here, elsewhere) = (service.hub.find(name), service.hub.elsewhere(name));
    if here.is_none() && elsewhere.is_none() {
        return Err(no_such_socket());
    }
    let body = body::read(request.into_body(), limits::CLIENT_WORD_BYTES_MAX).await?;
    let text = std::str::from_utf8(&body).map_err(|_| invalid_word())?;
    let word = ClientWord::parse(text).map_err(|_| invalid_word())?;
    if let Some(socket) = here {
        let taken = service.hub.take_word(&socket, word);
        return taken.map_err(|(code, reason)| Problem::closed(code, reason));
    }
    let node = elsewhere.ok_or_else(no_such_socket)?;
    let word = Word { socket: name.to_owned(), text: text.to_owned() };
    match service.broker().hand_over(node, word).await? {
        Heard::Done => Ok(()),
        Heard::NoSuchSocket => Err(no_such_socket()),
        Heard::Invalid => Err(invalid_word()),
        Heard::Closed(code, reason) => Err(Problem::closed(CloseCode(code), &reason)),
    }
}

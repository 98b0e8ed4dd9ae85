//! `POST /v1/socket/{name}`: what a client says beside a stream that only goes one way.

use super::{
    super::{
        body::{self, Body, Incoming},
        error::Problem,
    },
    Cors,
};
use crate::service::Service;
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
    let socket = service.hub.find(name).ok_or_else(no_such_socket)?;
    let body = body::read(request.into_body(), limits::CLIENT_WORD_BYTES_MAX).await?;
    let word = std::str::from_utf8(&body).ok().and_then(|text| ClientWord::parse(text).ok());
    let word = word.ok_or_else(invalid_word)?;
    let farewell = word == ClientWord::Close;
    match service.hub.hear(&socket, word) {
        Ok(()) => Ok(()),
        Err((code, reason)) => {
            service.hub.close(&socket, code, reason, None);
            if farewell { Ok(()) } else { Err(Problem::closed(code, reason)) }
        }
    }
}

//! Many messages in one call: a JSON array or lines (NDJSON); array in, array out; lines in, lines out.

use super::{
    item::{Parsed, parse},
    write_result,
};
use crate::{
    follow::Followed,
    http::{
        auth::{Bearer, refused_for},
        body::{Body, Incoming, read},
        error::Problem,
        json,
    },
    service::Service,
};
use http::{HeaderValue, Request, Response, StatusCode, header};
use protocol::{
    encode::json::string,
    item::{self, Form},
    limits,
};
use std::sync::Arc;

/// Sends all items of a request's body.
pub(super) async fn send(
    service: &Service,
    request: Request<Incoming>,
    key: &Bearer,
) -> Result<Response<Body>, Problem> {
    let (parts, body) = request.into_parts();
    let body = read(body, limits::BATCH_BYTES_MAX).await?;
    let text = std::str::from_utf8(&body).map_err(|_| Problem::from(protocol::message::NotUtf8))?;
    let (form, items) = item::split(text)?;
    let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
    service.may_send(key.text(), None, count).map_err(|why| refused_for(service, why))?;
    let answer = answer(service, form, &items, Followed::of(&parts.extensions)).await;
    let (status, kind) = match form {
        Form::Array => (StatusCode::OK, "application/json"),
        Form::Lines => (StatusCode::OK, "application/x-ndjson"),
    };
    let mut response = json(status, answer);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// What one result takes at most, nearly always.
const RESULT_BYTES: usize = 48;

/// The results of sending all items, in their order.
async fn answer(service: &Service, form: Form, items: &[&str], followed: &Arc<Followed>) -> Vec<u8> {
    // What is known of an item before anything is sent.
    let mut known: Vec<Option<Vec<u8>>> = Vec::with_capacity(items.len());
    let (mut sends, mut recipients) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    let origin = followed.origin(service.now_us());
    for text in items {
        known.push(match parse(service, text, &origin) {
            Ok(Parsed::Send(send)) => {
                recipients.push(send.to.clone());
                sends.push(send);
                None
            }
            Ok(Parsed::Nobody) => Some(br#"{"id":null,"sockets":0}"#.to_vec()),
            Err(problem) => Some(refused(&problem)),
        });
    }
    let sent = service.send_many(sends).await;
    service.sent_since(origin.at_us);
    followed.sent(origin.at_us, &sent);
    let mut sent = sent.into_iter().zip(&recipients);
    let (before, between, after): (&[u8], &[u8], &[u8]) = match form {
        Form::Array => (b"[", b",", b"]"),
        Form::Lines => (b"", b"\n", b"\n"),
    };
    let mut out = Vec::with_capacity(RESULT_BYTES * items.len());
    out.extend_from_slice(before);
    for (index, known) in known.into_iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(between);
        }
        if let Some(result) = known {
            out.extend_from_slice(&result);
            continue;
        }
        match sent.next().expect("one result a send") {
            (Ok(sent), to) => write_result(&mut out, service, to, &sent),
            (Err(error), _) => out.extend_from_slice(&refused(&error.into())),
        }
    }
    out.extend_from_slice(after);
    out
}

fn refused(problem: &Problem) -> Vec<u8> {
    let mut out = format!(r#"{{"code":"{}","detail":"#, problem.code).into_bytes();
    string(&mut out, &problem.detail);
    out.push(b'}');
    out
}

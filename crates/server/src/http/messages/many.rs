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
use broker::message::Recipients;
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
    let results = results(service, &items, Followed::of(&parts.extensions)).await;
    let (status, kind) = match form {
        Form::Array => (StatusCode::OK, "application/json"),
        Form::Lines => (StatusCode::OK, "application/x-ndjson"),
    };
    let mut response = json(status, join(form, &results));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// One result an item, in their order.
async fn results(service: &Service, items: &[&str], followed: &Arc<Followed>) -> Vec<Vec<u8>> {
    let mut results: Vec<Option<Vec<u8>>> = Vec::with_capacity(items.len());
    let (mut sends, mut recipients): (Vec<_>, Vec<Recipients>) = (Vec::new(), Vec::new());
    let origin = followed.origin(service.now_us());
    for text in items {
        results.push(match parse(service, text, &origin) {
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
    let mut sent = sent.into_iter().zip(recipients);
    let mut next = || {
        let (result, to) = sent.next().expect("one result a send");
        let mut out = Vec::new();
        match result {
            Ok(sent) => write_result(&mut out, service, &to, &sent),
            Err(error) => out = refused(&error.into()),
        }
        out
    };
    results.into_iter().map(|known| known.unwrap_or_else(&mut next)).collect()
}

fn refused(problem: &Problem) -> Vec<u8> {
    let mut out = format!(r#"{{"code":"{}","detail":"#, problem.code).into_bytes();
    string(&mut out, &problem.detail);
    out.push(b'}');
    out
}

fn join(form: Form, results: &[Vec<u8>]) -> Vec<u8> {
    match form {
        Form::Array => [b"[", results.join(&b","[..]).as_slice(), b"]"].concat(),
        Form::Lines => {
            results.iter().flat_map(|result| [result.as_slice(), b"\n"]).flatten().copied().collect()
        }
    }
}

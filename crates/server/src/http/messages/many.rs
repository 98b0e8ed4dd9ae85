//! Many messages in one call: a JSON array or lines (NDJSON); array in, array out; lines in, lines out.

use super::{
    item::{self, Parsed},
    write_result,
};
use crate::{
    http::{Body, body::read, error::Problem, json},
    service::Service,
};
use broker::message::Recipients;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use protocol::{encode::json::string, limits};
use serde_json::value::RawValue;

/// How items are written in the body, and results in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Array,
    Lines,
}

/// Sends all items of a request's body.
pub(super) async fn send(service: &Service, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
    let body = read(request.into_body(), limits::BATCH_BYTES_MAX).await?;
    let text = std::str::from_utf8(&body).map_err(|_| Problem::from(protocol::message::NotUtf8))?;
    let (form, items) = items(text)?;
    if items.len() > limits::BATCH_ITEMS_MAX {
        let detail = format!("One call takes at most {} items; split it.", limits::BATCH_ITEMS_MAX);
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_items", detail));
    }
    let results = results(service, &items).await;
    let (status, kind) = match form {
        Form::Array => (StatusCode::OK, "application/json"),
        Form::Lines => (StatusCode::OK, "application/x-ndjson"),
    };
    let mut response = json(status, join(form, &results));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// The items' texts. An array is read as a whole; of lines each stands for itself, and a torn last one does not count.
fn items(text: &str) -> Result<(Form, Vec<&str>), Problem> {
    let trimmed = text.trim_ascii_start();
    if trimmed.is_empty() {
        let detail = "The body has no items. Write a JSON array of items, or an item a line; or name the recipient: ?to=.";
        return Err(Problem::bad_request("empty_message", detail));
    }
    if trimmed.starts_with('[') {
        let raw: Vec<&RawValue> = serde_json::from_str(trimmed).map_err(|error| {
            Problem::invalid_json(format!("The body is not a JSON array of items: {error}."))
        })?;
        return Ok((Form::Array, raw.into_iter().map(RawValue::get).collect()));
    }
    let (whole, last) = text.rsplit_once('\n').unwrap_or(("", text));
    let mut lines: Vec<&str> = whole.split('\n').filter(|line| !line.trim_ascii().is_empty()).collect();
    if serde_json::from_str::<&RawValue>(last).is_ok() {
        lines.push(last);
    }
    if lines.is_empty() {
        return Err(Problem::invalid_json(
            "There is no whole item. Write an item a line; or name the recipient: ?to=.",
        ));
    }
    Ok((Form::Lines, lines))
}

/// One result an item, in their order.
async fn results(service: &Service, items: &[&str]) -> Vec<Vec<u8>> {
    let mut results: Vec<Option<Vec<u8>>> = Vec::with_capacity(items.len());
    let (mut sends, mut recipients): (Vec<_>, Vec<Recipients>) = (Vec::new(), Vec::new());
    for text in items {
        results.push(match item::parse(service, text) {
            Ok(Parsed::Send(send)) => {
                recipients.push(send.to.clone());
                sends.push(send);
                None
            }
            Ok(Parsed::Nobody) => Some(br#"{"id":null,"sockets":0}"#.to_vec()),
            Err(problem) => Some(refused(&problem)),
        });
    }
    let mut sent = service.send_many(sends).await.into_iter().zip(recipients);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_whole_and_lines_stand_alone() {
        assert_eq!(items(r#" [{"a":1}, 2]"#).unwrap(), (Form::Array, vec![r#"{"a":1}"#, "2"]));
        assert_eq!(items("[]").unwrap(), (Form::Array, vec![]));
        assert!(items("[1, 2").is_err());
        assert_eq!(
            items("{\"a\":1}\r\n\nnonsense\n").unwrap(),
            (Form::Lines, vec!["{\"a\":1}\r", "nonsense"])
        );
    }

    #[test]
    fn a_torn_last_line_does_not_count() {
        assert_eq!(items("{\"a\":1}\n{\"a\":2}").unwrap().1, ["{\"a\":1}", "{\"a\":2}"]);
        assert_eq!(items("{\"a\":1}\n{\"a\":").unwrap().1, ["{\"a\":1}"]);
        assert_eq!(items("{\"a\":").unwrap_err().code, "invalid_json", "nothing was whole");
        assert!(items(" \n ").is_err());
    }
}

//! What the client does when the server, or what stands before it, does not do its best.

use super::*;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};

fn text(text: &str) -> Data {
    Data::Text(text.to_owned().into())
}

/// Answers requests with what was written beforehand, a connection each, and returns the requests. An empty answer is a
/// connection that breaks.
async fn scripted(answers: &'static [&'static str]) -> (Client, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            requests.push(request(&mut stream).await);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    });
    (Client::new(&url, Some("a-secret-api-key".into())).unwrap(), serving)
}

/// Reads head and body of a request.
async fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.unwrap();
        let request = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let length = value(head, "content-length").map_or(0, |length| length.parse().unwrap());
        if body.len() >= length {
            return request;
        }
    }
}

fn value<'a>(request: &'a str, header: &str) -> Option<&'a str> {
    request.lines().filter_map(|line| line.split_once(": ")).find(|(name, _)| *name == header).map(|(_, v)| v)
}

const SENT: &str = "HTTP/1.1 201 Created\r\nContent-Length: 28\r\n\r\n{\"id\":\"k3f.17\",\"sockets\":1}\n";
const RESTARTING: &str = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
const PATIENCE: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n<html>secret!</html>\n";
const DELETED: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const TORN: &str = "HTTP/1.1 201 Created\r\nContent-Length: 28\r\n\r\n{\"id\":";

#[tokio::test]
async fn a_send_is_tried_again_under_the_same_key() {
    let (client, serving) = scripted(&["", TORN, RESTARTING, SENT]).await;
    let sent = client.send("a b", text("hi"), SendOptions::default()).await.unwrap();
    assert_eq!(sent, Sent { id: Some("k3f.17".into()), sockets: 1 });
    let requests = serving.await.unwrap();
    let key = value(&requests[0], "idempotency-key");
    assert!(key.is_some_and(|key| key.len() == 32), "{requests:?}");
    for request in &requests {
        assert!(request.starts_with("POST /v1/messages?to=a%20b HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\nhi"), "{request}");
        assert_eq!(value(request, "idempotency-key"), key);
        assert_eq!(value(request, "authorization"), Some("Bearer a-secret-api-key"));
    }
}

#[tokio::test]
async fn what_is_not_stored_is_sent_once() {
    let (client, serving) = scripted(&[""]).await;
    let options = SendOptions { ttl: Some(0), ..SendOptions::default() };
    let error = client.send("ada", text("hi"), options).await.unwrap_err();
    assert!(error.to_string().contains("was lost before its whole answer came"), "{error}");
    assert_eq!(value(&serving.await.unwrap()[0], "idempotency-key"), None);
}

#[tokio::test]
async fn the_servers_patience_is_kept() {
    let (client, serving) = scripted(&[PATIENCE, SENT]).await;
    let started = Instant::now();
    client.send("ada", text("hi"), SendOptions::default()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    serving.await.unwrap();
}

#[tokio::test]
async fn other_answers_are_errors_without_secrets() {
    let (client, serving) = scripted(&[PAGE]).await;
    let error = client.send("ada", text("hi"), SendOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("is something else listening there?"), "{error}");
    assert!(!format!("{error:?} {error}").contains("secret"));
    serving.await.unwrap();
}

#[tokio::test]
async fn a_deletion_is_tried_again() {
    let (client, serving) = scripted(&["", RESTARTING, DELETED]).await;
    client.delete_channel("a b").await.unwrap();
    for request in serving.await.unwrap() {
        assert!(request.starts_with("DELETE /v1/channels?client_id=a%20b HTTP/1.1\r\n"), "{request}");
    }
}

#[tokio::test]
async fn only_no_content_says_that_a_channel_is_deleted() {
    let (client, serving) = scripted(&[PAGE]).await;
    let error = client.delete_channel("ada").await.unwrap_err();
    assert_eq!(error.code(), "unexpected_answer", "{error}");
    serving.await.unwrap();
}

#[test]
fn the_key_is_not_shown() {
    let client = Client::new(DEFAULT_URL, Some("a-secret-api-key".into())).unwrap();
    let shown = format!("{client:?}");
    assert!(shown.contains(DEFAULT_URL) && shown.contains("redacted"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
    let refused = Client::new(DEFAULT_URL, Some("a secret".into())).unwrap_err();
    assert!(!format!("{refused:?} {refused}").contains("a secret"));
}

#[tokio::test]
async fn without_a_key_nothing_is_asked() {
    let client = Client::new("http://127.0.0.1:1", None).unwrap();
    assert!(matches!(client.presence().await, Err(Error::NoApiKey)));
}

#[tokio::test]
async fn where_nothing_listens_a_sentence_says_so() {
    let client = Client::new("http://127.0.0.1:1", Some("k".into())).unwrap();
    // Not stored, so not tried again: the answer is there at once.
    let options = SendOptions { ttl: Some(0), ..SendOptions::default() };
    let error = client.send("ada", text("hi"), options).await.unwrap_err();
    assert!(error.to_string().contains("is the server running?"), "{error}");
    assert!(error.is_temporary());
}

//! Notices of the real server are believed; what was made of them afterwards is not.

use crate::{
    application::{Application, Post},
    server::{Server, opened},
};
use client::{InvalidNotice, NoticeVerifier};
use std::time::{Duration, SystemTime};

const SECRET: &str = "whsec_cHJlc2VuY2Utc2VjcmV0LW9mLXRoZS1ydXN0LXRlc3Rz";
const ANOTHER: &str = "whsec_YW5vdGhlci1zZWNyZXQtb2YtdGhlLXJ1c3QtdGVzdHM=";

/// Client ids that a form, a path or a JSON text could spoil.
const IDS: [&str; 3] = ["ada", "\"a/b\"+c%20&d=e;f\r\n--x", "žluťoučký 🐎"];

fn verifier() -> NoticeVerifier {
    NoticeVerifier::new(SECRET).unwrap()
}

/// Opens and ends the channel of each id, and returns what the server said of it.
async fn notices(format: &str, secrets: &str, ids: &[&'static str]) -> Vec<(Post, &'static str, bool)> {
    let mut application = Application::start().await;
    let server = Server::start_with(vec![
        ("DOWNLINK_PRESENCE_URL", application.url.clone()),
        ("DOWNLINK_PRESENCE_FORMAT", format.into()),
        ("DOWNLINK_PRESENCE_SECRET", secrets.into()),
        ("DOWNLINK_PRESENCE_GRACE_SECONDS", "1".into()),
    ]);
    let client = server.client();
    let mut posts = Vec::new();
    for &id in ids {
        let mut listener = client.listen(client.token_source(id, None), None);
        opened(&mut listener).await;
        posts.push((application.next().await, id, true));
        drop(listener);
        posts.push((application.next().await, id, false));
    }
    posts
}

async fn are_read(format: &str) {
    let mut last = 0;
    for (post, id, connected) in notices(format, SECRET, &IDS).await {
        let notice = verifier().verify(&post.headers, &post.body).unwrap();
        assert_eq!((notice.client_id.as_str(), notice.connected), (id, connected));
        assert!(notice.generation > last, "{} after {last}", notice.generation);
        last = notice.generation;
        assert_eq!(notice.id, post.headers["webhook-id"]);
        if format == "appengine" {
            let state = if connected { "connected" } else { "disconnected" };
            assert_eq!(post.path, format!("/_ah/channel/{state}/"));
        }
    }
    assert!(last > 0, "there were notices");
}

#[tokio::test]
async fn forms_of_the_server_are_read() {
    are_read("appengine").await;
}

#[tokio::test]
async fn documents_of_the_server_are_read() {
    are_read("standard").await;
}

#[tokio::test]
async fn while_secrets_change_both_are_believed() {
    let secrets = format!("{ANOTHER},{SECRET}");
    for (post, ..) in notices("standard", &secrets, &["ada"]).await {
        for secret in [SECRET, ANOTHER, &secrets] {
            assert!(NoticeVerifier::new(secret).unwrap().verify(&post.headers, &post.body).is_ok());
        }
    }
}

/// What a forger makes of a real notice, and how it is found out.
fn forgeries(real: &Post) -> Vec<(&'static str, Post, InvalidNotice)> {
    let altered = |alter: &dyn Fn(&mut Post)| {
        let mut post = real.clone();
        alter(&mut post);
        post
    };
    let body_with = |from: &[u8], to: &[u8]| {
        let at = real.body.windows(from.len()).position(|window| window == from).expect("it is in the body");
        let mut body = real.body.to_vec();
        body.splice(at..at + from.len(), to.iter().copied());
        altered(&|post| post.body = body.clone().into())
    };
    let header = |name: &'static str, value: &str| {
        altered(&|post| drop(post.headers.insert(name, value.parse().unwrap())))
    };
    let time: u64 = real.headers["webhook-timestamp"].to_str().unwrap().parse().unwrap();
    let wrong = InvalidNotice::WrongSignature;
    vec![
        ("another client id", body_with(b"ada", b"bob"), wrong),
        ("another state", body_with(b"connected", b"disconnected"), wrong),
        ("another end", altered(&|post| post.body = [&real.body[..], b"\n"].concat().into()), wrong),
        ("no body", altered(&|post| post.body.clear()), wrong),
        ("another id", header("webhook-id", "notice_1"), wrong),
        ("a later time", header("webhook-timestamp", &(time + 1).to_string()), wrong),
        ("an old time", header("webhook-timestamp", &(time - 301).to_string()), InvalidNotice::BadTimestamp),
        ("another signature", header("webhook-signature", "v1,AAAA"), wrong),
        (
            "no signature",
            altered(&|post| drop(post.headers.remove("webhook-signature"))),
            InvalidNotice::MissingHeader("webhook-signature"),
        ),
    ]
}

#[tokio::test]
async fn forged_and_replayed_notices_are_refused() {
    for format in ["appengine", "standard"] {
        let (real, ..) = notices(format, SECRET, &["ada"]).await.swap_remove(0);
        assert!(verifier().verify(&real.headers, &real.body).is_ok(), "{format}: the real one");
        for (what, forged, expected) in forgeries(&real) {
            let judged = verifier().verify(&forged.headers, &forged.body);
            assert_eq!(judged, Err(expected), "{format}: {what}");
        }
        let stranger = NoticeVerifier::new(ANOTHER).unwrap();
        assert_eq!(stranger.verify(&real.headers, &real.body), Err(InvalidNotice::WrongSignature));
        let time = verifier().verify(&real.headers, &real.body).unwrap().time;
        let after = |seconds: u64| -> SystemTime { time + Duration::from_secs(seconds) };
        assert!(verifier().verify_at(&real.headers, &real.body, after(300)).is_ok());
        let replayed = verifier().verify_at(&real.headers, &real.body, after(301));
        assert_eq!(replayed, Err(InvalidNotice::BadTimestamp), "{format}");
    }
}

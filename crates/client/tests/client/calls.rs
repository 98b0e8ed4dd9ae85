//! The calls of the client against the real server.

use crate::server::{Server, next, opened};
use client::{Client, CloseCode, Data, Error, Event, Item, ItemResult, SendOptions, To};

fn text(text: &str) -> Data {
    Data::Text(text.to_owned().into())
}

#[tokio::test]
async fn what_is_sent_arrives_as_it_was() {
    let server = Server::start();
    let client = server.client();
    let channel = client.create_channel("ada", Some(5)).await.unwrap();
    let mut listener = client.listen(channel.token, None);
    opened(&mut listener).await;
    for data in
        [text("hello é 🎈\r\n\u{1}"), Data::Binary(vec![0, 10, 255].into()), text(&"x".repeat(32 * 1024))]
    {
        let sent = client.send("ada", data.clone(), SendOptions::default()).await.unwrap();
        assert_eq!(sent.sockets, 1);
        let cursor = sent.id.unwrap().parse().ok();
        assert_eq!(next(&mut listener).await, Event::Message { cursor, data });
    }
    let volatile = SendOptions { ttl: Some(0), ..SendOptions::default() };
    assert_eq!(client.send("ada", text("now"), volatile).await.unwrap().id, None);
    assert_eq!(next(&mut listener).await, Event::Message { cursor: None, data: text("now") });
}

#[tokio::test]
async fn every_client_id_has_its_channel() {
    let server = Server::start();
    let client = server.client();
    let longest = "é".repeat(128);
    let ids = [".", "..", "a/b?c&d=e+f%g h~", "日本", "\"quoted\"\n", "%2F", &longest];
    let mut listeners = Vec::new();
    for id in ids {
        let mut listener = client.listen(client.token_source(id, None), None);
        opened(&mut listener).await;
        client.send(id, text(id), SendOptions::default()).await.unwrap();
        let event = next(&mut listener).await;
        assert!(matches!(&event, Event::Message { data, .. } if *data == text(id)), "{id:?}: {event:?}");
        assert!(client.channel(id).await.unwrap().connected, "{id:?}");
        listeners.push(listener);
    }
    let mut present = client.presence().await.unwrap();
    present.sort();
    let mut expected = ids.map(str::to_owned);
    expected.sort();
    assert_eq!(present, expected);
    assert!(!client.channel("nobody").await.unwrap().connected);
}

#[tokio::test]
async fn presence_is_read_page_by_page() {
    let server = Server::start();
    let client = server.client();
    let mut listeners = Vec::new();
    for number in 0..1005 {
        let token = client.create_channel(&format!("client-{number:04}"), None).await.unwrap().token;
        let mut listener = client.listen(token, None);
        opened(&mut listener).await;
        listeners.push(listener);
    }
    assert!(client.presence_page(None).await.unwrap().next.is_some(), "the test needs more than one page");
    let mut present = client.presence().await.unwrap();
    present.sort();
    present.dedup();
    assert_eq!(present.len(), 1005);
}

#[tokio::test]
async fn many_are_answered_one_by_one() {
    let server = Server::start();
    let client = server.client();
    let token = client.create_channel("ada", None).await.unwrap().token;
    let many = To::Many(vec!["ada".into(), "bob".into()]);
    let items = [
        Item::new("ada", text("one")),
        Item::new("", text("to nobody")),
        Item { to: many, ..Item::new("", Data::Binary(vec![0].into())) },
        Item { ttl: Some(60), ..Item::new("ada", text("two")) },
    ];
    let results = client.send_many(items).await.unwrap();
    assert!(matches!(&results[0], ItemResult::Sent(sent) if sent.id.is_some()), "{results:?}");
    assert!(
        matches!(&results[1], ItemResult::Refused { code, .. } if code == "invalid_client_id"),
        "{results:?}"
    );
    assert!(matches!(&results[2], ItemResult::SentToMany { stored: 2, .. }), "{results:?}");
    let mut listener = client.listen(token, None);
    opened(&mut listener).await;
    for expected in [text("one"), Data::Binary(vec![0].into()), text("two")] {
        assert!(matches!(next(&mut listener).await, Event::Message { data, .. } if data == expected));
    }
}

#[tokio::test]
async fn a_key_is_stored_once() {
    let server = Server::start();
    let client = server.client();
    let keyed = || SendOptions { idempotency_key: Some("order 7".into()), ..SendOptions::default() };
    let first = client.send("ada", text("paid"), keyed()).await.unwrap();
    let again = client.send("ada", text("paid"), keyed()).await.unwrap();
    assert_eq!(first.id, again.id);
    let other = client.send("ada", text("lost"), keyed()).await.unwrap_err();
    assert!(matches!(other, Error::Refused { status: 422, .. }), "{other}");
}

#[tokio::test]
async fn refusals_say_why() {
    let server = Server::start();
    let client = server.client();
    for (refused, expected) in [
        (client.send("ada", text(""), SendOptions::default()).await.unwrap_err(), "empty_message"),
        (client.create_channel("", None).await.unwrap_err(), "invalid_client_id"),
        (client.create_channel("ada", Some(1441)).await.unwrap_err(), "invalid_duration"),
    ] {
        assert_eq!(refused.code(), expected, "{refused}");
    }
    let stranger = Client::new(&server.url(), Some("another-key-9876543210".into())).unwrap();
    assert_eq!(stranger.presence().await.unwrap_err().code(), "invalid_api_key");
    let mut listener = client.listen("eyJ.no.token", None);
    let event = next(&mut listener).await;
    assert!(matches!(event, Event::Closed { code: CloseCode::UNAUTHORIZED, .. }), "{event:?}");
    assert!(listener.next().await.is_none());
}

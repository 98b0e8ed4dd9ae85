//! A deleted channel, at the real server: its sockets end, its tokens are refused, and it begins anew.

use crate::server::{Server, next, opened, received, token_key};
use client::{Client, CloseCode, Data, Event, Listener, SendOptions, TokenSigner};

fn text(text: &str) -> Data {
    Data::Text(text.to_owned().into())
}

async fn send(client: &Client, id: &str, data: &str) {
    client.send(id, text(data), SendOptions::default()).await.unwrap();
}

async fn kept(client: &Client, id: &str) -> Vec<Data> {
    let page = client.messages(id, None).await.unwrap();
    page.messages.into_iter().map(|message| message.data).collect()
}

async fn is_refused(mut listener: Listener) {
    let event = next(&mut listener).await;
    assert!(matches!(event, Event::Closed { code: CloseCode::GONE, .. }), "{event:?}");
    assert!(listener.next().await.is_none());
}

#[tokio::test]
async fn a_deleted_channel_is_as_if_it_had_never_been() {
    let server = Server::start();
    let client = server.client();
    for id in ["ada", ".", "..", "a/b", "?#", "100%", "žluťoučký 🐎", &"é".repeat(128)] {
        let unused = client.create_channel(id, None).await.unwrap().token;
        let signed = TokenSigner::new(&token_key('a')).unwrap().sign(id, None).unwrap();
        let mut listener = client.listen(client.create_channel(id, None).await.unwrap().token, None);
        opened(&mut listener).await;
        send(&client, id, "before").await;
        assert_eq!(received(&mut listener).await, text("before"), "{id}");
        assert_eq!(kept(&client, id).await, [text("before")], "{id}");

        client.delete_channel(id).await.unwrap();

        is_refused(listener).await;
        is_refused(client.listen(unused, None)).await;
        is_refused(client.listen(signed, None)).await;
        assert_eq!(kept(&client, id).await, [], "{id}");
        assert!(!client.channel(id).await.unwrap().connected, "{id}");

        let mut listener = client.listen(client.token_source(id, None), None);
        opened(&mut listener).await;
        send(&client, id, "after").await;
        assert_eq!(received(&mut listener).await, text("after"), "{id}");
        assert_eq!(kept(&client, id).await, [text("after")], "{id}");
    }
}

#[tokio::test]
async fn what_nobody_ever_opened_can_be_deleted_twice_and_others_do_not_notice() {
    let server = Server::start();
    let client = server.client();
    let mut listener = client.listen(client.token_source("bob", None), None);
    opened(&mut listener).await;
    client.delete_channel("ada").await.unwrap();
    client.delete_channel("ada").await.unwrap();
    send(&client, "bob", "still here").await;
    assert_eq!(received(&mut listener).await, text("still here"));
}

#[tokio::test]
async fn what_is_no_client_id_is_refused() {
    let server = Server::start();
    for id in ["", &"x".repeat(257)] {
        let refused = server.client().delete_channel(id).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_client_id", "{refused}");
    }
}

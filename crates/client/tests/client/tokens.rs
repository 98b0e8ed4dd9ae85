//! Tokens that were signed without a call, at the real server that has the key.

use crate::server::{Server, next, opened, received, token_key};
use client::{CloseCode, Data, Event, SendOptions, TokenSigner};

fn text(text: &str) -> Data {
    Data::Text(text.to_owned().into())
}

fn signer() -> TokenSigner {
    TokenSigner::new(&token_key('a')).unwrap()
}

#[tokio::test]
async fn a_signed_token_opens_its_channel_and_is_an_address() {
    let server = Server::start();
    let client = server.client();
    for id in ["ada", "..", "a/b", "žluťoučký 🐎", &"é".repeat(128)] {
        let token = signer().sign(id, Some(1)).unwrap();
        let mut listener = client.listen(&*token, None);
        opened(&mut listener).await;
        client.send(id, text("by id"), SendOptions::default()).await.unwrap();
        client.send(&token, text("by token"), SendOptions::default()).await.unwrap();
        assert_eq!(received(&mut listener).await, text("by id"), "{id}");
        assert_eq!(received(&mut listener).await, text("by token"), "{id}");
    }
}

#[tokio::test]
async fn a_signed_token_misses_nothing_that_was_sent_since() {
    let server = Server::start();
    let client = server.client();
    let token = signer().sign("ada", None).unwrap();
    client.send("ada", text("before the page opened"), SendOptions::default()).await.unwrap();
    let mut listener = client.listen(token, None);
    opened(&mut listener).await;
    assert_eq!(received(&mut listener).await, text("before the page opened"));
}

#[tokio::test]
async fn a_token_of_another_key_opens_nothing() {
    let server = Server::start();
    let client = server.client();
    let stranger = TokenSigner::new(&token_key('b')).unwrap();
    let misnamed = TokenSigner::with_key_id(&token_key('a'), "another").unwrap();
    for signer in [stranger, misnamed] {
        let mut listener = client.listen(signer.sign("ada", None).unwrap(), None);
        let event = next(&mut listener).await;
        assert!(matches!(event, Event::Closed { code: CloseCode::UNAUTHORIZED, .. }), "{event:?}");
    }
}

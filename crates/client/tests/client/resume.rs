//! Listening across crashes of the real server: nothing lost, nothing twice, nothing out of order.

use crate::server::{Server, next, opened};
use client::{Client, Data, Event, Listener, SendOptions};
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

const NUMBERS: u32 = 1_500;
const KILLS: u32 = 3;

fn text(number: u32) -> Data {
    Data::Text(number.to_string().into())
}

/// Sends the numbers one after the other, each until it is answered.
async fn send_numbers(client: Client, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let options =
            SendOptions { idempotency_key: Some(format!("number {number}")), ..SendOptions::default() };
        while let Err(error) = client.send("ada", text(number), options.clone()).await {
            assert!(error.is_temporary(), "{error}");
        }
        // At a person's pace, so that a kill finds something left to do.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The messages up to the last number, and how often the connection was lost meanwhile.
async fn receive_until(listener: &mut Listener, last: u32) -> (Vec<Data>, usize) {
    let (mut received, mut losses) = (Vec::new(), 0);
    while received.last() != Some(&text(last)) {
        match next(listener).await {
            Event::Message { data, .. } => received.push(data),
            Event::Lost { .. } => losses += 1,
            Event::Open { .. } => {}
            event => panic!("{event:?}"),
        }
    }
    (received, losses)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_and_repeats_nothing() {
    let mut server = Server::start();
    let client = server.client();
    let mut listener = client.listen(client.token_source("ada", None), None);
    opened(&mut listener).await;
    // Messages received, and connections opened.
    let (told, mut state) = watch::channel((0, 1));
    let receiving = tokio::spawn(async move {
        let mut losses = 0;
        while told.borrow().0 < NUMBERS {
            match next(&mut listener).await {
                Event::Message { data, .. } => {
                    assert_eq!(data, text(told.borrow().0), "each once, in order");
                    told.send_modify(|(count, _)| *count += 1);
                }
                Event::Lost { .. } => losses += 1,
                Event::Open { .. } => told.send_modify(|(_, opens)| *opens += 1),
                event => panic!("{event:?}"),
            }
        }
        losses
    });
    let sending = tokio::spawn(send_numbers(client, 0..NUMBERS));
    for kill in 1..=KILLS {
        // Under way again, so that each kill meets a listener that listens and a send on its way.
        let due = kill * NUMBERS / (KILLS + 2);
        state.wait_for(|(count, opens)| *count >= due && *opens >= kill).await.unwrap();
        server.kill();
        server.start_again();
    }
    sending.await.unwrap();
    // How many of them met it at work is up to the machine; what is promised does not depend on it.
    assert!(receiving.await.unwrap() >= 1, "the server was killed while the listener listened");
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_nothing_is_missed() {
    let mut server = Server::start();
    let client = server.client();
    let mut listener = client.listen(client.token_source("ada", None), None);
    opened(&mut listener).await;
    send_numbers(client.clone(), 0..1).await;
    server.kill();
    server.start_again_with_another_key();
    send_numbers(client, 1..3).await;
    let (received, losses) = receive_until(&mut listener, 2).await;
    assert_eq!(received, [text(0), text(1), text(2)]);
    assert!(losses >= 2, "the connection was lost, and then the token");
}

#[tokio::test]
async fn what_was_sent_before_the_first_token_opened_anything_arrives() {
    let mut server = Server::start();
    let client = server.client();
    let token = client.create_channel("ada", None).await.unwrap().token;
    send_numbers(client.clone(), 0..2).await;
    server.kill();
    let mut listener = client.listen(token, None);
    assert!(matches!(next(&mut listener).await, Event::Lost { .. }));
    server.start_again();
    let (received, _) = receive_until(&mut listener, 1).await;
    assert_eq!(received, [text(0), text(1)]);
}

#[tokio::test]
async fn a_cursor_that_was_kept_goes_on_where_it_was() {
    let server = Server::start();
    let client = server.client();
    let source = || client.token_source("ada", None);
    let mut listener = client.listen(source(), None);
    opened(&mut listener).await;
    send_numbers(client.clone(), 0..3).await;
    assert!(matches!(next(&mut listener).await, Event::Message { .. }));
    let Event::Message { cursor, data } = next(&mut listener).await else { panic!("a message") };
    assert_eq!(data, text(1));
    assert_eq!(listener.cursor(), cursor, "whatever came in the same read");
    drop(listener);
    let mut listener = client.listen(source(), cursor);
    let (received, _) = receive_until(&mut listener, 2).await;
    assert_eq!(received, [text(2)]);
}

#[tokio::test]
async fn a_wait_that_is_given_up_loses_nothing() {
    let server = Server::start();
    let client = server.client();
    let mut listener = client.listen(client.token_source("ada", None), None);
    let sending = tokio::spawn(send_numbers(client, 0..200));
    let mut received = Vec::new();
    let (started, mut given_up) = (Instant::now(), 0);
    while received.last() != Some(&text(199)) {
        assert!(started.elapsed() < Duration::from_secs(30), "nothing comes to an end");
        match timeout(Duration::from_micros(300), listener.next()).await {
            Ok(Some(Ok(Event::Message { data, .. }))) => received.push(data),
            Ok(Some(Ok(Event::Open { .. }))) => {}
            Ok(event) => panic!("{event:?}"),
            Err(_) => given_up += 1,
        }
    }
    sending.await.unwrap();
    // What was sent before the channel was created is not this token's.
    assert_eq!(received, (200 - received.len() as u32..200).map(text).collect::<Vec<_>>());
    assert!(given_up > 0, "the test gave up while something was under way");
}

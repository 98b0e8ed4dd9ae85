//! The Rust client under kills: what it tries again by itself is stored once.

use crate::{
    length::{alone, pick},
    support::{Random, http::API_KEY, server::on_disk},
};
use ::client::{Client, Data, Error, SendOptions};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// Sends one text after the other; those that were answered, and those of which it is not known.
async fn send_on(client: Client, me: usize, stop: Arc<AtomicBool>) -> (Vec<String>, Vec<String>) {
    let (mut answered, mut unknown) = (Vec::new(), Vec::new());
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let text = format!("{me}-{number}");
        let data = Data::Text(text.clone().into());
        match client.send("ada", data, SendOptions::default()).await {
            Ok(sent) => {
                assert!(sent.id.is_some());
                answered.push(text);
            }
            Err(Error::Unreachable { .. }) => unknown.push(text),
            Err(error) => panic!("{error}"),
        }
    }
    (answered, unknown)
}

#[test]
fn what_the_rust_client_tries_again_is_stored_once() {
    let _alone = alone();
    let mut server = on_disk("fsync").env("DOWNLINK_RETENTION_MESSAGES", "1000000").start();
    let client = Client::new(&format!("http://{}", server.address), Some(API_KEY.to_owned())).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let sending = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let tasks = (0..8).map(|me| tokio::spawn(send_on(client.clone(), me, Arc::clone(&stop))));
                let mut all = (Vec::new(), Vec::new());
                for task in tasks.collect::<Vec<_>>() {
                    let (answered, unknown) = task.await.unwrap();
                    all.0.extend(answered);
                    all.1.extend(unknown);
                }
                all
            })
        })
    };
    let mut random = Random(0x5eed_0004);
    for _ in 0..pick(5, 50) {
        thread::sleep(Duration::from_millis(50 + random.below(300)));
        server = server.restart();
    }
    stop.store(true, Ordering::Relaxed);
    let (answered, unknown) = sending.join().unwrap();
    let mut times: HashMap<String, usize> = HashMap::new();
    for text in server.api().kept("ada") {
        *times.entry(text).or_default() += 1;
    }
    println!("{} sends were answered, {} were given up", answered.len(), unknown.len());
    assert!(answered.len() > 100, "there was a load");
    assert!(times.values().all(|count| *count == 1), "stored twice: {times:?}");
    assert!(answered.iter().all(|text| times.contains_key(text)), "answered and lost");
    // A restart is shorter than the time for which it tries again.
    assert!(unknown.is_empty(), "given up: {unknown:?}");
}

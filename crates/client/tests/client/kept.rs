//! What a channel keeps, at the real server.

use crate::server::Server;
use client::{Data, SendOptions};

#[tokio::test]
async fn what_is_kept_is_read_page_by_page() {
    let server = Server::start();
    let client = server.client();
    let large = "x".repeat(32 * 1024);
    // More than one page holds in bytes.
    for number in 0..70 {
        let data = Data::Text(format!("{number} {}", &large[4..]).into());
        client.send("ada", data, SendOptions::default()).await.unwrap();
    }
    let (mut numbers, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = client.messages("ada", after.as_deref()).await.unwrap();
        assert!(page.gap.is_none(), "{:?}", page.gap);
        for message in page.messages {
            let Data::Text(text) = message.data else { panic!("a text") };
            numbers.push(text.as_str().split(' ').next().unwrap().parse::<u32>().unwrap());
        }
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(numbers, (0..70).collect::<Vec<_>>());
    assert!(pages > 1, "the test needs more than one page");
    let elsewhere = client.messages("ada", Some("zzz.1")).await.unwrap();
    assert!(elsewhere.gap.is_some(), "a place in another life of the log");
}

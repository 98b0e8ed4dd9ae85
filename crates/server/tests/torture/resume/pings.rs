//! The cursor in a ping: a page that is cut right behind one goes on from it.

use super::{CALM, Cast};
use crate::{
    length::pick,
    load::World,
    support::{
        http::Api,
        server::{Server, memory},
        socket::STREAMS,
    },
    swarm::{
        Swarm,
        decoder::Frame,
        page::{Cut, PATIENCE, Page},
        publisher::send,
    },
};
use checker::Rules;
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
    time::Duration,
};

/// Pages that are pinged on a channel that is never long quiet; each ping is a chance to be wrong about what is under way.
const PINGED: usize = 30;

/// What goes on beside the others.
pub(super) struct Pings {
    thread: JoinHandle<()>,
    /// The silent one; ended with the test, however that ends.
    _server: Server,
}

/// Lets pages be pinged, on the server of all and on a silent one.
pub(super) fn start(cast: &mut Cast, server: &Server, token: &str) -> Pings {
    for index in 0..PINGED {
        let transport = STREAMS[index % STREAMS.len()];
        let name = format!("{}_pinged_{index}", transport.as_str());
        let mut page = Page::new(&cast.history, name, CALM, server.address, token);
        cast.restless.fetch_add(1, Ordering::Relaxed);
        let restless = Arc::clone(&cast.restless);
        cast.swarm.add(async move {
            for _ in 0..pick(1, 4) {
                page.open(transport).await.unwrap();
                until_ping(&mut page).await;
                page.cut(Cut::Reset);
            }
            restless.fetch_sub(1, Ordering::Relaxed);
            page.open(transport).await.unwrap();
            page.until("end").await.unwrap();
            page.end();
        });
    }
    let server = memory().start();
    let address = server.address;
    Pings { thread: thread::spawn(move || alone_on_a_server(address)), _server: server }
}

impl Pings {
    #[track_caller]
    pub(super) fn join(self) {
        self.thread.join().unwrap();
    }
}

async fn until_ping(page: &mut Page) {
    let pinged = async { while !matches!(page.next().await.unwrap(), Frame::Ping { .. }) {} };
    tokio::time::timeout(PATIENCE, pinged).await.expect("a ping comes");
}

/// Where the log's end is the page's own last message, a cursor that is wrong by one is seen: too low, and the message
/// comes again; too high, and it is of no known life.
fn alone_on_a_server(address: SocketAddr) {
    let (world, mut api, mut swarm) = (World::new(address), Api::new(address), Swarm::new());
    let token = api.token("silent");
    for transport in STREAMS {
        let name = format!("{}_on_a_silent_server", transport.as_str());
        let mut page = Page::new(&world.history, name, "silent", address, &token);
        swarm.add(async move {
            page.open(transport).await.unwrap();
            page.until("first").await.unwrap();
            until_ping(&mut page).await;
            page.cut(Cut::Fin);
            page.open(transport).await.unwrap();
            page.until("end").await.unwrap();
            page.end();
        });
    }
    send(&world.history, &mut api, "silent", "first", 1);
    // Behind the pings: they come after fifteen seconds.
    thread::sleep(Duration::from_secs(18));
    send(&world.history, &mut api, "silent", "end", 1);
    swarm.join();
    world.judge("cut right behind a ping", Rules::default());
}

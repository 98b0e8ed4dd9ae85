//! Clients that come and go while the server is killed, and the application that is told of them.

use super::World;
use crate::support::{
    Random,
    application::Application,
    opening::Opening,
    socket::{ALL, Frame, Socket},
    until,
};
use checker::Event;
use protocol::socket::Transport;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

const PEOPLE: usize = 6;

/// They come and go in the background.
pub(crate) struct People {
    threads: Vec<JoinHandle<Option<Socket>>>,
    /// One that was there before the first kill and never comes back.
    ghost: Option<Socket>,
}

impl People {
    pub(crate) fn come(world: &World, stop: &Arc<AtomicBool>) -> Self {
        let ghost = open(world, "ghost", Transport::Sse, &world.token("ghost"));
        let threads = (0..PEOPLE).map(|index| {
            let (world, stop) = (world.clone(), Arc::clone(stop));
            thread::spawn(move || live(&world, index, &stop))
        });
        Self { threads: threads.collect(), ghost: Some(ghost) }
    }

    /// After they were told to stop, and the last kill: half of them stay, half of them leave with a word.
    pub(crate) fn settle(self) -> Settled {
        drop(self.ghost);
        Settled { sockets: self.threads.into_iter().map(|thread| thread.join().unwrap()).collect() }
    }
}

/// Those who stay, for as long as this lives, and those who left.
pub(crate) struct Settled {
    sockets: Vec<Option<Socket>>,
}

impl Settled {
    /// Who stays.
    pub(crate) fn there(&self) -> Vec<String> {
        let stay = self.sockets.iter().enumerate().filter(|(_, socket)| socket.is_some());
        stay.map(|(index, _)| name(index)).collect()
    }

    /// All that the application heard becomes part of the history, and where it says who is there, it must be right.
    pub(crate) fn judge(&self, world: &World, application: &Application, wait_for_ghost: bool) {
        let last = |client: &str| application.told(client).last().copied().unwrap_or(false);
        for (index, socket) in self.sockets.iter().enumerate() {
            let client = name(index);
            until(&format!("the truth about {client}"), || (last(&client) == socket.is_some()).then_some(()));
        }
        if wait_for_ghost {
            until("the ghost is gone", || (!last("ghost")).then_some(()));
        }
        for notice in application.tries() {
            let (client_id, connected, id) = (notice.client, notice.connected, notice.id);
            let generation = notice.generation;
            world.history.record(Event::Notice { client_id, connected, generation, id });
        }
        for (index, socket) in self.sockets.iter().enumerate() {
            world.history.record(Event::Present { client_id: name(index), connected: socket.is_some() });
        }
        if wait_for_ghost {
            world.history.record(Event::Present { client_id: "ghost".into(), connected: false });
        }
    }
}

fn name(index: usize) -> String {
    format!("person{index}")
}

/// One person's comings and goings; the last one with an open socket, if it stays.
fn live(world: &World, index: usize, stop: &AtomicBool) -> Option<Socket> {
    let (client, mut random) = (name(index), Random(0x0dd_5eed + index as u64));
    let token = world.token(&client);
    while !stop.load(Ordering::Relaxed) {
        let transport = ALL[random.below(4) as usize];
        let mut socket = open(world, &client, transport, &token);
        thread::sleep(Duration::from_millis(random.below(600)));
        if random.below(2) == 0 {
            leave(world, &mut socket);
        }
        drop(socket);
        thread::sleep(Duration::from_millis(random.below(1_500)));
    }
    let mut socket = open(world, &client, Transport::WebSocket, &token);
    if index.is_multiple_of(2) {
        return Some(socket);
    }
    leave(world, &mut socket);
    None
}

/// Opens until it is open.
fn open(world: &World, client: &str, transport: Transport, token: &str) -> Socket {
    until(&format!("{client} is there"), || {
        let mut socket = Opening::new(world.address, transport, token).try_open().ok()?.ok()?;
        (socket.next().ok()? == Frame::Open).then_some(socket)
    })
}

/// Says farewell; whether it is heard, only the application knows.
fn leave(world: &World, socket: &mut Socket) {
    if socket.transport == Transport::WebSocket {
        let _ = socket.wire.send(&crate::support::websocket::text(r#"{"close":true}"#));
    } else {
        let path = format!("/v1/socket/{}", socket.name);
        let _ = world.api().try_call("POST", &path, &[], br#"{"close":true}"#);
    }
}

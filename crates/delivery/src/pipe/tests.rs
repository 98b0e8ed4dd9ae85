//! Both ends of a pipe, and the edge that hears of it.

use super::*;
use std::{
    net::TcpListener,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Wake, Waker},
};

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct World {
    pipe: Pipe,
    outlet: Outlet,
    edge: Arc<EdgeHandle>,
    woken: Arc<Woken>,
}

impl World {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let edge = EdgeHandle::new(0);
        let (pipe, outlet) = pipe(Arc::clone(&edge), Arc::new(line));
        pipe.register(7);
        Self { pipe, outlet, edge, woken: Arc::default() }
    }

    fn read(&self) -> Poll<Option<Bytes>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        self.outlet.poll_bytes(&mut Context::from_waker(&waker))
    }
}

fn kind<T>(result: io::Result<T>) -> Option<io::ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn what_is_written_comes_out_in_order_and_then_the_end() {
    let world = World::new();
    assert!(world.read().is_pending());
    assert_eq!(world.pipe.write(b"one ").unwrap(), 4);
    assert_eq!(world.woken.0.load(Ordering::Relaxed), 1);
    assert_eq!(world.pipe.write(b"two").unwrap(), 3);
    assert_eq!(world.read(), Poll::Ready(Some(Bytes::from_static(b"one two"))));
    assert!(world.read().is_pending());
    world.pipe.write(b"last").unwrap();
    world.pipe.end();
    assert!(!world.outlet.is_at_end());
    assert_eq!(world.read(), Poll::Ready(Some(Bytes::from_static(b"last"))));
    assert!(world.outlet.is_at_end());
    assert_eq!(world.read(), Poll::Ready(None));
    assert_eq!(world.woken.0.load(Ordering::Relaxed), 2);
}

#[test]
fn a_full_pipe_takes_nothing_and_the_edge_hears_once_when_it_does_again() {
    let world = World::new();
    let much = vec![1; HTTP2_UNSENT_BYTES_MAX + 1];
    assert_eq!(world.pipe.write(&much).unwrap(), HTTP2_UNSENT_BYTES_MAX);
    assert_eq!(kind(world.pipe.write(b"x")), Some(io::ErrorKind::WouldBlock));
    assert_eq!(world.edge.take_ready(), [0_u32; 0]);
    assert_eq!(world.read().map(|bytes| bytes.unwrap().len()), Poll::Ready(HTTP2_UNSENT_BYTES_MAX));
    assert_eq!(world.edge.take_ready(), [7]);
    assert_eq!(world.pipe.write(b"x").unwrap(), 1);
    assert!(world.read().is_ready());
    assert_eq!(world.edge.take_ready(), [0_u32; 0], "nobody waited");
}

#[test]
fn a_reader_that_goes_ends_the_socket() {
    let World { pipe, outlet, edge, .. } = World::new();
    assert_eq!(kind(pipe.read()), Some(io::ErrorKind::WouldBlock));
    drop(outlet);
    assert_eq!(edge.take_ready(), [7]);
    assert_eq!(pipe.read().unwrap(), 0);
    assert_eq!(kind(pipe.write(b"x")), Some(io::ErrorKind::BrokenPipe));
}

#[test]
fn a_socket_that_ended_is_not_heard_of_again() {
    let World { pipe, outlet, edge, .. } = World::new();
    drop(pipe);
    assert!(outlet.is_at_end());
    drop(outlet);
    assert_eq!(edge.take_ready(), [0_u32; 0]);
}

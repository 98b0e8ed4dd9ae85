//! A connection between a node and a reader: bytes in both directions, each with a bound, that breaks when it is told to.

use parking_lot::Mutex;
use std::{collections::VecDeque, io, sync::Arc};

#[derive(Debug, Default)]
struct Pipe {
    /// To the reader.
    down: VecDeque<u8>,
    /// So many bytes fit into `down`: what both kernels would hold.
    room: usize,
    /// To the node.
    up: VecDeque<u8>,
    /// The node sends no more.
    is_shut: bool,
    /// The reader is gone in order.
    has_left: bool,
    /// It broke: both ends get errors.
    is_broken: bool,
}

/// The node's end.
#[derive(Debug)]
pub(crate) struct ServerEnd(Arc<Mutex<Pipe>>);

/// The reader's end.
#[derive(Debug)]
pub(super) struct ClientEnd(Arc<Mutex<Pipe>>);

/// A fresh connection that holds `room` bytes.
pub(super) fn connect(room: usize) -> (ServerEnd, ClientEnd) {
    let pipe = Arc::new(Mutex::new(Pipe { room, ..Pipe::default() }));
    (ServerEnd(Arc::clone(&pipe)), ClientEnd(pipe))
}

impl ServerEnd {
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = self.0.lock();
        if pipe.is_broken || pipe.has_left {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(pipe.room - pipe.down.len());
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        pipe.down.extend(&bytes[..count]);
        Ok(count)
    }

    pub(crate) fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut pipe = self.0.lock();
        if pipe.is_broken {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let count = into.len().min(pipe.up.len());
        if count == 0 && !pipe.has_left {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        for (place, byte) in into.iter_mut().zip(pipe.up.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    pub(crate) fn shutdown(&self) {
        self.0.lock().is_shut = true;
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl ClientEnd {
    /// Up to `count` bytes; `None` when nothing comes any more.
    pub(super) fn read(&self, count: usize) -> Option<Vec<u8>> {
        let mut pipe = self.0.lock();
        if pipe.is_broken || (pipe.down.is_empty() && pipe.is_shut) {
            return None;
        }
        let count = count.min(pipe.down.len());
        Some(pipe.down.drain(..count).collect())
    }

    pub(super) fn write(&self, bytes: &[u8]) {
        self.0.lock().up.extend(bytes);
    }

    /// Breaks it: what is on its way is lost.
    pub(super) fn cut(&self) {
        self.0.lock().is_broken = true;
    }
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        self.0.lock().has_left = true;
    }
}

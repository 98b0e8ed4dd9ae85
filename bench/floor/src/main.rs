//! The floor: a push server that does nothing but the system calls, on one thread.
//!
//! * `GET /ws/NAME` opens a WebSocket. Digits at the name's end are its number; without any, it is one of everybody's.
//! * `POST /pub/NAME` is answered 202, and its body goes as a text frame to that number, or to everybody.
//!
//! No key, no check, no order, no memory of what was sent; what a socket does not take is dropped. So no server that keeps
//! a promise can cost less, and the ratio to this one holds on machines of any speed.

use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, EventData, EventFlags},
    process::{Resource, getrlimit, setrlimit},
};
use std::{
    collections::HashMap,
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::{AsRawFd, OwnedFd},
};

/// The digits at the end of a name that has a number.
const DIGITS: usize = 7;

const OPENED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

/// The token of the listener; connections have their descriptor's number.
const LISTENER: u64 = u64::MAX;

struct Floor {
    epoll: OwnedFd,
    listener: TcpListener,
    /// By descriptor.
    connections: Vec<Option<TcpStream>>,
    /// Descriptors by the sockets' numbers.
    numbered: Vec<Option<usize>>,
    everybody: Vec<usize>,
    /// What came of requests that are not whole.
    partial: HashMap<usize, Vec<u8>>,
    frame: Vec<u8>,
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".into());
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    println!("listening on {}", listener.local_addr()?);
    let mut floor = Floor {
        epoll,
        listener,
        connections: Vec::new(),
        numbered: Vec::new(),
        everybody: Vec::new(),
        partial: HashMap::new(),
        frame: Vec::new(),
    };
    let (mut events, mut buffer) = (Vec::with_capacity(1024), vec![0; 64 * 1024]);
    loop {
        events.clear();
        epoll::wait(&floor.epoll, spare_capacity(&mut events), None)?;
        for event in &events {
            match event.data.u64() {
                LISTENER => floor.accept()?,
                descriptor => floor.read(descriptor as usize, &mut buffer),
            }
        }
    }
}

impl Floor {
    fn accept(&mut self) -> std::io::Result<()> {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let descriptor = stream.as_raw_fd() as usize;
            epoll::add(&self.epoll, &stream, EventData::new_u64(descriptor as u64), EventFlags::IN)?;
            if self.connections.len() <= descriptor {
                self.connections.resize_with(descriptor + 1, || None);
            }
            self.connections[descriptor] = Some(stream);
        }
        Ok(())
    }

    fn send(&self, descriptor: usize, bytes: &[u8]) {
        if let Some(Some(stream)) = self.connections.get(descriptor) {
            // What is not taken is dropped.
            let _ = (&*stream).write(bytes);
        }
    }

    fn read(&mut self, descriptor: usize, buffer: &mut [u8]) {
        let Some(Some(stream)) = self.connections.get_mut(descriptor) else { return };
        let length = match stream.read(buffer) {
            Ok(0) => return self.close(descriptor),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => return self.close(descriptor),
        };
        match self.partial.remove(&descriptor) {
            None => self.take(descriptor, &buffer[..length]),
            Some(mut data) => {
                data.extend_from_slice(&buffer[..length]);
                self.take(descriptor, &data);
            }
        }
    }

    fn close(&mut self, descriptor: usize) {
        self.connections[descriptor] = None;
        self.partial.remove(&descriptor);
        self.numbered.iter_mut().filter(|held| **held == Some(descriptor)).for_each(|held| *held = None);
        self.everybody.retain(|held| *held != descriptor);
    }

    /// Takes a request, if it is whole.
    fn take(&mut self, descriptor: usize, data: &[u8]) {
        let request =
            head(data).and_then(|(head, length)| data.get(head..head + length).map(|body| (head, body)));
        let Some((head, body)) = request else {
            self.partial.insert(descriptor, data.to_vec());
            return;
        };
        let number = number(&data[..head]);
        if data[0] == b'G' {
            match number {
                None => self.everybody.push(descriptor),
                Some(number) => {
                    if self.numbered.len() <= number {
                        self.numbered.resize(number + 1, None);
                    }
                    self.numbered[number] = Some(descriptor);
                }
            }
            return self.send(descriptor, OPENED);
        }
        self.send(descriptor, ACCEPTED);
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        frame.push(0x81);
        if body.len() < 126 {
            frame.push(body.len() as u8);
        } else {
            frame.push(126);
            frame.extend_from_slice(&(body.len() as u16).to_be_bytes());
        }
        frame.extend_from_slice(body);
        match number {
            Some(number) => {
                if let Some(Some(socket)) = self.numbered.get(number) {
                    self.send(*socket, &frame);
                }
            }
            None => self.everybody.iter().for_each(|socket| self.send(*socket, &frame)),
        }
        self.frame = frame;
    }
}

/// Where the body begins, and how long it is.
fn head(data: &[u8]) -> Option<(usize, usize)> {
    let head = data.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let name = b"ontent-Length: ";
    let length = data[..head].windows(name.len()).position(|window| window == name).map_or(0, |at| {
        let digits = data[at + name.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
    });
    Some((head, length))
}

/// The number at the end of the request's target.
fn number(head: &[u8]) -> Option<usize> {
    let target = head.split(|byte| *byte == b' ').nth(1)?;
    let digits = target.get(target.len().checked_sub(DIGITS)?..)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

//! A proxy between the measurement and the server that does what no server may: the run has to notice.

use super::{bench, results};
use crate::support::server::{Server, memory};
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

/// What is done to the second and the third message of each socket.
#[derive(Clone, Copy)]
enum Meddling {
    Nothing,
    Swallow,
    Repeat,
    Swap,
}

/// A proxy that passes everything on, but for that.
fn proxy(server: &Server, meddling: Meddling) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, to) = (listener.local_addr().unwrap(), server.address);
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(to).unwrap();
            let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(from_client, to_server));
            thread::spawn(move || meddle(server, client, meddling));
        }
    });
    address
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

/// Passes the answers of HTTP on as they are, and a WebSocket's frames one by one.
fn meddle(mut server: TcpStream, mut client: TcpStream, meddling: Meddling) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        server.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    client.write_all(&head).ok()?;
    if !head.starts_with(b"HTTP/1.1 101") {
        pass(server, client);
        return None;
    }
    let (mut messages, mut held) = (0, Vec::new());
    loop {
        let frame = frame(&mut server)?;
        let is_message = frame.windows(3).any(|window| window == b"@B:");
        messages += usize::from(is_message);
        match (meddling, messages) {
            (Meddling::Swallow, 2) if is_message => {}
            (Meddling::Repeat, 2) if is_message => client.write_all(&[frame.clone(), frame].concat()).ok()?,
            (Meddling::Swap, 2) if is_message => held = frame,
            (Meddling::Swap, 3) if is_message => {
                client.write_all(&[frame, std::mem::take(&mut held)].concat()).ok()?;
            }
            _ => client.write_all(&frame).ok()?,
        }
    }
}

/// One frame of less than 64 KiB.
fn frame(server: &mut TcpStream) -> Option<Vec<u8>> {
    let mut frame = vec![0; 2];
    server.read_exact(&mut frame).ok()?;
    let mut length = usize::from(frame[1] & 0x7f);
    if length == 126 {
        frame.resize(4, 0);
        server.read_exact(&mut frame[2..]).ok()?;
        length = usize::from(u16::from_be_bytes([frame[2], frame[3]]));
    }
    let head = frame.len();
    frame.resize(head + length, 0);
    server.read_exact(&mut frame[head..]).ok()?;
    Some(frame)
}

#[test]
fn whatever_goes_wrong_on_the_way_fails_the_run() {
    let server = memory().start();
    for (meddling, said_so) in [
        (Meddling::Nothing, None),
        (Meddling::Swallow, Some("messages LOST (accepted, and never received): 1")),
        (Meddling::Repeat, Some("messages that came AGAIN to a socket that had them: 1")),
        (Meddling::Swap, Some("messages OUT OF ORDER: 1")),
    ] {
        let address = proxy(&server, meddling);
        let command = bench(address, "unicast --sockets 1 --publishers 1 --messages 40 --seconds 1");
        let (code, json, said) = results(command);
        let faults = &json["results"][0]["faults"];
        match said_so {
            None => assert_eq!((code, json["results"][0]["good"].as_bool()), (Some(0), Some(true)), "{said}"),
            Some(fault) => {
                assert_eq!(code, Some(1), "{said}");
                assert!(faults.to_string().contains(fault), "{faults}");
                assert!(said.contains(fault) && said.contains("FAILED: unicast"), "{said}");
            }
        }
    }
}

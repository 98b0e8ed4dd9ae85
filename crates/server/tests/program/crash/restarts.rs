//! Orderly ends, torn ends, and what a start makes of them.

use crate::support::{
    server::{Server, on_disk},
    socket::{ALL, Frame, STREAMS, Socket},
    until,
};
use protocol::socket::Transport;
use std::{
    fs::{self, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::PathBuf,
    time::{Duration, Instant},
};

#[test]
fn a_stop_tells_every_socket_when_to_come_back() {
    let mut server = on_disk("fsync").env("DOWNLINK_DRAIN_SECONDS", "2").start();
    let mut api = server.api();
    let token = api.token("ada");
    let mut sockets: Vec<Socket> =
        (0..6).map(|index| server.opening(STREAMS[index % 3], &token).open()).collect();
    let mut poll = server.opening(Transport::LongPoll, &token).open();
    let polling = std::thread::spawn(move || (poll.text(), poll.frame()));
    api.send("ada", "last words");
    for socket in &mut sockets {
        assert_eq!(socket.text(), "last words");
    }
    let begin = Instant::now();
    server.terminate();
    let mut waits = Vec::new();
    for socket in &mut sockets {
        let Frame::Close { code, reason, retry_after_ms } = socket.frame() else { panic!("no close frame") };
        assert_eq!((code, reason.as_str()), (1012, "The server restarts."), "{:?}", socket.transport);
        waits.push(retry_after_ms.unwrap());
        let end = (socket.transport == Transport::WebSocket).then_some(1012);
        assert_eq!(socket.next().unwrap(), Frame::End(end), "{:?}", socket.transport);
    }
    match polling.join().unwrap().1 {
        Frame::Close { code, .. } => assert_eq!(code, 1012),
        // Its next poll came when nobody is let in any more.
        other => assert_eq!(other, Frame::End(Some(503))),
    }
    assert!(waits.iter().all(|wait| *wait <= 2_000), "{waits:?}");
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 3, "spread, so that they do not come back at once: {waits:?}");
    assert_eq!(server.wait().code(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    // And nobody misses anything.
    let server = server.start_again();
    server.api().send("ada", "hello again");
    for socket in sockets {
        let mut again = server.opening(socket.transport, &token).after(&socket.at()).open();
        assert_eq!(again.text(), "hello again", "{:?}", socket.transport);
    }
    assert_eq!(server.api().kept("ada"), ["last words", "hello again"]);
}

fn last_segment(server: &Server) -> PathBuf {
    let files = fs::read_dir(server.data_dir().join("journal")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|path| fs::metadata(path).unwrap().len() > 1024);
    files.sort();
    files.pop().unwrap()
}

/// Where what is written ends: behind it the file is all zeros.
fn written(path: &PathBuf) -> u64 {
    let bytes = fs::read(path).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at as u64 + 1)
}

#[test]
fn a_torn_end_is_cut_and_what_was_answered_is_there() {
    for durability in ["fsync", "os"] {
        let mut server = on_disk(durability).start();
        let mut api = server.api();
        let token = api.token("ada");
        let texts: Vec<String> = (0..20).map(|number| format!("message {number}")).collect();
        let places: Vec<String> = texts.iter().map(|text| api.send("ada", text)).collect();
        server.kill();
        // A write that the crash tore: part of a record, and garbage.
        let path = last_segment(&server);
        let end = written(&path);
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(end.next_multiple_of(8))).unwrap();
        file.write_all(&[0x40, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5]).unwrap();
        drop(file);
        let server = server.start_again();
        let mut api = server.api();
        assert_eq!(api.kept("ada"), texts, "{durability}");
        api.send("ada", "after");
        for transport in ALL {
            let mut socket = server.opening(transport, &token).after(&places[18]).open();
            assert_eq!(socket.texts(2), ["message 19", "after"], "{durability}, {transport:?}");
        }
        let server = server.restart();
        assert_eq!(server.api().kept("ada").len(), 21, "{durability}: and once more");
    }
}

#[test]
fn a_file_that_was_cut_keeps_what_is_before_the_cut() {
    let mut server = on_disk("os").start();
    let mut api = server.api();
    let texts: Vec<String> = (0..20).map(|number| format!("message {number}")).collect();
    texts.iter().for_each(|text| drop(api.send("ada", text)));
    server.kill();
    let path = last_segment(&server);
    let end = written(&path);
    OpenOptions::new().write(true).open(&path).unwrap().set_len(end - 3).unwrap();
    let server = server.start_again();
    assert_eq!(server.api().kept("ada"), texts[..19], "the torn record is gone, the others are there");
    server.api().send("ada", "after");
    let server = server.restart();
    assert_eq!(server.api().kept("ada").len(), 20);
}

#[test]
fn keys_and_tokens_of_dev_survive_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let setup = crate::support::server::Setup::new("dev")
        .env("DOWNLINK_TOKEN_KEY", "")
        .env("DOWNLINK_DATA_DIR", data.path().to_str().unwrap());
    let server = setup.start();
    let token = server.api().token("ada");
    server.api().send("ada", "kept");
    let server = server.restart();
    let mut socket = server.opening(Transport::Sse, &token).open();
    assert_eq!(socket.text(), "kept");
    until("dev answers on its start page", || (server.api().get("/").status == 200).then_some(()));
}

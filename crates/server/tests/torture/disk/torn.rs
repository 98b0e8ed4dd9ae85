//! The end of the journal, torn at every byte.

use super::{
    faults::Disk,
    story::{offset, texts, try_send},
};
use crate::{
    length::{alone, pick},
    support::{server::Server, socket::ALL},
};
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::PathBuf,
};

/// Where a file is cut off, and whether zeros stand there then.
fn cut(path: &PathBuf, at: u64, zeros: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(at).unwrap();
    file.set_len(at + zeros).unwrap();
}

/// Bytes of a record before its payload: head, one link, hashes of the Idempotency-Key.
const BEFORE_PAYLOAD: u64 = 96;

#[test]
fn a_journal_torn_at_any_byte_of_its_last_three_records_has_exactly_the_whole_ones() {
    let _alone = alone();
    let disk = Disk::new();
    let mut server = disk.plain("fsync").start();
    let mut api = server.api();
    let token = api.token("ada");
    let payloads =
        ["first", "second", "the third", "the fourth one", "the fifth of six", "the sixth and last one"];
    let cursors = payloads.map(|text| try_send(&mut api, "ada", text).cursor());
    server.kill();
    let starts = cursors.each_ref().map(|cursor| offset(cursor));
    // Where each ends, before the zeros that fill it up.
    let end = |index: usize| starts[index] + BEFORE_PAYLOAD + payloads[index].len() as u64;
    let segment = disk.files("journal", ".seg").remove(0).file_name().unwrap().to_owned();
    let mut begun = 0;
    let edges: Vec<u64> = (3..6).flat_map(|index| [starts[index], end(index) - 1, end(index)]).collect();
    for at in (starts[3]..=end(5)).filter(|at| edges.contains(at) || at % pick(16, 1) == 0) {
        let copy = disk.copy();
        cut(&copy.data().join("journal").join(&segment), at, if at % 2 == 0 { 0 } else { 100_000 });
        let server = copy.plain("fsync").start();
        begun += 1;
        let whole = (0..6).filter(|index| end(*index) <= at).count();
        let mut api = server.api();
        assert_eq!(texts(&mut api, "ada"), payloads[..whole], "cut at {at}");
        check_sockets(&server, &token, &cursors, &payloads[..whole], at);
        let next = try_send(&mut api, "ada", "next").offset();
        assert!(next > starts[5], "cut at {at}: the place of a lost one is used again");
    }
    println!("cut at {begun} places of the last three records, and started each time");
}

/// Who was before the cut misses nothing; who was behind it hears that something is missing.
fn check_sockets(server: &Server, token: &str, cursors: &[String], whole: &[&str], at: u64) {
    let transport = ALL[at as usize % ALL.len()];
    let mut socket = server.opening(transport, token).after(&cursors[1]).open();
    assert_eq!(socket.texts(whole.len() - 2), whole[2..], "cut at {at}, {transport:?}");
    if whole.len() < cursors.len() {
        let mut ahead = server.opening(transport, token).after(&cursors[5]).open();
        assert_eq!(ahead.gap(), "epoch", "cut at {at}, {transport:?}");
        assert_eq!(ahead.texts(whole.len()), whole, "cut at {at}, {transport:?}");
    }
}

#[test]
fn a_presence_ledger_torn_at_any_byte_of_its_last_three_records_has_exactly_the_whole_ones() {
    let _alone = alone();
    let disk = Disk::new();
    let mut server = disk.plain("fsync").start();
    let mut api = server.api();
    let clients: Vec<String> = (0..5).map(|number| format!("client {number}")).collect();
    let ledger = disk.data().join("presence/ledger");
    let mut ends = vec![fs::metadata(&ledger).unwrap().len()];
    for client in &clients {
        api.send(client, "to be deleted");
        let path = format!("/v1/channels/{}", crate::support::http::escape(client));
        assert_eq!(api.call("DELETE", &path, &[], b"").status, 204);
        ends.push(fs::metadata(&ledger).unwrap().len());
    }
    server.kill();
    let mut begun = 0;
    for at in (ends[2]..=ends[5]).filter(|at| ends.contains(at) || at % pick(8, 1) == 0) {
        let copy = disk.copy();
        let torn = copy.data().join("presence/ledger");
        cut(&torn, at, 0);
        if at % 3 == 0 {
            // What a file system puts there that had extended the file already.
            let file = OpenOptions::new().write(true).open(&torn).unwrap();
            file.write_all_at(&[0; 500], at).unwrap();
        }
        let server = copy.plain("fsync").start();
        begun += 1;
        let mut api = server.api();
        for (client, end) in clients.iter().zip(&ends[1..]) {
            let expected: &[&str] = if *end <= at { &[] } else { &["to be deleted"] };
            assert_eq!(texts(&mut api, client), expected, "cut at {at}, {client}");
        }
    }
    println!("cut at {begun} places of the ledger's last three records, and started each time");
}

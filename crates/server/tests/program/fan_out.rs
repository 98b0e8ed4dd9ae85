//! Many sockets, many ids.

use crate::support::{
    server::{memory, on_disk},
    socket::{Data, Frame, STREAMS},
};
use protocol::socket::Transport;
use serde_json::json;

/// Sockets of the one channel.
const SOCKETS: usize = 2_000;
const MESSAGES: usize = 100;

#[test]
fn two_thousand_sockets_get_every_message_in_order() {
    let server = memory().start();
    let mut api = server.api();
    let token = api.token("all");
    let mut sockets: Vec<_> =
        (0..SOCKETS).map(|index| server.opening(STREAMS[index % 3], &token).open()).collect();
    assert_eq!(api.call("POST", "/v1/messages?to=all", &[], b"x").json()["sockets"], SOCKETS);
    for socket in &mut sockets {
        assert_eq!(socket.text(), "x");
    }
    let places: Vec<String> = (0..MESSAGES).map(|number| api.send("all", &number.to_string())).collect();
    for (index, socket) in sockets.iter_mut().enumerate() {
        for (number, place) in places.iter().enumerate() {
            let expected = Frame::Message(Some(place.clone()), Data::Text(number.to_string()));
            assert_eq!(socket.frame(), expected, "socket {index}");
        }
    }
}

/// Nothing else goes on at the server: what arrives comes by the send's own doing, not with the next ping or pong.
#[test]
fn a_channel_of_any_size_is_served_at_once() {
    for durability in ["memory", "os", "fsync"] {
        let server = on_disk(durability).start();
        let mut api = server.api();
        let token = api.token("all");
        let mut sockets = Vec::new();
        for size in 1..=30 {
            sockets.push(server.opening(STREAMS[size % 3], &token).open());
            let place = api.send("all", &size.to_string());
            for socket in &mut sockets {
                let expected = Frame::Message(Some(place.clone()), Data::Text(size.to_string()));
                // New ones first get what was sent since the token was made.
                while let frame = socket.next().unwrap()
                    && frame != expected
                {
                    assert!(matches!(frame, Frame::Message(..)), "{durability}, {size} sockets: {frame:?}");
                }
            }
        }
    }
}

#[test]
fn a_list_of_a_thousand_ids_is_one_message_for_each() {
    let server = memory().start();
    let mut api = server.api();
    let ids: Vec<String> = (0..1_000).map(|number| format!("client {number}")).collect();
    let mut sockets: Vec<_> =
        ids.iter().map(|id| server.opening(Transport::Lines, &api.token(id)).open()).collect();
    for round in ["one", "two"] {
        let answer = api.post("/v1/messages", &json!([{"to": ids, "data": round}])).json();
        assert_eq!((&answer[0]["stored"], &answer[0]["sockets"]), (&json!(1_000), &json!(1_000)));
        let place = answer[0]["id"].as_str().unwrap().to_owned();
        for socket in &mut sockets {
            assert_eq!(socket.frame(), Frame::Message(Some(place.clone()), Data::Text(round.into())));
        }
    }
    api.send("client 7", "alone");
    assert_eq!(sockets[7].text(), "alone");
    assert_eq!(api.kept("client 999"), ["one", "two"]);
}

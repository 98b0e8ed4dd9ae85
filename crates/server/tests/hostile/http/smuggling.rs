//! One request in is at most one request out: on the calls of the API, and where sockets are opened.

use super::{exchange, forms::forms};
use crate::{
    alone::together,
    support::{
        http::{API_KEY, Api, request},
        server::{Server, memory},
    },
};
use std::{net::SocketAddr, thread};

/// Cases that wait side by side.
const WORKERS: usize = 12;

/// The request that must not come out: a send that would be taken if it were one.
fn hidden(case: usize) -> String {
    format!(
        "POST /v1/channels/hidden-{case}/messages HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {API_KEY}\r\n\
         Content-Length: 5\r\n\r\nsmug!"
    )
}

fn filled(rest: &str, hidden: &str) -> String {
    rest.replace("HIDDEN", hidden).replace("SIZE", &hidden.len().to_string())
}

/// Plays each case and gathers what is wrong.
fn all<T: Sync>(cases: &[T], play: impl Fn(usize, &T) -> Result<(), String> + Sync) {
    let size = cases.len().div_ceil(WORKERS);
    let failures: Vec<String> = thread::scope(|scope| {
        let play = &play;
        let workers: Vec<_> = cases
            .chunks(size)
            .enumerate()
            .map(|(worker, part)| {
                scope.spawn(move || {
                    let numbered = part.iter().enumerate();
                    numbered
                        .filter_map(|(index, case)| play(worker * size + index, case).err())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn stored(address: SocketAddr, id: &str) -> usize {
    Api::new(address).kept(id).len()
}

#[test]
fn a_call_never_hides_a_second_one() {
    let _together = together();
    let server = memory().start();
    let address = server.address;
    let forms = forms();
    println!("smuggling: {} forms", forms.len());
    all(&forms, |case, form| {
        let line = format!("POST /v1/channels/outer-{case}/messages HTTP/1.1\r\nHost: test\r\n");
        let rest = filled(&form.rest, &hidden(case));
        let bytes = format!("{line}Authorization: Bearer {API_KEY}\r\n{rest}");
        let told = exchange(address, bytes.as_bytes()).told();
        let found = |what: String| Err(format!("{}: {what}, told {told:?}", form.name));
        if stored(address, &format!("hidden-{case}")) != 0 {
            return found("what was hidden came out".into());
        }
        let outer = stored(address, &format!("outer-{case}"));
        match &told[..] {
            // Refused, and the connection with it: nobody knows where the next request would begin.
            [400 | 431 | 501, 0] | [0] if form.refused && outer == 0 => Ok(()),
            [201] | [201, 0] if !form.refused && outer == 1 => Ok(()),
            // A body of nothing is no message.
            [400] | [400, 0] if !form.refused && outer == 0 => Ok(()),
            _ => found(format!("{outer} stored")),
        }
    });
    assert_eq!(server.api().get("/healthz").status, 200);
}

/// A request whose body holds another one, which nobody is to take for one.
struct Carrier {
    name: &'static str,
    call: (&'static str, &'static str),
    headers: Vec<(&'static str, String)>,
    /// `HIDDEN` stands for the other one, `HEX` for its length as chunks say it.
    body: String,
    status: u16,
}

fn carriers(token: &str) -> Vec<Carrier> {
    let carrier = |name, call, headers: &[(&'static str, String)], body: &str, status| Carrier {
        name,
        call,
        headers: headers.to_vec(),
        body: body.to_owned(),
        status,
    };
    let large = format!("HIDDEN{}", "x".repeat(40_000));
    let key = ("Authorization", format!("Bearer {API_KEY}"));
    let token = ("Authorization", format!("Bearer {token}"));
    let length = ("Content-Length", "99999999".to_owned());
    let chunked = ("Transfer-Encoding", "chunked".to_owned());
    let expect = ("Expect", "100-continue".to_owned());
    let (with_key, with_token) = ([key.clone()], [token.clone()]);
    let send = ("POST", "/v1/channels/outer/messages");
    vec![
        carrier("too large", send, &with_key, &large, 413),
        carrier("said to be too large", send, &[key, length], "HIDDEN", 413),
        carrier("without a key", send, &[], "HIDDEN", 401),
        carrier("asked for first", send, &[expect], "HIDDEN", 401),
        carrier("without a key, to many", ("POST", "/v1/messages"), &[], "HIDDEN", 401),
        carrier("lines, each refused by itself", ("POST", "/v1/messages"), &with_key, "HIDDEN", 200),
        carrier("no channel", ("POST", "/v1/channels"), &with_key, "HIDDEN", 400),
        carrier("no word", ("POST", "/v1/socket/nobody"), &[], "HIDDEN", 404),
        carrier("a method that is none", ("PUT", "/v1/channels"), &with_key, "HIDDEN", 405),
        carrier("nothing there", ("POST", "/nothing"), &[], "HIDDEN", 404),
        carrier("a body with a look", ("GET", "/v1/channels/outer"), &with_key, "HIDDEN", 200),
        carrier("a body that opens lines", ("GET", "/v1/socket"), &with_token, "HIDDEN", 400),
        carrier("chunks", ("GET", "/v1/socket"), &[token, chunked], "HEX\r\nHIDDEN\r\n0\r\n\r\n", 400),
    ]
}

/// A body that is refused is not read as the next request.
#[test]
fn a_refused_body_is_no_second_request() {
    let _together = together();
    let server = memory().start();
    let (address, carriers) = (server.address, carriers(&server.api().token("ada")));
    all(&carriers, |case, carrier| {
        let hidden = hidden(case);
        let body = carrier.body.replace("HEX", &format!("{:x}", hidden.len())).replace("HIDDEN", &hidden);
        let headers: Vec<(&str, &str)> =
            carrier.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (method, path) = carrier.call;
        let told = exchange(address, &request(method, path, &headers, body.as_bytes())).told();
        if stored(address, &format!("hidden-{case}")) != 0 {
            return Err(format!("{}: what was hidden came out, told {told:?}", carrier.name));
        }
        // One answer, whether or not the connection goes on.
        match &told[..] {
            [found] | [found, 0] if *found == carrier.status => Ok(()),
            _ => Err(format!("{}: {told:?}", carrier.name)),
        }
    });
}

/// What is behind the request that opens a socket belongs to the socket.
#[test]
fn nothing_behind_an_opening_is_a_request() {
    let _together = together();
    let server = memory().start();
    let token = server.api().token("ada");
    for transport in crate::support::socket::STREAMS {
        let case = 1000 + transport as usize;
        let opening = server.opening(transport, &token).behind(hidden(case).as_bytes());
        let mut socket = opening.open();
        if transport == protocol::socket::Transport::WebSocket {
            // A request as frames: its first byte has reserved bits.
            assert_eq!(socket.closed().0, 1002);
        } else {
            server.api().send("ada", "still there");
            assert_eq!(socket.text(), "still there");
        }
        assert_eq!(stored(server.address, &format!("hidden-{case}")), 0);
    }
}

/// Many requests in one write are as many requests, in their order.
#[test]
fn what_is_pipelined_is_answered_in_order() {
    let _together = together();
    let server: Server = memory().start();
    let key = format!("Bearer {API_KEY}");
    let bytes: Vec<u8> = (0..100)
        .flat_map(|number| {
            let path =
                format!("/v1/channels/line/messages{}", if number % 10 == 9 { "?wrong=1" } else { "" });
            request("POST", &path, &[("Authorization", &key)], number.to_string().as_bytes())
        })
        .collect();
    let told = exchange(server.address, &bytes).told();
    let expected: Vec<u16> = (0..100).map(|number| if number % 10 == 9 { 400 } else { 201 }).collect();
    assert_eq!(told, expected);
    let kept: Vec<String> =
        (0..100).filter(|number| number % 10 != 9).map(|number: i32| number.to_string()).collect();
    assert_eq!(server.api().kept("line"), kept);
}

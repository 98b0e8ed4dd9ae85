//! First lines: methods, targets and versions as nobody writes them.

use super::exchange;
use crate::{alone::together, support::server::memory};

/// First lines that are none: the connection ends, with 400 where anybody could read it.
const NO_REQUESTS: [&str; 26] = [
    "GET /healthz",
    "GET /healthz ",
    "GET",
    "GET /healthz HTTP/0.9",
    "GET /healthz HTTP/1.2",
    "GET /healthz HTTP/1.10",
    "GET /healthz HTTP/1",
    "GET /healthz HTTP/2",
    "GET /healthz HTTP/2.0",
    "GET /healthz HTTP/3.0",
    "GET /healthz http/1.1",
    "GET /healthz HTTPS/1.1",
    "GET /healthz HTTP /1.1",
    "GET /healthz HTTP/1.1 more",
    "GET /heal thz HTTP/1.1",
    "GET\t/healthz\tHTTP/1.1",
    "GET /healthz\0 HTTP/1.1",
    "GET /health\x01z HTTP/1.1",
    "GET /health\x7fz HTTP/1.1",
    "G@T /healthz HTTP/1.1",
    "GE\0T /healthz HTTP/1.1",
    "(GET) /healthz HTTP/1.1",
    " GET /healthz HTTP/1.1",
    ": /healthz HTTP/1.1",
    "GET http:// HTTP/1.1",
    "SSH-2.0-OpenSSH_9.2",
];

/// Good first lines with targets and methods that nothing is behind, or that are more than they seem.
const REQUESTS: [(&str, u16); 26] = [
    ("GET /healthz HTTP/1.1", 200),
    ("GET http://test/healthz HTTP/1.1", 200),
    ("GET http://elsewhere.example/healthz HTTP/1.1", 200),
    ("GET https://elsewhere.example:99/healthz HTTP/1.1", 200),
    ("GET ftp://elsewhere.example/healthz HTTP/1.1", 200),
    ("GET /healthz?HTTP/1.1 HTTP/1.1", 200),
    ("GET //healthz HTTP/1.1", 404),
    ("GET /./healthz HTTP/1.1", 404),
    ("GET /x/../healthz HTTP/1.1", 404),
    ("GET /healthz/ HTTP/1.1", 404),
    ("GET /healthz%00 HTTP/1.1", 404),
    ("GET /%68ealthz%20HTTP/1.1%0d%0aX:%20y HTTP/1.1", 404),
    ("GET /../../../../etc/passwd HTTP/1.1", 404),
    ("GET /v1/channels/%ff HTTP/1.1", 401),
    ("GET /v1/channels/%2e%2e%2fhealthz HTTP/1.1", 401),
    ("GET /v1/channels/../../healthz HTTP/1.1", 401),
    ("GET /v1/socket/../channels HTTP/1.1", 405),
    ("GET * HTTP/1.1", 404),
    ("OPTIONS * HTTP/1.1", 404),
    ("GET test:80 HTTP/1.1", 404),
    ("CONNECT test:80 HTTP/1.1", 404),
    ("CONNECT /healthz HTTP/1.1", 405),
    ("TRACE /healthz HTTP/1.1", 405),
    ("get /healthz HTTP/1.1", 405),
    ("PRI /healthz HTTP/1.1", 405),
    ("A-METHOD-OF-ITS-OWN /healthz HTTP/1.1", 405),
];

#[test]
fn what_is_no_request_ends_the_connection() {
    let _together = together();
    let server = memory().start();
    let mut wrong = Vec::new();
    for line in NO_REQUESTS {
        let told = exchange(server.address, format!("{line}\r\nHost: test\r\n\r\n").as_bytes()).told();
        if told != [400, 0] {
            wrong.push(format!("{line:?}: {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Other protocols: nobody there could read an answer.
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 \x01\x02\x03\r\n\r\n";
    for (bytes, name) in [
        (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], "the preface of HTTP/2"),
        (hello, "a hello of TLS"),
        (b"\0\0\0\0\0\0\0\0\r\n\r\n", "zeros"),
        (b"\xff\xff\xff\xff\r\n\r\n", "all bits"),
    ] {
        let told = exchange(server.address, bytes).told();
        assert!(matches!(&told[..], [0] | [400, 0]), "{name}: {told:?}");
    }
    assert_eq!(server.api().get("/healthz").status, 200);
}

#[test]
fn odd_targets_and_methods_are_one_request() {
    let _together = together();
    let server = memory().start();
    let mut wrong = Vec::new();
    for (line, status) in REQUESTS {
        let told = exchange(server.address, format!("{line}\r\nHost: test\r\n\r\n").as_bytes()).told();
        if !matches!(&told[..], [found] | [found, 0] if *found == status) {
            wrong.push(format!("{line:?}: wanted {status}, told {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// HTTP/1.0 knows no kept connection unless it is asked for, and no chunks.
#[test]
fn the_old_version_is_one_request_too() {
    let _together = together();
    let server = memory().start();
    let twice = |text: &str| exchange(server.address, text.repeat(2).as_bytes()).told();
    assert_eq!(twice("GET /healthz HTTP/1.0\r\n\r\n"), [200, 0]);
    assert_eq!(twice("GET /healthz HTTP/1.0\r\nHost: test\r\n\r\n"), [200, 0]);
    assert_eq!(twice("GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), [400, 0]);
    assert_eq!(twice("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), [200, 200]);
    assert_eq!(twice("GET /healthz HTTP/1.1\r\nConnection: close\r\nHost: test\r\n\r\n"), [200, 0]);
    assert_eq!(twice("GET /healthz HTTP/1.1\r\n\r\n"), [400, 0], "without a host");
    let chunked = "POST /v1/messages HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(twice(chunked), [400, 0]);
}

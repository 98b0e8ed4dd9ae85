//! `dev --app`: what is dubious does not become two requests on its way to the application behind.

use super::{exchange, forms::forms};
use crate::{alone::together, support::server::Setup};
use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What arrived, as the application read it.
#[derive(Clone, Debug, Default)]
struct Arrived {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An application that writes down every request and answers 200.
fn application() -> (SocketAddr, Arc<Mutex<Vec<Arrived>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, arrived) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Arrived>>>::default());
    let kept = Arc::clone(&arrived);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let kept = Arc::clone(&kept);
            thread::spawn(move || serve(stream, &kept));
        }
    });
    (address, arrived)
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<Arrived>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let arrived = read(&mut reader)?;
        kept.lock().unwrap().push(arrived);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").ok()?;
    }
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok().filter(|count| *count > 0)?;
    let text = String::from_utf8_lossy(&line).into_owned();
    Some(text.strip_suffix("\r\n").expect("lines end as they must").to_owned())
}

fn read(reader: &mut impl BufRead) -> Option<Arrived> {
    let mut arrived = Arrived { line: line(reader)?, ..Arrived::default() };
    loop {
        let text = line(reader)?;
        let Some((name, value)) = text.split_once(": ") else { break };
        arrived.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let value =
        |name: &str| arrived.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
    if let Some(length) = value("content-length") {
        arrived.body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut arrived.body).ok()?;
    } else if value("transfer-encoding").is_some() {
        loop {
            let mut chunk = vec![0; usize::from_str_radix(&line(reader)?, 16).unwrap()];
            reader.read_exact(&mut chunk).ok()?;
            line(reader)?;
            if chunk.is_empty() {
                break;
            }
            arrived.body.extend(chunk);
        }
    }
    Some(arrived)
}

impl Arrived {
    fn count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(found, _)| found == name).count()
    }
}

#[test]
fn an_application_behind_gets_one_request_for_one() {
    let _together = together();
    let (app, arrived) = application();
    let server = Setup::new("dev")
        .env("DOWNLINK_DURABILITY", "memory")
        .arg("--app")
        .arg(&format!("http://{app}"))
        .start();
    let forms = forms();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let address = server.address;
    let told: Mutex<Vec<(usize, Vec<u16>)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(form) = forms.get(case) else { return };
                    let hidden = format!(
                        "POST /hidden/{case} HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nsmug!"
                    );
                    let rest =
                        form.rest.replace("HIDDEN", &hidden).replace("SIZE", &hidden.len().to_string());
                    let bytes = format!("POST /outer/{case} HTTP/1.1\r\nHost: test\r\n{rest}");
                    told.lock().unwrap().push((case, exchange(address, bytes.as_bytes()).told()));
                }
            });
        }
    });
    let arrived = arrived.lock().unwrap().clone();
    let mut wrong = Vec::new();
    for (case, told) in told.into_inner().unwrap() {
        let form = &forms[case];
        let of = |kind: &str| -> Vec<&Arrived> {
            let path = format!("POST /{kind}/{case} HTTP/1.1");
            arrived.iter().filter(|request| request.line == path).collect()
        };
        let (outer, hidden) = (of("outer"), of("hidden"));
        // One whose body breaks off may have begun to arrive; it is not whole then, and so not here.
        let good = match form.refused {
            true => matches!(&told[..], [400 | 431 | 501 | 502, 0] | [0]) && outer.is_empty(),
            false => matches!(&told[..], [200] | [200, 0]) && outer.len() == 1,
        };
        let framed = outer.iter().all(|request| {
            request.count("content-length") + request.count("transfer-encoding") <= 1
                && request.count("host") == 1
        });
        if !good || !framed || !hidden.is_empty() {
            wrong.push(format!("{}: told {told:?}, outer {outer:?}, hidden {hidden:?}", form.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), forms.len(), wrong.join("\n"));
    // Nothing arrived that is none of these: no half of a body taken for a line.
    for request in &arrived {
        assert!(request.line.starts_with("POST /outer/"), "{}", request.line);
    }
}

/// What is escaped in a target stays escaped, and headers of the connection stay on it.
#[test]
fn nothing_is_unfolded_on_the_way() {
    let _together = together();
    let (app, arrived) = application();
    let server = Setup::new("dev")
        .env("DOWNLINK_DURABILITY", "memory")
        .arg("--app")
        .arg(&format!("http://{app}"))
        .start();
    let lines = [
        "GET /a%0d%0aX-Smuggled:%20y%0d%0a%0d%0aGET%20/hidden HTTP/1.1",
        "GET /b?%0d%0aHost:%20other HTTP/1.1",
        "GET http://elsewhere.example/c HTTP/1.1",
        "GET /d%20HTTP/1.1%0a HTTP/1.1",
    ];
    for line in lines {
        let bytes =
            format!("{line}\r\nHost: test\r\nConnection: X-Gone, Content-Length\r\nX-Gone: 1\r\n\r\n");
        assert_eq!(exchange(server.address, bytes.as_bytes()).answers[0].status, 200, "{line}");
    }
    let arrived = arrived.lock().unwrap().clone();
    assert_eq!(arrived.len(), lines.len());
    for (request, line) in arrived.iter().zip(lines) {
        assert_eq!(request.line, line.replace("http://elsewhere.example", ""));
        assert_eq!((request.count("host"), request.count("x-gone"), request.count("x-smuggled")), (1, 0, 0));
    }
}

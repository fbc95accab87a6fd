//! The prober against servers that behave, and servers that do not.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use http::{Hop, Jar, Redirects, Request, Stick, StopKind, Version, probe, walk};
use plugin::{Deadline, Reason};

/// A server that reads a request's head and then talks as told.
fn serve(talk: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("its address");
    let talk = std::sync::Arc::new(talk);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let talk = std::sync::Arc::clone(&talk);
            std::thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
                    head.push(byte[0]);
                }
                talk(&String::from_utf8_lossy(&head), &mut stream);
            });
        }
    });
    format!("http://{address}/page?q=1")
}

fn says(bytes: &'static [u8]) -> String {
    serve(move |_, stream| {
        let _gone = stream.write_all(bytes);
    })
}

fn get(url: &str) -> Hop {
    probe(&Request::get(url).expect("a URL"), &Deadline::after(Duration::from_secs(1)))
}

#[test]
fn a_page_with_its_parts() {
    let url = serve(|head, stream| {
        assert!(head.starts_with("GET /page?q=1 HTTP/1.1\r\n"), "{head}");
        let _gone = stream.write_all(b"HTTP/1.1 201 Made It\r\nX-aA: b\r\nContent-Length: 5\r\n\r\nhello");
    });
    let hop = get(&url);
    let response = hop.answer.expect("an answer");
    assert_eq!(response.status_line, "HTTP/1.1 201 Made It");
    assert_eq!((response.header("x-aa"), response.status_text()), (Some("b"), "201 Made It"));
    assert_eq!(response.head, "X-aA: b\nContent-Length: 5");
    assert_eq!(response.text(), "hello");
    assert_eq!(response.received, 57);
    assert!(hop.session.is_none() && response.broken.is_none());
    assert!(hop.phases.total() < Duration::from_secs(1), "{:?}", hop.phases);
}

#[test]
fn http_1_0_asks_so() {
    let url = serve(|head, stream| {
        assert!(head.contains(" HTTP/1.0\r\n"), "{head}");
        let _gone = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nuntil the end");
    });
    let mut request = Request::get(&url).expect("a URL");
    request.version = Version::Http10;
    let response = probe(&request, &Deadline::after(Duration::from_secs(1))).answer.expect("an answer");
    assert_eq!(
        (response.status_line.as_str(), response.text().as_ref()),
        ("HTTP/1.0 200 OK", "until the end")
    );
}

#[test]
fn bad_servers_end_in_time_with_a_reason() {
    let endless_headers = serve(|_, stream| {
        let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X-Filler: 0123456789012345678901234567890123456789\r\n").is_ok() {}
    });
    let drip = serve(|_, stream| {
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n".iter().cycle() {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let silent = serve(|_, _| std::thread::sleep(Duration::from_secs(30)));
    let cases = [
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), Reason::Closed),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nshort"), Reason::Protocol),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello"), Reason::Protocol),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello"),
            Reason::Protocol,
        ),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), Reason::Protocol),
        (says(b""), Reason::Closed),
        (endless_headers, Reason::Protocol),
        (drip, Reason::TimedOut),
        (silent, Reason::TimedOut),
    ];
    for (url, reason) in cases {
        let started = Instant::now();
        let answer = get(&url).answer;
        let failure =
            answer.and_then(|response| response.broken.map_or(Ok(()), Err)).expect_err("a bad server");
        assert_eq!(failure.reason, reason, "{failure}");
        assert!(started.elapsed() < Duration::from_secs(3), "{failure}");
    }
}

#[test]
fn an_endless_body_is_cut_at_the_limit() {
    let url = serve(|_, stream| {
        let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let mut request = Request::get(&url).expect("a URL");
    request.body_limit = 10_000;
    let response = probe(&request, &Deadline::after(Duration::from_secs(2))).answer.expect("an answer");
    assert!(response.truncated);
    assert_eq!(response.body.len(), 10_000);
}

#[test]
fn a_bomb_does_not_go_off() {
    use flate2::{Compression, write::GzEncoder};
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..200 {
        encoder.write_all(&vec![0; 1 << 20]).expect("compressed");
    }
    let bomb = encoder.finish().expect("compressed");
    let url = serve(move |_, stream| {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.len());
        let _gone = stream.write_all(head.as_bytes());
        let _gone = stream.write_all(&bomb);
    });
    let mut request = Request::get(&url).expect("a URL");
    request.compressed = true;
    request.body_limit = 1 << 20;
    let response = probe(&request, &Deadline::after(Duration::from_secs(5))).answer.expect("an answer");
    assert!(response.truncated);
    assert_eq!(response.body.len(), 1 << 20);
}

#[test]
fn redirects_are_hops_and_loops_end() {
    let url = serve(|head, stream| {
        let answer = if head.starts_with("GET /end") {
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        } else if head.starts_with("GET /loop") {
            "HTTP/1.1 302 Found\r\nLocation: /loop?q=1\r\nContent-Length: 0\r\n\r\n"
        } else if head.starts_with("GET /ping") {
            "HTTP/1.1 302 Found\r\nLocation: /pong\r\nContent-Length: 0\r\n\r\n"
        } else if head.starts_with("GET /pong") {
            "HTTP/1.1 302 Found\r\nLocation: /ping\r\nContent-Length: 0\r\n\r\n"
        } else if head.starts_with("GET /nowhere") {
            "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"
        } else if head.starts_with("GET /mail") {
            "HTTP/1.1 302 Found\r\nLocation: mailto:a@b\r\nContent-Length: 0\r\n\r\n"
        } else {
            "HTTP/1.1 301 Moved\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n"
        };
        let _gone = stream.write_all(answer.as_bytes());
    });
    let deadline = Deadline::after(Duration::from_secs(5));
    let follow = Redirects { most: 5, stick: Stick::Nothing, keep_method: false };
    let go =
        |url: &str| walk(&Request::get(url).expect("a URL"), Some(&follow), &mut Jar::default(), &deadline);
    let done = go(&url);
    let statuses: Vec<u16> =
        done.hops.iter().flat_map(|hop| &hop.answer).map(|answer| answer.status).collect();
    assert_eq!(statuses, [301, 200]);
    assert!(done.hops[1].url.ends_with("/end") && done.stop.is_none());
    let stopped =
        |path: &str| go(&url.replace("/page", path)).stop.map(|stop| (stop.kind, stop.failure.reason));
    assert_eq!(stopped("/loop"), Some((StopKind::Loop, Reason::Status)));
    assert_eq!(stopped("/ping"), Some((StopKind::TooMany, Reason::Status)));
    assert_eq!(stopped("/nowhere"), Some((StopKind::NoTarget, Reason::Content)));
    assert_eq!(stopped("/mail"), Some((StopKind::BadTarget, Reason::Content)));
    let once = walk(&Request::get(&url).expect("a URL"), None, &mut Jar::default(), &deadline);
    assert!(once.hops.len() == 1 && once.stop.is_none());
}

#[test]
fn what_is_private_stays_with_the_first_server() {
    let other = serve(|head, stream| {
        let told = head.contains("X-Open: 1")
            && !head.contains("X-Key")
            && !head.to_lowercase().contains("authorization");
        let status = if told && head.starts_with("GET /there ") { 200 } else { 500 };
        let _gone = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
    });
    let there = other.replace("/page?q=1", "/there");
    let url = serve(move |head, stream| {
        let to = if head.starts_with("POST /page") { "/again".to_owned() } else { there.clone() };
        let back =
            head.starts_with("GET /again") && !(head.contains("Cookie: a=1") && head.contains("X-Key: 2"));
        let to = if back { "/page".to_owned() } else { to };
        let _gone = write!(
            stream,
            "HTTP/1.1 302 X\r\nSet-Cookie: a=1\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
        );
    });
    let mut request = Request::get(&url).expect("a URL");
    "POST".clone_into(&mut request.method);
    request.body = "x".into();
    request.headers.push(http::Header::new("Authorization", "Basic x"));
    request.headers.push(http::Header { private: true, ..http::Header::new("X-Key", "2") });
    request.headers.push(http::Header::new("X-Open", "1"));
    let follow = Redirects { most: 5, stick: Stick::SameHost, keep_method: false };
    let done = walk(&request, Some(&follow), &mut Jar::default(), &Deadline::after(Duration::from_secs(5)));
    let statuses: Vec<u16> =
        done.hops.iter().flat_map(|hop| &hop.answer).map(|answer| answer.status).collect();
    assert_eq!(statuses, [302, 302, 200], "{done:?}");
}

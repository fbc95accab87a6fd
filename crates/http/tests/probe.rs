//! The prober against servers that behave, and servers that do not.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use http::{Request, Stick, Version, follow, probe};
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

fn get(url: &str) -> plugin::Result<http::Response> {
    probe(&Request::get(url)?, &Deadline::after(Duration::from_secs(1)))
}

#[test]
fn a_page_with_its_parts() {
    let url = serve(|head, stream| {
        assert!(head.starts_with("GET /page?q=1 HTTP/1.1\r\n"), "{head}");
        let _gone = stream.write_all(b"HTTP/1.1 201 Made It\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello");
    });
    let response = get(&url).expect("an answer");
    assert_eq!(response.status_line(), "HTTP/1.1 201 Made It");
    assert_eq!(response.header("x-a"), Some("b"));
    assert_eq!(response.text(), "hello");
    assert_eq!(response.received, 56);
    assert!(response.session.is_none());
}

#[test]
fn http_1_0_asks_so() {
    let url = serve(|head, stream| {
        assert!(head.contains(" HTTP/1.0\r\n"), "{head}");
        let _gone = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nuntil the end");
    });
    let mut request = Request::get(&url).expect("a URL");
    request.version = Version::Http10;
    let response = probe(&request, &Deadline::after(Duration::from_secs(1))).expect("an answer");
    assert_eq!((response.version, response.text().as_ref()), ("HTTP/1.0", "until the end"));
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
        let failure = get(&url).expect_err("a bad server");
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
    let response = probe(&request, &Deadline::after(Duration::from_secs(2))).expect("an answer");
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
    let response = probe(&request, &Deadline::after(Duration::from_secs(5))).expect("an answer");
    assert!(response.truncated);
    assert_eq!(response.body.len(), 1 << 20);
}

#[test]
fn redirects_are_hops_and_loops_end() {
    let url = serve(|head, stream| {
        let answer = if head.starts_with("GET /end") {
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        } else if head.starts_with("GET /loop") {
            "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"
        } else {
            "HTTP/1.1 301 Moved\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n"
        };
        let _gone = stream.write_all(answer.as_bytes());
    });
    let deadline = Deadline::after(Duration::from_secs(5));
    let hops = follow(&Request::get(&url).expect("a URL"), 5, Stick::Nothing, &deadline).expect("an end");
    let statuses: Vec<u16> = hops.iter().map(|hop| hop.response.status).collect();
    assert_eq!(statuses, [301, 200]);
    assert!(hops[1].url.ends_with("/end"));
    let looping = Request::get(&url.replace("/page", "/loop")).expect("a URL");
    let failure = follow(&looping, 5, Stick::Nothing, &deadline).expect_err("a loop");
    assert_eq!(failure.reason, Reason::Status, "{failure}");
}

#[test]
fn a_login_in_a_url_is_refused_and_not_shown() {
    let failure = Request::get("http://me:hunter2@127.0.0.1/").expect_err("a login");
    assert_eq!(failure.reason, Reason::Usage);
    assert!(!failure.message.contains("hunter2"), "{failure}");
}

//! The API client against nginx: what it gives, what it refuses, and that it trusts whom it is told to.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http::{Api, Call};
use plugin::{Deadline, Reason, Secret};
use testkit::pki::{Identity, Wish};
use testkit::{Peer, Server, free_port, nginx, nginx_with};
use tls::{TlsOptions, Verify, Version};

fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

fn reason(api: &Api, url: &str) -> Reason {
    api.get(url, &deadline()).expect_err("it has to fail").reason
}

#[test]
fn a_body_or_the_reason_why_there_is_none() {
    let server = nginx(
        "location /ok { return 200 '{\"a\":1}'; } location /closed { return 401; } location /broken { return 500; }
         location /secret { if ($http_authorization != 'Bearer of-the-api-test') { return 403; } return 200 'in'; }",
    );
    let url = |path: &str| format!("http://{}{path}", server.address());
    let api = Api::new(&TlsOptions::default(), None).expect("a client");
    assert_eq!(api.get(&url("/ok"), &deadline()).as_deref(), Ok(&b"{\"a\":1}"[..]));
    assert_eq!(reason(&api, &url("/closed")), Reason::Auth);
    assert_eq!(reason(&api, &url("/secret")), Reason::Auth);
    assert_eq!(reason(&api, &url("/broken")), Reason::Status);
    assert_eq!(reason(&api, &format!("http://me:it@{}/ok", server.address())), Reason::Usage);
    assert_eq!(reason(&api, &format!("http://127.0.0.1:{}/", free_port())), Reason::Refused);

    let known =
        Api::new(&TlsOptions::default(), Some(Secret::new("Bearer of-the-api-test"))).expect("a client");
    assert_eq!(known.get(&url("/secret"), &deadline()).as_deref(), Ok(&b"in"[..]));
}

#[test]
fn a_call_has_headers_both_ways_and_a_body() {
    let server = nginx(
        "location /in { if ($request_method != 'POST') { return 405; } if ($http_x_http_method_override != 'GET') { return 400; }
           add_header Sensu-Continue next; return 200 '$content_type $content_length'; }
         location /moved { return 302 /in; }",
    );
    let url = format!("http://{}/in", server.address());
    let api = Api::new(&TlsOptions::default(), None).expect("a client");
    let headers = [("X-HTTP-Method-Override", "GET")];
    let call = Call { url: &url, headers: &headers, post: Some(b"{}") };
    let reply = api.call(&call, &deadline()).expect("an answer");
    assert_eq!(reply.body, b"application/json 2");
    assert_eq!((reply.header("sensu-continue"), reply.header("none")), (Some("next"), None));
    let got = api.call(&Call { post: None, ..call }, &deadline()).expect_err("a GET");
    assert_eq!(got.reason, Reason::Status);

    let strict = Api::without_redirects(&TlsOptions::default(), None).expect("a client");
    let moved = format!("http://{}/moved", server.address());
    let failure = strict.get(&moved, &deadline()).expect_err("a redirect");
    assert_eq!(failure.message, format!("GET {moved}: 302 Found"));
}

#[test]
fn a_silent_service_ends_at_the_deadline() {
    let peer = Peer::silent();
    let api = Api::new(&TlsOptions::default(), None).expect("a client");
    let started = Instant::now();
    let url = format!("http://{}/", peer.address());
    let failure = api.get(&url, &Deadline::after(Duration::from_secs(1))).expect_err("silence");
    assert_eq!(failure.reason, Reason::TimedOut, "{failure}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// nginx over TLS 1.2, with a certificate for `localhost` below a root of its own.
fn over_tls(root: &Identity) -> (Server, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let identity = root.issue(&Wish::names(&["localhost"]));
    let (cert, key) = identity.write(folder.path(), "server", true);
    let (ca, _) = root.write(folder.path(), "root", false);
    let port = free_port();
    let server = nginx_with(
        folder,
        port,
        &format!(
            "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.2;
             location / {{ return 200 'hello'; }} }}",
            cert.display(),
            key.display()
        ),
    );
    (server, ca)
}

fn hashed(folder: &Path, ca: &Path) {
    std::fs::copy(ca, folder.join("root.pem")).expect("copy the root");
    let done = std::process::Command::new("openssl").arg("rehash").arg(folder).status();
    assert!(done.expect("start openssl").success());
}

#[test]
fn it_trusts_whom_it_is_told_to() {
    let (server, ca) = over_tls(&Identity::root("Test Root"));
    let by_name = format!("https://localhost:{}/", server.port());
    let by_address = format!("https://127.0.0.1:{}/", server.port());
    let folder = tempfile::tempdir().expect("a folder");
    hashed(folder.path(), &ca);
    let file = TlsOptions { ca_file: Some(ca), ..TlsOptions::default() };
    let dir = TlsOptions { ca_dir: Some(folder.path().to_owned()), ..TlsOptions::default() };
    let client = |options: &TlsOptions| Api::new(options, None).expect("a client");
    for options in [&file, &dir] {
        assert_eq!(client(options).get(&by_name, &deadline()).as_deref(), Ok(&b"hello"[..]));
    }
    assert_eq!(reason(&client(&TlsOptions::default()), &by_name), Reason::TlsUntrusted);
    assert_eq!(reason(&client(&file), &by_address), Reason::TlsUntrusted);
    for verify in [Verify::Chain, Verify::Nothing] {
        let options = TlsOptions { verify, ..file.clone() };
        assert_eq!(client(&options).get(&by_address, &deadline()).as_deref(), Ok(&b"hello"[..]));
    }
    let newer = TlsOptions { min_version: Some(Version::Tls13), ..file };
    assert!(client(&newer).get(&by_name, &deadline()).is_err(), "the server speaks TLS 1.2 only");
}

#[test]
fn what_it_cannot_do_is_refused() {
    let refused =
        |options: &TlsOptions| Api::new(options, None).map(|_| ()).map_err(|failure| failure.reason);
    let name = TlsOptions { server_name: Some("other.example".into()), ..TlsOptions::default() };
    let legacy = TlsOptions { legacy: true, ..TlsOptions::default() };
    let gone = TlsOptions { ca_file: Some("/nowhere/ca.pem".into()), ..TlsOptions::default() };
    let empty = tempfile::tempdir().expect("a folder");
    let empty = TlsOptions { ca_dir: Some(empty.path().to_owned()), ..TlsOptions::default() };
    for options in [&name, &legacy, &gone, &empty] {
        assert_eq!(refused(options), Err(Reason::Usage), "{options:?}");
    }
}

//! check-http against real servers, and against peers that misbehave: each ends in time, with its state and its reason.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testkit::pki::{Identity, Wish};
use testkit::{Peer, Ran, Run, Server, alias, free_port, nginx, nginx_with, perfdata, plugin, tinyproxy};

fn check(args: &[&str]) -> Ran {
    Run::new(plugin("check-http")).args(args).go()
}

/// A word that a shell would split is one argument: lines of tests hold none.
fn line(text: &str) -> Ran {
    check(&text.split(' ').collect::<Vec<_>>())
}

/// Exit code and reason of a first line that names `target`.
fn ends(ran: &Ran, code: i32, reason: &str, target: &str) {
    let shown = format!("{} {}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(code), "{shown}");
    assert!(ran.stderr.is_empty(), "{shown}");
    let text = ran.first_line().split(" | ").next().unwrap_or_default();
    assert!(text.len() <= 100 && text.contains(target), "{shown}");
    if reason.is_empty() {
        assert!(text.starts_with("HTTP OK - ") && !text.ends_with(']'), "{shown}");
    } else {
        assert!(text.ends_with(&format!("[{reason}]")), "{shown}");
    }
}

/// TLS servers whose certificates are right and wrong in every way, each on its port.
struct Tls {
    _server: Server,
    folder: tempfile::TempDir,
    ports: Vec<(&'static str, u16)>,
}

impl Tls {
    fn start() -> Tls {
        let folder = tempfile::tempdir().expect("make a folder");
        let root = Identity::root("Root");
        let between = root.intermediate("Intermediate");
        let (other, bundled) = (Identity::root("Other root"), Identity::root("Bundled root"));
        let name = ["www.example.test", "127.0.0.1"];
        let wish = Wish::names(&name);
        let servers = [
            ("good", between.issue(&wish), true, "ssl http2", "ssl_protocols TLSv1.2 TLSv1.3;"),
            ("ending", between.issue(&wish.clone().days(-80, 10)), true, "ssl", ""),
            ("expired", between.issue(&wish.clone().days(-90, -3)), true, "ssl", ""),
            ("early", between.issue(&wish.clone().days(3, 90)), true, "ssl", ""),
            ("wrong_name", between.issue(&Wish::names(&["other.example.test"])), true, "ssl", ""),
            ("unknown", other.issue(&wish), true, "ssl", ""),
            ("self_signed", Identity::self_signed(&wish), true, "ssl", ""),
            ("incomplete", between.issue(&wish), false, "ssl", ""),
            ("bundled", bundled.issue(&wish), true, "ssl", ""),
            ("client", between.issue(&wish), true, "ssl", "ssl_verify_client on;"),
            ("old", between.issue(&wish), true, "ssl", "ssl_protocols TLSv1.2;"),
        ];
        let write = |name: &str, pem: &[u8]| std::fs::write(folder.path().join(name), pem).expect("write");
        write("root.pem", &root.cert.to_pem().expect("PEM"));
        write("bundle.pem", &bundled.cert.to_pem().expect("PEM"));
        std::fs::create_dir(folder.path().join("hashed")).expect("make a folder");
        write("hashed/root.pem", &root.cert.to_pem().expect("PEM"));
        let rehashed = Command::new("openssl").arg("rehash").arg(folder.path().join("hashed")).status();
        assert!(rehashed.expect("start openssl").success());
        root.issue(&Wish::names(&["me"])).write(folder.path(), "me", true);
        let ports: Vec<(&str, u16)> = servers.iter().map(|(name, ..)| (*name, free_port())).collect();
        let mut text = String::new();
        for ((name, identity, with_chain, listen, more), (_, port)) in servers.iter().zip(&ports) {
            let (cert, key) = identity.write(folder.path(), name, *with_chain);
            let (cert, key, dir) = (cert.display(), key.display(), folder.path().display());
            let ending = ports[1].1;
            let server = format!(
                "server {{ listen 127.0.0.1:{port} {listen}; ssl_certificate {cert}; ssl_certificate_key {key};
                 ssl_client_certificate {dir}/root.pem; {more}
                 location / {{ return 200 'hello world'; }}
                 location /version {{ return 200 $server_protocol; }}
                 location /sni {{ return 200 '<$ssl_server_name> <$http_host>'; }}
                 location /hop {{ return 302 https://127.0.0.1:{ending}/; }} }}\n"
            );
            text += &server;
        }
        let server = nginx_with(tempfile::tempdir().expect("make a folder"), ports[0].1, &text);
        Tls { _server: server, folder, ports }
    }

    fn port(&self, name: &str) -> u16 {
        self.ports
            .iter()
            .find(|(of, _)| *of == name)
            .map_or_else(|| panic!("no server {name}"), |(_, port)| *port)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Asks a server by its name, with the roots of the test for the system's.
    fn ask(&self, name: &str, path: &str, more: &[&str]) -> Ran {
        let url = format!("https://www.example.test:{}{path}", self.port(name));
        self.run(&[&["--url", &url, "--resolve", "127.0.0.1"], more].concat())
    }

    fn run(&self, args: &[&str]) -> Ran {
        Run::new(plugin("check-http"))
            .args(args)
            .env("SSL_CERT_DIR", self.path("hashed"))
            .env("SSL_CERT_FILE", self.path("bundle.pem"))
            .go()
    }
}

#[test]
fn certificates_hold_or_have_a_reason() {
    let tls = Tls::start();
    for (name, code, reason) in [
        ("good", 0, ""),
        ("expired", 2, "tls-expired"),
        ("early", 2, "tls-not-yet-valid"),
        ("wrong_name", 2, "tls-name"),
        ("unknown", 2, "tls-untrusted"),
        ("self_signed", 2, "tls-self-signed"),
        ("incomplete", 2, "tls-untrusted"),
        // The root stands in the bundle only, not in the hashed folder.
        ("bundled", 0, ""),
    ] {
        ends(&tls.ask(name, "/", &[]), code, reason, &format!("www.example.test:{}", tls.port(name)));
        let ran = tls.ask(name, "/", &["--insecure", "-s", "hello"]);
        ends(&ran, 0, "", "www.example.test");
    }
    let root = tls.path("root.pem").display().to_string();
    ends(&tls.ask("good", "/", &["--ca-file", &root]), 0, "", "www.example.test");
    ends(&tls.ask("bundled", "/", &["--ca-cert", &root]), 2, "tls-untrusted", "www.example.test");
    // Neither folder nor bundle knows the root.
    let url = format!("https://127.0.0.1:{}/", tls.port("good"));
    let ran = Run::new(plugin("check-http"))
        .args([&url])
        .env("SSL_CERT_DIR", "/nowhere")
        .env("SSL_CERT_FILE", "")
        .go();
    ends(&ran, 2, "tls-untrusted", "127.0.0.1:");
    // By address: the certificate names it.
    ends(&tls.run(&["-I", "127.0.0.1", "-p", &tls.port("good").to_string(), "-S"]), 0, "", "127.0.0.1");
}

#[test]
fn certificate_and_content_are_judged_together() {
    let tls = Tls::start();
    let ran = tls.ask("good", "/", &["-C", "30,14", "-s", "hello"]);
    ends(&ran, 0, "", "www.example.test");
    assert!(ran.first_line().contains(" ms, certificate "), "{}", ran.stdout);
    assert!(perfdata(&ran.stdout).iter().any(|(label, days, _)| label == "certificate_days" && *days > 80.0));
    ends(&tls.ask("ending", "/", &["-C", "30,5"]), 1, "threshold", "d left, not 30");
    ends(&tls.ask("ending", "/", &["-C", "30,14"]), 2, "threshold", "d left, not 14");
    let both = tls.ask("ending", "/", &["-C", "30,5", "-s", "nope"]);
    ends(&both, 2, "content", "\"nope\" is not in the body");
    assert!(both.stdout.contains("WARNING: certificate of "), "{}", both.stdout);
    ends(&tls.ask("expired", "/", &["-C", "30", "--insecure"]), 2, "tls-expired", " expired ");
    // The certificate of every hop counts, and is verified.
    let hop = tls.ask("good", "/hop", &["-f", "follow", "-C", "30,5"]);
    ends(&hop, 1, "threshold", &format!("certificate of 127.0.0.1:{}", tls.port("ending")));
    let ran = tls.ask("good", "/hop", &["-f", "follow", "--output-format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let hops = json["facts"]["hops"].as_array().expect("hops");
    assert_eq!(hops.len(), 2, "{json}");
    for hop in hops {
        assert_eq!(hop["tls"]["trusted"], true, "{json}");
        assert_eq!(hop["tls"]["chain"][0]["names"][0], "www.example.test", "{json}");
    }
    // As check_http nothing but the certificate is looked at, and nobody has to trust it.
    let port = tls.port("unknown").to_string();
    let c = alias("check-http", "check_http");
    let ran = Run::new(c.path()).args(["-H", "127.0.0.1", "-p", &port, "-C", "30", "-s", "nope"]).go();
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
}

#[test]
fn versions_names_and_client_certificates() {
    let tls = Tls::start();
    ends(&tls.ask("good", "/version", &["-s", "HTTP/1.1"]), 0, "", "/version answered 200 OK");
    ends(
        &tls.ask("good", "/version", &["--http-version", "2", "-s", "HTTP/2.0"]),
        0,
        "",
        "/version answered 200",
    );
    ends(&tls.ask("good", "/version", &["--http-version", "1.0", "-s", "HTTP/1.0"]), 0, "", "200 OK");
    ends(&tls.ask("old", "/version", &["--http-version", "2"]), 2, "protocol", "does not speak HTTP/2");
    ends(&tls.ask("good", "/", &["-S=1.3"]), 0, "", "200 OK");
    ends(&tls.ask("old", "/", &["-S1.3"]), 2, "tls-handshake", "www.example.test");
    ends(&tls.ask("old", "/", &["--tls-max", "1.2", "--tls-min", "1.2"]), 0, "", "200 OK");
    let both = "<www.example.test> <www.example.test:";
    ends(&tls.ask("good", "/sni", &["-s", both]), 0, "", "200 OK");
    ends(&tls.ask("good", "/sni", &["--no-sni", "-s", "<> <www"]), 0, "", "200 OK");
    let other = tls.ask(
        "wrong_name",
        "/sni",
        &["-H", "other.example.test", "-s", "<other.example.test> <other.example.test>"],
    );
    ends(&other, 0, "", "200 OK");
    let (cert, key) = (tls.path("me.crt").display().to_string(), tls.path("me.key").display().to_string());
    ends(&tls.ask("client", "/", &["--tls-cert", &cert, "--tls-key", &key]), 0, "", "200 OK");
    ends(&tls.ask("client", "/", &["-J", &cert, "-K", &key]), 0, "", "200 OK");
    ends(&tls.ask("client", "/", &[]), 2, "status", "answered 400");
    ends(&tls.ask("client", "/", &["-J", "/nowhere", "-K", &key]), 3, "usage", "/nowhere");
}

#[test]
fn a_plain_request_initialises_no_tls() {
    let tls = Tls::start();
    let plain = nginx("location / { return 200 'hello'; }");
    // OpenSSL reads its configuration when it is initialised.
    let reads_config = |args: &[&str]| {
        let log = tls.path("trace");
        let traced = Run::new("/usr/bin/strace")
            .args(["-f", "-e", "trace=openat", "-o"])
            .arg_path(&log)
            .arg_path(&plugin("check-http"))
            .args(args)
            .env("SSL_CERT_DIR", tls.path("hashed"))
            .env("SSL_CERT_FILE", tls.path("bundle.pem"))
            .env("OPENSSL_CONF", tls.path("openssl-config"))
            .go();
        assert_eq!(traced.code, Some(0), "{} {}", traced.stdout, traced.stderr);
        std::fs::read_to_string(&log).expect("read the trace").contains("openssl-config")
    };
    let https = format!("https://127.0.0.1:{}/", tls.port("good"));
    assert!(!reads_config(&[&format!("http://127.0.0.1:{}/", plain.port())]));
    assert!(reads_config(&[&https]));
}

trait ArgPath {
    fn arg_path(self, path: &Path) -> Self;
}

impl ArgPath for Run {
    fn arg_path(self, path: &Path) -> Run {
        self.args([path])
    }
}

#[test]
fn proxies() {
    let tls = Tls::start();
    let web = nginx("location / { return 200 'seen <$http_via> $http_host'; }");
    let (open, closed) = (tinyproxy(""), tinyproxy("BasicAuth me hunter2hunter2"));
    let (http, https) =
        (format!("http://127.0.0.1:{}/", web.port()), format!("https://127.0.0.1:{}/", tls.port("good")));
    let proxy = |server: &Server| format!("http://127.0.0.1:{}", server.port());
    let through = proxy(&open);
    ends(&check(&["--url", &http, "--proxy", &through, "-s", "tinyproxy"]), 0, "", &http);
    ends(&check(&["--url", &http, "-s", "<>"]), 0, "", &http);
    ends(&tls.run(&["--url", &https, "--proxy", &through, "-s", "hello"]), 0, "", &https);
    ends(
        &check(&["--url", &http, "--proxy", &through, "--no-proxy", "127.0.0.0/8", "-s", "<>"]),
        0,
        "",
        &http,
    );
    ends(
        &check(&["--url", &http, "--proxy", &format!("127.0.0.1:{}", free_port())]),
        2,
        "refused",
        "127.0.0.1:",
    );
    // CONNECT to where nobody listens.
    let nobody = format!("https://127.0.0.1:{}/", free_port());
    ends(&tls.run(&["--url", &nobody, "--proxy", &through]), 2, "status", "CONNECT 127.0.0.1:");
    // Logins.
    let locked = proxy(&closed);
    ends(&check(&["--url", &http, "--proxy", &locked]), 2, "auth", "407");
    ends(&tls.run(&["--url", &https, "--proxy", &locked]), 2, "auth", "CONNECT 127.0.0.1:");
    let file = tls.path("proxy-login");
    std::fs::write(&file, "me:hunter2hunter2\n").expect("write");
    let file = file.display().to_string();
    let whole = format!("http://me:hunter2hunter2@127.0.0.1:{}", closed.port());
    for login in [
        &["--proxy", &locked, "-b", "me:hunter2hunter2"][..],
        &["--proxy", &locked, "--proxy-authorization-file", &file],
        &["--proxy", &whole],
    ] {
        for url in [&http, &https] {
            let ran = tls.run(&[&["--url", url, "-v", "--output-format", "json"], login].concat());
            assert_eq!(ran.code, Some(0), "{}", ran.stdout);
            assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);
        }
    }
    // The environment is asked on demand only; as check_curl always.
    let env = |program: &Path, more: &[&str], no_proxy: &str| {
        let run = Run::new(program).args(["-H", "127.0.0.1", "-p", &web.port().to_string()]).args(more);
        run.env("http_proxy", &through).env("no_proxy", no_proxy).go().code
    };
    let own = plugin("check-http");
    assert_eq!(env(&own, &["-s", "<>"], ""), Some(0));
    assert_eq!(env(&own, &["--proxy", "env", "-s", "tinyproxy"], ""), Some(0));
    assert_eq!(env(&own, &["--proxy", "env", "-s", "<>"], "127.0.0.1"), Some(0));
    let (http_alias, curl) = (alias("check-http", "check_http"), alias("check-http", "check_curl"));
    assert_eq!(env(http_alias.path(), &["-s", "<>"], ""), Some(0));
    assert_eq!(env(curl.path(), &["-s", "tinyproxy"], ""), Some(0));
    // The way of the C plugin: the host given is the proxy.
    let (port, target) = (open.port().to_string(), format!("127.0.0.1:{}", tls.port("good")));
    let ran = Run::new(http_alias.path())
        .args([
            "-I",
            "127.0.0.1",
            "-p",
            &port,
            "-H",
            &target,
            "-S",
            "-j",
            "CONNECT",
            "-u",
            "/",
            "-s",
            "hello",
        ])
        .go();
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
}

#[test]
fn load_balancers_and_sockets() {
    let folder = tempfile::tempdir().expect("make a folder");
    let (plain, behind, socket) = (free_port(), free_port(), folder.path().join("web.sock"));
    let server = nginx_with(
        tempfile::tempdir().expect("make a folder"),
        plain,
        &format!(
            "server {{ listen 127.0.0.1:{plain}; listen unix:{}; location / {{ return 200 'hello <$http_host>'; }} }}
             server {{ listen 127.0.0.1:{behind} proxy_protocol; location / {{ return 200 'from $proxy_protocol_addr'; }} }}",
            socket.display()
        ),
    );
    assert_eq!(server.port(), plain);
    let behind = format!("http://127.0.0.1:{behind}/");
    for version in ["v1", "v2"] {
        ends(&check(&[&behind, "--proxy-protocol", version, "-s", "from 127.0.0.1"]), 0, "", &behind);
    }
    ends(&check(&[&behind, "--haproxy-protocol"]), 0, "", &behind);
    assert_eq!(check(&[&behind]).code, Some(2));
    let socket = socket.display().to_string();
    ends(&check(&["--unix-socket", &socket, "-u", "/x", "-s", "<localhost>"]), 0, "", "http://localhost/x");
    ends(
        &check(&["--unix-socket", &socket, "--url", "http://a.example/", "-s", "<a.example>"]),
        0,
        "",
        "a.example",
    );
    ends(&check(&["--unix-socket", "/nowhere", "-u", "/x"]), 2, "missing", "/nowhere");
    let connect = format!("127.0.0.1:{plain}");
    ends(
        &check(&["http://a.example:99/", "--connect-to", &connect, "-s", "<a.example:99>"]),
        0,
        "",
        "a.example",
    );
    ends(&check(&["http://a.example/", "-I", "127.0.0.1", "-t", "1"]), 2, "refused", "127.0.0.1");
}

fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Answers every request with these bytes, then keeps the connection open.
fn answers(bytes: impl Into<Vec<u8>>) -> Peer {
    let bytes = bytes.into();
    Peer::new(move |mut stream, over| {
        head(&mut stream);
        if stream.write_all(&bytes).is_ok() {
            wait(over);
        }
    })
}

/// The same, then `more` again and again.
fn goes_on(start: &'static str, more: &'static [u8], pause: Duration) -> Peer {
    let block = if pause.is_zero() { more.repeat(256) } else { more.to_vec() };
    Peer::new(move |mut stream, over| {
        head(&mut stream);
        let mut going = stream.write_all(start.as_bytes()).is_ok();
        while going && !over.load(Ordering::SeqCst) {
            going = stream.write_all(&block).is_ok();
            std::thread::sleep(pause);
        }
    })
}

fn wait(over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn bomb() -> Vec<u8> {
    // gzip of 64 MiB of zeros, made by the program.
    let made =
        Command::new("sh").args(["-c", "head -c 67108864 /dev/zero | gzip -9"]).output().expect("start gzip");
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", made.stdout.len());
    [head.into_bytes(), made.stdout].concat()
}

#[test]
fn peers_that_misbehave_end_in_time_and_in_little_memory() {
    const OK: &str = "HTTP/1.1 200 OK\r\n\r\n";
    let ms = Duration::from_millis;
    let chunked =
        |chunks: &str| answers(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"));
    let redirects = "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n";
    let deep = format!("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n{}", "[".repeat(2_000_000));
    let wide = format!("HTTP/1.1 200 OK\r\nContent-Length: 4000001\r\n\r\n[{}", "0,".repeat(2_000_000));
    let cases: Vec<(Peer, &[&str], &str)> = vec![
        (Peer::silent(), &[], "timed-out"),
        (Peer::black_hole(), &[], "timed-out"),
        (Peer::closes(), &[], "closed"),
        (Peer::drips("HTTP/1.1 200 OK\r\nX: y\r\n", ms(50)), &[], "timed-out"),
        (goes_on("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x", ms(50)), &[], "timed-out"),
        (goes_on(OK, b"x", ms(0)), &[], "content"),
        (goes_on(OK, b"\xff\xfe", ms(0)), &["-r", "nope"], "content"),
        (goes_on("HTTP/1.1 200 OK\r\n", b"X-Filler: 0123456789\r\n", ms(0)), &[], "protocol"),
        (goes_on("HTTP/1.1 200 OK\r\nX-Long: ", b"0123456789", ms(0)), &[], "protocol"),
        (goes_on("HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", ms(0)), &[], "timed-out"),
        (answers("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), &[], "timed-out"),
        (answers("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nshort"), &[], "protocol"),
        (answers("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nshort"), &[], "protocol"),
        (answers("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nshort"), &[], "protocol"),
        (chunked("-5\r\nhello\r\n"), &[], "protocol"),
        (chunked("ffffffffffffffffff\r\nhello\r\n"), &[], "protocol"),
        (chunked("7fffffffffffffff\r\nhello\r\n"), &[], "timed-out"),
        (chunked("zz\r\n"), &[], "protocol"),
        (answers(redirects), &["-f", "follow"], "status"),
        (answers(bomb()), &["--compressed"], "content"),
        (
            answers("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
            &["--compressed"],
            "protocol",
        ),
        (Peer::garbage(), &[], "protocol"),
        (Peer::garbage(), &["-S"], "tls-handshake"),
        (Peer::says("220 mail ESMTP\r\n"), &["-S"], "tls-handshake"),
        (Peer::silent(), &["-S"], "timed-out"),
        (Peer::endless("\x16\x03\x01\x02"), &["-S"], "tls-handshake"),
        (Peer::says("220 mail ESMTP\r\n"), &[], "protocol"),
        (Peer::silent(), &["--proxy", "{self}"], "timed-out"),
        (Peer::endless("HTTP/1.1 200 OK\r\nX: "), &["-S", "--proxy", "{self}"], "protocol"),
        (answers(deep), &["--json-path", "$[0][0]"], "content"),
        (answers(wide), &["--json-path", "$[-1]", "-t", "9"], "content"),
    ];
    let folder = tempfile::tempdir().expect("make a folder");
    for (n, (peer, args, reason)) in cases.iter().enumerate() {
        let (port, this) = (peer.port().to_string(), peer.address().to_string());
        let memory = folder.path().join(n.to_string());
        let ran = Run::new("/usr/bin/time")
            .args(["-q", "-f", "%M", "-o"])
            .arg_path(&memory)
            .arg_path(&plugin("check-http"))
            .args(["-H", "127.0.0.1", "-p", &port, "-t", "2"])
            .args(args.iter().map(|word| word.replace("{self}", &this)))
            .go();
        let shown = format!("case {n} {args:?} {reason}: {} {}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, Some(2), "{shown}");
        let text = ran.first_line().split(" | ").next().unwrap_or_default();
        assert!(text.ends_with(']') && text.contains(&format!("[{reason}")), "{shown}");
        assert!(text.contains("127.0.0.1"), "it does not name the target: {shown}");
        assert!(ran.took < Duration::from_secs(12), "{:?} {shown}", ran.took);
        let peak: u64 =
            std::fs::read_to_string(&memory).expect("the memory").trim().parse().expect("kilobytes");
        assert!(peak < 32 * 1024, "{peak} KiB: {shown}");
    }
}

#[test]
fn what_they_say_does_no_harm() {
    let odd = "HTTP/1.1 500 \u{1b}[31mred|a=1\u{202e}\u{7}\r\nX-\u{1b}[1m: a|b=2\r\nContent-Length: 9\r\n\r\n\u{1b}]0;x|y=1\n";
    for args in [&[][..], &["-v", "-B"], &["-s", "nope", "-vv", "-L"]] {
        let peer = answers(odd);
        let ran = check(&[&["-H", "127.0.0.1", "-p", &peer.port().to_string()], args].concat());
        assert_eq!(ran.code, Some(2), "{}", ran.stdout);
        assert!(ran.stdout.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", ran.stdout);
        assert!(!ran.stdout.contains('\u{202e}') && ran.stdout.matches('|').count() <= 1, "{:?}", ran.stdout);
    }
}

#[test]
fn secrets_are_shown_nowhere() {
    // The server says everything back that it was told.
    let peer = Peer::new(|mut stream, _| {
        let head = head(&mut stream);
        let said = head.replace("\r\n", " ");
        let answer =
            format!("HTTP/1.1 200 {said}\r\nX-Echo: {said}\r\nContent-Length: {}\r\n\r\n{head}", head.len());
        // Who asked may be gone.
        let _gone = stream.write_all(answer.as_bytes());
    });
    let folder = tempfile::tempdir().expect("make a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("write");
        path.display().to_string()
    };
    let (password, headers) =
        (file("password", "hunter2hunter2\n"), file("headers", "# ours\nX-Api-Key: hunter2hunter2\n"));
    let encoded = "bWU6aHVudGVyMmh1bnRlcjI=";
    let ways: [&[&str]; 6] = [
        &["-a", "me:hunter2hunter2"],
        &["--user", "me", "--password-file", &password],
        &["--user", "me", "--password-env", "SECRET"],
        &["--bearer-file", &password],
        &["--bearer-env", "SECRET"],
        &["--header-file", &headers],
    ];
    for way in ways {
        for format in ["nagios", "json", "prometheus", "graphite"] {
            for wanted in ["hunter2hunter2", encoded, "nope"] {
                let run =
                    Run::new(plugin("check-http")).args(["-H", "127.0.0.1", "-p", &peer.port().to_string()]);
                let run =
                    run.args(["-B", "-vvv", "--output-format", format, "-d", "Nope", "-s", wanted]).args(way);
                let ran = run.env("SECRET", "hunter2hunter2").go();
                assert_eq!(ran.code, Some(2), "{way:?} {}", ran.stdout);
                assert!(!ran.stdout.contains("hunter2"), "{way:?} {}", ran.stdout);
                let secret = wanted != encoded || way[1].starts_with("me");
                assert!(!secret || !ran.stdout.contains(encoded), "{way:?} {}", ran.stdout);
            }
        }
    }
    // It was told: the login and the key arrive.
    let port = peer.port().to_string();
    let told = |way: &[&str], wanted: &str| {
        check(&[&["-H", "127.0.0.1", "-p", &port, "-r", wanted], way].concat()).code
    };
    assert_eq!(told(ways[1], &format!("(?i)authorization: Basic {encoded}")), Some(0));
    assert_eq!(told(ways[3], "(?i)authorization: Bearer hunter2hunter2"), Some(0));
    assert_eq!(told(ways[5], "(?i)x-api-key: hunter2hunter2"), Some(0));
    assert_eq!(told(&["--password-file", &password], "x"), Some(3));
}

#[test]
fn cookies_between_hops_and_runs() {
    let seen = Arc::new(AtomicBool::new(false));
    let note = Arc::clone(&seen);
    let peer = Peer::new(move |mut stream, _| {
        let head = head(&mut stream);
        let knows = head.to_lowercase().contains("cookie: session=42");
        if head.starts_with("GET /again") {
            note.store(knows, Ordering::SeqCst);
        }
        let answer = if knows {
            "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwelcome"
        } else {
            "HTTP/1.1 302 Found\r\nSet-Cookie: session=42; Path=/; Max-Age=1000\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"
        };
        // Who asked may be gone.
        let _gone = stream.write_all(answer.as_bytes());
    });
    let url = format!("http://127.0.0.1:{}/", peer.port());
    ends(&check(&[&url, "-f", "follow", "-s", "welcome"]), 0, "", &url);
    let folder = tempfile::tempdir().expect("make a folder");
    let jar = folder.path().join("jar").display().to_string();
    ends(&check(&[&url, "--cookie-jar", &jar]), 0, "", "302 Found");
    ends(&check(&[&format!("{url}again"), "--cookie-jar", &jar, "-s", "welcome"]), 0, "", &url);
    assert!(seen.load(Ordering::SeqCst));
    ends(&check(&[&url, "--cookie-jar", "/nowhere/jar"]), 3, "usage", "/nowhere/jar");
}

/// The lines of a manifest for a whole datacenter, against servers that are as good as its own.
#[test]
fn the_lines_of_a_manifest() {
    let tls = Tls::start();
    let web = nginx(
        r#"default_type application/json;
           location /ok { return 200 'ok'; } location /v2/ { return 401; } location /current { return 200 'x'; }
           location /directory { return 200 '{"newOrder": "https://a/new"}'; }
           location /search { return 200 '{"hits": {"total": 2}}'; }
           location /query { return 200 '{"data":{"result":[{"value":[1700000000.5,"4"]}]}}'; }
           location /openid { return 200 '{"issuer": "https://sso.example"}'; }"#,
    );
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", web.port());
    let go = |path: &str, more: &str| {
        let mut args = vec!["--url".to_owned(), at(path), "--timeout".to_owned(), "8s".to_owned()];
        args.extend(more.split(' ').filter(|word| !word.is_empty()).map(str::to_owned));
        check(&args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    ends(&go("/ok", ""), 0, "", "/ok");
    ends(&go("/ok", "--expect-status 200 --expect-body ok"), 0, "", "/ok");
    ends(&go("/v2/", "--expect-status 200,401"), 0, "", "/v2/ answered 401");
    ends(&go("/current", "--method HEAD --expect-status 200"), 0, "", "/current");
    ends(&go("/directory", "--json-path $.newOrder --exists"), 0, "", "/directory");
    ends(
        &go("/search", "--json-path $.hits.total --warning 3: --critical 1:"),
        1,
        "threshold",
        "$.hits.total is 2",
    );
    ends(&go("/query", "--json-path $.data.result[0].value[1] --critical 3:"), 0, "", "/query");
    ends(
        &go("/query", "--json-path $.data.result[0].value[1] --critical 5:"),
        2,
        "threshold",
        "is \"4\", outside 5:",
    );
    ends(&go("/openid", "--json-path $.issuer --expect https://sso.example"), 0, "", "/openid");
    ends(
        &go("/openid", "--json-path $.issuer --expect https://sso.other"),
        2,
        "content",
        "$.issuer is \"https://sso.example\", not ",
    );
    let proxy = tinyproxy("");
    let through = format!("--proxy http://127.0.0.1:{} --expect-status 200 --warning 2s", proxy.port());
    ends(&go("/ok", &through), 0, "", "/ok");
    ends(&tls.ask("good", "/", &["--timeout", "8s", "--expect-status", "200"]), 0, "", "www.example.test");
}

#[test]
fn files_and_headers() {
    let folder = tempfile::tempdir().expect("make a folder");
    std::fs::write(folder.path().join("body.json"), "{\"a\": 1}").expect("write");
    let peer = Peer::new(|mut stream, _| {
        let head = head(&mut stream);
        let mut body = [0; 8];
        stream.read_exact(&mut body).expect("a body");
        let text = format!("{head}{}", String::from_utf8_lossy(&body));
        let answer = format!("HTTP/1.1 200 OK\r\nX-Way: one\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        // Who asked may be gone.
        let _gone = stream.write_all(answer.as_bytes());
    });
    let (port, file) = (peer.port().to_string(), folder.path().join("body.json").display().to_string());
    let sent = |more: &[&str]| {
        check(
            &[&["-H", "127.0.0.1", "-p", &port, "--body-file", &file, "-T", "application/json"], more]
                .concat(),
        )
        .code
    };
    assert_eq!(sent(&["-r", "^POST / HTTP/1.1"]), Some(0));
    assert_eq!(sent(&["-R", "^content-type: application/json", "-d", "X-Way: one"]), Some(0));
    assert_eq!(sent(&["-j", "PUT", "-l", "-r", "^PUT .*\\{\"a\": 1\\}$"]), Some(0));
    assert_eq!(sent(&["--header-regex", "^x-way: o.e$"]), Some(0));
    assert_eq!(sent(&["--header-regex", "^x-way: two$"]), Some(2));
    assert_eq!(sent(&["--header-regex", "^x-way: two$", "--invert-header-regex"]), Some(0));
    assert_eq!(check(&["-H", "127.0.0.1", "-p", &port, "--body-file", "/nowhere"]).code, Some(3));
}

#[test]
fn every_address_of_a_name() {
    let web = nginx("location / { return 200 'hello'; }");
    let folder = tempfile::tempdir().expect("make a folder");
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.1 two.example.test\n127.0.0.2 two.example.test\n").expect("write");
    let script = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
    let may =
        Command::new("unshare").args(["--mount", "true"]).output().expect("start unshare").status.success();
    let space: &[&str] = if may { &["--mount"] } else { &["--user", "--map-root-user", "--mount"] };
    let ask = |wanted: &str| {
        let url = format!("http://two.example.test:{}/", web.port());
        let run = Run::new("unshare").args(space).args(["sh", "-c", script, "sh"]).arg_path(&hosts);
        run.arg_path(&plugin("check-http")).args(["--url", &url, "--addresses", wanted, "-s", "hello"]).go()
    };
    ends(&ask("any"), 0, "", "two.example.test");
    let all = ask("all");
    ends(&all, 2, "refused", "127.0.0.2: two.example.test");
    let labels: Vec<String> = perfdata(&all.stdout).into_iter().map(|(label, ..)| label).collect();
    assert_eq!(labels, ["addresses_good", "time_127.0.0.1", "time_127.0.0.2"]);
    ends(&ask("1"), 0, "", "is good on 1 of 2 addresses");
    ends(&ask("3"), 2, "threshold", "has 2 addresses, not 3");
}

#[test]
fn metrics_and_facts() {
    let web = nginx("location / { return 200 'hello'; }");
    let ran = line(&format!("-H 127.0.0.1 -p {} -w 5 -c 9", web.port()));
    let labels: Vec<String> = perfdata(&ran.stdout).into_iter().map(|(label, ..)| label).collect();
    assert_eq!(labels, ["time", "size", "time_resolve", "time_connect", "time_first_byte", "time_transfer"]);
    let ran = line(&format!("-H 127.0.0.1 -p {} --output-format json", web.port()));
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["facts"]["status"], 200, "{json}");
    assert_eq!(json["facts"]["hops"][0]["address"], "127.0.0.1", "{json}");
    let ran = line(&format!("-H 127.0.0.1 -p {} --output-format json", free_port()));
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(
        (&json["findings"][0]["reason"], &json["facts"]["hops"][0]["reason"]),
        (&"refused".into(), &"refused".into())
    );
}

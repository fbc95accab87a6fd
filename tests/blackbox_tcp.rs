//! check-tcp against real servers, and against peers that misbehave: each ends in time, with its state and its reason.

use std::process::Command;
use std::time::Duration;

use testkit::pki::{Identity, Wish};
use testkit::{Fixture, Peer, Ran, Run, alias, nginx, plugin, poll_until, run, sshd};

fn check(port: u16, args: &[&str]) -> Ran {
    let port = port.to_string();
    run(plugin("check-tcp"), [&["-H", "127.0.0.1", "-p", &port], args].concat())
}

/// State, reason and end within `-t 1`; returns the whole output.
fn ends_as(peer: &Peer, args: &[&str], code: i32, reason: &str) -> String {
    let ran = check(peer.port(), &[&["-t", "1"], args].concat());
    let shown = format!("{args:?}: {} {}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(code), "{shown}");
    assert!(ran.took < Duration::from_secs(3), "{:?} {shown}", ran.took);
    assert!(ran.stderr.is_empty(), "{shown}");
    let (text, perfdata) = ran.first_line().split_once(" | ").expect("perfdata");
    assert!(text.ends_with(&format!("[{reason}]")), "{shown}");
    assert!(text.contains(&peer.address().to_string()), "it does not name the target: {shown}");
    assert!(text.len() <= 100, "{} bytes: {shown}", text.len());
    assert!(perfdata.starts_with("time=") && perfdata.ends_with("s;;;0;1"), "{shown}");
    ran.stdout
}

#[test]
fn an_ssh_server() {
    let server = sshd();
    let ran = check(server.port(), &["-e", "SSH-2.0-", "-w", "5", "-c", "8"]);
    let start = format!("TCP OK - 127.0.0.1:{} answered in ", server.port());
    assert!(ran.stdout.starts_with(&start), "{}", ran.stdout);
    assert!(ran.stdout.contains(": SSH-2.0-OpenSSH_"), "{}", ran.stdout);
    assert_eq!(ran.code, Some(0));

    // It stays silent after its greeting: the answer counts as whole after two seconds.
    let ran = check(server.port(), &["-e", "SSH-3.0"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.stdout.contains("answered, but not \"SSH-3.0\": SSH-2.0-"), "{}", ran.stdout);
    assert!(ran.first_line().contains("[content] | time=2."), "{}", ran.stdout);

    let port = server.port();
    drop(server);
    let ran = check(port, &[]);
    assert!(ran.first_line().contains("[refused]"), "{}", ran.stdout);
    assert_eq!(ran.code, Some(2));
}

#[test]
fn a_web_server() {
    let server = nginx(r#"location / { return 200 "hello\n"; } location /none { return 404; }"#);
    let ask = |path: &str, args: &[&str]| {
        let request = format!(r"GET {path} HTTP/1.0\r\n\r\n");
        check(server.port(), &[&["-E", "-s", &request], args].concat())
    };
    let ran = ask("/", &["-e", "HTTP/1.1 200", "-e", "hello", "-A"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.first_line().contains(": HTTP/1.1 200 OK | time="), "{}", ran.stdout);
    let ran = ask("/none", &["-e", "HTTP/1.1 200"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    let mismatch = "answered, but not \"HTTP/1.1 200\": HTTP/1.1 404 Not Found [content]";
    assert!(ran.first_line().contains(mismatch), "{}", ran.stdout);
}

#[test]
fn nobody_is_there() {
    let port = testkit::free_port();
    let ran = check(port, &["-t", "1"]);
    let start = format!("TCP CRITICAL - 127.0.0.1:{port} refused the connection after ");
    assert!(ran.stdout.starts_with(&start), "{}", ran.stdout);
    assert!(ran.first_line().contains(" [refused] | time="), "{}", ran.stdout);
    assert_eq!(ran.code, Some(2));
    let allowed = check(port, &["-r", "ok"]);
    assert_eq!(allowed.code, Some(0), "{}", allowed.stdout);
    assert!(allowed.stdout.starts_with("TCP OK - 127.0.0.1:"), "{}", allowed.stdout);
}

#[test]
fn peers_that_misbehave() {
    let (silent, hole, closes) = (Peer::silent(), Peer::black_hole(), Peer::closes());
    ends_as(&silent, &["-e", "220"], 2, "timed-out");
    ends_as(&silent, &["-s", &"x".repeat(100_000), "-e", "220"], 2, "timed-out");
    ends_as(&hole, &[], 2, "timed-out");
    ends_as(&closes, &["-e", "220"], 2, "closed");
    ends_as(&Peer::says("220 half a li"), &["-e", "line"], 2, "timed-out");
    ends_as(&Peer::drips("x", Duration::from_millis(50)), &["-e", "220"], 2, "timed-out");
    ends_as(&Peer::endless("x"), &["-e", "220"], 2, "protocol");
    ends_as(&Peer::endless("x"), &["-e", "220", "-m", "1000"], 2, "content");
    ends_as(&silent, &["-d", "5"], 2, "timed-out");
    // A timeout may mean something else.
    let ran = check(silent.port(), &["-t", "1:warning", "-e", "220"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
}

#[test]
fn what_they_say_does_no_harm() {
    let garbage = ends_as(&Peer::garbage(), &["-e", "never said", "-m", "4000"], 2, "content");
    let harmless = |text: &str| text.chars().all(|c| c == '\n' || !c.is_control());
    assert!(harmless(&garbage), "{garbage:?}");
    assert_eq!(garbage.matches('|').count(), 1, "{garbage}");

    let escapes = Peer::says("\u{1b}[31m220 a|b=1\u{1b}]0;title\u{7}\u{202e} end\r\nsecond\r\n");
    let ran = check(escapes.port(), &["-e", "220", "-v"]);
    assert!(harmless(&ran.stdout) && !ran.stdout.contains('\u{202e}'), "{:?}", ran.stdout);
    assert!(ran.first_line().contains(": [31m220 a/b=1 ]0;title  end | time="), "{}", ran.stdout);
    assert_eq!(ran.code, Some(0));
}

#[test]
fn memory_is_bounded() {
    let peer = Peer::endless("x");
    let port = peer.port().to_string();
    let limited = "ulimit -v 200000; exec \"$0\" -H 127.0.0.1 -p \"$1\" -e y -t 5";
    let binary = plugin("check-tcp").display().to_string();
    let ran = run("/bin/sh", ["-c", limited, &binary, &port]);
    assert_eq!(ran.code, Some(2), "{} {}", ran.stdout, ran.stderr);
    assert!(ran.first_line().contains(" and did not stop, but not \"y\" [protocol] |"), "{}", ran.stdout);
}

#[test]
fn what_is_jailed_stays_inside() {
    let peer = Peer::says("220 secret greeting\r\n");
    for format in ["nagios", "json", "prometheus", "graphite"] {
        for wanted in ["220", "nope"] {
            let ran = check(peer.port(), &["-j", "-v", "-e", wanted, "--output-format", format]);
            assert_eq!(ran.code, Some(if wanted == "220" { 0 } else { 2 }), "{}", ran.stdout);
            assert!(!ran.stdout.contains("secret"), "{}", ran.stdout);
        }
    }
}

#[test]
fn facts_for_machines() {
    let peer = Peer::says("220 hello\r\n");
    let ran = check(peer.port(), &["-e", "220", "--output-format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["state"], "OK");
    assert_eq!(json["facts"]["target"], peer.address().to_string());
    assert_eq!(json["facts"]["address"], "127.0.0.1");
    assert_eq!(json["facts"]["said"], "220 hello");
    for phase in ["lookup", "connect", "answer"] {
        assert!(json["facts"][phase].as_f64().is_some_and(|seconds| seconds < 10.0), "{phase}: {json}");
    }
    let port = testkit::free_port();
    let ran = check(port, &["--output-format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["findings"][0]["reason"], "refused");
    assert_eq!(json["facts"]["addresses"][0], "127.0.0.1");
    assert_eq!(json["facts"]["connect"], serde_json::Value::Null);
}

#[test]
fn a_name_with_several_addresses() {
    let peer = Peer::says("220 hello\r\n");
    let port = peer.port().to_string();
    let args = ["-H", "localhost", "-p", &port, "-e", "220"];
    let ran = run(plugin("check-tcp"), args);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let both = format!("TCP OK - localhost:{port} (127.0.0.1) answered in ");
    assert!(ran.stdout.starts_with(&both), "{}", ran.stdout);
    let ran = run(plugin("check-tcp"), ["-H", "nosuch.invalid", "-p", &port, "-t", "5"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    let reasons = ["[name-not-found]", "[resolver-silent]", "[resolver-failed]"];
    assert!(reasons.iter().any(|reason| ran.first_line().contains(reason)), "{}", ran.stdout);
}

#[test]
fn no_route() {
    // A network namespace of its own has no route anywhere, and its loopback is down.
    let script = "exec unshare --net \"$0\" -H 192.0.2.1 -p 25 -t 5";
    let binary = plugin("check-tcp").display().to_string();
    let may = Command::new("unshare").args(["--net", "true"]).output().expect("start unshare");
    let ran = if may.status.success() {
        run("/bin/sh", ["-c", script, &binary])
    } else {
        run(
            "unshare",
            ["--user", "--map-root-user", "--net", &binary, "-H", "192.0.2.1", "-p", "25", "-t", "5"],
        )
    };
    let line = "TCP CRITICAL - 192.0.2.1:25 is unreachable: network is unreachable [unreachable] | time=";
    assert!(ran.stdout.starts_with(line), "{} {}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(2));
}

#[test]
fn signals_end_it_with_a_line() {
    let peer = Peer::silent();
    let port = peer.port().to_string();
    let mut child = Command::new(plugin("check-tcp"))
        .args(["-H", "127.0.0.1", "-p", &port, "-e", "220", "-t", "30"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("start check-tcp");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid fits"));
    // It is reading once it waits in poll; until then the signal may come too early to be blocked.
    let wchan = format!("/proc/{pid}/task");
    let watched = || std::fs::read_dir(&wchan).is_ok_and(|threads| threads.count() == 2);
    assert!(poll_until(Duration::from_secs(10), watched), "no watchdog");
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("signal it");
    let mut line = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().expect("piped"), &mut line)
        .expect("read its line");
    assert_eq!(child.wait().expect("wait").code(), Some(3), "{line}");
    assert!(line.starts_with("TCP UNKNOWN - ended by SIGTERM in: "), "{line}");
}

#[test]
fn own_names_have_presets_too() {
    let peer = Peer::says("* OK ready\r\n");
    let port = peer.port().to_string();
    let ran = run(alias("check-tcp", "check-imap").path(), ["-p", &port]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.starts_with(&format!("IMAP OK - 127.0.0.1:{port} answered in ")), "{}", ran.stdout);
    let ran = run(alias("check-tcp", "check-ftp").path(), ["-p", &port]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    let ran = run(alias("check-tcp", "check_foo").path(), ["-p", &port]);
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    let why = "called as check_foo, which stands for no service; check-tcp does";
    assert!(ran.stdout.ends_with(&format!("UNKNOWN - {why} [usage]\n")), "{}", ran.stdout);
}

#[test]
fn an_ini_file_of_options() {
    let peer = Peer::says("220 hello\r\n");
    let folder = tempfile::tempdir().expect("make a folder");
    let file = folder.path().join("plugins.ini");
    std::fs::write(&file, format!("[check-tcp]\nport={}\nexpect=220\n", peer.port())).expect("write it");
    let ran = Run::new(plugin("check-tcp")).args([format!("--extra-opts=@{}", file.display())]).go();
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.first_line().contains(": 220 hello |"), "{}", ran.stdout);
}

#[test]
fn a_udp_service() {
    let service = std::net::UdpSocket::bind("127.0.0.1:0").expect("bind");
    let port = service.local_addr().expect("its address").port().to_string();
    let udp = alias("check-tcp", "check-udp");
    let args = ["-p", port.as_str(), "-s", "ping", "-e", "ping", "-t", "1"];
    let silent = run(udp.path(), args);
    assert_eq!(silent.code, Some(2), "{}", silent.stdout);
    assert!(silent.first_line().contains(" [timed-out] | time="), "{}", silent.stdout);

    let echo = service.try_clone().expect("a second handle");
    let echoing = std::thread::spawn(move || {
        let mut buffer = [0; 64];
        // The question of the run above waits there; the answer to it goes to nobody.
        for _ in 0..2 {
            let (count, from) = echo.recv_from(&mut buffer).expect("a question");
            echo.send_to(&buffer[..count], from).expect("answer");
        }
    });
    let answered = run(udp.path(), args);
    assert_eq!(answered.code, Some(0), "{}", answered.stdout);
    assert!(answered.first_line().contains(": ping | time="), "{}", answered.stdout);
    echoing.join().expect("it answered twice");

    drop(service);
    let refused = run(udp.path(), args);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(refused.first_line().contains(": refused [refused] | time="), "{}", refused.stdout);
    let allowed = run(udp.path(), [&args[..], &["-r", "ok"]].concat());
    assert_eq!(allowed.code, Some(0), "{}", allowed.stdout);
}

#[test]
fn tls_is_verified_unless_told_otherwise() {
    let (root, folder) = (Identity::root("Test Root"), tempfile::tempdir().expect("make a folder"));
    let (file, _) = root.write(folder.path(), "root", false);
    let file = file.display().to_string();
    let local = Wish::names(&["127.0.0.1", "localhost"]);
    let cases = [
        (root.issue(&local), None),
        (root.intermediate("Test Middle").issue(&local), None),
        (root.issue(&Wish::names(&["other.example"])), Some("tls-name")),
        (root.issue(&local.clone().days(-30, -2)), Some("tls-expired")),
        (root.issue(&local.clone().days(2, 30)), Some("tls-not-yet-valid")),
        (Identity::root("Other Root").issue(&local), Some("tls-untrusted")),
        (Identity::self_signed(&local), Some("tls-self-signed")),
        // The way to the root is missing.
        (
            Identity { chain: Vec::new(), ..root.intermediate("Test Middle").issue(&local) },
            Some("tls-untrusted"),
        ),
    ];
    for (identity, reason) in cases {
        let peer = Peer::tls(&identity, "220 hello\r\n");
        let ran = check(peer.port(), &["--tls", "--ca-file", &file, "-e", "220"]);
        let insecure = check(peer.port(), &["-S", "--insecure", "-e", "220"]);
        assert_eq!(insecure.code, Some(0), "{}", insecure.stdout);
        let Some(reason) = reason else {
            assert_eq!(ran.code, Some(0), "{}", ran.stdout);
            assert!(ran.first_line().contains(": 220 hello | time="), "{}", ran.stdout);
            continue;
        };
        assert_eq!(ran.code, Some(2), "{reason}: {}", ran.stdout);
        assert!(ran.first_line().contains(&format!(" [{reason}] | time=")), "{reason}: {}", ran.stdout);
        assert!(!ran.stdout.contains("220 hello"), "{}", ran.stdout);
    }
}

#[test]
fn a_name_is_sent_and_verified() {
    let (root, folder) = (Identity::root("Test Root"), tempfile::tempdir().expect("make a folder"));
    let (file, _) = root.write(folder.path(), "root", false);
    let file = file.display().to_string();
    let peer = Peer::tls(&root.issue(&Wish::names(&["web.example"])), "220 hello\r\n");
    for name in ["--sni", "--server-name"] {
        let ran = check(peer.port(), &["--ca-file", &file, name, "web.example", "-e", "220"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stdout);
        let ran = check(peer.port(), &["--ca-file", &file, name, "other.example"]);
        assert_eq!(ran.code, Some(2), "{}", ran.stdout);
        assert!(ran.first_line().contains("[tls-name]"), "{}", ran.stdout);
    }
    // The spelling of the example manifest.
    let port = peer.port().to_string();
    let line = ["--host", "127.0.0.1", "--port", &port, "--tls", "--send", "<14>1 - mdd probe", "--insecure"];
    let ran = run(plugin("check-tcp"), line);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
}

#[test]
fn days_of_a_certificate() {
    let peer =
        Peer::tls(&Identity::self_signed(&Wish::names(&["web.example"]).days(-1, 12)), "220 hello\r\n");
    let days = |days: &str| check(peer.port(), &["--insecure", "-D", days, "-e", "220"]);
    for (limits, code) in [("10", 0), ("30", 1), ("30,10", 1), ("30,20", 2), ("13", 1), ("11", 0)] {
        assert_eq!(days(limits).code, Some(code), "-D {limits}");
    }
    let soon = days("30,10");
    assert!(soon.first_line().contains(": certificate CN=web.example is valid for 1"), "{}", soon.stdout);
    assert!(soon.first_line().contains(" expires=103"), "{}", soon.stdout);
    assert!(soon.first_line().ends_with("s;2592000:;864000:"), "{}", soon.stdout);

    let ran = check(peer.port(), &["--insecure", "-D", "10", "--output-format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["facts"]["tls"]["protocol"], "TLSv1.3", "{json}");
    assert_eq!(json["facts"]["tls"]["chain"][0]["names"][0], "web.example", "{json}");
    assert!(json["facts"]["handshake"].as_f64().is_some_and(|seconds| seconds > 0.0), "{json}");
}

#[test]
fn peers_that_misbehave_in_tls() {
    ends_as(&Peer::silent(), &["-S"], 2, "timed-out");
    ends_as(&Peer::closes(), &["-S"], 2, "closed");
    ends_as(&Peer::black_hole(), &["-S"], 2, "timed-out");
    ends_as(&Peer::says("220 hello\r\n"), &["-S"], 2, "tls-handshake");
    ends_as(&Peer::garbage(), &["-S"], 2, "tls-handshake");
    ends_as(&Peer::endless("220 hello\r\n"), &["-S"], 2, "tls-handshake");
    // The head of a record that announces 16 KiB, which never come.
    ends_as(&Peer::says("\x16\x03\x03\x40\x00"), &["-S"], 2, "timed-out");
    let mute = Peer::tls(&Identity::self_signed(&Wish::names(&["web.example"])), "");
    ends_as(&mute, &["--insecure", "-e", "220"], 2, "timed-out");
}

// OpenSSL reads its configuration when it begins; this one never ends.
#[test]
fn a_plain_connection_begins_no_tls() {
    let trap = Fixture::new().stuck("/openssl.cnf");
    let peer = Peer::says("220 hello\r\n");
    let port = peer.port().to_string();
    let trapped = |args: &[&str]| {
        let args = [&["-H", "127.0.0.1", "-p", &port, "-t", "2"], args].concat();
        Run::new(plugin("check-tcp")).env("OPENSSL_CONF", trap.path().join("openssl.cnf")).args(args).go()
    };
    let plain = trapped(&["-e", "220"]);
    assert_eq!(plain.code, Some(0), "{}", plain.stdout);
    let encrypted = trapped(&["-S"]);
    assert!(encrypted.code == Some(3) || encrypted.code == Some(2), "{}", encrypted.stdout);
    assert!(encrypted.took >= Duration::from_secs(1), "OpenSSL did not read its configuration");
}

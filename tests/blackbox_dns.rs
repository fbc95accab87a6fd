//! check-dns against a real unbound, and against servers that refuse, lie, drip and keep silent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use testkit::{Peer, Ran, Run, Server, free_port, plugin, run, unbound};

const ZONE: &str = r#"
    local-zone: "zone.example." static
    local-data: "zone.example. SOA ns.zone.example. host.zone.example. 7 3600 600 86400 60"
    local-data: "zone.example. NS ns.zone.example."
    local-data: "zone.example. MX 10 mx.zone.example."
    local-data: "zone.example. MX 5 mx5.zone.example."
    local-data: 'zone.example. TXT "v=spf1 -all"'
    local-data: 'zone.example. CAA 0 issue "ca.example"'
    local-data: "zone.example. DNSKEY 257 3 8 Zm9v"
    local-data: "sub.zone.example. DS 4097 8 2 ABCD"
    local-data: "_sip._tcp.zone.example. SRV 1 2 5060 sip.zone.example."
    local-data: "_443._tcp.zone.example. TLSA 3 1 1 abcd"
    local-data: 'naptr.zone.example. NAPTR 1 2 "s" "SIP+D2U" "" sip.zone.example.'
    local-data: "alias.zone.example. CNAME api.zone.example."
    local-data: "api.zone.example. A 192.0.2.1"
    local-data: "api.zone.example. AAAA 2001:db8::1"
    local-data-ptr: "192.0.2.1 api.zone.example"
    local-zone: "refused.example." refuse
    local-zone: "nobody." static
"#;

fn zone() -> Server {
    // One answer of some 1200 bytes: more than UDP carries without EDNS.
    let strings: Vec<String> = (0..6).map(|n| format!("\"{}\"", n.to_string().repeat(200))).collect();
    unbound(&format!("{ZONE}\n    local-data: 'big.zone.example. TXT {}'\n", strings.join(" ")))
}

fn ask(port: u16, args: &[&str]) -> Ran {
    let port = port.to_string();
    let ran = run(plugin("check-dns"), [&["--server", "127.0.0.1", "--port", &port], args].concat());
    assert_eq!(ran.stderr, "", "{args:?}");
    ran
}

/// The first line before the perfdata, without the time it took and with the server's port as `PORT`.
fn sentence(ran: &Ran, port: u16) -> String {
    let line = ran.first_line().split(" | ").next().unwrap_or_default().replace(&format!(":{port}"), ":PORT");
    line.split(" after ").next().unwrap_or_default().to_owned()
}

#[track_caller]
fn expect(code: i32, line: &str, port: u16, args: &[&str]) {
    let ran = ask(port, args);
    assert_eq!((ran.code, sentence(&ran, port).as_str()), (Some(code), line), "{args:?}: {}", ran.stdout);
}

#[test]
fn every_type_is_read_and_compared() {
    let server = zone();
    for (kind, name, shown, expected) in [
        ("A", "api.zone.example", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "api.zone.example", "2001:db8::1", "2001:DB8::1"),
        ("NS", "zone.example", "ns.zone.example.", "NS.zone.example"),
        ("MX", "zone.example", "5 mx5.zone.example., 10 mx.zone.example.", "10 mx.zone.example."),
        ("TXT", "zone.example", "\"v=spf1 -all\"", "v=spf1 -all"),
        (
            "SOA",
            "zone.example",
            "ns.zone.example. host.zone.example. 7 3600 60…",
            "ns.zone.example. host.zone.example. 7 3600 600 86400 60",
        ),
        ("SRV", "_sip._tcp.zone.example", "1 2 5060 sip.zone.example.", "1 2 5060 sip.zone.example."),
        ("CAA", "zone.example", "0 issue \"ca.example\"", "0 issue \"ca.example\""),
        ("CNAME", "alias.zone.example", "api.zone.example.", "api.zone.example"),
        ("DNSKEY", "zone.example", "257 3 8 Zm9v", "257 3 8 Zm9v"),
        ("DS", "sub.zone.example", "4097 8 2 ABCD", "4097 8 2 abcd"),
        ("TLSA", "_443._tcp.zone.example", "3 1 1 abcd", "3 1 1 ABCD"),
        (
            "NAPTR",
            "naptr.zone.example",
            "1 2 \"s\" \"SIP+D2U\" \"\" sip.zone.example.",
            "1 2 \"s\" \"SIP+D2U\" \"\" sip.zone.example.",
        ),
        ("PTR", "192.0.2.1", "api.zone.example.", "api.zone.example"),
    ] {
        let port = server.port();
        let ran =
            ask(port, &["--name", name, "--type", kind, "--expect", expected, "--output-format", "json"]);
        let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!((ran.code, &json["state"]), (Some(0), &Value::from("OK")), "{kind}: {}", ran.stdout);
        let summary = json["summary"].as_str().expect("a summary");
        assert!(
            summary.starts_with(&format!("{name} {kind} is {shown}, says 127.0.0.1:{port} after ")),
            "{summary}"
        );
        let reply = &json["facts"]["replies"][0];
        assert_eq!(reply["server"], format!("127.0.0.1:{port}"), "{kind}");
        assert_eq!((&reply["rcode"], &reply["type"]), (&"NOERROR".into(), &kind.into()), "{kind}");
        assert!(reply["answers"][0]["ttl"].as_u64().is_some_and(|ttl| ttl > 0), "{kind}: {reply}");
        // The wrong value, of a type that every answer could have.
        assert_eq!(
            ask(port, &["--name", name, "--type", kind, "--expect", "other."]).code,
            Some(2),
            "{kind}"
        );
    }
}

#[test]
fn any_is_all_that_the_server_tells() {
    let port = udp(|question| vec![with_address(question)]);
    expect(
        0,
        "DNS OK - www.example ANY is 192.0.2.7, says 127.0.0.1:PORT",
        port,
        &["--name", "www.example", "--type", "any", "--expect", "192.0.2.7"],
    );
}

#[test]
fn truncated_answers_come_again_over_tcp() {
    let server = zone();
    let port = server.port();
    let ran = ask(port, &["--name", "big.zone.example", "--type", "TXT", "--output-format", "json"]);
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let reply = &json["facts"]["replies"][0];
    assert_eq!((ran.code, &reply["transport"]), (Some(0), &"tcp".into()), "{}", ran.stdout);
    assert!(reply["answers"][0]["data"].as_str().is_some_and(|data| data.len() > 1200));
    let ran = ask(port, &["--name", "api.zone.example", "--tcp", "-v"]);
    assert!(ran.stdout.contains(" over tcp: NOERROR, flags aa"), "{}", ran.stdout);
}

#[test]
fn answers_that_are_none() {
    let server = zone();
    let port = server.port();
    expect(
        0,
        "DNS OK - api.zone.example is 192.0.2.1, 2001:db8::1, says 127.0.0.1:PORT",
        port,
        &["api.zone.example"],
    );
    expect(
        2,
        "DNS CRITICAL - no.zone.example does not exist, says 127.0.0.1:PORT [name-not-found]",
        port,
        &["no.zone.example"],
    );
    expect(
        0,
        "DNS OK - no.zone.example does not exist, says 127.0.0.1:PORT",
        port,
        &["no.zone.example", "-n"],
    );
    expect(
        2,
        "DNS CRITICAL - api.zone.example MX has no such record, says 127.0.0.1:PORT [name-not-found]",
        port,
        &["api.zone.example", "-q", "MX"],
    );
    expect(
        2,
        "DNS CRITICAL - 127.0.0.1:PORT answers a.refused.example with REFUSED [resolver-failed]",
        port,
        &["a.refused.example"],
    );
    expect(
        2,
        "DNS CRITICAL - 127.0.0.1:PORT has not validated api.zone.example [content]",
        port,
        &["api.zone.example", "--dnssec"],
    );
    expect(
        2,
        "DNS CRITICAL - zone.example NS: 1 of 2 records, got ns.zone.example., says 127.0.0.1:PORT [content]",
        port,
        &["zone.example", "--type", "ns", "--min-answers", "2"],
    );
    let refused = free_port();
    expect(
        2,
        "DNS CRITICAL - ask 127.0.0.1:PORT for api.zone.example A: refused [refused]",
        refused,
        &["api.zone.example"],
    );
}

#[test]
fn what_was_asked_wrongly_is_unknown() {
    for args in [
        &["--name", "a..b"][..],
        &["--name", "10.0.0.1", "--type", "MX"],
        &["--name", "a", "--type", "nope"],
        &["--name", "a", "--warning", "soon"],
        &["--name", "a", "--all"],
    ] {
        let ran = ask(9, args);
        assert_eq!(ran.code, Some(3), "{args:?}");
        assert!(ran.first_line().ends_with("[usage]"), "{args:?}: {}", ran.stdout);
    }
}

/// A UDP server that sends what `talk` makes of each question.
fn udp(talk: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let port = socket.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            for packet in talk(&buffer[..length]) {
                socket.send_to(&packet, client).expect("send a packet");
            }
        }
    });
    port
}

/// A TCP server that sends what `talk` makes of the question, whose length it has taken off, then hangs up.
fn tcp(talk: impl Fn(&[u8], &mut TcpStream) -> std::io::Result<()> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut question = [0; 512];
            let length = stream.read(&mut question).expect("read the question");
            // The client may be gone before all is said.
            let _sent = talk(&question[2..length], &mut stream);
        }
    });
    port
}

/// The question as an answer without records: QR, RD, RA.
fn reply(question: &[u8], code: u8) -> Vec<u8> {
    let mut answer = question.to_vec();
    (answer[2], answer[3]) = (0x81, 0x80 | code);
    answer
}

/// The question as an answer with one record: A 192.0.2.7 for a minute.
fn with_address(question: &[u8]) -> Vec<u8> {
    let mut answer = reply(question, 0);
    answer[7] = 1;
    answer.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07");
    answer
}

#[test]
fn codes_of_a_server() {
    for (code, word) in [(1, "FORMERR"), (2, "SERVFAIL"), (4, "NOTIMP"), (5, "REFUSED"), (9, "NOTAUTH")] {
        let port = udp(move |question| vec![reply(question, code)]);
        let line = format!("DNS CRITICAL - 127.0.0.1:PORT answers www.example with {word} [resolver-failed]");
        expect(2, &line, port, &["www.example"]);
    }
}

#[test]
fn silence_ends_in_time() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("an address").port();
    let ran = ask(port, &["www.example", "-t", "1"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    let line = ran.first_line().replace(&port.to_string(), "PORT");
    assert!(
        line.starts_with("DNS CRITICAL - ask 127.0.0.1:PORT for www.example A: no answer within "),
        "{line}"
    );
    assert!(line.ends_with(" [timed-out]"), "{line}");
    assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
    let ran = ask(port, &["www.example", "-t", "1:unknown", "--output-format", "json"]);
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((ran.code, &json["findings"][0]["reason"]), (Some(3), &"timed-out".into()));
    assert_eq!(json["facts"]["servers"], Value::from(vec![format!("127.0.0.1:{port}")]));
}

#[test]
fn rubbish_forgeries_and_other_peoples_answers() {
    let id = |question: &[u8], rest: &[u8]| [&question[..2], rest].concat();
    let rubbish: [(&str, u16); 4] = [
        (
            "garbage",
            udp(move |question| vec![id(question, b"\x81\x80\xff\xff\xff\xff\xff\xff\xff\xff\xc0\x0c")]),
        ),
        ("an echo", udp(|question| vec![question.to_vec()])),
        (
            "another question",
            udp(|question| {
                let mut answer = reply(question, 0);
                answer[13] ^= 1;
                vec![answer]
            }),
        ),
        (
            "a lie about the number of records",
            udp(|question| {
                let mut answer = reply(question, 0);
                (answer[6], answer[7]) = (0xff, 0xff);
                vec![answer]
            }),
        ),
    ];
    for (kind, port) in rubbish {
        let ran = ask(port, &["www.example"]);
        assert_eq!(ran.code, Some(2), "{kind}: {}", ran.stdout);
        assert!(ran.first_line().contains(": no DNS answer, "), "{kind}: {}", ran.stdout);
        assert!(ran.first_line().ends_with("[protocol]"), "{kind}: {}", ran.stdout);
    }
    // A forgery first, then the true answer.
    let port = udp(|question| {
        let mut forged = reply(question, 3);
        forged[0] ^= 1;
        vec![forged, b"".to_vec(), with_address(question)]
    });
    let ran = ask(port, &["www.example", "--type", "A", "-v"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.contains("\n2 packets with another id were ignored\n"), "{}", ran.stdout);
    // Forgeries only.
    let port = udp(|question| {
        let mut forged = reply(question, 0);
        forged[0] ^= 1;
        vec![forged; 3]
    });
    let ran = ask(port, &["www.example", "-t", "1"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.first_line().contains(": 3 packets with another id"), "{}", ran.stdout);
}

#[test]
fn tcp_servers_that_misbehave() {
    let framed =
        |answer: &[u8]| [&u16::try_from(answer.len()).expect("short").to_be_bytes(), answer].concat();
    let cases: [(u16, &str); 4] = [
        (
            tcp(move |question, stream| stream.write_all(&framed(&reply(question, 2)))),
            "with SERVFAIL [resolver-failed]",
        ),
        (tcp(|_, _| Ok(())), "over TCP: closed after 0 of 2 bytes [closed]"),
        (
            tcp(|question, stream| stream.write_all(&[b"\xff\xff", question].concat())),
            "of 65535 bytes [closed]",
        ),
        (
            tcp(move |question, stream| {
                let mut answer = reply(question, 0);
                answer[0] ^= 1;
                stream.write_all(&framed(&answer))
            }),
            "no DNS answer, it has another id [protocol]",
        ),
    ];
    for (port, end) in cases {
        let ran = ask(port, &["www.example", "--tcp"]);
        assert_eq!(ran.code, Some(2), "{end}: {}", ran.stdout);
        // The first line may be cut; then the whole sentence stands below it.
        assert!(ran.stdout.contains(end), "{end}: {}", ran.stdout);
    }
    // However slowly, however much: the end of the run stays.
    for peer in [
        Peer::silent(),
        Peer::drips([0x10, 0x00], Duration::from_millis(50)),
        Peer::drips([0xff], Duration::from_millis(20)),
        Peer::endless([0x02, 0x00]),
        Peer::garbage(),
        Peer::black_hole(),
    ] {
        let ran = ask(peer.port(), &["www.example", "--tcp", "-t", "1"]);
        assert_eq!(ran.code, Some(2), "{}", ran.stdout);
        assert!(ran.took < Duration::from_secs(5), "{:?}: {}", ran.took, ran.stdout);
    }
}

/// Runs the plugin where other files stand at `/etc/resolv.conf` and `/etc/hosts`, in a mount namespace (root is needed).
fn with_files(resolv_conf: &str, hosts: &str, args: &[&str]) -> Ran {
    let folder = tempfile::tempdir().expect("make a folder");
    let file = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("write a file");
        path
    };
    let (conf, hosts) = (file("resolv.conf", resolv_conf), file("hosts", hosts));
    let script =
        r#"mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/hosts && shift 2 && exec "$@""#;
    let ran = Run::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .args([&conf, &hosts])
        .args([plugin("check-dns")])
        .args(args)
        .env_remove("RES_OPTIONS")
        .env_remove("LOCALDOMAIN")
        .go();
    assert_eq!(ran.stderr, "");
    ran
}

#[test]
fn without_a_server_those_of_resolv_conf_are_asked_in_order() {
    let server = zone();
    let port = server.port().to_string();
    // 127.0.0.9 has nobody on that port; only the first says so at once.
    let conf = "nameserver 127.0.0.9\nnameserver 127.0.0.1\nsearch none.example zone.example\n";
    let ran = with_files(conf, "", &["--port", &port, "--name", "api", "--type", "A", "-v"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(
        ran.first_line().starts_with(&format!("DNS OK - api A is 192.0.2.1, says 127.0.0.1:{port} after "))
    );
    assert!(
        ran.stdout.contains(&format!("\nask 127.0.0.9:{port} for api.none.example A: refused\n")),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("\napi.zone.example. 3600 A 192.0.2.1\n"), "{}", ran.stdout);
}

#[test]
fn an_error_on_the_search_list_is_not_forgotten() {
    let server = zone();
    let port = server.port().to_string();
    let conf = "nameserver 127.0.0.1\nsearch refused.example zone.example\n";
    let ask = |name: &str, rest: &[&str]| {
        with_files(conf, "", &[&["--port", &port, "--name", name], rest].concat())
    };
    assert_eq!(ask("api", &[]).code, Some(0));
    let ran = ask("nobody", &["-n"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    let end = "answers nobody with REFUSED [resolver-failed] ";
    assert!(ran.first_line().contains(end), "{}", ran.stdout);
}

#[test]
fn a_dead_first_server_shows_as_the_delay_that_applications_feel() {
    let server = zone();
    let port = server.port();
    let dead = UdpSocket::bind(("127.0.0.9", port)).expect("the same port elsewhere");
    let conf = "nameserver 127.0.0.9\nnameserver 127.0.0.1\noptions timeout:1\n";
    let args =
        ["--port", &port.to_string(), "--name", "api.zone.example", "--type", "A", "--warning", "500ms"];
    let ran = with_files(conf, "", &args);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.took >= Duration::from_secs(1), "{:?}", ran.took);
    let line = sentence(&ran, port);
    assert!(line.starts_with("DNS WARNING - 127.0.0.1:PORT took 1"), "{line}");
    assert!(line.ends_with(" s for api.zone.example A, outside 0.5s [threshold]"), "{line}");
    drop(dead);
}

#[test]
fn nobody_of_resolv_conf_answers() {
    let silent = UdpSocket::bind("127.0.0.9:0").expect("a free port");
    let port = silent.local_addr().expect("an address").port();
    let conf = "nameserver 127.0.0.9\noptions timeout:1 attempts:1\n";
    let ran = with_files(conf, "", &["--port", &port.to_string(), "--name", "api.zone.example"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.first_line().ends_with(" [resolver-silent]"), "{}", ran.stdout);
}

#[test]
fn a_server_by_name() {
    let server = zone();
    let port = server.port().to_string();
    let hosts = "127.0.0.1 ns1.zone.example ns1\n";
    let ran = with_files("", hosts, &["-s", "NS1", "--port", &port, "-H", "api.zone.example", "-q", "A"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(
        ran.first_line()
            .starts_with(&format!("DNS OK - api.zone.example A is 192.0.2.1, says NS1 (127.0.0.1:{port}) ")),
        "{}",
        ran.stdout
    );
    // Nobody listens at 127.0.0.9, where resolv.conf would have the name looked up.
    let ran = with_files("nameserver 127.0.0.9\n", "", &["-s", "nowhere.example", "-H", "api.zone.example"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(
        ran.first_line()
            .starts_with("DNS CRITICAL - look up nowhere.example: no answer from 127.0.0.9 (refused)")
    );
    let ran = with_files(
        "nameserver 127.0.0.9\n",
        "",
        &["--dialect", "c", "-s", "nowhere.example", "-H", "api.zone.example"],
    );
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
}

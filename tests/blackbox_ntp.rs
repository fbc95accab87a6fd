//! check-ntp against a real chronyd, and against servers that lie, refuse, and keep silent.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{Ran, Run, UdpPeer, alias, chronyd, free_port, ntp, plugin, run};

/// What a run may take beyond its timeout on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

#[track_caller]
fn ask(port: u16, args: &[&str]) -> Ran {
    let port = port.to_string();
    let ran = run(plugin("check-ntp"), [&["-H", "127.0.0.1", "-p", &port], args].concat());
    assert_eq!(ran.stderr, "", "{args:?}");
    ran
}

/// The first line before the perfdata, with the server's port as `PORT`.
fn sentence(ran: &Ran, port: u16) -> String {
    ran.first_line().split(" | ").next().unwrap_or_default().replace(&format!(":{port}"), ":PORT")
}

#[track_caller]
fn expect(code: i32, line: &str, port: u16, args: &[&str]) {
    let ran = ask(port, args);
    assert_eq!((ran.code, sentence(&ran, port).as_str()), (Some(code), line), "{args:?}: {}", ran.stdout);
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

/// A time server whose replies are spoiled.
fn spoiled(spoil: impl Fn(&mut Vec<u8>) + Send + 'static) -> UdpPeer {
    UdpPeer::new(move |request| {
        let mut reply = ntp::time(request, 0.0);
        spoil(&mut reply);
        vec![reply]
    })
}

/// Time servers on addresses of their own, all on one port, each so many seconds ahead.
fn ahead(seconds: &[f64]) -> (Vec<UdpPeer>, Vec<String>, u16) {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let port = free_port();
    let serve = |seconds: &f64| {
        let seconds = *seconds;
        let address = IpAddr::from([127, high | 1, low, NEXT.fetch_add(1, Ordering::Relaxed)]);
        UdpPeer::at(SocketAddr::new(address, port), move |request| vec![ntp::time(request, seconds)])
    };
    let servers: Vec<UdpPeer> = seconds.iter().map(serve).collect();
    let hosts = servers.iter().map(|server| server.address().ip().to_string()).collect();
    (servers, hosts, port)
}

#[track_caller]
fn ask_hosts(hosts: &[String], port: u16, args: &[&str]) -> Ran {
    let hosts = hosts.iter().flat_map(|host| ["-H", host.as_str()]);
    let ran = run(plugin("check-ntp"), hosts.chain(["-p", &port.to_string()]).chain(args.iter().copied()));
    assert_eq!(ran.stderr, "", "{args:?}");
    ran
}

#[test]
fn a_real_server() {
    let server = chronyd("");
    let port = server.port().to_string();
    // As the example manifest has it.
    let manifest = ["--host", "127.0.0.1", "--warning", "250ms", "--critical", "2s", "--port", &port];
    let ran = run(plugin("check-ntp"), manifest);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let line = ran.first_line();
    assert!(line.starts_with(&format!("NTP OK - 127.0.0.1:{port}: offset ")), "{line}");
    assert!(line.contains(", stratum 3, jitter "), "{line}");
    assert!(line.contains("s;-0.25:0.25;-2:2 stratum=3;;;0;16 jitter=0"), "{line}");

    let json = json(&ask(server.port(), &["--samples", "6", "--output-format", "json"]));
    let facts = &json["facts"]["servers"][0];
    assert_eq!(
        (&facts["stratum"], &facts["leap"], &facts["kiss"]),
        (&3.into(), &"none".into(), &Value::Null)
    );
    assert_eq!(facts["samples"].as_array().map(Vec::len), Some(6), "{facts}");
    assert!(facts["offset"].as_f64().is_some_and(|offset| offset.abs() < 0.2), "{facts}");
    assert!(facts["delay"].as_f64().is_some_and(|delay| (0.0..0.2).contains(&delay)), "{facts}");
    assert!(facts["jitter"].as_f64().is_some_and(|jitter| jitter < 0.2), "{facts}");
}

#[test]
fn a_real_server_that_is_not_synchronised() {
    let server = chronyd("# no source and no local clock");
    let port = server.port();
    expect(2, "NTP CRITICAL - 127.0.0.1:PORT is not synchronised: 00000000 [status]", port, &[]);
    expect(3, "NTP UNKNOWN - 127.0.0.1:PORT is not synchronised: 00000000 [status]", port, &["-q"]);
}

#[test]
fn a_real_server_that_thinks_little_of_us() {
    // It answers one request in two seconds and drops the others; what it said is enough.
    let server = chronyd("local stratum 10\nratelimit interval 1 burst 1 leak 4");
    let ran = ask(server.port(), &["-t", "15"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.first_line().contains(", stratum 10"), "{}", ran.stdout);
}

#[test]
fn a_kiss_of_death_is_a_reason() {
    for (code, line) in [
        (b"DENY", "refuses to be asked: kiss code DENY [refused]"),
        (b"RSTR", "refuses to be asked: kiss code RSTR [refused]"),
        (b"RATE", "is asked too often: kiss code RATE [status]"),
        (b"\x1b[2J", "tells no time: kiss code 1b5b324a [status]"),
    ] {
        let server = spoiled(move |reply| {
            reply[1] = 0;
            reply[12..16].copy_from_slice(code);
        });
        expect(2, &format!("NTP CRITICAL - 127.0.0.1:PORT {line}"), server.port(), &[]);
    }
}

#[test]
fn a_kiss_after_a_good_answer_ends_the_talk_and_nothing_else() {
    let mut asked = 0;
    let server = UdpPeer::new(move |request| {
        asked += 1;
        let mut reply = ntp::time(request, 0.0);
        if asked > 2 {
            reply[1] = 0;
            reply[12..16].copy_from_slice(b"RATE");
        }
        vec![reply]
    });
    let ran = ask(server.port(), &["-v"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.contains("ends the talk with RATE"), "{}", ran.stdout);
}

#[test]
fn a_clock_that_was_never_set() {
    let alarm = spoiled(|reply| reply[0] = 0xe4);
    expect(2, "NTP CRITICAL - 127.0.0.1:PORT is not synchronised: leap alarm [status]", alarm.port(), &[]);
    let stratum = spoiled(|reply| reply[1] = 16);
    expect(2, "NTP CRITICAL - 127.0.0.1:PORT is not synchronised: stratum 16 [status]", stratum.port(), &[]);
    // Its word that it is synchronised is not enough where there is no time.
    let zero = spoiled(|reply| reply[32..48].fill(0));
    let line = "NTP CRITICAL - 127.0.0.1:PORT answers with no time, although it is synchronised [protocol]";
    expect(2, line, zero.port(), &["-t", "1"]);
}

#[test]
fn what_is_no_answer_is_passed_over() {
    for (spoil, line) in [
        ((|reply| reply[24] ^= 1) as fn(&mut Vec<u8>), "the answer to a request that was not sent"),
        (|reply| reply.truncate(47), "47 bytes instead of 48"),
        (|reply| reply.truncate(1), "1 bytes instead of 48"),
        (|reply| reply[0] = 0x23, "a packet of mode 3 instead of 4"),
        (|reply| reply[0] = 0x3c, "version 7 of NTP"),
    ] {
        let server = spoiled(spoil);
        let started = Instant::now();
        let line = format!("NTP CRITICAL - 127.0.0.1:PORT answers with {line} [protocol]");
        expect(2, &line, server.port(), &["-t", "1"]);
        assert!(started.elapsed() < Duration::from_secs(1) + SLACK);
        expect(3, &line.replace("CRITICAL", "UNKNOWN"), server.port(), &["-t", "1", "-q"]);
    }
    // The right one among them counts.
    let server = UdpPeer::new(|request| {
        let mut forged = ntp::time(request, 3600.0);
        forged[24] ^= 1;
        vec![b"hello".to_vec(), forged, vec![0; 1500], ntp::time(request, 0.0)]
    });
    let ran = ask(server.port(), &["-w", "1", "-c", "2", "-v"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.contains("\npassed over: 5 bytes instead of 48\n"), "{}", ran.stdout);
    // A reply with extension fields behind it.
    let longer = spoiled(|reply| reply.resize(200, 7));
    assert_eq!(ask(longer.port(), &[]).code, Some(0));
}

#[test]
fn a_late_answer_is_none() {
    // Each answer is the one to the request before.
    let mut before: Vec<u8> = vec![0; 48];
    let server = UdpPeer::new(move |request| {
        let reply = ntp::time(&before, 0.0);
        before = request.to_vec();
        vec![reply]
    });
    let line =
        "NTP CRITICAL - 127.0.0.1:PORT answers with the answer to a request that was not sent [protocol]";
    expect(2, line, server.port(), &["-t", "3"]);
}

#[test]
fn lost_packets_are_sent_again() {
    let mut asked = 0;
    let server = UdpPeer::new(move |request| {
        asked += 1;
        if asked == 1 || asked == 3 { Vec::new() } else { vec![ntp::time(request, 0.0)] }
    });
    let json = json(&ask(server.port(), &["--output-format", "json"]));
    assert_eq!(json["state"], "OK", "{json}");
    assert_eq!(json["facts"]["servers"][0]["samples"].as_array().map(Vec::len), Some(4), "{json}");
}

#[test]
fn nobody_answers() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let port = silent.local_addr().expect("its address").port();
    let started = Instant::now();
    let line = "NTP CRITICAL - ask 127.0.0.1:PORT for the time: no answer within 1 s [timed-out]";
    expect(2, line, port, &["-t", "1", "-q"]);
    assert!(started.elapsed() < Duration::from_secs(1) + SLACK);
    expect(1, &line.replace("CRITICAL", "WARNING"), port, &["-t", "1:warning"]);
    expect(2, "NTP CRITICAL - ask 127.0.0.1:PORT: refused [refused]", free_port(), &[]);
}

#[test]
fn a_flood_of_garbage_ends_in_time() {
    let server = UdpPeer::new(|_| (0..20_000_u32).map(|n| vec![0xff; (n % 1400) as usize]).collect());
    let started = Instant::now();
    let ran = ask(server.port(), &["-t", "1"]);
    assert!(started.elapsed() < Duration::from_secs(1) + SLACK);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.first_line().ends_with("[protocol]"), "{}", ran.stdout);
}

#[test]
fn offsets_have_signs_and_eras() {
    for (seconds, code, shown) in [
        (5.0, 2, "+5 s"),
        (-5.0, 2, "-5 s"),
        (-0.5, 1, "-500 ms"),
        // 2058: the era that begins in 2036.
        (1e9, 2, "+11574 d"),
    ] {
        let (_servers, hosts, port) = ahead(&[seconds]);
        let ran = ask_hosts(&hosts, port, &["-w", "250ms", "-c", "2s"]);
        assert_eq!(ran.code, Some(code), "{}", ran.stdout);
        // On a busy machine the half of a delay that goes one way only counts for a few milliseconds.
        let line = ran.first_line();
        assert!(line.contains(&format!(": offset {}", &shown[..2])), "{line}");
        let offset: f64 = testkit::perfdata(&ran.stdout)[0].1;
        assert!((offset - seconds).abs() < 0.2, "{shown}: {line}");
    }
}

#[test]
fn two_servers_of_which_one_is_off() {
    let (_servers, hosts, port) = ahead(&[0.0, 5.0]);
    let limits = ["-w", "60", "-c", "120", "--spread-warning", "100ms", "--spread-critical", "1s"];
    let ran = ask_hosts(&hosts, port, &limits);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.stdout.contains(" differ by 5 s, outside 1s [threshold]"), "{}", ran.stdout);
    assert!(ran.first_line().len() < 4096 && ran.stdout.contains(&hosts[1]), "{}", ran.stdout);

    let ran = ask_hosts(&hosts, port, &[&limits[..], &["--min-servers", "2"]].concat());
    assert!(
        ran.first_line().starts_with("NTP CRITICAL - 1 of 2 servers are in order, 2 needed [content]"),
        "{}",
        ran.stdout
    );
    let (_servers, hosts, port) = ahead(&[0.0, 5.0, 0.01]);
    let ran = ask_hosts(&hosts, port, &[&limits[..], &["--min-servers", "2"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.first_line().starts_with("NTP OK - 2 of 3 servers agree, worst offset "), "{}", ran.stdout);
}

#[test]
fn servers_are_asked_at_once() {
    let (_servers, mut hosts, port) = ahead(&[0.0]);
    let silent: Vec<UdpSocket> = ["127.9.9.1", "127.9.9.2", "127.9.9.3"]
        .map(|address| {
            UdpSocket::bind((address.parse::<Ipv4Addr>().expect("an address"), port)).expect("bind")
        })
        .into();
    hosts.extend(silent.iter().map(|socket| socket.local_addr().expect("its address").ip().to_string()));
    let started = Instant::now();
    let ran = ask_hosts(&hosts, port, &["-t", "2"]);
    assert!(started.elapsed() < Duration::from_secs(2) + SLACK);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.first_line().contains("127.9.9.1"), "{}", ran.stdout);
    assert!(
        ran.first_line().ends_with("servers agree") || ran.first_line().contains("[timed-out]"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("127.9.9.3"), "{}", ran.stdout);
    let ran = ask_hosts(&hosts, port, &["-t", "2", "--min-servers", "1"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let ran = ask_hosts(&hosts, port, &["-t", "2", "--min-servers", "2"]);
    let line = "NTP CRITICAL - 1 of 4 servers are in order, 2 needed [timed-out]";
    assert!(ran.first_line().starts_with(line), "{}", ran.stdout);
}

#[test]
fn a_name_is_asked_at_all_its_addresses() {
    // Nobody is at ::1, or nobody has it.
    let server = chronyd("");
    let port = server.port().to_string();
    let ran = run(plugin("check-ntp"), ["-H", "localhost", "-p", &port]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.first_line().contains(&format!("localhost:{port} (127.0.0.1): offset")), "{}", ran.stdout);
}

#[test]
fn what_was_asked_wrongly_is_unknown() {
    for args in [
        &["--min-servers", "2"][..],
        &["-H", "127.0.0.1"],
        &["--warning", "soon"],
        &["--samples", "0"],
        &["--samples", "17"],
        &["--time-offset", "inf"],
        &["--jwarn", "1"],
        &["-H", "/run/ntp.sock"],
    ] {
        let ran = ask(9, args);
        assert_eq!(ran.code, Some(3), "{args:?}: {}", ran.stdout);
        assert!(ran.first_line().ends_with("[usage]"), "{args:?}: {}", ran.stdout);
    }
}

fn ask_peer(port: u16, args: &[&str]) -> Ran {
    let link = alias("check-ntp", "check-ntp-peer");
    let port = port.to_string();
    let ran = Run::new(&link).args(["-H", "127.0.0.1", "-p", &port]).args(args).go();
    assert_eq!(ran.stderr, "", "{args:?}");
    ran
}

#[test]
fn sources_in_the_own_dialect() {
    let server = UdpPeer::new(|query| {
        vec![ntp::control(query, 0, &[(6, "stratum=3, offset=-12.5, jitter=1.5"), (4, ""), (1, "")])]
    });
    let ran = ask_peer(server.port(), &["-w", "250ms", "-j", "5", "-W", "4", "-m", "2:"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(
        ran.first_line().ends_with(
            "| offset=-0.0125s;-0.25:0.25;-120:120 jitter=0.0015s;0.005;-0.001:10;0 stratum=3;4;-1:16;0;16 \
             truechimers=2;2:;0:;0"
        ),
        "{}",
        ran.stdout
    );
    let ran = ask_peer(server.port(), &["--output-format", "json"]);
    let facts = json(&ran)["facts"].clone();
    assert_eq!((&facts["associations"], &facts["candidates"]), (&3.into(), &2.into()), "{facts}");
}

#[test]
fn an_answer_in_many_parts() {
    // 200 sources, 40 in a packet, the last packet first and one twice; then what does not belong.
    let server = UdpPeer::new(|query| {
        if query[1] & 0x1f != 1 {
            return vec![ntp::control(query, 0, &[(6, "stratum=1, offset=1, jitter=1"); 200])];
        }
        let part = |number: usize| {
            let mut part = ntp::control(query, 0, &[(6, ""); 40]);
            for (n, id) in (number * 40..number * 40 + 40).enumerate() {
                let id = u16::try_from(id + 1).expect("an id");
                part[12 + 4 * n..14 + 4 * n].copy_from_slice(&id.to_be_bytes());
            }
            if number < 4 {
                part[1] |= 0x20;
            }
            let offset = u16::try_from(number * 160).expect("an offset");
            part[8..10].copy_from_slice(&offset.to_be_bytes());
            part
        };
        let mut parts: Vec<Vec<u8>> = [4, 1, 1, 0, 3].into_iter().map(part).collect();
        parts.push(b"\x16\x81".to_vec());
        parts.push(part(2));
        parts
    });
    let ran = ask_peer(server.port(), &["-m", "200:", "-W", "1"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.first_line().contains("truechimers=200;"), "{}", ran.stdout);
}

#[test]
fn control_queries_that_fail() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let port = silent.local_addr().expect("its address").port();
    let ran = ask_peer(port, &["-t", "1"]);
    let line =
        "NTP-PEER CRITICAL - ask 127.0.0.1:PORT a control query (mode 6): no answer within 1 s [timed-out]";
    assert_eq!((ran.code, sentence(&ran, port).as_str()), (Some(2), line));

    for (spoil, line) in [
        ((|answer| answer.truncate(11)) as fn(&mut Vec<u8>), "11 bytes instead of 12 at least"),
        (|answer| answer[3] ^= 1, "an answer to another query"),
        (|answer| answer[1] = 1, "an answer to another question"),
        (|answer| answer[10] = 2, "516 bytes of data announced, 4 sent"),
        (|answer| answer[0] = 0x24, "a packet of mode 4 instead of 6"),
    ] {
        let server = UdpPeer::new(move |query| {
            let mut answer = ntp::control(query, 0, &[(6, "")]);
            spoil(&mut answer);
            vec![answer]
        });
        let ran = ask_peer(server.port(), &["-t", "1"]);
        let line = format!("NTP-PEER CRITICAL - 127.0.0.1:PORT answers with {line} [protocol]");
        assert_eq!((ran.code, sentence(&ran, server.port())), (Some(2), line), "{}", ran.stdout);
    }

    let refuses = UdpPeer::new(|query| {
        let mut answer = ntp::control(query, 0, &[]);
        (answer[1], answer[4]) = (0xc1, 1);
        vec![answer]
    });
    let ran = ask_peer(refuses.port(), &[]);
    let line = "NTP-PEER CRITICAL - 127.0.0.1:PORT refuses to name its sources: error 1 [refused]";
    assert_eq!((ran.code, sentence(&ran, refuses.port()).as_str()), (Some(2), line));

    // One part, and never the next.
    let endless = UdpPeer::new(|query| {
        let mut answer = ntp::control(query, 0, &[(6, "")]);
        answer[1] |= 0x20;
        vec![answer; 1000]
    });
    let started = Instant::now();
    let ran = ask_peer(endless.port(), &["-t", "1"]);
    assert!(started.elapsed() < Duration::from_secs(1) + SLACK);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    // It names a source and will not say a thing about it.
    let mute = UdpPeer::new(|query| {
        if query[1] & 0x1f == 1 { vec![ntp::control(query, 0, &[(6, "")])] } else { Vec::new() }
    });
    let ran = ask_peer(mute.port(), &["-t", "1"]);
    let line = "NTP-PEER CRITICAL - ask 127.0.0.1:PORT for the variables of a source: no answer within 1 s [timed-o…";
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(sentence(&ran, mute.port()).starts_with(&line[..80]), "{}", ran.stdout);
}

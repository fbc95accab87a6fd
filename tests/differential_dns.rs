//! The same command line through the C plugin and through ours under its name: exit code, and labels and units of perfdata.
//!
//! The C plugin starts nslookup, which asks port 53 only. So each server listens there, on a loopback address of its own.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};

use testkit::{Ran, Server, TempAlias, alias, perfdata, run, unbound};

const THEIRS: &str = "/usr/lib/nagios/plugins/check_dns";

const ZONE: &str = r#"
    local-zone: "zone.example." static
    local-data: "zone.example. NS ns.zone.example."
    local-data: "a.zone.example. A 192.0.2.1"
    local-data: "two.zone.example. A 192.0.2.1"
    local-data: "two.zone.example. A 192.0.2.2"
    local-data: "dual.zone.example. A 192.0.2.1"
    local-data: "dual.zone.example. AAAA 2001:db8::1"
    local-data: "six.zone.example. AAAA 2001:db8::1"
    local-data: "text.zone.example. TXT hello"
    local-data: "alias.zone.example. CNAME a.zone.example."
    local-data-ptr: "192.0.2.1 a.zone.example"
    local-data-ptr: "2001:db8::1 six.zone.example"
    local-zone: "2.0.192.in-addr.arpa." static
    local-zone: "refused.example." refuse
"#;

/// A loopback address whose port 53 is free; no two tests, and no two test processes, get the same.
fn free_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    loop {
        let last = NEXT.fetch_add(1, Ordering::Relaxed);
        assert_ne!(last, 0, "no loopback address has a free port 53 (root is needed to listen there)");
        let address = Ipv4Addr::new(127, high | 1, low, last);
        if UdpSocket::bind((address, 53)).is_ok() {
            return address;
        }
    }
}

/// A real server at port 53 of an address.
fn zone() -> (Server, String) {
    let address = free_address();
    (unbound(&format!("interface: {address}@53\n{ZONE}")), address.to_string())
}

/// A server that makes each answer from its question.
fn answering(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> String {
    let address = free_address();
    let socket = UdpSocket::bind((address, 53)).expect("listen on port 53");
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            socket.send_to(&answer(&buffer[..length]), client).expect("send the answer");
        }
    });
    address.to_string()
}

/// The question as an answer without records and with this code: QR, RD, RA set, AA not.
fn coded(question: &[u8], code: u8) -> Vec<u8> {
    let mut answer = question.to_vec();
    answer[2] = 0x81;
    answer[3] = 0x80 | code;
    answer
}

struct Both {
    ours: TempAlias,
}

impl Both {
    fn new() -> Both {
        Both { ours: alias("check-dns", "check_dns") }
    }

    fn run(&self, args: &[&str]) -> (Ran, Ran) {
        (run(THEIRS, args), run(&self.ours, args))
    }

    /// Fails unless both exit with `code`, and ours has the metrics of theirs.
    fn agree(&self, code: i32, args: &[&str]) {
        let (theirs, ours) = self.run(args);
        let both = format!("{args:?}\ntheirs: {}ours: {}", theirs.stdout, ours.stdout);
        assert_eq!((theirs.code, ours.code), (Some(code), Some(code)), "{both}");
        assert_eq!(ours.stderr, "", "{both}");
        let labels = |ran: &Ran| {
            perfdata(&ran.stdout).into_iter().map(|(label, _, unit)| (label, unit)).collect::<Vec<_>>()
        };
        // Ours also says how long a wrong answer took.
        if !labels(&theirs).is_empty() {
            assert_eq!(labels(&theirs), labels(&ours), "{both}");
        }
    }

    /// A difference that docs/deviations.md argues for.
    fn differ(&self, theirs: i32, ours: i32, args: &[&str]) {
        let (their, our) = self.run(args);
        let codes = (their.code, our.code);
        assert_eq!(
            codes,
            (Some(theirs), Some(ours)),
            "{args:?}\ntheirs: {}ours: {}",
            their.stdout,
            our.stdout
        );
    }
}

#[test]
fn answers() {
    let (_server, server) = zone();
    let both = Both::new();
    let s = server.as_str();
    for name in ["a", "two", "dual", "six"] {
        both.agree(0, &["-H", &format!("{name}.zone.example"), "-s", s]);
    }
    both.agree(0, &["-H", "a.zone.example.", "-s", s]);
    both.agree(0, &["-H", "192.0.2.1", "-s", s]);
    both.agree(0, &["-H", "2001:db8::1", "-s", s]);
    both.agree(0, &["-H", "192.0.2.1", "-s", s, "-a", "a.zone.example."]);
    both.agree(2, &["-H", "192.0.2.1", "-s", s, "-a", "b.zone.example."]);
    both.agree(2, &["-H", "192.0.2.9", "-s", s]);
    both.agree(2, &["-H", "nobody.zone.example", "-s", s]);
    both.agree(2, &["-H", "text.zone.example", "-s", s]);
    both.agree(2, &["-H", "a.refused.example", "-s", s]);
}

#[test]
fn expected_addresses() {
    let (_server, server) = zone();
    let both = Both::new();
    let ask = |code, name: &str, rest: &[&str]| {
        both.agree(code, &[&["-H", &format!("{name}.zone.example"), "-s", &server], rest].concat());
    };
    ask(0, "a", &["-a", "192.0.2.1"]);
    ask(2, "a", &["-a", "192.0.2.2"]);
    ask(0, "a", &["-a", "192.0.2.2", "-a", "192.0.2.1"]);
    ask(0, "a", &["-a", "192.0.2.2,192.0.2.1"]);
    ask(0, "a", &["-a", "192.0.2.0/24"]);
    ask(2, "a", &["-a", "192.0.3.0/24"]);
    ask(0, "two", &["-a", "192.0.2.1"]);
    ask(2, "two", &["-a", "192.0.2.1", "-L"]);
    ask(0, "two", &["-a", "192.0.2.2,192.0.2.1", "-L"]);
    ask(0, "two", &["-a", "192.0.2.0/24", "-L"]);
    ask(2, "a", &["-a", "192.0.2.2", "-a", "192.0.2.1", "-L"]);
    ask(0, "a", &["-L"]);
    ask(0, "dual", &["-a", "2001:db8::/32"]);
    ask(0, "dual", &["--expected-address=2001:db8::1", "--all", "-a", "192.0.2.1"]);
    ask(3, "a", &["-n", "-a", "192.0.2.1"]);
}

#[test]
fn names_that_must_not_exist() {
    let (_server, server) = zone();
    let both = Both::new();
    both.agree(0, &["-H", "nobody.zone.example", "-s", &server, "-n"]);
    both.agree(0, &["-H", "nobody.zone.example", "-s", &server, "--expect-nxdomain", "-A"]);
    both.agree(1, &["-H", "nobody.zone.example", "-s", &server, "-n", "-w", "0"]);
    both.agree(2, &["-H", "a.zone.example", "-s", &server, "-n"]);
    both.agree(0, &["-H", "text.zone.example", "-s", &server, "-n"]);
    both.agree(2, &["-H", "a.refused.example", "-s", &server, "-n"]);
    both.agree(0, &["-H", "192.0.2.9", "-s", &server, "-n"]);
}

#[test]
fn thresholds() {
    let (_server, server) = zone();
    let both = Both::new();
    let ask = |code, rest: &[&str]| {
        both.agree(code, &[&["-H", "a.zone.example", "-s", &server], rest].concat());
    };
    ask(1, &["-w", "0"]);
    ask(2, &["-c", "0"]);
    ask(2, &["-w", "0", "-c", "0"]);
    ask(0, &["-w", "50", "-c", "100"]);
    ask(0, &["--warning=100", "--critical=50", "--timeout=60"]);
    ask(0, &["-w", "50", "-to", "60"]);
    ask(1, &["-w", "@0:50"]);
}

#[test]
fn authority() {
    let (_server, authority) = zone();
    let both = Both::new();
    both.agree(0, &["-H", "a.zone.example", "-s", &authority, "-A"]);
    both.agree(0, &["-H", "dual.zone.example", "-s", &authority, "--expect-authority"]);
    // One A record, 192.0.2.7, out of a cache; nothing for any other type.
    let cache = answering(|question| {
        let mut answer = coded(question, 0);
        let kind = &question[question.len() - 4..question.len() - 2];
        if kind == [0, 1] {
            answer[7] = 1;
            answer.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07");
        }
        answer
    });
    both.agree(0, &["-H", "a.zone.example", "-s", &cache, "-a", "192.0.2.7"]);
    both.agree(2, &["-H", "a.zone.example", "-s", &cache, "-A"]);
}

#[test]
fn servers_that_fail() {
    let both = Both::new();
    let ask = |code, server: &str| both.agree(code, &["-H", "a.zone.example", "-s", server, "-t", "3"]);
    for code in [2, 5] {
        ask(2, &answering(move |question| coded(question, code)));
    }
    ask(2, &free_address().to_string());
    let silent = UdpSocket::bind((free_address(), 53)).expect("listen on port 53");
    ask(2, &silent.local_addr().expect("an address").ip().to_string());
}

#[test]
fn command_lines() {
    let (_server, server) = zone();
    let both = Both::new();
    both.agree(0, &["a.zone.example", &server]);
    both.agree(0, &["-H", "a.zone.example", &server]);
    both.agree(3, &["-s", &server]);
    both.agree(3, &[]);
    both.agree(3, &["-H", "", "-s", &server]);
    both.agree(3, &["-H", "a.zone.example", "-s", &server, "--no-such-option"]);
    both.agree(3, &["-h"]);
    both.agree(3, &["-V"]);
}

#[test]
fn differences_that_are_argued() {
    let (_server, server) = zone();
    let both = Both::new();
    let s = server.as_str();
    both.differ(0, 2, &["-H", "alias.zone.example", "-s", s]);
    both.differ(2, 0, &["-H", "dual.zone.example", "-s", s, "-a", "2001:DB8:0::1"]);
    both.differ(2, 0, &["-H", "192.0.2.1", "-s", s, "-a", "A.zone.example"]);
    both.differ(1, 3, &["-H", "a.zone.example", "-s", s, "-w", "abc"]);
    both.differ(2, 1, &["-H", "a.zone.example", "-s", s, "-wt", "0", "-ct", "50"]);
    both.differ(0, 3, &["-H", "a.zone.example", "-s", s, "extra"]);
    both.differ(2, 3, &["-H", "a b", "-s", s]);
    let failing = answering(|question| coded(question, 2));
    both.differ(0, 2, &["-H", "a.zone.example", "-s", &failing, "-n"]);
}

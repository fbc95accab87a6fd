//! The resolver against servers on loopback: good, wrong, refusing and silent ones.

use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::CNAME;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use plugin::{Deadline, Reason};

use super::{Lookup, Resolver};
use crate::Family;

/// What a server does with each question.
#[derive(Clone, Copy)]
enum Server {
    /// Knows `db.example`, `alias.example`, `v4.example`; all else does not exist.
    Good,
    /// Answers with this code.
    Code(ResponseCode),
    /// Reads, and never answers.
    Silent,
    /// Is not there.
    Absent,
    /// Answers with bytes that are no message.
    Garbage,
}

/// Files in a folder of their own, and servers at 127.0.0.1, 127.0.0.2 … on one port.
struct Host {
    folder: PathBuf,
    resolver: Resolver,
    /// How many questions each server got.
    asked: &'static [AtomicUsize; 3],
    /// Keeps the ports of absent servers free.
    _sockets: Vec<UdpSocket>,
}

impl Drop for Host {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).expect("remove the folder of this test");
    }
}

fn host(servers: &[Server], hosts: &str, nsswitch: &str, options: &str) -> Host {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("verdigris-resolve-{}-{number}", std::process::id()));
    std::fs::create_dir(&folder).expect("create a folder");
    let (port, sockets) = bind(servers.len());
    let asked: &'static [AtomicUsize; 3] = Box::leak(Box::default());
    let mut kept = Vec::new();
    let mut conf = String::new();
    for (index, (server, socket)) in servers.iter().zip(sockets).enumerate() {
        conf = format!("{conf}nameserver {}\n", socket.local_addr().expect("an address").ip());
        match server {
            Server::Absent => drop(socket),
            Server::Silent => kept.push(socket),
            server => {
                let server = *server;
                std::thread::spawn(move || serve(&socket, server, &asked[index]));
            }
        }
    }
    conf += options;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("write a file of this test");
        path
    };
    let resolver = Resolver {
        hosts: write("hosts", hosts),
        resolv_conf: write("resolv.conf", &conf),
        nsswitch: write("nsswitch.conf", nsswitch),
        local_domain: None,
        res_options: None,
        host_name: "here".into(),
        port,
    };
    Host { folder, resolver, asked, _sockets: kept }
}

/// One port that is free at several addresses.
fn bind(count: usize) -> (u16, Vec<UdpSocket>) {
    for _ in 0..100 {
        let first = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let port = first.local_addr().expect("an address").port();
        let others = (2..=count.max(1)).map(|last| UdpSocket::bind(format!("127.0.0.{last}:{port}")));
        if let Ok(others) = others.collect::<Result<Vec<_>, _>>() {
            return (port, std::iter::once(first).chain(others).collect());
        }
    }
    panic!("no port is free at {count} addresses");
}

fn serve(socket: &UdpSocket, server: Server, asked: &AtomicUsize) {
    let mut buffer = [0; 512];
    while let Ok((length, client)) = socket.recv_from(&mut buffer) {
        asked.fetch_add(1, Ordering::SeqCst);
        let query = Message::from_vec(&buffer[..length]).expect("a question");
        let bytes = match server {
            Server::Garbage => [&buffer[..2], b"\x81\x80 no message"].concat(),
            Server::Code(code) => reply(&query, code, &[]),
            _ => answer(&query),
        };
        socket.send_to(&bytes, client).expect("send the answer");
    }
}

fn answer(query: &Message) -> Vec<u8> {
    let question = &query.queries[0];
    let name = |text: &str| Name::from_ascii(text).expect("a name");
    let v4 = |owner: &str, last| {
        Record::from_rdata(name(owner), 60, RData::A(std::net::Ipv4Addr::new(10, 0, 0, last).into()))
    };
    let v6 = |owner: &str| {
        let address: std::net::Ipv6Addr = "2001:db8::1".parse().expect("an address");
        Record::from_rdata(name(owner), 60, RData::AAAA(address.into()))
    };
    let alias = || Record::from_rdata(name("alias.example."), 60, RData::CNAME(CNAME(name("db.example."))));
    let records = match (question.name().to_ascii().as_str(), question.query_type()) {
        ("db.example.", RecordType::A) => vec![v4("db.example.", 1), v4("db.example.", 2)],
        ("db.example.", RecordType::AAAA) => vec![v6("db.example.")],
        ("alias.example.", RecordType::A) => vec![alias(), v4("db.example.", 1), v4("db.example.", 2)],
        ("alias.example.", RecordType::AAAA) => vec![alias(), v6("db.example.")],
        (
            "v4.example." | "_v_4.example." | "xn--bcher-kva.example." | "here.local.example.",
            RecordType::A,
        ) => vec![v4(&question.name().to_ascii(), 9)],
        ("v4.example." | "_v_4.example." | "xn--bcher-kva.example." | "here.local.example.", _) => Vec::new(),
        _ => return reply(query, ResponseCode::NXDomain, &[]),
    };
    reply(query, ResponseCode::NoError, &records)
}

fn reply(query: &Message, code: ResponseCode, answers: &[Record]) -> Vec<u8> {
    let mut message = Message::response(query.id, OpCode::Query);
    message.metadata.response_code = code;
    message.add_query(query.queries[0].clone());
    message.add_answers(answers.iter().cloned());
    message.to_vec().expect("a message")
}

impl Host {
    fn lookup(&self, name: &str, family: Family) -> Result<Lookup, (Reason, String)> {
        let deadline = Deadline::after(Duration::from_secs(20));
        let shown = |failure: plugin::Failure| {
            // The port is the test's choice; 53 is not shown.
            let message = failure.message.replace(&format!(":{}", self.resolver.port), "");
            (failure.reason, message)
        };
        self.resolver.lookup(name, family, &deadline).map_err(shown)
    }

    fn addresses(&self, name: &str, family: Family) -> Vec<String> {
        let lookup = self.lookup(name, family).unwrap_or_else(|(_, message)| panic!("{message}"));
        let mut addresses: Vec<_> = lookup.addresses.iter().map(IpAddr::to_string).collect();
        // Which family is reachable is this machine's own.
        addresses.sort();
        addresses
    }

    fn failure(&self, name: &str) -> (Reason, String) {
        self.lookup(name, Family::Any).expect_err("no address")
    }

    fn failure_of(&self, name: &str, family: Family) -> (Reason, String) {
        self.lookup(name, family).expect_err("no address")
    }

    fn asked(&self, server: usize) -> usize {
        self.asked[server].load(Ordering::SeqCst)
    }
}

#[test]
fn literals_ask_nobody() {
    let host = host(&[Server::Silent], "", "hosts: dns\n", "");
    assert_eq!(host.addresses("127.1", Family::Any), ["127.0.0.1"]);
    assert_eq!(host.addresses("::1", Family::V6), ["::1"]);
    assert_eq!(host.failure_of("::1", Family::V4), (Reason::NameNotFound, "::1 is no IPv4 address".into()));
    let scoped = host.lookup("fe80::1%lo", Family::Any).expect("an address");
    assert_eq!(scoped.sockets(80), ["[fe80::1%1]:80".parse().expect("a socket")]);
}

#[test]
fn files_come_before_servers() {
    let hosts = "10.1.1.1 db.example\n2001:db8:1::1 DB.example other\n";
    let host = host(&[Server::Good], hosts, "hosts: files dns\n", "");
    assert_eq!(host.addresses("db.example", Family::Any), ["10.1.1.1", "2001:db8:1::1"]);
    assert_eq!(host.addresses("OTHER", Family::V6), ["2001:db8:1::1"]);
    assert_eq!(host.asked(0), 0);
    assert_eq!(host.addresses("v4.example", Family::Any), ["10.0.0.9"]);
    assert_eq!(host.asked(0), 2);
}

#[test]
fn the_order_is_nsswitchs() {
    let host = host(&[Server::Good], "10.1.1.1 db.example only.here\n", "hosts: dns files\n", "");
    assert_eq!(host.addresses("db.example", Family::V4), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(host.addresses("only.here", Family::V4), ["10.1.1.1"]);
}

#[test]
fn a_bracket_ends_the_search() {
    let host = host(&[Server::Good], "", "hosts: files [NOTFOUND=return] dns\n", "");
    assert_eq!(
        host.failure("db.example"),
        (Reason::NameNotFound, "look up db.example: not in the hosts file".into())
    );
    assert_eq!(host.asked(0), 0);
}

#[test]
fn sources_not_served_are_said() {
    let host = host(&[Server::Good], "", "hosts: files mdns4_minimal [NOTFOUND=return] dns myhostname\n", "");
    assert_eq!(
        host.failure("no.example"),
        (
            Reason::NameNotFound,
            "look up no.example: no such name, says 127.0.0.1; not asked: mdns4_minimal, myhostname".into()
        )
    );
}

#[test]
fn localhost_needs_no_file_and_no_server() {
    let host = host(&[Server::Silent], "", "", "");
    assert_eq!(host.addresses("localhost", Family::Any), ["127.0.0.1", "::1"]);
    assert_eq!(host.addresses("a.LocalHost.", Family::V4), ["127.0.0.1"]);
}

#[test]
fn both_families_are_asked_for_and_aliases_followed() {
    let host = host(&[Server::Good], "", "", "");
    assert_eq!(host.addresses("db.example", Family::Any), ["10.0.0.1", "10.0.0.2", "2001:db8::1"]);
    assert_eq!(host.addresses("alias.example", Family::Any), ["10.0.0.1", "10.0.0.2", "2001:db8::1"]);
    assert_eq!(host.addresses("db.example", Family::V6), ["2001:db8::1"]);
    assert_eq!(
        host.failure_of("v4.example", Family::V6),
        (Reason::NameNotFound, "look up v4.example: no IPv6 address, says 127.0.0.1".into())
    );
}

#[test]
fn the_search_list_completes_short_names() {
    let host = host(&[Server::Good], "", "", "search none.example local.example\n");
    assert_eq!(host.addresses("here", Family::V4), ["10.0.0.9"]);
    assert_eq!(host.asked(0), 2);
    let (reason, message) = host.failure("here.");
    assert_eq!(
        (reason, message.as_str()),
        (Reason::NameNotFound, "look up here.: no such name, says 127.0.0.1")
    );
}

#[test]
fn a_dead_first_server_shows_as_the_delay_that_applications_feel() {
    let host = host(&[Server::Silent, Server::Good], "", "", "options timeout:1\n");
    let lookup = host.lookup("v4.example", Family::V4).expect("an address");
    assert!(lookup.took >= Duration::from_secs(1), "{:?}", lookup.took);
    let details = lookup.details.join("\n").replace(&format!(":{}", host.resolver.port), "");
    assert!(details.starts_with("look up v4.example.: no answer from 127.0.0.1 within 1 s\n"), "{details}");
    assert!(details.contains("\nthe lookup of v4.example took 1"), "{details}");
}

#[test]
fn a_server_that_is_not_there_costs_nothing() {
    let host = host(&[Server::Absent, Server::Good], "", "", "");
    let lookup = host.lookup("v4.example", Family::V4).expect("an address");
    assert!(lookup.took < Duration::from_secs(5), "{:?}", lookup.took);
    assert_eq!(host.asked(1), 1);
}

#[test]
fn an_error_goes_to_the_next_server_and_rubbish_too() {
    for first in [Server::Code(ResponseCode::ServFail), Server::Code(ResponseCode::Refused), Server::Garbage]
    {
        let host = host(&[first, Server::Good], "", "", "");
        assert_eq!(host.addresses("v4.example", Family::V4), ["10.0.0.9"]);
        assert_eq!((host.asked(0), host.asked(1)), (1, 1));
    }
}

#[test]
fn no_such_name_is_believed() {
    let host = host(&[Server::Good, Server::Good], "", "", "");
    assert_eq!(
        host.failure("no.example"),
        (Reason::NameNotFound, "look up no.example: no such name, says 127.0.0.1".into())
    );
    assert_eq!(host.asked(1), 0);
}

#[test]
fn every_server_is_tried_as_often_as_the_file_says() {
    let failing = Server::Code(ResponseCode::ServFail);
    let host = host(&[failing, failing], "", "", "options attempts:3\n");
    assert_eq!(
        host.failure_of("db.example", Family::V4),
        (Reason::ResolverFailed, "look up db.example: 127.0.0.2 says SERVFAIL".into())
    );
    assert_eq!((host.asked(0), host.asked(1)), (3, 3));
}

#[test]
fn nobody_answers() {
    let host = host(&[Server::Silent, Server::Absent], "", "", "options timeout:1 attempts:1\n");
    let (reason, message) = host.failure("db.example");
    assert_eq!(reason, Reason::ResolverSilent, "{message}");
    assert!(
        message.starts_with("look up db.example: no answer from 127.0.0.1, 127.0.0.2 (refused) after 1"),
        "{message}"
    );
}

#[test]
fn the_deadline_ends_a_lookup() {
    let host = host(&[Server::Silent], "", "", "");
    let deadline = Deadline::after(Duration::from_millis(300));
    let failure = host.resolver.lookup("db.example", Family::Any, &deadline).expect_err("no address");
    assert_eq!(failure.reason, Reason::ResolverSilent);
    assert!(deadline.elapsed() < Duration::from_secs(5));
    let passed = Deadline::after(Duration::ZERO);
    let failure = host.resolver.lookup("db.example", Family::Any, &passed).expect_err("no time");
    assert_eq!(failure.reason, Reason::TimedOut);
}

#[test]
fn names_with_underscores_and_umlauts() {
    let host = host(&[Server::Good], "", "", "");
    assert_eq!(host.addresses("_v_4.example", Family::Any), ["10.0.0.9"]);
    assert_eq!(host.addresses("Bücher.example", Family::Any), ["10.0.0.9"]);
}

#[test]
fn a_name_that_no_server_could_know_is_not_asked_for() {
    let host = host(&[Server::Good], "", "", "");
    let long = format!("{}.example", "x".repeat(64));
    let (reason, message) = host.failure(&long);
    assert_eq!((reason, message), (Reason::NameNotFound, format!("look up {long}: no such name")));
    assert_eq!(host.asked(0), 0);
}

//! Every STARTTLS dialogue against a server of its protocol that does as it should, and against those that do not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use net::{Conn, Family, Target};
use openssl::ssl::SslAcceptor;
use plugin::{Deadline, Reason};
use testkit::Peer;
use testkit::pki::{Identity, Wish};
use tls::{StartTls, TlsOptions, Verify};

/// One turn of a server.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Says(&'static [u8]),
    /// What the client says has to begin so; it is read up to its end of line, `>` or, for bytes, to this length.
    Hears(&'static [u8]),
}

use Turn::{Hears, Says};

/// The MySQL greeting of a server with these capabilities.
const fn mysql(capabilities: u8) -> [u8; 35] {
    let mut packet = *b"\x1f\0\0\0\x0a5.7.44\0\x01\0\0\0saltsalt\0\xff\xff\x21\x02\0\xff\xc1\x15\0\0";
    packet[26] = capabilities;
    packet
}

const MYSQL: [u8; 35] = mysql(0xff);
const MYSQL_WITHOUT: [u8; 35] = mysql(0xf7);

const FEATURES: &[u8] =
    b"<?xml version='1.0'?><stream:stream id='1' xmlns:stream='http://etherx.jabber.org/streams' \
    version='1.0'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>\
    <mechanisms><mechanism>PLAIN</mechanism></mechanisms></stream:features>";
const NO_FEATURES: &[u8] = b"<?xml version='1.0'?><stream:stream id='1' version='1.0'><stream:features/>";
const LDAP_ASKS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// Dialogues that lead to TLS.
const GOOD: &[(StartTls, &[Turn])] = &[
    (
        StartTls::Smtp,
        &[
            Says(b"220-mail ESMTP\r\n220 ready\r\n"),
            Hears(b"EHLO [127.0.0.1]\r\n"),
            Says(b"250-mail\r\n250-PIPELINING\r\n250 starttls\r\n"),
            Hears(b"STARTTLS\r\n"),
            Says(b"220 go\r\n"),
        ],
    ),
    (
        StartTls::Lmtp,
        &[
            Says(b"220 mail LMTP\r\n"),
            Hears(b"LHLO [127.0.0.1]\r\n"),
            Says(b"250-mail\r\n250 STARTTLS\r\n"),
            Hears(b"STARTTLS\r\n"),
            Says(b"220 go\r\n"),
        ],
    ),
    (
        StartTls::Imap,
        &[
            Says(b"* OK ready\r\n"),
            Hears(b"a1 CAPABILITY\r\n"),
            Says(b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na1 OK done\r\n"),
            Hears(b"a2 STARTTLS\r\n"),
            Says(b"a2 OK go\r\n"),
        ],
    ),
    (
        StartTls::Pop3,
        &[
            Says(b"+OK ready\r\n"),
            Hears(b"CAPA\r\n"),
            Says(b"+OK\r\nUIDL\r\nSTLS\r\n.\r\n"),
            Hears(b"STLS\r\n"),
            Says(b"+OK go\r\n"),
        ],
    ),
    (
        StartTls::Pop3,
        &[
            Says(b"+OK old\r\n"),
            Hears(b"CAPA\r\n"),
            Says(b"-ERR what?\r\n"),
            Hears(b"STLS\r\n"),
            Says(b"+OK\r\n"),
        ],
    ),
    (
        StartTls::Ftp,
        &[Says(b"220-Welcome\r\n to this\r\n220 server\r\n"), Hears(b"AUTH TLS\r\n"), Says(b"234 go\r\n")],
    ),
    (
        StartTls::Nntp,
        &[
            Says(b"201 no posting\r\n"),
            Hears(b"CAPABILITIES\r\n"),
            Says(b"101 list\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n"),
            Hears(b"STARTTLS\r\n"),
            Says(b"382 go\r\n"),
        ],
    ),
    (
        StartTls::Sieve,
        &[
            Says(b"\"IMPLEMENTATION\" \"x\"\r\n\"SIEVE\" \"fileinto\"\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n"),
            Hears(b"STARTTLS\r\n"),
            Says(b"OK \"go\"\r\n"),
        ],
    ),
    (StartTls::Ldap, &[Hears(LDAP_ASKS), Says(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")]),
    (
        StartTls::Ldap,
        // The same with lengths of five bytes, as Active Directory writes them.
        &[
            Hears(LDAP_ASKS),
            Says(b"\x30\x84\0\0\0\x10\x02\x01\x01\x78\x84\0\0\0\x07\x0a\x01\x00\x04\x00\x04\x00"),
        ],
    ),
    (StartTls::Postgres, &[Hears(b"\0\0\0\x08\x04\xd2\x16\x2f"), Says(b"S")]),
    (StartTls::Mysql, &[Says(&MYSQL), Hears(b"\x20\0\0\x01\0\x8a\0\0\0\0\0\x01\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]),
    (
        StartTls::Xmpp,
        &[
            Hears(b"<?xml version='1.0'?><stream:stream to='web.example' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"),
            Says(FEATURES),
            Hears(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            Says(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        ],
    ),
    (
        StartTls::XmppServer,
        &[
            Hears(b"<?xml version='1.0'?><stream:stream to='web.example' version='1.0' xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>"),
            Says(FEATURES),
            Hears(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            Says(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'></proceed>"),
        ],
    ),
];

/// Dialogues that do not, with the end of the message.
const BAD: &[(StartTls, &[Turn], &str)] = &[
    (
        StartTls::Smtp,
        &[Says(b"220 mail\r\n"), Hears(b"EHLO [127.0.0.1]\r\n"), Says(b"250-mail\r\n250 XSTARTTLS\r\n")],
        " does not offer STARTTLS",
    ),
    (StartTls::Smtp, &[Says(b"554 go away\r\n")], " refused the connection: 554 go away"),
    (StartTls::Smtp, &[Says(b"+OK pop\r\n")], " does not speak SMTP: +OK pop"),
    (
        StartTls::Smtp,
        &[
            Says(b"220 mail\r\n"),
            Hears(b"EHLO [127.0.0.1]\r\n"),
            Says(b"250 STARTTLS\r\n"),
            Hears(b"STARTTLS\r\n"),
            Says(b"454 TLS not available\r\n"),
        ],
        " refused STARTTLS: 454 TLS not available",
    ),
    (
        StartTls::Smtp,
        &[
            Says(b"220 mail\r\n"),
            Hears(b"EHLO [127.0.0.1]\r\n"),
            Says(b"250 STARTTLS\r\n"),
            Hears(b"STARTTLS\r\n"),
            Says(b"220 go\r\n250 injected\r\n"),
        ],
        " sent 14 B in the clear behind its go-ahead to TLS",
    ),
    (
        StartTls::Imap,
        &[Says(b"* PREAUTH hello\r\n")],
        " has logged us in already, and takes no STARTTLS then",
    ),
    (StartTls::Imap, &[Says(b"* BYE full\r\n")], " refused the connection: * BYE full"),
    (StartTls::Imap, &[Says(b"220 smtp\r\n")], " does not speak IMAP: 220 smtp"),
    (
        StartTls::Imap,
        &[
            Says(b"* OK ready\r\n"),
            Hears(b"a1 CAPABILITY\r\n"),
            Says(b"* CAPABILITY IMAP4rev1\r\na1 OK done\r\n"),
        ],
        " does not offer STARTTLS",
    ),
    (
        StartTls::Imap,
        &[
            Says(b"* OK ready\r\n"),
            Hears(b"a1 CAPABILITY\r\n"),
            Says(b"* CAPABILITY STARTTLS\r\na1 OK done\r\n"),
            Hears(b"a2 STARTTLS\r\n"),
            Says(b"a2 BAD no\r\n"),
        ],
        " refused STARTTLS: a2 BAD no",
    ),
    (
        StartTls::Pop3,
        &[Says(b"+OK\r\n"), Hears(b"CAPA\r\n"), Says(b"+OK\r\nUIDL\r\n.\r\n")],
        " does not offer STARTTLS",
    ),
    (StartTls::Pop3, &[Says(b"-ERR full\r\n")], " refused the connection: -ERR full"),
    (
        StartTls::Ftp,
        &[Says(b"220 ftp\r\n"), Hears(b"AUTH TLS\r\n"), Says(b"502 what?\r\n")],
        " does not offer STARTTLS",
    ),
    (
        StartTls::Ftp,
        &[Says(b"220 ftp\r\n"), Hears(b"AUTH TLS\r\n"), Says(b"431 no key\r\n")],
        " refused AUTH TLS: 431 no key",
    ),
    (
        StartTls::Nntp,
        &[Says(b"200 news\r\n"), Hears(b"CAPABILITIES\r\n"), Says(b"101 list\r\nREADER\r\n.\r\n")],
        " does not offer STARTTLS",
    ),
    (StartTls::Sieve, &[Says(b"\"SIEVE\" \"x\"\r\nOK\r\n")], " does not offer STARTTLS"),
    (StartTls::Sieve, &[Says(b"BYE \"full\"\r\n")], " refused the connection: BYE \"full\""),
    (StartTls::Sieve, &[Says(b"220 smtp\r\n")], " does not speak ManageSieve: 220 smtp"),
    (
        StartTls::Ldap,
        &[Hears(LDAP_ASKS), Says(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00")],
        " does not offer STARTTLS",
    ),
    (
        StartTls::Ldap,
        &[Hears(LDAP_ASKS), Says(b"\x30\x10\x02\x01\x01\x78\x0b\x0a\x01\x34\x04\x00\x04\x04busy")],
        " refused StartTLS: result 52 busy",
    ),
    (
        StartTls::Ldap,
        &[Hears(LDAP_ASKS), Says(b"\x30\x84\x7f\xff\xff\xff")],
        " announces an LDAP message of 2147483647 B",
    ),
    (
        StartTls::Ldap,
        &[Hears(LDAP_ASKS), Says(b"\x30\x03\x02\x01\x01")],
        " does not speak LDAP: its answer is no ExtendedResponse",
    ),
    (StartTls::Ldap, &[Hears(LDAP_ASKS), Says(b"HTTP/1.1 400")], " does not speak LDAP: HT"),
    (StartTls::Postgres, &[Hears(b"\0\0\0\x08\x04\xd2\x16\x2f"), Says(b"N")], " does not offer STARTTLS"),
    (
        StartTls::Postgres,
        &[Hears(b"\0\0\0\x08\x04\xd2\x16\x2f"), Says(b"SR\0\0\0\x08\0\0\0\0")],
        " sent 9 B in the clear behind its go-ahead to TLS",
    ),
    (
        StartTls::Postgres,
        &[Hears(b"\0\0\0\x08\x04\xd2\x16\x2f"), Says(b"HTTP")],
        " does not speak PostgreSQL: H",
    ),
    (StartTls::Mysql, &[Says(&MYSQL_WITHOUT)], " does not offer STARTTLS"),
    (
        StartTls::Mysql,
        &[Says(b"\x17\0\0\0\xff\x10\x04Too many connections")],
        " refused the connection: Too many connections",
    ),
    (
        StartTls::Mysql,
        &[Says(b"\x05\0\0\0\x09abcd")],
        " does not speak MySQL: its greeting is none of protocol 10",
    ),
    (StartTls::Mysql, &[Says(b"\xff\xff\xff\0")], " does not speak MySQL: \u{fffd}\u{fffd}\u{fffd}"),
    (StartTls::Xmpp, &[Says(NO_FEATURES)], " does not offer STARTTLS"),
    (
        StartTls::Xmpp,
        &[Says(b"<?xml version='1.0'?><stream:stream><stream:error><host-unknown/></stream:error>")],
        " refused the stream: host-unknown",
    ),
    (StartTls::Xmpp, &[Says(b"<html><body>")], " does not speak XMPP: <html>"),
    (
        StartTls::Xmpp,
        &[Says(FEATURES), Hears(b"<?xml"), Says(b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")],
        " refused STARTTLS: failure",
    ),
];

/// Plays its turns; tells whether it got through them.
fn play(stream: &mut TcpStream, turns: &[Turn]) -> bool {
    turns.iter().all(|turn| match turn {
        Says(bytes) => stream.write_all(bytes).is_ok(),
        Hears(bytes) => {
            let mut heard = vec![0; bytes.len()];
            let whole = stream.read_exact(&mut heard).is_ok();
            assert_eq!(String::from_utf8_lossy(&heard), String::from_utf8_lossy(bytes));
            whole
        }
    })
}

// Until the client closes; a server that closes with unread bytes resets the connection.
fn swallow(mut stream: impl Read) {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
}

fn server(turns: &'static [Turn], acceptor: SslAcceptor) -> Peer {
    Peer::new(move |mut stream, _| {
        if play(&mut stream, turns)
            && let Ok(mut session) = acceptor.accept(stream)
            && session.write_all(b"encrypted\n").is_ok()
        {
            swallow(session);
        }
    })
}

fn connect(peer: &Peer, timeout: Duration) -> Conn {
    let deadline = Deadline::after(timeout);
    let target = Target::new("127.0.0.1", Some(peer.port())).expect("a target");
    let endpoint = target.resolve(Family::Any, &deadline).expect("a literal");
    endpoint.connect(&deadline).expect("it listens")
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn every_dialogue_leads_to_tls() {
    let identity = Identity::self_signed(&Wish::names(&["web.example"]));
    for (protocol, turns) in GOOD {
        let peer = server(turns, identity.acceptor());
        let mut conn = connect(&peer, LONG);
        protocol.start(&mut conn, "web.example").unwrap_or_else(|failure| panic!("{protocol:?}: {failure}"));
        let options = TlsOptions { verify: Verify::Nothing, ..TlsOptions::default() };
        let mut stream = tls::open(conn, "web.example", &options)
            .unwrap_or_else(|failure| panic!("{protocol:?}: {failure}"));
        assert_eq!(stream.session().chain[0].subject, "CN=web.example", "{protocol:?}");
        let mut said = [0; 10];
        stream.read_exact(&mut said).expect("what it says");
        assert_eq!(&said, b"encrypted\n", "{protocol:?}");
        stream.close();
    }
}

#[test]
fn every_refusal_says_what_came_back() {
    for (protocol, turns, message) in BAD {
        let peer = Peer::new(move |mut stream, _| {
            // What a client says that refuses to go on is not looked at.
            for turn in *turns {
                match turn {
                    Says(bytes) => assert!(stream.write_all(bytes).is_ok()),
                    Hears(bytes) => assert!(stream.read_exact(&mut vec![0; bytes.len()]).is_ok()),
                }
            }
            swallow(stream);
        });
        let failure = protocol.start(&mut connect(&peer, LONG), "web.example").expect_err(message);
        assert_eq!(failure.message, format!("{}{message}", peer.address()), "{protocol:?}");
        assert_eq!(failure.reason, Reason::Protocol, "{protocol:?}: {failure}");
    }
}

const ALL: [StartTls; 12] = [
    StartTls::Smtp,
    StartTls::Lmtp,
    StartTls::Imap,
    StartTls::Pop3,
    StartTls::Ftp,
    StartTls::Nntp,
    StartTls::Sieve,
    StartTls::Ldap,
    StartTls::Postgres,
    StartTls::Mysql,
    StartTls::Xmpp,
    StartTls::XmppServer,
];

#[test]
fn nobody_keeps_us_waiting() {
    let short = Duration::from_millis(300);
    for protocol in ALL {
        let ends = |peer: &Peer| {
            let started = std::time::Instant::now();
            let failure = protocol.start(&mut connect(peer, short), "web.example").expect_err("no TLS here");
            assert!(started.elapsed() < Duration::from_secs(5), "{protocol:?}");
            failure.reason
        };
        assert_eq!(ends(&Peer::silent()), Reason::TimedOut, "{protocol:?}");
        assert_eq!(ends(&Peer::closes()), Reason::Closed, "{protocol:?}");
        let drip = ends(&Peer::drips("2", Duration::from_millis(20)));
        assert!(matches!(drip, Reason::TimedOut | Reason::Protocol), "{protocol:?}: {drip}");
        let garbage = ends(&Peer::garbage());
        assert!(matches!(garbage, Reason::TimedOut | Reason::Protocol), "{protocol:?}: {garbage}");
        for endless in ["x", "220-x\r\n", "* OK\r\n", "+OK\r\n", "\"x\"\r\n", "<stream:stream>", "\0", "0~"] {
            let endless = ends(&Peer::endless(endless));
            assert!(matches!(endless, Reason::TimedOut | Reason::Protocol), "{protocol:?}: {endless}");
        }
    }
}

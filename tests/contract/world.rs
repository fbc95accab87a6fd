//! The plugins under all their names, and the services that their samples talk to.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use catalog::{Entry, PLUGINS};
use testkit::pki::{Identity, Wish};
use testkit::{Peer, Ran, Run, Server, TempAlias, UdpPeer, alias, free_port, ntp, unbound};

/// What a run may take beyond its timeout on a busy machine.
pub const SLACK: Duration = Duration::from_secs(5);

/// What the services of some namesakes say first; the others greet like an FTP server.
const GREETINGS: &[(&str, &str)] = &[
    ("check_imap", "* OK ready\r\n"),
    ("check_pop", "+OK ready\r\n"),
    ("check_nntp", "200 ready\r\n"),
    ("check_simap", "* OK ready\r\n"),
    ("check_spop", "+OK ready\r\n"),
    ("check_nntps", "200 ready\r\n"),
    ("check_clamd", "PONG\n"),
    (
        "check_jabber",
        "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams'>\n",
    ),
];

/// Names whose service begins with a TLS handshake.
const TLS: &[&str] = &["check_simap", "check_spop", "check_ssmtp", "check_nntps"];

/// What some namesakes need beside the sample of their plugin.
const MORE: &[(&str, &[&str])] = &[
    ("check_ping", &["-w", "900,50%", "-c", "950,60%", "--interval", "1ms"]),
    ("check_udp", &["-s", "hello", "-e", "hello"]),
];

/// A plugin as it is called by one of its names.
pub struct Called {
    pub entry: &'static Entry,
    pub name: String,
    link: TempAlias,
}

impl Called {
    /// A run without arguments.
    pub fn run(&self) -> Run {
        Run::new(&self.link)
    }

    /// The word at the start of its output.
    pub fn label(&self) -> String {
        self.name["check-".len()..].to_uppercase()
    }

    /// Whether it is called by its own name, and so speaks the suite's dialect.
    pub fn is_own(&self) -> bool {
        self.name.starts_with("check-")
    }

    /// Whether its sample talks to a service.
    pub fn talks(&self) -> bool {
        let services = ["{port}", "{dns}", "{http}", "{tls}", "{ntp}"];
        self.entry.sample.iter().any(|word| services.iter().any(|service| word.contains(service)))
    }

    /// Its own options, and those of every plugin.
    pub fn command(&self) -> clap::Command {
        (self.entry.command)(&self.name)
    }

    /// Its sample with this in place of the ports.
    pub fn sample_at(&self, port: u16) -> Vec<String> {
        assert!(!self.entry.sample.is_empty(), "{}: its Check::SAMPLE has to be a run that is OK", self.name);
        let port = port.to_string();
        let services = ["{port}", "{dns}", "{http}", "{tls}", "{ntp}"];
        let put = |word: &&str| services.iter().fold((*word).to_owned(), |word, it| word.replace(it, &port));
        let more = MORE.iter().find(|(name, _)| *name == self.name).map_or(&[][..], |(_, more)| more);
        self.entry.sample.iter().chain(more).map(put).collect()
    }
}

/// Every plugin under every name.
pub fn called() -> Vec<Called> {
    assert!(!PLUGINS.is_empty());
    let of_entry = |entry: &'static Entry| {
        let link = move |name: String| Called { entry, link: alias(&entry.name(), &name), name };
        entry.names().into_iter().map(link)
    };
    PLUGINS.iter().flat_map(of_entry).collect()
}

/// The services that the samples talk to, while it lives.
#[derive(Default)]
pub struct World {
    peers: std::cell::RefCell<HashMap<String, (Peer, Echo)>>,
    dns: OnceCell<Server>,
    http: OnceCell<Peer>,
    ntp: OnceCell<UdpPeer>,
    tls: std::cell::RefCell<HashMap<&'static str, Peer>>,
}

impl World {
    pub fn new() -> World {
        World::default()
    }

    /// The sample of a plugin with services that work.
    pub fn sample(&self, called: &Called) -> Vec<String> {
        let port = if called.entry.sample.iter().any(|word| word.contains("{dns}")) {
            let zone = "local-zone: \"example.\" static\nlocal-data: \"www.example. A 192.0.2.1\"\n";
            self.dns.get_or_init(|| unbound(zone)).port()
        } else if called.entry.sample.iter().any(|word| word.contains("{http}")) {
            self.http.get_or_init(|| Peer::new(|stream, _| answer_http(stream))).port()
        } else if called.entry.sample.iter().any(|word| word.contains("{ntp}")) {
            let sources = [(6, "stratum=2, offset=0.5, jitter=0.1")];
            self.ntp.get_or_init(|| UdpPeer::new(move |asked| vec![ntp::server(asked, &sources)])).port()
        } else {
            let greeting = GREETINGS.iter().find(|(name, _)| *name == called.name);
            let greeting = greeting.map_or("220 ready\r\n", |(_, greeting)| greeting);
            if TLS.contains(&called.name.as_str())
                || called.entry.sample.iter().any(|it| it.contains("{tls}"))
            {
                return called.sample_at(self.tls_port(greeting));
            }
            let mut peers = self.peers.borrow_mut();
            let start = || udp_beside(|| Peer::says(greeting));
            let (peer, _) = peers.entry(greeting.to_owned()).or_insert_with(|| {
                let (peer, socket) = start();
                (peer, Echo::new(socket))
            });
            peer.port()
        };
        called.sample_at(port)
    }

    fn tls_port(&self, greeting: &'static str) -> u16 {
        let start = || Peer::tls(&Identity::self_signed(&Wish::names(&["127.0.0.1"])), greeting);
        self.tls.borrow_mut().entry(greeting).or_insert_with(start).port()
    }

    /// Runs the sample with more arguments.
    pub fn run(&self, called: &Called, more: &[&str]) -> Ran {
        checked(called, called.run().args(self.sample(called)).args(more))
    }
}

// One request, however it ends: who asked may be gone.
fn answer_http(mut stream: TcpStream) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        head.push(byte[0]);
    }
    let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready");
}

/// Runs it, and holds it to what is true of every run: a code of a plugin, something said, nothing on standard error.
pub fn checked(called: &Called, run: Run) -> Ran {
    let ran = run.go();
    let name = &called.name;
    assert!(ran.code.is_some_and(|code| (0..=3).contains(&code)), "{name}: {ran:?}");
    assert_eq!(ran.stderr, "", "{name}: {ran:?}");
    assert!(ran.stdout.ends_with('\n'), "{name}: {ran:?}");
    assert!(!ran.stdout.contains("internal error"), "{name}: {ran:?}");
    ran
}

/// A service of which nothing comes back, over TCP and UDP.
pub struct Silence {
    peer: Peer,
    _unread: UdpSocket,
}

impl Silence {
    pub fn new() -> Silence {
        let (peer, socket) = udp_beside(Peer::black_hole);
        Silence { peer, _unread: socket }
    }

    pub fn port(&self) -> u16 {
        self.peer.port()
    }
}

/// A port of which the kernel says that nobody listens.
pub fn refusing_port() -> u16 {
    free_port()
}

// A TCP peer whose port is free for UDP too.
fn udp_beside(peer: impl Fn() -> Peer) -> (Peer, UdpSocket) {
    for _ in 0..100 {
        let peer = peer();
        if let Ok(socket) = UdpSocket::bind(peer.address()) {
            return (peer, socket);
        }
    }
    panic!("no port is free for both TCP and UDP");
}

/// Sends back every datagram.
struct Echo {
    over: Arc<AtomicBool>,
}

impl Echo {
    fn new(socket: UdpSocket) -> Echo {
        let over = Arc::new(AtomicBool::new(false));
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("set the timeout");
        let over_there = Arc::clone(&over);
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while !over_there.load(Ordering::SeqCst) {
                if let Ok((count, from)) = socket.recv_from(&mut buffer) {
                    // Who asked may be gone.
                    let _gone = socket.send_to(&buffer[..count], from);
                }
            }
        });
        Echo { over }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

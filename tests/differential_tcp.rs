//! The same command lines through the C plugin and ours, called by its names: exit code, labels and units agree.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use testkit::pki::{Identity, Wish};
use testkit::{Peer, Ran, alias, perfdata, run};

const C_PLUGINS: &str = "/usr/lib/nagios/plugins";

/// Command lines that both have to read alike; `{name}` stands for a port or a path of [`Servers`].
const ALIKE: &[&str] = &[
    // connecting
    "check_tcp -H 127.0.0.1 -p {greets}",
    "check_tcp -H 127.0.0.1 -p {refuses}",
    "check_tcp -H 127.0.0.1 -p {refuses} -r ok",
    "check_tcp -H 127.0.0.1 -p {refuses} -r warn",
    "check_tcp -H 127.0.0.1 -p {refuses} -r crit",
    "check_tcp -H 127.0.0.1 -p {refuses} -r critical",
    "check_tcp -H 127.0.0.1 -p {refuses} -r unknown",
    "check_tcp -H 127.0.0.1 -p {silent} -t 1",
    "check_tcp -H 127.0.0.1 -p {closes} -t 1",
    "check_tcp -H 127.0.0.1 -p {hole} -t 1",
    "check_tcp -H 127.0.0.1 -p {hole} -t 1 -r ok",
    "check_tcp -p {greets}",
    "check_tcp 127.0.0.1 -p {greets}",
    "check_tcp -p {greets} 127.0.0.1",
    "check_tcp -H 127.1 -p {greets}",
    "check_tcp -H localhost -p {greets}",
    "check_tcp -H localhost -p {greets} -4",
    "check_tcp -H 127.0.0.1 -p {greets} -6",
    "check_tcp -H ::1 -p {greets} -4",
    "check_tcp -H ::1 -p {refuses}",
    "check_tcp -H ::1 -p {refuses} -6 -r warn",
    "check_tcp -H nosuch.invalid -p {greets}",
    "check_tcp -H nosuch.invalid -p {greets} -r ok",
    "check_tcp --hostname=127.0.0.1 --port={greets} --expect=220 --critical 2",
    "check_tcp -H 127.0.0.2 -H 127.0.0.1 -p {greets}",
    // Unix sockets
    "check_tcp -H {socket} -e 220",
    "check_tcp -H {socket} -e 220 -p 1",
    "check_ftp -H {socket}",
    "check_tcp -H {stale}",
    "check_tcp -H {stale} -r ok",
    "check_tcp -H {missing}",
    "check_tcp -H {missing} -r ok",
    "check_tcp -H {missing} -r warn",
    "check_tcp -H {endless_path}",
    "check_tcp -H {endless_path} -r ok",
    // expecting
    "check_tcp -H 127.0.0.1 -p {greets} -e 220",
    "check_tcp -H 127.0.0.1 -p {greets} -e hello -j",
    "check_tcp -H 127.0.0.1 -p {greets} -e nope",
    "check_tcp -H 127.0.0.1 -p {greets} -e nope -j",
    "check_tcp -H 127.0.0.1 -p {greets} -e nope -M ok",
    "check_tcp -H 127.0.0.1 -p {greets} -e nope -M warn",
    "check_tcp -H 127.0.0.1 -p {greets} -e nope -M crit",
    "check_tcp -H 127.0.0.1 -p {greets} -e nope -M unknown",
    "check_tcp -H 127.0.0.1 -p {greets} -e nope -t 1",
    "check_tcp -H 127.0.0.1 -p {greets} -e nope -t 1 -M ok",
    "check_tcp -H 127.0.0.1 -p {greets} -e nope -e 220",
    "check_tcp -H 127.0.0.1 -p {greets} -e nope -e 220 -A",
    "check_tcp -H 127.0.0.1 -p {greets} -e hello -e 220 -A",
    "check_tcp -H 127.0.0.1 -p {greets} --all -e hello -e 220",
    "check_tcp -H 127.0.0.1 -p {greets} -m 300 -e hello",
    "check_tcp -H 127.0.0.1 -p {greets} -m 3 -e hello",
    "check_tcp -H 127.0.0.1 -p {silent} -e x -t 1",
    "check_tcp -H 127.0.0.1 -p {silent} -e x -t 1 -M ok -r ok",
    "check_tcp -H 127.0.0.1 -p {closes} -e x",
    "check_tcp -H 127.0.0.1 -p {closes} -e x -M ok -r ok",
    "check_tcp -H 127.0.0.1 -p {pieces} -e hello",
    "check_tcp -H 127.0.0.1 -p {drips} -e y -t 1",
    "check_tcp -H 127.0.0.1 -p {drips} -e y -t 1 -M ok",
    "check_tcp -H 127.0.0.1 -p {endless} -e y -t 1",
    "check_tcp -H 127.0.0.1 -p {endless} -e y -t 5 -m 10000",
    // sending
    r"check_tcp -H 127.0.0.1 -p {echoes} -s a\n -e \n",
    r"check_tcp -H 127.0.0.1 -p {echoes} -E -s a\n -e \n",
    r"check_tcp -H 127.0.0.1 -p {echoes} -s a\n -E -e \n",
    r"check_tcp -H 127.0.0.1 -p {echoes} -E -s a\\n -e \n",
    r"check_tcp -H 127.0.0.1 -p {echoes} --escape -s a\x -e ax",
    "check_tcp -H 127.0.0.1 -p {silent} -s x -t 1",
    "check_tcp -H 127.0.0.1 -p {echoes} -s -v -e v",
    // time
    "check_tcp -H 127.0.0.1 -p {late} -e 220 -w 0.2",
    "check_tcp -H 127.0.0.1 -p {late} -e 220 -c 0.2",
    "check_tcp -H 127.0.0.1 -p {late} -e 220 -w 0.2 -c 5",
    "check_tcp -H 127.0.0.1 -p {late} -e 220 -w 5 -c 9",
    "check_tcp -H 127.0.0.1 -p {late} -e nope -w 0.2 -M ok",
    "check_tcp -H 127.0.0.1 -p {late} -e nope -c 0.2 -M ok",
    "check_tcp -H 127.0.0.1 -p {late} -e 220 -d 2 -w 0.2",
    "check_tcp -H 127.0.0.1 -p {late} -e 220 -d 3 -t 1",
    "check_tcp -H 127.0.0.1 -p {greets} -w 0",
    "check_tcp -H 127.0.0.1 -p {greets} -c 0",
    "check_tcp -H 127.0.0.1 -p {greets} -w 1s -c 2s",
    "check_tcp -H 127.0.0.1 -p {greets} -wt 1 -ct 2 -to 3",
    // TLS
    "check_tcp -H 127.0.0.1 -p {tls} -S",
    "check_tcp -H 127.0.0.1 -p {tls} --ssl -e 220",
    "check_tcp -H 127.0.0.1 -p {tls} -S -e nope",
    "check_tcp -H 127.0.0.1 -p {tls} -S -e nope -M crit",
    "check_tcp -H 127.0.0.1 -p {tls} -S -e hello -j",
    "check_tcp -H 127.0.0.1 -p {tls} -S -s x -e 220",
    "check_tcp -H 127.0.0.1 -p {tls} -S -w 0",
    "check_tcp -H 127.0.0.1 -p {tls} -S -c 0",
    "check_tcp -H 127.0.0.1 -p {tls} --sni web.example -e 220",
    "check_tcp -H localhost -p {tls} -S -4",
    "check_tcp -H 127.0.0.1 -p {tls_expired} -S",
    "check_tcp -H 127.0.0.1 -p {tls_expired} -D 10",
    "check_tcp -H 127.0.0.1 -p {tls_expired} -D 0",
    "check_tcp -H 127.0.0.1 -p {tls_mute} -S -e 220 -t 1",
    "check_tcp -H 127.0.0.1 -p {tls} -D 0",
    "check_tcp -H 127.0.0.1 -p {tls} -D 10",
    "check_tcp -H 127.0.0.1 -p {tls} -D 10,5 -e 220",
    "check_tcp -H 127.0.0.1 -p {tls} -D 10 -e nope",
    "check_tcp -H 127.0.0.1 -p {tls} -D 10 -c 0",
    "check_tcp -H 127.0.0.1 -p {tls_soon} -D 10",
    "check_tcp -H 127.0.0.1 -p {tls_soon} -D 11",
    "check_tcp -H 127.0.0.1 -p {tls_soon} -D 12",
    "check_tcp -H 127.0.0.1 -p {tls_soon} -D 11,11",
    "check_tcp -H 127.0.0.1 -p {tls_soon} -D 30,10",
    "check_tcp -H 127.0.0.1 -p {tls_soon} -D 30,11",
    "check_tcp -H 127.0.0.1 -p {tls_soon} -D 30,20 -e nope -c 0",
    "check_tcp -H 127.0.0.1 -p {tls_soon} -D 5,20",
    "check_tcp -H 127.0.0.1 -p {tls_soon} --certificate=30 --sni web.example",
    "check_tcp -H 127.0.0.1 -p {greets} -S -t 2",
    "check_tcp -H 127.0.0.1 -p {silent} -S -t 1",
    "check_tcp -H 127.0.0.1 -p {drips} -S -t 1",
    "check_tcp -H 127.0.0.1 -p {refuses} -S",
    "check_tcp -H 127.0.0.1 -p {refuses} -S -r ok",
    "check_tcp -H 127.0.0.1 -p {hole} -S -t 1",
    "check_tcp -H {socket} -S",
    "check_tcp -H {missing} -S -r warn",
    "check_tcp -H 127.0.0.1 -p {tls} -D x",
    "check_tcp -H 127.0.0.1 -p {tls} -D -1",
    "check_tcp -H 127.0.0.1 -p {tls} -D 10.5",
    "check_tcp -H 127.0.0.1 -p {tls} -D 10,20,30",
    "check_tcp -H 127.0.0.1 -p {tls} --ssl=1",
    "check_simap -p {tls_imap}",
    "check_simap -p {tls}",
    "check_simap -p {imap} -t 2",
    "check_simap -p {tls_imap} -D 10",
    "check_simap -p {refuses}",
    "check_imap -p {tls_imap} -S",
    "check_spop -p {tls_pop}",
    "check_spop -p {tls}",
    "check_ssmtp -p {tls}",
    "check_ssmtp -p {tls_imap}",
    "check_ssmtp -p {tls_soon} -D 30",
    "check_nntps -p {tls_nntp}",
    "check_nntps -p {tls}",
    "check_nntps -p {tls} -e hello",
    "check_ftp -p {tls} -S",
    // usage
    "check_tcp",
    "check_tcp --help",
    "check_tcp --version",
    "check_tcp --no-such-option",
    "check_tcp -H 127.0.0.1 -p ssh",
    "check_tcp -H 127.0.0.1 -p 0",
    "check_tcp -H 127.0.0.1 -p {greets} -t 0",
    "check_tcp -H 127.0.0.1 -p {greets} -d 0",
    "check_tcp -H 127.0.0.1 -p {greets} -m 0",
    "check_tcp -H 127.0.0.1 -p {greets} -m x",
    "check_tcp -H 127.0.0.1 -p {greets} --escape=1",
    // the other names
    "check_ftp -p {greets}",
    "check_ftp -p {refuses}",
    "check_ftp -p {refuses} -r ok",
    "check_ftp -p {imap}",
    "check_ftp -p {imap} -M crit",
    "check_ftp -p {pieces}",
    "check_ftp -p {silent} -t 1",
    "check_ftp -p {closes}",
    "check_ftp -p {drips}",
    "check_ftp -p {greets} -e hello",
    "check_imap -p {imap}",
    "check_imap -p {greets}",
    "check_pop -p {pop}",
    "check_pop -p {greets}",
    "check_nntp -p {nntp}",
    "check_nntp -p {nntp_readonly}",
    "check_nntp -p {greets}",
    "check_nntp -p {greets} -e hello",
    "check_clamd -p {clamd}",
    "check_clamd -p {echoes}",
    "check_jabber -p {jabber}",
    "check_jabber -p {greets}",
    "check_udp -p {udp}",
    "check_udp -p {udp} -s ping",
    "check_udp -p {udp} -e pong",
    "check_udp -p {udp} -s ping -e pong",
    "check_udp -p {udp} -s ping -e nope",
    "check_udp -p {refuses} -s ping -e pong -t 1",
    "check_udp -p {refuses} -s ping -e pong -t 1 -r ok",
    "check_udp -p {udp_silent} -s ping -e pong -t 1",
];

/// Command lines that we read otherwise, with the C plugin's exit code and ours: docs/deviations.md says why.
const OTHERWISE: &[(&str, i32, i32)] = &[
    ("check_tcp -H 127.0.0.1", 2, 3),
    ("check_tcp -H 127.0.0.1 -p 65536", 2, 3),
    ("check_tcp -H [::1] -p {refuses} -r ok", 2, 0),
    ("check_tcp 127.0.0.2 -H 127.0.0.1 -p {greets}", 0, 3),
    ("check_tcp -H 127.0.0.1 -p {greets} surplus", 0, 3),
    ("check_tcp -H 127.0.0.1 -p {greets} -W 1 -C 1", 0, 3),
    ("check_tcp -H 127.0.0.1 -p {greets} -w x", 1, 3),
    ("check_tcp -H 127.0.0.1 -p {greets} -w -1", 1, 3),
    ("check_tcp -H 127.0.0.1 -p {late} -e 220 -w 0.2:5", 1, 0),
    ("check_tcp -H 127.0.0.1 -p {refuses} -r okay", 0, 3),
    ("check_tcp -H 127.0.0.1 -p {greets} -m 3 -e nope", 0, 1),
    ("check_nntp -p {nntp} -e nope", 0, 1),
    ("check_nntp -p {nntp} -A -e nntp", 1, 0),
    ("check_tcp -H 127.0.0.1 -p {tls} -D 10,", 0, 3),
    ("check_tcp -H 127.0.0.1 -p {tls} -D ,10", 0, 3),
    ("check_tcp -H 127.0.0.1 -p {tls} -S --ca-file {missing}", 3, 3),
];

/// Everything that the command lines name, and that has to live as long as they run.
struct Servers {
    names: HashMap<&'static str, String>,
    _peers: Vec<Peer>,
    _listener: UnixListener,
    _silent: UdpSocket,
    _folder: tempfile::TempDir,
}

impl Servers {
    fn start() -> Servers {
        let folder = tempfile::tempdir().expect("make a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let xmpp = "<?xml version='1.0'?><stream:stream from='host' xmlns='jabber:client'>";
        let tls = |to_day: i64, greeting: &str| {
            let from_day = if to_day < 0 { -30 } else { -1 };
            let wish = Wish::names(&["web.example"]).days(from_day, to_day);
            Peer::tls(&Identity::self_signed(&wish), greeting)
        };
        let peers = [
            ("tls", tls(90, "220 hello\r\n")),
            ("tls_soon", tls(12, "220 hello\r\n")),
            ("tls_expired", tls(-3, "220 hello\r\n")),
            ("tls_mute", tls(90, "")),
            ("tls_imap", tls(90, "* OK ready\r\n")),
            ("tls_pop", tls(90, "+OK ready\r\n")),
            ("tls_nntp", tls(90, "201 ready\r\n")),
            ("greets", Peer::says("220 hello\r\n")),
            ("imap", Peer::says("* OK ready\r\n")),
            ("pop", Peer::says("+OK ready\r\n")),
            ("nntp", Peer::says("200 nntp, posting allowed\r\n")),
            ("nntp_readonly", Peer::says("201 nntp, no posting\r\n")),
            ("jabber", Peer::new(move |stream, _| answers(stream, b"<stream:stream to='host' ", xmpp))),
            ("clamd", Peer::new(|stream, _| answers(stream, b"PING", "PONG\n"))),
            ("echoes", Peer::new(|stream, _| echo(stream))),
            ("silent", Peer::silent()),
            ("closes", Peer::closes()),
            ("hole", Peer::black_hole()),
            ("pieces", Peer::new(|stream, _| in_pieces(stream))),
            ("late", Peer::new(|stream, _| late(stream))),
            ("drips", Peer::drips("x", Duration::from_millis(100))),
            ("endless", Peer::endless("x")),
        ];
        let mut names: HashMap<&'static str, String> =
            peers.iter().map(|(name, peer)| (*name, peer.port().to_string())).collect();

        let listener = UnixListener::bind(path("socket")).expect("listen");
        greet_on(listener.try_clone().expect("a second handle"));
        drop(UnixListener::bind(path("stale")).expect("leave a socket file behind"));
        for name in ["socket", "stale", "missing"] {
            names.insert(name, path(name));
        }
        names.insert("endless_path", format!("/{}", "x".repeat(200)));

        let udp = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let silent = UdpSocket::bind("127.0.0.1:0").expect("bind");
        for (name, socket) in [("udp", &udp), ("udp_silent", &silent)] {
            names.insert(name, socket.local_addr().expect("its address").port().to_string());
        }
        std::thread::spawn(move || pong(&udp));
        names.insert("refuses", testkit::free_port().to_string());
        let peers = peers.into_iter().map(|(_, peer)| peer).collect();
        Servers { names, _peers: peers, _listener: listener, _silent: silent, _folder: folder }
    }

    /// The words of a command line, with its names replaced.
    fn words(&self, line: &str) -> Vec<String> {
        let word = |word: &str| {
            let mut word = word.to_owned();
            for (name, value) in &self.names {
                word = word.replace(&format!("{{{name}}}"), value);
            }
            assert!(!word.contains('{'), "no server of this name: {word}");
            word
        };
        line.split(' ').map(word).collect()
    }

    /// How the C plugin and ours end.
    fn both(&self, line: &str) -> (Ran, Ran) {
        let words = self.words(line);
        let (name, args) = words.split_first().expect("a name");
        let alias = alias("check-tcp", name);
        let theirs = std::thread::scope(|scope| {
            let theirs = scope.spawn(|| run(format!("{C_PLUGINS}/{name}"), args));
            (run(&alias, args), theirs.join().expect("the C plugin ran"))
        });
        (theirs.1, theirs.0)
    }
}

fn answers(mut stream: impl Read + Write, question: &[u8], answer: &str) {
    let mut asked = vec![0; question.len()];
    if stream.read_exact(&mut asked).is_ok()
        && asked == question
        && stream.write_all(answer.as_bytes()).is_ok()
    {
        swallow(stream);
    }
}

fn echo(mut stream: impl Read + Write) {
    let mut buffer = [0; 1024];
    if let Ok(count) = stream.read(&mut buffer)
        && stream.write_all(&buffer[..count]).is_ok()
    {
        swallow(stream);
    }
}

fn in_pieces(mut stream: impl Read + Write) {
    for piece in ["2", "20 he", "llo\r\n"] {
        if stream.write_all(piece.as_bytes()).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    swallow(stream);
}

fn late(mut stream: impl Read + Write) {
    std::thread::sleep(Duration::from_millis(700));
    if stream.write_all(b"220 late\r\n").is_ok() {
        swallow(stream);
    }
}

// Until the other side closes: a server that closes with unread bytes resets the connection.
fn swallow(mut stream: impl Read) {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
}

fn greet_on(listener: UnixListener) {
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if stream.write_all(b"220 hello\r\n").is_ok() {
                swallow(stream);
            }
        }
    });
}

fn pong(socket: &UdpSocket) {
    let mut buffer = [0; 1024];
    while let Ok((count, from)) = socket.recv_from(&mut buffer) {
        let answer = [b"pong ", &buffer[..count]].concat();
        if socket.send_to(&answer, from).is_err() {
            return;
        }
    }
}

fn labels(ran: &Ran) -> Vec<(String, String)> {
    // With -D the C plugin has a line of its own for a good certificate, before its result.
    let result = ran.stdout.split_once('\n').filter(|(first, _)| first.starts_with("OK - Certificate '"));
    perfdata(result.map_or(&ran.stdout, |(_, result)| result))
        .into_iter()
        .map(|(label, _, unit)| (label, unit))
        .collect()
}

/// Asks `judge` about every line, several at once, and returns its complaints.
fn complaints<T: Copy + Sync>(lines: &[T], judge: impl Fn(T) -> Option<String> + Sync) -> Vec<String> {
    let next = Mutex::new(lines.iter());
    let complaints = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let Some(line) = next.lock().expect("no panic").next() else { return };
                    let complaint = judge(*line);
                    complaints.lock().expect("no panic").extend(complaint);
                }
            });
        }
    });
    complaints.into_inner().expect("no panic")
}

#[test]
fn command_lines_mean_the_same() {
    let servers = Servers::start();
    let wrong = complaints(ALIKE, |line| {
        let (theirs, ours) = servers.both(line);
        let same = theirs.code == ours.code && labels(&theirs) == labels(&ours) && ours.stderr.is_empty();
        (!same).then(|| {
            format!(
                "{line}\n  C {:?}: {}\n  ours {:?}: {}{}",
                theirs.code,
                theirs.first_line(),
                ours.code,
                ours.first_line(),
                ours.stderr
            )
        })
    });
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), ALIKE.len(), wrong.join("\n"));
}

#[test]
fn differences_are_those_that_are_documented() {
    let servers = Servers::start();
    let wrong = complaints(OTHERWISE, |(line, c, own)| {
        let (theirs, ours) = servers.both(line);
        let as_said = theirs.code == Some(c) && ours.code == Some(own);
        (!as_said)
            .then(|| format!("{line}: C {:?}, ours {:?}: {}", theirs.code, ours.code, ours.first_line()))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Command lines whose bytes on the wire have to be the same.
const SENT: &[&str] = &[
    r"check_tcp -p {port} -e 2 -s a\n -q b\n",
    r"check_tcp -p {port} -e 2 -E -s a\n\r\t\\\x -q b\r\n",
    r"check_tcp -p {port} -e 2 -s a\n -E -q b",
    "check_tcp -p {port} -e 2 -q bye",
    "check_tcp -p {mute} -q bye",
    "check_tcp -p {mute} -s hello",
    "check_ftp -p {port}",
    "check_pop -p {port} -M ok",
    "check_imap -p {port} -M ok",
    "check_nntp -p {port}",
    "check_nntp -p {port} -q BYE",
    "check_clamd -p {port} -M ok",
    "check_jabber -p {port} -M ok",
    "check_jabber -p {port} -M ok -s x",
    r"check_tcp -p {tls} -S -e 2 -E -s a\n -q b\n",
    "check_tcp -p {tls} -S -e 2 -q bye",
    "check_simap -p {tls} -M ok",
    "check_spop -p {tls} -M ok",
    "check_ssmtp -p {tls}",
    "check_nntps -p {tls}",
];

// Says this, then keeps what it hears. Who does not read the greeting gets none, or the connection would be reset.
fn hears(greeting: &'static str, heard: &Arc<Mutex<Vec<String>>>) -> Peer {
    let heard = Arc::clone(heard);
    Peer::new(move |mut stream, _| {
        let mut all = Vec::new();
        stream.write_all(greeting.as_bytes()).expect("a reader");
        stream.read_to_end(&mut all).expect("an orderly end");
        heard.lock().expect("no panic").push(String::from_utf8_lossy(&all).into_owned());
    })
}

// The same behind TLS.
fn hears_in_tls(greeting: &'static str, heard: &Arc<Mutex<Vec<String>>>) -> Peer {
    let acceptor = Identity::self_signed(&Wish::names(&["web.example"])).acceptor();
    let heard = Arc::clone(heard);
    Peer::new(move |stream, _| {
        let mut stream = acceptor.accept(stream).expect("a handshake");
        let (mut all, mut buffer) = (Vec::new(), [0; 1024]);
        stream.write_all(greeting.as_bytes()).expect("a reader");
        // An end without a good-bye is one too.
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            all.extend_from_slice(&buffer[..count]);
        }
        heard.lock().expect("no panic").push(String::from_utf8_lossy(&all).into_owned());
    })
}

#[test]
fn the_same_bytes_reach_the_server() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (greets, mute) = (hears("220 hello\r\n", &heard), hears("", &heard));
    let tls = hears_in_tls("220 hello\r\n", &heard);
    for line in SENT {
        let line = line.replace("{port}", &greets.port().to_string());
        let line = line.replace("{mute}", &mute.port().to_string());
        let line = line.replace("{tls}", &tls.port().to_string());
        let words: Vec<&str> = line.split(' ').collect();
        run(format!("{C_PLUGINS}/{}", words[0]), &words[1..]);
        run(alias("check-tcp", words[0]).path(), &words[1..]);
        let both = || heard.lock().expect("no panic").len() == 2;
        assert!(testkit::poll_until(Duration::from_secs(10), both), "{line}: one did not connect");
        let heard = std::mem::take(&mut *heard.lock().expect("no panic"));
        assert_eq!(heard[0], heard[1], "{line}");
    }
}

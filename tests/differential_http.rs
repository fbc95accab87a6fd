//! The same command lines through the C plugins and ours, called by their names: exit code, labels and units agree.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::Duration;

use testkit::pki::{Identity, Wish};
use testkit::{Peer, Ran, Run, Server, alias, free_port, nginx_with, perfdata, tinyproxy};

const C_PLUGINS: &str = "/usr/lib/nagios/plugins";

/// Arguments that check_http and check_curl have to read as we do; `{name}` stands for what [`Servers`] has.
const ALIKE: &[&str] = &[
    // whom
    "-H 127.0.0.1 -p {http}",
    "-I 127.0.0.1 -p {http}",
    "-I 127.0.0.1 -H www.example.test -p {http}",
    "-H 127.0.0.1:{http}",
    "-H www.example.test:81 -I 127.0.0.1 -p {http} -u /host -s www.example.test:81",
    "-H www.example.test -I 127.0.0.1 -p {http} -u /host -s www.example.test:{http}",
    "-hn 127.0.0.1 -p {http}",
    "127.0.0.1 -p {http}",
    "127.0.0.1 www.example.test -p {http} -u /host -s www.example.test:{http}",
    "-H localhost -p {http} -4",
    "-H 127.0.0.1 -p {http} -6",
    "-H nosuch.invalid -p {http}",
    "-H 127.0.0.1 -p {refuses}",
    "-H 127.0.0.1 -p {silent} -t 1",
    "-H 127.0.0.1 -p {hole} -t 1",
    "-H 127.0.0.1 -p {closes}",
    "-H 127.0.0.1 -p {garbage} -t 2",
    "",
    "--help",
    "--version",
    "--no-such-option",
    "-H 127.0.0.1 -p x",
    // status
    "{on} -u /404",
    "{on} -u /401",
    "{on} -u /500",
    "{on} -u /503",
    "{on} -u /204",
    "{on} -e 200",
    "{on} -e 404,200",
    "{on} -e 404",
    "{on} -u /404 -e 404",
    "{on} -u /500 -e 500,404",
    "{on} -u /404 -e HTTP/1.1",
    // redirects
    "{on} -u /302",
    "{on} -u /302 -f ok",
    "{on} -u /302 -f warning",
    "{on} -u /302 -f critical",
    "{on} -u /302 -f unknown",
    "{on} -u /302 -f follow",
    "{on} -u /302 -f follow -s hello",
    "{on} -u /302 -f sticky",
    "{on} -u /302 -f stickyport",
    "{on} -u /302 -f follow -e 302",
    "{on} -u /to404 -f follow",
    "{on} -u /self -f follow",
    "{on} -u /ping -f follow",
    "{on} -u /ping -f follow --max-redirs 2",
    "{on} -u /302 -f follow --max-redirs 0",
    "{on} -u /away -f follow",
    "{on} -u /away -f sticky",
    "{on} -u /moved -f stickyport -I 127.0.0.1",
    "{on} -u /304 -f warning",
    "{on} -f nope",
    "{on} --max-redirs x",
    // content
    "{on} -s hello",
    "{on} -s Hello",
    "{on} -u /404 -s nginx",
    "{on} -r h.l+o",
    "{on} -r ^w",
    "{on} -R HELLO",
    "{on} -r HELLO",
    "{on} -r hello --invert-regex",
    "{on} -r nope --invert-regex",
    "{on} -u /lines -r ^two$",
    "{on} -u /lines -r one.two",
    "{on} -u /lines -l -r one.two",
    "{on} -u /lines -l -r ^two$",
    "{on} -r (",
    "{on} -d Server:",
    "{on} -d server:",
    "{on} -d X-Odd",
    "{on} -u /head -d Odd",
    "{on} -m 10",
    "{on} -m 100000",
    "{on} -m 1:10",
    "{on} -m 1:100000",
    "{on} -M 1d -u /file/old",
    "{on} -M 10d -u /file/old",
    "{on} -M 100h -u /file/old",
    "{on} -M 5 -u /file/old",
    "{on} -M 10m -u /file/new",
    "{on} -M 1d",
    "{on} -N",
    "{on} -N -s hello",
    "{on} -B",
    "{on} -L",
    "{on} -n",
    // request
    "{on} -j HEAD",
    "{on} -j DELETE -u /method -s DELETE",
    "{on} -P a=b -u /method -s POST",
    "{on} -P a=b -j PUT -u /method -s PUT",
    "{on} -P a=b -T text/plain -u /type -s text/plain",
    "{on} -A me -u /agent -s <me>",
    "{on} -k X-A:b -u /header -s <b>",
    "{on} -k X-A:c -k X-B:d -u /header -s <c>",
    "{on} -k Host:other.example -u /host -s other.example",
    "{on} -a me:secret -u /login",
    "{on} -a me:wrong -u /login",
    "{on} -u /login",
    "-H www.example.test -I 127.0.0.1 -p {proxy} -u http://127.0.0.1:{http}/",
    "-H www.example.test -I 127.0.0.1 -p {proxy} -u http://127.0.0.1:{http}/404",
    // time
    "{on} -w 5 -c 9",
    "{on} -w 0",
    "{on} -c 0",
    "{on} -E",
    "-H 127.0.0.1 -p {late} -w 0.2",
    "-H 127.0.0.1 -p {late} -c 0.2",
    "-H 127.0.0.1 -p {late} -w 0.2 -c 9 -E",
    "{on} -wt 5 -ct 9 -to 8",
    // TLS
    "-H 127.0.0.1 -p {http} -S",
    "-H 127.0.0.1 -p {tls} -S",
    "-H 127.0.0.1 -p {tls} -S -E",
    "-H 127.0.0.1 -p {tls} --ssl=1.2",
    "-H 127.0.0.1 -p {tls} -S1.2",
    "-H 127.0.0.1 -p {tls} -S1.2+",
    "-H 127.0.0.1 -p {old} -S1.2",
    "-H 127.0.0.1 -p {new} -S1.2",
    "-H 127.0.0.1 -p {new} -S1.2+",
    "-H 127.0.0.1 -p {tls} -S1.0",
    "-H 127.0.0.1 -p {expired} -S",
    "-H 127.0.0.1 -p {tls}",
    "-H www.example.test -I 127.0.0.1 -p {tls} -S --sni -u /sni -s <www.example.test>",
    "-H 127.0.0.1 -p {tls} -C 30",
    "-H 127.0.0.1 -p {tls} -C 30,10",
    "-H 127.0.0.1 -p {tls} -C 100",
    "-H 127.0.0.1 -p {tls} -C 100,95",
    "-H 127.0.0.1 -p {tls} -C 30,100",
    "-H 127.0.0.1 -p {ending} -C 0",
    "-H 127.0.0.1 -p {ending} -C 5",
    "-H 127.0.0.1 -p {expired} -C 30",
    "-H 127.0.0.1 -p {refuses} -C 30",
    "-H 127.0.0.1 -p {http} -C 30",
    "-H 127.0.0.1 -p {tls} -C 30 --continue-after-certificate",
    "-H 127.0.0.1 -p {tls} -C 30 --continue-after-certificate -u /404",
    "-H 127.0.0.1 -p {tls} -C x",
    "-H 127.0.0.1 -p {tls} -C 1,x",
    "-H 127.0.0.1 -p {client} -S",
    "-H 127.0.0.1 -p {client} -J {cert} -K {key}",
    "-H 127.0.0.1 -p {client} -J {cert}",
    "-H 127.0.0.1 -p {client} -J /nowhere -K {key}",
    // odd servers
    "-H 127.0.0.1 -p {odd_status}",
    "-H 127.0.0.1 -p {high_status}",
    "-H 127.0.0.1 -p {http10} -s ten",
    "-H 127.0.0.1 -p {ends_early_head}",
    "-H 127.0.0.1 -p {no_location} -f follow",
    "-H 127.0.0.1 -p {no_date} -M 1d",
    "-H 127.0.0.1 -p {ahead} -M 1d",
    "-H 127.0.0.1 -p {bad_date} -M 1d",
    "-H 127.0.0.1 -p {chunks} -s wholebody",
];

/// Whole lines of one plugin only.
const ONE: &[&str] = &[
    "check_http -H 127.0.0.1 -p {tls} -S --sni",
    "check_http -H www.example.test -I 127.0.0.1 -p {tls} -S -u /sni -s <>",
    "check_http -H 127.0.0.1 -p {short} -s begin",
    "check_http -H 127.0.0.1 -p {tls} -C 100 --continue-after-certificate",
    "check_curl -H www.example.test -I 127.0.0.1 -p {tls} -S -u /sni -s <www.example.test>",
    "check_curl -H 127.0.0.1 -p {short} -s begin",
    "check_curl -H 127.0.0.1 -p {tls} -S -D",
    "check_curl -H www.example.test -I 127.0.0.1 -p {tls} -S -D",
    "check_curl -H www.example.test -I 127.0.0.1 -p {tls} -S -D --ca-cert {root}",
    "check_curl -H www.example.test -I 127.0.0.1 -p {tls} --ca-cert {root}",
    "check_curl -H other.example.test -I 127.0.0.1 -p {tls} --ca-cert {root}",
    "check_curl -H www.example.test -I 127.0.0.1 -p {expired} --ca-cert {root}",
    "check_curl -H www.example.test -I 127.0.0.1 -p {tls} --ca-cert /nowhere",
    "check_curl {on} -u /302 -f curl",
    "check_curl {on} -u /302 -f curl -s hello",
    "check_curl {on} -u /version --http-version 1.0 -s HTTP/1.0",
    "check_curl {on} -u /version --http-version 1.1 -s HTTP/1.1",
    "check_curl {on} -u /version --http-version 2 -s HTTP/1.1",
    "check_curl -H 127.0.0.1 -p {tls} -S -u /version --http-version 2.0 -s HTTP/2.0",
    "check_curl -H 127.0.0.1 -p {tls} -S -u /version -s HTTP/2.0 -E",
    "check_curl -H 127.0.0.1 -p {old} -S -u /version --http-version 2 -s HTTP/1.1",
    "check_curl {on} -u /gzip/big -s line --enable-automatic-decompression",
    "check_curl {on} -u /gzip/big -s line",
    "check_curl {on} -u /cookie --cookie-jar {jar}",
    "check_curl {on} -p 99999",
];

/// Lines that we read otherwise, with the C plugin's exit code and ours: docs/deviations.md says why.
const OTHERWISE: &[(&str, i32, i32)] = &[
    ("check_http {on} -m 5:", 1, 3),
    ("check_http {on} -m x", 0, 3),
    ("check_http {on} -M x", 1, 3),
    ("check_http {on} -w x", 1, 3),
    ("check_http {on} -t 0", 0, 3),
    ("check_http {on} -p 99999", 2, 3),
    ("check_http {on} -r one.two -l -u /lines", 2, 0),
    ("check_http {on} --http-version 1.0", 3, 0),
    ("check_http {on} --json-path $ --exists", 3, 2),
    ("check_http -u http://127.0.0.1:{http}/", 3, 0),
    ("check_http {on} surplus words here", 2, 3),
    ("check_http {on} -s hello -u relative", 2, 0),
    ("check_http {on} -M 1 -u /file/old -N", 2, 2),
    ("check_http -H 127.0.0.1 -p {endless} -t 5", 2, 2),
    ("check_http -H 127.0.0.1 -p {tls} -S2", 2, 3),
    ("check_http -H 127.0.0.1 -p {tls} -S3", 2, 3),
    ("check_curl {on} --http-version 3", 1, 3),
    ("check_curl {on} --haproxy-protocol", 3, 1),
    ("check_curl -H 127.0.0.1 -p {ahead} -M 1d --state-regex warning", 3, 2),
    ("check_curl {on} -u /ping -f curl --max-redirs 2", 2, 1),
    ("check_curl -H 127.0.0.1 -p {tls} -S3", 2, 3),
    ("check_curl -H 127.0.0.1 -p {tls} -C 100 --continue-after-certificate", 0, 1),
];

/// Everything that the lines name, and that has to live as long as they run.
struct Servers {
    names: HashMap<&'static str, String>,
    _peers: Vec<Peer>,
    _started: [Server; 2],
    _folder: tempfile::TempDir,
}

impl Servers {
    fn start() -> Servers {
        let folder = tempfile::tempdir().expect("make a folder");
        let mut names = HashMap::new();
        let root = Identity::root("A root");
        let names_of = ["www.example.test"];
        let issue = |from: i64, to: i64| root.issue(&Wish::names(&names_of).days(from, to));
        let mut servers = String::new();
        let (http, away) = (free_port(), free_port());
        servers.push_str(&plain(http, away, folder.path()));
        let listeners = [
            ("tls", issue(-1, 90), "ssl http2", ""),
            ("ending", issue(-90, 1), "ssl", ""),
            ("expired", issue(-90, -3), "ssl", ""),
            ("old", issue(-1, 90), "ssl", "ssl_protocols TLSv1.2;"),
            ("new", issue(-1, 90), "ssl", "ssl_protocols TLSv1.3;"),
            ("client", issue(-1, 90), "ssl", "ssl_verify_client on;"),
        ];
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("root.pem"), root.cert.to_pem().expect("PEM")).expect("write the root");
        for (name, identity, listen, more) in listeners {
            let port = free_port();
            let (cert, key) = identity.write(folder.path(), name, true);
            let (cert, key, root) = (cert.display(), key.display(), path("root.pem"));
            let server = format!(
                "server {{ listen 127.0.0.1:{port} {listen}; ssl_certificate {cert}; ssl_certificate_key {key};
                 ssl_client_certificate {root}; {more}
                 location / {{ return 200 'hello world'; }} location /404 {{ return 404; }}
                 location /sni {{ return 200 '<$ssl_server_name>'; }}
                 location /version {{ return 200 $server_protocol; }} }}\n"
            );
            servers += &server;
            names.insert(name, port.to_string());
        }
        let (cert, key) = root.issue(&Wish::names(&["me"])).write(folder.path(), "me", true);
        let peers = peers();
        names.extend(peers.iter().map(|(name, peer)| (*name, peer.port().to_string())));
        let nginx = nginx_with(tempfile::tempdir().expect("make a folder"), http, &servers);
        let proxy = tinyproxy("");
        names.extend([
            ("http", http.to_string()),
            ("on", format!("-H 127.0.0.1 -p {http}")),
            ("proxy", proxy.port().to_string()),
            ("refuses", free_port().to_string()),
            ("root", path("root.pem")),
            ("jar", path("jar")),
            ("cert", cert.display().to_string()),
            ("key", key.display().to_string()),
        ]);
        let peers = peers.into_iter().map(|(_, peer)| peer).collect();
        Servers { names, _peers: peers, _started: [nginx, proxy], _folder: folder }
    }

    /// The words of a line, with its names replaced.
    fn words(&self, line: &str) -> Vec<String> {
        let mut line = line.to_owned();
        for (name, value) in &self.names {
            line = line.replace(&format!("{{{name}}}"), value);
        }
        assert!(!line.contains('{'), "no server of this name: {line}");
        line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// How the C plugin and ours end.
    fn both(&self, line: &str) -> (Ran, Ran) {
        let words = self.words(line);
        let (name, args) = words.split_first().expect("a name");
        let alias = alias("check-http", name);
        let theirs = format!("{C_PLUGINS}/{name}");
        let go = |program: &std::path::Path| Run::new(program).args(args).env_remove("http_proxy").go();
        std::thread::scope(|scope| {
            let theirs = scope.spawn(|| go(theirs.as_ref()));
            let ours = go(alias.path());
            (theirs.join().expect("the C plugin ran"), ours)
        })
    }
}

fn plain(port: u16, away: u16, folder: &std::path::Path) -> String {
    let files = folder.join("file");
    std::fs::create_dir_all(&files).expect("make a folder");
    std::fs::write(files.join("new"), "new\n").expect("write");
    std::fs::write(files.join("old"), "old\n").expect("write");
    let old = std::time::SystemTime::now() - Duration::from_hours(72);
    let file = std::fs::File::options().write(true).open(files.join("old")).expect("open");
    file.set_modified(old).expect("make it old");
    std::fs::create_dir_all(folder.join("gzip")).expect("make a folder");
    std::fs::write(folder.join("gzip/big"), "line\n".repeat(1000)).expect("write");
    // me:secret, as openssl passwd -apr1 writes it.
    std::fs::write(folder.join("users"), "me:{PLAIN}secret\n").expect("write");
    let folder = folder.display();
    let locations = format!(
        "default_type text/plain;
         location / {{ return 200 'hello world'; }}
         location /host {{ return 200 $http_host; }}
         location /404 {{ return 404; }} location /401 {{ return 401; }} location /500 {{ return 500; }}
         location /503 {{ return 503; }} location /204 {{ return 204; }} location /304 {{ return 304; }}
         location /302 {{ return 302 /; }} location /to404 {{ return 301 /404; }} location /self {{ return 302 /self; }}
         location /ping {{ return 302 /pong; }} location /pong {{ return 302 /ping; }}
         location /away {{ return 302 http://127.0.0.1:{away}/; }}
         location /moved {{ return 302 http://127.0.0.1:1/; }}
         location /lines {{ return 200 'one\ntwo\n'; }}
         location /head {{ add_header X-Odd yes; return 200 'x'; }}
         location /method {{ return 200 $request_method; }}
         location /type {{ return 200 $content_type; }} location /agent {{ return 200 '<$http_user_agent>'; }}
         location /header {{ return 200 '<$http_x_a>'; }} location /version {{ return 200 $server_protocol; }}
         location /cookie {{ add_header Set-Cookie 'a=b; Path=/; Max-Age=1000'; return 200 'x'; }}
         location /login {{ auth_basic x; auth_basic_user_file {folder}/users; root {folder}; try_files /file/new =404; }}
         location /file {{ root {folder}; }}
         location /gzip {{ root {folder}; gzip on; gzip_types text/plain; }}"
    );
    format!(
        "server {{ listen 127.0.0.1:{port}; {locations} }}
         server {{ listen 127.0.0.1:{away}; location / {{ return 200 'away'; }} }}\n"
    )
}

/// Servers of our own, for what nginx does not do.
fn peers() -> Vec<(&'static str, Peer)> {
    let date = "Date: Tue, 25 Dec 2001 02:59:03 GMT\r\n";
    let answers = [
        ("odd_status", "HTTP/1.1 OK\r\n\r\n".to_owned()),
        ("high_status", "HTTP/1.1 700 X\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("http10", "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nten".to_owned()),
        ("ends_early_head", "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("no_location", "HTTP/1.1 302 X\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("no_date", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()),
        (
            "ahead",
            format!(
                "HTTP/1.1 200 OK\r\n{date}Last-Modified: Wed, 26 Dec 2001 02:59:03 GMT\r\nContent-Length: 0\r\n\r\n"
            ),
        ),
        ("bad_date", format!("HTTP/1.1 200 OK\r\n{date}Last-Modified: then\r\nContent-Length: 0\r\n\r\n")),
        ("short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin".to_owned()),
        (
            "chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n4\r\nbody\r\n0\r\n\r\n"
                .to_owned(),
        ),
    ];
    let mut peers: Vec<(&str, Peer)> = answers
        .into_iter()
        .map(|(name, answer)| (name, Peer::new(move |stream, _| say(stream, Duration::ZERO, &answer))))
        .collect();
    let late = |stream: TcpStream, _: &_| {
        say(stream, Duration::from_millis(700), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    };
    let endless = |mut stream: TcpStream, _: &_| {
        head(&mut stream);
        let start = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while start.is_ok() && stream.write_all(&[b'x'; 16_384]).is_ok() {}
    };
    peers.extend([
        ("late", Peer::new(late)),
        ("endless", Peer::new(endless)),
        ("silent", Peer::silent()),
        ("hole", Peer::black_hole()),
        ("closes", Peer::closes()),
        ("garbage", Peer::garbage()),
    ]);
    peers
}

fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn say(mut stream: TcpStream, after: Duration, answer: &str) {
    head(&mut stream);
    std::thread::sleep(after);
    // Who asked may be gone.
    let _gone = stream.write_all(answer.as_bytes());
}

fn labels(ran: &Ran) -> Vec<(String, String)> {
    // With --continue-after-certificate the C plugins print the certificate's line before their result.
    let line = ran.stdout.lines().find(|line| line.contains("time=")).unwrap_or_default();
    perfdata(line).into_iter().map(|(label, _, unit)| (label, unit)).collect()
}

/// Asks `judge` about every line, several at once, and returns its complaints.
fn complaints<T: Sync>(lines: &[T], judge: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    let next = Mutex::new(lines.iter());
    let complaints = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let Some(line) = next.lock().expect("no panic").next() else { return };
                    let complaint = judge(line);
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
    let mut lines: Vec<String> = ONE.iter().map(ToString::to_string).collect();
    for args in ALIKE {
        lines.extend(["check_http", "check_curl"].map(|name| format!("{name} {args}")));
    }
    let wrong = complaints(&lines, |line| {
        let (theirs, ours) = servers.both(line);
        let same = theirs.code == ours.code && labels(&theirs) == labels(&ours) && ours.stderr.is_empty();
        (!same).then(|| {
            let (c, own) = (theirs.first_line(), ours.first_line());
            format!(
                "{line}\n  C {:?}: {c} {}\n  ours {:?}: {own}{}",
                theirs.code,
                theirs.stderr.trim(),
                ours.code,
                ours.stderr
            )
        })
    });
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), lines.len(), wrong.join("\n"));
}

#[test]
fn differences_are_those_that_are_documented() {
    let servers = Servers::start();
    let wrong = complaints(OTHERWISE, |(line, c, own)| {
        let (theirs, ours) = servers.both(line);
        let as_said = theirs.code == Some(*c) && ours.code == Some(*own);
        (!as_said).then(|| {
            let (c, own) = (theirs.first_line(), ours.first_line());
            format!("{line}\n  C {:?}: {c}\n  ours {:?}: {own}", theirs.code, ours.code)
        })
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

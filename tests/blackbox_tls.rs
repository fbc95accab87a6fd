//! check-tls against real servers, with and without STARTTLS, and against peers that misbehave; certificate files.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testkit::pki::{Identity, Wish};
use testkit::{Peer, Ran, Run, Server, free_port, plugin, run};

fn check(port: u16, args: &[&str]) -> Ran {
    let port = port.to_string();
    run(plugin("check-tls"), [&["-H", "127.0.0.1", "-p", &port], args].concat())
}

#[track_caller]
fn assert_ends(ran: &Ran, code: i32, text: &str) {
    let shown = format!("{} {}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(code), "{shown}");
    assert!(ran.stderr.is_empty(), "{shown}");
    assert!(ran.first_line().contains(text), "no `{text}` in: {shown}");
    let head = ran.first_line().split(" | ").next().unwrap_or_default();
    assert!(head.len() <= 100, "{} bytes: {shown}", head.len());
}

fn local() -> Wish<'static> {
    Wish::names(&["127.0.0.1", "localhost"])
}

/// A root, and its file as `--ca-file` takes it.
struct Root {
    identity: Identity,
    file: String,
    _folder: TempDir,
}

impl Root {
    fn new() -> Root {
        let (identity, folder) = (Identity::root("Test Root"), tempfile::tempdir().expect("a folder"));
        let (file, _) = identity.write(folder.path(), "root", false);
        Root { identity, file: file.display().to_string(), _folder: folder }
    }
}

/// nginx that speaks TLS with these lines of its configuration.
fn nginx(identity: &Identity, lines: &str) -> Server {
    let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
    let (cert, key) = identity.write(folder.path(), "server", true);
    let (cert, key) = (cert.display(), key.display());
    let server = format!(
        "server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {cert}; ssl_certificate_key {key}; {lines} }}"
    );
    testkit::nginx_with(folder, port, &server)
}

/// OpenSSL's own server, for what nginx refuses.
fn s_server(identity: &Identity, args: &[&str]) -> Server {
    let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
    let (cert, key) = identity.write(folder.path(), "server", true);
    let mut server = Command::new("openssl");
    server.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}"), "-cert"]).arg(cert);
    server.arg("-key").arg(key).args(args);
    Server::start(server, port, folder)
}

/// A folder that the server's other users may enter too.
fn open_folder() -> TempDir {
    let folder = TempDir::with_prefix("verdigris-mail-").expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("open the folder");
    folder
}

fn user_and_group() -> (String, String) {
    let name = |arg: &str| run("id", [arg]).stdout.trim().to_owned();
    (name("-un"), name("-gn"))
}

/// Dovecot with IMAP, POP3, ManageSieve and LMTP, and IMAP in TLS; their ports in this order.
fn dovecot(identity: &Identity) -> (Server, [u16; 5]) {
    let folder = open_folder();
    let (cert, key) = identity.write(folder.path(), "server", true);
    let dir = folder.path().display();
    let ports: [u16; 5] = std::array::from_fn(|_| free_port());
    let [imap, pop3, sieve, lmtp, imaps] = ports;
    let (user, group) = user_and_group();
    // Those that talk to strangers must not be root.
    let login = if user == "root" { "nobody" } else { &user };
    let config = format!(
        "base_dir = {dir}/run\nstate_dir = {dir}/state\nprotocols = imap pop3 lmtp sieve\nlisten = 127.0.0.1\n\
         log_path = /dev/stderr\nssl = yes\nssl_cert = <{cert}\nssl_key = <{key}\n\
         default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {login}\n\
         passdb {{\n driver = static\n args = nopassword=y\n}}\nuserdb {{\n driver = static\n args = home={dir}\n}}\n\
         service anvil {{\n chroot =\n}}\n\
         service imap-login {{\n chroot =\n inet_listener imap {{\n  port = {imap}\n }}\n\
         inet_listener imaps {{\n  port = {imaps}\n }}\n}}\n\
         service pop3-login {{\n chroot =\n inet_listener pop3 {{\n  port = {pop3}\n }}\n\
         inet_listener pop3s {{\n  port = 0\n }}\n}}\n\
         service managesieve-login {{\n chroot =\n inet_listener sieve {{\n  port = {sieve}\n }}\n}}\n\
         service lmtp {{\n inet_listener lmtp {{\n  port = {lmtp}\n }}\n}}\n",
        cert = cert.display(),
        key = key.display(),
    );
    let file = folder.path().join("dovecot.conf");
    fs::write(&file, config).expect("write dovecot.conf");
    let mut dovecot = Command::new("/usr/sbin/dovecot");
    dovecot.arg("-F").arg("-c").arg(&file);
    (Server::start(dovecot, imap, folder), ports)
}

/// Exim, which takes its TLS from GnuTLS.
fn exim(identity: &Identity, more: &str) -> Server {
    let (folder, port) = (open_folder(), free_port());
    let (cert, key) = identity.write(folder.path(), "server", true);
    let dir = folder.path().display();
    let (user, group) = user_and_group();
    let config = format!(
        "daemon_smtp_ports = {port}\nlocal_interfaces = 127.0.0.1\nprimary_hostname = mail.example\n\
         tls_certificate = {}\ntls_privatekey = {}\n{more}\nspool_directory = {dir}\nlog_file_path = {dir}/%slog\n\
         pid_file_path = {dir}/pid\nexim_user = {user}\nexim_group = {group}\nnever_users =\nkeep_environment =\n",
        cert.display(),
        key.display(),
    );
    let file = folder.path().join("exim.conf");
    fs::write(&file, config).expect("write exim.conf");
    let mut exim = Command::new("/usr/sbin/exim4");
    exim.arg("-bdf").arg("-C").arg(&file);
    Server::start(exim, port, folder)
}

#[test]
fn a_web_server() {
    let root = Root::new();
    let leaf = root.identity.intermediate("Test Middle").issue(&local().days(-30, 60));
    let server = nginx(&leaf, "ssl_protocols TLSv1.2 TLSv1.3;");
    let ask = |args: &[&str]| check(server.port(), &[&["--ca-file", &root.file], args].concat());
    let start = format!("TLS OK - 127.0.0.1:{}: certificate valid for ", server.port());
    let ran = ask(&["--warning", "30d", "--critical", "10d"]);
    assert!(ran.stdout.starts_with(&start), "{}", ran.stdout);
    assert_ends(&ran, 0, " d, until ");
    assert_ends(&ask(&["-w", "70"]), 1, "certificate expires in ");
    assert_ends(&ask(&["-w", "70%", "-c", "67%"]), 2, "limit 60.3 d [threshold]");
    assert_ends(&ask(&["--alpn", "h2"]), 0, "TLS OK");
    assert_ends(&ask(&["--alpn", "spdy/1"]), 2, "alert no application pro");
    assert_ends(&ask(&["--name", "localhost", "--name", "127.0.0.1"]), 0, "TLS OK");
    assert_ends(&ask(&["--name", "web.example"]), 2, "certificate is not for web.example");
    assert_ends(&ask(&["--issuer", "CN=Test Root"]), 0, "TLS OK");
    assert_ends(&ask(&["--issuer", "^CN=Else$"]), 2, "issuer is CN=Test Middle, not ^CN=Else$ [content]");
    assert_ends(&ask(&["--subject", "127"]), 0, "TLS OK");
    assert_ends(&ask(&["--tls-max", "1.2"]), 0, "(TLSv1.2) |");
    assert_ends(&ask(&["--server-name", "localhost"]), 0, "TLS OK");

    let ran = ask(&["--output-format", "json"]);
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let tls = &json["facts"]["tls"];
    assert_eq!(tls["chain"].as_array().map(Vec::len), Some(2), "{json}");
    assert_eq!(tls["path"], serde_json::json!(["CN=127.0.0.1", "CN=Test Middle", "CN=Test Root"]), "{json}");
    assert_eq!(tls["chain"][0]["names"], serde_json::json!(["127.0.0.1", "localhost"]), "{json}");
    let pin = tls["chain"][1]["pin"].as_str().expect("a pin");
    assert_ends(&ask(&["--pin", pin]), 0, "TLS OK");
    let other = format!("sha256//{}=", "A".repeat(43));
    assert_ends(&ask(&["--pin", &other]), 2, "no key has the pin");
}

#[test]
fn every_kind_of_bad_certificate() {
    let root = Root::new();
    let middle = root.identity.intermediate("Test Middle");
    let old = root.identity.authority(&Wish::names(&["Old Middle"]).days(-90, -3));
    for (identity, text) in [
        (root.identity.issue(&Wish::names(&["other.example"])), "is for other.example"),
        (root.identity.issue(&local().days(-30, -3)), "certificate expired 3 d ago, on "),
        (root.identity.issue(&local().days(2, 30)), "certificate is not valid before "),
        (old.issue(&local()), "issuer CN=Old Middle expired 3 d ago"),
        (Identity::root("Other Root").issue(&local()), "issuer CN=Other Root is not trusted"),
        (
            Identity { chain: Vec::new(), ..middle.issue(&local()) },
            "issuer CN=Test Middle is not trusted, or",
        ),
        (Identity::self_signed(&local()), "self-signed certificate"),
    ] {
        let peer = Peer::tls(&identity, "");
        let ran = check(peer.port(), &["--ca-file", &root.file]);
        assert_ends(&ran, 2, text);
        assert!(ran.first_line().contains(" [tls-"), "{}", ran.stdout);
    }
    // Whom to trust, and how far.
    let named = Peer::tls(&root.identity.issue(&Wish::names(&["other.example"])), "");
    assert_ends(&check(named.port(), &["--ca-file", &root.file, "--any-name"]), 0, "TLS OK");
    let unknown = Peer::tls(&Identity::root("Other Root").issue(&local()), "");
    assert_ends(&check(unknown.port(), &["--ca-file", &root.file, "--any-name"]), 2, "[tls-untrusted]");
    assert_ends(&check(unknown.port(), &["--insecure"]), 0, "TLS OK");
    assert_ends(&check(unknown.port(), &[]), 2, "[tls-untrusted]");
    // Dates count whomever one trusts.
    let expired = Peer::tls(&Identity::self_signed(&local().days(-30, -3)), "");
    assert_ends(&check(expired.port(), &["--insecure"]), 2, "[tls-expired]");
}

#[test]
fn what_is_weak() {
    let root = Root::new();
    let server = |identity: &Identity| s_server(identity, &["-cipher", "ALL:@SECLEVEL=0"]);
    let small = server(&root.identity.issue(&local().rsa(1024)));
    let ask =
        |server: &Server, args: &[&str]| check(server.port(), &[&["--ca-file", &root.file], args].concat());
    assert_ends(
        &ask(&small, &[]),
        2,
        ": RSA key of 1024 bits, less than 2048 (CN=127.0.0.1) [tls-untrusted]",
    );
    assert_ends(&ask(&small, &["--min-key-bits", "1024"]), 0, "TLS OK");
    let sha1 = server(&root.identity.issue(&Wish { sha1: true, ..local() }));
    assert_ends(&ask(&sha1, &[]), 2, ": weak signature, ecdsa-with-SHA1 (CN=127.0.0.1) [tls-untrusted]");
    assert_ends(&ask(&sha1, &["--allow-weak-signature"]), 0, "TLS OK");
}

#[test]
fn versions_that_must_and_must_not_be() {
    let identity = Identity::self_signed(&local().rsa(2048));
    let modern = nginx(&identity, "ssl_protocols TLSv1.2 TLSv1.3;");
    let ask = |server: &Server, args: &[&str]| check(server.port(), &[&["--insecure"], args].concat());
    let strict = ["--require-version", "1.3", "--refuse-version", "1.0", "--refuse-version", "1.1"];
    assert_ends(&ask(&modern, &strict), 0, "TLS OK");
    assert_ends(&ask(&modern, &["--refuse-version", "1.2"]), 2, " accepts TLSv1.2 [content]");
    let old = s_server(&identity, &["-cipher", "ALL:@SECLEVEL=0", "-no_tls1_3", "-no_tls1_2"]);
    let ran = ask(&old, &["--tls-min", "1.0"]);
    assert_ends(&ran, 2, "[tls-handshake]");
    let mixed = s_server(&identity, &["-cipher", "ALL:@SECLEVEL=0", "-no_tls1_3"]);
    let ran = ask(&mixed, &strict);
    assert_ends(&ran, 2, " does not accept TLSv1.3 (+2 more) [tls-handshake]");
    assert!(
        ran.stdout.contains(" accepts TLSv1 ") && ran.stdout.contains(" accepts TLSv1.1 "),
        "{}",
        ran.stdout
    );
    let ran = ask(&mixed, &[&strict[..], &["--output-format", "json"]].concat());
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(
        json["facts"]["versions"],
        serde_json::json!({"TLSv1.3": false, "TLSv1": true, "TLSv1.1": true}),
        "{json}"
    );
}

#[test]
fn a_client_certificate() {
    let root = Root::new();
    let folder = tempfile::tempdir().expect("a folder");
    let server = s_server(
        &root.identity.issue(&local()),
        &["-tls1_2", "-Verify", "1", "-verify_return_error", "-CAfile", &root.file],
    );
    let (cert, key) =
        root.identity.issue(&Wish::names(&["monitoring"])).write(folder.path(), "client", false);
    let (cert, key) = (cert.display().to_string(), key.display().to_string());
    let ask = |args: &[&str]| check(server.port(), &[&["--ca-file", &root.file], args].concat());
    assert_ends(&ask(&[]), 2, "[tls-handshake]");
    assert_ends(&ask(&["--tls-cert", &cert, "--tls-key", &key]), 0, "TLS OK");
    assert_ends(&ask(&["--tls-cert", &cert]), 3, "[usage]");
    assert_ends(&ask(&["--tls-cert", "/none.pem"]), 3, "read client certificate /none.pem");
    assert_ends(
        &check(server.port(), &["--ca-file", "/none.pem"]),
        3,
        "read CA file /none.pem: no such file",
    );
}

#[test]
fn mail_servers() {
    let root = Root::new();
    let leaf = root.identity.issue(&local());
    let (_dovecot, [imap, pop3, sieve, lmtp, imaps]) = dovecot(&leaf);
    let exim_with = exim(&leaf, "tls_advertise_hosts = *");
    let exim_without = exim(&leaf, "tls_advertise_hosts =");
    let ask = |port: u16, args: &[&str]| check(port, &[&["--ca-file", &root.file], args].concat());
    for (protocol, port) in
        [("imap", imap), ("pop3", pop3), ("sieve", sieve), ("lmtp", lmtp), ("smtp", exim_with.port())]
    {
        let ran = ask(port, &["--starttls", protocol, "--require-version", "1.3"]);
        assert_ends(&ran, 0, "certificate valid for ");
        let ran = ask(port, &["--starttls", protocol, "--server-name", "mail.example"]);
        assert_ends(&ran, 2, "[tls-name]");
    }
    // Dovecot's OpenSSL takes no part in what Exim's GnuTLS does by default: TLS 1.0.
    let old = |protocol: &str, port: u16| ask(port, &["--starttls", protocol, "--refuse-version", "1.0"]);
    assert_ends(&old("imap", imap), 0, "TLS OK");
    assert_ends(&old("smtp", exim_with.port()), 2, " accepts TLSv1 [content]");
    assert_ends(&ask(imaps, &[]), 0, "certificate valid for ");
    assert_ends(&ask(exim_without.port(), &["--starttls", "smtp"]), 2, " does not offer STARTTLS [protocol]");
    assert_ends(&ask(imap, &["--starttls", "smtp"]), 2, " does not speak SMTP: * OK ");
    assert_ends(&ask(imap, &[]), 2, ": the answer is no TLS");
}

#[test]
fn peers_that_misbehave() {
    let ends_as = |peer: &Peer, args: &[&str], reason: &str| {
        let ran = check(peer.port(), &[&["-t", "1"], args].concat());
        assert_ends(&ran, 2, &format!(" [{reason}] | time="));
        assert!(ran.took < Duration::from_secs(4), "{:?} {}", ran.took, ran.stdout);
        assert!(ran.first_line().contains(&peer.address().to_string()), "{}", ran.stdout);
    };
    ends_as(&Peer::silent(), &[], "timed-out");
    ends_as(&Peer::black_hole(), &[], "timed-out");
    ends_as(&Peer::closes(), &[], "closed");
    ends_as(&Peer::garbage(), &[], "tls-handshake");
    ends_as(&Peer::endless("x"), &[], "tls-handshake");
    ends_as(&Peer::drips("\x16\x03\x03\x40\0", Duration::from_millis(50)), &[], "timed-out");
    // Takes the client's hello, and goes.
    let goes = Peer::new(|mut stream, _| {
        let mut hello = [0; 64];
        assert!(stream.read(&mut hello).is_ok());
    });
    let ran = check(goes.port(), &["-t", "1"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.first_line().contains("[closed] |"), "{}", ran.stdout);
    // A server's hello that announces 16 MiB.
    ends_as(&Peer::says("\x16\x03\x03\0\x04\x02\x7f\x7f\x7f"), &[], "tls-handshake");

    let smtp = ["--starttls", "smtp"];
    ends_as(&Peer::silent(), &smtp, "timed-out");
    ends_as(&Peer::says("220 half a li"), &smtp, "timed-out");
    ends_as(&Peer::drips("220-x\r\n", Duration::from_millis(20)), &smtp, "timed-out");
    ends_as(&Peer::endless("220-x\r\n"), &smtp, "protocol");
    ends_as(&Peer::endless("x"), &smtp, "protocol");
    ends_as(&Peer::closes(), &smtp, "closed");
    let injects = Peer::new(|mut stream, over| {
        let mut buffer = [0; 512];
        for say in ["220 mail\r\n", "250 STARTTLS\r\n", "220 go\r\n250 injected\r\n"] {
            if stream.write_all(say.as_bytes()).is_err() || stream.read(&mut buffer).is_err() {
                return;
            }
        }
        while !over.load(std::sync::atomic::Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    ends_as(&injects, &smtp, "protocol");
}

/// The system's roots are those that SSL_CERT_FILE and SSL_CERT_DIR name.
#[test]
fn roots_of_the_folder_and_of_the_bundle() {
    let (known, bundled) = (Identity::root("Known Root"), Identity::root("Bundled Root"));
    let folder = tempfile::tempdir().expect("a folder");
    let hashed = folder.path().join("hashed");
    fs::create_dir(&hashed).expect("a folder");
    known.write(&hashed, "known", false);
    let rehashed = run("openssl", ["rehash".as_ref(), hashed.as_os_str()]);
    assert_eq!(rehashed.code, Some(0), "{}", rehashed.stderr);
    let (bundle, _) = bundled.write(folder.path(), "bundle", false);

    let ask = |identity: &Identity, dir: &Path, file: &Path, args: &[&str]| {
        let peer = Peer::tls(identity, "");
        let port = peer.port().to_string();
        let args = [&["-H", "127.0.0.1", "-p", &port], args].concat();
        Run::new(plugin("check-tls")).env("SSL_CERT_DIR", dir).env("SSL_CERT_FILE", file).args(args).go()
    };
    let none = Path::new("/nonexistent");
    let good = "certificate valid for ";
    assert_ends(&ask(&known.issue(&local()), &hashed, &bundle, &[]), 0, good);
    assert_ends(&ask(&bundled.issue(&local()), &hashed, &bundle, &[]), 0, good);
    assert_ends(&ask(&bundled.issue(&local()), none, &bundle, &[]), 0, good);
    let middle = bundled.intermediate("Bundled Middle");
    assert_ends(&ask(&middle.issue(&local()), &hashed, &bundle, &[]), 0, good);
    assert_ends(&ask(&bundled.issue(&local()), &hashed, none, &[]), 2, "[tls-untrusted]");
    assert_ends(&ask(&bundled.issue(&local()), none, none, &[]), 2, "[tls-untrusted]");
    // What else is wrong is not made good by the bundle.
    assert_ends(&ask(&bundled.issue(&local().days(-30, -3)), &hashed, &bundle, &[]), 2, "[tls-expired]");
    assert_ends(&ask(&bundled.issue(&Wish::names(&["a.example"])), &hashed, &bundle, &[]), 2, "[tls-name]");
    assert_ends(
        &ask(&Identity { chain: Vec::new(), ..middle.issue(&local()) }, &hashed, &bundle, &[]),
        2,
        "[tls-untrusted]",
    );
    // One that only bears the name of a root in the bundle is none.
    let forged = Identity::root("Bundled Root").issue(&local());
    assert_ends(&ask(&forged, &hashed, &bundle, &[]), 2, "[tls-untrusted]");
    // A certificate that is its own root, in the bundle.
    let own = Identity::self_signed(&local());
    let (own_bundle, _) = own.write(folder.path(), "own", false);
    assert_ends(&ask(&own, &hashed, &own_bundle, &[]), 0, good);
    // An old root in the bundle is found, and has expired.
    let old = Identity::root_as(&Wish::names(&["Old Root"]).days(-90, -3));
    let (old_bundle, _) = old.write(folder.path(), "old", false);
    let ran = ask(&old.issue(&local()), &hashed, &old_bundle, &[]);
    assert_ends(&ran, 2, "issuer CN=Old Root expired 3 d ago");
}

#[test]
fn certificate_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Identity::root("Test Root");
    root.issue(&Wish::names(&["a.example"]).days(-1, 60)).write(folder.path(), "a", true);
    root.intermediate("Middle").issue(&Wish::names(&["b.example"]).days(-1, 80)).write(
        folder.path(),
        "b",
        true,
    );
    let der = root.issue(&Wish::names(&["c.example"])).cert.to_der().expect("DER");
    fs::write(folder.path().join("c.der"), der).expect("write it");
    let look = |patterns: &[&str], args: &[&str]| {
        let paths: Vec<String> =
            patterns.iter().map(|name| folder.path().join(name).display().to_string()).collect();
        let files = paths.iter().flat_map(|path| ["--file", path.as_str()]);
        run(plugin("check-tls"), files.chain(args.iter().copied()))
    };
    let good = look(&["*.crt", "c.der"], &["-w", "30d", "-c", "10d"]);
    assert_ends(&good, 0, "TLS OK - 3 files, the first to expire is ");
    assert!(
        good.first_line().ends_with("s;2592000:;864000: files=3;;;0 certificates=4;;;0"),
        "{}",
        good.stdout
    );
    let soon = look(&["a.crt", "b.crt"], &["-w", "70d", "-c", "10d"]);
    assert_ends(&soon, 1, "a.crt: certificate expires in ");
    assert_ends(&look(&["c.der"], &["--name", "c.example"]), 0, "certificate valid for ");
    assert_ends(&look(&["c.der"], &["--name", "d.example"]), 2, "[tls-name]");
    assert_ends(&look(&["a.key"], &[]), 2, "no certificate that can be read [content]");
    assert_ends(&look(&["none.crt"], &[]), 2, "[missing]");
    assert_ends(&look(&["*.none"], &[]), 2, "[missing]");
    assert_ends(&look(&["a.crt"], &["--insecure"]), 3, "[usage]");

    root.issue(&Wish::names(&["d.example"]).days(-60, -5)).write(folder.path(), "d", false);
    let ran = look(&["*.crt"], &["--output-format", "json"]);
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((ran.code, &json["findings"][0]["reason"]), (Some(2), &Value::from("tls-expired")), "{json}");
    assert_eq!(json["facts"]["files"].as_array().map(Vec::len), Some(3), "{json}");
    assert_eq!(json["facts"]["files"][0]["certificates"][0]["subject"], "CN=d.example", "{json}");
}

#[test]
fn names_that_would_break_the_line_do_no_harm() {
    let evil = Identity::self_signed(&Wish::names(&["127.0.0.1", "x|y=1\u{1b}[31m.example"]));
    let peer = Peer::tls(&evil, "");
    let ran = check(peer.port(), &["--insecure", "-v", "--name", "web.example"]);
    assert_eq!(ran.stdout.matches('|').count(), 1, "{}", ran.stdout);
    assert!(ran.stdout.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", ran.stdout);
}

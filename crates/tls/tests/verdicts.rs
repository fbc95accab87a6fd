//! What a handshake says of good and bad certificates, against OpenSSL's own server.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use net::{Dialogue, Family, Target};
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod, SslOptions, SslVerifyMode, SslVersion};
use plugin::{Deadline, Reason};
use testkit::Peer;
use testkit::pki::{Identity, Wish};
use tls::{TlsOptions, Verify, Version};

struct Served {
    port: u16,
    folder: tempfile::TempDir,
}

/// A server in this process with this identity; it greets everybody who finishes the handshake.
fn serve(identity: &Identity, with_chain: bool) -> Served {
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = identity.write(folder.path(), "server", with_chain);
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("an acceptor");
    acceptor.set_certificate_chain_file(&cert).expect("its certificate");
    acceptor.set_private_key_file(&key, SslFiletype::PEM).expect("its key");
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Ok(mut stream) = acceptor.accept(stream) {
                let _gone = stream.write_all(b"hello\n");
            }
        }
    });
    Served { port, folder }
}

fn trusting(root: &Identity, folder: &Path) -> TlsOptions {
    let (file, _) = root.write(folder, "root", false);
    TlsOptions { ca_file: Some(file), ..TlsOptions::default() }
}

fn inspect(served: &Served, host: &str, options: &TlsOptions) -> plugin::Result<tls::Session> {
    let stream = TcpStream::connect(("127.0.0.1", served.port)).expect("it listens");
    tls::inspect(stream, "target:443", host, options).map(|stream| stream.session().clone())
}

fn verdict(served: &Served, host: &str, options: &TlsOptions) -> Result<(), Reason> {
    inspect(served, host, options).expect("a handshake").trust.map_err(|distrust| distrust.reason)
}

#[test]
fn a_good_certificate_shows_its_facts() {
    let root = Identity::root("Test Root");
    let middle = root.intermediate("Test Middle");
    let served = serve(&middle.issue(&Wish::names(&["web.example", "127.0.0.1"])), true);
    let options = trusting(&root, served.folder.path());
    let session = inspect(&served, "web.example", &options).expect("a handshake");
    assert_eq!(session.trust, Ok(()));
    assert_eq!(session.protocol, "TLSv1.3");
    assert_eq!(session.chain.len(), 2);
    let leaf = &session.chain[0];
    assert_eq!((leaf.subject.as_str(), leaf.issuer.as_str()), ("CN=web.example", "CN=Test Middle"));
    assert_eq!(leaf.names, ["web.example", "127.0.0.1"]);
    assert_eq!((leaf.key.kind, leaf.key.bits), ("EC", 256));
    assert_eq!(leaf.lifetime(), 91 * 86_400);
    assert_eq!(verdict(&served, "127.0.0.1", &options), Ok(()));
}

#[test]
fn each_kind_of_bad_certificate_has_its_reason() {
    let root = Identity::root("Test Root");
    let middle = root.intermediate("Test Middle");
    let cases = [
        (root.issue(&Wish::names(&["web.example"]).days(-30, -1)), Reason::TlsExpired),
        (root.issue(&Wish::names(&["web.example"]).days(2, 30)), Reason::TlsNotYetValid),
        (root.issue(&Wish::names(&["other.example"])), Reason::TlsName),
        (Identity::root("Other Root").issue(&Wish::names(&["web.example"])), Reason::TlsUntrusted),
        (Identity::self_signed(&Wish::names(&["web.example"])), Reason::TlsSelfSigned),
        // The chain is not sent: the way to the root is missing.
        (middle.issue(&Wish::names(&["web.example"])), Reason::TlsUntrusted),
    ];
    for (identity, reason) in cases {
        let served = serve(&identity, false);
        let options = trusting(&root, served.folder.path());
        assert_eq!(verdict(&served, "web.example", &options), Err(reason));
        let nothing = TlsOptions { verify: Verify::Nothing, ..options };
        assert_eq!(verdict(&served, "web.example", &nothing), Ok(()));
        let stream = TcpStream::connect(("127.0.0.1", served.port)).expect("it listens");
        let options = trusting(&root, served.folder.path());
        let failure = tls::connect(stream, "target:443", "web.example", &options).expect_err("it is bad");
        assert_eq!(failure.reason, reason, "{failure}");
    }
}

#[test]
fn roots_are_found_in_a_hashed_folder_and_nowhere_else() {
    let root = Identity::root("Test Root");
    let served = serve(&root.issue(&Wish::names(&["web.example"])), true);
    let hashed = served.folder.path().join("hashed");
    std::fs::create_dir(&hashed).expect("a folder");
    let (file, _) = root.write(&hashed, "root", false);
    let rehash = |folder: &PathBuf| std::process::Command::new("openssl").arg("rehash").arg(folder).status();
    assert!(rehash(&hashed).expect("openssl rehash").success());
    let options = TlsOptions { ca_dir: Some(hashed.clone()), ..TlsOptions::default() };
    assert_eq!(verdict(&served, "web.example", &options), Ok(()));
    assert_eq!(verdict(&served, "web.example", &TlsOptions::default()), Err(Reason::TlsUntrusted));
    std::fs::remove_file(file).expect("remove it");
    assert_eq!(verdict(&served, "web.example", &options), Err(Reason::TlsUntrusted));
}

#[test]
fn the_path_is_what_was_verified_and_the_chain_what_was_sent() {
    let root = Identity::root("Test Root");
    let middle = root.intermediate("Test Middle");
    let mut leaf = middle.issue(&Wish::names(&["web.example"]));
    // Sent, but of no use.
    leaf.chain.push(Identity::root("Old Root").cert);
    let served = serve(&leaf, true);
    let session = inspect(&served, "web.example", &trusting(&root, served.folder.path())).expect("TLS");
    let subjects =
        |chain: &[tls::Certificate]| chain.iter().map(|c| c.title().to_owned()).collect::<Vec<_>>();
    assert_eq!(subjects(&session.chain), ["CN=web.example", "CN=Test Middle", "CN=Old Root"]);
    assert_eq!(subjects(&session.path), ["CN=web.example", "CN=Test Middle", "CN=Test Root"]);
    assert_eq!((session.trust, session.problems.len()), (Ok(()), 0));
}

#[test]
fn everything_that_is_wrong_is_told() {
    let root = Identity::root("Test Root");
    let old = root.authority(&Wish::names(&["Old Middle"]).days(-60, -2));
    let served = serve(&old.issue(&Wish::names(&["other.example"])), true);
    let session = inspect(&served, "web.example", &trusting(&root, served.folder.path())).expect("TLS");
    let problems: Vec<_> = session.problems.iter().map(|problem| (problem.reason, problem.depth)).collect();
    assert_eq!(problems, [(Reason::TlsExpired, 1), (Reason::TlsName, 0)]);
    let distrust = session.trust.clone().expect_err("it is bad");
    assert_eq!(
        session.failure("web.example:443", &distrust).message,
        "web.example:443: certificate has expired (CN=Old Middle)"
    );
}

#[test]
fn the_path_of_a_socket_is_no_name() {
    let root = Identity::root("Test Root");
    let served = serve(&root.issue(&Wish::names(&["web.example"])), true);
    let options = trusting(&root, served.folder.path());
    assert_eq!(verdict(&served, "/run/web.sock", &options), Ok(()));
    let named = TlsOptions { server_name: Some("other.example".into()), ..options };
    assert_eq!(verdict(&served, "/run/web.sock", &named), Err(Reason::TlsName));
}

/// The versions that a server with these limits takes part in.
fn accepted(oldest: SslVersion, newest: SslVersion) -> Vec<Version> {
    let identity = Identity::self_signed(&Wish::names(&["web.example"]).rsa(2048));
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).expect("an acceptor");
    acceptor.set_security_level(0);
    acceptor.set_cipher_list("ALL:@SECLEVEL=0").expect("ciphers");
    acceptor.set_certificate(&identity.cert).expect("its certificate");
    acceptor.set_private_key(&identity.key).expect("its key");
    acceptor.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1 | SslOptions::NO_TLSV1_3);
    acceptor.set_min_proto_version(Some(oldest)).expect("a version");
    acceptor.set_max_proto_version(Some(newest)).expect("a version");
    let acceptor = acceptor.build();
    let peer = Peer::new(move |stream, _| {
        if let Ok(mut stream) = acceptor.accept(stream) {
            let _gone = stream.write_all(b"hello\n");
        }
    });
    let versions = [Version::Tls10, Version::Tls11, Version::Tls12, Version::Tls13];
    let accepts = |version: &Version| {
        let deadline = Deadline::after(Duration::from_secs(20));
        let target = Target::new("127.0.0.1", Some(peer.port())).expect("a target");
        let conn = target.resolve(Family::Any, &deadline).and_then(|endpoint| endpoint.connect(&deadline));
        tls::accepts(conn.expect("it listens"), "web.example", *version, &TlsOptions::default())
            .expect("a yes or no")
    };
    versions.into_iter().filter(accepts).collect()
}

#[test]
fn versions_that_a_server_takes_part_in() {
    use Version::{Tls10, Tls11, Tls12, Tls13};
    assert_eq!(accepted(SslVersion::TLS1, SslVersion::TLS1_3), [Tls10, Tls11, Tls12, Tls13]);
    assert_eq!(accepted(SslVersion::TLS1_2, SslVersion::TLS1_2), [Tls12]);
    assert_eq!(accepted(SslVersion::TLS1_1, SslVersion::TLS1_2), [Tls11, Tls12]);
}

#[test]
fn whoever_says_nothing_leaves_the_question_open() {
    let peer = Peer::silent();
    let deadline = Deadline::after(Duration::from_millis(300));
    let target = Target::new("127.0.0.1", Some(peer.port())).expect("a target");
    let conn =
        || target.resolve(Family::Any, &deadline).and_then(|it| it.connect(&deadline)).expect("it listens");
    let failure = tls::open(conn(), "web.example", &TlsOptions::default()).expect_err("silence");
    assert_eq!(failure.message, format!("TLS handshake with {}: no answer within 300 ms", peer.address()));
    let deadline = Deadline::after(Duration::from_millis(300));
    let conn =
        target.resolve(Family::Any, &deadline).and_then(|it| it.connect(&deadline)).expect("it listens");
    let open = tls::accepts(conn, "web.example", Version::Tls13, &TlsOptions::default());
    assert_eq!(open.map_err(|failure| failure.reason), Err(Reason::TimedOut));
}

// With TLS 1.3 the client learns only from its first read that the server wants a certificate of it.
#[test]
fn a_certificate_that_the_server_misses_is_named() {
    let identity = Identity::self_signed(&Wish::names(&["web.example"]));
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("an acceptor");
    acceptor.set_certificate(&identity.cert).expect("its certificate");
    acceptor.set_private_key(&identity.key).expect("its key");
    acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    let acceptor = acceptor.build();
    let peer = Peer::new(move |stream, over| {
        if acceptor.accept(stream).is_err() {
            while !over.load(std::sync::atomic::Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    });
    let deadline = Deadline::after(Duration::from_secs(20));
    let target = Target::new("127.0.0.1", Some(peer.port())).expect("a target");
    let conn =
        target.resolve(Family::Any, &deadline).and_then(|it| it.connect(&deadline)).expect("it listens");
    let options = TlsOptions { verify: Verify::Nothing, ..TlsOptions::default() };
    let mut stream = tls::open(conn, "web.example", &options).expect("a handshake");
    let failure = Dialogue::new(&mut stream).line().expect_err("no certificate was sent");
    assert_eq!(failure.reason, Reason::TlsHandshake, "{failure}");
    assert!(failure.message.contains("certificate required"), "{failure}");
}

#[test]
fn a_server_that_speaks_no_tls_is_a_handshake_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _gone = stream.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    let served = Served { port, folder: tempfile::tempdir().expect("a folder") };
    let failure = inspect(&served, "web.example", &TlsOptions::default()).expect_err("no TLS");
    assert_eq!(failure.reason, Reason::TlsHandshake, "{failure}");
}

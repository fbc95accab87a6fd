//! What a handshake says of good and bad certificates, against OpenSSL's own server.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};
use plugin::Reason;
use testkit::pki::{Identity, Wish};
use tls::{TlsOptions, Verify};

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

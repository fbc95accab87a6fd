//! Tests of the judgement, with facts written down.

use std::time::Duration;

use clap::Parser as _;
use plugin::{Call, Deadline, Dialect, Failure, Outcome, Reason};
use tls::{Certificate, Key, Session, Version};

use crate::CheckTls;
use crate::files::Found;
use crate::measure::{Asked, Facts};

const DAY: i64 = 86_400;
/// 2026-12-01.
const NOW: i64 = 1_796_083_200;

/// Valid since 30 days, for so many more.
fn certificate(name: &str, issuer: &str, days: i64) -> Certificate {
    Certificate {
        subject: format!("CN={name}"),
        issuer: format!("CN={issuer}"),
        names: vec![name.to_owned()],
        not_before: NOW - 30 * DAY,
        not_after: NOW + days * DAY,
        serial: "1".into(),
        key: Key { kind: "EC", bits: 256 },
        signature: "ecdsa-with-SHA256".into(),
        sha256: String::new(),
        spki_sha256: "00".repeat(32),
        self_issued: name == issuer,
    }
}

fn web(days: i64) -> Certificate {
    certificate("web.example", "Middle", days)
}

/// Sent without its root.
fn session(leaf: Certificate) -> Session {
    let (middle, root) = (certificate("Middle", "Root", 1000), certificate("Root", "Root", 3000));
    Session {
        protocol: "TLSv1.3".into(),
        cipher: "TLS_AES_256_GCM_SHA384".into(),
        alpn: None,
        chain: vec![leaf.clone(), middle.clone()],
        path: vec![leaf, middle, root],
        trust: Ok(()),
        problems: Vec::new(),
    }
}

fn facts(session: Option<Session>) -> Facts {
    Facts {
        target: "web.example:443".into(),
        peer: "web.example:443 (10.0.0.5)".into(),
        addresses: Vec::new(),
        address: None,
        phases: vec![("connect", Duration::from_millis(1))],
        session,
        versions: Vec::new(),
        failure: None,
        time: Duration::from_millis(12),
        details: Vec::new(),
        now: NOW,
    }
}

fn judged(args: &[&str], facts: &Facts) -> Outcome {
    let check =
        CheckTls::try_parse_from([&["check-tls", "-H", "web.example"], args].concat()).expect("readable");
    check.judge(facts, &Call::own("check-tls", Deadline::after(Duration::from_secs(10))))
}

// State, worst finding with its reason, perfdata.
fn shown(outcome: &Outcome) -> String {
    let worst = outcome.findings().iter().rev().max_by_key(|finding| finding.state).expect("a finding");
    let reason = worst.reason.map(|reason| format!(" [{reason}]")).unwrap_or_default();
    let perfdata: Vec<String> =
        outcome.metrics().iter().map(|metric| metric.perfdata(Dialect::Own)).collect();
    format!("{} - {}{reason} | {}", outcome.state(), worst.text, perfdata.join(" "))
}

// Without the peer and the perfdata.
fn said(args: &[&str], session: Session) -> String {
    let line = shown(&judged(args, &facts(Some(session))));
    let line = line.replace("web.example:443 (10.0.0.5)", "PEER");
    line.split(" | ").next().unwrap_or_default().to_owned()
}

#[test]
fn a_good_line_names_target_validity_and_version() {
    assert_eq!(
        shown(&judged(&[], &facts(Some(session(web(60)))))),
        "OK - web.example:443 (10.0.0.5): certificate valid for 60 d, until 2027-01-30 (TLSv1.3) \
         | expires=5184000s;1555200:;604800: expires_leaf=5184000s expires_sent=5184000s time=0.012s;;;0;10"
    );
}

#[test]
fn limits_are_days_times_or_shares() {
    let state = |args: &[&str], days| said(args, session(web(days)));
    assert_eq!(
        state(&["-w", "30d", "-c", "10d"], 12),
        "WARNING - PEER: certificate expires in 12 d, on 2026-12-13; limit 30 d [threshold]"
    );
    assert_eq!(
        state(&["-w", "30", "-c", "10"], 9),
        "CRITICAL - PEER: certificate expires in 9 d, on 2026-12-10; limit 10 d [threshold]"
    );
    // Of a lifetime of 30 and 20 days.
    assert!(state(&["-w", "50%"], 20).starts_with("WARNING - PEER: certificate expires in 20 d"));
    assert!(state(&["-w", "40%"], 20).starts_with("OK - "));
    assert!(state(&["-w", "0", "-c", "12h"], 1).starts_with("OK - "));
    assert!(state(&["-w", "0", "-c", "25h"], 1).starts_with("CRITICAL - "));
    // The defaults: 20 and 7 days, or a fifth and a tenth of less than 100 and 70 days.
    assert!(state(&[], 14).starts_with("OK - "));
    let year = |days| {
        let leaf = Certificate { not_before: NOW - 330 * DAY, ..web(days) };
        said(&[], session(leaf)).split(' ').next().map(str::to_owned)
    };
    assert_eq!([21, 19, 8, 6].map(year).map(Option::unwrap), ["OK", "WARNING", "WARNING", "CRITICAL"]);
}

#[test]
fn dates_that_do_not_hold() {
    assert_eq!(
        said(&[], session(web(-3))),
        "CRITICAL - PEER: certificate expired 3 d ago, on 2026-11-28 [tls-expired]"
    );
    let early = Certificate { not_before: NOW + 2 * DAY, ..web(60) };
    assert_eq!(
        said(&[], session(early)),
        "CRITICAL - PEER: certificate is not valid before 2026-12-03 [tls-not-yet-valid]"
    );
}

#[test]
fn every_element_counts_unless_told_otherwise() {
    let mut old = session(web(60));
    old.path[1].not_after = NOW + 5 * DAY;
    let line = "CRITICAL - PEER: issuer CN=Middle expires in 5 d, on 2026-12-06; limit 7 d [threshold]";
    assert_eq!(said(&[], old.clone()), line);
    assert!(said(&["--leaf-only"], old.clone()).starts_with("OK - PEER: certificate valid for 60 d"));
    old.path[1].not_after = NOW + 50 * DAY;
    assert_eq!(
        said(&[], old.clone()),
        "OK - PEER: issuer CN=Middle valid for 50 d, until 2027-01-20 (TLSv1.3)"
    );
    // What was sent beside the path expires alone.
    let mut beside = session(web(60));
    beside.chain.push(certificate("Old Root", "Old Root", -100));
    let outcome = judged(&[], &facts(Some(beside)));
    assert_eq!(outcome.state(), plugin::State::Ok);
    assert!(shown(&outcome).contains(" expires_sent=-8640000s "), "{}", shown(&outcome));
}

#[test]
fn names_issuers_subjects_pins() {
    let line = |args: &[&str]| said(args, session(web(60)));
    assert!(line(&["--name", "web.example"]).starts_with("OK - "));
    assert_eq!(
        line(&["--name", "web.example", "--name", "a.example", "--name", "b.example"]),
        "CRITICAL - PEER: certificate is not for a.example, b.example, but for web.example [tls-name]"
    );
    assert!(line(&["--issuer", "^CN=Root$"]).starts_with("OK - "));
    assert_eq!(line(&["--issuer", "Other"]), "CRITICAL - PEER: issuer is CN=Middle, not Other [content]");
    assert!(line(&["--subject", "web\\.example$"]).starts_with("OK - "));
    assert_eq!(
        line(&["--subject", "^web"]),
        "CRITICAL - PEER: subject is CN=web.example, not ^web [content]"
    );
    let pin = |byte: &str| format!("sha256//{byte}{}=", "A".repeat(42));
    assert!(line(&["--pin", &pin("B"), "--pin", &pin("A")]).starts_with("OK - "));
    let missed = line(&["--pin", &pin("B")]);
    let why = format!("CRITICAL - PEER: no key has the pin; the certificate's is {} [content]", pin("A"));
    assert_eq!(missed, why);
}

#[test]
fn weak_keys_and_signatures() {
    let rsa = |bits| Certificate { key: Key { kind: "RSA", bits }, ..web(60) };
    assert_eq!(
        said(&[], session(rsa(1024))),
        "CRITICAL - PEER: RSA key of 1024 bits, less than 2048 (CN=web.example) [tls-untrusted]"
    );
    assert!(said(&["--min-key-bits", "1024"], session(rsa(1024))).starts_with("OK - "));
    assert!(said(&["--min-key-bits", "4096"], session(rsa(2048))).starts_with("CRITICAL - "));
    assert!(said(&["--min-ec-bits", "384"], session(web(60))).contains("EC key of 256 bits, less than 384"));

    let mut sha1 = session(web(60));
    sha1.path[2].signature = "sha1WithRSAEncryption".into();
    assert!(said(&[], sha1.clone()).starts_with("OK - "), "a root's own signature does not count");
    sha1.path[1].signature = "sha1WithRSAEncryption".into();
    assert_eq!(
        said(&[], sha1.clone()),
        "CRITICAL - PEER: weak signature, sha1WithRSAEncryption (CN=Middle) [tls-untrusted]"
    );
    assert!(said(&["--allow-weak-signature"], sha1).starts_with("OK - "));
    let alone = Certificate { signature: "md5WithRSAEncryption".into(), self_issued: true, ..web(60) };
    let alone = Session { path: vec![alone.clone()], chain: vec![alone], ..session(web(60)) };
    assert!(said(&[], alone).contains("weak signature, md5"));
}

#[test]
fn alpn_and_versions() {
    let h2 = Session { alpn: Some("h2".into()), ..session(web(60)) };
    assert!(said(&["--alpn", "http/1.1", "--alpn", "h2"], h2.clone()).starts_with("OK - "));
    assert_eq!(said(&["--alpn", "http/1.1"], h2), "CRITICAL - PEER: ALPN is h2, not http/1.1 [content]");
    assert!(said(&["--alpn", "h2"], session(web(60))).contains("ALPN is none, not h2"));

    let asked = |version, wanted, accepted| Asked { version, wanted, accepted };
    let line = |asked: Asked| {
        let facts = Facts { versions: vec![asked], ..facts(Some(session(web(60)))) };
        let line = shown(&judged(&[], &facts)).replace("web.example:443 (10.0.0.5)", "PEER");
        line.split(" | ").next().unwrap_or_default().to_owned()
    };
    assert!(line(asked(Version::Tls13, true, Ok(true))).starts_with("OK - "));
    assert!(line(asked(Version::Tls10, false, Ok(false))).starts_with("OK - "));
    assert_eq!(line(asked(Version::Tls10, false, Ok(true))), "CRITICAL - PEER accepts TLSv1 [content]");
    assert_eq!(
        line(asked(Version::Tls13, true, Ok(false))),
        "CRITICAL - PEER does not accept TLSv1.3 [tls-handshake]"
    );
    let silent = Failure::new(Reason::TimedOut, "TLS handshake with PEER: no answer within 10 s");
    assert_eq!(
        line(asked(Version::Tls10, false, Err(silent))),
        "CRITICAL - TLS handshake with PEER: no answer within 10 s [timed-out]"
    );
}

#[test]
fn a_failure_before_there_was_a_session() {
    let refused =
        Failure::new(Reason::Refused, "web.example:443 (10.0.0.5) refused the connection after 3 ms");
    let facts = Facts { failure: Some(refused), ..facts(None) };
    assert_eq!(
        shown(&judged(&[], &facts)),
        "CRITICAL - web.example:443 (10.0.0.5) refused the connection after 3 ms [refused] \
         | time=0.012s;;;0;10"
    );
}

fn files(args: &[&str], files: &[(&str, Result<Vec<Certificate>, Failure>)]) -> Outcome {
    let check = CheckTls::try_parse_from([&["check-tls", "--file", "x"], args].concat()).expect("readable");
    let found = |(path, certificates): &(&str, Result<Vec<Certificate>, Failure>)| Found {
        path: path.into(),
        certificates: certificates.clone(),
    };
    let files: Vec<Found> = files.iter().map(found).collect();
    check.judge_files(&files, NOW, &Call::own("check-tls", Deadline::after(Duration::from_secs(10))))
}

#[test]
fn files_are_judged_worst_first() {
    assert_eq!(
        shown(&files(&[], &[("/etc/a.pem", Ok(vec![web(60)]))])),
        "OK - /etc/a.pem: certificate valid for 60 d, until 2027-01-30 \
         | expires=5184000s;1555200:;604800: files=1;;;0 certificates=1;;;0"
    );
    let two =
        [("/etc/a.pem", Ok(vec![web(60)])), ("/etc/b.pem", Ok(vec![web(50), certificate("M", "R", 90)]))];
    assert_eq!(
        shown(&files(&[], &two)),
        "OK - 2 files, the first to expire is /etc/b.pem: certificate valid for 50 d, until 2027-01-20 \
         | expires=4320000s;1382400:;604800: files=2;;;0 certificates=3;;;0"
    );
    let missing = Failure::new(Reason::Missing, "read /etc/c.pem: no such file or directory");
    let bad = [
        ("/etc/a.pem", Ok(vec![web(2)])),
        ("/etc/b.pem", Ok(vec![web(-1)])),
        ("/etc/c.pem", Err(missing)),
        ("/etc/d.pem", Ok(vec![web(12)])),
    ];
    let outcome = files(&["-w", "30", "-c", "5"], &bad);
    let texts: Vec<&str> = outcome.findings().iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "read /etc/c.pem: no such file or directory",
            "/etc/b.pem: certificate expired 1 d ago, on 2026-11-30",
            "/etc/a.pem: certificate expires in 2 d, on 2026-12-03; limit 5 d",
            "/etc/d.pem: certificate expires in 12 d, on 2026-12-13; limit 30 d",
        ]
    );
    assert_eq!(outcome.metrics()[0].perfdata(Dialect::Own), "expires=-86400s;2592000:;432000:");
}

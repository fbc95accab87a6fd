//! Every kind of answer and what is made of it, word for word.

use std::time::Duration;

use clap::Parser as _;
use plugin::{Call, Deadline, Dialect, Failure, Outcome, Reason};

use super::{Facts, Reply};
use crate::CheckDns;
use crate::records::{Row, Value};

fn row(kind: &str, data: &str) -> Row {
    let value = data.parse().map_or(Value::Other, Value::Address);
    Row { name: "www.example.".into(), kind: kind.into(), ttl: 300, data: data.into(), value }
}

fn reply(code: &str, rows: Vec<Row>) -> Reply {
    Reply {
        server: "10.0.0.53".into(),
        address: "10.0.0.53:53".into(),
        transport: "udp",
        name: "www.example.".into(),
        kind: "A".into(),
        code: code.into(),
        flags: vec!["rd", "ra"],
        rows,
        aliases: Vec::new(),
    }
}

fn answered(replies: Vec<Reply>) -> Facts {
    Facts { what: "www.example".into(), replies, time: Duration::from_millis(4), ..Facts::default() }
}

fn found(addresses: &[&str]) -> Facts {
    answered(vec![reply("NOERROR", addresses.iter().map(|address| row("A", address)).collect())])
}

fn call(dialect: Dialect) -> Call {
    let mut call = Call::own("check-dns", Deadline::after(Duration::from_secs(10)));
    call.dialect = dialect;
    call
}

fn judged(args: &[&str], facts: &Facts, dialect: Dialect) -> Outcome {
    let line = [&["check-dns", "-H", "www.example"], args].concat();
    CheckDns::try_parse_from(line).expect("readable").judge(facts, &call(dialect))
}

/// State, sentence and reason of the worst finding, as the first line shows them.
fn line(args: &[&str], facts: &Facts) -> String {
    shown(&judged(args, facts, Dialect::Own))
}

fn shown(outcome: &Outcome) -> String {
    let worst =
        outcome.findings().iter().find(|finding| finding.state == outcome.state()).expect("a finding");
    let reason = worst.reason.map(|reason| format!(" [{reason}]")).unwrap_or_default();
    format!("{} - {}{reason}", worst.state, worst.text)
}

#[test]
fn what_the_server_says() {
    assert_eq!(line(&[], &found(&["192.0.2.1"])), "OK - www.example is 192.0.2.1, says 10.0.0.53 after 4 ms");
    let both = answered(vec![
        reply("NOERROR", vec![row("A", "192.0.2.1")]),
        reply("NOERROR", vec![row("AAAA", "2001:db8::1")]),
    ]);
    assert_eq!(line(&[], &both), "OK - www.example is 192.0.2.1, 2001:db8::1, says 10.0.0.53 after 4 ms");
    let many: Vec<String> = (1..30).map(|last| format!("192.0.2.{last}")).collect();
    assert_eq!(
        line(&[], &found(&many.iter().map(String::as_str).collect::<Vec<_>>())),
        "OK - www.example is 192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4 (+25 more), says 10.0.0.53 after 4 ms"
    );
}

#[test]
fn the_time_is_judged() {
    let facts = found(&["192.0.2.1"]);
    let outcome = judged(&["-w", "40ms", "-c", "500ms"], &facts, Dialect::Own);
    assert_eq!(outcome.metrics()[0].perfdata(Dialect::Own), "time=0.004000s;0.04;0.5;0.000000");
    assert_eq!(
        line(&["-w", "3ms"], &facts),
        "WARNING - 10.0.0.53 took 4 ms for www.example, outside 0.003s [threshold]"
    );
    assert_eq!(
        line(&["-w", "1", "-c", "0.002"], &facts),
        "CRITICAL - 10.0.0.53 took 4 ms for www.example, outside 0.002s [threshold]"
    );
    // A wrong answer that is late as well is two findings.
    let outcome = judged(&["-a", "192.0.2.9", "-w", "3ms"], &facts, Dialect::Own);
    assert_eq!(outcome.findings()[1].text, "10.0.0.53 took 4 ms for www.example, outside 0.003s");
}

#[test]
fn no_answer_is_an_answer() {
    let nothing = |code: &str| answered(vec![reply(code, Vec::new())]);
    assert_eq!(
        line(&[], &nothing("NXDOMAIN")),
        "CRITICAL - www.example does not exist, says 10.0.0.53 [name-not-found]"
    );
    assert_eq!(
        line(&[], &nothing("NOERROR")),
        "CRITICAL - www.example has no such record, says 10.0.0.53 [name-not-found]"
    );
    let alias = Reply { aliases: vec![row("CNAME", "web.example.")], ..reply("NOERROR", Vec::new()) };
    assert_eq!(
        line(&[], &answered(vec![alias])),
        "CRITICAL - www.example is only an alias of web.example., says 10.0.0.53 [name-not-found]"
    );
    for code in ["SERVFAIL", "REFUSED", "NOTIMP"] {
        assert_eq!(
            line(&[], &nothing(code)),
            format!("CRITICAL - 10.0.0.53 answers www.example with {code} [resolver-failed]")
        );
        // An error says nothing about the name, so it is no proof that it does not exist.
        assert!(line(&["-n"], &nothing(code)).ends_with("[resolver-failed]"));
    }
}

#[test]
fn a_name_that_must_not_exist() {
    let absent = answered(vec![reply("NXDOMAIN", Vec::new())]);
    assert_eq!(line(&["-n"], &absent), "OK - www.example does not exist, says 10.0.0.53 after 4 ms");
    assert_eq!(
        line(&["-n"], &found(&["192.0.2.1"])),
        "CRITICAL - www.example is 192.0.2.1, should not exist, says 10.0.0.53 [content]"
    );
    let bare = answered(vec![reply("NOERROR", Vec::new())]);
    assert_eq!(
        line(&["-n"], &bare),
        "CRITICAL - www.example has no such record, should not exist, says 10.0.0.53 [content]"
    );
    assert_eq!(
        shown(&judged(&["-n"], &bare, Dialect::C)),
        "OK - www.example has no such record, says 10.0.0.53 after 4 ms"
    );
}

#[test]
fn expected_values() {
    let two = found(&["192.0.2.1", "192.0.2.2"]);
    for (args, ok) in [
        (&["-a", "192.0.2.1"][..], true),
        (&["-a", "192.0.2.9,192.0.2.2"], true),
        (&["-a", "192.0.2.9", "-a", "192.0.2.2"], true),
        (&["--expect", "192.0.2.2"], true),
        (&["-a", "192.0.2.0/24"], true),
        (&["-a", "192.0.2.9"], false),
        (&["-L", "-a", "192.0.2.1"], false),
        (&["-L", "-a", "192.0.2.1,192.0.2.2"], true),
        (&["-L", "-a", "192.0.2.1,192.0.2.2,192.0.2.3"], false),
        (&["-L", "-a", "192.0.2.0/30"], true),
        (&["--min-answers", "2"], true),
        (&["--min-answers", "3"], false),
    ] {
        assert_eq!(line(args, &two).starts_with("OK"), ok, "{args:?}");
    }
    assert_eq!(
        line(&["-a", "192.0.2.9"], &two),
        "CRITICAL - www.example: expected 192.0.2.9, got 192.0.2.1, 192.0.2.2, says 10.0.0.53 [content]"
    );
    assert_eq!(
        line(&["--min-answers", "3"], &two),
        "CRITICAL - www.example: 2 of 3 records, got 192.0.2.1, 192.0.2.2, says 10.0.0.53 [content]"
    );
}

#[test]
fn flags() {
    let with = |flags: &[&'static str]| {
        answered(vec![Reply { flags: flags.to_vec(), ..reply("NOERROR", vec![row("A", "192.0.2.1")]) }])
    };
    assert!(line(&["-A", "--dnssec"], &with(&["aa", "ad"])).starts_with("OK"));
    assert_eq!(
        line(&["-A"], &with(&["ra"])),
        "CRITICAL - 10.0.0.53 is no authority for www.example [content]"
    );
    assert_eq!(
        line(&["--dnssec"], &with(&["aa"])),
        "CRITICAL - 10.0.0.53 has not validated www.example [content]"
    );
}

#[test]
fn no_answer_at_all() {
    let failed = |reason| {
        let failure = Failure::new(reason, "ask 10.0.0.53 for www.example A: what came back");
        Facts { failure: Some(failure), details: vec!["more".into()], ..found(&[]) }
    };
    let text = "ask 10.0.0.53 for www.example A: what came back";
    assert_eq!(line(&[], &failed(Reason::TimedOut)), format!("CRITICAL - {text} [timed-out]"));
    assert_eq!(line(&[], &failed(Reason::Refused)), format!("CRITICAL - {text} [refused]"));
    assert_eq!(line(&[], &failed(Reason::ResolverSilent)), format!("CRITICAL - {text} [resolver-silent]"));
    assert!(judged(&[], &failed(Reason::TimedOut), Dialect::Own).metrics().is_empty());
}

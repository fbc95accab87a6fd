//! Tests of the judgement, with facts written down.

use std::time::Duration;

use clap::Parser as _;
use net::{Answer, End};
use plugin::{Call, Deadline, Dialect, Failure, Outcome, Reason, State};

use super::{Certificate, Facts, Stage};
use crate::CheckTcp;
use crate::script::Script;

fn judged(name: &str, args: &[&str], facts: &Facts) -> Outcome {
    let options = CheckTcp::try_parse_from([&[name], args].concat()).expect("readable");
    let mut call = Call::own(name, Deadline::after(Duration::from_secs(10)));
    call.dialect = Dialect::of_name(name);
    let script = Script::new(&options, &call).expect("complete");
    options.judge(&script, facts, &call)
}

// State, first finding with its reason, perfdata.
fn line(name: &str, args: &[&str], facts: &Facts) -> String {
    let outcome = judged(name, args, facts);
    let finding = outcome.findings().iter().max_by_key(|finding| finding.state).expect("a finding");
    let reason = finding.reason.map(|reason| format!(" [{reason}]")).unwrap_or_default();
    let perfdata: Vec<String> =
        outcome.metrics().iter().map(|metric| metric.perfdata(Dialect::of_name(name))).collect();
    format!("{} - {}{reason} | {}", outcome.state(), finding.text, perfdata.join(" "))
}

fn facts(answer: Option<(&str, bool, End)>) -> Facts {
    Facts {
        stage: Stage::Talk,
        peer: "mail.example.net:25 (10.0.0.5)".into(),
        lookup: Some(Duration::from_micros(500)),
        connect: Some(Duration::from_millis(1)),
        time: Duration::from_micros(3140),
        answer: answer.map(|(text, matched, end)| Answer { bytes: text.as_bytes().to_vec(), matched, end }),
        ..Facts::of("mail.example.net:25".into())
    }
}

fn failed(stage: Stage, reason: Reason, message: &str) -> Facts {
    Facts { stage, failure: Some(Failure::new(reason, message)), ..facts(None) }
}

#[test]
fn a_good_line_names_target_time_and_greeting() {
    assert_eq!(
        line("check-tcp", &["-p", "25"], &facts(None)),
        "OK - mail.example.net:25 (10.0.0.5) accepted the connection in 3.14 ms | time=0.00314s;;;0;10"
    );
    let greeted = facts(Some(("220 mail ESMTP\r\n250 x\r\n", true, End::Decided)));
    assert_eq!(
        line("check-tcp", &["-p", "25", "-e", "220", "-w", "250ms", "-c", "1"], &greeted),
        "OK - mail.example.net:25 (10.0.0.5) answered in 3.14 ms: 220 mail ESMTP | time=0.00314s;0.25;1;0;10"
    );
    assert_eq!(
        line("check_tcp", &["-p", "25", "-e", "220", "-w", "0.5"], &greeted),
        "OK - mail.example.net:25 (10.0.0.5) answered in 3.14 ms: 220 mail ESMTP \
         | time=0.003140s;0.500000;;0.000000;10.000000"
    );
    assert_eq!(
        line("check-tcp", &["-p", "25", "-e", "220", "-j"], &greeted),
        "OK - mail.example.net:25 (10.0.0.5) answered in 3.14 ms as expected | time=0.00314s;;;0;10"
    );
}

#[test]
fn a_slow_answer() {
    let slow = Facts { time: Duration::from_millis(700), ..facts(Some(("220 mail", true, End::Decided))) };
    assert_eq!(
        line("check-tcp", &["-p", "25", "-e", "220", "-w", "0.5", "-c", "1"], &slow),
        "WARNING - mail.example.net:25 (10.0.0.5) answered in 700 ms, outside 0.5s [threshold] \
         | time=0.7s;0.5;1;0;10"
    );
    let silent = Facts { answer: None, ..slow };
    assert_eq!(
        line("check-tcp", &["-p", "25", "-c", "0.5"], &silent),
        "CRITICAL - mail.example.net:25 (10.0.0.5) accepted the connection in 700 ms, outside 0.5s [threshold] \
         | time=0.7s;;0.5;0;10"
    );
}

#[test]
fn refused() {
    let refused =
        failed(Stage::Connect, Reason::Refused, "mail:25 (10.0.0.5) refused the connection after 3 ms");
    let state = |name: &str, args: &[&str]| judged(name, &[&["-p", "25"], args].concat(), &refused).state();
    assert_eq!(
        line("check-tcp", &["-p", "25"], &refused),
        "CRITICAL - mail:25 (10.0.0.5) refused the connection after 3 ms [refused] | time=0.00314s;;;0;10"
    );
    assert_eq!(state("check-tcp", &["-r", "ok"]), State::Ok);
    assert_eq!(state("check-tcp", &["-r", "warn"]), State::Warning);
    assert_eq!(state("check_tcp", &["-r", "warn"]), State::Warning);
    assert_eq!(state("check_tcp", &[]), State::Critical);
    assert!(judged("check_tcp", &["-p", "25"], &refused).metrics().is_empty());
}

#[test]
fn only_the_c_plugin_takes_any_failed_connection_for_a_refusal() {
    let state = |name: &str, stage, reason| {
        judged(name, &["-p", "25", "-r", "ok"], &failed(stage, reason, "no")).state()
    };
    assert_eq!(state("check-tcp", Stage::Connect, Reason::Unreachable), State::Critical);
    assert_eq!(state("check_tcp", Stage::Connect, Reason::Unreachable), State::Ok);
    assert_eq!(state("check_tcp", Stage::Connect, Reason::TimedOut), State::Critical);
    assert_eq!(state("check_tcp", Stage::Connect, Reason::Usage), State::Unknown);
    // UDP learns of a refusal when it reads.
    assert_eq!(state("check-tcp", Stage::Talk, Reason::Refused), State::Ok);
    assert_eq!(state("check_tcp", Stage::Talk, Reason::Refused), State::Critical);
}

#[test]
fn an_unexpected_answer() {
    let hello = facts(Some(("hello\n", false, End::Quiet)));
    assert_eq!(
        line("check-tcp", &["-p", "25", "-e", "220"], &hello),
        "CRITICAL - mail.example.net:25 (10.0.0.5) answered, but not \"220\": hello [content] \
         | time=0.00314s;;;0;10"
    );
    let text = |args: &[&str]| {
        let outcome = judged("check-tcp", &[&["-p", "25"], args].concat(), &hello);
        outcome.findings()[0].text.replace("mail.example.net:25 (10.0.0.5) answered, but ", "")
    };
    assert_eq!(text(&["-e", "a", "-e", "b"]), "none of \"a\", \"b\": hello");
    assert_eq!(text(&["-e", "hello", "-e", "b", "-A"]), "not all of \"hello\", \"b\": hello");
    assert_eq!(text(&["-e", "a", "-j"]), "not \"a\"");
    assert_eq!(text(&["-e", &"x".repeat(100)]), format!("not \"{}…\": hello", "x".repeat(21)));

    let state = |name: &str, args: &[&str], facts: &Facts| {
        judged(name, &[&["-p", "25", "-e", "220"], args].concat(), facts).state()
    };
    assert_eq!(state("check-tcp", &["-M", "ok"], &hello), State::Ok);
    assert_eq!(state("check-tcp", &["-M", "warn"], &hello), State::Warning);
    // A time above the warning limit counts too, but not for the C plugin.
    assert_eq!(state("check-tcp", &["-M", "ok", "-w", "0"], &hello), State::Warning);
    assert_eq!(state("check_tcp", &["-M", "ok", "-w", "0"], &hello), State::Ok);
    assert_eq!(state("check_tcp", &["-M", "ok", "-c", "0"], &hello), State::Critical);
}

#[test]
fn an_answer_that_does_not_end() {
    let drip = facts(Some(("xxxx", false, End::Deadline)));
    assert_eq!(
        line("check-tcp", &["-p", "25", "-e", "220", "-M", "ok"], &drip),
        "CRITICAL - mail.example.net:25 (10.0.0.5) sent 4 B within 10 s, but not \"220\" [timed-out] \
         | time=0.00314s;;;0;10"
    );
    let endless = facts(Some(("xxxx", false, End::Limit)));
    assert_eq!(
        line("check-tcp", &["-p", "25", "-e", "220", "-M", "ok"], &endless),
        "CRITICAL - mail.example.net:25 (10.0.0.5) sent 4 B and did not stop, but not \"220\" [protocol] \
         | time=0.00314s;;;0;10"
    );
    assert_eq!(
        judged("check-tcp", &["-p", "25", "-e", "220", "-M", "ok", "-m", "4"], &endless).state(),
        State::Ok
    );
}

fn certified(days: &str, left: i64, dialect: Dialect) -> Facts {
    let days: tls::Days = days.parse().expect("days");
    let certificate = Certificate {
        title: "CN=mail.example.net".into(),
        not_after: 1_796_083_200,
        left,
        days,
        state: days.state(left, dialect),
    };
    Facts { certificate: Some(certificate), ..facts(Some(("220 mail", true, End::Decided))) }
}

#[test]
fn a_certificate_is_judged_beside_the_answer() {
    const DAY: i64 = 86_400;
    let own = |days, left| {
        line("check-tcp", &["-p", "25", "-e", "220", "-D", days], &certified(days, left, Dialect::Own))
    };
    assert_eq!(
        own("30,10", 90 * DAY),
        "OK - mail.example.net:25 (10.0.0.5): certificate CN=mail.example.net is valid for 90 d, until 2026-12-01 \
         | time=0.00314s;;;0;10 expires=7776000s;2592000:;864000:"
    );
    assert_eq!(
        own("30,10", 12 * DAY),
        "WARNING - mail.example.net:25 (10.0.0.5): certificate CN=mail.example.net is valid for 12 d, until 2026-12-01 \
         [threshold] | time=0.00314s;;;0;10 expires=1036800s;2592000:;864000:"
    );
    assert_eq!(
        own("30,10", -3 * DAY),
        "CRITICAL - mail.example.net:25 (10.0.0.5): certificate CN=mail.example.net expired 3 d ago, on 2026-12-01 \
         [tls-expired] | time=0.00314s;;;0;10 expires=-259200s;2592000:;864000:"
    );
    let mismatch = Facts {
        answer: facts(Some(("no", false, End::Decided))).answer,
        ..certified("30", DAY, Dialect::Own)
    };
    let outcome = judged("check-tcp", &["-p", "25", "-e", "220", "-D", "30"], &mismatch);
    assert_eq!((outcome.state(), outcome.findings().len()), (State::Critical, 2));
}

// There it ends, without a metric, whatever else there is to say.
#[test]
fn a_bad_certificate_is_all_that_the_c_plugin_says() {
    let args = ["-p", "25", "-e", "220", "-c", "0", "-D", "30"];
    let c = |left: i64| judged("check_tcp", &args, &certified("30", left * 86_400, Dialect::C));
    let soon = c(12);
    assert_eq!((soon.state(), soon.findings().len(), soon.metrics().len()), (State::Warning, 1, 0));
    let good = c(60);
    assert_eq!((good.state(), good.metrics().len()), (State::Critical, 1));
    assert_eq!(good.metrics()[0].label(), "time");
}

#[test]
fn a_distrusted_certificate_is_no_refusal() {
    let distrust = failed(Stage::Handshake, Reason::TlsUntrusted, "mail:25: issuer CN=X is not trusted");
    for name in ["check-tcp", "check_tcp"] {
        let outcome = judged(name, &["-p", "25", "-S", "-r", "ok"], &distrust);
        assert_eq!(outcome.state(), State::Critical, "{name}");
    }
}

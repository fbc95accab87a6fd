//! Whole outcomes from literal facts.

use std::time::Duration;

use clap::FromArgMatches as _;
use http::{Hop, Phases, Response, Stop, StopKind, Walk};
use plugin::{Call, Deadline, Dialect, Failure, Outcome, Reason};

use crate::c::Flavour;
use crate::measure::{Facts, Found, Visit};
use crate::options::CheckHttp;
use crate::plan::Plan;

/// 2026-11-24, about.
const NOW: i64 = 1_795_500_000;

fn plan(flavour: Flavour, args: &str) -> (Plan, Call) {
    let name = match flavour {
        Flavour::Own => "check-http",
        Flavour::Http => "check_http",
        Flavour::Curl => "check_curl",
    };
    let words = std::iter::once(name).chain(args.split(' ').filter(|word| !word.is_empty()));
    let matches = plugin::command::<CheckHttp>(name).try_get_matches_from(words).expect("readable");
    let options = CheckHttp::from_arg_matches(&matches).expect("complete");
    let mut call = Call::own(name, Deadline::after(Duration::from_secs(10)));
    call.dialect = Dialect::of_name(name);
    (Plan::new(&options, &call).expect("a plan"), call)
}

fn answer(status: u16, words: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let status_line = format!("HTTP/1.1 {status} {words}");
    Response {
        received: (status_line.len() + lines.join("\r\n").len() + 6 + body.len()) as u64,
        status_line,
        status,
        head: lines.join("\n"),
        headers: headers.iter().map(|(name, value)| (name.to_lowercase(), value.to_string())).collect(),
        body: body.into(),
        truncated: false,
        broken: None,
    }
}

fn ok(body: &str) -> Response {
    answer(200, "OK", &[("Server", "nginx")], body)
}

fn hop(answer: plugin::Result<Response>) -> Hop {
    let ms = Duration::from_millis;
    Hop {
        url: "http://a/".into(),
        peer: "a:80 (192.0.2.1)".into(),
        address: Some(([192, 0, 2, 1], 80).into()),
        phases: Phases {
            resolve: ms(1),
            connect: ms(2),
            tls: ms(0),
            send: ms(1),
            wait: ms(3),
            transfer: ms(4),
        },
        session: None,
        answer,
    }
}

fn facts(hops: Vec<Hop>) -> Facts {
    facts_stopped(hops, None)
}

fn facts_stopped(hops: Vec<Hop>, stop: Option<Stop>) -> Facts {
    let visit = Visit { address: None, walk: Walk { hops, stop }, time: Duration::from_millis(12) };
    Facts { found: Found::Visits(vec![visit]), now: NOW }
}

/// State and the worst finding, or the summary where all is well.
fn said(outcome: &Outcome) -> String {
    let worst =
        outcome.findings().iter().max_by(|a, b| a.state.cmp(&b.state).then(std::cmp::Ordering::Greater));
    worst.map_or(String::new(), |finding| match finding.reason {
        Some(reason) => format!("{} {} [{reason}]", finding.state, finding.text),
        None => format!("{} {}", finding.state, finding.text),
    })
}

fn judged(flavour: Flavour, args: &str, response: Response) -> String {
    let (plan, call) = plan(flavour, &format!("-H a {args}"));
    said(&super::judge(&plan, &facts(vec![hop(Ok(response))]), &call))
}

fn own(args: &str, response: Response) -> String {
    judged(Flavour::Own, args, response)
}

#[test]
fn metrics_of_each_dialect() {
    let metrics = |flavour, args: &str| {
        let (plan, call) = plan(flavour, &format!("-H a {args}"));
        let outcome = super::judge(&plan, &facts(vec![hop(Ok(ok("hello")))]), &call);
        let shown: Vec<String> =
            outcome.metrics().iter().map(|metric| metric.perfdata(call.dialect)).collect();
        shown.join(" ")
    };
    assert_eq!(
        metrics(Flavour::Own, "-w 1 -c 250ms: -m 1:9"),
        "time=0.012s;1;0.25:;0;10 size=5B;1:9;;0 time_resolve=0.001s;;;0 time_connect=0.002s;;;0 \
         time_first_byte=0.004s;;;0 time_transfer=0.004s;;;0"
    );
    assert_eq!(
        metrics(Flavour::Http, "-w 1 -c 2"),
        "time=0.012000s;1.000000;2.000000;0.000000;10.000000 size=39B;;;0"
    );
    assert_eq!(
        metrics(Flavour::Http, "-E"),
        "time=0.012000s;;;0.000000;10.000000 size=39B;;;0 time_connect=0.002000s time_headers=0.001000s \
         time_firstbyte=0.003000s time_transfer=0.004000s"
    );
}

#[test]
fn the_class_of_a_status() {
    let status = |flavour, args, code| judged(flavour, args, answer(code, "X", &[], ""));
    assert_eq!(status(Flavour::Own, "", 404), "CRITICAL http://a/ answered 404 X [status]");
    assert_eq!(status(Flavour::Own, "", 401), "CRITICAL http://a/ answered 401 X [auth]");
    assert_eq!(status(Flavour::Own, "", 302), "OK http://a/ answered 302 X");
    assert_eq!(status(Flavour::Own, "-f warning", 302), "WARNING http://a/ answered 302 X [status]");
    assert_eq!(status(Flavour::Own, "-f follow", 304), "OK http://a/ answered 304 X");
    assert_eq!(status(Flavour::Http, "", 404), "WARNING http://a/ answered 404 X [status]");
    assert_eq!(status(Flavour::Http, "", 500), "CRITICAL http://a/ answered 500 X [status]");
    assert_eq!(status(Flavour::Http, "-f follow", 304), "UNKNOWN http://a/ answered 304 X [status]");
    assert_eq!(status(Flavour::Own, "--expect-status 400-404", 404), "OK http://a/ answered 404 X");
    assert_eq!(
        status(Flavour::Own, "--expect-status 200,204", 404),
        "CRITICAL http://a/ answered 404, not 200,204 [status]"
    );
    assert_eq!(status(Flavour::Own, "-e 404,405", 404), "OK http://a/ answered 404 X");
    assert_eq!(status(Flavour::Own, "-e 200", 404), "CRITICAL http://a/ answered 404, not \"200\" [status]");
}

#[test]
fn texts_and_patterns() {
    assert_eq!(own("--expect-body hello", ok("hello\n")), "OK http://a/ answered 200 OK");
    assert_eq!(own("-s nope", ok("hello")), "CRITICAL http://a/: \"nope\" is not in the body [content]");
    assert_eq!(own("-d Server:", ok("")), "OK http://a/ answered 200 OK");
    assert_eq!(own("-d server:", ok("")), "CRITICAL http://a/: \"server:\" is not in the headers [content]");
    assert_eq!(own("--header-regex ^server:.*x$", ok("")), "OK http://a/ answered 200 OK");
    assert_eq!(
        own("--header-regex ^server --invert-header-regex", ok("")),
        "CRITICAL http://a/: \"^server\" matches in the headers [content]"
    );
    assert_eq!(own("-r h.l", ok("hello")), "OK http://a/ answered 200 OK");
    assert_eq!(
        own("-r H.L", ok("hello")),
        "CRITICAL http://a/: \"H.L\" does not match in the body [content]"
    );
    assert_eq!(
        own("-R H.L --invert-regex --state-regex warning", ok("hello")),
        "WARNING http://a/: \"H.L\" matches in the body [content]"
    );
    let hello = "--sha256 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(own(hello, ok("hello")), "OK http://a/ answered 200 OK");
    assert_eq!(
        own(hello, ok("Hello")),
        "CRITICAL http://a/: the SHA-256 of the body is 185f8db32271fe25… [content]"
    );
}

#[test]
fn json_values() {
    let body = r#"{"hits": {"total": 2}, "text": "3", "list": [], "big": 1e400}"#;
    let json = |args: &str| own(args, ok(body));
    assert_eq!(json("--json-path $.hits.total --exists"), "OK http://a/ answered 200 OK");
    assert_eq!(json("--json-path $.hits.total --expect 2.0"), "OK http://a/ answered 200 OK");
    assert_eq!(
        json("--json-path $.hits.total --expect 3"),
        "CRITICAL http://a/: $.hits.total is 2, not \"3\" [content]"
    );
    assert_eq!(
        json("--json-path $.hits.none"),
        "CRITICAL http://a/: $.hits.none is not in the body [content]"
    );
    assert_eq!(
        json("--json-path $.hits.total --warning 3: --critical 1:"),
        "WARNING http://a/: $.hits.total is 2, outside 3: [threshold]"
    );
    assert_eq!(json("--json-path $.text -c 3:"), "OK http://a/ answered 200 OK");
    assert_eq!(
        json("--json-path $.list -c 3:"),
        "CRITICAL http://a/: $.list is an array, no number [content]"
    );
    assert_eq!(json("--json-path $.big -c 3:"), "CRITICAL http://a/: $.big is 1e400, no number [content]");
    assert_eq!(
        own("--json-path $.a", ok("<html>")),
        "CRITICAL http://a/: no JSON: expected value at line 1 column 1 [content]"
    );
    // The thresholds are the value's; the time has its own.
    assert_eq!(
        json("--json-path $.hits.total -w 3 --response-warning 1ms"),
        "WARNING http://a/ took 12 ms, outside 0.001s [threshold]"
    );
}

#[test]
fn sizes_and_ages() {
    assert_eq!(own("-m 6", ok("hello")), "WARNING http://a/: 5 bytes, outside 6: [threshold]");
    assert_eq!(own("-m 1:4", ok("hello")), "WARNING http://a/: 5 bytes, outside 1:4 [threshold]");
    assert_eq!(judged(Flavour::Http, "-m 39", ok("hello")), "OK http://a/ answered 200 OK");
    let dated = |date: Option<&str>, modified: Option<&str>| {
        let headers: Vec<(&str, &str)> =
            date.map(|it| ("Date", it)).into_iter().chain(modified.map(|it| ("Last-Modified", it))).collect();
        answer(200, "OK", &headers, "")
    };
    let (noon, before) = ("Tue, 24 Nov 2026 12:00:00 GMT", "Tue, 24 Nov 2026 10:00:00 GMT");
    assert_eq!(own("-M 3h", dated(Some(noon), Some(before))), "OK http://a/ answered 200 OK");
    assert_eq!(
        own("-M 1h", dated(Some(noon), Some(before))),
        "CRITICAL http://a/: modified 2 h ago, not 60 min [content]"
    );
    assert_eq!(
        own("-M 1h", dated(Some(before), Some(noon))),
        "CRITICAL http://a/: modified 2 h ahead of the server's clock [content]"
    );
    assert_eq!(
        own("-M 1h", dated(Some(noon), None)),
        "CRITICAL http://a/: no Last-Modified header [content]"
    );
    assert_eq!(
        own("-M 1h", dated(Some(noon), Some("then"))),
        "CRITICAL http://a/: its Last-Modified is no date [content]"
    );
    assert_eq!(
        judged(Flavour::Http, "-M 1h", dated(None, Some(before))),
        "UNKNOWN http://a/: no Date header to count the age from [content]"
    );
    assert!(own("-M 1h", dated(None, Some(before))).starts_with("CRITICAL http://a/: modified "));
}

#[test]
fn bodies_that_are_not_whole() {
    let short = |flavour| {
        let failure = Failure::new(Reason::Closed, "read the answer of a:80: closed");
        judged(flavour, "", Response { broken: Some(failure), ..ok("hel") })
    };
    assert_eq!(short(Flavour::Own), "CRITICAL read the answer of a:80: closed [closed]");
    assert_eq!(short(Flavour::Http), "OK http://a/ answered 200 OK");
    assert_eq!(short(Flavour::Curl), "CRITICAL read the answer of a:80: closed [closed]");
    let endless = Response { truncated: true, ..ok("hel") };
    assert_eq!(
        own("--max-body 1K", endless),
        "CRITICAL http://a/: the body goes on beyond 1 KiB (--max-body) [content]"
    );
}

#[test]
fn failures_and_redirects() {
    let outcome = |flavour, args: &str, facts: &Facts| {
        let (plan, call) = plan(flavour, &format!("-H a {args}"));
        let outcome = super::judge(&plan, facts, &call);
        (said(&outcome), outcome.metrics().len())
    };
    let refused = facts(vec![hop(Err(Failure::new(Reason::Refused, "a:80 refused")))]);
    assert_eq!(outcome(Flavour::Own, "", &refused), ("CRITICAL a:80 refused [refused]".into(), 5));
    assert_eq!(outcome(Flavour::Http, "", &refused), ("CRITICAL a:80 refused [refused]".into(), 0));
    let stopped = |kind| {
        let stop = Stop { kind, failure: Failure::new(Reason::Status, "stopped") };
        facts_stopped(vec![hop(Ok(answer(302, "X", &[], "")))], Some(stop))
    };
    let state = |flavour, kind| outcome(flavour, "-f follow", &stopped(kind)).0;
    assert_eq!(state(Flavour::Own, StopKind::TooMany), "CRITICAL stopped [status]");
    assert_eq!(state(Flavour::Http, StopKind::TooMany), "WARNING stopped [status]");
    assert_eq!(state(Flavour::Http, StopKind::Loop), "CRITICAL stopped [status]");
    assert_eq!(state(Flavour::Http, StopKind::NoTarget), "UNKNOWN stopped [status]");
    assert_eq!(state(Flavour::Curl, StopKind::NoTarget), "CRITICAL stopped [status]");
}

#[test]
fn several_addresses() {
    let good = || Ok(ok("hello"));
    let bad = || Err(Failure::new(Reason::Refused, "a:80 refused"));
    let state = |args: &str, answers: Vec<plugin::Result<Response>>| {
        let (plan, call) = plan(Flavour::Own, &format!("-H a {args}"));
        let visit = |(last, answer)| Visit {
            address: Some(std::net::Ipv4Addr::new(192, 0, 2, last).into()),
            walk: Walk { hops: vec![hop(answer)], stop: None },
            time: Duration::from_millis(12),
        };
        let visits = (1..).zip(answers).map(visit).collect();
        let outcome = super::judge(&plan, &Facts { found: Found::Visits(visits), now: NOW }, &call);
        let first = outcome.metrics()[0].perfdata(Dialect::Own);
        format!("{}; {first}", said(&outcome))
    };
    assert_eq!(
        state("--addresses all", vec![good(), bad()]),
        "CRITICAL 192.0.2.2: a:80 refused [refused]; addresses_good=1;;2:;0;2"
    );
    assert_eq!(
        state("--addresses 1", vec![good(), bad()]),
        "OK 192.0.2.1: http://a/ answered 200 OK, 5 B in 12 ms; addresses_good=1;;1:;0;2"
    );
    assert_eq!(
        state("--addresses 3", vec![good(), good()]),
        "CRITICAL http://a/ has 2 addresses, not 3 [threshold]; addresses_good=2;;3:;0;2"
    );
}

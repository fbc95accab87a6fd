//! Tests of the judgement, with facts written down.

use std::time::Duration;

use clap::FromArgMatches as _;
use plugin::{Call, Check as _, Deadline, Dialect, Failure, Outcome, Reason, State};

use crate::CheckNtp;
use crate::client::{Asked, Clock, Sample};
use crate::options::Task;
use crate::packet::{Leap, Reply, Timestamp};

fn judged(name: &str, args: &[&str], asked: &[Asked]) -> Outcome {
    let line = CheckNtp::command_as(name).get_matches_from([&[name], args].concat());
    let check = CheckNtp::from_line(name, &line).expect("readable");
    assert!(name != "check-ntp" || CheckNtp::from_arg_matches(&line).is_ok());
    let Task::Time(time) = &check.0 else { panic!("{name} asks for the time") };
    let mut call = Call::own(name, Deadline::after(Duration::from_secs(10)));
    call.dialect = Dialect::of_name(name);
    super::judge(time, asked, &call)
}

// State, findings that are not OK with their reasons, perfdata.
fn line(name: &str, args: &[&str], asked: &[Asked]) -> String {
    let outcome = judged(name, args, asked);
    let bad = outcome.findings().iter().filter(|finding| finding.state != State::Ok);
    let texts: Vec<String> = bad
        .map(|finding| format!("{} [{}]", finding.text, finding.reason.map_or("", Reason::word)))
        .collect();
    let metrics = outcome.metrics().iter();
    let perfdata: Vec<String> = metrics.map(|metric| metric.perfdata(Dialect::of_name(name))).collect();
    format!("{} - {} | {}", outcome.state(), texts.join(", "), perfdata.join(" "))
}

fn reply(leap: Leap, stratum: u8, reference: [u8; 4]) -> Reply {
    Reply {
        leap,
        stratum,
        root_delay: 0.01,
        root_dispersion: 0.02,
        reference,
        origin: Timestamp(1),
        received: Timestamp(2),
        sent: Timestamp(3),
    }
}

fn told(host: &str, clock: Result<Clock, Failure>) -> Asked {
    let (host, peer) = (host.to_owned(), format!("{host}:123"));
    Asked { host, peer, address: None, clock, details: Vec::new() }
}

fn server(host: &str, reply: Reply, offsets: &[f64]) -> Asked {
    let sample = |(n, offset): (usize, &f64)| Sample { offset: *offset, delay: 0.002 + n as f64 };
    told(host, Ok(Clock { reply, samples: offsets.iter().enumerate().map(sample).collect() }))
}

fn good(host: &str, offset: f64) -> Asked {
    server(host, reply(Leap::None, 2, [10, 0, 0, 5]), &[offset])
}

fn silent(host: &str) -> Asked {
    told(host, Err(Failure::new(Reason::TimedOut, format!("ask {host}:123: no answer within 10 s"))))
}

#[test]
fn an_offset_counts_whatever_its_sign() {
    let args = ["-H", "a", "-w", "250ms", "-c", "2s"];
    let rest = "stratum=2;;;0;16 jitter=U;;;0 delay=0.002s;;;0";
    assert_eq!(
        line("check-ntp", &args, &[good("a", 0.2)]),
        format!("OK -  | offset=0.2s;-0.25:0.25;-2:2 {rest}")
    );
    assert_eq!(
        line("check-ntp", &args, &[good("a", -0.3)]),
        format!(
            "WARNING - a:123: offset -300 ms, outside 0.25s [threshold] | offset=-0.3s;-0.25:0.25;-2:2 {rest}"
        )
    );
    assert_eq!(
        line("check-ntp", &args, &[good("a", -3.0)]),
        format!("CRITICAL - a:123: offset -3 s, outside 2s [threshold] | offset=-3s;-0.25:0.25;-2:2 {rest}")
    );
    let ends = ["-H", "a", "-w", "1:", "-c", "@3:4"];
    assert!(
        line("check-ntp", &ends, &[good("a", -3.5)])
            .starts_with("CRITICAL - a:123: offset -3.5 s, inside @3:4s")
    );
    assert!(
        line("check-ntp", &ends, &[good("a", -0.5)])
            .starts_with("WARNING - a:123: offset -500 ms, outside 1:s")
    );
}

#[test]
fn the_namesake_shows_the_offset_alone() {
    assert_eq!(line("check_ntp_time", &["-H", "a"], &[good("a", -0.3)]), "OK -  | offset=-0.300000s;60;120");
    assert_eq!(
        line("check_ntp_time", &["-H", "a", "-o", "-60"], &[good("a", -0.3)]),
        "WARNING - a:123: offset -60.3 s, outside 60s [threshold] | offset=-60.300000s;60;120"
    );
    assert_eq!(
        line("check_ntp_time", &["-H", "a"], &[silent("a")]),
        "CRITICAL - ask a:123: no answer within 10 s [timed-out] | "
    );
}

#[test]
fn the_summary_names_offset_stratum_and_jitter() {
    let summary = |asked: &[Asked]| {
        let args: Vec<&str> = asked.iter().flat_map(|asked| ["-H", asked.host.as_str()]).collect();
        let outcome = judged("check-ntp", &args, asked);
        assert_eq!(outcome.state(), State::Ok);
        format!("{outcome:?}")
            .split("summary: Some(\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .map(str::to_owned)
    };
    let several = server("a", reply(Leap::None, 2, [10, 0, 0, 5]), &[0.003, 0.004, 0.002]);
    assert_eq!(summary(&[several]).as_deref(), Some("a:123: offset +3 ms, stratum 2, jitter 1 ms"));
    assert_eq!(
        summary(&[good("a", 0.001), good("b", -0.003)]).as_deref(),
        Some("2 of 2 servers agree, worst offset -3 ms of b:123")
    );
}

#[test]
fn a_server_without_a_time_says_why() {
    for (leap, stratum, reference, own, c) in [
        (Leap::None, 0, b"RATE", "a:123 is asked too often: kiss code RATE [status]", 2),
        (Leap::Alarm, 0, b"DENY", "a:123 refuses to be asked: kiss code DENY [refused]", 2),
        (Leap::None, 0, b"RSTR", "a:123 refuses to be asked: kiss code RSTR [refused]", 2),
        (Leap::Alarm, 0, b"INIT", "a:123 is not synchronised: INIT [status]", 2),
        (Leap::None, 0, b"CRYP", "a:123 tells no time: kiss code CRYP [status]", 2),
        (Leap::Alarm, 3, b"\x0a\0\0\x05", "a:123 is not synchronised: leap alarm [status]", 2),
        (Leap::Alarm, 16, b"\0\0\0\0", "a:123 is not synchronised: leap alarm [status]", 2),
        (Leap::None, 16, b"\0\0\0\0", "a:123 is not synchronised: stratum 16 [status]", 0),
    ] {
        let asked = [server("a", reply(leap, stratum, *reference), &[0.1])];
        assert_eq!(line("check-ntp", &["-H", "a"], &asked), format!("CRITICAL - {own} | "));
        assert_eq!(line("check-ntp", &["-H", "a", "-q"], &asked), format!("UNKNOWN - {own} | "));
        let state = |args: &[&str]| judged("check_ntp_time", args, &asked).state().code();
        assert_eq!(state(&["-H", "a"]), c, "{own}");
        assert_eq!(state(&["-H", "a", "-q"]), if c == 2 { 3 } else { 0 }, "{own}");
    }
    // Who does not answer at all is no quieter for it.
    assert_eq!(judged("check-ntp", &["-H", "a", "-q"], &[silent("a")]).state(), State::Critical);
    let garbage = told("a", Err(Failure::new(Reason::Protocol, "a:123 answers with 5 bytes")));
    assert_eq!(judged("check_ntp_time", &["-H", "a", "-q"], &[garbage]).state(), State::Unknown);
}

#[test]
fn a_leap_second_is_no_problem() {
    for leap in [Leap::Insert, Leap::Delete] {
        let asked = [server("a", reply(leap, 1, *b"GPS\0"), &[0.1])];
        assert_eq!(judged("check-ntp", &["-H", "a"], &asked).state(), State::Ok);
    }
}

#[test]
fn each_number_of_a_server_has_its_ranges() {
    let asked = [server("a", reply(Leap::None, 2, [10, 0, 0, 5]), &[0.0, 0.003])];
    for (option, range, text) in [
        ("stratum", "@2", "stratum 2, inside @2"),
        ("jitter", "2ms", "jitter 3 ms, outside 0.002s"),
        ("delay", "1ms", "delay 2 ms, outside 0.001s"),
        ("root-delay", "1ms", "root delay 10 ms, outside 0.001s"),
        ("root-dispersion", "1ms", "root dispersion 20 ms, outside 0.001s"),
    ] {
        for (level, state) in [("warning", "WARNING"), ("critical", "CRITICAL")] {
            let line = line("check-ntp", &["-H", "a", &format!("--{option}-{level}={range}")], &asked);
            assert!(line.starts_with(&format!("{state} - a:123: {text} [threshold] | ")), "{line}");
            assert!(line.contains(&format!(" {}=", option.replace('-', "_"))), "{line}");
        }
    }
    // One exchange has no jitter, which is not the same as none.
    let line = line("check-ntp", &["-H", "a", "--jitter-warning", "1"], &[good("a", 0.0)]);
    assert!(line.starts_with("WARNING - a:123: jitter unknown, outside 1s [threshold]"), "{line}");
}

#[test]
fn servers_have_to_agree() {
    let args = ["-H", "a", "-H", "b", "--spread-warning", "100ms", "--spread-critical", "1"];
    let ask = |b: f64| line("check-ntp", &args, &[good("a", 0.01), good("b", b)]);
    assert!(ask(0.02).starts_with("OK -  | spread=0.01s;0.1;1;0 a/offset=0.01s"), "{}", ask(0.02));
    assert!(
        ask(0.5).starts_with("WARNING - a:123 and b:123 differ by 490 ms, outside 0.1s [threshold] | spread")
    );
    assert!(
        ask(-5.0).starts_with("CRITICAL - b:123 and a:123 differ by 5.01 s, outside 1s [threshold] | spread")
    );
    // As much as an offset may be, where nothing else is said.
    let args = ["-H", "a", "-H", "b", "-w", "1", "-c", "2"];
    let line = line("check-ntp", &args, &[good("a", 0.9), good("b", -0.9)]);
    assert!(line.starts_with("WARNING - b:123 and a:123 differ by 1.8 s, outside 1s [threshold]"), "{line}");
}

#[test]
fn so_many_servers_suffice() {
    let args = |least| ["-H", "a", "-H", "b", "-H", "c", "-w", "1", "-c", "2", "--min-servers", least];
    let asked = [good("a", 0.1), good("b", 0.2), good("c", 9.0)];
    let two = line("check-ntp", &args("2"), &asked);
    assert!(two.starts_with("OK -  | servers=2;;2:;0;3 spread=0.1s;1;2;0 a/offset=0.1s"), "{two}");
    assert!(!two.contains("c/offset"), "{two}");
    let three = line("check-ntp", &args("3"), &asked);
    assert!(
        three.starts_with("CRITICAL - 2 of 3 servers are in order, 3 needed [content] | servers=2;;3:;0;3"),
        "{three}"
    );

    let asked = [good("a", 0.1), silent("b"), good("c", 0.1)];
    assert!(line("check-ntp", &args("2"), &asked).starts_with("OK -  | servers=2;;2:;0;3"));
    let three = line("check-ntp", &args("3"), &asked);
    assert!(three.starts_with("CRITICAL - 2 of 3 servers are in order, 3 needed [timed-out]"), "{three}");
    let none = line("check-ntp", &args("1"), &[silent("a"), silent("b"), silent("c")]);
    assert_eq!(none, "CRITICAL - 0 of 3 servers are in order, 1 needed [timed-out] | servers=0;;1:;0;3");
    // All agree, and this host's clock is what is wrong.
    let late = line("check-ntp", &args("2"), &[good("a", 5.0), good("b", 5.1), good("c", 5.2)]);
    assert!(late.starts_with("CRITICAL - a:123: offset +5 s, outside 2s [threshold], b:123"), "{late}");
}

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use clap::Parser as _;
use net::icmp::{Heard, Means, Trouble, What};
use plugin::{Call, Deadline, Dialect, Failure, Outcome, Reason, State};

use super::judge;
use crate::measure::{Facts, Pinged, Target};
use crate::options::{FpingLine, IcmpLine, OwnLine, PingLine};
use crate::task::{Manner, Task};

const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 254));

fn heard(sent: u32, times: &[u64]) -> Heard {
    let times = times.iter().map(|time| Duration::from_micros(*time)).collect();
    Heard { sent, times, ..Heard::default() }
}

fn troubled(what: What) -> Heard {
    Heard { trouble: Some(Trouble { what, from: Some(GATEWAY) }), ..heard(1, &[]) }
}

fn target(name: &str, last: u8, heard: Heard) -> Target {
    Target { name: name.into(), state: Pinged::Asked(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), heard) }
}

fn facts(targets: Vec<Target>) -> Facts {
    Facts {
        targets,
        means: Some(Means::Raw),
        interval: Duration::from_millis(80),
        took: Duration::from_millis(2800),
        details: Vec::new(),
    }
}

fn one(heard: Heard) -> Facts {
    facts(vec![target("10.0.0.1", 1, heard)])
}

/// State, first texts and perfdata, as they would be printed.
fn shown(outcome: &Outcome, dialect: Dialect) -> (State, String, String) {
    let worst = outcome.findings().iter().max_by_key(|finding| finding.state).expect("a finding");
    let reason = worst.reason.map(|reason| format!(" [{reason}]")).unwrap_or_default();
    let metrics: Vec<String> = outcome.metrics().iter().map(|metric| metric.perfdata(dialect)).collect();
    (outcome.state(), format!("{}{reason}", worst.text), metrics.join(" "))
}

fn own(args: &[&str], facts: &Facts) -> (State, String, String) {
    let line = [&["check-ping", "-H", "10.0.0.1"], args].concat();
    let task: Task = OwnLine::try_parse_from(line).expect("readable").into();
    let call = Call::own("check-ping", Deadline::after(Duration::from_secs(10)));
    shown(&judge(&task, facts, &call), Dialect::Own)
}

fn c(name: &str, args: &[&str], facts: &Facts) -> (State, String, String) {
    let line = [&[name], args].concat();
    let task = match Manner::of(name) {
        Manner::Ping => PingLine::try_parse_from(line).and_then(PingLine::into_task),
        Manner::Fping => FpingLine::try_parse_from(line).and_then(FpingLine::into_task),
        manner => IcmpLine::try_parse_from(line).map(|line| line.into_task(manner)),
    };
    let mut call = Call::own(name, Deadline::after(Duration::from_secs(10)));
    call.dialect = Dialect::C;
    shown(&judge(&task.expect("readable"), facts, &call), Dialect::C)
}

fn line(state: State, text: &str, perfdata: &str) -> (State, String, String) {
    (state, text.to_owned(), perfdata.to_owned())
}

#[test]
fn one_host_in_order() {
    assert_eq!(
        own(&[], &one(heard(5, &[200, 300, 200, 300, 200]))),
        line(
            State::Ok,
            "10.0.0.1: rta 240 us, 0% of 5 lost",
            "rta=0.00024s;0.2;0.5;0 loss=0%;40;80;0;100 rtmin=0.0002s;;;0 rtmax=0.0003s;;;0 jitter=0.0001s;;;0"
        )
    );
    let single = own(&["-n", "1"], &one(heard(1, &[200])));
    assert!(!single.2.contains("jitter"), "{}", single.2);
    let named = facts(vec![target("gw.example", 1, heard(1, &[2000]))]);
    assert_eq!(own(&["-n", "1"], &named).1, "gw.example (10.0.0.1): rta 2 ms, 0% of 1 lost");
}

#[test]
fn limits_are_reached() {
    let text = |args: &[&str], heard: Heard| {
        let (state, text, _) = own(args, &one(heard));
        (state, text)
    };
    let slow = "10.0.0.1: rta 200 ms reaches 200 ms, 0% of 2 lost [threshold]";
    assert_eq!(text(&[], heard(2, &[200_000, 200_000])), (State::Warning, slow.into()));
    let lossy = "10.0.0.1: rta 1 ms, 20% of 5 lost, the limit is 20% [threshold]";
    assert_eq!(
        text(&["-w", "10%", "-c", "100ms,20%"], heard(5, &[1000; 4])),
        (State::Critical, lossy.into())
    );
    let jittery = "10.0.0.1: rta 6 ms, 0% of 2 lost, jitter 10 ms outside 0.005s [threshold]";
    assert_eq!(text(&["--warning-jitter", "5"], heard(2, &[1000, 11_000])), (State::Warning, jittery.into()));
    assert_eq!(text(&["--critical-jitter", "5"], heard(2, &[1000])).0, State::Warning, "half of them lost");
}

#[test]
fn nothing_came_back() {
    assert_eq!(
        own(&[], &one(heard(5, &[]))),
        line(
            State::Critical,
            "10.0.0.1: no answer to 5 packets within 2.8 s [timed-out]",
            "rta=U;0.2;0.5;0 loss=100%;40;80;0;100 rtmin=U;;;0 rtmax=U;;;0 jitter=U;;;0"
        )
    );
    let text = |args: &[&str], heard: Heard| own(args, &one(heard)).1;
    assert_eq!(
        text(&["-s", "8922"], troubled(What::TooBig { mtu: Some(1500) })),
        "10.0.0.1: fragmentation needed, MTU 1500, says 10.0.0.254, 8922 bytes [unreachable]"
    );
    assert_eq!(
        text(&[], troubled(What::TtlExceeded)),
        "10.0.0.1: TTL exceeded, says 10.0.0.254 [unreachable]"
    );
    let damaged = Heard { damaged: 3, ..heard(3, &[]) };
    assert_eq!(text(&[], damaged), "10.0.0.1 answers 3 packets with another payload [protocol]");
    let half = Heard { trouble: troubled(What::Host).trouble, ..heard(2, &[1000]) };
    assert_eq!(
        text(&[], half),
        "10.0.0.1: rta 1 ms, 50% of 2 lost, the limit is 40%: host unreachable, says 10.0.0.254 [threshold]"
    );
}

#[test]
fn some_of_several_may_be_enough() {
    let two = facts(vec![target("a", 1, heard(5, &[1000; 5])), target("b", 2, heard(5, &[]))]);
    let state = |min: &[&str]| own(&[&["-H", "b"], min].concat(), &two).0;
    assert_eq!(state(&[]), State::Critical);
    assert_eq!(state(&["-m", "1"]), State::Ok);
    assert_eq!(state(&["-m", "2"]), State::Critical);
    let (_, _, perfdata) = own(&["-H", "b"], &two);
    assert!(perfdata.starts_with("a.rta=0.001s;0.2;0.5;0 a.loss=0%"), "{perfdata}");
    assert!(perfdata.contains(" b.loss=100%;40;80;0;100 "), "{perfdata}");
    let slow = facts(vec![target("a", 1, heard(5, &[250_000; 5])), target("b", 2, heard(5, &[]))]);
    assert_eq!(own(&["-H", "b", "-m", "1"], &slow).0, State::Warning);
    let unknown = Target {
        name: "nosuch".into(),
        state: Pinged::Unknown(Failure::new(Reason::NameNotFound, "look up nosuch: no such name")),
    };
    let mixed = facts(vec![target("a", 1, heard(5, &[1000; 5])), unknown]);
    let found = own(&["-H", "nosuch"], &mixed);
    assert_eq!(
        (found.0, found.1.as_str()),
        (State::Critical, "look up nosuch: no such name [name-not-found]")
    );
    assert_eq!(own(&["-H", "nosuch", "-m", "1"], &mixed).0, State::Ok);
}

#[test]
fn as_check_icmp() {
    assert_eq!(
        c("check_icmp", &["10.0.0.1"], &one(heard(5, &[200, 400, 300]))).2,
        "rta=0.300ms;200.000;500.000;0.000 pl=40%;40;80 rtmax=0.400ms rtmin=0.200ms"
    );
    let dead = c("check_icmp", &["10.0.0.1", "-w", "900"], &one(heard(5, &[])));
    assert_eq!(
        (dead.0, dead.2.as_str()),
        (State::Critical, "rta=0.000ms;500.000;500.000;0.000 pl=100%;40;80 rtmax=0.000ms rtmin=0.000ms")
    );
    let two = facts(vec![target("a", 1, heard(1, &[1000])), target("b", 2, heard(1, &[1000]))]);
    assert!(c("check_icmp", &["a", "b"], &two).2.contains(" bpl=0%;40;80 "));
    assert_eq!(
        c("check_host", &["a", "b"], &two),
        line(
            State::Ok,
            "a (10.0.0.1) answers: packet 1, rta 1 ms",
            "pkt=1;;;0;5 rta=1.000;1000.000;1000.000"
        )
    );
    assert_eq!(c("check_icmp", &["a", "b", "-m", "0"], &one(heard(1, &[]))).0, State::Ok);
}

#[test]
fn as_check_ping() {
    let limits = ["-H", "10.0.0.1", "-w", "100,20%", "-c", "200,40%"];
    assert_eq!(
        c("check_ping", &limits, &one(heard(3, &[36, 36]))).2,
        "rta=0.036000ms;100.000000;200.000000;0.000000 pl=33%;20;40;0"
    );
    let dead = c("check_ping", &limits, &one(heard(5, &[])));
    assert_eq!(dead.2, "rta=U;100.000000;200.000000;0.000000 pl=100%;20;40;0");
    let reported = Heard { trouble: troubled(What::Host).trouble, ..heard(5, &[1000; 5]) };
    assert_eq!(
        c("check_ping", &limits, &one(reported)),
        line(State::Critical, "10.0.0.1: host unreachable, says 10.0.0.254 [unreachable]", "")
    );
    let doubled = Heard { duplicates: 1, ..heard(1, &[1000]) };
    assert_eq!(c("check_ping", &limits, &one(doubled.clone())).0, State::Warning);
    assert_eq!(own(&[], &one(doubled)).0, State::Ok);
}

#[test]
fn as_check_fping() {
    let ok = c("check_fping", &["10.0.0.1", "-w", "1,0%"], &one(heard(1, &[1000])));
    assert_eq!((ok.0, ok.2.as_str()), (State::Ok, "loss=0%;0;;0;100 rta=0.001000s;0.001000;;0.000000"));
    let slow = c("check_fping", &["10.0.0.1", "-w", "0.9"], &one(heard(1, &[1000])));
    assert_eq!(slow.0, State::Warning);
    let dead = c("check_fping", &["10.0.0.1", "-c", "100,140%"], &one(heard(1, &[])));
    assert_eq!((dead.0, dead.2.as_str()), (State::Critical, "loss=100%;;140;0;100"));
    let alive = c("check_fping", &["10.0.0.1", "-a", "-n", "3"], &one(heard(2, &[1000])));
    assert_eq!((alive.0, alive.2.as_str()), (State::Ok, "rta=0.001000s;;;0.000000"));
    assert_eq!(c("check_fping", &["10.0.0.1"], &one(troubled(What::Port))).2, "");
    let late = Heard { late: 1, ..heard(1, &[]) };
    let late = c("check_fping", &["10.0.0.1", "-T", "50"], &one(late));
    assert_eq!(late.1, "10.0.0.1: no answer to a packet within 50 ms [timed-out]");
}

#[test]
fn a_link_holds_nothing_but_the_name() {
    assert_eq!(
        super::link("a'><script>.example"),
        "<A HREF='/nagios/cgi-bin/traceroute.cgi?ascript.example'>traceroute to ascript.example</A>"
    );
}

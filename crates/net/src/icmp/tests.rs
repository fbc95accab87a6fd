//! What can be said without a network: the rest is in the black-box tests, in network namespaces of their own.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use plugin::{Deadline, Reason};

use super::{Plan, answers_for, ping};

fn plan() -> Plan {
    Plan {
        count: 5,
        interval: Duration::from_millis(80),
        steady: false,
        host_interval: Duration::ZERO,
        wait: Duration::from_secs(1),
        answer_within: None,
        until_first: false,
        payload: 68,
        ttl: None,
        dont_fragment: false,
        source: None,
        device: None,
    }
}

#[test]
fn sequence_numbers_have_an_end() {
    let host = SocketAddr::from(([127, 0, 0, 1], 0));
    let deadline = Deadline::after(Duration::from_secs(5));
    let failure = ping(&vec![host; 14_000], &plan(), &deadline).expect_err("too many");
    assert_eq!(failure.reason, Reason::Usage);
    assert_eq!(failure.message, "14000 hosts × 5 packets are more than 65536");
    let large = Plan { payload: 65_508, ..plan() };
    assert!(ping(&[host], &large, &deadline).is_err_and(|failure| failure.reason == Reason::Usage));
}

#[test]
fn nothing_is_sent_once_the_time_has_passed() {
    let host = SocketAddr::from(([127, 0, 0, 1], 0));
    let failure = ping(&[host], &plan(), &Deadline::after(Duration::ZERO)).expect_err("no time");
    assert_eq!(failure.reason, Reason::TimedOut);
}

#[test]
fn only_whom_we_asked_answers() {
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    assert!(answers_for(ip("10.0.0.1"), ip("10.0.0.1")));
    assert!(!answers_for(ip("10.0.0.2"), ip("10.0.0.1")));
    assert!(answers_for(ip("10.0.0.2"), ip("224.0.0.1")));
    assert!(answers_for(ip("127.0.0.1"), ip("0.0.0.0")));
    assert!(answers_for(ip("fe80::1"), ip("ff02::1")));
}

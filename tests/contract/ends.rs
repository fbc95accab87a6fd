//! Every run ends: by its timeout, by a signal, and with the code that was asked for.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::grammar;
use crate::world::{Called, SLACK, Silence, World, called, checked, refusing_port};

/// A target that does not answer *is* the answer: CRITICAL, unless the timeout says what it shall mean.
#[test]
fn silence_is_critical_in_time_or_what_the_timeout_says() {
    let silence = Silence::new();
    let port = silence.port();
    // All at once: each spends its time waiting.
    std::thread::scope(|scope| {
        for called in called().into_iter().filter(Called::talks) {
            scope.spawn(move || assert_silence(&called, port));
        }
    });
}

fn assert_silence(called: &Called, port: u16) {
    for (timeout, state, code) in
        [("1", "CRITICAL", 2), ("1:UNKNOWN", "UNKNOWN", 3), ("1s:warning", "WARNING", 1), ("1:OK", "OK", 0)]
    {
        let line = called.run().args(called.sample_at(port)).args(["-t", timeout]);
        let started = Instant::now();
        let ran = checked(called, line.limit(Duration::from_secs(1) + SLACK));
        assert!(started.elapsed() >= Duration::from_millis(500), "{}: no wait: {ran:?}", called.name);
        let output = grammar::read(&ran.stdout, called.is_own())
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", called.name, ran.stdout));
        let end = (output.state, ran.code);
        assert_eq!(end, (state, Some(code)), "{} -t {timeout}: {}", called.name, ran.stdout);
        if code != 0 {
            let named = matches!(output.reason, Some("timed-out" | "resolver-silent"));
            assert!(named, "{}: {}", called.name, ran.stdout);
        }
        assert!(
            output.text.contains("127.0.0.1"),
            "{} does not name its target: {}",
            called.name,
            ran.stdout
        );
    }
}

#[test]
fn a_target_that_refuses_is_critical_and_says_so() {
    for called in called().iter().filter(|called| called.talks()) {
        let port = refusing_port();
        let ran =
            checked(called, called.run().args(called.sample_at(port)).limit(Duration::from_secs(10) + SLACK));
        let output = grammar::read(&ran.stdout, called.is_own())
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", called.name, ran.stdout));
        assert_eq!(
            (output.state, ran.code, output.reason),
            ("CRITICAL", Some(2), Some("refused")),
            "{}: {}",
            called.name,
            ran.stdout
        );
        assert!(
            output.text.contains(&port.to_string()),
            "{} does not name its target: {}",
            called.name,
            ran.stdout
        );

        let ran = checked(called, called.run().args(called.sample_at(port)).args(["--exit-ok"]));
        assert_eq!(ran.code, Some(0), "{}", called.name);
        assert!(ran.stdout.contains(" CRITICAL - "), "{}: {}", called.name, ran.stdout);
    }
}

#[test]
fn exit_ok_leaves_a_good_result_alone() {
    let world = World::new();
    for called in called() {
        let ran = world.run(&called, &["--exit-ok"]);
        assert_eq!(ran.code, Some(0), "{}: {ran:?}", called.name);
        // A command line that cannot be read has no result that could be overlooked.
        assert_eq!(world.run(&called, &["--exit-ok", "--no-such-option"]).code, Some(3), "{}", called.name);
    }
}

/// The watchdog has begun when it takes the signal for itself: a thread blocks it.
fn watched(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap_or_default();
    u64::from_str_radix(blocked.trim(), 16).is_ok_and(|mask| mask & (1 << (Signal::SIGTERM as i32 - 1)) != 0)
}

#[test]
fn a_signal_while_it_waits_is_one_unknown_line() {
    let silence = Silence::new();
    for called in called() {
        let waits = if called.talks() {
            called.sample_at(silence.port())
        } else if called.command().get_arguments().any(|arg| arg.get_long() == Some("delay")) {
            [called.sample_at(0), vec!["--delay=30".into()]].concat()
        } else {
            continue;
        };
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            let run = called.run().args(&waits).args(["-t", "30"]).signal_when(signal, watched);
            let ran = checked(&called, run.limit(Duration::from_secs(20)));
            let output = grammar::read(&ran.stdout, called.is_own())
                .unwrap_or_else(|error| panic!("{}: {error}\n{}", called.name, ran.stdout));
            assert_eq!((output.state, ran.code), ("UNKNOWN", Some(3)), "{}: {}", called.name, ran.stdout);
            assert!(
                output.text.starts_with(&format!("ended by {signal}")),
                "{}: {}",
                called.name,
                ran.stdout
            );
            assert_eq!(ran.stdout.lines().count(), 1, "{}: {}", called.name, ran.stdout);
        }
    }
}

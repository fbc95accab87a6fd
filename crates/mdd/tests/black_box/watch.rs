//! `mdd watch`: one line per change, and how it ends.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::harness::{PATIENCE, Platform, finish, signal};

/// A started watch and its lines as they come.
struct Watch {
    /// None once it has been waited for.
    child: Option<Child>,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Watch {
    fn start(platform: &Platform, arguments: &[&str]) -> Self {
        let mut all = vec!["watch", "iad2"];
        all.extend(arguments);
        if !arguments.contains(&"--every") {
            all.extend(["--every", "100ms"]);
        }
        let mut child = platform.command(&all).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let line = line.unwrap();
                if send.send(line.split_whitespace().collect::<Vec<_>>().join(" ")).is_err() {
                    return;
                }
            }
        });
        Watch { child: Some(child), lines, seen: Vec::new() }
    }

    /// Waits for a line that contains this.
    #[track_caller]
    fn line(&mut self, wanted: &str) -> String {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line with `{wanted}` in {:#?}", self.seen);
            };
            self.seen.push(line.clone());
            if line.contains(wanted) {
                return line;
            }
        }
    }

    /// Waits for its end; everything it has printed since.
    #[track_caller]
    fn end(mut self, code: i32) -> Vec<String> {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        let mut child = self.child.take().unwrap();
        child.stdout = Some(
            std::process::Command::new("true")
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
                .stdout
                .unwrap(),
        );
        finish(child).exits(code);
        std::mem::take(&mut self.seen)
    }

    /// Sends it a signal.
    fn signal(&self, number: Signal) {
        signal(self.child.as_ref().unwrap(), number);
    }
}

impl Drop for Watch {
    /// A test that fails leaves no watch behind, which would go on for ever.
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn chain() -> Platform {
    let mut platform = Platform::new().with_file_plugin();
    platform
        .switch("door", &["milestone: network"])
        .switch("room", &["milestone: core", "depends_on: [door]"]);
    platform
}

#[test]
fn from_all_red_to_done_with_one_line_per_change() {
    let platform = chain();
    let mut watch = Watch::start(&platform, &["--as", "node"]);
    watch.line("iad2 · until done · 2 points here, every 0.1 s · at most 6 h");
    watch.line("start 1 red · 1 blocked of 2");
    watch.line("✖ door Network #netops holds 1 nothing there");
    platform.set("door", 0, "open");
    watch.line("✖ → ✔ door open");
    watch.line("⧗ → ◌ room nothing there");
    platform.set("room", 0, "furnished");
    watch.line("◌ → ✔ room furnished");
    watch.line("done: 2 of 2 required points proven");
    watch.end(0);
    // Every run was kept, and every change.
    let changes = platform.mdd(&["history", "iad2", "--transitions", "--format", "json"]).json();
    let of = |id: &str| -> Vec<String> {
        let changes = changes.as_array().unwrap().iter().filter(|change| change["point"] == id);
        changes.map(|change| change["to"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of("door"), ["red", "green"]);
    assert_eq!(of("room"), ["blocked", "not-due", "green"]);
    platform.mdd(&["gate", "iad2"]).exits(0);
}

#[test]
fn a_milestone_is_enough_when_asked_for() {
    let platform = chain();
    platform.set("door", 0, "open");
    let watch = Watch::start(&platform, &["--until", "network"]);
    let lines = watch.end(0);
    assert!(lines.iter().any(|line| line.contains("not recorded: no --as VANTAGE")), "{lines:#?}");
    assert!(lines.last().unwrap().contains("done: 1 of 1 required point proven"));
    assert!(!platform.path(".mdd").exists());
}

#[test]
fn a_watch_without_history_remembers_what_it_saw() {
    let mut platform = chain();
    platform.without_points().switch("door", &["stable: 700ms"]);
    platform.set("door", 0, "open");
    let mut watch = Watch::start(&platform, &[]);
    watch.line("start 1 settling of 1");
    watch.line("◐ → ✔ door open");
    watch.end(0);
}

#[test]
fn time_alone_turns_settling_into_green_and_it_is_kept() {
    let mut platform = chain();
    platform.without_points().switch("door", &["stable: 700ms"]);
    platform.set("door", 0, "open");
    let mut watch = Watch::start(&platform, &["--as", "node", "--every", "1h"]);
    watch.line("◐ → ✔ door open");
    watch.end(0);
    let changes = platform.mdd(&["history", "iad2/door", "--transitions", "--format", "json"]).json();
    assert_eq!(changes[1]["to"], "green");
}

#[test]
fn the_timeout_is_exit_4() {
    let platform = chain();
    let lines = Watch::start(&platform, &["--as", "node", "--timeout", "500ms"]).end(4);
    assert!(
        lines.last().unwrap().starts_with("gave up after 0.5 s: not done: 0 of 2 required points"),
        "{lines:#?}"
    );
}

#[test]
fn the_timeout_does_not_wait_for_a_check() {
    let mut platform = Platform::new();
    platform.plugin("check-slow", "sleep 60");
    platform.point("slow", "[check-slow]", &["timeout: 50s", "interval: 60s"]);
    let begun = Instant::now();
    Watch::start(&platform, &["--as", "node", "--timeout", "1s"]).end(4);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn an_interrupt_is_exit_130_and_keeps_the_runs_before_it() {
    let platform = chain();
    let mut watch = Watch::start(&platform, &["--as", "node", "--until", "never"]);
    watch.line("start");
    watch.signal(Signal::SIGINT);
    let lines = watch.end(130);
    assert!(lines.last().unwrap().starts_with("interrupted: not done"), "{lines:#?}");
    let results = platform.mdd(&["history", "iad2", "--format", "json"]).json();
    assert!(results.as_array().unwrap().len() >= 2);
}

#[test]
fn until_never_goes_on_when_all_is_done() {
    let platform = chain();
    platform.set("door", 0, "open");
    platform.set("room", 0, "furnished");
    let mut watch = Watch::start(&platform, &["--as", "node", "--until", "never"]);
    watch.line("start 2 green of 2");
    platform.set("room", 2, "on fire");
    watch.line("✔ → ✖ room on fire");
    watch.signal(Signal::SIGTERM);
    watch.end(130);
}

#[test]
fn wrong_usage_runs_nothing() {
    let platform = chain();
    platform.mdd(&["watch", "iad2", "--until", "sometime"]).exits(2);
    platform.mdd(&["watch", "iad2", "--as", "laptop"]).exits(2);
    platform.mdd(&["watch", "iad2", "nothing"]).exits(2);
    platform.mdd(&["watch", "iad2", "--every", "fast"]).exits(2);
    platform.mdd(&["watch", "iad2", "--every", "0s"]).exits(2);
    platform.mdd(&["watch", "iad2", "--as", "builder"]).exits(2);
    platform.mdd(&["watch", "iad2", "room", "--until", "network"]).exits(2);
}

#[test]
fn a_careful_point_is_left_alone_while_it_is_blocked() {
    let mut platform = chain();
    let tried = platform.path("tried");
    platform.plugin("check-login", &format!("touch '{}'; echo in; exit 0", tried.display()));
    platform.point("login", "[check-login]", &["depends_on: [door]", "when_blocked: skip"]);
    let mut watch = Watch::start(&platform, &["--as", "node"]);
    watch.line("start 1 red · 2 blocked of 3");
    assert!(!tried.exists());
    platform.set("door", 0, "open");
    // On a busy machine its own result may come a moment after the door's.
    watch.line("→ ✔ login in");
    assert!(tried.exists());
    watch.signal(Signal::SIGINT);
    watch.end(130);
}

#[test]
fn points_run_at_their_own_time() {
    let mut platform = Platform::new().with_file_plugin();
    platform.plugin("check-silent", "sleep 60");
    for number in 0..8 {
        platform.point(&format!("silent-{number}"), "[check-silent]", &["timeout: 2s", "interval: 60s"]);
    }
    platform.switch("door", &["milestone: network", "interval: 1s"]);
    let child = platform.command(&["watch", "iad2", "--as", "node", "--until", "never"]).spawn().unwrap();
    let results = || {
        let outcome = platform.mdd(&["history", "iad2", "--format", "json"]);
        if outcome.stdout.trim().is_empty() { Vec::new() } else { outcome.json().as_array().unwrap().clone() }
    };
    let of = |point: &str| results().iter().filter(|result| result["point"] == point).count();
    // While eight hosts are silent for two seconds each, the ninth is looked at again and again.
    crate::harness::until("the door has been looked at four times", || of("door") >= 4);
    crate::harness::until("the silent ones were looked at", || of("silent-7") == 1);
    signal(&child, Signal::SIGINT);
    finish(child).exits(130);
}

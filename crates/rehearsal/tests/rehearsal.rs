//! The rehearsal ends DONE; a service taken away afterwards turns exactly the right points.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use testkit::{Run, poll_until};

/// Most that a rehearsal with short steps may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);

/// A rehearsal that was played to its end and left its services up; they end with it.
struct Played {
    out: TempDir,
    port: String,
    pids: BTreeMap<String, Pid>,
}

impl Drop for Played {
    fn drop(&mut self) {
        for pid in self.pids.values() {
            // One that a test has ended is not there any more.
            kill(*pid, Signal::SIGKILL).unwrap_or(());
        }
    }
}

impl Played {
    fn new() -> Played {
        let out = TempDir::new().expect("make a folder");
        let ran = play(out.path(), &["--keep", "--step", "0.05"]).limit(LIMIT).go();
        // `  pid 4711     s3        127.20.3.10:28431  Storage`
        let lines = ran.stdout.lines().filter_map(|line| line.trim_start().strip_prefix("pid "));
        let mut played = Played { out, port: String::new(), pids: BTreeMap::new() };
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            played.pids.insert(words[1].into(), Pid::from_raw(words[0].parse().expect("a pid")));
            played.port = words[2].rsplit(':').next().expect("a port").into();
        }
        assert_eq!(ran.code, Some(0), "the exit code of the gate\n{}", ran.stdout);
        assert_eq!(played.pids.len(), 14, "{}", ran.stdout);
        let page = played.out.path().join("iad2.html");
        let last = ran.stdout.lines().last().map(str::trim);
        assert_eq!(last, page.to_str(), "the last line says where the page is");
        played
    }

    fn mdd(&self, args: &[&str]) -> (Option<i32>, Value) {
        let ran = Run::new(testkit::plugin("mdd"))
            .args(["--file", &manifest().to_string_lossy(), "--set", &format!("port={}", self.port)])
            .args(["--set", &format!("ca_file={}", self.out.path().join("ca.crt").display())])
            .args(["--state".into(), self.out.path().join("history.db")])
            .args(args)
            .args(["--format", "json"])
            .go();
        let json = serde_json::from_str(&ran.stdout);
        (ran.code, json.unwrap_or_else(|error| panic!("{error}\n{}\n{}", ran.stdout, ran.stderr)))
    }

    fn end(&self, service: &str) {
        kill(self.pids[service], Signal::SIGTERM).expect("end the service");
    }

    /// Runs until the points that are not green are these, and returns how the last run saw them.
    fn not_green(&self, expected: &[(&str, &str)]) -> Value {
        let mut last = (None, Value::Null);
        let mut seen = Vec::new();
        let reached = poll_until(Duration::from_secs(30), || {
            last = self.mdd(&["run", "iad2", "--as", "paas-node"]);
            let points = last.1["points"].as_array().expect("points").clone();
            let state = |point: &Value, key: &str| point[key].as_str().expect("a text").to_owned();
            seen = points.iter().map(|point| (state(point, "id"), state(point, "state"))).collect();
            seen.retain(|(_, state)| state != "green");
            seen.iter().map(|(id, state)| (id.as_str(), state.as_str())).eq(expected.iter().copied())
        });
        assert!(reached, "not green: {seen:?}, expected: {expected:?}");
        assert_eq!(last.0, Some(1), "red or blocked is exit 1");
        last.1
    }
}

fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/new-datacenter")
}

fn play(out: &Path, args: &[&str]) -> Run {
    let (manifest, out) = (manifest(), out.to_string_lossy().into_owned());
    Run::new(env!("CARGO_BIN_EXE_rehearsal"))
        .args(["play", &manifest.to_string_lossy(), "--out", &out])
        .args(args)
}

fn is_running(pid: Pid) -> bool {
    kill(pid, None).is_ok()
}

#[test]
fn a_service_taken_away_turns_what_needs_it_and_nothing_else() {
    let played = Played::new();
    let record = std::fs::read(played.out.path().join("iad2.json")).expect("the record of the gate");
    let record: Value = serde_json::from_slice(&record).expect("the record is JSON");
    assert_eq!(record["verdict"], "done", "{record}");

    let page = std::fs::read_to_string(played.out.path().join("iad2.html")).expect("the page");
    assert!(page.contains("Ashburn 2") && page.contains("api-ready"), "{page}");

    played.end("mirror");
    let run = played.not_green(&[("net-egress", "red")]);
    let text = run["do_next"][0]["text"].as_str().expect("a text");
    assert!(text.starts_with("CONNECT mirror."), "the proxy is there, and refuses: {text}");
    assert!(text.ends_with("[status]"), "{text}");

    played.end("s3");
    let run = played.not_green(&[
        ("net-egress", "red"),
        ("s3-endpoint", "red"),
        ("registry-api", "blocked"),
        ("api-ready", "blocked"),
    ]);
    let causes = run["do_next"].as_array().expect("causes");
    let s3 = causes.iter().find(|cause| cause["id"] == "s3-endpoint").expect("the new root cause");
    assert_eq!((causes.len(), &s3["holds"]), (2, &Value::from(2)), "and how much it holds up");
    let (code, gate) = played.mdd(&["gate", "iad2"]);
    assert_eq!((code, &gate["verdict"]), (Some(1), &Value::from("not done")));

    played.end("dns");
    let points = run["points"].as_array().expect("points").iter();
    let all: Vec<_> = points
        .map(|point| point["id"].as_str().expect("an id"))
        .map(|id| (id, if id == "dns-zone" { "red" } else { "blocked" }))
        .collect();
    assert_eq!(all.len(), 16);
    let run = played.not_green(&all);
    assert_eq!(run["do_next"].as_array().map(Vec::len), Some(1), "all red with one root cause");
}

#[test]
fn an_interrupt_ends_everything() {
    let out = TempDir::new().expect("make a folder");
    let mut director = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .arg("play")
        .arg(manifest())
        .args(["--step", "0.5", "--out"])
        .arg(out.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start the rehearsal");
    let mut lines = BufReader::new(director.stdout.take().expect("its output")).lines();
    let service = lines
        .find_map(|line| pid_of(&line.expect("readable")))
        .expect("the rehearsal ended before the first deployment");
    assert!(is_running(service));

    let pid = i32::try_from(director.id()).expect("a pid fits");
    kill(Pid::from_raw(pid), Signal::SIGINT).expect("interrupt the rehearsal");
    let others: Vec<Pid> = lines.filter_map(|line| pid_of(&line.expect("readable"))).collect();
    assert_eq!(director.wait().expect("wait for the rehearsal").code(), Some(130));
    for pid in others.into_iter().chain([service]) {
        assert!(!is_running(pid), "{pid} is still there");
    }
}

/// `DNS and time deploys dns on 127.20.0.53 (pid 4711)`
fn pid_of(line: &str) -> Option<Pid> {
    let pid = line.split_once("(pid ")?.1.strip_suffix(')')?;
    Some(Pid::from_raw(pid.parse().expect("a pid")))
}

#[test]
fn services_end_with_their_director_however_it_ends() {
    let mut service = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .args(["serve", "smtp", &testkit::free_port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("start a service");
    drop(service.stdin.take());
    let mut ended = None;
    poll_until(Duration::from_secs(10), || {
        ended = service.try_wait().expect("wait for the service");
        ended.is_some()
    });
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
}

//! The rehearsal's datacenter, whole: fourteen services on loopback, which the checks of its manifest find green.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use testkit::{Ran, Run, plugin};

/// Most that a rehearsal may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);

/// A rehearsal whose services stay up; they end with it. Everybody may read its certificates' root.
pub struct Rehearsed {
    folder: TempDir,
    port: String,
    pids: BTreeMap<String, Pid>,
}

impl Rehearsed {
    /// Plays it to its end.
    pub fn new() -> Self {
        let folder = testkit::agents::open_folder();
        let out = folder.path().join("rehearsal");
        let args = ["--keep", "--step", "0.05", "--out"].map(PathBuf::from);
        let ran = Run::new(plugin("rehearsal"))
            .args(["play".as_ref(), manifest().as_path()])
            .args(args)
            .args([&out])
            .limit(LIMIT)
            .go();
        let mut rehearsed = Rehearsed { folder, port: String::new(), pids: BTreeMap::new() };
        // `  pid 4711     s3        127.20.3.10:28431  Storage`
        for line in ran.stdout.lines().filter_map(|line| line.trim_start().strip_prefix("pid ")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            rehearsed.pids.insert(words[1].into(), Pid::from_raw(words[0].parse().expect("a pid")));
            rehearsed.port = words[2].rsplit(':').next().expect("a port").into();
        }
        assert_eq!((ran.code, rehearsed.pids.len()), (Some(0), 14), "{}{}", ran.stdout, ran.stderr);
        fs::set_permissions(&out, fs::Permissions::from_mode(0o755)).expect("open the rehearsal's folder");
        rehearsed
    }

    /// `mdd` with its manifest and variables, a history of the test's own, and these arguments.
    pub fn mdd(&self, history: &str, args: &[&str]) -> Ran {
        let ca = self.folder.path().join("rehearsal/ca.crt");
        Run::new(plugin("mdd"))
            .args([Path::new("--file"), &manifest(), Path::new("--state")])
            .args([self.folder.path().join(history)])
            .args(["--set", &format!("port={}", self.port), "--set", &format!("ca_file={}", ca.display())])
            .args(args)
            .go()
    }

    /// The same, for an answer in JSON.
    pub fn ask(&self, history: &str, args: &[&str]) -> Value {
        let ran = self.mdd(history, &[args, &["--format", "json"]].concat());
        let json = serde_json::from_str(&ran.stdout);
        json.unwrap_or_else(|error| panic!("{args:?}: {error}\n{}\n{}", ran.stdout, ran.stderr))
    }

    /// Exports for an engine into this folder, and returns `OUT/iad2`.
    pub fn export(&self, engine: &str, out: &Path) -> PathBuf {
        let ran = self.mdd("unused.db", &["export", engine, "iad2", "--out", &out.to_string_lossy()]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        out.join("iad2")
    }

    /// Ends a service.
    pub fn end(&self, service: &str) {
        kill(self.pids[service], Signal::SIGTERM).expect("end a service");
    }
}

impl Drop for Rehearsed {
    fn drop(&mut self) {
        for pid in self.pids.values() {
            // One that a test has ended is not there any more.
            kill(*pid, Signal::SIGKILL).unwrap_or(());
        }
    }
}

fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/new-datacenter")
}

/// State and status of every instance of a run or a status in JSON, by `point/key`.
pub fn states(json: &Value) -> BTreeMap<String, (String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // A status may be of several datacenters.
    let one = json.get("datacenters").map_or(json, |all| &all[0]);
    let points = one["points"].as_array().expect("it has points");
    let mut states = BTreeMap::new();
    for point in points {
        for instance in point["instances"].as_array().expect("a point has instances") {
            let path = format!("{}/{}", text(&point["id"]), text(&instance["key"]));
            states.insert(path, (text(&point["state"]), text(&instance["status"])));
        }
    }
    states
}

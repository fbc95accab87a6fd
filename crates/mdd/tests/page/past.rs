//! The past of the reference manifest, up to 22 November 2026, 21:40 UTC: written by the history's own functions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mdd::engine::pool::Taken;
use mdd::engine::{Reading, Status, Verdict};
use mdd::history::History;
use mdd::history::provenance::Provenance;
use mdd::history::record::Run;
use mdd::manifest;
use mdd::plan::{Instance, Plan, Point};
use serde_json::Value;

/// The moment that everything is seen from.
pub const NOW: &str = "2026-11-22T21:40:00Z";

const REFERENCE: &str = include_str!("../fixtures/reference.yaml");

/// A folder with a manifest and its history; nothing writes to it once it is made.
pub struct Platform {
    folder: tempfile::TempDir,
}

/// What `mdd` has come to.
pub struct Outcome {
    /// Exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Checks the exit code, showing everything when it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in:\n{}", self.stdout))
    }
}

impl Platform {
    /// The one platform of these tests.
    pub fn shared() -> &'static Platform {
        static SHARED: OnceLock<Platform> = OnceLock::new();
        SHARED.get_or_init(|| {
            let platform = Platform::without_history();
            platform.remember();
            platform
        })
    }

    /// The manifest alone.
    pub fn without_history() -> Platform {
        let folder = tempfile::tempdir().unwrap();
        // Few runs are enough for three weeks when a result holds for half a day.
        let seldom = ["60s", "5m", "10m", "1h"].iter().fold(REFERENCE.to_owned(), |text, interval| {
            text.replace(&format!("interval: {interval}\n"), "interval: 4h\n")
        });
        std::fs::write(folder.path().join("mdd.yaml"), seldom).unwrap();
        Platform { folder }
    }

    /// A file of its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `mdd` on it, as of [`NOW`] unless the arguments say otherwise.
    pub fn mdd(&self, arguments: &[&str]) -> Outcome {
        let at: &[&str] = if arguments.contains(&"--at") { &[] } else { &["--at", NOW] };
        let output = Command::new(env!("CARGO_BIN_EXE_mdd"))
            .current_dir(self.folder.path())
            .env_remove("MDD_FILE")
            .env_remove("MDD_STATE")
            .args(arguments)
            .args(at)
            .output()
            .unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The page of a datacenter, written into a folder of its own.
    pub fn report(&self, folder: &Path, arguments: &[&str]) -> String {
        let folder = folder.to_string_lossy();
        let all = [&["report"], arguments, &["--out", &folder]].concat();
        self.mdd(&all).exits(0).stdout
    }

    fn remember(&self) {
        let manifest = manifest::load(&self.path("mdd.yaml"), &[]).unwrap();
        let mut history = History::open(&self.path(".mdd/history.db")).unwrap();
        for (dc, every, vantages) in [
            ("ams1", 12, &["paas-node", "control-node", "build-node"][..]),
            ("iad2", 6, &["paas-node", "control-node"]),
        ] {
            let plan = manifest.plan(dc).unwrap();
            let provenance = Provenance { hash: plan.hash.clone(), git: None, dirty: None };
            for at in moments(every) {
                for vantage in vantages {
                    let run = Run { vantage, started: at, provenance: &provenance };
                    let taken = results(&plan, vantage, at);
                    history.record_at(&plan, &run, &taken, at + SignedDuration::from_secs(20)).unwrap();
                }
            }
        }
    }
}

fn moment(text: &str) -> Timestamp {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

/// When checks ran: all so many hours, around each event, and just now. For a day and a half nothing ran.
fn moments(every: i64) -> Vec<Timestamp> {
    let mut moments: Vec<Timestamp> = Vec::new();
    let mut at = moment("02T08:00");
    while at < moment("22T21:00") {
        moments.push(at);
        at += SignedDuration::from_hours(every);
    }
    for event in ["05T09:10", "10T14:30", "16T20:20", "22T19:31", "22T21:20", "22T21:34"] {
        moments.extend([moment(event), moment(event) + SignedDuration::from_mins(3)]);
    }
    moments.extend(["05T09:40", "10T15:00", "16T20:40", "22T21:38"].map(moment));
    moments.push(moment("22T21:39") + SignedDuration::from_secs(20));
    moments.retain(|at| *at < moment("15T00:00") || *at > moment("16T18:00"));
    moments.sort_unstable();
    moments.dedup();
    moments
}

fn results<'p>(plan: &'p Plan, vantage: &str, at: Timestamp) -> Vec<Taken<'p>> {
    let points = plan.points.iter().filter(|point| point.vantage == vantage);
    let taken = points.flat_map(|point| {
        point.instances.iter().enumerate().filter_map(move |(index, instance)| {
            let (status, output) = says(&plan.dc, point, instance, at)?;
            let at = at + SignedDuration::from_millis(i64::try_from(index).unwrap() * 400);
            let reading = Reading {
                verdict: Verdict::Plugin(status),
                output,
                perf: String::new(),
                took: Duration::from_millis(42),
                at,
            };
            Some(Taken { point, instance, reading })
        })
    });
    taken.collect()
}

/// What a check says at a moment; none when it does not run.
fn says(dc: &str, point: &Point, instance: &Instance, at: Timestamp) -> Option<(Status, String)> {
    let id = point.id.as_str();
    let program = point.instances[0].argv[0].trim_start_matches("check-").to_uppercase();
    let ok = |text: &str| Some((Status::Ok, format!("{program} OK - {text}")));
    let bad = |text: &str| Some((Status::Critical, format!("{program} CRITICAL - {text}")));
    if dc == "ams1" {
        return ok("answered in 12 ms");
    }
    // From when on it works, and what it says before.
    let since =
        |from: &str, before: &str| if at >= moment(from) { ok("answered in 12 ms") } else { bad(before) };
    match id {
        "dns-internal" | "dns-external" if instance.key.ends_with("1.53") => bad(
            "10.20.1.53: no answer on udp/53 after 3 s [timeout]\nsent 3 queries, the last one at 0.0 s\n10.20.0.53 <agrees> & is \"fine\"",
        ),
        "dns-internal" | "dns-external" => since("10T14:30", "no answer on udp/53 after 3 s [timeout]"),
        "dns-apps-wildcard" => bad("NXDOMAIN for mdd-probe.apps.iad2.example.net [no such name]"),
        "dns-reverse" => bad("no PTR for 10.20.8.10 [no such name]"),
        "ntp-offset" => since("05T09:10", "connect to 10.20.0.123:123: no answer after 3 s [timeout]"),
        "net-mtu" => bad("8922 bytes: 100 % of 5 packets lost [loss]"),
        "net-egress" => since("14T02:00", "connect to egress.iad2.example.net:3128: refused [refused]"),
        "net-interdc" => {
            since("09T14:00", "connect to api.ams1.example.net:6443: no answer after 5 s [timeout]")
        }
        "id-ldap" => since("14T08:00", "bind: invalid credentials (49) [denied]"),
        "id-oidc" if at >= moment("22T19:31") => bad("503 from sso.iad2.example.net after 0.04 s [status]"),
        "id-oidc" => since("13T02:00", "connect to sso.iad2.example.net:443: refused [refused]"),
        "lb-api" => since("22T21:34", "connect to api.iad2.example.net:6443: refused [refused]"),
        "pki-issuer" => since("12T08:00", "connect to acme.iad2.example.net:443: refused [refused]"),
        "pki-chain" if at >= moment("20T08:00") => {
            Some((Status::Warning, "TLS WARNING - api.iad2.example.net:6443 ends in 24 days".to_owned()))
        }
        "pki-chain" => since("11T02:00", "connect to api.iad2.example.net:6443: refused [refused]"),
        "s3-roundtrip" => bad("PUT quay-probe/mdd-3f9c: 403 AccessDenied after 0.09 s [denied]"),
        "log-ingest" => since("17T02:00", "connect to logs.iad2.example.net:6514: refused [refused]"),
        "log-search" => bad("0 hits, at least 1 wanted [content]"),
        "metrics-write" => since("18T08:00", "connect to metrics.iad2.example.net:443: refused [refused]"),
        "metrics-query" if at >= moment("22T03:00") => None,
        "metrics-query" => since("19T08:00", "no value at $.data.result[0].value[1] [content]"),
        _ => bad(&format!("connect to {id}.iad2.example.net: refused [refused]")),
    }
}

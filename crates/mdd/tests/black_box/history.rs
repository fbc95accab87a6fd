//! The history: what is kept, who may write, what survives.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::time::Duration;

use jiff::SignedDuration;
use mdd::engine::pool::Taken;
use mdd::engine::reading::now;
use mdd::engine::{Reading, Status, Verdict};
use mdd::history::History;
use mdd::history::provenance::Provenance;
use mdd::history::record::Run;
use mdd::manifest;
use rusqlite::Connection;

use crate::harness::{Platform, finish};

fn database(platform: &Platform) -> Connection {
    Connection::open(platform.path(".mdd/history.db")).unwrap()
}

fn count(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn killed_at_any_moment_it_loses_at_most_the_run_in_progress() {
    let mut platform = Platform::new();
    platform.plugin("check-quick", "echo fine; exit 0");
    for n in 0..6 {
        platform.point(&format!("p{n}"), "[check-quick]", &[]);
    }
    let run = || platform.command(&["run", "iad2", "--as", "node", "-q"]).spawn().unwrap();
    finish(run()).exits(0);
    // The moments are spread over a run's length, which follows the load of the machine.
    let mut length = Duration::from_millis(100);
    let mut finished = 1;
    let mut killed = 0;
    for round in 0..100_u32 {
        let mut child = run();
        std::thread::sleep(length * (round % 20) / 20);
        child.kill().unwrap();
        let status = child.wait().unwrap();
        if status.code() == Some(0) {
            finished += 1;
            length = length * 9 / 10;
        } else {
            assert_eq!(status.code(), None);
            killed += 1;
            length = length * 21 / 20;
        }
        let db = database(&platform);
        // A run that was killed between its commit and its end is whole as well.
        let runs = count(&db, "SELECT count(*) FROM run");
        assert!(runs >= finished && runs <= finished + killed, "{runs} runs, {finished} finished");
        let halves = count(
            &db,
            "SELECT count(*) FROM run WHERE (SELECT count(*) FROM result WHERE run = run.id) <> 6",
        );
        assert_eq!(halves, 0);
    }
    assert!(killed > 20, "only {killed} were killed");
    let db = database(&platform);
    let check: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    assert_eq!(count(&db, "SELECT count(*) FROM result") % 6, 0);
    let before = count(&db, "SELECT count(*) FROM run");
    finish(run()).exits(0);
    assert_eq!(count(&db, "SELECT count(*) FROM run"), before + 1);
}

#[test]
fn two_at_once_are_both_kept() {
    let mut platform = Platform::new();
    platform.plugin("check-slow", "sleep 0.3; echo fine");
    for n in 0..4 {
        platform.point(&format!("p{n}"), "[check-slow]", &[]);
    }
    let start = || platform.command(&["run", "iad2", "--as", "node"]).spawn().unwrap();
    let children: Vec<_> = (0..4).map(|_| start()).collect();
    // A reader is never in the way, nor kept waiting.
    assert!(matches!(platform.mdd(&["gate", "iad2"]).code, Some(0 | 1)));
    for child in children {
        finish(child).exits(0);
    }
    let db = database(&platform);
    assert_eq!(count(&db, "SELECT count(*) FROM run"), 4);
    assert_eq!(count(&db, "SELECT count(*) FROM result"), 16);
    // All of it is one stretch, in whatever order it was written.
    assert_eq!(count(&db, "SELECT count(DISTINCT since) FROM result WHERE point = 'p0'"), 1);
    assert_eq!(count(&db, "SELECT count(*) FROM transition"), 4);
}

#[test]
fn results_written_in_the_other_order_mend_the_stretches() {
    let mut platform = Platform::new();
    platform.point("p", "[check_dummy, \"0\", fine]", &["ttl: 1h"]);
    let plan = manifest::load(&platform.path("mdd.yaml"), &[]).unwrap().plan("iad2").unwrap();
    let mut history = History::open(&platform.path("history.db")).unwrap();
    let provenance = Provenance { hash: plan.hash.clone(), git: None, dirty: None };
    let point = &plan.points[0];
    let minutes_ago = |minutes: i64| now() - SignedDuration::from_mins(minutes);
    let mut write = |status: Status, minutes: i64| {
        let reading = Reading {
            verdict: Verdict::Plugin(status),
            ..Reading::none("", minutes_ago(minutes), Duration::ZERO)
        };
        let taken = [Taken { point, instance: &point.instances[0], reading }];
        let run = Run { vantage: "node", started: minutes_ago(minutes), provenance: &provenance };
        history.record(&plan, &run, &taken).unwrap();
    };
    for minutes in [50, 40, 20, 10] {
        write(Status::Ok, minutes);
    }
    write(Status::Critical, 30);
    let db = Connection::open(platform.path("history.db")).unwrap();
    let mut select = db
        .prepare("SELECT (since - (SELECT min(executed_at) FROM result)) / 60000000.0 FROM result ORDER BY executed_at")
        .unwrap();
    let since: Vec<f64> = select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let rounded: Vec<i64> = since.iter().map(|minutes| format!("{minutes:.0}").parse().unwrap()).collect();
    assert_eq!(rounded, [0, 0, 20, 30, 30]);
}

#[test]
fn a_second_writer_waits_and_then_says_why_it_cannot() {
    let mut platform = Platform::new();
    platform.point("p", "[check_dummy, \"0\", fine]", &[]);
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(0);
    let db = database(&platform);
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Reading goes on meanwhile.
    platform.mdd(&["gate", "iad2"]).exits(0);
    let blocked = platform.command(&["run", "iad2", "--as", "node"]).spawn().unwrap();
    let stderr = finish(blocked).exits(5).stderr;
    assert!(stderr.contains("history.db: another process has been writing to it for 5s"), "{stderr}");
    // One that is only held up for a moment goes on.
    let waiting = platform.command(&["run", "iad2", "--as", "node"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    db.execute_batch("ROLLBACK").unwrap();
    finish(waiting).exits(0);
    assert_eq!(count(&db, "SELECT count(*) FROM run"), 2);
}

#[test]
fn a_user_who_may_not_write_can_read() {
    let mut platform = Platform::new();
    platform.point("p", "[check_dummy, \"0\", fine]", &[]);
    // A name that a URI would read as something else.
    let state = ["--state", "a b%20?c/history.db"];
    platform.mdd(&["run", "iad2", "--as", "node", state[0], state[1]]).exits(0);
    let open = |path: &str| {
        std::fs::set_permissions(platform.path(path), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    open("");
    let mdd = platform.copy_of_mdd();
    let gate = || {
        let mut command = platform.command_of(&mdd, &["gate", "iad2", state[0], state[1]]);
        if nix::unistd::geteuid().is_root() {
            command.uid(65534).gid(65534);
        } else {
            std::fs::set_permissions(platform.path("a b%20?c"), std::fs::Permissions::from_mode(0o555))
                .unwrap();
        }
        let child = command.spawn().unwrap();
        let outcome = finish(child);
        open("a b%20?c");
        outcome
    };
    gate().exits(0);
    // While a writer has it open, the reader sees what is in its log.
    let writer = Connection::open(platform.path(state[1])).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; UPDATE result SET status = 2; COMMIT").unwrap();
    gate().exits(1);
}

#[test]
fn what_cannot_be_a_history_is_refused_by_name() {
    let mut platform = Platform::new();
    platform.point("p", "[check_dummy, \"0\", fine]", &[]);
    std::fs::write(
        platform.path("noise.db"),
        "this is no database, it is only long enough to look like one".repeat(40),
    )
    .unwrap();
    for command in [&["run", "iad2", "--as", "node"][..], &["gate", "iad2"], &["history", "iad2"]] {
        let mut arguments = command.to_vec();
        arguments.extend(["--state", "noise.db"]);
        let stderr = platform.mdd(&arguments).exits(5).stderr;
        assert!(stderr.contains("the history noise.db: "), "{stderr}");
    }
    platform.mdd(&["run", "iad2", "--as", "node", "--state", "/proc/no/history.db"]).exits(5);
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(0);
    database(&platform).pragma_update(None, "user_version", 99).unwrap();
    for command in [&["run", "iad2", "--as", "node"][..], &["gate", "iad2"]] {
        let stderr = platform.mdd(command).exits(5).stderr;
        assert!(stderr.contains("its format is 99, this mdd knows 2"), "{stderr}");
    }
}

#[test]
fn a_renamed_point_takes_its_history_with_it() {
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("old-name", &["stable: 1h"]);
    platform.set("old-name", 0, "fine");
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(1);
    let since = |json: &serde_json::Value| Platform::entry(json, "new-name")["since"].clone();
    let check = format!("[check-file, \"{}\"]", platform.path("old-name").display());
    platform.without_points().point("new-name", &check, &["stable: 1h", "was: old-name"]);
    // Reading knows both names before anything is written.
    let before = platform.mdd(&["gate", "iad2", "--format", "json"]).exits(1).json();
    assert_eq!(Platform::state(&before, "new-name"), "settling");
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(1);
    let after = platform.mdd(&["gate", "iad2", "--format", "json"]).exits(1).json();
    assert_eq!(since(&before), since(&after));
    assert!(since(&before).is_string());
    let db = database(&platform);
    assert_eq!(count(&db, "SELECT count(*) FROM result WHERE point = 'old-name'"), 0);
    assert_eq!(count(&db, "SELECT count(*) FROM result WHERE point = 'new-name'"), 2);
    // The state went with it: no second start.
    assert_eq!(count(&db, "SELECT count(*) FROM transition"), 1);
}

#[test]
fn old_results_are_thinned_to_the_ends_of_their_stretches() {
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("p", &["ttl: 1h"]);
    platform.set("p", 0, "fine");
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(0);
    let db = database(&platform);
    // Sixty days of the past, one result a day: 40 OK, 10 CRITICAL, 10 OK, each a stretch.
    db.execute_batch(
        "CREATE TEMP TABLE days AS WITH RECURSIVE n (d) AS (SELECT 60 UNION ALL SELECT d - 1 FROM n WHERE d > 0)
         SELECT d, CASE WHEN d > 20 THEN 60 WHEN d > 10 THEN 20 ELSE 10 END AS start,
            CASE WHEN d > 20 THEN 0 WHEN d > 10 THEN 2 ELSE 0 END AS status FROM n;
         UPDATE run SET started = started - 86400000000 * 61;
         INSERT INTO result SELECT NULL, 1, dc, point, instance, vantage, argv, days.status, output, perf, us,
            executed_at - days.d * 86400000000 - 1000000, executed_at - days.start * 86400000000 - 1000000, note
            FROM result, days WHERE result.id = 1;
         UPDATE transition SET at = at - 86400000000 * 61",
    )
    .unwrap();
    let all = count(&db, "SELECT count(*) FROM result");
    assert_eq!(all, 62);
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(0);
    let ages = |status: i64| -> Vec<i64> {
        let sql = "SELECT (unixepoch() - executed_at / 1000000) / 86400 FROM result
                   WHERE status = ? ORDER BY executed_at";
        let mut select = db.prepare(sql).unwrap();
        let rows = select.query_map([status], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    // Of the old ones the first and the last of each stretch; all of the last fourteen days.
    assert_eq!(ages(2), [20, 14, 13, 12, 11]);
    assert_eq!(ages(0)[..2], [60, 21]);
    assert_eq!(ages(0)[2..].iter().filter(|&&age| age > 0).count(), 10);
    // Changes of state stay.
    assert_eq!(count(&db, "SELECT count(*) FROM transition"), 1);
}

#[test]
fn what_happened_as_text_csv_and_json() {
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("door", &["milestone: network"]).switch("room", &["depends_on: [door]"]);
    platform.mdd(&["history"]).exits(0).says("nothing has been recorded yet");
    platform.mdd(&["history", "iad2/nobody"]).exits(2);
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(1);
    platform.set("door", 0, "open, \"wide\"");
    platform.set("room", 0, "furnished");
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(0);

    let results = platform.mdd(&["history", "iad2/door"]).exits(0);
    results.says("CRITICAL door node").says("OK door node");
    assert_eq!(results.stdout.lines().count(), 2);
    platform.mdd(&["history", "iad2", "--since", "1h"]).exits(0).says("room");
    platform
        .mdd(&["history", "iad2", "--since", "2099-01-01"])
        .exits(0)
        .says("nothing has been recorded yet");
    platform.mdd(&["history", "iad2", "--since", "whenever"]).exits(2);
    platform.mdd(&["history", "iad2/nobody"]).exits(2);
    platform.mdd(&["history", "nowhere"]).exits(2);

    let csv = platform.mdd(&["history", "iad2/door", "--format", "csv"]).exits(0).stdout;
    assert!(csv.starts_with(
        "dc,point,instance,vantage,executed_at,status,since,took_ms,argv_hash,output,perf,source,silenced\n"
    ));
    assert!(csv.contains(",\"open, \"\"wide\"\"\",,local,\n"), "{csv}");

    let changes = platform.mdd(&["history", "iad2", "--transitions"]).exits(0);
    changes.says("door start → red").says("room start → blocked waits for door").says("room blocked → green");

    let times = platform.mdd(&["history", "iad2", "--time-to-green", "--format", "json"]).exits(0).json();
    let room = times.as_array().unwrap().iter().find(|time| time["point"] == "room").unwrap();
    assert!(room["total_s"].as_f64().unwrap() > 0.0);
    // It was blocked all the time: none of it was its owner's.
    assert_eq!(room["blocked_s"], room["total_s"]);
    assert_eq!(room["own_s"].as_f64(), Some(0.0));
    platform
        .mdd(&["history", "iad2", "--time-to-green"])
        .exits(0)
        .says("point first red first green stable total blocked own");
    // As of a time before, nothing.
    platform.mdd(&["history", "iad2", "--at", "2020-01-01"]).exits(0).says("nothing has been recorded yet");
}

#[test]
fn the_history_says_why_through_show() {
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("door", &["milestone: network"]);
    platform
        .mdd(&["show", "iad2/door", "--why"])
        .exits(0)
        .says("blocked: its vantage point has never reported");
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(1);
    platform.mdd(&["show", "iad2/door", "--why"]).exits(0).says("red: CRITICAL, and its date has passed");
    platform.set("door", 0, "open");
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(0);
    platform.set("door", 2, "shut");
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(1);
    let outcome = platform.mdd(&["show", "iad2/door", "--why"]).exits(0);
    outcome.says("red: CRITICAL, and it was green before").says("green until");
}

//! `mdd gate`: the verdict, its exit code, and the record of acceptance.

use std::process::Command;

use crate::harness::Platform;

fn two_points() -> Platform {
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("names", &["milestone: network"]).switch("login", &["milestone: core"]);
    platform.set("names", 0, "resolve");
    platform.set("login", 0, "works");
    platform
}

fn run(platform: &Platform) {
    let outcome = platform.mdd(&["run", "iad2", "--as", "node"]);
    assert!(matches!(outcome.code, Some(0 | 1 | 3)), "{outcome:?}");
}

#[test]
fn day_zero_is_not_done_with_one_root_cause() {
    let platform = two_points();
    let outcome = platform.mdd(&["gate", "iad2"]).exits(1);
    outcome.says("GATE iad2 Done done NOT DONE 0 of 2, 0 waivers");
    outcome.says("⧗ names blocked waits for node, which has never reported");
    // Asking leaves nothing behind.
    assert!(!platform.path(".mdd").exists());
}

#[test]
fn done_is_an_exit_code_and_a_file() {
    let platform = two_points();
    run(&platform);
    let outcome = platform.mdd(&["gate", "iad2", "--record", "accept/iad2.json"]).exits(0);
    outcome
        .says("GATE iad2 Done done DONE 2 of 2, 0 waivers")
        .says("green since")
        .says("record accept/iad2.json");
    let text = std::fs::read_to_string(platform.path("accept/iad2.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["verdict"], "done");
    assert_eq!(record["mdd"], env!("CARGO_PKG_VERSION"));
    assert_eq!(record["manifest"]["hash"].as_str().unwrap().len(), 64);
    assert_eq!(record["manifest"]["git"], serde_json::Value::Null);
    let names = Platform::entry(&record, "names");
    assert_eq!((names["state"].as_str(), names["vantage"].as_str()), (Some("green"), Some("node")));
    assert!(names["since"].is_string());
    let instance = &names["instances"][0];
    assert_eq!(instance["output"], "resolve");
    assert_eq!(instance["argv_hash"].as_str().unwrap().len(), 16);
    assert_eq!(instance["argv_hash"], instance["result_argv_hash"]);
    // No draft stays behind.
    assert_eq!(std::fs::read_dir(platform.path("accept")).unwrap().count(), 1);
    platform.mdd(&["gate", "iad2", "--record", "/proc/no/such/file.json"]).exits(5);
}

#[test]
fn a_milestone_needs_its_own_points_and_all_before_it() {
    let platform = two_points();
    platform.set("login", 2, "refused");
    run(&platform);
    platform.mdd(&["gate", "iad2", "--milestone", "network"]).exits(0).says("Network and names DONE 1 of 1");
    platform.mdd(&["gate", "iad2", "--milestone", "core"]).exits(1).says("Core services NOT DONE 1 of 2");
    platform.mdd(&["gate", "iad2", "--milestone", "done"]).exits(1);
    platform.set("names", 2, "gone");
    platform.set("login", 0, "works");
    run(&platform);
    platform.mdd(&["gate", "iad2", "--milestone", "core"]).exits(1).says("NOT DONE 1 of 2");
    let stderr = platform.mdd(&["gate", "iad2", "--milestone", "cor"]).exits(2).stderr;
    assert_eq!(stderr, "error: there is no milestone `cor`; known: network, core, done\n");
}

#[test]
fn wrong_beats_unknown_and_unknown_is_not_done() {
    let platform = two_points();
    platform.set("login", 3, "cannot tell");
    run(&platform);
    platform
        .mdd(&["gate", "iad2"])
        .exits(3)
        .says("GATE iad2 Done done UNKNOWN 1 of 2")
        .says("? login unknown");
    platform.set("names", 2, "gone");
    run(&platform);
    platform.mdd(&["gate", "iad2"]).exits(1);
}

#[test]
fn stable_max_age_and_at() {
    let platform = two_points();
    run(&platform);
    let outcome = platform.mdd(&["gate", "iad2", "--stable", "1h"]).exits(1);
    outcome.says("◐ names settling resolve").says("of 1 h").says("if it stays");
    platform.mdd(&["gate", "iad2", "--stable", "1ms"]).exits(0);
    platform
        .mdd(&["gate", "iad2", "--max-age", "0s"])
        .exits(3)
        .says("no result for 0 s, at most 0 s allowed");
    // Before anything ran nothing was known; long after it, it is too old.
    platform.mdd(&["gate", "iad2", "--at", "2020-01-01"]).exits(1).says("has never reported");
    platform.mdd(&["gate", "iad2", "--at", "2120-01-01"]).exits(3).says("? names unknown no result for");
}

#[test]
fn warnings_count_unless_strict() {
    let platform = two_points();
    platform.set("login", 1, "slow");
    run(&platform);
    platform.mdd(&["gate", "iad2"]).exits(0).says("1 of them with warnings");
    let quiet = platform.mdd(&["gate", "iad2", "-q"]).exits(0);
    assert_eq!(quiet.stdout, "GATE  iad2  Done done   DONE   2 of 2, 0 waivers\n");
    platform.mdd(&["gate", "iad2", "-v"]).exits(0).says("✔ names green resolve").says("▲ login warning slow");
    platform.mdd(&["gate", "iad2", "--strict"]).exits(1).says("▲ login warning slow");
}

#[test]
fn waivers_are_counted_named_and_can_be_refused() {
    let mut platform = two_points();
    platform.set("login", 2, "refused");
    let until = |days: i32| {
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        today.checked_add(jiff::Span::new().days(days)).unwrap()
    };
    platform.tail(&format!(
        "waivers:\n  - {{point: login, dc: iad2, until: {}, reason: cards, by: alex, ticket: \"https://t.example/NET-1\"}}\n",
        until(9)
    ));
    run(&platform);
    let outcome = platform.mdd(&["gate", "iad2"]).exits(0);
    outcome.says("DONE 1 of 2, 1 waiver").says("⊘ login waived refused").says("NET-1, by alex");
    platform.mdd(&["gate", "iad2", "--no-waivers"]).exits(1).says("NOT DONE 1 of 2, 0 waivers");
    let record = platform.mdd(&["gate", "iad2", "--format", "json"]).exits(0).json();
    assert_eq!(record["waivers_in_force"][0]["by"], "alex");
    assert_eq!(record["progress"], serde_json::json!({"required": 2, "proven": 1, "waived": 1}));
    // It ends by itself.
    let later = until(12).to_string();
    let record = platform.mdd(&["gate", "iad2", "--at", &later, "--format", "json"]).exits(3).json();
    assert_eq!(Platform::entry(&record, "login")["waiver"]["state"], "expired");
}

#[test]
fn run_first_needs_a_vantage_point() {
    let platform = two_points();
    platform.mdd(&["gate", "iad2", "--run"]).exits(2);
    platform.mdd(&["gate", "iad2", "--as", "node"]).exits(2);
    platform.mdd(&["gate", "iad2", "--run", "--as", "node"]).exits(0);
    platform.set("login", 2, "refused");
    platform.mdd(&["gate", "iad2"]).exits(0);
    platform.mdd(&["gate", "iad2", "--run", "--as", "node"]).exits(1);
}

#[test]
fn a_changed_check_passes_no_gate_before_it_has_run() {
    let mut platform = two_points();
    run(&platform);
    platform.mdd(&["gate", "iad2"]).exits(0);
    platform.without_points().switch("names", &["milestone: network"]);
    platform.point("login", "[check_dummy, \"0\", loose]", &["milestone: core"]);
    platform.set("names", 0, "resolve");
    platform
        .mdd(&["gate", "iad2"])
        .exits(3)
        .says("? login unknown the check has changed and has not run since");
    run(&platform);
    platform.mdd(&["gate", "iad2"]).exits(0);
}

#[test]
fn advisory_points_are_shown_and_never_block() {
    let mut platform = two_points();
    platform.point("mail", "[check_dummy, \"2\", shut]", &["gate: advisory"]);
    run(&platform);
    platform.mdd(&["gate", "iad2"]).exits(0).says("DONE 2 of 2").says("advisory: mail not due");
}

#[test]
fn the_record_names_the_commit_and_whether_the_tree_was_clean() {
    let platform = two_points();
    let git = |arguments: &[&str]| {
        let status = Command::new("git")
            .current_dir(platform.path(""))
            .args(["-c", "user.name=t", "-c", "user.email=t@example.net"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
        String::from_utf8(status.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["add", "mdd.yaml"]);
    git(&["commit", "-q", "-m", "first"]);
    let commit = git(&["rev-parse", "HEAD"]);
    run(&platform);
    let record = platform.mdd(&["gate", "iad2", "--format", "json"]).exits(0).json();
    // The history and the records lie beside the manifest; they are no change of it.
    assert_eq!(record["manifest"]["git"], commit.as_str());
    assert_eq!(record["manifest"]["dirty"], false);
    platform.mdd(&["gate", "iad2"]).exits(0).says(&format!("manifest {} (clean)", &commit[..7]));
    let manifest = std::fs::read_to_string(platform.path("mdd.yaml")).unwrap();
    std::fs::write(platform.path("mdd.yaml"), format!("{manifest}# changed\n")).unwrap();
    let record = platform.mdd(&["gate", "iad2", "--format", "json"]).exits(0).json();
    assert_eq!(record["manifest"]["dirty"], true);
}

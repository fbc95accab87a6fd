//! What a pull adds to the history, and how it is shown.

use serde_json::{Value, json};

use crate::harness::{Platform, finish, signal, until};
use crate::sensu::{Engine, now};

fn count(platform: &Platform, sql: &str) -> i64 {
    let db = rusqlite::Connection::open(platform.path(".mdd/history.db")).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_result_pulled_twice_is_kept_once_and_its_silence_follows() {
    let engine = Engine::new(&[]);
    let mut event = engine.event();
    engine.pull("sensu-go", &event).exits(0).says("iad2 1 new result · 1 of 1 proven");
    engine.pull("sensu-go", &event).exits(0).says("iad2 0 new results · 1 known · 1 of 1 proven");
    assert_eq!(count(&engine.platform, "SELECT count(*) FROM result"), 1);
    assert_eq!(count(&engine.platform, "SELECT count(*) FROM run"), 1);
    // Silenced in the engine: shown, not obeyed.
    event["check"]["is_silenced"] = true.into();
    event["check"]["silenced"] = json!(["entity:iad2:p"]);
    let silenced = "silenced in Sensu Go: entity:iad2:p";
    engine.pull("sensu-go", &event).exits(0).says(&format!("iad2/p {silenced}: shown, not obeyed"));
    assert_eq!(count(&engine.platform, "SELECT count(*) FROM result"), 1);
    engine
        .platform
        .mdd(&["show", "iad2/p", "--why"])
        .exits(0)
        .says(&format!("note {silenced}: shown, not obeyed"));
    let record = engine.gate(&[]);
    let point = Platform::entry(&record, "p");
    assert_eq!(point["instances"][0]["silenced"], silenced);
    assert_eq!(point["state"], "green");
    event["check"]["is_silenced"] = false.into();
    event["check"]["silenced"] = Value::Null;
    engine.pull("sensu-go", &event).exits(0);
    assert_eq!(Platform::entry(&engine.gate(&[]), "p")["instances"][0]["silenced"], Value::Null);
}

#[test]
fn a_clock_that_is_a_little_ahead_hides_nothing_and_doubles_nothing() {
    let engine = Engine::new(&[]);
    let mut event = engine.event();
    event["check"]["executed"] = (now() + 3).into();
    event["check"]["history"] = json!([]);
    engine.pull("sensu-go", &event).exits(0).says("1 new result");
    engine.platform.mdd(&["gate", "iad2"]).exits(0);
    let pulled_again = || {
        engine.pull("sensu-go", &event).exits(0).says("0 new results · 1 known");
        assert_eq!(count(&engine.platform, "SELECT count(*) FROM result"), 1);
    };
    pulled_again();
    let then = event["check"]["executed"].as_i64().unwrap();
    until("its time has come", || now() > then);
    pulled_again();
}

#[test]
fn a_silenced_failure_is_a_failure() {
    let engine = Engine::new(&[]);
    let mut result = engine.result();
    result["check"]["status"] = 2.into();
    let silence = json!({
        "id": "client:iad2:p", "subscription": "client:iad2", "check": "p", "creator": "alex", "reason": "cards",
        "expire": 3600, "expire_on_resolve": false, "begin": null,
    });
    let pulled = engine.pull("sensu-classic", &json!([result, silence])).exits(0);
    pulled.says("iad2/p silenced in Sensu Classic by alex, 3600 s left: cards: shown, not obeyed");
    engine.platform.mdd(&["gate", "iad2", "-v"]).exits(1).says("silenced in Sensu Classic by alex");
}

#[test]
fn the_engines_history_makes_stable_honest() {
    let engine = Engine::new(&["stable: 15m"]);
    let at = now();
    let history = |statuses: &[(i64, i64)]| -> Value {
        statuses.iter().map(|(status, ago)| json!({"status": status, "executed": at - ago})).collect()
    };
    let since = |statuses: &[(i64, i64)]| {
        let state = engine.platform.path(".mdd");
        if state.exists() {
            std::fs::remove_dir_all(&state).unwrap();
        }
        let mut event = engine.event();
        event["check"]["executed"] = at.into();
        event["check"]["history"] = history(statuses);
        engine.pull("sensu-go", &event).exits(0);
        let record = engine.gate(&[]);
        let since: jiff::Timestamp =
            Platform::entry(&record, "p")["since"].as_str().unwrap().parse().unwrap();
        (at - since.as_second(), Platform::state(&record, "p"))
    };
    let steady: Vec<(i64, i64)> = (0..21).rev().map(|n| (0, n * 60)).collect();
    assert_eq!(since(&steady), (1200, "green".to_owned()));
    // A status that is no OK is a gap: it may be the engine's own.
    let broken: Vec<(i64, i64)> = (0..21).rev().map(|n| (i64::from(n == 5), n * 60)).collect();
    assert_eq!(since(&broken), (240, "settling".to_owned()));
    // So is a time without results that is longer than ttl.
    let gap: Vec<(i64, i64)> = (0..21).rev().map(|n| (0, n * 60 + if n > 9 { 300 } else { 0 })).collect();
    assert_eq!(since(&gap), (540, "settling".to_owned()));
    // In whatever order the engine gives it.
    let shuffled: Vec<(i64, i64)> = steady.iter().rev().copied().collect();
    assert_eq!(since(&shuffled), (1200, "green".to_owned()));
    // It is imported once: from then on the history knows more than the engine.
    let rows = count(&engine.platform, "SELECT count(*) FROM result");
    assert_eq!(rows, 21);
    let mut event = engine.event();
    event["check"]["executed"] = (at + 1).into();
    event["check"]["history"] = history(&(0..21).map(|n| (0, n * 60 + 7)).collect::<Vec<_>>());
    engine.pull("sensu-go", &event).exits(0);
    assert_eq!(count(&engine.platform, "SELECT count(*) FROM result"), rows + 1);
}

#[test]
fn source_and_age_are_shown_everywhere_and_choose_what_counts() {
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("p", &[]);
    platform.set("p", 0, "here");
    let engine = Engine::of(platform);
    let platform = &engine.platform;
    let mut event = engine.event();
    event["check"]["executed"] = (now() - 20).into();
    engine.pull("sensu-go", &event).exits(0);
    platform.mdd(&["status"]).exits(0).says("old from sensu-go");
    platform.mdd(&["gate", "iad2"]).exits(0).says("source sensu-go said.json");
    platform.mdd(&["gate", "iad2", "--source", "engine"]).exits(0);
    platform.mdd(&["gate", "iad2", "--source", "local"]).exits(1).says("has never reported");
    platform.mdd(&["show", "iad2/p", "--why"]).exits(0).says("from node (sensu-go said.json)");
    let record = engine.gate(&[]);
    assert_eq!(record["sources"], json!(["sensu-go said.json"]));
    assert_eq!(Platform::entry(&record, "p")["instances"][0]["source"], "sensu-go said.json");
    platform.mdd(&["report", "--out", "page", "iad2"]).exits(0);
    let page = std::fs::read_to_string(platform.path("page/iad2.html")).unwrap();
    assert!(page.contains("old from sensu-go"), "the age and its source are in the head");
    let history = platform.mdd(&["history", "iad2/p", "--format", "json"]).exits(0).json();
    assert_eq!(history[0]["source"], "sensu-go said.json");
    assert_eq!(history[0]["perf"], "size=12B;");

    // mdd's own run is newer, and says something else.
    platform.set("p", 2, "gone");
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(1);
    platform.mdd(&["gate", "iad2"]).exits(1).says("source local");
    platform.mdd(&["gate", "iad2", "--source", "local"]).exits(1).says("gone");
    let apart = engine.gate(&["--source", "engine"]);
    assert_eq!(apart["verdict"], "done");
    assert_eq!(apart["asked"]["source"], "engine");
    // The stretch of a source is its own: the other one's results neither break it nor carry it on.
    let mut later = engine.event();
    later["check"]["history"] = json!([]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    later["check"]["executed"] = now().into();
    engine.pull("sensu-go", &later).exits(0);
    let of = |source: &str| {
        let record = engine.gate(&["--source", source]);
        let point = Platform::entry(&record, "p");
        let since: jiff::Timestamp = point["since"].as_str().unwrap().parse().unwrap();
        (point["state"].as_str().unwrap().to_owned(), since.as_second())
    };
    let first = event["check"]["executed"].as_i64().unwrap();
    assert_eq!(of("engine"), ("green".to_owned(), first));
    assert_eq!(of("any"), ("green".to_owned(), later["check"]["executed"].as_i64().unwrap()));
    assert_eq!(of("local").0, "red");
}

#[test]
fn a_watch_can_follow_what_is_pulled() {
    let engine = Engine::new(&[]);
    let platform = &engine.platform;
    let stderr = platform.mdd(&["watch", "iad2", "--source", "engine", "--as", "node"]).exits(2).stderr;
    assert!(stderr.contains("runs nothing"), "{stderr}");
    platform.mdd(&["watch", "iad2", "--source", "any"]).exits(2);
    let child =
        platform.command(&["watch", "iad2", "--source", "engine", "--timeout", "60s"]).spawn().unwrap();
    until("it has made the history", || platform.path(".mdd/history.db").exists());
    engine.pull("sensu-go", &engine.event()).exits(0);
    let outcome = finish(child).exits(0);
    outcome.says("what is pulled from engines").says("done: 1 of 1 required point proven");
}

#[test]
fn what_the_engine_and_the_manifest_do_not_share_is_named() {
    let mut platform = Platform::new();
    platform.point("p", "[check-file, x]", &[]).point("q", "[check-file, y]", &[]);
    platform.point("names", "[check-file, \"${server}\"]", &["for_each: {server: [10.0.0.1, 10.0.0.2]}"]);
    let engine = Engine::of(platform);
    let mut old = engine.event();
    old["check"]["metadata"]["labels"]["mdd_point"] = "ldap-389".into();
    let mut elsewhere = engine.event();
    elsewhere["check"]["metadata"]["labels"]["mdd_dc"] = "ams1".into();
    let mut foreign = engine.event();
    foreign["check"]["metadata"] = json!({"name": "load", "labels": null});
    let mut waiting = engine.event();
    waiting["check"]["metadata"]["labels"]["mdd_point"] = "q".into();
    waiting["check"]["executed"] = 0.into();
    let keepalive = json!({"check": {"metadata": {"name": "keepalive"}, "status": 0}, "entity": {}});
    let document = json!([engine.event(), old, elsewhere, foreign, waiting, keepalive]);
    let pulled = engine.pull("sensu-go", &document).exits(0);
    pulled
        .says("iad2 1 new result · 1 of 3 proven")
        .says("no check of that name in the engine: iad2/names/10.0.0.1, iad2/names/10.0.0.2")
        .says("not run yet: iad2/q")
        .says("in the engine, not in the manifest: iad2/ldap-389")
        .says("1 check · of datacenter ams1, ignored")
        .says("1 other check of no export, ignored");
    let json = engine.platform.mdd(&["pull", "sensu-go", "said.json", "--format", "json"]).exits(0).json();
    assert_eq!(json["ignored"], json!({"datacenters": {"ams1": 1}, "others": 1}));
    assert_eq!(json["datacenters"][0]["missing"], json!(["iad2/names/10.0.0.1", "iad2/names/10.0.0.2"]));
    assert_eq!(json["datacenters"][0]["known"], 1);
    let nothing = engine.pull("sensu-go", &json!([])).exits(0);
    nothing.says("it speaks of no datacenter of the manifest");
    engine.platform.mdd(&["pull", "sensu-go", "said.json", "ams1"]).exits(2);
}

#[test]
fn a_check_without_labels_is_known_by_name_and_command() {
    let engine = Engine::new(&[]);
    let mut event = engine.event();
    event["check"]["metadata"]["labels"] = Value::Null;
    // In whatever folder the plugins are there.
    let command =
        event["check"]["command"].as_str().unwrap().replace("/usr/lib/nagios/plugins/", "/opt/mdd/bin/");
    event["check"]["command"] = command.into();
    engine.pull("sensu-go", &event).exits(0);
    engine.platform.mdd(&["gate", "iad2"]).exits(0);
}

#[test]
fn exec_style_is_the_same_check() {
    let engine = Engine::new(&[]);
    let exec = format!("/usr/bin/mdd exec iad2/p --hash {} --file /etc/mdd/mdd.yaml", engine.hash);
    for (kind, mut document) in [("sensu-go", engine.event()), ("sensu-classic", engine.result())] {
        document["check"]["command"] = exec.clone().into();
        engine.pull(kind, &document).exits(0);
        engine.platform.mdd(&["gate", "iad2"]).exits(0);
    }
}

#[test]
fn a_history_of_version_1_is_read_as_it_is_and_brought_up_to_date_by_writing() {
    let mut platform = Platform::new();
    platform.point("p", "[check_dummy, \"0\", fine]", &[]);
    platform.point("q", "[check_dummy, \"2\", \"shut\\tfor 'now' | a=1\"]", &[]);
    std::fs::create_dir(platform.path(".mdd")).unwrap();
    let db = rusqlite::Connection::open(platform.path(".mdd/history.db")).unwrap();
    db.execute_batch(include_str!("version-1.sql")).unwrap();
    db.close().unwrap();
    // A moment after its two runs.
    let then = ["--at", "2026-11-24T19:58:10Z"];
    let read = |arguments: &[&str]| {
        let all: Vec<&str> = arguments.iter().chain(&then).copied().collect();
        let outcome = platform.mdd(&all);
        assert_eq!(count(&platform, "PRAGMA user_version"), 1, "reading changes nothing");
        outcome
    };
    read(&["gate", "iad2", "-v"]).exits(1).says("✔ p green fine").says("source local");
    read(&["history", "iad2"]).exits(0).says("OK p node 12 ms local fine");
    read(&["status"]).exits(1).says("1 of 2 required points proven");
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(1);
    assert_eq!(count(&platform, "PRAGMA user_version"), 2);
    assert_eq!(count(&platform, "SELECT count(*) FROM run WHERE source = 'local'"), 3);
    assert_eq!(count(&platform, "SELECT count(*) FROM result WHERE run < 3 AND note IS NULL"), 4);
    assert_eq!(count(&platform, "SELECT count(*) FROM result WHERE point = 'q' AND perf = 'a=1'"), 3);
    platform.mdd(&["gate", "iad2", "-v"]).exits(1).says("✔ p green fine");
}

#[test]
fn again_and_again_until_a_signal_ends_it() {
    let engine = Engine::new(&[]);
    let platform = &engine.platform;
    engine.write("said.json", &engine.event());
    let command = ["pull", "sensu-go", "said.json", "--every", "1s", "--format", "json"];
    let child = platform.command(&command).spawn().unwrap();
    until("the first result is kept", || {
        platform.path(".mdd/history.db").exists() && platform.mdd(&["gate", "iad2", "-q"]).code == Some(0)
    });
    std::fs::remove_file(platform.path("said.json")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2500));
    let mut event = engine.event();
    event["check"]["status"] = 2.into();
    engine.write("draft.json", &event);
    std::fs::rename(platform.path("draft.json"), platform.path("said.json")).unwrap();
    until("the second one is kept", || platform.mdd(&["gate", "iad2", "-q"]).code == Some(1));
    signal(&child, nix::sys::signal::Signal::SIGTERM);
    let outcome = finish(child).exits(0);
    for line in outcome.stdout.lines() {
        let round: Value = serde_json::from_str(line).unwrap();
        assert_eq!(round["source"], "sensu-go said.json");
    }
    // What is wrong is said once, and that it is over.
    let missing = outcome.stderr.lines().filter(|line| line.contains("read sensu-go of said.json")).count();
    assert_eq!(missing, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("said.json is there again"), "{}", outcome.stderr);
}

#[test]
fn what_cannot_be_read_is_exit_5_and_keeps_nothing() {
    let engine = Engine::new(&[]);
    let platform = &engine.platform;
    let good = engine.event().to_string();
    for (text, words) in [
        ("", "it is empty"),
        (&good[..good.len() - 40], "no whole JSON document"),
        ("<html>502 Bad Gateway</html>", "no whole JSON document"),
        ("[1, 2]", "expected objects, found a number"),
    ] {
        std::fs::write(platform.path("said.json"), text).unwrap();
        let stderr = platform.mdd(&["pull", "sensu-go", "said.json"]).exits(5).stderr;
        assert!(stderr.starts_with("error: read sensu-go of said.json: "), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
    }
    platform.mdd(&["pull", "sensu-go", "nowhere.json"]).exits(5);
    platform.mdd(&["pull", "sensu-go", "."]).exits(5);
    assert!(!platform.path(".mdd").exists());
    for wrong in [
        &["pull"][..],
        &["pull", "sensu-go"],
        &["pull", "zabbix", "said.json"],
        &["pull", "sensu-go", "said.json", "--at", "2026-01-01"],
        &["pull", "sensu-go", "-", "--every", "5s"],
        &["pull", "sensu-go", "said.json", "--every", "1ms"],
        &["pull", "sensu-go", "said.json", "--key-file", "key"],
        &["pull", "sensu-classic", "http://127.0.0.1:1/", "--key-env", "HOME"],
        &["pull", "sensu-classic", "said.json", "--namespace", "x"],
        &["pull", "sensu-go", "ftp://127.0.0.1/"],
        &["pull", "mdd", "http://127.0.0.1:1/"],
    ] {
        platform.mdd(wrong).exits(2);
    }
}

#[test]
fn a_document_that_is_older_than_any_result_may_be_is_said_to_be() {
    let engine = Engine::new(&[]);
    let mut event = engine.event();
    event["check"]["executed"] = (now() - 7300).into();
    let path = engine.write("said.json", &event);
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_hours(2)).unwrap();
    let pulled = engine.platform.mdd(&["pull", "sensu-go", "said.json"]).exits(0);
    pulled.says("its data 2 h old").says("has the engine stopped?");
    engine.platform.mdd(&["gate", "iad2"]).exits(3);
}

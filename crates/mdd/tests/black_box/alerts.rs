//! `mdd status --alerts`: the roll-up that an engine schedules for each owner, and `mdd status --format nagios`.

use std::process::Command;

use crate::harness::{Outcome, Platform};

/// A datacenter in this stage: three points, the last of which waits for the first.
fn platform(stage: &str) -> Platform {
    let mut platform = Platform::new().with_file_plugin();
    platform
        .switch("names", &["milestone: network", "runbook: \"https://wiki.example/names\""])
        .switch("web", &["milestone: core", "severity: minor"])
        .switch("bind", &["milestone: core", "depends_on: [names]", "owner: paas"]);
    for id in ["names", "web", "bind"] {
        platform.set(id, 0, "fine");
    }
    edit(&platform, "stage: building", &format!("stage: {stage}"));
    edit(&platform, "core: 2099-01-01", "core: 2020-01-02");
    platform
}

fn edit(platform: &Platform, from: &str, to: &str) {
    let file = platform.path("mdd.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(file, text.replace(from, to)).unwrap();
}

fn run(platform: &Platform) {
    let outcome = platform.mdd(&["run", "iad2", "--as", "node", "-q"]);
    assert!(matches!(outcome.code, Some(0 | 1 | 3)), "{outcome:?}");
}

/// The roll-up of one owner, or of all.
fn alerts(platform: &Platform, select: &[&str], code: i32) -> Vec<String> {
    let mut arguments = vec!["status", "iad2"];
    arguments.extend(select);
    arguments.extend(["--alerts", "--format", "nagios"]);
    lines(platform.mdd(&arguments), code)
}

/// A plugin's output, held to the rules of one.
#[track_caller]
fn lines(outcome: Outcome, code: i32) -> Vec<String> {
    let outcome = outcome.exits(code);
    assert_eq!(outcome.stderr, "");
    assert!(outcome.stdout.len() <= 4096 && outcome.stdout.ends_with('\n'), "{}", outcome.stdout);
    assert!(outcome.stdout.matches('|').count() <= 1);
    let lines: Vec<String> = outcome.stdout.lines().map(str::to_owned).collect();
    let (text, perf) = lines[0].split_once(" | ").unwrap_or((&lines[0], ""));
    assert!(text.len() <= 100, "{text}");
    for item in perf.split(' ').filter(|item| !item.is_empty()) {
        let (label, data) = item.split_once('=').unwrap();
        assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c)), "{item}");
        let fields: Vec<&str> = data.split(';').collect();
        assert_eq!(fields.len(), 5, "{item}");
        fields[0].trim_end_matches('s').parse::<u64>().unwrap();
    }
    lines
}

fn text(lines: &[String]) -> &str {
    lines[0].split(" | ").next().unwrap()
}

#[test]
fn causes_of_a_live_datacenter_reach_their_owner_and_nobody_else() {
    let platform = platform("live");
    run(&platform);
    let well = alerts(&platform, &[], 0);
    assert_eq!(text(&well), "MDD OK - iad2: no alerts; 3 of 3 proven");
    assert!(well[0].contains(" | alerts=0;;0;0; warnings=0;0;;0; unknown=0;;;0; severity_critical=0;;;0; "));
    assert!(well[0].contains(" proven=3;;;0;3 oldest_result="), "{}", well[0]);
    assert_eq!(well.len(), 1);
    platform.set("names", 2, "query 10.0.0.53: no answer [timed-out]");
    platform.set("bind", 2, "no such name");
    platform.set("web", 2, "503 [status]");
    run(&platform);
    let all = alerts(&platform, &[], 2);
    assert_eq!(
        text(&all),
        "MDD CRITICAL - iad2/names holds 1: query 10.0.0.53: no answer (+1 more) [timed-out]"
    );
    assert!(all[0].contains("| alerts=1;;0;0; warnings=1;0;;0; unknown=0;;;0; "), "{}", all[0]);
    assert!(all[0].contains(" severity_critical=1;;;0; severity_major=0;;;0; severity_minor=1;;;0; "));
    assert!(all[1].starts_with(
        "CRITICAL iad2/names (critical, netops): query 10.0.0.53: no answer [timed-out]; holds 1; regressed, green until "
    ));
    assert!(all[1].ends_with(" overdue; https://wiki.example/names"), "{}", all[1]);
    assert!(all[2].starts_with("WARNING iad2/web (minor, netops): 503 [status]; regressed"), "{}", all[2]);
    assert_eq!(all.len(), 3);
    // `bind` waits for somebody else.
    let owner = alerts(&platform, &["owner:paas"], 0);
    assert_eq!(text(&owner), "MDD OK - iad2: no alerts; 0 of 1 proven, 1 blocked for owner:paas");
    let minor = alerts(&platform, &["severity:minor"], 1);
    assert_eq!(text(&minor), "MDD WARNING - iad2/web: 503 [status]");
}

#[test]
fn no_fresh_results_are_never_well() {
    let platform = platform("live");
    let none = alerts(&platform, &[], 3);
    assert_eq!(text(&none), "MDD UNKNOWN - iad2: no fresh results: is `mdd pull` running? none yet");
    assert_eq!(alerts(&platform, &["owner:netops"], 3).len(), 2);
    run(&platform);
    let hour = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let later = platform.mdd(&[
        "status",
        "iad2",
        "owner:netops",
        "--alerts",
        "--format=nagios",
        "--at",
        &hour.to_string(),
    ]);
    let later = lines(later, 3);
    let said = "MDD UNKNOWN - iad2 owner:netops: no fresh results: is `mdd pull` running? the newest is ";
    assert!(text(&later).starts_with(said), "{}", later[0]);
    platform.set("names", 3, "no such option");
    run(&platform);
    let blind = alerts(&platform, &["owner:paas"], 3);
    assert_eq!(text(&blind), "MDD UNKNOWN - iad2/names: no such option");
    let spared = alerts(&platform, &["owner:netops"], 0);
    assert_eq!(text(&spared), "MDD OK - iad2: no alerts; 1 of 2 proven, 1 unknown for owner:netops");
}

#[test]
fn a_building_datacenter_pages_only_for_what_a_gate_has_passed() {
    let platform = platform("building");
    assert_eq!(text(&alerts(&platform, &[], 0)), "MDD OK - iad2 is building: pages nobody; 0 of 3 proven");
    run(&platform);
    platform.set("web", 2, "gone");
    run(&platform);
    assert_eq!(text(&alerts(&platform, &[], 0)), "MDD OK - iad2 is building: pages nobody; 2 of 3 proven");
    platform.mdd(&["gate", "iad2", "--milestone", "network", "--record", "network.json"]).exits(0);
    platform.set("names", 2, "gone [refused]");
    run(&platform);
    let paged = alerts(&platform, &["owner:netops"], 2);
    assert_eq!(text(&paged), "MDD CRITICAL - iad2/names: gone [refused]");
    assert!(paged[1].contains("; after the gate network was done, "), "{}", paged[1]);
    edit(&platform, "stage: building", "stage: retired");
    assert_eq!(text(&alerts(&platform, &[], 0)), "MDD OK - iad2 is retired: pages nobody");
}

#[test]
fn text_and_json_say_the_same_with_the_exit_codes_of_every_command() {
    let platform = platform("live");
    run(&platform);
    platform.mdd(&["status", "--alerts"]).exits(0).says("iad2: no alerts; 3 of 3 proven; oldest result ");
    platform.set("names", 2, "no answer [timed-out]");
    run(&platform);
    let said = platform.mdd(&["status", "iad2", "--alerts"]).exits(1);
    said.says("CRITICAL iad2/names critical netops no answer [timed-out]; regressed, green until ");
    said.says("iad2: 1 alert; 2 of 3 proven; oldest result ");
    let json = platform.mdd(&["status", "iad2", "--alerts", "--format", "json"]).exits(1).json();
    assert_eq!((&json["state"], &json["code"], &json["exit"]), (&"CRITICAL".into(), &2.into(), &1.into()));
    assert_eq!(json["datacenters"][0]["progress"]["proven"], 2);
    let alert = &json["alerts"][0];
    for (key, value) in [
        ("dc", "iad2"),
        ("kind", "point"),
        ("id", "names"),
        ("level", "CRITICAL"),
        ("severity", "critical"),
        ("owner", "netops"),
        ("why", "root-cause"),
        ("text", "no answer"),
        ("reason", "timed-out"),
        ("state", "red"),
        ("runbook", "https://wiki.example/names"),
    ] {
        assert_eq!(alert[key], value, "{key} in {alert:#}");
    }
    let later =
        platform.mdd(&["status", "--alerts", "--format", "json", "--at", "2099-01-01"]).exits(3).json();
    assert_eq!(
        (&later["alerts"][0]["kind"], &later["alerts"][0]["level"]),
        (&"selection".into(), &"UNKNOWN".into())
    );
    platform.mdd(&["status", "--alerts", "--by", "owner"]).exits(2);
}

#[test]
fn many_alerts_fit_and_say_how_many_are_left_out() {
    let mut platform = Platform::new().with_file_plugin();
    for number in 0..60 {
        let id = format!("a-point-with-a-rather-long-name-{number}");
        platform.switch(&id, &["milestone: network"]);
        platform.set(&id, 2, "connect to a-very-long-name.example.net:5432: it refused [refused]");
    }
    edit(&platform, "stage: building", "stage: live");
    run(&platform);
    let some = alerts(&platform, &[], 2);
    assert!(text(&some).ends_with("… (+59 more) [refused]"), "{}", some[0]);
    let last = some.last().unwrap();
    assert!(last.starts_with("… ") && last.ends_with(" more lines, -v shows them"), "{last}");
    assert!(some[0].contains(" | alerts=60;;0;0; "));
    let all = platform.mdd(&["status", "iad2", "--alerts", "--format", "nagios", "-v"]).exits(2);
    assert_eq!(all.stdout.lines().count(), 61);
}

#[test]
fn whatever_goes_wrong_is_unknown() {
    let platform = platform("live");
    run(&platform);
    let ask = |arguments: &[&str]| {
        let mut all = vec!["status"];
        all.extend(arguments);
        all.extend(["--alerts", "--format", "nagios"]);
        let said = lines(platform.mdd(&all), 3);
        assert!(text(&said).starts_with("MDD UNKNOWN - ") && said.len() == 1, "{said:?}");
        said[0].clone()
    };
    assert!(ask(&["nowhere"]).contains("`nowhere` is neither a datacenter nor a point"));
    assert!(ask(&["iad2", "owner:nobody"]).ends_with("no point of iad2 matches `owner:nobody`"));
    assert!(ask(&["iad2", "--no-such"]).contains("--no-such"));
    assert!(ask(&["iad2", "--file", "gone.yaml"]).contains("gone.yaml"));
    std::fs::write(platform.path("broken.db"), "no database at all, only text that is long enough").unwrap();
    assert!(ask(&["iad2", "--state", "broken.db"]).contains("broken.db"));
    std::fs::write(platform.path("mdd.yaml"), "mdd: 1\nno: [manifest\n").unwrap();
    ask(&["iad2"]);
}

#[test]
fn a_user_who_may_only_read_is_told_the_same_and_writes_nothing() {
    use std::os::unix::fs::PermissionsExt;

    let platform = platform("live");
    platform.set("names", 2, "gone");
    run(&platform);
    let mdd = platform.copy_of_mdd();
    std::fs::set_permissions(platform.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    let folder = platform.path(".mdd");
    let listing = || {
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name(), entry.metadata().unwrap().modified().unwrap())
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort();
        entries
    };
    let before = listing();
    let output = Command::new("setpriv")
        .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"])
        .arg(mdd)
        .args(["status", "iad2", "owner:netops", "--alerts", "--format", "nagios"])
        .args([std::ffi::OsStr::new("--file"), platform.path("mdd.yaml").as_os_str()])
        .env_clear()
        .current_dir("/")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(2), &b""[..]), "{said}");
    assert!(said.starts_with("MDD CRITICAL - iad2/names: gone | "), "{said}");
    assert_eq!(listing(), before);
}

#[test]
fn a_status_is_one_check_too() {
    let platform = platform("building");
    let status = |arguments: &[&str], code| {
        let mut all = vec!["status"];
        all.extend(arguments);
        all.extend(["--format", "nagios"]);
        lines(platform.mdd(&all), code)
    };
    run(&platform);
    let of_run = platform.mdd(&["gate", "iad2", "--format", "nagios"]).exits(0);
    assert_eq!(text(&status(&["iad2"], 0)), of_run.stdout.split(" | ").next().unwrap());
    platform.set("web", 1, "slow [threshold]");
    run(&platform);
    assert_eq!(text(&status(&[], 1)), "MDD WARNING - iad2: 3 of 3 proven; web: slow [threshold]");
    platform.set("names", 2, "gone [refused]");
    run(&platform);
    let said = status(&["iad2", "group:net"], 2);
    assert_eq!(text(&said), "MDD CRITICAL - iad2: 2 of 3 proven; names: gone [refused]");
    platform.set("names", 3, "cannot tell");
    run(&platform);
    status(&["iad2", "id:names"], 3);
    // Several as one: the worst leads, each has its own numbers.
    let second = "  lon1: {title: London, stage: planned, due: {network: 2099-01-01, core: 2099-01-02, done: 2099-06-01}}\n";
    edit(&platform, "datacenters:\n", &format!("datacenters:\n{second}"));
    let both = status(&[], 2);
    assert!(text(&both).starts_with("MDD CRITICAL - lon1: 0 of 3 proven; "), "{both:?}");
    assert!(both[0].contains(" lon1/proven=0;;;0;3 ") && both[0].contains(" iad2/proven=2;;;0;3 "));
    assert!(both[1].starts_with("MDD UNKNOWN - iad2: 2 of 3 proven; names: cannot tell"), "{both:?}");
    let alerts = lines(platform.mdd(&["status", "--alerts", "--format", "nagios"]), 0);
    assert_eq!(text(&alerts), "MDD OK - no alerts: lon1 planned 0 of 3 proven, iad2 building 2 of 3 proven");
    assert_eq!(alerts.len(), 3);
}

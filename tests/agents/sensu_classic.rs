//! An export for Sensu Classic keeps the rules of its settings.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::sensu_go::{Exported, WAYS, manifests, nasty, now, pulled};
use crate::validator::sensu_classic::{Rule, read};

/// A check with every field that the validator looks at.
fn sound() -> Value {
    json!({
        "command": "check-tcp -H localhost -p 3306",
        "type": "standard",
        "subscribers": ["roundrobin:mysql"],
        "interval": 60,
        "timeout": 15,
        "ttl": 180,
        "ttl_status": 2,
        "handlers": ["default"],
        "handle": true,
        "source": "iad2",
        "occurrences": 3,
        "refresh": 1800,
        "dependencies": ["db-01/check_mysql", "check"],
        "aggregates": ["mysql"],
        "low_flap_threshold": 20,
        "high_flap_threshold": 60,
        "hooks": {"non-zero": {"command": "ps aux", "timeout": 10}},
        "integration": "mysql"
    })
}

fn file(name: &str, check: &Value) -> String {
    json!({"checks": {name: check}}).to_string()
}

#[test]
fn the_validator_takes_what_sensu_takes() {
    let checks = read(&[&file("mysql-port", &sound())]).unwrap_or_else(|broken| panic!("{broken:?}"));
    assert_eq!(checks["mysql-port"]["interval"], 60);
}

#[test]
fn each_rule_refuses_its_example() {
    let mut rules = BTreeSet::new();
    let rows = [
        (Rule::Command, "command", Value::Null),
        (Rule::Command, "command", json!("a\nb")),
        (Rule::Extension, "extension", json!("x")),
        (Rule::Type, "type", json!("metrics")),
        (Rule::Truncate, "type", json!("metric")),
        (Rule::Truncate, "truncate_output", json!("no")),
        (Rule::Standalone, "standalone", json!("false")),
        (Rule::Subscribers, "subscribers", json!([])),
        (Rule::Subscribers, "subscribers", json!("mysql")),
        (Rule::Subscribers, "subscribers", json!(["round robin:x"])),
        (Rule::Interval, "interval", json!("60")),
        (Rule::Interval, "interval", json!(0)),
        (Rule::Interval, "interval", json!(1.5)),
        (Rule::Timeout, "timeout", json!("15")),
        (Rule::Timeout, "timeout", json!(0)),
        (Rule::Ttl, "ttl", json!(60)),
        (Rule::Ttl, "ttl", json!("180")),
        (Rule::TtlStatus, "ttl_status", json!("2")),
        (Rule::Handlers, "handlers", json!("default")),
        (Rule::Handlers, "handlers", json!([""])),
        (Rule::Handlers, "handler", json!(["default"])),
        (Rule::Handle, "handle", json!("false")),
        (Rule::Source, "source", json!("iad 2")),
        (Rule::Source, "source", json!("iad:2")),
        (Rule::Flap, "low_flap_threshold", Value::Null),
        (Rule::Flap, "low_flap_threshold", json!("20")),
        (Rule::Occurrences, "occurrences", json!("3")),
        (Rule::Occurrences, "refresh", json!(0)),
        (Rule::Dependencies, "dependencies", json!("check")),
        (Rule::Dependencies, "dependencies", json!(["a/b/c"])),
        (Rule::Aggregates, "aggregates", json!("mysql")),
        (Rule::Hooks, "hooks", json!(["ps"])),
        (Rule::Hooks, "hooks", json!({"failing": {"command": "ps"}})),
        (Rule::HookCommand, "hooks", json!({"2": {"command": ""}})),
        (Rule::HookTimeout, "hooks", json!({"ok": {"command": "ps", "timeout": 0}})),
        (Rule::Token, "integration", json!("is ::: here")),
        (Rule::Token, "command", json!("check -H :::address:::")),
        (Rule::Token, "hooks", json!({"ok": {"command": ":::x|y:::"}})),
    ];
    let mut refuses = |rule: Rule, files: &[&str]| {
        let broken = read(files).err().unwrap_or_default();
        let seen: BTreeSet<Rule> = broken.iter().map(|(rule, _)| *rule).collect();
        assert_eq!(seen, BTreeSet::from([rule]), "{files:?}");
        rules.insert(rule);
    };
    for (rule, key, value) in rows {
        let mut check = sound();
        let map = check.as_object_mut().unwrap();
        match value {
            Value::Null => map.remove(key),
            value => map.insert(key.into(), value),
        };
        refuses(rule, &[&file("mysql-port", &check)]);
    }
    for name in ["a b", "a:b", "a/b", "é", ""] {
        refuses(Rule::Name, &[&file(name, &sound())]);
    }
    refuses(Rule::Json, &["{\"checks\": {},}"]);
    refuses(Rule::Root, &["[]"]);
    refuses(Rule::Root, &["{\"check\": {}}"]);
    refuses(
        Rule::Publish,
        &[&file("x", &{
            let mut check = sound();
            check["publish"] = json!("true");
            check
        })],
    );
    // Two files that name one check: what a server makes of them is a mixture.
    refuses(Rule::Repeated, &[&file("x", &sound()), &file("x", &sound())]);
    assert_eq!(rules.len(), Rule::Repeated as usize + 1, "a rule without an example: {rules:?}");
}

#[test]
fn every_manifest_exported_in_every_way_keeps_every_rule() {
    for (manifest, dcs) in manifests() {
        for way in WAYS {
            let exported = Exported::new("sensu-classic", &manifest, &dcs, way);
            let files: Vec<String> = dcs.iter().map(|dc| exported.file(dc, "checks.json")).collect();
            // All in one folder: the names of one datacenter are not those of another.
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            let checks = read(&files).unwrap_or_else(|broken| panic!("{broken:#?}"));
            assert!(!checks.is_empty());
            for (name, check) in &checks {
                let dc = check["mdd_dc"].as_str().unwrap();
                assert!(name.starts_with(&format!("{dc}_")), "{name}");
                assert_eq!(check["source"], dc, "{name}");
                assert_eq!(check["standalone"], false);
                let vantage = check["mdd_vantage"].as_str().unwrap();
                assert_eq!(check["subscribers"], json!([format!("roundrobin:{vantage}")]));
                let rollup = check.get("mdd_rollup").is_some();
                let silent = check.get("handle") == Some(&json!(false));
                assert_eq!(silent, !rollup && !way.contains(&"points"), "{name} {way:?}");
                let exec = check["command"].as_str().unwrap().starts_with("/usr/bin/mdd exec ");
                assert_eq!(exec, !rollup && way.contains(&"exec"), "{name}");
                // Whatever it depends on is a check of the same file.
                for dependency in check.get("dependencies").and_then(Value::as_array).into_iter().flatten() {
                    let (client, other) = dependency.as_str().unwrap().split_once('/').unwrap();
                    assert!(client == dc && checks.contains_key(other), "{name} depends on {dependency}");
                }
            }
        }
    }
}

#[test]
fn what_a_server_makes_of_an_export_comes_back() {
    for (manifest, dcs) in manifests() {
        for (way, dc) in WAYS.iter().flat_map(|way| dcs.iter().map(move |dc| (way, dc))) {
            let exported = Exported::new("sensu-classic", &manifest, &[dc], way);
            let checks =
                read(&[&exported.file(dc, "checks.json")]).unwrap_or_else(|broken| panic!("{broken:#?}"));
            let result = |(name, check): (&String, &Value)| {
                let mut check = check.clone();
                check["name"] = json!(name);
                check["status"] = json!(0);
                check["output"] = json!("OK: here\n");
                check["executed"] = json!(now());
                check["duration"] = json!(0.1);
                json!({"client": dc, "check": check})
            };
            let points = checks.iter().filter(|(_, check)| check.get("mdd_point").is_some());
            let results: Vec<Value> = points.map(result).collect();
            pulled("sensu-classic", &manifest, dc, &json!(results), results.len());
        }
    }
}

#[test]
fn three_colons_are_refused_with_the_point_and_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("mdd.yaml");
    let out = folder.path().join("out");
    let export = |why: &str, argument: &str, style: &str| {
        let text = nasty(&[("title", "t"), ("why", why)], &["check-x", argument]);
        std::fs::write(&manifest, text).unwrap();
        let (manifest, out) = (manifest.to_str().unwrap(), out.to_str().unwrap());
        let args = ["--file", manifest, "export", "sensu-classic", "iad2", "--out", out, "--style", style];
        let ran = testkit::run(testkit::plugin("mdd"), args);
        (ran.code, ran.stderr)
    };
    let (code, said) = export("w", "a:::b", "direct");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("nasty: argument 1 holds `:::`") && said.contains("--style exec"), "{said}");
    assert!(!out.exists(), "nothing is written of an export that leaves something out");
    let (code, said) = export("a ::: b", "a", "direct");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("nasty: mdd_why: ") && said.contains("in other words"), "{said}");
    assert_eq!(export("w", "a:::b", "exec").0, Some(0));
}

#[test]
fn the_script_of_silences_asks_for_the_seconds_that_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("mdd.yaml");
    let text = nasty(&[("title", "t"), ("why", "w")], &["check-x"]);
    // A `curl` and a `date` of its own: what is sent, and when.
    let program = |name: &str, script: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    program("curl", "printf '%s\\n' \"$*\" >> calls; cat >> calls; echo >> calls");
    // Ten minutes before the end of the waiver's last day.
    program("date", "echo 1798761000");
    let calls = |until: &str| {
        let text = text.replace("2026-12-31", until);
        std::fs::write(&manifest, text).unwrap();
        let exported = Exported::new("sensu-classic", &manifest, &["iad2"], &["--with-silences"]);
        std::fs::write(folder.path().join("silenced.sh"), exported.file("iad2", "silenced.sh")).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let line = format!("cd {} && rm -f calls && PATH={path} sh silenced.sh", folder.path().display());
        let ran = testkit::run("sh", ["-c", &line]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
        std::fs::read_to_string(folder.path().join("calls")).unwrap_or_default()
    };
    let seen = calls("2026-12-31");
    let (line, body) = seen.split_once('\n').unwrap();
    assert_eq!(line, "-sSf -X POST -H Content-Type: application/json -d @- http://localhost:4567/silenced");
    let body: Value = serde_json::from_str(body.trim()).unwrap();
    let wanted = json!({"check": "iad2_nasty", "creator": "on", "reason": "off {{ --- '\"", "expire": 600});
    assert_eq!(body, wanted);
    assert_eq!(calls("2026-12-30"), "", "a waiver that has ended silences nothing");
}

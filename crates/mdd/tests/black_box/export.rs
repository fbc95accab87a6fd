//! `mdd export`: what is written, what is not, what has gone.

use std::collections::BTreeMap;
use std::path::Path;

use crate::harness::Platform;

/// Engines that need nothing but the manifest.
const TARGETS: [&str; 5] = ["sensu-go", "sensu-classic", "nagios", "nrpe", "icinga2"];

/// Two points of one file, a third one with two instances.
fn platform() -> Platform {
    let mut platform = Platform::new();
    platform
        .point("names", "[check-dns, --name, a.example.net]", &["severity: major"])
        .point("clock", "[check-ntp, --host, 10.0.0.1]", &["depends_on: [names]"])
        .point("ports", "[check-tcp, --host, \"${h}\"]", &["for_each: {h: [10.0.0.7, 10.0.0.5]}"]);
    platform
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            all.extend(files(&path).into_iter().map(|(file, text)| (format!("{name}/{file}"), text)));
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            all.insert(name, std::fs::read_to_string(path).unwrap());
        }
    }
    all
}

#[test]
fn two_exports_are_the_same_bytes_sorted_and_without_a_version() {
    let platform = platform();
    for target in TARGETS {
        for out in ["first", "second"] {
            platform.mdd(&["export", target, "iad2", "--out", &format!("{target}-{out}")]).exits(0);
        }
        let first = files(&platform.path(&format!("{target}-first")));
        assert_eq!(first, files(&platform.path(&format!("{target}-second"))), "{target}");
        assert!(first.len() > 1, "{target} has no files: {:?}", first.keys());
        let index: Vec<&str> = first["iad2/INDEX"].lines().collect();
        assert_eq!(index[0], format!("mdd export {target}"));
        let objects: Vec<&&str> = index.iter().skip(1).filter(|line| !line.starts_with("file ")).collect();
        assert!(objects.is_sorted(), "{objects:?}");
        assert!(objects.len() >= 4, "{objects:?}");
        for (name, text) in &first {
            let version = env!("CARGO_PKG_VERSION");
            assert!(!text.contains(version), "{target}/{name} says which mdd wrote it");
        }
    }
}

/// Documents of a file for sensuctl, by name.
fn documents(platform: &Platform, out: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(platform.path(out).join("iad2/checks.yaml")).unwrap();
    let name = |document: &str| {
        let line = document.lines().find(|line| line.starts_with("  name: ")).unwrap();
        line.trim_start_matches("  name: ").trim_matches('"').to_owned()
    };
    text.split("---\n").skip(1).map(|document| (name(document), document.to_owned())).collect()
}

#[test]
fn editing_one_point_changes_one_object() {
    let mut platform = platform();
    platform.mdd(&["export", "sensu-go", "iad2", "--out", "out"]).exits(0);
    let before = documents(&platform, "out");
    let names: Vec<&str> = before.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "iad2_clock",
            "iad2_mdd_alerts_netops",
            "iad2_mdd_alerts_paas",
            "iad2_names",
            "iad2_ports_10.0.0.5",
            "iad2_ports_10.0.0.7"
        ]
    );
    platform
        .without_points()
        .point("names", "[check-dns, --name, a.example.net]", &["severity: minor"])
        .point("clock", "[check-ntp, --host, 10.0.0.1]", &["depends_on: [names]"])
        .point("ports", "[check-tcp, --host, \"${h}\"]", &["for_each: {h: [10.0.0.7, 10.0.0.5]}"]);
    platform.mdd(&["export", "sensu-go", "iad2", "--out", "out"]).exits(0);
    let after = documents(&platform, "out");
    let changed: Vec<&String> = after.keys().filter(|name| before.get(*name) != after.get(*name)).collect();
    assert_eq!(changed, ["iad2_names"]);
    assert_eq!(before.len(), after.len());
    let hash = |documents: &BTreeMap<String, String>, label: &str| {
        let line = documents["iad2_names"].lines().find(|line| line.trim_start().starts_with(label));
        line.unwrap().to_owned()
    };
    assert_ne!(hash(&before, "mdd_hash"), hash(&after, "mdd_hash"));
    assert_eq!(hash(&before, "mdd_check"), hash(&after, "mdd_check"), "the check itself has not changed");
}

#[test]
fn check_passes_on_what_was_written_and_names_what_differs() {
    let mut platform = platform();
    let check = ["export", "sensu-go", "iad2", "--out", "out", "--check"];
    platform.mdd(&check).exits(1).says("out/iad2/checks.yaml: missing");
    assert!(!platform.path("out").exists(), "--check writes nothing");
    platform.mdd(&["export", "sensu-go", "iad2", "--out", "out"]).exits(0);
    let silent = platform.mdd(&check).exits(0);
    assert_eq!(silent.stdout, "");
    // Another way to export is another export.
    platform.mdd(&[&check[..], &["--style", "exec"]].concat()).exits(1);
    platform.point("more", "[check-tcp, --host, b]", &[]);
    let said = platform.mdd(&check).exits(1);
    said.says("out/iad2/checks.yaml: differs");
    said.says("write it again with: mdd export sensu-go iad2 --out out");
    assert!(!said.stdout.contains("entity.yaml"), "{}", said.stdout);
    platform.mdd(&["export", "sensu-go", "iad2", "--out", "out"]).exits(0);
    platform.mdd(&check).exits(0);
    let path = platform.path("out/iad2/entity.yaml");
    std::fs::write(&path, "by hand").unwrap();
    platform.mdd(&check).exits(1).says("out/iad2/entity.yaml: differs");
}

#[test]
fn what_has_gone_is_listed_until_somebody_has_deleted_it() {
    let mut platform = platform();
    let export = ["export", "sensu-go", "iad2", "--out", "out"];
    let check = [&export[..], &["--check"]].concat();
    platform.point("old", "[check-tcp, --host, old]", &[]);
    platform.mdd(&export).exits(0);
    let prune = platform.path("out/iad2/PRUNE");
    assert!(!prune.exists());
    let without = |platform: &mut Platform| {
        platform.without_points().point("names", "[check-dns, --name, a.example.net]", &[]).point(
            "clock",
            "[check-ntp, --host, 10.0.0.1]",
            &[],
        );
    };
    without(&mut platform);
    // Says so without writing.
    let listed = platform.mdd(&[&export[..], &["--prune-list"]].concat()).exits(0);
    assert!(!prune.exists(), "--prune-list writes nothing");
    platform.mdd(&export).exits(0).says("gone: CheckConfig default/iad2_old");
    let text = std::fs::read_to_string(&prune).unwrap();
    assert_eq!(listed.stdout, text);
    for line in [
        "# gone: CheckConfig default/iad2_old",
        "sensuctl check delete iad2_old --namespace default --skip-confirm",
        "sensuctl event delete iad2 iad2_old --namespace default --skip-confirm",
        "sensuctl check delete iad2_ports_10.0.0.5 --namespace default --skip-confirm",
    ] {
        assert!(text.lines().any(|other| other == line), "no `{line}` in:\n{text}");
    }
    // Kept over the next exports, and by --check on what was committed.
    platform.mdd(&check).exits(0);
    platform.mdd(&export).exits(0);
    assert_eq!(std::fs::read_to_string(&prune).unwrap(), text);
    // What has come back is not to be deleted.
    platform.point("old", "[check-tcp, --host, old]", &[]);
    platform.mdd(&export).exits(0);
    let less = std::fs::read_to_string(&prune).unwrap();
    assert!(!less.contains("iad2_old") && less.contains("iad2_ports_10.0.0.5"), "{less}");
    // Once the commands have been run and the file is deleted, nothing is left to say.
    std::fs::remove_file(&prune).unwrap();
    platform.mdd(&export).exits(0);
    assert!(!prune.exists());
    platform.mdd(&check).exits(0);
}

#[test]
fn a_classic_prune_deletes_results_and_events_and_clears_silences() {
    let mut platform = platform();
    let export = ["export", "sensu-classic", "iad2", "--out", "out", "--with-silences"];
    platform.tail("waivers: [{point: names, dc: iad2, until: 2099-12-31, reason: later, by: me}]\n");
    platform.mdd(&export).exits(0).says("holds: 6 check, 1 silence");
    assert!(platform.path("out/iad2/silenced.sh").exists());
    platform.mdd(&export[..5]).exits(0);
    assert!(!platform.path("out/iad2/silenced.sh").exists(), "a file that the export no longer has");
    let text = std::fs::read_to_string(platform.path("out/iad2/PRUNE")).unwrap();
    let wanted = r#"curl -s -X POST -H 'Content-Type: application/json' -d '{"id":"*:iad2_names"}' http://localhost:4567/silenced/clear"#;
    assert!(text.lines().any(|line| line == wanted), "{text}");
    std::fs::remove_file(platform.path("out/iad2/PRUNE")).unwrap();
    platform.without_points().point("names", "[check-dns, --name, a.example.net]", &[]);
    platform.mdd(&export[..5]).exits(0);
    let text = std::fs::read_to_string(platform.path("out/iad2/PRUNE")).unwrap();
    for of in ["results", "events"] {
        let wanted = format!("curl -s -X DELETE http://localhost:4567/{of}/iad2/iad2_clock");
        assert!(text.lines().any(|line| line == wanted), "{text}");
    }
}

#[test]
fn a_folder_belongs_to_one_engine() {
    let platform = platform();
    platform.mdd(&["export", "sensu-go", "iad2", "--out", "out"]).exits(0);
    let before = files(&platform.path("out"));
    let refused = platform.mdd(&["export", "nagios", "iad2", "--out", "out"]).exits(2);
    assert!(refused.stderr.contains("holds an export for sensu-go"), "{}", refused.stderr);
    assert_eq!(files(&platform.path("out")), before);
    std::fs::write(platform.path("out/iad2/INDEX"), "my own\n").unwrap();
    let refused = platform.mdd(&["export", "sensu-go", "iad2", "--out", "out"]).exits(2);
    assert!(refused.stderr.contains("is not mdd's"), "{}", refused.stderr);
}

#[test]
fn what_an_engine_cannot_be_given_is_named_and_nothing_is_written() {
    let mut platform = platform();
    platform.point("lines", "[check-tcp, --send, \"a\\nb\"]", &[]);
    for target in TARGETS.iter().filter(|&&target| target != "icinga2") {
        let refused = platform.mdd(&["export", target, "iad2", "--out", "out"]).exits(2);
        assert!(refused.stderr.contains("lines: argument 2 holds a newline"), "{target}: {}", refused.stderr);
        assert!(refused.stderr.contains("--style exec"), "{target}: {}", refused.stderr);
        assert!(!platform.path("out").exists(), "{target} wrote something");
    }
    platform.mdd(&["export", "sensu-go", "iad2", "--out", "out", "--style", "exec"]).exits(0);
    let mut platform = self::platform();
    platform.tail("engines: {sensu-go: {namespace: \"My Space\", handlers: [mail]}}\n");
    let refused = platform.mdd(&["export", "sensu-go", "iad2", "--out", "out"]).exits(2);
    assert!(refused.stderr.contains("namespace `My Space` is no name"), "{}", refused.stderr);
}

#[test]
fn a_text_longer_than_a_line_of_sensuctl_is_refused() {
    let mut platform = Platform::new();
    platform.point("long", "[check-tcp]", &[&format!("need: {}", "x".repeat(65_400))]);
    let refused = platform.mdd(&["export", "sensu-go", "iad2", "--out", "out"]).exits(2);
    assert!(refused.stderr.contains("long: mdd_need takes a line of 654"), "{}", refused.stderr);
    platform.mdd(&["export", "sensu-classic", "iad2", "--out", "classic"]).exits(0);
}

#[test]
fn a_datacenter_that_nobody_knows_is_a_usage_error() {
    let platform = platform();
    let refused = platform.mdd(&["export", "sensu-go", "iad2", "iad3", "--out", "out"]).exits(2);
    assert!(refused.stderr.contains("there is no datacenter `iad3`"), "{}", refused.stderr);
    assert!(!platform.path("out").exists(), "all or nothing");
}

#[test]
fn a_namespace_of_the_datacenters_own_has_the_plain_names() {
    let mut platform = platform();
    platform.tail("engines: {sensu-go: {namespace: \"${dc}\", pipelines: [incidents]}}\n");
    let said = platform.mdd(&["export", "sensu-go", "iad2", "--out", "out"]).exits(0);
    said.says("apply: sensuctl create -f out/iad2/checks.yaml");
    said.says("note: Sensu Go has no dependencies");
    assert!(!said.stdout.contains("name no handler"), "{}", said.stdout);
    assert!(documents(&platform, "out").contains_key("names"));
    let index = std::fs::read_to_string(platform.path("out/iad2/INDEX")).unwrap();
    assert!(index.contains("CheckConfig iad2/names\n") && index.contains("Entity iad2/iad2\n"), "{index}");
}

#[test]
fn what_cannot_be_kept_is_a_note_and_a_retired_datacenter_goes() {
    let mut platform = platform();
    platform.point("careful", "[check-tcp]", &["when_blocked: skip", "depends_on: [names]"]);
    for (target, engine) in [("sensu-go", "Sensu Go"), ("sensu-classic", "Sensu Classic")] {
        let said = platform.mdd(&["export", target, "iad2", "--out", target]).exits(0);
        said.says(&format!("note: careful: when_blocked: skip cannot be kept: {engine} runs it"));
        said.says("name no handler for roll-ups");
    }
    let path = platform.path("mdd.yaml");
    let text = std::fs::read_to_string(&path).unwrap().replace("stage: building", "stage: retired");
    std::fs::write(&path, text).unwrap();
    let said = platform.mdd(&["export", "sensu-go", "iad2", "--out", "sensu-go"]).exits(0);
    said.says("note: iad2 is retired: nothing is exported");
    let left: Vec<String> = files(&platform.path("sensu-go/iad2")).into_keys().collect();
    assert_eq!(left, ["INDEX", "PRUNE"]);
    let prune = std::fs::read_to_string(platform.path("sensu-go/iad2/PRUNE")).unwrap();
    assert!(prune.contains("sensuctl entity delete iad2 --namespace default --skip-confirm"), "{prune}");
    assert!(
        prune.contains("sensuctl check delete iad2_careful --namespace default --skip-confirm"),
        "{prune}"
    );
}

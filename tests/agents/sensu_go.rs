//! An export for Sensu Go keeps every rule of its parser and validators.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::validator::sensu_go::{Resource, Rule, plain, read};
use crate::validator::yaml::Node;

/// The documented example of every resource that an export may hold, and of fields that it does not use.
const SOUND: &str = r#"---
# comments stand behind the separator
type: Asset
api_version: core/v2
metadata:
  name: verdigris-plugins
  namespace: default
  annotations:
    io.sensu.bonsai.url: https://bonsai.example.org/mdd/mdd-plugins
spec:
  builds:
  - url: https://assets.example.org/mdd-plugins_0.1.0_linux_amd64.tar.gz
    sha512: 4f926bf4328fbad2b9cac873d117f771914f4b837c9c85584c38ccf55a3ef3c2e8d154812246e5dda4a87450576b2c58ad9ab40c9e2edc31b288d066b195b21b
    filters:
    - entity.system.os == 'linux'
    headers:
      Authorization: 'Bearer {{ .annotations.asset_token | default "none" }}'
---
type: Entity
api_version: core/v2
metadata:
  name: iad2
  labels:
    address: "192.0.2.10"
spec:
  entity_class: proxy
---
type: HookConfig
api_version: core/v2
metadata:
  name: ps-top
spec:
  command: ps aux --sort=-pcpu
  timeout: 30
  stdin: false
  runtime_assets: []
---
type: CheckConfig
api_version: core/v2
metadata:
  name: tcp-mysql
  labels:
    integration: mysql
  annotations:
    fatigue_check/occurrences: "3"
spec:
  command: "check-tcp -H {{ .labels.address | default \"127.0.0.1\" }} -p 3306"
  subscriptions:
  - mysql
  interval: 60
  publish: true
  timeout: 15
  ttl: 180
  round_robin: true
  proxy_entity_name: iad2
  handlers: []
  pipelines:
  - type: Pipeline
    api_version: core/v2
    name: incidents
  runtime_assets:
  - verdigris-plugins
  check_hooks:
  - critical:
    - ps-top
  low_flap_threshold: 20
  high_flap_threshold: 60
  env_vars:
  - "LC_ALL=C.UTF-8"
  secrets:
  - name: MYSQL_PASSWORD
    secret: mysql-password
  output_metric_format: nagios_perfdata
  output_metric_handlers:
  - influxdb
  output_metric_tags:
  - name: entity
    value: "{{ .name }}"
  output_metric_thresholds:
  - name: time
    tags: []
    null_status: 1
    thresholds:
    - max: "0.5"
      min: ""
      status: 1
  max_output_size: 4096
  discard_output: false
  subdue: null
  subdues:
  - begin: "2026-01-01T00:00:00Z"
    end: "2026-01-01T06:00:00Z"
    repeat:
    - weekends
---
type: Silenced
api_version: core/v2
metadata:
  name: "*:tcp-mysql"
spec:
  check: tcp-mysql
  expire: 0
  expire_at: 1796169600
  expire_on_resolve: false
  creator: alex
  reason: "waits for line cards"
"#;

#[test]
fn the_validator_takes_what_sensu_takes() {
    let read = read(SOUND).unwrap_or_else(|broken| panic!("{broken:?}"));
    let kinds: Vec<&str> = read.iter().map(|resource| resource.kind.as_str()).collect();
    assert_eq!(kinds, ["Asset", "Entity", "HookConfig", "CheckConfig", "Silenced"]);
    let check = &read[3];
    assert_eq!((check.name.as_str(), check.namespace.as_str()), ("tcp-mysql", "default"));
    assert_eq!(check.labels, [("integration".to_owned(), "mysql".to_owned())]);
}

/// Rule that refuses, and how the sound file is changed for it: what is replaced by what, once.
#[expect(clippy::too_many_lines, reason = "one row for each rule")]
fn refused() -> Vec<(Rule, &'static str, String)> {
    let mut rows: Vec<(Rule, &str, String)> = Vec::new();
    let mut row = |rule: Rule, from: &'static str, to: &str| rows.push((rule, from, to.to_owned()));
    row(Rule::CommentChunk, "---\n# comments", "# a head\n---\n# comments");
    row(Rule::CommentChunk, "---\ntype: Entity", "---\n# nothing\n---\ntype: Entity");
    row(Rule::JsonArray, "---\n# comments", "[\n# comments");
    row(Rule::Yaml, "interval: 60\n", "interval: 60\r\n");
    row(Rule::Yaml, "    integration: mysql", "    integration: *mysql");
    row(Rule::Yaml, "    integration: mysql", "    integration: @mysql");
    row(Rule::Yaml, "    integration: mysql", "    integration: {{ .x }}");
    row(Rule::Yaml, "    integration: mysql", "    integration: |\n      mysql");
    row(Rule::Yaml, "    integration: mysql", "    integration: mysql\n    integration: pg");
    // A separator stands wherever a line begins so, in a block scalar too: what follows it has no type.
    row(
        Rule::ResourceType,
        "spec:\n  entity_class: proxy",
        "spec:\n  entity_class: proxy\n---\nmetadata: {}",
    );
    row(Rule::ResourceType, "type: HookConfig", "type: Hook");
    row(Rule::ApiVersion, "type: HookConfig\napi_version: core/v2", "type: HookConfig\napi_version: core/v3");
    row(Rule::UnknownKey, "type: HookConfig\n", "type: HookConfig\nkind: x\n");
    row(Rule::UnknownKey, "  name: ps-top\nspec:\n", "  name: ps-top\nspec:\n  intervall: 1\n");
    row(Rule::UnknownKey, "  name: ps-top\nspec:\n", "  name: ps-top\n  label: {}\nspec:\n");
    row(Rule::UnknownKey, "  name: ps-top\nspec:\n", "  name: ps-top\nspec:\n  metadata: {}\n");
    row(Rule::UnknownKey, "    secret: mysql-password", "    secret: mysql-password\n    id: x");
    for (from, to) in [
        ("  round_robin: true\n", "  round_robin: \"true\"\n"),
        ("  round_robin: true\n", "  round_robin: yes\n"),
        ("  max_output_size: 4096", "  max_output_size: \"4096\""),
        ("  max_output_size: 4096", "  max_output_size: 4_096"),
        ("  max_output_size: 4096", "  max_output_size: 0x1000"),
        ("  max_output_size: 4096", "  max_output_size: 1:08:16"),
        ("  max_output_size: 4096", "  max_output_size: 4.5"),
        ("  max_output_size: 4096", "  max_output_size:"),
        ("  low_flap_threshold: 20", "  low_flap_threshold: -20"),
        ("  timeout: 15\n", "  timeout: 4294967296\n"),
        ("      min: \"\"\n", "      min: 0.1\n"),
        ("  output_metric_format: nagios_perfdata", "  output_metric_format:\n  - nagios_perfdata"),
        ("  creator: alex", "  creator: no"),
        ("  creator: alex", "  creator: 1234"),
        ("  creator: alex", "  creator: 2026-11-24"),
        ("  creator: alex", "  creator: ~"),
        ("  handlers: []", "  handlers:\n  - 1"),
        ("  handlers: []", "  handlers: mail"),
        ("  - critical:\n    - ps-top", "  - critical: ps-top"),
        ("spec:\n  entity_class: proxy", "spec:\n  entity_class: proxy\n  deregister: 1"),
    ] {
        row(Rule::FieldType, from, to);
    }
    row(Rule::Name, "  name: ps-top\n", "  name: ps top\n");
    row(Rule::Name, "  name: ps-top\n", "  name: ps/top\n");
    row(Rule::Name, "  name: ps-top\n", "  name: \"\"\n");
    row(Rule::Name, "  name: ps-top\n", "  labels: {}\n");
    row(Rule::Namespace, "  namespace: default", "  namespace: Default");
    row(Rule::Namespace, "  namespace: default", "  namespace: \"a b\"");
    row(Rule::MetadataText, "address: \"192.0.2.10\"", "address: 10");
    row(Rule::MetadataText, "address: \"192.0.2.10\"", "address: on");
    row(Rule::MetadataText, "fatigue_check/occurrences: \"3\"", "fatigue_check/occurrences: 3");
    row(Rule::LabelKey, "    integration: mysql", "    my-integration: mysql");
    row(Rule::LabelKey, "    integration: mysql", "    _integration: mysql");
    row(Rule::Redacted, "    integration: mysql", "    password: mysql");
    for token in ["{{ .labels.none }}", "{{ x", "{{}}", "{{ nosuch 1 }}", "is <no value>", "{{ \\\"x }}"] {
        row(Rule::Token, "    integration: mysql", &format!("    integration: \"{token}\""));
        row(Rule::Token, "    fatigue_check/occurrences: \"3\"", &format!("    why: \"{token}\""));
        row(Rule::Token, "  command: ps aux --sort=-pcpu", &format!("  command: \"{token}\""));
    }
    row(Rule::Token, "value: \"{{ .name }}\"", "value: \"{{ .nose }}\"");
    row(Rule::Command, "-p 3306\"", "-p 3306\\nx\"");
    row(Rule::Schedule, "  interval: 60\n", "");
    row(Rule::Schedule, "  interval: 60\n", "  interval: 60\n  cron: \"@hourly\"\n");
    row(Rule::Cron, "  interval: 60\n", "  cron: \"0 0 0 * * *\"\n");
    row(Rule::Publish, "  publish: true", "  publish: false");
    row(Rule::Publish, "  publish: true\n", "");
    row(Rule::Subscription, "  - mysql\n", "  - \"\"\n");
    row(Rule::Subscription, "  subscriptions:\n  - mysql\n", "  subscriptions: []\n");
    row(Rule::Timeout, "  timeout: 15\n", "");
    row(Rule::Ttl, "  ttl: 180", "  ttl: 60");
    row(
        Rule::TtlOfEvents,
        "  interval: 60\n  publish: true\n  timeout: 15\n  ttl: 180",
        "  interval: 1\n  publish: true\n  timeout: 15\n  ttl: 4",
    );
    row(Rule::RoundRobin, "  proxy_entity_name: iad2\n", "");
    row(Rule::ProxyName, "  proxy_entity_name: iad2", "  proxy_entity_name: iad 2");
    row(Rule::Handler, "  handlers: []", "  handlers:\n  - my handler");
    row(Rule::Handler, "  - influxdb", "  - influx/db");
    row(Rule::Pipeline, "  - type: Pipeline", "  - type: Handler");
    row(Rule::Pipeline, "    name: incidents", "    name: all incidents");
    row(
        Rule::AssetName,
        "  runtime_assets:\n  - verdigris-plugins",
        "  runtime_assets:\n  - verdigris plugins",
    );
    row(Rule::AssetName, "  name: verdigris-plugins\n", "  name: verdigris plugins\n");
    row(Rule::AssetBuild, "sha512: 4f92", "sha512: 4f9");
    row(Rule::HookType, "  - critical:", "  - failing:");
    row(Rule::HookType, "  - critical:", "  - \"256\":");
    row(Rule::HookName, "    - ps-top", "    - ps top");
    row(
        Rule::ProxyRequests,
        "  handlers: []",
        "  handlers: []\n  proxy_requests:\n    splay: true\n    splay_coverage: 0",
    );
    row(Rule::ProxyRequests, "  handlers: []", "  handlers: []\n  proxy_requests:\n    splay_coverage: 101");
    row(Rule::ProxyRequests, "-p 3306\"\n", "-p {{\\\"{{\\\"}}\"\n  proxy_requests:\n    splay: false\n");
    row(Rule::Environment, "  - \"LC_ALL=C.UTF-8\"", "  - \"LC_ALL=\"");
    row(Rule::Environment, "  - \"LC_ALL=C.UTF-8\"", "  - \"=C\"");
    row(Rule::Environment, "  - \"LC_ALL=C.UTF-8\"", "  - \"LC_ALL\"");
    row(Rule::Secret, "    secret: mysql-password", "    secret: \"\"");
    row(Rule::Flap, "  low_flap_threshold: 20", "  low_flap_threshold: 60");
    row(Rule::MetricFormat, "output_metric_format: nagios_perfdata", "output_metric_format: nagios");
    row(Rule::MetricTag, "  - name: entity\n", "  - name: \"\"\n");
    row(Rule::MetricTag, "    value: \"{{ .name }}\"", "    value: \"\"");
    row(Rule::MetricThreshold, "    - max: \"0.5\"", "    - max: \"much\"");
    row(Rule::MetricThreshold, "    - max: \"0.5\"", "    - max: \"\"");
    row(Rule::Subdue, "end: \"2026-01-01T06:00:00Z\"", "end: \"2025-01-01T06:00:00Z\"");
    row(Rule::Subdue, "end: \"2026-01-01T06:00:00Z\"", "end: \"tomorrow\"");
    row(Rule::HookCommand, "  command: ps aux --sort=-pcpu", "  command: \"\"");
    row(Rule::HookTimeout, "  timeout: 30", "  timeout: 0");
    row(Rule::HookTimeout, "  timeout: 30\n", "");
    row(Rule::EntityClass, "  entity_class: proxy", "  entity_class: host");
    row(Rule::SilencedName, "  name: \"*:tcp-mysql\"", "  name: \"tcp-mysql\"");
    row(Rule::SilencedName, "  check: tcp-mysql\n", "");
    row(Rule::SilencedName, "  check: tcp-mysql", "  check: tcp-mysql\n  subscription: \"a:b:c\"");
    row(Rule::SilencedTimes, "  expire: 0\n", "  expire: 60\n");
    row(
        Rule::Duplicate,
        "type: Silenced",
        "type: Entity\napi_version: core/v2\nmetadata:\n  name: iad2\nspec:\n  entity_class: proxy\n---\ntype: Silenced",
    );
    rows.push((Rule::LineLength, "waits for line cards", "x".repeat(64 * 1024)));
    rows
}

#[test]
fn each_rule_refuses_its_example() {
    let mut refused_by = BTreeSet::new();
    for (rule, from, to) in refused() {
        assert!(SOUND.contains(from), "{from:?} is not in the sound file");
        let broken = read(&SOUND.replacen(from, &to, 1)).err().unwrap_or_default();
        let rules: BTreeSet<Rule> = broken.iter().map(|(rule, _)| *rule).collect();
        let short = &to[..to.len().min(200)];
        assert_eq!(rules, BTreeSet::from([rule]), "{from:?} → {short:?}: {:?}", broken.first());
        refused_by.insert(rule);
    }
    assert_eq!(refused_by.len(), Rule::AssetBuild as usize + 1, "a rule without an example: {refused_by:?}");
}

/// The folder of one export: `OUT/DC`.
pub struct Exported {
    folder: tempfile::TempDir,
    /// What was printed.
    pub said: String,
}

impl Exported {
    /// Exports datacenters of a manifest.
    #[track_caller]
    pub fn new(target: &str, manifest: &Path, dcs: &[&str], more: &[&str]) -> Exported {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().to_str().unwrap().to_owned();
        let mut args = vec!["--file", manifest.to_str().unwrap(), "export", target];
        args.extend(dcs);
        args.extend(["--out", &out]);
        args.extend(more);
        let ran = testkit::run(testkit::plugin("mdd"), &args);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        Exported { folder, said: ran.stdout }
    }

    /// A file of a datacenter, empty when there is none.
    pub fn file(&self, dc: &str, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(dc).join(name)).unwrap_or_default()
    }

    /// Everything that sensuctl is given of a datacenter.
    #[track_caller]
    fn resources(&self, dc: &str) -> Vec<Resource> {
        let names = ["entity.yaml", "hooks.yaml", "checks.yaml", "silences.yaml"];
        let read = names.map(|name| {
            read(&self.file(dc, name)).unwrap_or_else(|broken| panic!("{dc}/{name}: {broken:#?}"))
        });
        read.into_iter().flatten().collect()
    }
}

/// Manifests of the repository, with their datacenters.
pub fn manifests() -> Vec<(PathBuf, Vec<&'static str>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    vec![
        (root.join("crates/mdd/tests/fixtures/reference.yaml"), vec!["ams1", "iad2", "sin1"]),
        (root.join("examples/new-datacenter/mdd.yaml"), vec!["iad2"]),
        (root.join("examples/this-machine/mdd.yaml"), vec!["local"]),
    ]
}

/// Every way to export.
pub const WAYS: [&[&str]; 4] = [
    &["--with-silences"],
    &["--with-silences", "--style", "exec"],
    &["--with-silences", "--alerts", "points"],
    &["--alerts", "points", "--style", "exec"],
];

fn labelled<'r>(resource: &'r Resource, key: &str) -> &'r str {
    let found = resource.labels.iter().find(|(name, _)| name == key);
    found.map_or("", |(_, value)| value)
}

#[test]
fn every_manifest_exported_in_every_way_keeps_every_rule() {
    for (manifest, dcs) in manifests() {
        for way in WAYS {
            let exported = Exported::new("sensu-go", &manifest, &dcs, way);
            for dc in &dcs {
                let resources = exported.resources(dc);
                let of = |kind: &'static str| resources.iter().filter(move |one| one.kind == kind);
                assert_eq!(of("Entity").map(|entity| entity.name.as_str()).collect::<Vec<_>>(), [*dc]);
                let rollups =
                    of("CheckConfig").filter(|check| !labelled(check, "mdd_rollup").is_empty()).count();
                let points =
                    of("CheckConfig").filter(|check| !labelled(check, "mdd_point").is_empty()).count();
                assert_eq!(rollups + points, of("CheckConfig").count());
                assert!(points > 0, "{dc} has no checks");
                assert_eq!(rollups > 0, !way.contains(&"points"), "{dc} {way:?}");
                for check in of("CheckConfig") {
                    sound_check(check, dc, way);
                }
            }
        }
    }
}

/// What an export promises beyond what Sensu asks for.
fn sound_check(check: &Resource, dc: &str, way: &[&str]) {
    let spec = |key: &str| check.spec.get(key).cloned();
    let text = |text: &str| Some(Node::Text(text.to_owned()));
    assert_eq!(spec("proxy_entity_name"), text(dc), "{}", check.name);
    assert_eq!(spec("round_robin"), Some(Node::Flag(true)));
    assert_eq!(check.spec.texts("subscriptions"), [labelled(check, "mdd_vantage")]);
    for key in ["mdd_platform", "mdd_dc", "mdd_owner", "mdd_hash", "contacts"] {
        assert!(!labelled(check, key).is_empty(), "{} has no {key}", check.name);
    }
    let is_rollup = !labelled(check, "mdd_rollup").is_empty();
    let handled = spec("pipelines").is_some() || !check.spec.texts("handlers").is_empty();
    if !is_rollup && !way.contains(&"points") {
        assert!(!handled, "{} is a point and would notify", check.name);
    }
    let command = spec("command");
    let Some(Node::Text(command)) = command else { panic!("no command") };
    let exec = way.contains(&"exec") && !is_rollup;
    assert_eq!(command.starts_with("/usr/bin/mdd exec "), exec, "{command}");
}

/// Pulls a document of the engine's API, and checks that every point of the export has a result that counts.
#[track_caller]
pub fn pulled(target: &str, manifest: &Path, dc: &str, document: &Value, checks: usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let state = folder.path().join("history.db");
    let [manifest, state, file] = [manifest, &state, &file].map(|path| path.to_str().unwrap());
    let args = ["--file", manifest, "--state", state, "pull", target, file, dc];
    let ran = testkit::run(testkit::plugin("mdd"), args);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let wanted = format!("  {dc}  {checks} new results · ");
    assert!(ran.stdout.contains(&wanted) && !ran.stdout.contains("without one"), "{wanted}:\n{}", ran.stdout);
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

#[test]
fn what_a_backend_makes_of_an_export_comes_back() {
    for (manifest, dcs) in manifests() {
        for (way, dc) in WAYS.iter().flat_map(|way| dcs.iter().map(move |dc| (way, dc))) {
            let exported = Exported::new("sensu-go", &manifest, &[dc], way);
            let resources = exported.resources(dc);
            let points: Vec<&Resource> = resources
                .iter()
                .filter(|one| one.kind == "CheckConfig" && !labelled(one, "mdd_point").is_empty())
                .collect();
            let event = |check: &&Resource| {
                let labels: Map<String, Value> =
                    check.labels.iter().cloned().map(|(key, value)| (key, json!(value))).collect();
                let Some(Node::Text(command)) = check.spec.get("command") else { panic!("no command") };
                json!({
                    "entity": {"metadata": {"name": dc}},
                    "check": {
                        "metadata": {"name": check.name, "namespace": check.namespace, "labels": labels},
                        "command": command, "subscriptions": check.spec.texts("subscriptions"),
                        "status": 0, "output": "OK: here\n", "executed": now(), "duration": 0.1,
                    }
                })
            };
            let events: Vec<Value> = points.iter().map(event).collect();
            pulled("sensu-go", &manifest, dc, &json!(events), points.len());
        }
    }
}

/// A manifest whose texts are what a format could stumble over.
pub fn nasty(texts: &[(&str, &str)], check: &[&str]) -> String {
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let fields: Vec<String> =
        texts.iter().map(|(key, text)| format!("    {key}: {}\n", json(text))).collect();
    let fields = fields.concat();
    let check: Vec<String> = check.iter().map(|argument| json(argument)).collect();
    format!(
        "mdd: 1
platform: {{id: quay, title: \"{{{{ .name }}}} yes\", owner: paas}}
teams: {{paas: {{name: \"Platform {{{{ & 'co'\"}}}}
milestones: {{done: {{title: Done}}}}
datacenters: {{iad2: {{title: \"no: *iad2* # {{{{\", stage: live}}}}
programs: [check-*]
vantages: {{node: {{owner: paas, milestone: done}}}}
defaults: {{interval: 1500ms, timeout: 700ms, ttl: 2s, subscription: node}}
groups: {{net: {{title: Net, owner: paas}}}}
points:
  nasty:
    group: net
    milestone: done
{fields}    check: [{}]
waivers:
  - {{point: nasty, dc: iad2, until: 2026-12-31, reason: \"off {{{{ --- '\\\"\", by: \"on\"}}
",
        check.join(", ")
    )
}

#[test]
fn texts_that_a_format_stumbles_over_arrive_as_they_were() {
    let long = "é\"\\ {".repeat(60 * 1024 / 8);
    let texts = [
        ("title", "{{ .labels.url }} 'is' \"up\"\\"),
        ("why", "yes"),
        ("need", "first\n---\n# not a comment\n\ttab: {{\"x\"}} {{{ }} \u{85}\u{2028}\u{1f980} ~"),
        ("runbook", "https://wiki.example.net/a?b={{c}}#d"),
    ];
    for why in ["yes", "012", "1_000", "*", "@x", "{{", "}}", "null", " lead", "- a", "a: b # c", &long] {
        let mut texts = texts.to_vec();
        texts[1].1 = why;
        let arguments = ["check-x", "", "it's", "{{ .name }}", "{{{{", "---", "a\\tb", "$HOME", "é", "~:10"];
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("mdd.yaml");
        std::fs::write(&manifest, nasty(&texts, &arguments)).unwrap();
        let exported = Exported::new("sensu-go", &manifest, &["iad2"], &["--with-silences"]);
        let resources = exported.resources("iad2");
        let check = resources.iter().find(|one| one.name == "iad2_nasty").unwrap();
        let annotation = |key: &str| {
            let found = check.annotations.iter().find(|(name, _)| name == key);
            plain(&found.unwrap_or_else(|| panic!("no {key}")).1)
        };
        for (key, text) in &texts {
            let key = if *key == "runbook" { key.to_string() } else { format!("mdd_{key}") };
            assert_eq!(annotation(&key), *text, "{key}");
        }
        // What a shell makes of the line, with the program replaced by one that prints its arguments.
        let Some(Node::Text(command)) = check.spec.get("command") else { panic!() };
        let line = plain(command).replacen("/usr/lib/nagios/plugins/check-x", "printf '%s\\0'", 1);
        let ran = testkit::run("sh", ["-c", &line]);
        let seen: Vec<&str> = ran.stdout.trim_end_matches('\0').split('\0').collect();
        assert_eq!(seen, arguments[1..], "{command}");
        assert_eq!(check.spec.get("interval"), Some(&Node::Number(2)));
        assert_eq!(check.spec.get("ttl"), Some(&Node::Number(5)));
        assert_eq!(check.spec.get("timeout"), Some(&Node::Number(1)));
        assert!(exported.said.contains("nasty: interval 1500ms is rounded up"), "{}", exported.said);
        let silence = resources.iter().find(|one| one.kind == "Silenced").unwrap();
        assert_eq!(silence.name, "*:iad2_nasty");
        assert_eq!(silence.spec.get("reason"), Some(&Node::Text("off {{ --- '\"".into())));
        // 2027-01-01T00:00:00Z
        assert_eq!(silence.spec.get("expire_at"), Some(&Node::Number(1_798_761_600)));
    }
}

#[test]
fn a_hook_is_there_for_each_check_that_names_one_and_assets_for_live_datacenters() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("mdd.yaml");
    let text = nasty(&[("title", "t"), ("why", "w")], &["check-x"])
        .replace("    check:", "    runbook_command: [check-why, \"{{ 'x'\"]\n    check:")
        + "engines: {sensu-go: {namespace: iad2, install: asset, handlers: [mail], metric_handlers: [influx]}}\n";
    std::fs::write(&manifest, &text).unwrap();
    let live = Exported::new("sensu-go", &manifest, &["iad2"], &["--alerts", "points"]);
    let resources = live.resources("iad2");
    let of = |kind: &str| resources.iter().find(|one| one.kind == kind).unwrap();
    let (check, hook) = (of("CheckConfig"), of("HookConfig"));
    assert_eq!((check.name.as_str(), hook.name.as_str()), ("nasty", "nasty"));
    assert_eq!(check.spec.texts("runtime_assets"), ["verdigris-plugins"]);
    assert_eq!(check.spec.texts("handlers"), ["mail"]);
    assert_eq!(check.spec.texts("output_metric_handlers"), ["influx"]);
    let Some(Node::List(hooks)) = check.spec.get("check_hooks") else { panic!() };
    assert_eq!(hooks[0].texts("non-zero"), ["nasty"]);
    let Some(Node::Text(command)) = hook.spec.get("command") else { panic!() };
    assert_eq!(plain(command), "check-why '{{ '\\''x'\\'''");
    std::fs::write(&manifest, text.replace("stage: live", "stage: building")).unwrap();
    let building = Exported::new("sensu-go", &manifest, &["iad2"], &[]);
    let checks = building.file("iad2", "checks.yaml");
    assert!(!checks.contains("runtime_assets"), "a datacenter that is not live takes the package:\n{checks}");
    assert!(checks.contains("command: \"/usr/lib/nagios/plugins/check-x\""), "{checks}");
}

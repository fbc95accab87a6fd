//! promtool, the node exporter and Prometheus itself read what is exported for them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Ran, Run, Server, free_port, plugin, poll_until};

/// Longest wait for an alert of a real Prometheus.
const PATIENCE: Duration = Duration::from_mins(1);
/// Every alert there is.
const ALERTS: [&str; 5] =
    ["MddPointRegressed", "MddPointOverdue", "MddPointStale", "MddVantageSilent", "MddResultsStale"];

/// When a file was written that another folder has a link to.
const LINKED: &str = "node_textfile_mtime_seconds{file=\"/var/lib/y/mdd-ams1.prom\"}";

/// One datacenter of each kind, whose checks say what is in a file. One title tries to break out.
const MANIFEST: &str = r#"
mdd: 1
platform: {id: quay, title: Quay, owner: paas}
teams: {paas: {name: Platform}, netops: {name: Network}}
milestones: {network: {title: Network}, done: {title: Done}}
datacenters:
  ams1: {title: Amsterdam, stage: live, due: {network: 2020-01-01, done: 2020-01-01}}
  iad2: {title: Ashburn, stage: building, due: {network: 2020-01-01, done: 2020-01-01}}
  old1: {title: Old, stage: retired}
programs: [check-file]
vantages: {node: {owner: paas, milestone: network}}
defaults: {interval: 60s, stable: 0s, subscription: node, severity: critical}
groups: {net: {title: Network, owner: netops}}
points:
  names:
    group: net
    milestone: network
    title: 'Names {{ $labels.x }} resolve: "all" \ of | them, é'
    why: "Line one\nline two"
    runbook: https://wiki.example.net/names
    check: [check-file, "${dc}-names"]
  web: {group: net, milestone: done, severity: minor, title: Pages load, why: w, check: [check-file, "${dc}-web"]}
  mail: {group: net, milestone: done, gate: advisory, title: Mail leaves, why: w, check: [check-file, "${dc}-mail"]}
"#;

/// A manifest, its checks, its history and its export.
struct Platform {
    folder: tempfile::TempDir,
}

impl Platform {
    fn new() -> Self {
        let platform = Platform { folder: tempfile::tempdir().unwrap() };
        platform.write("mdd.yaml", MANIFEST);
        std::fs::create_dir(platform.path("plugins")).unwrap();
        let script = format!(
            "#!/bin/sh\nread -r code text < '{}'/\"$1\"\necho \"$text\"\nexit \"$code\"\n",
            platform.folder.path().display()
        );
        platform.write("plugins/check-file", &script);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(platform.path("plugins/check-file"), mode).unwrap();
        for dc in ["ams1", "iad2"] {
            for point in ["names", "web", "mail"] {
                platform.set(dc, point, 0);
            }
        }
        platform
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn set(&self, dc: &str, point: &str, code: u8) {
        self.write(&format!("{dc}-{point}"), &format!("{code} it says {code}\n"));
    }

    fn mdd(&self, words: &[&str]) -> Ran {
        let mut run = Run::new(plugin("mdd"));
        run = run.args(words).args(
            ["--file", "mdd.yaml", "--plugin-dir", "plugins"]
                .map(|word| if word.starts_with('-') { PathBuf::from(word) } else { self.path(word) }),
        );
        run.go()
    }

    /// Runs the checks of both, and exports what the history says then.
    fn goes_on(&self) {
        for dc in ["ams1", "iad2"] {
            let ran = self.mdd(&["run", dc, "--as", "node", "-q"]);
            assert!(matches!(ran.code, Some(0 | 1)), "{ran:?}");
        }
        self.exports();
    }

    fn exports(&self) {
        let out = self.path("out");
        let ran = self.mdd(&["export", "prometheus", "ams1", "iad2", "--out", out.to_str().unwrap()]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    }
}

fn promtool(words: &[&str], input: &str) -> String {
    let ran = Run::new("promtool").args(words).input(input).go();
    assert_eq!(ran.code, Some(0), "promtool {words:?}: {}{}\n{input}", ran.stdout, ran.stderr);
    ran.stdout + &ran.stderr
}

/// The rules of a file.
fn rules(text: &str) -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(text).unwrap();
    file["groups"][0]["rules"].as_array().unwrap().clone()
}

#[test]
fn promtool_accepts_rules_and_metrics_and_an_export_is_a_function_of_the_manifest() {
    let platform = Platform::new();
    platform.goes_on();
    let out = platform.path("out");
    let export = |words: &[&str]| {
        let mut all = vec!["export", "prometheus", "--out", out.to_str().unwrap()];
        all.extend(words);
        platform.mdd(&all)
    };
    for dc in ["ams1", "iad2"] {
        let file = platform.path(&format!("out/{dc}/alerts.yml"));
        assert!(promtool(&["check", "rules", file.to_str().unwrap()], "").contains("SUCCESS"));
        let metrics = platform.read(&format!("out/{dc}/mdd.prom"));
        assert_eq!(promtool(&["check", "metrics"], &metrics), "");
        let mode = std::fs::metadata(platform.path(&format!("out/{dc}/mdd.prom"))).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o644);
        assert!(!platform.read(&format!("out/{dc}/INDEX")).contains("mdd.prom"));
        let names: Vec<_> = std::fs::read_dir(platform.path(&format!("out/{dc}"))).unwrap().collect();
        assert_eq!(names.len(), 3, "no draft stays: {names:?}");
    }
    // Two files of one collector must say the same of a family.
    let heads = |dc: &str| {
        let text = platform.read(&format!("out/{dc}/mdd.prom"));
        text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(heads("ams1"), heads("iad2"));
    assert_eq!(heads("ams1").len(), 14);
    // Results change nothing that is checked; the file of metrics is always new.
    let before = (platform.read("out/iad2/alerts.yml"), platform.read("out/iad2/mdd.prom"));
    platform.set("iad2", "names", 2);
    platform.goes_on();
    assert_eq!(platform.read("out/iad2/alerts.yml"), before.0);
    assert_ne!(platform.read("out/iad2/mdd.prom"), before.1);
    assert_eq!(export(&["ams1", "iad2", "--check"]).code, Some(0));
    // One edited point changes its own rules only.
    let old = rules(&before.0);
    platform.write("mdd.yaml", &MANIFEST.replace("title: Pages load", "title: Pages load fast"));
    let check = export(&["iad2", "--check"]);
    assert_eq!(check.code, Some(1));
    assert!(check.stdout.contains("alerts.yml: differs"), "{}", check.stdout);
    assert_eq!(export(&["iad2"]).code, Some(0));
    let new = rules(&platform.read("out/iad2/alerts.yml"));
    assert_eq!(old.len(), new.len());
    for (old, new) in old.iter().zip(&new) {
        assert_eq!(old != new, old["labels"]["point"] == "web", "{old:#} {new:#}");
    }
    // A retired datacenter has no rules and keeps no metrics, which would stand still for ever.
    platform.write("mdd.yaml", &MANIFEST.replace("stage: building", "stage: retired"));
    let retired = export(&["iad2"]);
    assert!(retired.stdout.contains("iad2 is retired"), "{retired:?}");
    assert!(!platform.path("out/iad2/mdd.prom").exists() && !platform.path("out/iad2/alerts.yml").exists());
    assert!(platform.read("out/iad2/PRUNE").contains("# gone: alert iad2/MddPointStale/web/info\n"));
    assert_eq!(export(&["iad2", "--check"]).code, Some(0));
}

/// What a datacenter's file says in one situation, as series of promtool: one value each 15 seconds.
struct Situation {
    dc: &'static str,
    series: Vec<(String, String)>,
}

impl Situation {
    /// Everything is green and fresh.
    fn well(dc: &'static str) -> Self {
        let mut situation = Situation { dc, series: Vec::new() };
        for point in ["names", "web", "mail"] {
            situation = situation.state(point, "green", false, 0).last_result(point, true);
        }
        situation.vantage(true).file(true)
    }

    fn put(mut self, series: String, values: &str) -> Self {
        self.series.retain(|(name, _)| *name != series);
        self.series.push((series, values.to_owned()));
        self
    }

    fn state(mut self, point: &str, state: &str, regressed: bool, alert: u8) -> Self {
        let dc = self.dc;
        for one in ["green", "warning", "settling", "red", "blocked", "not-due", "unknown", "waived"] {
            let value = u8::from(one == state);
            let series = format!(
                "mdd_point_state{{dc=\"{dc}\",point=\"{point}\",group=\"net\",owner=\"netops\",milestone=\"network\",state=\"{one}\"}}"
            );
            self = self.put(series, &format!("{value}x60"));
        }
        let name = |family: &str| format!("{family}{{dc=\"{dc}\",point=\"{point}\"}}");
        self.put(name("mdd_point_regressed"), &format!("{}x60", u8::from(regressed)))
            .put(name("mdd_point_alert"), &format!("{alert}x60"))
    }

    fn last_result(self, point: &str, fresh: bool) -> Self {
        let series =
            format!("mdd_point_last_result_timestamp_seconds{{dc=\"{}\",point=\"{point}\"}}", self.dc);
        self.put(series, if fresh { "0+15x60" } else { "0x60" })
    }

    fn vantage(self, reported: bool) -> Self {
        let series = format!("mdd_vantage_reported{{dc=\"{}\",vantage=\"node\"}}", self.dc);
        self.put(series, &format!("{}x60", u8::from(reported)))
    }

    fn file(self, fresh: bool) -> Self {
        let series = format!("node_textfile_mtime_seconds{{file=\"/var/lib/x/{}/mdd.prom\"}}", self.dc);
        self.put(series, if fresh { "0+15x60" } else { "0x60" })
    }

    fn nothing(mut self) -> Self {
        self.series.clear();
        self
    }
}

/// Name, situation, and what fires then: alert, point or vantage point or file, severity.
type Row = (&'static str, Situation, &'static [(&'static str, &'static str, &'static str)]);

fn live() -> Vec<Row> {
    let well = Situation::well;
    vec![
        ("all is well", well("ams1"), &[]),
        (
            "regressed",
            well("ams1").state("names", "red", true, 2),
            &[("MddPointRegressed", "names", "critical")],
        ),
        ("a minor one", well("ams1").state("web", "red", true, 1), &[("MddPointRegressed", "web", "minor")]),
        ("advisory", well("ams1").state("mail", "red", true, 1), &[("MddPointRegressed", "mail", "minor")]),
        ("blocked", well("ams1").state("names", "blocked", true, 0), &[]),
        (
            "blocked by what alerts nobody",
            well("ams1").state("names", "blocked", true, 2),
            &[("MddPointRegressed", "names", "critical")],
        ),
        ("waived", well("ams1").state("names", "waived", true, 0), &[]),
        ("not due", well("ams1").state("names", "not-due", false, 0), &[]),
        (
            "overdue",
            well("ams1").state("names", "red", false, 2),
            &[("MddPointOverdue", "names", "critical")],
        ),
        (
            "unknown",
            well("ams1").state("names", "unknown", false, 0),
            &[("MddPointStale", "names", "unknown")],
        ),
        (
            "an old result in a file that is written on",
            well("ams1").last_result("names", false),
            &[("MddPointStale", "names", "unknown")],
        ),
        (
            "both",
            well("ams1").last_result("names", false).state("names", "unknown", false, 0),
            &[("MddPointStale", "names", "unknown")],
        ),
        ("a silent vantage point", well("ams1").vantage(false), &[("MddVantageSilent", "node", "unknown")]),
        (
            "an old file",
            well("ams1").file(false),
            &[("MddResultsStale", "/var/lib/x/ams1/mdd.prom", "unknown")],
        ),
        (
            "an old file that is linked into a folder of others",
            well("ams1").put(LINKED.to_owned(), "0x60"),
            &[("MddResultsStale", "/var/lib/y/mdd-ams1.prom", "unknown")],
        ),
        ("no file", well("ams1").nothing(), &[("MddResultsStale", "", "unknown")]),
    ]
}

fn building() -> Vec<Row> {
    let well = Situation::well;
    vec![
        ("all is well", well("iad2"), &[]),
        (
            "regressed, and no gate had been passed",
            well("iad2").state("names", "red", true, 0),
            &[("MddPointRegressed", "names", "info")],
        ),
        (
            "regressed after its gate",
            well("iad2").state("names", "red", true, 2),
            &[("MddPointRegressed", "names", "critical")],
        ),
        ("overdue", well("iad2").state("names", "red", false, 0), &[("MddPointOverdue", "names", "info")]),
        ("not due", well("iad2").state("names", "not-due", false, 0), &[]),
        ("blocked", well("iad2").state("names", "blocked", true, 0), &[]),
        ("unknown", well("iad2").state("names", "unknown", false, 0), &[("MddPointStale", "names", "info")]),
        ("a silent vantage point", well("iad2").vantage(false), &[("MddVantageSilent", "node", "info")]),
        ("no file", well("iad2").nothing(), &[("MddResultsStale", "", "info")]),
    ]
}

#[test]
fn each_alert_fires_when_it_has_to_and_not_otherwise() {
    let platform = Platform::new();
    platform.exports();
    for (dc, table) in [("ams1", live()), ("iad2", building())] {
        let rules = rules(&platform.read(&format!("out/{dc}/alerts.yml")));
        let tests: Vec<Value> = table
            .iter()
            .map(|(name, situation, fired)| {
                let series: Vec<Value> = situation
                    .series
                    .iter()
                    .map(|(series, values)| json!({"series": series, "values": values}))
                    .collect();
                let expected: Vec<Value> = ALERTS
                    .iter()
                    .map(|alert| {
                        let fired = fired.iter().filter(|(fired, ..)| fired == alert);
                        let alerts: Vec<Value> = fired
                            .map(|(_, what, severity)| expected(&rules, alert, what, severity))
                            .collect();
                        json!({"eval_time": "10m", "alertname": alert, "exp_alerts": alerts})
                    })
                    .collect();
                json!({"name": name, "interval": "15s", "input_series": series, "alert_rule_test": expected})
            })
            .collect();
        let file = json!({"rule_files": [format!("out/{dc}/alerts.yml")], "evaluation_interval": "15s", "tests": tests});
        platform.write(&format!("{dc}.test.yml"), &file.to_string());
        let path = platform.path(&format!("{dc}.test.yml"));
        assert!(promtool(&["test", "rules", path.to_str().unwrap()], "").contains("SUCCESS"));
    }
    // Texts arrive as they are in the manifest: no template, no quoting is left.
    let said = rules(&platform.read("out/ams1/alerts.yml"));
    let annotations = &said[0]["annotations"];
    assert_eq!(annotations["title"], r#"Names {{"{{"}} $labels.x }} resolve: "all" \ of | them, é"#);
    assert_eq!(annotations["why"], "Line one\nline two");
    assert_eq!(annotations["runbook"], "https://wiki.example.net/names");
    let stale = said.iter().find(|rule| rule["alert"] == "MddPointStale").unwrap();
    assert_eq!(stale["labels"]["owner"], "paas", "the blind spot of whoever runs the vantage point");
}

/// What promtool has to see of a rule's alert.
fn expected(rules: &[Value], alert: &str, what: &str, severity: &str) -> Value {
    let of = |rule: &&Value| {
        let labels = &rule["labels"];
        let about = labels.get("point").or(labels.get("vantage"));
        rule["alert"] == alert && labels["severity"] == severity && about.is_none_or(|about| about == what)
    };
    let rule = rules.iter().find(of).unwrap_or_else(|| panic!("no {alert} of {what}, {severity}"));
    let (mut labels, mut annotations) = (rule["labels"].clone(), rule["annotations"].clone());
    if what.starts_with('/') {
        labels["file"] = what.into();
    }
    for value in annotations.as_object_mut().unwrap().values_mut() {
        *value = value.as_str().unwrap().replace(r#"{{"{{"}}"#, "{{").into();
    }
    json!({"exp_labels": labels, "exp_annotations": annotations})
}

/// What an HTTP server answers, its head cut off.
fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

/// A node exporter that reads these folders.
fn node_exporter(folders: &str) -> Server {
    let port = free_port();
    let mut command = Command::new("prometheus-node-exporter");
    command.args(["--collector.disable-defaults", "--collector.textfile"]);
    command.arg(format!("--collector.textfile.directory={folders}"));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    Server::start(command, port, tempfile::tempdir().unwrap())
}

#[test]
fn the_node_exporter_reads_two_datacenters_while_they_are_written_anew() {
    let platform = Platform::new();
    platform.goes_on();
    let exporter = node_exporter(platform.path("out/*").to_str().unwrap());
    let lines = |dc: &str| {
        let text = platform.read(&format!("out/{dc}/mdd.prom"));
        text.lines()
            .filter(|line| line.starts_with("mdd_"))
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect::<Vec<_>>()
    };
    let wanted = [lines("ams1"), lines("iad2")].concat();
    assert!(wanted.len() > 2 * 30);
    let stop = AtomicBool::new(false);
    let scrapes = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                platform.exports();
                written += 1;
            }
            written
        });
        let mut scrapes = 0;
        let ended = poll_until(Duration::from_secs(5), || {
            let text = get(exporter.address(), "/metrics").expect("the exporter answers");
            assert!(text.contains("\nnode_textfile_scrape_error 0\n"), "{text}{}", exporter.log());
            for series in &wanted {
                // The exporter sorts labels.
                let (name, labels) = series.split_once('{').unwrap();
                let mut labels: Vec<&str> = labels.trim_end_matches('}').split(',').collect();
                labels.sort_unstable();
                let sorted = format!("\n{name}{{{}}} ", labels.join(","));
                assert_eq!(text.matches(&sorted).count(), 1, "{sorted} in {text}");
            }
            scrapes += 1;
            scrapes == 200
        });
        stop.store(true, Ordering::Relaxed);
        let written: u32 = writer.join().unwrap();
        assert!(written > 1 && (ended || scrapes > 10), "{written} written, {scrapes} scraped");
        scrapes
    });
    assert!(!exporter.log().contains("level=error"), "{scrapes}: {}", exporter.log());
}

#[test]
fn a_link_in_the_folder_of_others_is_as_good() {
    let platform = Platform::new();
    platform.goes_on();
    let link = platform.path("shared/mdd-ams1.prom");
    std::fs::create_dir(platform.path("shared")).unwrap();
    std::os::unix::fs::symlink(platform.path("out/ams1/mdd.prom"), &link).unwrap();
    let exporter = node_exporter(platform.path("shared").to_str().unwrap());
    platform.set("ams1", "names", 2);
    platform.goes_on();
    let text = get(exporter.address(), "/metrics").unwrap();
    let red = r#"mdd_point_state{dc="ams1",group="net",milestone="network",owner="netops",point="names",state="red"} 1"#;
    assert!(text.contains(red) && text.contains("\nnode_textfile_scrape_error 0\n"), "{text}");
    // The time is the file's, not the link's.
    let written = std::fs::metadata(&link).unwrap().modified().unwrap();
    let written = written.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let head = format!("node_textfile_mtime_seconds{{file=\"{}\"}} ", link.display());
    let told = text.lines().find_map(|line| line.strip_prefix(&head)).unwrap();
    assert!((told.parse::<f64>().unwrap() - written).abs() < 2.0, "{told} {written}");
}

/// A Prometheus that scrapes that exporter each second, with the exported rules.
fn prometheus(out: &Path, exporter: SocketAddr) -> Server {
    let folder = tempfile::tempdir().unwrap();
    // A glob may stand in the file's name only, not in a folder's.
    let rules = ["ams1", "iad2"].map(|dc| format!("{}/{dc}/alerts.yml", out.display()));
    let config = json!({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": rules,
        "scrape_configs": [{"job_name": "mdd", "static_configs": [{"targets": [exporter.to_string()]}]}],
    });
    let file = folder.path().join("prometheus.yml");
    std::fs::write(&file, config.to_string()).unwrap();
    promtool(&["check", "config", file.to_str().unwrap()], "");
    let port = free_port();
    let mut command = Command::new("prometheus");
    command.arg(format!("--config.file={}", file.display()));
    command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    Server::start_until(command, port, folder, move || {
        get((std::net::Ipv4Addr::LOCALHOST, port).into(), "/-/ready")
            .is_some_and(|text| text.contains("Ready"))
    })
}

#[test]
fn a_real_prometheus_fires_what_the_history_says() {
    let platform = Platform::new();
    platform.goes_on();
    let record = platform.path("network.json");
    let gate = ["gate", "iad2", "--milestone", "network", "--record", record.to_str().unwrap()];
    assert_eq!(platform.mdd(&gate).code, Some(0));
    let exporter = node_exporter(platform.path("out/*").to_str().unwrap());
    let prometheus = prometheus(&platform.path("out"), exporter.address());
    let firing = || {
        let text = get(prometheus.address(), "/api/v1/alerts").unwrap_or_default();
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        let mut names: Vec<String> = firing
            .map(|alert| {
                let label = |name: &str| alert["labels"][name].as_str().unwrap_or("?").to_owned();
                ["alertname", "dc", "point", "severity", "owner"].map(label).join(" ")
            })
            .collect();
        names.sort_unstable();
        names
    };
    let becomes = |wanted: &[&str]| {
        let so = poll_until(PATIENCE, || firing() == *wanted);
        assert!(so, "{:?} in place of {wanted:?}\n{}", firing(), prometheus.log());
    };
    let scraped = || {
        let text = get(prometheus.address(), "/api/v1/query?query=count(mdd_point_state==1)");
        text.is_some_and(|text| text.contains("\"6\"]"))
    };
    assert!(poll_until(PATIENCE, scraped), "{}", prometheus.log());
    becomes(&[]);
    for (dc, point) in [("ams1", "names"), ("ams1", "web"), ("iad2", "names"), ("iad2", "web")] {
        platform.set(dc, point, 2);
    }
    platform.goes_on();
    // In the building datacenter only what its gate has passed is loud.
    becomes(&[
        "MddPointRegressed ams1 names critical netops",
        "MddPointRegressed ams1 web minor netops",
        "MddPointRegressed iad2 names critical netops",
        "MddPointRegressed iad2 web info netops",
    ]);
    for dc in ["ams1", "iad2"] {
        platform.set(dc, "names", 0);
        platform.set(dc, "web", 0);
    }
    platform.goes_on();
    becomes(&[]);
    assert!(!exporter.log().contains("level=error"), "{}", exporter.log());
}

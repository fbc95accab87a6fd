//! `--format` and `--out`: what build servers, harnesses, monitoring engines and Prometheus read.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::harness::{Outcome, Platform};

/// Text that tries to break out of every format.
const NASTY: &str = "\\033[31ma<b> & \"c\" ]]> # SKIP | x=1";

/// One point of every kind of standing; `listener` is the port of a real one.
fn mixed(listener: u16) -> Platform {
    let mut platform = Platform::new().with_file_plugin();
    platform.plugin("check-nasty", &format!("printf '{NASTY}\\nok 9 - more\\n'; exit 2"));
    platform
        .point(
            "port",
            &format!("[check_tcp, -H, 127.0.0.1, -p, \"{listener}\", -t, \"5\"]"),
            &["milestone: network"],
        )
        .point("nasty", "[check-nasty]", &["milestone: network", "need: 'a \"quoted\" <thing> # here'"])
        .point("later", "[check_dummy, \"2\", \"not yet [refused]\"]", &["milestone: core"])
        .point("slow", "[check_dummy, \"1\", \"5 s\"]", &["milestone: core"])
        .point("strange", "[check_dummy, \"3\", \"cannot tell\"]", &["milestone: core"])
        .point("given-up", "[check_dummy, \"2\", \"no route\"]", &["milestone: core"])
        .point("mail", "[check_dummy, \"2\", shut]", &["gate: advisory"])
        .point("behind", "[check_dummy, \"2\", shut]", &["milestone: network", "depends_on: [nasty]"]);
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let until = today.checked_add(jiff::Span::new().days(9)).unwrap();
    platform.tail(&format!(
        "waivers:\n  - {{point: given-up, dc: iad2, until: {until}, reason: cards, by: alex, ticket: \"https://t.example/NET-1\"}}\n"
    ));
    platform
}

/// A green datacenter of one point.
fn simple(code: u8) -> Platform {
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("names", &["milestone: network"]);
    platform.set("names", code, "resolve");
    platform
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Gives a program this text, and checks that it is satisfied.
#[track_caller]
fn accepted_by(program: &str, arguments: &[&str], text: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("start {program}: {error}"));
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}\n{text}");
    said
}

/// What an XPath expression finds.
fn xpath(document: &str, expression: &str) -> String {
    accepted_by("xmllint", &["--nonet", "--xpath", expression, "-"], document).trim_end().to_owned()
}

#[test]
fn junit_is_valid_and_counts_each_point_once() {
    let (_open, port) = listener();
    let platform = mixed(port);
    let outcome = platform.mdd(&["run", "iad2", "--format", "junit"]).exits(1);
    let xml = &outcome.stdout;
    accepted_by("xmllint", &["--nonet", "--noout", "-"], xml);
    for (attribute, count) in [("tests", "8"), ("failures", "2"), ("errors", "1"), ("skipped", "3")] {
        assert_eq!(xpath(xml, &format!("string(/testsuites/@{attribute})")), count, "{attribute}\n{xml}");
        assert_eq!(xpath(xml, &format!("string(//testsuite[@name='Network']/@{attribute})")), count);
    }
    let case = |id: &str, rest: &str| {
        xpath(xml, &format!("string(//testcase[starts-with(@name, '{id}: ')]/{rest})"))
    };
    assert_eq!(case("nasty", "failure/@type"), "red");
    // As the plugin wrote it, without the escape code and the performance data.
    assert_eq!(case("nasty", "failure/@message"), "a<b> & \"c\" ]]> # SKIP");
    assert!(case("nasty", "failure").contains("Need: a \"quoted\" <thing> # here"), "{xml}");
    assert!(case("nasty", "failure").contains("Try: check-nasty"), "{xml}");
    assert_eq!(case("behind", "failure/@message"), "waits for nasty");
    assert_eq!(case("later", "skipped/@message"), "not due: due 1 Jan 2099; not yet [refused]");
    assert_eq!(case("strange", "error/@type"), "unknown");
    assert!(case("given-up", "skipped/@message").contains("NET-1; no route"), "{xml}");
    assert_eq!(case("mail", "skipped/@message"), "advisory, not due; shut");
    assert_eq!(case("port", "@classname"), "quay.iad2.net");
    assert!(case("port", "@time").parse::<f64>().unwrap() < 60.0);
    assert!(!xml.contains('\u{1b}'));
}

#[test]
fn tap_is_read_by_a_harness_and_by_a_yaml_reader() {
    let (_open, port) = listener();
    let platform = mixed(port);
    let tap = platform.mdd(&["run", "iad2", "--format", "tap"]).exits(1).stdout;
    assert!(tap.starts_with("TAP version 14\n1..8\n"), "{tap}");
    let lines: Vec<&str> = tap.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(lines[2], "ok 1 - port: port works");
    assert_eq!(lines[3], "not ok 2 - nasty: nasty works");
    assert_eq!(lines[4], "not ok 3 - later: later works # TODO not due: due 1 Jan 2099");
    assert_eq!(lines[5], "ok 4 - slow: slow works");
    assert!(lines[7].starts_with("not ok 6 - given-up: given-up works # TODO waived: "), "{tap}");
    assert_eq!(lines[8], "not ok 7 - mail: mail works # TODO advisory, not due");
    assert_eq!(lines.len(), 10, "{tap}");
    let block = tap.split("  ---\n").nth(1).unwrap().split("  ...\n").next().unwrap();
    let yaml: serde_json::Value = serde_saphyr::from_str(block).unwrap();
    assert_eq!(yaml["message"], "a<b> & \"c\" ]]> # SKIP");
    assert_eq!((yaml["state"].as_str(), yaml["try"].as_str()), (Some("red"), Some("check-nasty")));
    // The harness of this Perl may know version 13 only, whose lines are the same.
    let file = platform.path("older.tap");
    std::fs::write(&file, tap.replacen("version 14", "version 13", 1)).unwrap();
    let output = Command::new("prove").args(["-e", "cat"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("Failed tests:  2, 5, 8") && !said.contains("Parse errors"), "{said}");
}

/// A plugin's line: nothing on standard error, short, portable performance data.
#[track_caller]
fn plugin_line(outcome: Outcome, code: i32) -> String {
    let outcome = outcome.exits(code);
    assert_eq!(outcome.stderr, "");
    assert_eq!(outcome.stdout.lines().count(), 1, "{}", outcome.stdout);
    let line = outcome.stdout.trim_end_matches('\n').to_owned();
    let (text, perf) = line.split_once(" | ").unwrap_or((&line, ""));
    assert!(text.len() <= 100 && !text.contains('|'), "{text}");
    for item in perf.split_whitespace() {
        let (label, data) = item.split_once('=').unwrap();
        assert!(label.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{item}");
        let fields: Vec<&str> = data.split(';').collect();
        assert_eq!(fields.len(), 5, "{item}");
        fields[0].trim_end_matches('s').parse::<u64>().unwrap();
    }
    line
}

#[test]
fn a_whole_datacenter_is_one_check() {
    let run = |platform: &Platform| platform.mdd(&["run", "iad2", "--as", "node", "--format", "nagios"]);
    let gate = |platform: &Platform| platform.mdd(&["gate", "iad2", "--format=nagios"]);
    let platform = simple(2);
    let line = plugin_line(run(&platform), 2);
    let text = line.split(" | ").next().unwrap();
    assert_eq!(text, "MDD CRITICAL - iad2: 0 of 1 proven; names: resolve [red]");
    assert!(line.contains("| proven=0;;;0;1 green=0;;;0;1 ") && line.contains(" red=1;;;0;1 "), "{line}");
    assert!(line.contains(" not_due=0;;;0;1 ") && line.contains(" overdue=1;;;0;1 oldest_result="), "{line}");
    plugin_line(gate(&platform), 2);
    platform.set("names", 3, "cannot tell");
    assert!(
        plugin_line(run(&platform), 3)
            .contains("MDD UNKNOWN - iad2: 0 of 1 proven; names: cannot tell [unknown]")
    );
    platform.set("names", 1, "slow [threshold]");
    assert!(
        plugin_line(run(&platform), 1)
            .starts_with("MDD WARNING - iad2: 1 of 1 proven; names: slow [threshold] | proven=1;;;0;1")
    );
    plugin_line(platform.mdd(&["gate", "iad2", "--strict", "--format", "nagios"]), 2);
    platform.set("names", 0, "resolve");
    assert!(plugin_line(run(&platform), 0).starts_with("MDD OK - iad2: 1 of 1 proven | "));
    plugin_line(gate(&platform), 0);
    let network = platform.mdd(&["gate", "iad2", "--milestone", "network", "--format", "nagios"]);
    assert!(plugin_line(network, 0).starts_with("MDD OK - iad2 network: 1 of 1 proven | "));
}

#[test]
fn the_reason_stays_where_the_line_is_cut() {
    let mut platform = Platform::new();
    let long = "connect to a-very-long-name.of-a-host.in-a-far-away.datacenter.example.net:5432 failed";
    platform.point("pg", &format!("[check_dummy, \"2\", \"{long} [refused]\"]"), &["milestone: network"]);
    let line = plugin_line(platform.mdd(&["run", "iad2", "--format", "nagios"]), 2);
    let text = line.split(" | ").next().unwrap();
    assert!(text.starts_with("MDD CRITICAL - iad2: 0 of 1 proven; pg: connect to"), "{text}");
    assert!(text.ends_with("… [refused]") && text.len() > 90, "{text}");
}

#[test]
fn whatever_goes_wrong_is_unknown_for_an_engine() {
    let platform = simple(0);
    let ask = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--format", "nagios"]);
        plugin_line(platform.mdd(&all), 3)
    };
    assert!(ask(&["gate", "nowhere"]).starts_with("MDD UNKNOWN - "));
    assert!(ask(&["gate", "iad2", "--no-such-flag"]).contains("--no-such-flag"));
    assert!(ask(&["run", "iad2", "nothing"]).contains("no point of iad2 matches `nothing`"));
    assert!(
        ask(&["gate", "iad2", "--state", "/proc/no/such.db", "--run", "--as", "node"]).contains("/proc/no")
    );
    std::fs::write(platform.path("mdd.yaml"), "mdd: 1\nno: manifest\n").unwrap();
    ask(&["gate", "iad2"]);
}

#[test]
fn prometheus_families_pass_its_own_linter() {
    let (_open, port) = listener();
    let platform = mixed(port);
    let text = platform.mdd(&["run", "iad2", "--as", "node", "--format", "prometheus"]).exits(1).stdout;
    assert_eq!(accepted_by("promtool", &["check", "metrics"], &text), "");
    assert!(text.ends_with('\n'));
    let state = "mdd_point_state{dc=\"iad2\",point=\"nasty\",group=\"net\",owner=\"netops\",milestone=\"network\",state=\"red\"} 1\n";
    assert!(text.contains(state), "{text}");
    assert_eq!(text.matches("# TYPE ").count(), 4, "{text}");
    let states = || text.lines().filter(|line| line.starts_with("mdd_point_state{"));
    assert_eq!((states().count(), states().filter(|line| line.ends_with(" 1")).count()), (64, 8));
    assert_eq!(
        text.matches("mdd_point_last_result_timestamp_seconds{dc=\"iad2\",point=\"port\"} ").count(),
        1
    );
    assert!(text.contains("mdd_gate_done{dc=\"iad2\",milestone=\"network\"} 0\n"), "{text}");
    // The results stand where they were made; a gate only reads them.
    let gate =
        platform.mdd(&["gate", "iad2", "--milestone", "network", "--format", "prometheus"]).exits(1).stdout;
    assert_eq!(accepted_by("promtool", &["check", "metrics"], &gate), "");
    assert_eq!(gate.matches("mdd_gate_done{").count(), 1, "of the later ones too little is shown:\n{gate}");
    let done = simple(0).mdd(&["run", "iad2", "--format", "prometheus"]).exits(0).stdout;
    assert!(done.contains("mdd_gate_done{dc=\"iad2\",milestone=\"done\"} 1\n"), "{done}");
}

#[test]
fn every_format_goes_into_a_file_and_devices_stay_devices() {
    let platform = simple(2);
    let outs = ["text", "json", "junit", "tap", "nagios", "prometheus"];
    let mut arguments = vec!["run".to_owned(), "iad2".to_owned(), "--as".to_owned(), "node".to_owned()];
    for format in outs {
        arguments.extend(["--out".to_owned(), format!("{format}=out/{format}")]);
    }
    arguments.extend(["--out".to_owned(), "tap=/dev/null".to_owned()]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // The exit code is that of what is printed.
    platform.mdd(&arguments).exits(1);
    let read = |name: &str| std::fs::read_to_string(platform.path("out").join(name)).unwrap();
    assert!(read("text").contains("not done: 0 of 1"));
    assert!(read("json").starts_with('{') && read("junit").starts_with("<?xml"));
    assert!(read("tap").starts_with("TAP") && read("nagios").starts_with("MDD CRITICAL"));
    assert!(read("prometheus").starts_with("# HELP"));
    assert_eq!(std::fs::read_dir(platform.path("out")).unwrap().count(), outs.len(), "no draft stays");
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    platform.mdd(&["gate", "iad2", "--out", "junit=out/gate.xml", "-q"]).exits(1);
    assert!(read("gate.xml").contains("failures=\"1\""));
    let refused = platform.mdd(&["run", "iad2", "--out", "xml=a"]).exits(2);
    assert!(refused.stderr.contains("`xml` is no format; one of text, json, junit, tap, nagios, prometheus"));
    platform.mdd(&["gate", "iad2", "--out", "tap="]).exits(2);
    platform.mdd(&["gate", "iad2", "--out", "tap=/proc/no/file"]).exits(5);
}

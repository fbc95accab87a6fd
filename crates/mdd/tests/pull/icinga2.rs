//! What Icinga 2 says of one check, and everything that can be wrong with it: the gate is never DONE.

use serde_json::{Value, json};

use crate::harness::Platform;
use crate::sensu::{Engine, now};

/// What happens, the change that it makes to a good service, and words of what `mdd` then says of the point.
type Row = (&'static str, fn(&mut Value), &'static str);

/// Nothing came that says anything of the point.
const SILENT: &str = "has never reported";

/// A result: exit code, Icinga's state of it, output.
fn says(service: &mut Value, exit_status: i64, state: i64, output: &str) {
    let result = &mut service["last_check_result"];
    result["exit_status"] = exit_status.into();
    result["state"] = state.into();
    result["output"] = output.into();
}

fn executed(service: &mut Value, at: i64) {
    // Begun and ended before this second, so that it is past by any clock.
    let at = f64::from(i32::try_from(at - 1).unwrap());
    let result = &mut service["last_check_result"];
    result["execution_start"] = (at + 0.25).into();
    result["execution_end"] = (at + 0.5).into();
}

fn command(service: &mut Value, words: &[&str]) {
    service["last_check_result"]["command"] = json!(words);
}

fn var(service: &mut Value, name: &str, value: &str) {
    service["vars"][name] = value.into();
}

/// Icinga's own words in place of a result: it ran nothing.
fn own_words(service: &mut Value, output: &str) {
    says(service, 0, 3, output);
    service["last_check_result"]["command"] = Value::Null;
}

const PROGRAM: &str = "/usr/lib/nagios/plugins/check-file";

const ROWS: &[Row] = &[
    (
        "timeout",
        |s| says(s, 128, 3, "<Timeout exceeded.><Terminated by signal 15 (Terminated).>"),
        "Timeout exceeded",
    ),
    (
        "timeout after some words",
        |s| says(s, 128, 3, "FILE OK: so far\n<Timeout exceeded.>"),
        "Timeout exceeded",
    ),
    (
        "timeout within a line, status masked",
        |s| says(s, 0, 0, "FILE OK: so<Timeout exceeded.>"),
        "Timeout exceeded",
    ),
    (
        "ended by SIGKILL",
        |s| says(s, 128, 3, "FILE OK: half<Terminated by signal 9 (Killed).>"),
        "Terminated by signal 9",
    ),
    ("ended by SIGSEGV", |s| says(s, 128, 3, "<Terminated by signal 11 (Segmentation fault).>"), "signal 11"),
    (
        "exit code 7, as newer versions say it",
        |s| says(s, 7, 3, "x<Terminated with exit code 7 (0x7).>"),
        "exit code 7",
    ),
    ("exit code 7 with a plugin's words", |s| says(s, 7, 3, "FILE OK: it is there"), "exit code 7"),
    ("exit code 4", |s| says(s, 4, 3, "FILE DEPENDENT: no"), "exit code 4"),
    ("exit code 101, a panic", |s| says(s, 101, 3, "thread 'main' panicked"), "exit code 101"),
    ("exit code 126", |s| says(s, 126, 3, "FILE OK: it is there"), "exit code 126"),
    ("exit code 127", |s| says(s, 127, 3, ""), "exit code 127"),
    ("exit code 128", |s| says(s, 128, 3, "FILE OK: it is there"), "exit code 128"),
    ("exit code 255", |s| says(s, 255, 3, "FILE OK: it is there"), "exit code 255"),
    ("a code over 3 that Icinga takes for OK", |s| says(s, 256, 0, "FILE OK: it is there"), "exit code 256"),
    (
        "program missing",
        |s| says(s, 128, 3, "execvpe(/usr/lib/nagios/plugins/check-file) failed: No such file or directory"),
        "execvpe(",
    ),
    (
        "program not executable, status masked",
        |s| says(s, 0, 0, "execvpe(/usr/lib/nagios/plugins/check-file) failed: Permission denied"),
        "execvpe(",
    ),
    (
        "endpoint not connected",
        |s| own_words(s, "Remote Icinga instance 'iad2-node' is not connected to 'master'"),
        "is not connected to 'master'",
    ),
    (
        "endpoint not connected, taken for OK",
        |s| {
            own_words(s, "Remote Icinga instance 'iad2-node' is not connected to 'master'");
            s["last_check_result"]["state"] = 0.into();
        },
        "is not connected to 'master'",
    ),
    (
        "endpoint takes no commands",
        |s| own_words(s, "Endpoint 'iad2-node' does not accept commands."),
        "does not accept",
    ),
    (
        "endpoint has not the command",
        |s| own_words(s, "Check command 'mdd_iad2_p' does not exist."),
        "does not exist",
    ),
    (
        "endpoint has not the command, as a plugin's result",
        |s| says(s, 0, 0, "Check command 'mdd_iad2_p' does not exist."),
        "does not exist",
    ),
    (
        "a macro without a value",
        |s| own_words(s, "Non-optional macro 'address' used in argument '-H' is missing."),
        "Non-optional macro",
    ),
    (
        "the passive command of the template library",
        |s| own_words(s, "No Passive Check Result Received."),
        "No Passive",
    ),
    ("a native check", |s| own_words(s, "FILE OK: it is there"), "has run no program"),
    (
        "sent by hand to the API",
        |s| {
            s["last_check_result"]["active"] = false.into();
            s["last_check_result"]["command"] = Value::Null;
        },
        "a passive result",
    ),
    (
        "sent with a command to the API",
        |s| s["last_check_result"]["active"] = false.into(),
        "a passive result",
    ),
    (
        "whether it was active is not said",
        |s| s["last_check_result"]["active"] = Value::Null,
        "a passive result",
    ),
    ("no result yet", |s| s["last_check_result"] = Value::Null, SILENT),
    ("a result without a time", |s| s["last_check_result"]["execution_start"] = Value::Null, SILENT),
    ("a result of the year 1970", |s| executed(s, 0), SILENT),
    ("a result four hundred seconds old", |s| executed(s, now() - 400), "no result for"),
    ("a result of yesterday", |s| executed(s, now() - 86_400), "no result for"),
    (
        "stored late: executed long ago, received now",
        |s| {
            executed(s, now() - 3600);
            s["last_check_result"]["schedule_end"] = now().into();
        },
        "no result for",
    ),
    ("clock an hour ahead", |s| executed(s, now() + 3600), "clock is"),
    ("clock twelve seconds ahead", |s| executed(s, now() + 12), "clock is"),
    ("exit code 2, made OK", |s| says(s, 2, 0, "FILE CRITICAL: gone"), "of which Icinga has made state 0"),
    (
        "exit code 0, made CRITICAL",
        |s| says(s, 0, 2, "FILE OK: it is there"),
        "of which Icinga has made state 2",
    ),
    ("no state", |s| s["last_check_result"]["state"] = Value::Null, "of which Icinga has made state none"),
    ("no exit code", |s| s["last_check_result"]["exit_status"] = Value::Null, "exit code"),
    ("an exit code in words", |s| s["last_check_result"]["exit_status"] = "OK".into(), "exit code"),
    ("negative exit code", |s| says(s, -1, 3, "FILE OK: it is there"), "exit code -1"),
    ("no output, OK", |s| says(s, 0, 0, ""), "no output"),
    ("blank output, OK", |s| says(s, 0, 0, " \n\t\n"), "no output"),
    ("output is no text", |s| s["last_check_result"]["output"] = json!(["FILE OK"]), "no output"),
    (
        "another argument",
        |s| command(s, &[PROGRAM, "/srv/it's here", "~:99", "{{x}}"]),
        "export is out of date",
    ),
    ("an argument less", |s| command(s, &[PROGRAM, "/srv/it's here", "~:10"]), "export is out of date"),
    (
        "an argument more",
        |s| command(s, &[PROGRAM, "/srv/it's here", "~:10", "{{x}}", ""]),
        "export is out of date",
    ),
    ("arguments joined", |s| command(s, &[PROGRAM, "/srv/it's here ~:10 {{x}}"]), "export is out of date"),
    (
        "another program",
        |s| command(s, &["/bin/true", "/srv/it's here", "~:10", "{{x}}"]),
        "export is out of date",
    ),
    (
        "wrapped in a shell",
        |s| command(s, &["/bin/sh", "-c", "check-file x || true"]),
        "export is out of date",
    ),
    (
        "wrapped in sudo",
        |s| command(s, &["sudo", PROGRAM, "/srv/it's here", "~:10", "{{x}}"]),
        "export is out of date",
    ),
    ("no words at all", |s| command(s, &[]), "export is out of date"),
    (
        "words that are no texts",
        |s| s["last_check_result"]["command"] = json!([PROGRAM, "/srv/it's here", 10, "~:10", null]),
        "export is out of date",
    ),
    (
        "a line for a shell",
        |s| s["last_check_result"]["command"] = "check-file '/srv/it'\\''s here' '~:10' '{{x}}'".into(),
        "export is out of date",
    ),
    (
        "mdd exec of another hash",
        |s| {
            command(
                s,
                &[
                    "/usr/bin/mdd",
                    "exec",
                    "iad2/p",
                    "--hash",
                    "0000000000000000",
                    "--file",
                    "/etc/mdd/mdd.yaml",
                ],
            );
        },
        "export is out of date",
    ),
    (
        "mdd exec of another point",
        |s| {
            let hash = s["vars"]["mdd_check"].as_str().unwrap().to_owned();
            command(s, &["/usr/bin/mdd", "exec", "iad2/q", "--hash", &hash, "--file", "/etc/mdd/mdd.yaml"]);
        },
        "export is out of date",
    ),
    ("exported from another check", |s| var(s, "mdd_check", "0000000000000000"), "export is out of date"),
    ("of another host", |s| s["host_name"] = "ams1".into(), "files it under ams1"),
    ("of another platform", |s| var(s, "mdd_platform", "kiln"), SILENT),
    ("of another datacenter", |s| var(s, "mdd_dc", "ams1"), SILENT),
    ("of a point that is not in the manifest", |s| var(s, "mdd_point", "old"), SILENT),
    ("of an instance that is not in the manifest", |s| var(s, "mdd_instance", "10.0.0.1"), SILENT),
    (
        "without vars, under another name",
        |s| {
            s["vars"] = Value::Null;
            s["name"] = "p2".into();
        },
        SILENT,
    ),
    (
        "without vars, with another command",
        |s| {
            s["vars"] = Value::Null;
            command(s, &["/bin/true"]);
        },
        "export is out of date",
    ),
    (
        "without vars, and nothing was run",
        |s| {
            own_words(s, "FILE OK: it is there");
            s["vars"] = Value::Null;
        },
        "neither tells",
    ),
    (
        "check_nrpe without output, status masked",
        |s| says(s, 0, 0, "NRPE: Unable to read output"),
        "NRPE: Unable",
    ),
    (
        "check_nrpe's timeout as OK",
        |s| says(s, 0, 0, "CHECK_NRPE STATE OK: Socket timeout after 10 seconds."),
        "Socket timeout",
    ),
    (
        "a shell does not find it, status masked",
        |s| says(s, 0, 0, "sh: 1: check-file: not found"),
        "not found",
    ),
];

/// A service of the export: OK, executed now.
fn service(engine: &Engine) -> Value {
    let mut service = json!({
        "name": "p", "host_name": "iad2", "acknowledgement": 0, "downtime_depth": 0, "flapping": false,
        "vars": {
            "mdd_platform": "quay", "mdd_dc": "iad2", "mdd_point": "p", "mdd_instance": "", "mdd_group": "net",
            "mdd_owner": "netops", "mdd_vantage": "node", "mdd_severity": "critical", "mdd_hash": "0123456789abcdef",
            "mdd_check": engine.hash, "mdd_user_group": "mdd_iad2_netops",
        },
        "last_check_result": {
            "active": true, "check_source": "iad2-node", "command": [PROGRAM, "/srv/it's here", "~:10", "{{x}}"],
            "exit_status": 0, "output": "FILE OK: it is there", "performance_data": ["size=12B;;;0"],
            "previous_hard_state": 99, "scheduling_source": "master", "state": 0, "ttl": 0, "type": "CheckResult",
            "vars_after": {"attempt": 1, "reachable": true, "state": 0, "state_type": 1}, "vars_before": null,
        },
    });
    executed(&mut service, now());
    service
}

/// As `GET /v1/objects/services` answers.
fn answer(service: &Value) -> Value {
    json!({"results": [{"attrs": service, "joins": {}, "meta": {}, "name": "iad2!p", "type": "Service"}]})
}

/// Vantage points are endpoints of zones of their own.
fn with_zones() -> Engine {
    let mut platform = Platform::new();
    platform.point("p", "[check-file, \"/srv/it's here\", \"~:10\", \"{{x}}\"]", &[]);
    platform.tail("engines: {icinga2: {parent_zone: master}}\n");
    Engine::of(platform)
}

/// Pulls what each row makes of a good service: then the gate has to be shut, and to say why.
fn shut(engine: &Engine, rows: &[Row]) {
    let state = engine.platform.path(".mdd");
    let forget = || {
        if state.exists() {
            std::fs::remove_dir_all(&state).unwrap();
        }
    };
    let gate = |service: &Value| {
        engine.pull("icinga2", &answer(service)).exits(0);
        engine.platform.mdd(&["gate", "iad2"])
    };
    gate(&service(engine)).exits(0).says("DONE 1 of 1").says("source icinga2 said.json");
    for (what, change, words) in rows {
        forget();
        // Where the row is about a result, the vantage point has reported before; where not, nothing else is known.
        if *words != SILENT {
            let mut before = service(engine);
            executed(&mut before, now() - if words.starts_with("no result for") { 90_000 } else { 100 });
            engine.pull("icinga2", &answer(&before)).exits(0);
        }
        let mut wrong = service(engine);
        change(&mut wrong);
        let shut = gate(&wrong);
        assert!(
            shut.code == Some(1) || shut.code == Some(3),
            "{what}: the gate is open\n{wrong:#}\n{}",
            shut.stdout
        );
        let record = engine.gate(&[]);
        let point = Platform::entry(&record, "p");
        assert_ne!(point["instances"][0]["usable"], true, "{what}: {point:#}");
        let text = point["text"].as_str().unwrap();
        assert!(text.contains(words), "{what}: `{words}` is not in `{text}`");
        // Nor does it open by being pulled again.
        assert_ne!(gate(&wrong).code, Some(0), "{what}: pulled again");
    }
}

#[test]
fn a_dead_agent_never_passes_a_gate() {
    assert!(ROWS.len() >= 25);
    shut(&Engine::new(&[]), ROWS);
}

#[test]
fn only_the_vantage_points_endpoint_counts_where_zones_are_exported() {
    let by = |source: &'static str| -> fn(&mut Value) {
        match source {
            "master" => |s| s["last_check_result"]["check_source"] = "master".into(),
            "ams1-node" => |s| s["last_check_result"]["check_source"] = "ams1-node".into(),
            "iad2-builder" => |s| s["last_check_result"]["check_source"] = "iad2-builder".into(),
            "" => |s| s["last_check_result"]["check_source"] = "".into(),
            _ => |s| s["last_check_result"]["check_source"] = Value::Null,
        }
    };
    shut(
        &with_zones(),
        &[
            ("run by the master itself", by("master"), "from master, not from iad2-node"),
            ("run by another datacenter's endpoint", by("ams1-node"), "from ams1-node, not from iad2-node"),
            ("run by another vantage point", by("iad2-builder"), "from iad2-builder, not from iad2-node"),
            ("nobody says who has run it", by(""), "from nowhere, not from iad2-node"),
            ("who has run it is missing", by("null"), "from nowhere, not from iad2-node"),
        ],
    );
    // Without zones there is one machine that runs everything, whatever its name.
    let engine = Engine::new(&[]);
    let mut own = service(&engine);
    own["last_check_result"]["check_source"] = "icinga.example.net".into();
    engine.pull("icinga2", &answer(&own)).exits(0);
    engine.platform.mdd(&["gate", "iad2"]).exits(0);
}

#[test]
fn silences_are_shown_and_not_obeyed() {
    let engine = Engine::new(&[]);
    for (field, words) in
        [("acknowledgement", "acknowledged"), ("downtime_depth", "in a downtime"), ("flapping", "flapping")]
    {
        let mut failing = service(&engine);
        says(&mut failing, 2, 2, "FILE CRITICAL: gone");
        failing[field] = if field == "flapping" { true.into() } else { 1.into() };
        let pulled = engine.pull("icinga2", &answer(&failing)).exits(0);
        pulled.says(&format!("{words} in Icinga 2"));
        engine.platform.mdd(&["gate", "iad2"]).exits(1).says("gone");
        std::fs::remove_dir_all(engine.platform.path(".mdd")).unwrap();
    }
}

#[test]
fn what_is_no_list_of_services_changes_nothing() {
    let engine = Engine::new(&[]);
    let good = answer(&service(&engine)).to_string();
    for (text, code, words) in [
        (
            r#"{"error":401,"status":"Unauthorized. Please check your user credentials."}"#,
            5,
            "Icinga's error 401: Unauthorized",
        ),
        (r#"{"error":404,"status":"No objects found."}"#, 5, "Icinga's error 404: No objects found."),
        (r#"{"error":503,"status":"Icinga is reloading."}"#, 5, "Icinga's error 503"),
        (&good[..good.len() - 2], 5, "it is no whole JSON document"),
        ("<html><body>502 Bad Gateway</body></html>", 5, "it is no whole JSON document"),
        ("", 5, "it is empty"),
        ("[]", 0, ""),
        ("{}", 5, "it has no `results`"),
        (r#"{"results":{}}"#, 5, "it has no `results`"),
        (r#"{"results":[{"code":500,"status":"Error"}]}"#, 5, "a result without `attrs`"),
        (r#"{"results":[{"attrs":{"host_name":"iad2"}}]}"#, 5, "a service without `name`"),
        (r#"{"results":[{"attrs":{"name":"p"}}]}"#, 5, "a service without `host_name`"),
        (r#"{"results":["p"]}"#, 5, "a result without `attrs`"),
        (r#"{"results":[]}"#, 0, ""),
    ] {
        std::fs::write(engine.platform.path("said.json"), text).unwrap();
        let pulled = engine.platform.mdd(&["pull", "icinga2", "said.json"]);
        assert_eq!(pulled.code, Some(code), "{text}: {}{}", pulled.stdout, pulled.stderr);
        assert!(pulled.stderr.contains(words), "{text}: {}", pulled.stderr);
        assert_ne!(engine.platform.mdd(&["gate", "iad2"]).code, Some(0), "{text}");
    }
    std::fs::write(engine.platform.path("said.json"), good).unwrap();
    engine.platform.mdd(&["pull", "icinga2", "said.json"]).exits(0).says("1 new result");
    engine.platform.mdd(&["gate", "iad2"]).exits(0);
}

//! Whatever goes wrong between a check and its result, the gate is not DONE. One row for each such situation.

use serde_json::{Value, json};

use crate::harness::Platform;
use crate::sensu::{Engine, now};

/// What happens, the change that it makes to a good document, and words of what `mdd` then says of the point.
type Row = (&'static str, fn(&Engine, &mut Value), &'static str);

/// Nothing came that says anything of the point.
const SILENT: &str = "has never reported";

/// Writes status and output.
fn says(check: &mut Value, status: u64, output: &str) {
    check["status"] = status.into();
    check["output"] = output.into();
}

fn executed(check: &mut Value, at: i64) {
    check["executed"] = at.into();
    check["history"] = json!([{"status": check["status"], "executed": at}]);
}

/// The rows that both Sensus share; they change `check`.
const BOTH: &[Row] = &[
    (
        "agent is dead, its ttl has passed",
        |_, c| says(c, 1, "Last check execution was 313 seconds ago"),
        "Last check execution",
    ),
    (
        "ttl event with ttl_status 0",
        |_, c| says(c, 0, "Last check execution was 313 seconds ago"),
        "Last check execution",
    ),
    (
        "ttl event that keeps the time of the last execution",
        |_, c| {
            says(c, 1, "Last check execution was 100 seconds ago");
            executed(c, now() - 100);
        },
        "Last check execution",
    ),
    ("timeout", |_, c| says(c, 2, "Execution timed out\n"), "Execution timed out"),
    (
        "timeout with what was said before",
        |_, c| says(c, 2, "Execution timed out\nFILE OK: so far"),
        "Execution timed out",
    ),
    ("timeout whose status is masked", |_, c| says(c, 0, "Execution timed out\n"), "Execution timed out"),
    (
        "126, not executable",
        |_, c| says(c, 126, "sh: 1: /usr/lib/nagios/plugins/check-file: Permission denied\n"),
        "Permission denied",
    ),
    ("127, not found", |_, c| says(c, 127, "sh: 1: check-file: not found\n"), "not found"),
    ("not found, status masked", |_, c| says(c, 0, "sh: 1: check-file: not found\n"), "not found"),
    (
        "not found by bash, status masked",
        |_, c| says(c, 0, "sh: line 1: check-file: command not found\n"),
        "command not found",
    ),
    ("126 without output", |_, c| says(c, 126, ""), "exit code 126"),
    ("127 with a plugin's words", |_, c| says(c, 127, "FILE OK: it is there"), "exit code 127"),
    ("ended by SIGKILL below a shell", |_, c| says(c, 137, "FILE OK: half"), "signal 9"),
    ("ended by SIGSEGV below a shell", |_, c| says(c, 139, "FILE OK: half"), "signal 11"),
    ("exit code 4", |_, c| says(c, 4, "FILE DEPENDENT: no"), "exit code 4"),
    ("exit code 101, a panic", |_, c| says(c, 101, "thread 'main' panicked"), "exit code 101"),
    ("exit code 255", |_, c| says(c, 255, "FILE OK: it is there"), "exit code 255"),
    ("no output, OK", |_, c| says(c, 0, ""), "no output"),
    ("blank output, OK", |_, c| says(c, 0, " \n\t\n"), "no output"),
    ("performance data alone", |_, c| says(c, 0, "| size=12B;\n"), "no output"),
    (
        "status missing",
        |_, c| {
            c.as_object_mut().unwrap().remove("status");
        },
        "exit code",
    ),
    ("status is no number", |_, c| c["status"] = "OK".into(), "exit code"),
    ("status null", |_, c| c["status"] = Value::Null, "exit code"),
    ("negative status", |_, c| c["status"] = (-1).into(), "exit code -1"),
    ("output is no text", |_, c| c["output"] = json!({"a": 1}), "no output"),
    (
        "another argument",
        |_, c| c["command"] = c["command"].as_str().unwrap().replace("~:10", "~:99").into(),
        "runs something else: export is out of date",
    ),
    (
        "argument left out",
        |_, c| c["command"] = "/usr/lib/nagios/plugins/check-file '/srv/it'\\''s here'".into(),
        "export is out of date",
    ),
    (
        "failure swallowed by the shell",
        |_, c| c["command"] = format!("{} || true", c["command"].as_str().unwrap()).into(),
        "export is out of date",
    ),
    (
        "another program",
        |_, c| c["command"] = c["command"].as_str().unwrap().replace("check-file", "check-true").into(),
        "export is out of date",
    ),
    (
        "a folder with a blank in front",
        |_, c| c["command"] = format!("true; {}", c["command"].as_str().unwrap()).into(),
        "export is out of date",
    ),
    ("command empty", |_, c| c["command"] = "".into(), "export is out of date"),
    (
        "mdd exec of another hash",
        |_, c| {
            c["command"] = "/usr/bin/mdd exec iad2/p --hash 0000000000000000 --file /etc/mdd/mdd.yaml".into();
        },
        "export is out of date",
    ),
    (
        "mdd exec of another point",
        |e, c| {
            c["command"] =
                format!("/usr/bin/mdd exec iad2/q --hash {} --file /etc/mdd/mdd.yaml", e.hash).into();
        },
        "export is out of date",
    ),
    ("agent stopped, no ttl event", |_, c| executed(c, now() - 400), "no result for"),
    ("executed a day ago", |_, c| executed(c, now() - 86_400), "no result for"),
    ("engine's clock an hour ahead", |_, c| executed(c, now() + 3600), "clock is"),
    ("engine's clock ten seconds ahead", |_, c| executed(c, now() + 12), "clock is"),
    ("never executed", |_, c| executed(c, 0), SILENT),
    (
        "executed missing",
        |_, c| {
            c.as_object_mut().unwrap().remove("executed");
        },
        SILENT,
    ),
    (
        "NRPE without output, status masked",
        |_, c| says(c, 0, "NRPE: Unable to read output\n"),
        "NRPE: Unable",
    ),
    (
        "NRPE's timeout",
        |_, c| says(c, 3, "NRPE: Command timed out after 60 seconds\n"),
        "NRPE: Command timed out",
    ),
    (
        "NRPE does not know the command",
        |_, c| says(c, 3, "NRPE: Command 'mdd_p' not defined\n"),
        "not defined",
    ),
    (
        "check_nrpe's timeout as OK",
        |_, c| says(c, 0, "CHECK_NRPE STATE OK: Socket timeout after 10 seconds.\n"),
        "Socket timeout",
    ),
    (
        "check_nrpe refused",
        |_, c| {
            says(
                c,
                2,
                "connect to address 10.0.0.5 port 5666: Connection refused\nconnect to host 10.0.0.5 port 5666: Connection refused",
            );
        },
        "Connection refused",
    ),
    (
        "check_nrpe without an answer",
        |_, c| says(c, 3, "CHECK_NRPE: Receive header underflow - only 0 bytes received (4 expected).\n"),
        "underflow",
    ),
];

const GO: &[Row] = &[
    (
        "ended by a signal under Sensu's own shell",
        |_, c| says(c, 4_294_967_295, "FILE OK: half"),
        "ended by a signal",
    ),
    (
        "a token without a value",
        |_, c| {
            says(
                c,
                3,
                "unmatched token: template: :1:9: executing \"\" at <.labels.x>: map has no entry for key \"x\"",
            );
        },
        "unmatched token",
    ),
    (
        "token error of newer agents",
        |_, c| says(c, 3, "error while substituting check tokens: unmatched token: x"),
        "substituting",
    ),
    (
        "asset that cannot be had",
        |_, c| says(c, 3, "error getting assets for check: error fetching asset: 404"),
        "getting assets",
    ),
    (
        "assets disabled on the agent",
        |_, c| says(c, 3, "check requested assets, but they are disabled on this agent"),
        "disabled",
    ),
    (
        "denied by the allow list, as OK",
        |_, c| says(c, 0, "check command denied by the agent allow list"),
        "allow list",
    ),
    (
        "agent cannot fork",
        |_, c| says(c, 3, "fork/exec /bin/sh: resource temporarily unavailable"),
        "fork/exec",
    ),
    (
        "resolved by hand with sensuctl",
        |_, c| says(c, 0, "Resolved manually by sensuctl"),
        "Resolved manually",
    ),
    (
        "keepalive that is alive",
        |_, c| {
            c["metadata"]["name"] = "keepalive".into();
            says(c, 0, "Keepalive last sent from node-1 at 2026-11-22 21:40:00 +0000 UTC");
        },
        SILENT,
    ),
    (
        "keepalive of a dead agent",
        |_, c| {
            c["metadata"]["name"] = "keepalive".into();
            says(c, 1, "No keepalive sent from node-1 for 121 seconds (>= 120)");
        },
        SILENT,
    ),
    (
        "keepalive's words under the check's name",
        |_, c| says(c, 0, "Keepalive last sent from node-1 at 2026-11-22 21:40:00 +0000 UTC"),
        "Keepalive",
    ),
    (
        "output discarded",
        |_, c| {
            c["discard_output"] = true.into();
            says(c, 0, "");
        },
        "no output",
    ),
    ("another vantage point", |_, c| c["subscriptions"] = json!(["builder"]), "from builder, not from node"),
    ("several subscriptions", |_, c| c["subscriptions"] = json!(["node", "builder"]), "node, builder"),
    (
        "posted to the agent's API, scheduled for nobody",
        |_, c| c["subscriptions"] = Value::Null,
        "no subscription",
    ),
    (
        "token in the command",
        |_, c| c["command"] = c["command"].as_str().unwrap().replace("~:10", "{{ .labels.limit }}").into(),
        "export is out of date",
    ),
    (
        "braces that the engine reads as a token",
        |_, c| c["command"] = c["command"].as_str().unwrap().replace("{{\"{{\"}}", "{{").into(),
        "export is out of date",
    ),
    (
        "label of another check",
        |_, c| c["metadata"]["labels"]["mdd_check"] = "0000000000000000".into(),
        "export is out of date",
    ),
    (
        "another platform of the same names",
        |_, c| c["metadata"]["labels"]["mdd_platform"] = "kiln".into(),
        SILENT,
    ),
    ("another datacenter", |_, c| c["metadata"]["labels"]["mdd_dc"] = "ams1".into(), SILENT),
    (
        "a point that is not in the manifest",
        |_, c| c["metadata"]["labels"]["mdd_point"] = "old".into(),
        SILENT,
    ),
    (
        "an instance that is not in the manifest",
        |_, c| c["metadata"]["labels"]["mdd_instance"] = "10.0.0.1".into(),
        SILENT,
    ),
    (
        "no labels, another name",
        |_, c| {
            c["metadata"]["labels"] = Value::Null;
            c["metadata"]["name"] = "p2".into();
        },
        SILENT,
    ),
    (
        "no labels, another command",
        |_, c| {
            c["metadata"]["labels"] = Value::Null;
            c["command"] = "check-file other".into();
        },
        "export is out of date",
    ),
    (
        "no labels, no command",
        |_, c| {
            c["metadata"]["labels"] = Value::Null;
            c.as_object_mut().unwrap().remove("command");
        },
        "neither tells",
    ),
];

const CLASSIC: &[Row] = &[
    ("a token without a value", |_, c| says(c, 3, "Unmatched client token(s): db.port"), "Unmatched client"),
    ("token of older clients", |_, c| says(c, 3, "Unmatched command tokens: db.port"), "Unmatched command"),
    (
        "token in the command",
        |_, c| c["command"] = c["command"].as_str().unwrap().replace("'~:10'", ":::limit:::").into(),
        "export is out of date",
    ),
    ("safe mode", |_, c| says(c, 3, "Check is not locally defined (safe mode)"), "safe mode"),
    (
        "client cannot fork",
        |_, c| says(c, 3, "Unexpected error: Resource temporarily unavailable - fork(2)"),
        "Unexpected error",
    ),
    ("resolved by hand", |_, c| says(c, 0, "Resolving on request of the API"), "Resolving on request"),
    (
        "resolved by hand, with other words",
        |_, c| {
            c["force_resolve"] = true.into();
            says(c, 0, "fine");
        },
        "resolved by hand",
    ),
    (
        "keepalive of a dead client",
        |_, c| {
            c["name"] = "keepalive".into();
            says(c, 2, "No keepalive sent from client for 230 seconds (>=180)");
        },
        SILENT,
    ),
    (
        "keepalive that is alive",
        |_, c| {
            c["name"] = "keepalive".into();
            says(c, 0, "Keepalive sent from client 12 seconds ago");
        },
        SILENT,
    ),
    (
        "keepalive's words under the check's name",
        |_, c| says(c, 0, "Keepalive sent from client 12 seconds ago"),
        "Keepalive sent",
    ),
    (
        "another vantage point",
        |_, c| c["subscribers"] = json!(["roundrobin:builder"]),
        "from builder, not from node",
    ),
    ("several subscribers", |_, c| c["subscribers"] = json!(["node", "builder"]), "node, builder"),
    (
        "given to the client's socket, scheduled for nobody",
        |_, c| c["subscribers"] = json!([]),
        "no subscription",
    ),
    ("on a client's own schedule", |_, c| c["standalone"] = true.into(), "own schedule"),
    ("of another client", |_, c| c["source"] = "node-1".into(), "files it under node-1"),
    (
        "attribute of another check",
        |_, c| c["mdd_check"] = "0000000000000000".into(),
        "export is out of date",
    ),
    ("another platform of the same names", |_, c| c["mdd_platform"] = "kiln".into(), SILENT),
    ("another datacenter", |_, c| c["mdd_dc"] = "ams1".into(), SILENT),
    ("a point that is not in the manifest", |_, c| c["mdd_point"] = "old".into(), SILENT),
    (
        "no attributes, another command",
        |_, c| {
            c.as_object_mut().unwrap().retain(|name, _| !name.starts_with("mdd_"));
            c["command"] = "check-file other".into();
        },
        "export is out of date",
    ),
];

/// Pulls what a row makes of a good document: then the gate has to be shut, and to say why.
fn shut(kind: &str, rows: &[&[Row]], good: impl Fn(&Engine) -> Value) {
    let engine = Engine::new(&[]);
    let state = engine.platform.path(".mdd");
    let control = |document: &Value| {
        engine.pull(kind, document).exits(0);
        engine.platform.mdd(&["gate", "iad2"])
    };
    control(&good(&engine)).exits(0).says("DONE 1 of 1").says(&format!("source {kind} said.json"));
    let mut situations = 0;
    for (what, change, words) in rows.iter().copied().flatten() {
        if state.exists() {
            std::fs::remove_dir_all(&state).unwrap();
        }
        // Where the row is about a result, the vantage point has reported before; where not, nothing else is known.
        if *words != SILENT {
            let mut before = good(&engine);
            executed(
                &mut before["check"],
                now() - if words.starts_with("no result for") { 90_000 } else { 100 },
            );
            engine.pull(kind, &before).exits(0);
        }
        let mut document = good(&engine);
        change(&engine, &mut document["check"]);
        let gate = control(&json!([document]));
        let open = gate.code == Some(0) || gate.code == Some(2);
        assert!(!open, "{what}: the gate is open\n{document:#}\n{}", gate.stdout);
        let record = engine.gate(&[]);
        let point = Platform::entry(&record, "p");
        let instance = &point["instances"][0];
        let usable = instance["usable"] == true;
        assert!(!usable, "{what}: {point:#}");
        let text = point["text"].as_str().unwrap();
        assert!(text.contains(words), "{what}: `{words}` is not in `{text}`");
        // Nor does it open later, by time or by being pulled again.
        let gate = control(&json!([document, document]));
        assert_ne!(gate.code, Some(0), "{what}: pulled again\n{}", gate.stdout);
        situations += 1;
    }
    assert!(situations >= 25, "{situations} situations");
}

#[test]
fn of_sensu_go_never_passes_a_gate() {
    shut("sensu-go", &[BOTH, GO], Engine::event);
}

#[test]
fn of_sensu_classic_never_passes_a_gate() {
    shut("sensu-classic", &[BOTH, CLASSIC], Engine::result);
}

#[test]
fn an_event_under_an_agents_own_name_is_not_the_datacenters() {
    let engine = Engine::new(&[]);
    let mut event = engine.event();
    event["entity"]["metadata"]["name"] = "node-1".into();
    engine.pull("sensu-go", &event).exits(0).says("files it under node-1, not under iad2");
    engine.platform.mdd(&["gate", "iad2"]).exits(1);
}

#[test]
fn after_a_good_result_a_bad_one_shuts_the_gate_and_an_old_document_does_not_open_it() {
    let engine = Engine::new(&[]);
    let good = engine.event();
    let aged = |event: &Value, by: i64| {
        let mut event = event.clone();
        executed(&mut event["check"], now() - by);
        event
    };
    engine.pull("sensu-go", &aged(&good, 60)).exits(0);
    engine.platform.mdd(&["gate", "iad2"]).exits(0);
    let mut dead = aged(&good, 0);
    says(&mut dead["check"], 1, "Last check execution was 60 seconds ago");
    engine.pull("sensu-go", &dead).exits(0);
    engine.platform.mdd(&["gate", "iad2"]).exits(3).says("Last check execution was 60 seconds ago");
    engine.pull("sensu-go", &aged(&good, 50)).exits(0);
    engine.platform.mdd(&["gate", "iad2"]).exits(3);
}

#[test]
fn a_clock_that_goes_back_does_not_keep_an_old_ok() {
    let engine = Engine::new(&[]);
    engine.pull("sensu-go", &engine.event()).exits(0);
    engine.platform.mdd(&["gate", "iad2"]).exits(0);
    // The engine's clock is an hour behind now, and what it says is bad: the OK of before must not hide it.
    let mut behind = engine.event();
    executed(&mut behind["check"], now() - 3600);
    says(&mut behind["check"], 2, "FILE CRITICAL: gone");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    engine.pull("sensu-go", &behind).exits(0).says("clock has gone back");
    engine.platform.mdd(&["gate", "iad2"]).exits(3).says("clock has gone back");
    // Once it is right again, its results count.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    engine.pull("sensu-go", &engine.event()).exits(0);
    engine.platform.mdd(&["gate", "iad2"]).exits(0);
}

#[test]
fn words_of_a_plugin_that_only_sound_like_an_engines_are_results() {
    for output in [
        "LOG OK: 0 lines with `Execution timed out`",
        "FILE OK: sh: 1: x: not found is in the file",
        "FILE OK: connect to address 10.0.0.5 port 5666: Connection refused, says the file",
        "FILE OK: it says <Timeout exceeded.> in line 3",
    ] {
        let engine = Engine::new(&[]);
        let mut event = engine.event();
        event["check"]["output"] = output.into();
        engine.pull("sensu-go", &event).exits(0);
        engine.platform.mdd(&["gate", "iad2"]).exits(0);
    }
}

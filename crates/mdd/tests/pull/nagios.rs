//! Nagios, and NRPE behind it: whatever goes wrong between a check and its result, the gate is not DONE.

use crate::harness::{Outcome, Platform};
use crate::sensu::{Engine, now};

/// What Nagios has written.
#[derive(Clone)]
struct Written {
    /// `status.dat`.
    status: String,
    /// `objects.cache` beside it.
    objects: Option<String>,
}

/// What happens, the change that it makes to good files, and words of what `mdd` then says of the point, or of the file when it
/// reads none.
type Row = (&'static str, fn(&Engine, &mut Written), &'static str);

/// Nothing came that says anything of the point.
const SILENT: &str = "has never reported";
/// The file is refused.
const REFUSED: &str = "read nagios of said.dat: ";

impl Written {
    /// A service that is OK and was run now, by the server itself.
    fn direct(engine: &Engine) -> Self {
        let line = format!("$USER1$/{}", engine.line.replace('$', "$$"));
        Written::of(engine, "iad2", "mdd_iad2_p", &line)
    }

    /// The same through NRPE.
    fn nrpe(engine: &Engine) -> Self {
        let line = format!(
            "$USER1$/check_nrpe -H '$HOSTADDRESS$' -t 15:UNKNOWN -c mdd_iad2_p_{}",
            &engine.hash[..8]
        );
        Written::of(engine, "iad2_node", "mdd_iad2_p", &line)
    }

    fn of(engine: &Engine, host: &str, command: &str, line: &str) -> Self {
        let (at, hash) = (now(), &engine.hash);
        let started = at - 200_000;
        let objects = format!(
            "########################################\n#       NAGIOS OBJECT CACHE FILE\n\ndefine command {{\n\
             \tcommand_name\t{command}\n\tcommand_line\t{line}\n\t}}\n\ndefine service {{\n\thost_name\t{host}\n\
             \tservice_description\tp\n\tcheck_command\t{command}\n\t}}\n\n"
        );
        let status = format!(
            "########################################\n#          NAGIOS STATUS FILE\n\ninfo {{\n\tcreated={at}\n\
             \tversion=4.4.6\n\t}}\n\nprogramstatus {{\n\tnagios_pid=4711\n\tprogram_start={started}\n\
             \tactive_service_checks_enabled=1\n\t}}\n\nservicestatus {{\n\thost_name={host}\n\
             \tservice_description=p\n\tcheck_command={command}\n\thas_been_checked=1\n\tshould_be_scheduled=1\n\
             \tcheck_execution_time=0.012\n\tcheck_type=0\n\tcurrent_state=0\n\tplugin_output=FILE OK: it is there\n\
             \tlong_plugin_output=\n\tperformance_data=size=12B;\n\tlast_check={at}\n\tactive_checks_enabled=1\n\
             \tproblem_has_been_acknowledged=0\n\tscheduled_downtime_depth=0\n\t_MDD_CHECK=0;{hash}\n\
             \t_MDD_DC=0;iad2\n\t_MDD_PLATFORM=0;quay\n\t_MDD_POINT=0;p\n\t_MDD_VANTAGE=0;node\n\t}}\n\n"
        );
        Written { status, objects: Some(objects) }
    }

    /// Another value in the last block that has this name.
    fn set(&mut self, name: &str, value: &str) {
        let start = self.status.rfind(&format!("\t{name}=")).unwrap_or_else(|| panic!("{name} is not there"));
        let end = start + self.status[start..].find('\n').unwrap();
        self.status.replace_range(start..end, &format!("\t{name}={value}"));
    }

    fn says(&mut self, state: u8, output: &str) {
        self.set("current_state", &state.to_string());
        self.set("plugin_output", output);
        self.set("performance_data", "");
    }

    /// Runs something else.
    fn runs(&mut self, change: impl Fn(&str) -> String) {
        let objects = self.objects.take().unwrap();
        let line = objects.lines().find_map(|line| line.strip_prefix("\tcommand_line\t")).unwrap();
        self.objects = Some(objects.replace(line, &change(line)));
    }

    fn executed(&mut self, at: i64) {
        self.set("last_check", &at.to_string());
    }

    /// The one service block.
    fn service(&self) -> String {
        self.status[self.status.find("servicestatus {").unwrap()..].to_owned()
    }

    /// Pulls it.
    fn pull(&self, engine: &Engine) -> Outcome {
        let cache = engine.platform.path("objects.cache");
        match &self.objects {
            Some(objects) => std::fs::write(&cache, objects).unwrap(),
            None if cache.exists() => std::fs::remove_file(&cache).unwrap(),
            None => {}
        }
        std::fs::write(engine.platform.path("said.dat"), &self.status).unwrap();
        engine.platform.mdd(&["pull", "nagios", "said.dat"])
    }
}

const ROWS: &[Row] = &[
    ("timeout", |_, w| w.says(2, "(Service check timed out after 60.01 seconds)"), "timed out"),
    (
        "timeout with service_check_timeout_state=o",
        |_, w| w.says(0, "(Service check timed out after 60.01 seconds)"),
        "timed out",
    ),
    (
        "126, not executable",
        |_, w| w.says(2, "(Return code of 126 is out of bounds. Check if plugin is executable)"),
        "Return code of 126",
    ),
    (
        "127, not found",
        |_, w| w.says(2, "(Return code of 127 is out of bounds. Check if plugin exists)"),
        "Return code of 127",
    ),
    (
        "exit code 7",
        |_, w| w.says(2, "(Return code of 7 for service 'p' on host 'iad2' was out of bounds)"),
        "Return code of 7",
    ),
    (
        "out of bounds, taken for OK",
        |_, w| w.says(0, "(Return code of 255 for service 'p' on host 'iad2' was out of bounds)"),
        "Return code of 255",
    ),
    ("no output, OK", |_, w| w.says(0, "(No output on stdout) stderr: "), "No output"),
    (
        "program is not there",
        |_, w| {
            w.says(
                2,
                "(No output on stdout) stderr: execvp(/usr/lib/nagios/plugins/check-file, ...) failed. errno is 2: No such file or directory",
            );
        },
        "No output",
    ),
    ("empty first line", |_, w| w.says(0, "(No output returned from plugin)"), "No output"),
    ("nothing at all", |_, w| w.says(0, ""), "no output"),
    (
        "performance data alone",
        |_, w| {
            w.says(0, "");
            w.set("performance_data", "size=12B");
        },
        "no output",
    ),
    (
        "long output alone",
        |_, w| {
            w.says(0, "");
            w.set("long_plugin_output", "(No output on stdout) stderr: x\\n");
        },
        "No output",
    ),
    ("a check that did not exit", |_, w| w.says(0, "(Service check did not exit properly)"), "did not exit"),
    (
        "worker could not start it",
        |_, w| w.says(0, "(Error: Could not execute command)"),
        "Could not execute",
    ),
    (
        "stale results",
        |_, w| {
            w.says(0, "Warning: The results of service 'p' on host 'iad2' are stale by 0d 0h 1m 2s (threshold=0d 0h 3m 0s).");
        },
        "are stale by",
    ),
    ("state of a plugin of another kind", |_, w| w.says(9, "FILE OK: it is there"), "exit code 9"),
    (
        "old status.dat",
        |_, w| {
            w.executed(now() - 86_400);
            w.status =
                w.status.replace(&format!("created={}", now()), &format!("created={}", now() - 86_400));
        },
        "no result for",
    ),
    (
        "Nagios lives, its checks are disabled",
        |_, w| {
            w.executed(now() - 400);
            w.set("active_checks_enabled", "0");
            w.set("active_service_checks_enabled", "0");
        },
        "no result for",
    ),
    ("Nagios lives, and does not come to run it", |_, w| w.executed(now() - 400), "no result for"),
    (
        "clock an hour behind",
        |_, w| {
            w.executed(now() - 3600);
        },
        "no result for",
    ),
    ("clock an hour ahead", |_, w| w.executed(now() + 3600), "clock is"),
    ("last check in twelve seconds", |_, w| w.executed(now() + 12), "clock is"),
    ("a result that somebody submitted", |_, w| w.set("check_type", "1"), "a passive result"),
    ("never checked", |_, w| w.set("has_been_checked", "0"), SILENT),
    ("checked at no time", |_, w| w.executed(0), SILENT),
    (
        "remembered from before a reload",
        |_, w| {
            let started = now();
            w.set("program_start", &started.to_string());
            w.executed(started - 30);
        },
        SILENT,
    ),
    ("another host", |_, w| w.set("host_name", "node-1"), "files it under node-1"),
    ("host of another datacenter", |_, w| w.set("host_name", "ams1"), "files it under ams1"),
    (
        "host of another vantage point",
        |_, w| w.set("host_name", "iad2_builder"),
        "from builder, not from node",
    ),
    (
        "exported for another vantage point",
        |_, w| w.set("_MDD_VANTAGE", "0;builder"),
        "from builder, not from node",
    ),
    ("exported as another check", |_, w| w.set("_MDD_CHECK", "0;0000000000000000"), "export is out of date"),
    ("another argument", |_, w| w.runs(|line| line.replace("~:10", "~:99")), "export is out of date"),
    ("argument left out", |_, w| w.runs(|line| line.replace(" '~:10'", "")), "export is out of date"),
    (
        "failure swallowed by a shell",
        |_, w| w.runs(|line| format!("{line} || true")),
        "export is out of date",
    ),
    (
        "another program",
        |_, w| w.runs(|line| line.replace("check-file", "check-true")),
        "export is out of date",
    ),
    (
        "command changed while it runs",
        |_, w| w.set("check_command", "check-dummy!0"),
        "export is out of date",
    ),
    (
        "command changed, no objects.cache",
        |_, w| {
            w.objects = None;
            w.set("check_command", "check-dummy!0");
        },
        "export is out of date",
    ),
    (
        "neither label nor objects.cache",
        |_, w| {
            w.objects = None;
            let lines = w.status.split_inclusive('\n').filter(|line| !line.contains("_MDD_CHECK"));
            w.status = lines.collect();
        },
        "neither tells the command",
    ),
    (
        "two services of one check",
        |_, w| {
            let twin = w.service().replace("service_description=p\n", "service_description=p2\n");
            w.status += &twin;
        },
        "several services are this check: iad2/p, iad2/p2",
    ),
    ("the same service twice", |_, w| w.status += &w.service(), "several services are this check"),
    ("another datacenter", |_, w| w.set("_MDD_DC", "0;ams1"), SILENT),
    ("another platform of the same names", |_, w| w.set("_MDD_PLATFORM", "0;kiln"), SILENT),
    ("a point that is not in the manifest", |_, w| w.set("_MDD_POINT", "0;old"), SILENT),
    ("cut within a block", |_, w| w.status.truncate(w.status.find("\tcurrent_state").unwrap()), "it is cut"),
    ("cut within a line", |_, w| w.status.truncate(w.status.find("_MDD_POINT").unwrap()), "it is cut"),
    ("cut between blocks", |_, w| w.status.truncate(w.status.find("servicestatus").unwrap()), SILENT),
    ("empty", |_, w| w.status.clear(), "no status.dat"),
    ("another file", |_, w| "FILE OK: it is there\n".clone_into(&mut w.status), "begins no block"),
    ("without a time", |_, w| w.set("created", "0"), "no time"),
    ("a number that is none", |_, w| w.set("last_check", "now"), "last_check=now"),
    ("without a state", |_, w| w.status = w.status.replace("\tcurrent_state=0\n", ""), "no current_state"),
    (
        "half an objects.cache",
        |_, w| {
            let half = w.objects.take().unwrap();
            w.objects = Some(half[..half.len() / 2].to_owned());
        },
        "it is cut",
    ),
];

/// Rows of a service that asks an agent.
const NRPE: &[Row] = &[
    (
        "agent is dead",
        |_, w| {
            w.says(
                2,
                "(No output on stdout) stderr: connect to address 10.0.0.5 port 5666: Connection refused",
            );
        },
        "refused",
    ),
    (
        "agent is dead, stderr merged",
        |_, w| w.says(2, "connect to address 10.0.0.5 port 5666: Connection refused"),
        "refused",
    ),
    (
        "agent's machine is gone",
        |_, w| w.says(3, "connect to address 10.0.0.5 port 5666: No route to host"),
        "No route",
    ),
    (
        "agent has no name",
        |_, w| w.says(1, "Could not resolve hostname node-1: Name or service not known"),
        "resolve",
    ),
    (
        "no TLS",
        |_, w| {
            w.says(3, "CHECK_NRPE: (ssl_err != 5) Error - Could not complete SSL handshake with 10.0.0.5: 1");
        },
        "SSL handshake",
    ),
    (
        "connection reset",
        |_, w| w.says(3, "CHECK_NRPE: Error - Could not connect to 10.0.0.5: Connection reset by peer"),
        "Could not connect",
    ),
    ("plugin said nothing", |_, w| w.says(3, "NRPE: Unable to read output"), "Unable to read output"),
    (
        "plugin said nothing, taken for OK",
        |_, w| w.says(0, "NRPE: Unable to read output"),
        "Unable to read output",
    ),
    (
        "agent's file is older",
        |_, w| w.says(3, "NRPE: Command 'mdd_iad2_p_00000000' not defined"),
        "not defined",
    ),
    ("plugin took too long", |_, w| w.says(3, "NRPE: Command timed out after 60 seconds"), "timed out"),
    (
        "agent took too long",
        |_, w| w.says(2, "CHECK_NRPE STATE CRITICAL: Socket timeout after 10 seconds."),
        "Socket timeout",
    ),
    (
        "agent took too long, -t 10:OK",
        |_, w| w.says(0, "CHECK_NRPE STATE OK: Socket timeout after 10 seconds."),
        "Socket timeout",
    ),
    (
        "agent refuses to answer",
        |_, w| w.says(3, "CHECK_NRPE: Receive header underflow - only 0 bytes received (4 expected)."),
        "underflow",
    ),
    ("agent speaks otherwise", |_, w| w.says(3, "CHECK_NRPE: Response packet had invalid CRC32."), "CRC32"),
    ("agent answers, nothing was asked", |_, w| w.says(0, "NRPE v4.1.0"), "NRPE v4.1.0"),
    (
        "asks for another command",
        |_, w| w.runs(|line| line.replace("mdd_iad2_p_", "mdd_iad2_q_")),
        "export is out of date",
    ),
    (
        "asks for the check of before",
        |e, w| {
            let hash = e.hash[..8].to_owned();
            w.runs(|line| line.replace(&hash, "00000000"));
        },
        "export is out of date",
    ),
    (
        "asks for no command",
        |_, w| w.runs(|line| line.split(" -c ").next().unwrap().to_owned()),
        "export is out of date",
    ),
    (
        "asks another host",
        |_, w| w.runs(|line| line.replace("'$HOSTADDRESS$'", "10.9.9.9")),
        "export is out of date",
    ),
];

/// Pulls what each row makes of good files: then the gate has to be shut, and to say why.
fn shut(good: fn(&Engine) -> Written, rows: &[Row]) {
    let engine = Engine::new(&[]);
    let state = engine.platform.path(".mdd");
    let gate = || engine.platform.mdd(&["gate", "iad2"]);
    good(&engine).pull(&engine).exits(0);
    gate().exits(0).says("DONE 1 of 1").says("source nagios said.dat");
    for (what, change, words) in rows {
        std::fs::remove_dir_all(&state).unwrap();
        let mut before = good(&engine);
        before.executed(now() - if words.starts_with("no result for") { 90_000 } else { 170 });
        // Where the row is about a result, the vantage point has reported before; where not, nothing else is known.
        if *words != SILENT {
            before.pull(&engine).exits(0);
        }
        let mut after = good(&engine);
        change(&engine, &mut after);
        let pulled = after.pull(&engine);
        if pulled.code == Some(0) {
            let record = engine.gate(&[]);
            let point = Platform::entry(&record, "p");
            let text = point["text"].as_str().unwrap();
            assert!(text.contains(words), "{what}: `{words}` is not in `{text}`");
            assert!(point["instances"][0]["usable"] != true, "{what}: {point:#}");
            assert_ne!(gate().code, Some(0), "{what}: the gate is open\n{}", pulled.stdout);
            // Nor does it open when it is pulled again.
            after.pull(&engine);
            assert_ne!(gate().code, Some(0), "{what}: the gate is open after a second pull");
        } else {
            // A file that is refused leaves things as they are.
            let read = [REFUSED, "objects.cache: "].iter().any(|start| pulled.stderr.contains(start));
            assert!(pulled.code == Some(5) && read, "{what}: {pulled:?}");
            assert!(pulled.stderr.contains(words), "{what}: `{words}` is not in `{}`", pulled.stderr);
            std::fs::remove_dir_all(&state).unwrap();
            assert_eq!(after.pull(&engine).code, Some(5), "{what}");
            assert_ne!(gate().code, Some(0), "{what}: the gate is open");
        }
        // Making it good again opens it: nothing but the row has shut it.
        let mut again = good(&engine);
        again.executed(now() + 1);
        again.pull(&engine).exits(0);
        assert_eq!(gate().code, Some(0), "{what}: the gate stays shut");
    }
}

#[test]
fn of_nagios_never_passes_a_gate() {
    assert!(ROWS.len() >= 25);
    shut(Written::direct, ROWS);
}

#[test]
fn of_nrpe_behind_nagios_never_passes_a_gate() {
    shut(Written::nrpe, NRPE);
}

#[test]
fn a_nagios_that_has_stopped_has_no_status_dat() {
    let engine = Engine::new(&[]);
    let gone = engine.platform.mdd(&["pull", "nagios", "said.dat"]).exits(5);
    assert!(gone.stderr.contains("said.dat"), "{}", gone.stderr);
    assert_ne!(engine.platform.mdd(&["gate", "iad2"]).code, Some(0));
    // Nor is anybody there to ask.
    let port = testkit::free_port();
    let asked = engine.platform.mdd(&["pull", "nagios", &format!("http://127.0.0.1:{port}/cgi")]).exits(5);
    assert!(asked.stderr.contains("/cgi/statusjson.cgi"), "{}", asked.stderr);
    let url = "http://127.0.0.1:1/";
    let refused = engine.platform.mdd(&["pull", "nagios", url, "--objects", "objects.cache"]).exits(2);
    assert!(refused.stderr.contains("status.dat"), "{}", refused.stderr);
}

#[test]
fn what_a_signal_ended_is_unknown_in_the_plugins_own_words() {
    let engine = Engine::new(&[]);
    let mut killed = Written::direct(&engine);
    killed.says(3, "FILE OK: half of what");
    killed.pull(&engine).exits(0);
    assert_ne!(engine.platform.mdd(&["gate", "iad2"]).code, Some(0));
}

#[test]
fn a_downtime_and_an_acknowledgement_are_shown_and_not_obeyed() {
    let engine = Engine::new(&[]);
    let mut bad = Written::direct(&engine);
    bad.says(2, "FILE CRITICAL: gone");
    bad.set("scheduled_downtime_depth", "1");
    bad.set("problem_has_been_acknowledged", "1");
    bad.status += "servicecomment {\n\thost_name=iad2\n\tservice_description=p\n\tentry_type=2\n\tauthor=(Nagios Process)\n\
        \tcomment_data=not this one\n\t}\n\nservicecomment {\n\thost_name=iad2\n\tservice_description=p\n\tentry_type=4\n\
        \tauthor=alex\n\tcomment_data=known; parts = ordered\n\t}\n\nservicedowntime {\n\thost_name=iad2\n\
        \tservice_description=p\n\tend_time=1900000000\n\tauthor=kim\n\tcomment=line cards\n\t}\n\n";
    let pulled = bad.pull(&engine).exits(0);
    pulled.says("in a downtime of Nagios by kim until 2030-03-17T17:46:40Z: line cards");
    pulled.says("acknowledged in Nagios by alex: known; parts = ordered");
    assert_ne!(engine.platform.mdd(&["gate", "iad2"]).code, Some(0));
}

#[test]
fn the_label_is_enough_where_objects_cache_cannot_be_had_and_a_named_one_is_read() {
    let engine = Engine::new(&[]);
    let good = Written::direct(&engine);
    let mut bare = good.clone();
    bare.objects = None;
    bare.pull(&engine).exits(0);
    engine.platform.mdd(&["gate", "iad2"]).exits(0);
    let mut other = good.clone();
    other.runs(|line| line.replace("~:10", "~:99"));
    std::fs::write(engine.platform.path("there.cache"), other.objects.unwrap()).unwrap();
    let said = engine.platform.mdd(&["pull", "nagios", "said.dat", "--objects", "there.cache"]).exits(0);
    said.says("export is out of date");
    let missing = engine.platform.mdd(&["pull", "nagios", "said.dat", "--objects", "nowhere.cache"]).exits(5);
    assert!(missing.stderr.contains("nowhere.cache"), "{}", missing.stderr);
    engine.platform.mdd(&["pull", "mdd", "said.dat", "--objects", "there.cache"]).exits(2);
}

#[test]
fn long_output_comes_back_as_it_was_written() {
    let engine = Engine::new(&[]);
    let mut long = Written::direct(&engine);
    long.set("long_plugin_output", r"C:\\new\nsecond = line\n");
    long.pull(&engine).exits(0);
    let record = engine.gate(&[]);
    let output = Platform::entry(&record, "p")["instances"][0]["output"].as_str().unwrap().to_owned();
    assert_eq!(output, "FILE OK: it is there\nC:\\new\nsecond = line");
    assert_eq!(Platform::entry(&record, "p")["instances"][0]["perf"], "size=12B;");
}

/// The answers of the CGIs, one after the other: states, services, commands.
fn answers(engine: &Engine) -> [serde_json::Value; 3] {
    let at = now() * 1000;
    let result = |cgi: &str, query: &str| {
        serde_json::json!({"cgi": cgi, "query": query, "type_code": 0, "message": "", "program_start": at - 200_000_000,
            "last_data_update": at, "query_time": at})
    };
    let state = serde_json::json!({"host_name": "iad2", "description": "p", "plugin_output": "FILE OK: it is there",
        "long_plugin_output": "", "perf_data": "size=12B;", "status": 2, "has_been_checked": true, "last_check": at,
        "check_type": 0, "execution_time": 0.01, "problem_has_been_acknowledged": false, "scheduled_downtime_depth": 0});
    let service = serde_json::json!({"check_command": "mdd_iad2_p", "custom_variables": {"MDD_CHECK": engine.hash,
        "MDD_DC": "iad2", "MDD_PLATFORM": "quay", "MDD_POINT": "p", "MDD_VANTAGE": "node"}});
    let line = format!("$USER1$/{}", engine.line.replace('$', "$$"));
    [
        serde_json::json!({"result": result("statusjson.cgi", "servicelist"),
            "data": {"servicelist": {"iad2": {"p": state}}}}),
        serde_json::json!({"result": result("objectjson.cgi", "servicelist"),
            "data": {"servicelist": {"iad2": {"p": service}}}}),
        serde_json::json!({"result": result("objectjson.cgi", "commandlist"),
            "data": {"commandlist": {"mdd_iad2_p": {"name": "mdd_iad2_p", "command_line": line}}}}),
    ]
}

#[test]
fn of_the_cgis_never_passes_a_gate() {
    type Change = fn(&mut [serde_json::Value; 3]);
    let rows: &[(&str, Change)] = &[
        ("pending", |all| all[0]["data"]["servicelist"]["iad2"]["p"]["status"] = 1.into()),
        ("critical", |all| all[0]["data"]["servicelist"]["iad2"]["p"]["status"] = 16.into()),
        ("a state that does not exist", |all| {
            all[0]["data"]["servicelist"]["iad2"]["p"]["status"] = 32.into();
        }),
        ("no state", |all| all[0]["data"]["servicelist"]["iad2"]["p"]["status"] = serde_json::Value::Null),
        ("never checked", |all| {
            all[0]["data"]["servicelist"]["iad2"]["p"]["has_been_checked"] = false.into();
        }),
        ("checked in 1970", |all| all[0]["data"]["servicelist"]["iad2"]["p"]["last_check"] = 0.into()),
        ("passive", |all| all[0]["data"]["servicelist"]["iad2"]["p"]["check_type"] = 1.into()),
        ("from the future", |all| {
            let at = all[0]["data"]["servicelist"]["iad2"]["p"]["last_check"].as_i64().unwrap();
            all[0]["data"]["servicelist"]["iad2"]["p"]["last_check"] = (at + 3_600_000).into();
        }),
        ("before the start", |all| {
            let start = all[0]["result"]["program_start"].clone();
            all[0]["data"]["servicelist"]["iad2"]["p"]["last_check"] = start;
        }),
        ("timeout", |all| {
            all[0]["data"]["servicelist"]["iad2"]["p"]["plugin_output"] =
                "(Service check timed out after 60.01 seconds)".into();
        }),
        ("an output that is left out, and nothing that shows a plugin's hand", |all| {
            all[0]["data"]["servicelist"]["iad2"]["p"]["plugin_output"] = "".into();
            all[0]["data"]["servicelist"]["iad2"]["p"]["perf_data"] = "".into();
        }),
        ("another check", |all| {
            all[1]["data"]["servicelist"]["iad2"]["p"]["custom_variables"]["MDD_CHECK"] =
                "0123456789abcdef".into();
        }),
        ("another vantage point", |all| {
            all[1]["data"]["servicelist"]["iad2"]["p"]["custom_variables"]["MDD_VANTAGE"] = "builder".into();
        }),
        ("another line", |all| {
            all[2]["data"]["commandlist"]["mdd_iad2_p"]["command_line"] = "/bin/true".into();
        }),
        ("another command", |all| {
            all[1]["data"]["servicelist"]["iad2"]["p"]["check_command"] = "true".into();
        }),
        ("a line that is cut, of a command that is not the export's", |all| {
            all[1]["data"]["servicelist"]["iad2"]["p"]["check_command"] = "true".into();
            all[2]["data"]["commandlist"]["true"] = serde_json::json!({"command_line": "/bin/true 'a"});
        }),
        ("started again meanwhile", |all| all[1]["result"]["program_start"] = 1.into()),
        ("an answer that failed", |all| {
            all[0]["result"]["type_code"] = 3.into();
            all[0]["result"]["message"] = "Error: Could not read status data.".into();
        }),
        ("no services", |all| all[1]["data"]["servicelist"] = serde_json::json!({})),
        ("no states", |all| all[0]["data"]["servicelist"] = serde_json::json!({})),
        ("an answer to another question", |all| all[2]["result"]["query"] = "hostlist".into()),
        ("no result", |all| all[0] = serde_json::json!({"error": "not found"})),
    ];
    let pull = |change: Change| {
        let engine = Engine::new(&[]);
        let mut all = answers(&engine);
        change(&mut all);
        let text = all.each_ref().map(|one| format!("{one:#}\n")).concat();
        std::fs::write(engine.platform.path("said.json"), text).unwrap();
        let pulled = engine.platform.mdd(&["pull", "nagios", "said.json"]);
        (pulled, engine.platform.mdd(&["gate", "iad2"]).code)
    };
    let (good, gate) = pull(|_| {});
    assert_eq!((good.code, gate), (Some(0), Some(0)), "{}{}", good.stdout, good.stderr);
    // The CGIs end a line at its `;`: the export's own command with its label is enough then.
    let cut: Change =
        |all| all[2]["data"]["commandlist"]["mdd_iad2_p"]["command_line"] = "$USER1$/check-file 'a".into();
    assert_eq!(pull(cut).1, Some(0));
    let left_out: Change = |all| all[0]["data"]["servicelist"]["iad2"]["p"]["plugin_output"] = "".into();
    assert_eq!(pull(left_out).1, Some(0));
    for (what, change) in rows {
        let (pulled, gate) = pull(*change);
        assert_ne!(gate, Some(0), "{what}: {}{}", pulled.stdout, pulled.stderr);
    }
    let engine = Engine::new(&[]);
    for broken in ["{", "{}", "{\"result\": 1}", "{\"result\": {}}"] {
        std::fs::write(engine.platform.path("said.json"), broken).unwrap();
        engine.platform.mdd(&["pull", "nagios", "said.json"]).exits(5);
    }
}

//! NRPE serves every exported command, and Nagios asks for it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use testkit::agents::{Nrpe, PLUGINS, nagios, nrpe, open_folder};
use testkit::{Ran, Run, poll_until, run};

use crate::nagios::{exported, manifest, mdd, wait_for_results};
use crate::package;
use crate::rehearsed::Rehearsed;

/// Longest wait for what takes a few seconds.
const WAIT: Duration = Duration::from_mins(1);

/// A program that everybody may start.
fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("write a program");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("let it be started");
}

/// The commands of an agent's file, by name.
fn commands(file: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("read {}: {error}", file.display()));
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (name, command) = line.split_once("]=").unwrap_or_else(|| panic!("no command: {line}"));
            (name.trim_start_matches("command[").to_owned(), command.to_owned())
        })
        .collect()
}

/// What a plugin says, without the numbers that differ from run to run.
fn without_numbers(ran: &Ran) -> (Option<i32>, String) {
    let text = ran.stdout.split('|').next().unwrap_or_default();
    let mut out = String::new();
    for word in text.split_whitespace() {
        let measured = word.starts_with(|c: char| c.is_ascii_digit())
            && word.trim_end_matches(',').parse::<f64>().is_ok();
        let unit = ["ms", "s", "us", "µs", "ns"].contains(&word.trim_end_matches([',', ':']));
        if !measured && !unit {
            out.push_str(word);
            out.push(' ');
        }
    }
    (ran.code, out)
}

#[test]
fn every_command_of_the_rehearsal_says_through_nrpe_what_its_plugin_says() {
    let rehearsed = Rehearsed::new();
    let folder = open_folder();
    let out = rehearsed.export("nrpe", folder.path());
    let file = out.join("agents/paas-node.cfg");
    let plugins = package::plugin_dir();
    let text = fs::read_to_string(&file).expect("read the agent's file");
    fs::write(&file, text.replace(PLUGINS, &plugins.to_string_lossy())).expect("write it");
    let agent = nrpe(&out.join("agents"), "");
    let served = commands(&file);
    let seen = rehearsed.ask("run.db", &["run", "iad2", "--as", "paas-node"]);
    let mut asked = 0;
    for instance in instances(&seen) {
        let argv: Vec<&str> =
            instance["argv"].as_array().expect("argv").iter().filter_map(Value::as_str).collect();
        let hash = &instance["argv_hash"].as_str().expect("a hash")[..8];
        let name = served
            .keys()
            .find(|name| name.ends_with(hash))
            .unwrap_or_else(|| panic!("no command for {argv:?}"));
        let direct = || without_numbers(&run(plugins.join(argv[0]), &argv[1..]));
        let through = || without_numbers(&agent.ask(name));
        // A busy machine may be slow at one moment and not at the next.
        let mut last = (through(), direct());
        let same = poll_until(WAIT, || {
            last = (through(), direct());
            last.0 == last.1
        });
        assert!(same, "{name}: {last:#?}\n{}", agent.server.log());
        assert!(last.0.0 == Some(0) || last.0.0 == Some(1), "{name}: {last:?}");
        asked += 1;
    }
    assert_eq!((asked, served.len()), (16, 16));
    assert!(!agent.server.log().to_lowercase().contains("warning"), "{}", agent.server.log());
}

fn instances(json: &Value) -> Vec<Value> {
    let points = json["points"].as_array().expect("points");
    points.iter().flat_map(|point| point["instances"].as_array().expect("instances").clone()).collect()
}

/// The reference manifest's commands: the daemon starts, and knows every name.
#[test]
fn the_reference_manifests_files_start_a_daemon_that_knows_every_command() {
    let folder = exported(&crate::nagios::reference(), "nrpe", &["iad2", "ams1"], &[]);
    for vantage in ["paas-node", "build-node", "control-node"] {
        let agents = open_folder();
        for dc in ["iad2", "ams1"] {
            let from = folder.path().join(dc).join(format!("agents/{vantage}.cfg"));
            fs::copy(from, agents.path().join(format!("mdd-{dc}.cfg"))).expect("copy the agent's file");
        }
        let agent = nrpe(agents.path(), "");
        for dc in ["iad2", "ams1"] {
            for name in commands(&agents.path().join(format!("mdd-{dc}.cfg"))).keys() {
                let said = agent.ask(name).stdout;
                assert!(!said.contains("not defined") && !said.contains("CHECK_NRPE"), "{name}: {said}");
            }
        }
        assert!(agent.ask("mdd_iad2_nothing").stdout.contains("not defined"));
    }
}

/// A manifest whose agents have their programs in `plugins`, and the export of it.
fn agent_of(folder: &Path, plugins: &Path, points: &str) -> (PathBuf, tempfile::TempDir) {
    let engines =
        format!("engines: {{nrpe: {{plugin_dir: {0}}}, nagios: {{plugin_dir: {0}}}}}\n", plugins.display());
    let file = manifest(folder, points, &engines);
    let out = exported(&file, "nrpe", &["iad2"], &[]);
    (file, out)
}

#[test]
fn long_output_arrives_whole_and_over_version_2_cut() {
    let (folder, plugins) = (open_folder(), open_folder());
    script(
        &plugins.path().join("check-long"),
        "printf 'LONG OK: %s bytes | size=%sB;\\n' \"$1\" \"$1\"; head -c \"$1\" /dev/zero | tr '\\0' x; echo .",
    );
    let points = [500, 1500, 4000, 5000, 60_000]
        .map(|size| format!("  b{size}: {{group: g, milestone: core, title: T, why: W, check: [check-long, \"{size}\"]}}\n"))
        .concat();
    let (_file, out) = agent_of(folder.path(), plugins.path(), &points);
    let file = out.path().join("iad2/agents/node.cfg");
    let agent = nrpe(&file, "");
    for (name, command) in commands(&file) {
        let direct = run("/bin/sh", ["-c", &command]).stdout;
        assert_eq!(agent.ask(&name).stdout, direct, "{name}");
        let old = ask_version_2(&agent, &name);
        assert_eq!(old, direct[..direct.len().min(1023)], "{name}");
        // The first line, with the performance data, is never cut.
        assert!(old.starts_with(direct.lines().next().expect("a line")), "{name}");
    }
}

fn ask_version_2(agent: &Nrpe, name: &str) -> String {
    let port = agent.port.to_string();
    let program = Path::new(PLUGINS).join("check_nrpe");
    let ran = Run::new(program).args(["-2", "-H", "127.0.0.1", "-p", &port, "-t", "20", "-c", name]).go();
    // What has filled the packet ends without its newline, and check_nrpe adds one.
    ran.stdout.strip_suffix('\n').filter(|text| text.len() == 1023).unwrap_or(&ran.stdout).to_owned()
}

#[test]
fn a_line_of_2000_bytes_is_served_and_a_longer_one_refused() {
    let (folder, plugins) = (open_folder(), open_folder());
    script(&plugins.path().join("check-length"), "echo \"LENGTH OK: ${#1}\"");
    let head = format!("command[mdd_iad2_long_01234567]={}/check-length ", plugins.path().display());
    let fits = 2000 - head.len();
    let point = |length: usize| {
        format!(
            "  long: {{group: g, milestone: core, title: T, why: W, check: [check-length, {}]}}\n",
            "x".repeat(length)
        )
    };
    let (manifest, out) = agent_of(folder.path(), plugins.path(), &point(fits));
    let file = out.path().join("iad2/agents/node.cfg");
    let longest = fs::read_to_string(&file).expect("read it").lines().map(str::len).max();
    assert_eq!(longest, Some(2000));
    let name = commands(&file).into_keys().next().expect("a command");
    let agent = nrpe(&file, "");
    assert_eq!(agent.ask(&name).stdout, format!("LENGTH OK: {fits}\n"), "{}", agent.server.log());

    let text = fs::read_to_string(&manifest).expect("read the manifest");
    fs::write(&manifest, text.replace(&"x".repeat(fits), &"x".repeat(fits + 1))).expect("write the manifest");
    let again = out.path().to_string_lossy().into_owned();
    let refused = mdd(&manifest, &["export", "nrpe", "iad2", "--out", &again]);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(refused.stderr.contains("the line has 2001 bytes"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--style exec"), "{}", refused.stderr);
}

/// Nagios asks the agent; an agent that is older than the server's files, or is gone, never looks green.
#[test]
fn nagios_asks_the_agent_and_no_dead_or_old_agent_passes_a_gate() {
    let (folder, plugins) = (open_folder(), open_folder());
    script(&plugins.path().join("check-fine"), "echo \"FINE OK: $1 | a=1;\"");
    let points =
        "  fine: {group: g, milestone: core, title: T, why: W, check: [check-fine, \"it's; $$ARG1$$ !\"]}\n";
    let (manifest, out) = agent_of(folder.path(), plugins.path(), points);
    let file = out.path().join("iad2/agents/node.cfg");
    let agent = nrpe(&file, "");
    // Agents listen on port 5666; this one does not.
    let ask = format!("exec {PLUGINS}/check_nrpe -p {} \"$@\"", agent.port);
    script(&plugins.path().join("check_nrpe"), &ask);
    let objects = open_folder();
    for name in ["contacts.cfg", "services.cfg"] {
        fs::copy(out.path().join("iad2/server").join(name), objects.path().join(name))
            .expect("copy the server's files");
    }
    fs::copy(out.path().join("stock.cfg"), objects.path().join("stock.cfg"))
        .expect("copy the stock commands");
    let server = nagios(objects.path(), Path::new(PLUGINS), "");
    wait_for_results(&server, "iad2_node", "");
    let state = folder.path().join("history.db").to_string_lossy().into_owned();
    let status = server.status.to_string_lossy().into_owned();
    let pull = || mdd(&manifest, &["--state", &state, "pull", "nagios", &status]);
    let gate = || mdd(&manifest, &["--state", &state, "gate", "iad2"]);
    let green = poll_until(WAIT, || pull().stdout.contains("1 of 1 proven"));
    assert!(green, "{}{}", pull().stdout, server.server.log());
    assert_eq!(gate().code, Some(0), "{}", gate().stdout);
    let text = fs::read_to_string(&server.status).expect("read status.dat");
    assert!(text.contains("plugin_output=FINE OK: it's: $ARG1$ !\n"), "{text}");
    // The host is there as long as its agent is.
    let up = poll_until(WAIT, || {
        let text = fs::read_to_string(&server.status).unwrap_or_default();
        text.contains("plugin_output=NRPE v4")
    });
    assert!(up, "{text}");

    // An agent with the file of before knows nothing of the new check.
    let old =
        fs::read_to_string(&file).expect("read the agent's file").replace("_iad2_fine_", "_iad2_fine_0");
    fs::write(&file, old).expect("write the agent's file");
    let port = agent.port;
    drop(agent);
    let shut = |words: &str| {
        let shut = poll_until(WAIT, || pull().stdout.contains(words));
        assert!(shut, "{words}: {}", pull().stdout);
        assert_ne!(gate().code, Some(0), "{words}: {}", gate().stdout);
    };
    shut("refused");
    let agent = nrpe(&file, "");
    script(&plugins.path().join("check_nrpe"), &ask.replace(&port.to_string(), &agent.port.to_string()));
    shut("not defined");
}

//! `mdd exec`: a check of the manifest as an engine runs it.

use std::path::Path;

use nix::sys::signal::Signal;

use crate::harness::{Outcome, Platform, finish, pid_in, signal, until};

fn platform() -> Platform {
    let mut platform = Platform::new().with_file_plugin();
    platform
        .plugin("check-args", "printf 'ARGS WARNING - %s %s | n=1\\nlong | line\\n' \"$#\" \"$2\"; exit 1");
    platform.point("args", "[check-args, '', 'a  b']", &[]);
    platform.point("many", "[check-args, \"${ip}\", x]", &["for_each: {ip: [10.0.0.1, 10.0.0.2/24]}"]);
    platform
}

/// What an engine gets of a check that did not come to an answer: one line, UNKNOWN.
#[track_caller]
fn unknown(outcome: &Outcome, wanted: &str) {
    let Outcome { code, stdout, stderr } = outcome;
    assert_eq!((*code, stderr.as_str()), (Some(3), ""), "{stdout}");
    assert!(stdout.starts_with("MDD UNKNOWN - ") && stdout.contains(wanted), "no `{wanted}` in {stdout}");
    assert!(stdout.ends_with('\n') && stdout.lines().count() == 1 && stdout.len() <= 101, "{stdout}");
}

/// The hash that `mdd show -v` names.
fn hash(platform: &Platform, point: &str) -> String {
    let shown = platform.mdd(&["show", point, "-v"]).exits(0).stdout;
    let (_, hash) = shown.rsplit_once("hash ").expect("a hash");
    hash.trim().to_owned()
}

#[test]
fn output_and_exit_code_are_the_plugins() {
    let mut platform = platform();
    let ran = platform.mdd(&["exec", "iad2/args"]).exits(1);
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("ARGS WARNING - 2 a  b | n=1\nlong | line\n", "")
    );
    platform.switch("switch", &[]);
    for code in 0..=3 {
        platform.set("switch", code, "text | x=1");
        let ran = platform.mdd(&["exec", "iad2/switch"]).exits(code.into());
        assert_eq!(ran.stdout, "text | x=1\n");
    }
    // It is no run: nothing is kept.
    assert!(!platform.path(".mdd").exists());
}

#[test]
fn bytes_that_are_no_text_and_silence_go_out_as_they_are() {
    let mut platform = platform();
    platform.plugin("check-bytes", "printf 'a\\377b\\033[1m'");
    platform.point("bytes", "[check-bytes]", &[]);
    platform.plugin("check-silent", "exit 2");
    platform.point("silent", "[check-silent]", &[]);
    let output = platform.command(&["exec", "iad2/bytes"]).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"a\xffb\x1b[1m"[..]));
    assert_eq!(platform.mdd(&["exec", "iad2/silent"]).exits(2).stdout, "");
}

#[test]
fn an_instance_is_named_by_its_key_slashes_and_all() {
    let platform = platform();
    let ran = platform.mdd(&["exec", "iad2/many/10.0.0.2/24"]).exits(1);
    assert!(ran.stdout.starts_with("ARGS WARNING - 2 x"), "{}", ran.stdout);
    unknown(&platform.mdd(&["exec", "iad2/many"]), "iad2/many is several: name one of 10.0.0.1, 10.0.0.2/24");
    unknown(&platform.mdd(&["exec", "iad2/many/10.0.0.9"]), "known: 10.0.0.1, 10.0.0.2/24");
    unknown(
        &platform.mdd(&["exec", "iad2/args/x"]),
        "iad2/args/x: there is no such instance; known: it has none",
    );
}

#[test]
fn another_check_than_the_engine_asks_for_is_not_run() {
    let mut platform = platform();
    let hash = hash(&platform, "iad2/args");
    platform.mdd(&["exec", "iad2/args", "--hash", &hash]).exits(1);
    unknown(
        &platform.mdd(&["exec", "iad2/args", "--hash", "0123456789abcdef"]),
        "iad2/args runs something else here: 0123456789abcdef was asked for",
    );
    let touched = platform.path("touched");
    platform.plugin("check-touch", "touch \"$1\"; echo touched");
    let check = format!("[check-touch, \"{}\"]", touched.display());
    platform.without_points().point("args", &check, &[]);
    unknown(&platform.mdd(&["exec", "iad2/args", "--hash", &hash]), "runs something else here");
    assert!(!touched.exists());
    platform.mdd(&["exec", "iad2/args"]).exits(0);
    assert!(touched.exists());
}

#[test]
fn whatever_is_no_answer_of_a_plugin_is_one_unknown_line() {
    let mut platform = platform();
    platform.plugin("check-seven", "echo said; exit 7");
    platform.point("seven", "[check-seven]", &[]);
    platform.plugin("check-slow", "echo begun; sleep 60");
    platform.point("slow", "[check-slow]", &["timeout: 1s"]);
    platform.plugin("check-killed", "kill -9 $$");
    platform.point("killed", "[check-killed]", &[]);
    platform.point("absent", "[check-absent]", &[]);
    for (arguments, wanted) in [
        (
            &["exec", "iad2/seven"][..],
            "iad2/seven: ended with exit code 7, which is no plugin's; it said: said",
        ),
        (&["exec", "iad2/slow"], "iad2/slow: killed: no answer within 1 s; it said: begun"),
        (&["exec", "iad2/killed"], "iad2/killed: ended by SIGKILL"),
        (&["exec", "iad2/absent"], "iad2/absent: cannot start check-absent: not found in"),
        (&["exec", "iad2/arg"], "there is no point `arg` in iad2; did you mean `args`?"),
        (&["exec", "iad3/args"], "iad3"),
        (&["exec", "iad2"], "`iad2`: expected DC/POINT or DC/POINT/KEY"),
        (&["exec"], "required"),
        (&["exec", "iad2/args", "--wrong"], "unexpected argument"),
        (&["--file", "none.yaml", "exec", "iad2/args"], "none.yaml"),
        (&["-f", "none.yaml", "exec", "--wrong"], "unexpected argument"),
    ] {
        unknown(&platform.mdd(arguments), wanted);
    }
    std::fs::write(platform.path("broken.yaml"), "mdd: 1\npoints: [\n").unwrap();
    unknown(&platform.mdd(&["exec", "iad2/args", "--file", "broken.yaml"]), "broken.yaml");
    // Only the command is one for engines.
    let shown = platform.mdd(&["show", "exec"]).exits(2);
    assert!(shown.stdout.is_empty() && !shown.stderr.is_empty());
}

#[test]
fn a_value_that_is_not_known_yet() {
    let mut platform = platform();
    platform.tail("vars: {later: ~}\n").point("waits", "[check-args, \"${later}\"]", &[]);
    unknown(&platform.mdd(&["exec", "iad2/waits"]), "iad2/waits waits for the value of later");
}

#[test]
fn a_signal_ends_the_plugin_too() {
    let mut platform = platform();
    let pid = platform.path("pid");
    platform.plugin("check-waits", "echo $$ > \"$1.draft\"; mv \"$1.draft\" \"$1\"; sleep 60");
    platform.point("waits", &format!("[check-waits, \"{}\"]", pid.display()), &["timeout: 50s"]);
    let child = platform.command(&["exec", "iad2/waits"]).spawn().unwrap();
    until("the plugin runs", || pid_in(&pid).is_some());
    signal(&child, Signal::SIGTERM);
    unknown(&finish(child), "iad2/waits: interrupted");
    let plugin = pid_in(&pid).unwrap();
    until("the plugin is gone", || !Path::new(&format!("/proc/{plugin}")).exists());
}

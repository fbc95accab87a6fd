//! Command lines: help, version, usage errors, the options of every plugin, words that nobody would write.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use serde_json::Value;
use testkit::Ran;

use crate::grammar;
use crate::world::{Called, World, called, checked};

/// A usage error is one UNKNOWN line that ends in its reason, and names what is wrong.
fn assert_usage(called: &Called, ran: &Ran, named: &[&str]) {
    assert_eq!(ran.code, Some(3), "{}: {ran:?}", called.name);
    let line = ran.first_line();
    let start = format!("{} UNKNOWN - ", called.label());
    assert!(line.starts_with(&start) && line.ends_with(" [usage]"), "{}: {line}", called.name);
    assert!(!ran.stdout.contains('|'), "{}: {}", called.name, ran.stdout);
    for word in named {
        assert!(ran.stdout.contains(word), "{}: `{word}` is not in: {}", called.name, ran.stdout);
    }
}

/// The timeout that the JSON of a run tells, seconds as written there.
fn timeout_of(ran: &Ran) -> String {
    let json: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout));
    json["timing"]["timeout"].to_string()
}

#[test]
fn help_and_version_are_unknown_on_standard_output() {
    for called in called() {
        let h_is_help = called
            .command()
            .get_arguments()
            .any(|arg| arg.get_id() == "help" && arg.get_short() == Some('h'));
        let mut asks = vec!["--help"];
        if h_is_help {
            asks.push("-h");
        }
        for ask in asks {
            let ran = checked(&called, called.run().args([ask]));
            assert_eq!(ran.code, Some(3), "{}", called.name);
            for arg in called.command().get_arguments().filter(|arg| !arg.is_hide_set()) {
                let spelling = arg.get_long().map_or(String::new(), |long| format!("--{long}"));
                assert!(ran.stdout.contains(&spelling), "{}: {spelling} is not in the help", called.name);
                assert!(arg.get_help().is_some(), "{}: {spelling} has no help", called.name);
            }
            assert!(
                ran.stdout.contains(&format!("Usage: {}", called.name)),
                "{}: {}",
                called.name,
                ran.stdout
            );
        }
        for ask in ["--version", "-V"] {
            let ran = checked(&called, called.run().args([ask]));
            assert_eq!((ran.code, ran.stdout.lines().count()), (Some(3), 1), "{}", called.name);
            let expected = format!("{} {} (Verdigris)\n", called.name, env!("CARGO_PKG_VERSION"));
            assert_eq!(ran.stdout, expected);
        }
    }
}

#[test]
fn a_wrong_command_line_is_unknown_and_says_what_is_wrong() {
    let world = World::new();
    for called in called() {
        let usage = |more: &[&str], named: &[&str]| assert_usage(&called, &world.run(&called, more), named);
        usage(&["--no-such-option"], &["--no-such-option"]);
        usage(&["--no-such|option"], &["--no-such/option"]);
        for (timeout, why) in [
            ("x", "`x` does not start with a number"),
            ("0", "above zero"),
            ("5:fine", "`fine` is no state"),
            ("5x", "`x` is no unit of time"),
            ("99999h", "more than a day"),
        ] {
            usage(&["-t", timeout], &["--timeout", timeout, why]);
        }
        usage(&["--output-format", "xml"], &["--output-format", "xml", "prometheus"]);
        usage(&["--color", "sometimes"], &["--color", "sometimes"]);
        usage(&["--dialect", "klingon"], &["--dialect", "klingon"]);
        usage(&["--scheme", "a b"], &["--scheme", "a b"]);
        usage(&["--timeout"], &["--timeout"]);
    }
}

/// Every option that takes a threshold refuses what is none, and says which option, which text and why.
#[test]
fn a_bad_threshold_names_option_text_and_reason() {
    let world = World::new();
    let mut options = 0;
    for called in called() {
        let command = called.command();
        let thresholds = command.get_arguments().filter(|arg| {
            let named = ["warning", "critical"].contains(&arg.get_id().as_str());
            named || arg.get_value_names().is_some_and(|names| names.iter().any(|name| *name == "RANGE"))
        });
        for arg in thresholds.filter_map(clap::Arg::get_long) {
            options += 1;
            for bad in ["abc", "10abc", "", "20:10", "1:2:3", "nan"] {
                let ran = world.run(&called, &[&format!("--{arg}={bad}")]);
                assert_usage(&called, &ran, &[&format!("--{arg}"), &format!("'{bad}'")]);
                let why = ran.first_line().split_once(&format!("'{bad}'")).map_or("", |(_, rest)| rest);
                assert!(
                    why.len() > " for '': [usage]".len() + arg.len(),
                    "{}: no reason in: {}",
                    called.name,
                    ran.stdout
                );
            }
        }
    }
    assert!(options > 0, "no plugin has a threshold");
}

#[test]
fn options_are_abbreviated_and_the_last_one_wins() {
    let world = World::new();
    for called in called() {
        let json = ["--output-format", "json"];
        let timeout = |more: &[&str]| timeout_of(&world.run(&called, &[&json, more].concat()));
        assert_eq!(timeout(&["--timeout", "7"]), "7.0", "{}", called.name);
        assert_eq!(timeout(&["-t", "2m"]), "120.0", "{}", called.name);
        assert_eq!(timeout(&["--timeou=8"]), "8.0", "{}", called.name);
        assert_eq!(timeout(&["-t", "7", "--timeout=9", "-t8"]), "8.0", "{}", called.name);
        let ran = world.run(&called, &["--output-format=graphite", "--output-form", "json", "-v", "-vv"]);
        assert_eq!(timeout_of(&ran), "10.0", "{}", called.name);
    }
}

#[test]
fn the_name_picks_the_dialect_and_old_spellings_with_it() {
    let world = World::new();
    for called in called() {
        let ran = world.run(&called, &["-to", "9", "-v"]);
        if called.is_own() {
            assert_usage(&called, &ran, &["--timeout"]);
            let ran = world.run(&called, &["--dialect", "c", "-to", "9", "-v"]);
            assert_eq!(ran.code, Some(0), "{}: {ran:?}", called.name);
        } else {
            assert_eq!(ran.code, Some(0), "{}: {ran:?}", called.name);
            let shown = format!("read as: {}", called.run().program().display());
            let line = ran.stdout.lines().find(|line| line.starts_with(&shown));
            assert!(line.is_some_and(|line| line.contains(" -t 9 -v")), "{}: {}", called.name, ran.stdout);
            let ran = world.run(&called, &["--dialect=own", "-to", "9"]);
            assert_usage(&called, &ran, &["--timeout"]);
        }
        // Abbreviated, it means the same.
        let ran = world.run(&called, &["--dialec", "c", "-to", "9"]);
        assert_eq!(ran.code, Some(0), "{}: {ran:?}", called.name);
    }
}

#[test]
fn an_ini_file_gives_options() {
    let world = World::new();
    let folder = tempfile::TempDir::new().expect("make a folder");
    let ini = folder.path().join("plugins.ini");
    let at = |section: &str| format!("--extra-opts={section}@{}", ini.display());
    for called in called() {
        let text = format!(
            "; ours\n[{}]\noutput-format=json\nt = 7\n[other]\noutput-format=json\ntimeout=8 # said twice\nverbose\n\
             [wrong]\nno-such-option=1\n[again]\nextra-opts=other@/dev/null\n",
            called.name
        );
        std::fs::write(&ini, text).expect("write the INI file");
        assert_eq!(timeout_of(&world.run(&called, &[&at("")])), "7.0", "{}", called.name);
        assert_eq!(timeout_of(&world.run(&called, &[&at("other")])), "8.0", "{}", called.name);
        assert_eq!(timeout_of(&world.run(&called, &[&at(""), "-t", "9"])), "9.0", "{}", called.name);
        assert_eq!(timeout_of(&world.run(&called, &["-t", "9", &at("")])), "9.0", "{}", called.name);
        // As the next word, and found in a folder of the environment.
        let next = ["--extra-opts", &at("other")["--extra-opts=".len()..]];
        assert_eq!(timeout_of(&world.run(&called, &next)), "8.0", "{}", called.name);
        let run = called.run().args(world.sample(&called)).args(["--extra-opts"]);
        assert_eq!(
            timeout_of(&checked(&called, run.env("NAGIOS_CONFIG_PATH", folder.path()))),
            "7.0",
            "{}",
            called.name
        );

        let path = ini.display().to_string();
        assert_usage(&called, &world.run(&called, &[&at("wrong")]), &["--no-such-option"]);
        assert_usage(&called, &world.run(&called, &[&at("again")]), &["--extra-opts"]);
        assert_usage(&called, &world.run(&called, &["--extra-opt=other"]), &["--extra-opts"]);
        let missing = format!("--extra-opts=@{path}.missing");
        assert_usage(
            &called,
            &world.run(&called, &[&missing]),
            &["--extra-opts", "no such file or directory"],
        );
        std::fs::write(&ini, "[elsewhere]\nt=7\n").expect("write the INI file");
        assert_usage(&called, &world.run(&called, &[&at("absent")]), &["--extra-opts", "[absent]", &path]);
        std::fs::write(&ini, "[absent\n").expect("write the INI file");
        assert_usage(&called, &world.run(&called, &[&at("absent")]), &["--extra-opts", "line 1"]);
    }
}

/// Whatever stands on the command line: one of four codes, text that no agent trips over, no panic.
#[test]
fn words_that_nobody_would_write() {
    let world = World::new();
    let long = "x".repeat(100_000);
    let odd: Vec<&OsStr> = [
        &b"\xff\xfe"[..],
        b"",
        b"-",
        b"--",
        b"---",
        b"-\xff",
        b"--\xff=1",
        b"-t\xff",
        b"--timeout=\xff",
        b"--color=\xff",
        b"--extra-opts=\xff@\xff",
        b"--dialect=\xff",
        b"a|b\nc\x1b[31m\r",
        b"--a|b\nc\x1b[31m=\r",
        b"%n%s%x",
        "\u{202e}ümläut".as_bytes(),
        b"-99999999999999999999999",
        b"1e999",
        long.as_bytes(),
    ]
    .map(OsStr::from_bytes)
    .to_vec();
    for called in called() {
        for word in &odd {
            let sample: Vec<OsString> = world.sample(&called).into_iter().map(Into::into).collect();
            let mut lines = vec![vec![(*word).to_owned()], sample.clone(), sample];
            lines[1].push((*word).to_owned());
            lines[2].insert(0, (*word).to_owned());
            for line in lines {
                let ran = checked(&called, called.run().args(&line).args(["-t", "5"]));
                let fine = |c: char| c == '\n' || !c.is_control();
                assert!(ran.stdout.chars().all(fine), "{} {line:?}: {ran:?}", called.name);
                assert!(
                    ran.stdout.len() <= 16 * 1024,
                    "{} {line:?}: {} bytes",
                    called.name,
                    ran.stdout.len()
                );
                assert!(ran.stdout.matches('|').count() <= 1, "{} {line:?}: {ran:?}", called.name);
            }
        }
        // Other names, such as those that a packager or an attacker invents.
        for name in [&b"\xff"[..], b"", b"check_a|b", b"check-\x1b[1m", b"/"] {
            let run = called.run().called(OsStr::from_bytes(name)).args(world.sample(&called));
            let ran = checked(&called, run);
            assert!(grammar::read(&ran.stdout, true).is_ok(), "{}: {ran:?}", called.name);
        }
    }
}

/// A plugin that takes a password shows it in no form of its output.
#[test]
fn a_password_is_shown_nowhere() {
    let world = World::new();
    for called in called() {
        if called.command().get_arguments().all(|arg| arg.get_id() != "password_env") {
            continue;
        }
        for format in ["nagios", "json", "prometheus", "graphite"] {
            let more = ["--password-env", "SECRET", "--output-format", format, "-vvv"];
            let run = called.run().args(world.sample(&called)).args(more).env("SECRET", "tell-nobody-this");
            let ran = checked(&called, run);
            assert!(!ran.stdout.contains("tell-nobody"), "{}: {}", called.name, ran.stdout);
        }
    }
}

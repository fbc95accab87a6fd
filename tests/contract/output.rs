//! What a run prints: the grammar, whatever the environment, the terminal and the state of standard output.

use std::fs::File;
use std::io::Read as _;

use nix::fcntl::OFlag;
use testkit::{Run, run};

use crate::grammar::{self, Output};
use crate::world::{Called, World, called, checked};

fn assert_ok<'a>(called: &Called, stdout: &'a str, code: Option<i32>) -> Output<'a> {
    let output = grammar::read(stdout, called.is_own())
        .unwrap_or_else(|error| panic!("{}: {error}\n{stdout}", called.name));
    assert_eq!((output.label, output.state, code), (called.label().as_str(), "OK", Some(0)), "{stdout}");
    output
}

#[test]
fn the_sample_is_ok_and_keeps_to_the_grammar() {
    let world = World::new();
    for called in called() {
        let ran = world.run(&called, &[]);
        let output = assert_ok(&called, &ran.stdout, ran.code);
        assert!(
            output.metrics.iter().all(|metric| metric.value.is_finite()),
            "{}: {}",
            called.name,
            ran.stdout
        );
        let quiet: Vec<&str> = output.metrics.iter().map(|metric| metric.label).collect();
        for verbose in ["-v", "-vv", "-vvv"] {
            let ran = world.run(&called, &[verbose]);
            let output = grammar::read_verbose(&ran.stdout, called.is_own())
                .unwrap_or_else(|error| panic!("{} {verbose}: {error}\n{}", called.name, ran.stdout));
            assert_eq!(output.state, "OK");
            let labels: Vec<&str> = output.metrics.iter().map(|metric| metric.label).collect();
            assert!(labels.starts_with(&quiet), "{} {verbose}: {labels:?}, not {quiet:?}", called.name);
        }
    }
}

#[test]
fn an_empty_environment_and_another_folder_change_nothing() {
    let world = World::new();
    for called in called() {
        let ran = checked(&called, called.run().args(world.sample(&called)).env_clear());
        assert_ok(&called, &ran.stdout, ran.code);
        let run = Run::new("/usr/bin/env").args(["-i", "-C", "/"]).args([called.run().program()]);
        let ran = checked(&called, run.args(world.sample(&called)));
        assert_ok(&called, &ran.stdout, ran.code);
    }
}

/// A German locale, in which C programs write 0,5; that it is in force is shown by one.
#[test]
fn a_locale_with_commas_changes_nothing() {
    let folder = tempfile::TempDir::new().expect("make a folder");
    let made = run(
        "localedef",
        [
            "-i".as_ref(),
            "de_DE".as_ref(),
            "-f".as_ref(),
            "UTF-8".as_ref(),
            folder.path().join("de_DE.UTF-8").as_os_str(),
        ],
    );
    assert_eq!(made.code, Some(0), "localedef: {made:?}");
    let german = |run: Run| {
        run.env("LOCPATH", folder.path())
            .env("LC_ALL", "de_DE.UTF-8")
            .env("LANG", "de_DE.UTF-8")
            .env("LANGUAGE", "de")
    };
    assert_eq!(german(Run::new("/usr/bin/printf").args(["%.1f", "1"])).go().stdout, "1,0");

    let world = World::new();
    for called in called() {
        let ran = checked(&called, german(called.run().args(world.sample(&called))));
        assert_ok(&called, &ran.stdout, ran.code);
        let ran = checked(&called, german(called.run().args(["--help"])));
        assert!(ran.stdout.contains("Options of every plugin"), "{}", ran.stdout);
        let ran = checked(&called, german(called.run().args(world.sample(&called)).args(["-t", "1,5"])));
        assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    }
}

#[test]
fn an_output_that_takes_nothing_keeps_the_exit_code() {
    let world = World::new();
    for called in called() {
        for (more, code) in [(&[][..], 0), (&["--help"], 3), (&["--version"], 3), (&["--no-such-option"], 3)]
        {
            let line = || called.run().args(world.sample(&called)).args(more);
            let unread = || std::io::pipe().expect("make a pipe").1;
            let full = File::options().write(true).open("/dev/full").expect("open /dev/full");
            let sh =
                Run::new("/bin/sh").args(["-c", "exec \"$0\" \"$@\" >&-"]).args([called.run().program()]);
            let closed = sh.args(world.sample(&called)).args(more);
            for (what, run) in
                [("closed", closed), ("unread", line().stdout(unread())), ("full", line().stdout(full))]
            {
                let ran = run.go();
                let end = (ran.code, ran.signal, ran.stderr.as_str());
                assert_eq!(end, (Some(code), None, ""), "{} {more:?} {what}", called.name);
            }
        }
    }
}

#[test]
fn the_state_is_coloured_on_a_terminal_and_nowhere_else() {
    let world = World::new();
    let green = "\u{1b}[32mOK\u{1b}[0m - ";
    for called in called() {
        let colored = |more: &[&str]| {
            let run = called.run().args(world.sample(&called)).args(more);
            checked(&called, run.env_remove("NO_COLOR")).stdout.contains(green)
        };
        assert!(!colored(&[]) && !colored(&["--color", "never"]), "{}", called.name);
        assert!(colored(&["--color", "always"]), "{}", called.name);
        assert!(on_terminal(&world, &called, &[], None).contains(green), "{}", called.name);
        assert!(
            !on_terminal(&world, &called, &["--color=never"], None).contains('\u{1b}'),
            "{}",
            called.name
        );
        assert!(!on_terminal(&world, &called, &[], Some("1")).contains('\u{1b}'), "{}", called.name);
        assert!(on_terminal(&world, &called, &[], Some("")).contains(green), "{}", called.name);
    }
}

fn on_terminal(world: &World, called: &Called, more: &[&str], no_color: Option<&str>) -> String {
    let terminal = nix::pty::openpty(None, None).expect("make a terminal");
    let mut run =
        called.run().args(world.sample(called)).args(more).stdout(terminal.slave).env_remove("NO_COLOR");
    if let Some(value) = no_color {
        run = run.env("NO_COLOR", value);
    }
    assert_eq!(run.go().code, Some(0), "{}", called.name);
    let mut bytes = [0; 8192];
    let count = File::from(terminal.master).read(&mut bytes).expect("read from the terminal");
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

/// One write: an agent that reads while the plugin writes sees all or nothing.
#[test]
fn the_output_is_one_write() {
    let world = World::new();
    for called in called() {
        // Such a pipe keeps writes apart (pipe(2), O_DIRECT): a read gets one of them.
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_DIRECT | OFlag::O_CLOEXEC).expect("make a pipe");
        let ran = called.run().args(world.sample(&called)).stdout(writer).go();
        assert_eq!(ran.code, Some(0), "{}: {ran:?}", called.name);
        let mut reader = File::from(reader);
        let mut bytes = [0; 8192];
        let count = reader.read(&mut bytes).expect("read the first write");
        assert!(bytes[..count].ends_with(b"\n"), "{}", called.name);
        let rest = reader.read(&mut bytes).expect("read on");
        assert_eq!(rest, 0, "{}: {}", called.name, String::from_utf8_lossy(&bytes[..rest]));
    }
}

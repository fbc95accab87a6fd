//! Plugins in the environments that agents really give them.

pub mod by_agents;
#[path = "../fuse/mod.rs"]
#[expect(dead_code, reason = "the tests of check-disk use the rest")]
mod fuse;
#[path = "../contract/grammar.rs"]
mod grammar;
pub mod installed;
mod killed;
#[path = "../mounts/mod.rs"]
#[expect(dead_code, reason = "the tests of check-disk use the rest")]
mod mounts;
#[path = "../contract/world.rs"]
#[expect(dead_code, reason = "the contract tests use the rest")]
mod world;

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::time::Duration;

use testkit::{Ran, Run};

use installed::Installed;
use world::{Called, Silence, World, called, checked, refusing_port};

/// A run that is OK, told in the grammar, by a plugin of this name.
fn assert_ok(called: &Called, stdout: &str, code: Option<i32>) {
    let output = grammar::read(stdout, called.is_own())
        .unwrap_or_else(|error| panic!("{}: {error}\n{stdout}", called.name));
    assert_eq!((output.label, output.state, code), (called.label().as_str(), "OK", Some(0)), "{stdout}");
}

/// What NRPE 4.1 sets, and nothing else.
const NRPE: &[&str] = &[
    "HOME=/nonexistent",
    "LOGNAME=nobody",
    "USER=nobody",
    "SHELL=/bin/sh",
    "PATH=/usr/bin:/bin:/usr/sbin:/sbin",
    "PWD=/",
    "NRPE_MULTILINESUPPORT=1",
    "NRPE_PROGRAMVERSION=4.1.0",
];

#[test]
fn a_user_without_rights_sees_what_root_sees_in_no_environment_or_that_of_nrpe() {
    let (world, installed) = (World::new(), Installed::new());
    for called in called() {
        for environment in
            [&[][..], NRPE, &["LC_ALL=xx_YY", "TZ=Nowhere/At_All", "HOME=/root", "TMPDIR=/root"]]
        {
            let run = installed.unprivileged(&called.name, environment).args(world.sample(&called));
            let ran = checked(&called, run);
            assert_ok(&called, &ran.stdout, ran.code);
        }
    }
}

#[test]
fn a_reader_that_has_gone_changes_no_exit_code() {
    let (world, silence) = (World::new(), Silence::new());
    let unread = |run: Run| -> Ran { run.stdout(std::io::pipe().expect("make a pipe").1).go() };
    for called in called() {
        let mut ends = vec![(called.run().args(world.sample(&called)).args(["-vvv"]), 0)];
        for form in ["json", "prometheus", "graphite"] {
            ends.push((called.run().args(world.sample(&called)).args(["--output-format", form]), 0));
        }
        if called.talks() {
            ends.push((called.run().args(called.sample_at(refusing_port())), 2));
            ends.push((called.run().args(called.sample_at(silence.port())).args(["-t", "1"]), 2));
            ends.push((called.run().args(called.sample_at(silence.port())).args(["-t", "1:unknown"]), 3));
        }
        for (run, code) in ends {
            let ran = unread(run);
            let end = (ran.code, ran.signal, ran.stderr.as_str());
            assert_eq!(end, (Some(code), None, ""), "{}: {ran:?}", called.name);
        }
    }
}

/// Debian's daemons close what they do not need, and systemd limits what they may open.
#[test]
fn closed_descriptors_and_low_limits_are_no_trouble() {
    let world = World::new();
    for called in called() {
        let line = |shell: &str| {
            let shell = format!("{shell} exec \"$0\" \"$@\"");
            Run::new("/bin/sh")
                .args(["-c", &shell])
                .args([called.run().program()])
                .args(world.sample(&called))
        };
        for closing in
            ["exec <&-;", "exec 2>&-;", "exec <&- 2>&-;", "ulimit -n 20;", "ulimit -f 0; ulimit -c 0;"]
        {
            let ran = checked(&called, line(closing));
            assert_ok(&called, &ran.stdout, ran.code);
        }
        // Too few for some: then it says so. With fewer the loader of libraries fails before it.
        for few in ["ulimit -n 4;", "ulimit -n 5;", "ulimit -n 6;", "ulimit -n 8;", "ulimit -n 12;"] {
            let ran = checked(&called, line(few));
            let output = grammar::read(&ran.stdout, called.is_own())
                .unwrap_or_else(|error| panic!("{} {few} {error}\n{}", called.name, ran.stdout));
            assert!(ran.code != Some(0) || output.state == "OK", "{}: {}", called.name, ran.stdout);
            assert_eq!(output.label, called.label());
        }
    }
}

/// A user of systemd's `TasksMax=`, or of `ulimit -u`: no thread can be started, nor a helper.
#[test]
fn without_threads_it_is_one_line_all_the_same() {
    let (world, installed) = (World::new(), Installed::new());
    for called in called() {
        let limit = ["--nproc=0", "/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];
        let run = Run::new("/usr/bin/prlimit").args(limit).args([installed.path(&called.name)]);
        let ran = run.args(world.sample(&called)).limit(Duration::from_secs(20)).go();
        assert_eq!((ran.signal, ran.stderr.as_str()), (None, ""), "{}: {ran:?}", called.name);
        assert!(ran.code.is_some_and(|code| (0..=3).contains(&code)), "{}: {ran:?}", called.name);
        let output = grammar::read(&ran.stdout, called.is_own())
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", called.name, ran.stdout));
        assert_eq!(output.label, called.label());
    }
}

#[test]
fn standard_output_may_be_a_file() {
    let world = World::new();
    for called in called() {
        let mut file = tempfile::tempfile().expect("make a file");
        let started_with = "what an agent has written before\n";
        std::io::Write::write_all(&mut file, started_with.as_bytes()).expect("write to it");
        let ran = called.run().args(world.sample(&called)).stdout(file.try_clone().expect("share it")).go();
        let mut text = String::new();
        file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("read it back");
        let output = text.strip_prefix(started_with).expect("it was not cut");
        assert_ok(&called, output, ran.code);
        assert_eq!(ran.stderr, "", "{}", called.name);
    }
}

#[test]
fn an_output_that_takes_nothing_keeps_the_code_of_a_problem() {
    for called in called().iter().filter(|called| called.talks()) {
        let full = File::options().write(true).open("/dev/full").expect("open /dev/full");
        let ran = called.run().args(called.sample_at(refusing_port())).stdout(full).go();
        let end = (ran.code, ran.signal, ran.stderr.as_str());
        assert_eq!(end, (Some(2), None, ""), "{}", called.name);
    }
}

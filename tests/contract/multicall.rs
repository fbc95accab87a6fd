//! The program that holds every plugin.

use catalog::PLUGINS;
use testkit::{Run, plugin, run};

use crate::grammar;
use crate::world::{World, called, checked};

#[test]
fn it_is_every_plugin_by_argument_and_by_link() {
    let world = World::new();
    let verdigris = plugin("verdigris");
    let folder = tempfile::TempDir::new().expect("make a folder");
    for called in called() {
        let run = Run::new(&verdigris).args([&called.name]).args(world.sample(&called));
        let by_argument = checked(&called, run);
        let link = folder.path().join(&called.name);
        std::os::unix::fs::symlink(&verdigris, &link).expect("link the program");
        let by_link = checked(&called, Run::new(&link).args(world.sample(&called)));
        for ran in [by_argument, by_link] {
            let output = grammar::read(&ran.stdout, called.is_own())
                .unwrap_or_else(|error| panic!("{}: {error}\n{}", called.name, ran.stdout));
            assert_eq!((output.label, ran.code), (called.label().as_str(), Some(0)));
        }
        let ran = checked(&called, Run::new(&verdigris).args([called.name.as_str(), "--help"]));
        assert_eq!(ran.stdout, checked(&called, called.run().args(["--help"])).stdout);
    }
}

#[test]
fn it_lists_them_and_knows_no_others() {
    let list = run(plugin("verdigris"), ["--list"]);
    assert_eq!((list.code, list.stderr.as_str()), (Some(0), ""));
    for entry in PLUGINS {
        let line = list.stdout.lines().find(|line| line.split(' ').next() == Some(entry.name().as_str()));
        let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
        assert!(entry.namesakes.iter().all(|name| words.contains(name)), "{}: {}", entry.name(), list.stdout);
    }
    for args in
        [&["check-nothing", "0"][..], &["check_\u{1b}|nothing"], &[], &["--help"], &["--version"], &["-x"]]
    {
        let ran = run(plugin("verdigris"), args);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(3), ""), "{args:?}: {}", ran.stdout);
        assert!(!ran.stdout.is_empty() && !ran.stdout.contains('\u{1b}'), "{args:?}: {}", ran.stdout);
    }
    let ran = run(plugin("verdigris"), ["check-nothing"]);
    assert_eq!(
        ran.stdout,
        "VERDIGRIS UNKNOWN - no check is named `check-nothing`; --list names them [usage]\n"
    );
    let ran = Run::new("/bin/sh").args(["-c", "exec \"$0\" --list >&-"]).args([plugin("verdigris")]).go();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

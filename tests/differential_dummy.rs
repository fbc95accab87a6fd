//! The same command lines through the C plugin and ours, called by its name: exit codes agree.

use testkit::{alias, run};

const C_PLUGIN: &str = "/usr/lib/nagios/plugins/check_dummy";

/// Command lines that both have to read alike.
const ALIKE: &[&[&str]] = &[
    &["0"],
    &["1"],
    &["2"],
    &["3"],
    &["0", "text"],
    &["1", "a longer text"],
    &["2", "a|b"],
    &["3", ""],
    &["00"],
    // refused
    &[],
    &["4"],
    &["-1"],
    &["ok"],
    &["critical", "text"],
    &["x"],
    &["-h"],
    &["--help"],
    &["-V"],
    &["--version"],
];

/// Where ours differs: the reasons stand in docs/deviations.md. The codes of the C plugin, and ours.
const DIFFERENT: &[(&[&str], i32, i32)] =
    &[(&["2", "two", "words"], 2, 3), (&["0", "-t", "5"], 0, 0), (&["1", "--nonsense"], 1, 3), (&[""], 0, 3)];

#[test]
fn exit_codes_agree() {
    let ours = alias("check-dummy", "check_dummy");
    for args in ALIKE {
        let (theirs, ours) = (run(C_PLUGIN, *args), run(&ours, *args));
        assert_eq!(ours.code, theirs.code, "{args:?}\ntheirs: {}\nours: {}", theirs.stdout, ours.stdout);
    }
}

#[test]
fn where_they_differ_it_is_meant() {
    let ours = alias("check-dummy", "check_dummy");
    for (args, theirs, own) in DIFFERENT {
        assert_eq!(run(C_PLUGIN, *args).code, Some(*theirs), "{args:?}");
        assert_eq!(run(&ours, *args).code, Some(*own), "{args:?}");
    }
}

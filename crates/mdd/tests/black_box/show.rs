//! `mdd show --as`: the one line of a check, as each engine reads it.

use crate::harness::Platform;

const NASTY: &str = "[check-file, \"it's\", \"~:10\", \"$.a\", \"{{x}}\", \"\"]";

fn platform() -> Platform {
    let mut platform = Platform::new();
    platform.point("nasty", NASTY, &["env: {A: \"b c\"}"]);
    platform.point("each", "[check-file, --host, \"${host}\"]", &["for_each: {host: [10.0.0.1, 10.0.0.2]}"]);
    platform
}

fn lines(platform: &Platform, arguments: &[&str]) -> String {
    platform.mdd(&[&["show"], arguments].concat()).exits(0).stdout
}

#[test]
fn each_engine_has_its_own_writing() {
    let platform = platform();
    for (target, line) in [
        ("sh", r"A='b c' check-file 'it'\''s' '~:10' '$.a' '{{x}}' ''"),
        ("nrpe", r"='b c' /usr/lib/nagios/plugins/check-file 'it'\''s' '~:10' '$$.a' '{{x}}' ''"),
        ("nagios", r"='b c' $USER1$/check-file 'it'\''s' '~:10' '$$.a' '{{x}}' ''"),
        ("sensu-go", r#"/usr/lib/nagios/plugins/check-file 'it'\''s' '~:10' '$.a' '{{"{{"}}x}}' ''"#),
        ("sensu-classic", r"/usr/lib/nagios/plugins/check-file 'it'\''s' '~:10' '$.a' '{{x}}' ''"),
        (
            "icinga2",
            r#"env = { "A" = "b c" }; command = [ "/usr/lib/nagios/plugins/check-file", "it's", "~:10", "$$.a", "{{x}}", "" ]"#,
        ),
    ] {
        let shown = lines(&platform, &["iad2/nasty", "--as", target]);
        assert_eq!(shown.lines().count(), 1, "{target}: {shown}");
        assert!(shown.trim_end().ends_with(line), "{target}: {shown}");
    }
}

#[test]
fn every_instance_has_a_line_and_one_can_be_named() {
    let platform = platform();
    for target in ["sh", "nrpe", "nagios", "sensu-go", "sensu-classic", "icinga2"] {
        let all = lines(&platform, &["iad2/each", "--as", target]);
        assert_eq!(all.lines().count(), 2, "{target}: {all}");
        let one = lines(&platform, &["iad2/each/10.0.0.2", "--as", target]);
        assert_eq!(all.lines().nth(1), one.lines().next(), "{target}");
        assert!(one.contains("10.0.0.2") && !one.contains("10.0.0.1"), "{target}: {one}");
    }
}

#[test]
fn the_other_style_names_the_point() {
    let platform = platform();
    for target in ["sh", "nrpe", "nagios", "sensu-go", "sensu-classic", "icinga2"] {
        let line = lines(&platform, &["iad2/each/10.0.0.2", "--as", target, "--style", "exec"]);
        let words: String = line.chars().filter(|c| !"[],\"".contains(*c)).collect();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let exec = "/usr/bin/mdd exec iad2/each/10.0.0.2 --hash ";
        assert!(words.contains(exec) && words.contains(" --file /etc/mdd/mdd.yaml"), "{target}: {line}");
    }
}

#[test]
fn what_cannot_be_shown_says_why_and_what_helps() {
    let mut platform = Platform::new();
    platform.point("newline", "[check-file, \"a\\nb\"]", &[]);
    platform.point("colons", "[check-file, \":::x:::\"]", &[]);
    platform.point("waits", "[check-file, \"${later}\"]", &[]);
    platform.tail("vars: {later: ~}\n");
    let refused = |arguments: &[&str]| platform.mdd(&[&["show"], arguments].concat()).exits(2).stderr;
    for target in ["nrpe", "nagios", "sensu-go", "sensu-classic"] {
        let said = refused(&["iad2/newline", "--as", target]);
        let words = format!(
            "{target} cannot be given iad2/newline: argument 1 holds a newline (way out: --style exec)"
        );
        assert!(said.contains(&words), "{target}: {said}");
        lines(&platform, &["iad2/newline", "--as", target, "--style", "exec"]);
    }
    assert!(refused(&["iad2/newline", "--as", "sh"]).contains("iad2/newline: argument 1 holds a newline"));
    // It takes an array of whatever there is.
    assert!(lines(&platform, &["iad2/newline", "--as", "icinga2"]).contains(r#""a\nb" ]"#));
    assert!(refused(&["iad2/colons", "--as", "sensu-classic"]).contains("(way out: --style exec)"));
    for target in ["sh", "nrpe", "nagios", "sensu-go", "sensu-classic", "icinga2", "prometheus"] {
        let said = refused(&["iad2/waits", "--as", target]);
        assert!(
            said.contains("waits waits for the value of later: there is no command yet"),
            "{target}: {said}"
        );
    }
    let said = refused(&["iad2/colons", "--as", "prometheus"]);
    assert!(said.contains("Prometheus runs no checks") && said.contains("(way out: --as sh)"), "{said}");
    assert!(refused(&["iad2/colons", "--style", "exec"]).contains("--as <TARGET>"));
}

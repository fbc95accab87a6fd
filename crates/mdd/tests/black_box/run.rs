//! `mdd run`: processes, their ends, and what is made of them.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::{Platform, alive, finish, pid_in, signal, until};

/// Runs one point and gives its entry.
fn one(platform: &Platform, arguments: &[&str]) -> serde_json::Value {
    let mut all = vec!["run", "iad2", "--format", "json"];
    all.extend(arguments);
    let json = platform.mdd(&all).json();
    Platform::entry(&json, "p").clone()
}

#[test]
fn exit_codes_of_plugins_become_states() {
    let platform = Platform::new();
    for (code, state, exit) in [
        (0, "green", 0),
        (1, "warning", 0),
        (2, "not-due", 1),
        (3, "unknown", 3),
        (4, "unknown", 3),
        (127, "unknown", 3),
    ] {
        let mut platform_now = Platform::new();
        platform_now.plugin("check-x", &format!("echo \"X: text | a=1\"; exit {code}"));
        platform_now.point("p", "[check-x]", &[]);
        let outcome = platform_now.mdd(&["run", "iad2", "--format", "json"]).exits(exit);
        let json = outcome.json();
        assert_eq!(Platform::state(&json, "p"), state, "exit code {code}");
        if code > 3 {
            let text = json["points"][0]["text"].as_str().unwrap();
            assert_eq!(text, format!("ended with exit code {code}, which is no plugin's; it said: X: text"));
        } else {
            assert_eq!(json["points"][0]["instances"][0]["perf"], "a=1");
        }
    }
    // Nothing to choose from is no success.
    platform.mdd(&["run", "iad2"]).exits(2);
}

#[test]
fn plugins_of_the_distribution_and_shell_scripts_work_alike() {
    let mut platform = Platform::new();
    platform.plugin("check-script", "echo \"script sees $1 and $2\"");
    platform
        .point("c-ok", "[check_dummy, \"0\", fine]", &[])
        .point("c-critical", "[check_dummy, \"2\", broken]", &["milestone: network"])
        .point("script", "[check-script, \"a b\", \"$HOME; `id`\"]", &[]);
    let outcome = platform.mdd(&["run", "iad2"]).exits(1);
    outcome
        .says("✔ c-ok fine")
        .says("✖ c-critical broken")
        .says("✔ script script sees a b and $HOME; `id`")
        .says("c-critical Network #netops holds 0 broken")
        .says("not done: 2 of 3 required points proven")
        .says("not recorded: without --as VANTAGE");
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_port_turns_a_point_green_and_its_absence_blocks_those_behind_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut platform = Platform::new().with_file_plugin();
    platform
        .point(
            "door",
            &format!("[check_tcp, -H, 127.0.0.1, -p, \"{port}\", -t, \"5\"]"),
            &["milestone: network"],
        )
        .switch("room", &["depends_on: [door]"])
        .switch("cellar", &["depends_on: [room]"]);
    let json = platform.mdd(&["run", "iad2", "--as", "node", "--format", "json"]).exits(1).json();
    assert_eq!(Platform::state(&json, "door"), "green");
    assert_eq!(Platform::state(&json, "room"), "not-due");
    assert_eq!(Platform::state(&json, "cellar"), "blocked");
    drop(listener);
    let outcome = platform.mdd(&["run", "iad2", "--as", "node"]).exits(1);
    outcome.says("✖ door").says("⧗ room waits for door").says("⧗ cellar waits for door").says("regressed");
    let json = platform.mdd(&["run", "iad2", "--as", "node", "--format", "json"]).exits(1).json();
    let causes = json["do_next"].as_array().unwrap();
    assert_eq!(causes.len(), 1);
    assert_eq!((causes[0]["id"].as_str().unwrap(), causes[0]["holds"].as_u64().unwrap()), ("door", 2));
    // The others go on running while they are blocked: they turn green by themselves.
    platform.set("room", 0, "furnished");
    let json = platform.mdd(&["run", "iad2", "--as", "node", "--format", "json"]).exits(1).json();
    assert_eq!(Platform::state(&json, "room"), "green");
    assert_eq!(Platform::entry(&json, "room")["despite"], "door");
}

#[test]
fn programs_that_are_not_allowed_or_not_there_are_unknown() {
    let mut platform = Platform::new();
    platform.point("p", "[check-missing]", &[]);
    let entry = one(&platform, &[]);
    assert_eq!(entry["state"], "unknown");
    assert!(entry["text"].as_str().unwrap().starts_with("cannot start check-missing: not found in "));
    let mut platform = Platform::new();
    platform.plugin("check-broken", "");
    platform.point("p", "[check-broken]", &[]);
    std::fs::write(platform.path("plugins/check-broken"), "#!/does/not/exist\n").unwrap();
    let entry = one(&platform, &[]);
    assert!(entry["text"].as_str().unwrap().contains("check-broken: No such file or directory"), "{entry:#}");
}

#[test]
fn the_environment_is_cleared_and_the_point_adds_to_it() {
    let mut platform = Platform::new();
    platform.plugin("check-env", "env | cut -d= -f1 | sort | tr '\\n' ' '; echo; echo \"$LANG $EXTRA\"; cat");
    platform.point("p", "[check-env]", &["env: {EXTRA: more}"]);
    let outcome =
        platform.command(&["run", "iad2", "--format", "json"]).env("LEAK", "secret").output().unwrap();
    let text = String::from_utf8(outcome.stdout).unwrap();
    assert!(!text.contains("LEAK"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    // A shell adds PWD and such; standard input is empty, so that `cat` ends.
    let output = json["points"][0]["instances"][0]["output"].as_str().unwrap();
    let names = output.lines().next().unwrap();
    for name in ["EXTRA", "HOME", "LANG", "PATH"] {
        assert!(names.split(' ').any(|one| one == name), "{names}");
    }
    assert_eq!(output.lines().nth(1), Some("C.UTF-8 more"));
}

#[test]
fn endless_output_ends_with_the_timeout_and_is_cut() {
    let mut platform = Platform::new();
    platform
        .plugin("check-endless", "echo first; while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done");
    platform.point("p", "[check-endless]", &["timeout: 1s", "interval: 10s"]);
    let begun = Instant::now();
    let entry = one(&platform, &[]);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(entry["state"], "unknown");
    assert_eq!(entry["text"], "killed: no answer within 1 s; it said: first");
    assert!(entry["instances"][0]["output"].as_str().unwrap().len() <= 5000);
}

#[test]
fn much_output_and_an_exit_code_is_a_result() {
    let mut platform = Platform::new();
    platform.plugin("check-much", "echo top; head -c 3000000 /dev/zero | tr '\\0' x; exit 1");
    platform.point("p", "[check-much]", &[]);
    let entry = one(&platform, &[]);
    assert_eq!((entry["state"].as_str().unwrap(), entry["text"].as_str().unwrap()), ("warning", "top"));
}

#[test]
fn a_check_that_ignores_sigterm_is_killed_with_its_children() {
    let mut platform = Platform::new();
    let pids = (platform.path("pid-parent"), platform.path("pid-child"));
    platform.plugin(
        "check-stubborn",
        &format!(
            "trap '' TERM; (trap '' TERM; sh -c 'echo $PPID' > {}; while :; do sleep 1; done) & echo $$ > {}; \
             while :; do sleep 1; done",
            pids.1.display(),
            pids.0.display()
        ),
    );
    platform.point("p", "[check-stubborn]", &["timeout: 1s", "interval: 10s"]);
    let begun = Instant::now();
    let entry = one(&platform, &[]);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(entry["text"], "killed: no answer within 1 s");
    for path in [&pids.0, &pids.1] {
        let pid = pid_in(path).unwrap();
        until("the group is gone", || !alive(pid));
    }
}

#[test]
fn a_grandchild_that_holds_the_output_delays_nobody() {
    let mut platform = Platform::new();
    let inside = platform.path("pid-inside");
    let outside = platform.path("pid-outside");
    platform.plugin(
        "check-daemon",
        &format!(
            "sh -c 'echo $$ > {}; exec sleep 60' & setsid sh -c 'echo $$ > {}; exec sleep 60' & \
             while ! [ -s {} ] || ! [ -s {} ]; do sleep 0.05; done; echo done; exit 0",
            inside.display(),
            outside.display(),
            inside.display(),
            outside.display()
        ),
    );
    platform.point("p", "[check-daemon]", &[]);
    let begun = Instant::now();
    let entry = one(&platform, &[]);
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert_eq!((entry["state"].as_str().unwrap(), entry["text"].as_str().unwrap()), ("green", "done"));
    // What stayed in the group is ended; what left it is not ours.
    let stayed = pid_in(&inside).unwrap();
    until("the one in the group is gone", || !alive(stayed));
    let left = pid_in(&outside).unwrap();
    assert!(alive(left));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(left), Signal::SIGKILL).unwrap();
}

#[test]
fn escape_codes_never_reach_the_terminal() {
    let mut platform = Platform::new();
    platform.plugin(
        "check-esc",
        "printf '\\033]0;owned\\007\\033[2J\\033[31mred\\033[0m \\010text\\342\\200\\256\\n'",
    );
    platform.point("p", "[check-esc]", &[]);
    for arguments in [&["run", "iad2", "--color", "never"][..], &["run", "iad2", "--color", "never", "-v"]] {
        let outcome = platform.mdd(arguments).exits(0);
        outcome.says("✔ p red text");
        assert!(!outcome.stdout.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'));
    }
}

#[test]
fn a_parent_that_ignores_ended_children_changes_nothing() {
    let mut platform = Platform::new();
    platform.point("p", "[check_dummy, \"1\", slow]", &[]);
    let mdd = env!("CARGO_BIN_EXE_mdd");
    let ignoring = ["--ignore-signal=CHLD", mdd, "run", "iad2"];
    let output = platform.command_of(Path::new("env"), &ignoring).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("▲ p"), "{stdout}");
}

#[test]
fn signals_that_end_a_check_make_it_unknown() {
    let mut platform = Platform::new();
    platform.plugin("check-suicide", "echo goodbye; kill -9 $$");
    platform.point("p", "[check-suicide]", &["milestone: network"]);
    assert_eq!(one(&platform, &[])["text"], "ended by SIGKILL; it said: goodbye");
}

#[test]
fn colours_only_where_asked_and_signs_in_ascii() {
    let mut platform = Platform::new();
    platform.point("p", "[check_dummy, \"2\", broken]", &["milestone: network"]);
    let plain = platform.mdd(&["run", "iad2"]);
    assert!(!plain.stdout.contains('\u{1b}') && plain.stdout.contains('✖'));
    let colored = platform.mdd(&["run", "iad2", "--color", "always"]);
    assert!(colored.stdout.contains("\u{1b}[1;31m✖\u{1b}[0m"));
    let ascii = platform.mdd(&["run", "iad2", "--ascii"]);
    assert!(ascii.stdout.is_ascii(), "{}", ascii.stdout);
}

#[test]
fn only_a_declared_vantage_point_records_and_only_its_own_points() {
    let mut platform = Platform::new();
    platform.point("here", "[check_dummy, \"0\", fine]", &[]).point(
        "there",
        "[check_dummy, \"0\", fine]",
        &["subscription: builder"],
    );
    let stderr = platform.mdd(&["run", "iad2", "--as", "laptop"]).exits(2).stderr;
    assert_eq!(stderr, "error: `laptop` is no vantage point of the manifest; declared: node, builder\n");
    let outcome = platform.mdd(&["run", "iad2"]).exits(0);
    outcome.says("not recorded").says("2 of 2 required points proven");
    assert!(!platform.path(".mdd").exists());
    platform.mdd(&["run", "iad2", "--as", "node", "--no-record"]).exits(0).says("not recorded: --no-record");
    assert!(!platform.path(".mdd").exists());

    let outcome = platform.mdd(&["run", "iad2", "--as", "node"]).exits(1);
    outcome.says("1 check here, 1 point from other vantage points");
    outcome.says("⧗ there waits for builder, which has never reported");
    outcome.says("builder (vantage point) Platform #quay holds 1 has never reported");
    assert!(!outcome.stdout.contains("not recorded"));
    // From here it works, but here is not where it has to work: shown, marked, not recorded.
    let outcome = platform.mdd(&["run", "iad2", "--as", "node", "--all-vantages"]).exits(0);
    outcome.says("✔ there fine").says("from here, not from builder");
    let outcome = platform.mdd(&["history", "iad2", "--format", "csv"]).exits(0);
    assert!(!outcome.stdout.contains("there"), "{}", outcome.stdout);
    platform.mdd(&["run", "iad2", "--as", "builder"]).exits(0).says("2 of 2 required points proven");
    // A vantage point that runs none of the chosen points has nothing to do.
    platform.mdd(&["run", "iad2", "here", "--as", "builder"]).exits(2);
}

#[test]
fn selections_choose_what_runs_and_what_counts() {
    let mut platform = Platform::new().with_file_plugin();
    platform.switch("a", &["milestone: network"]).point(
        "b",
        "[check_dummy, \"0\", fine]",
        &["severity: minor"],
    );
    platform.mdd(&["run", "iad2", "b"]).exits(0).says("1 of 1 required point proven");
    platform.mdd(&["run", "iad2", "severity:minor"]).exits(0);
    platform.mdd(&["run", "iad2", "!b"]).exits(1);
    let stderr = platform.mdd(&["run", "iad2", "c"]).exits(2).stderr;
    assert_eq!(stderr, "error: no point of iad2 matches `c`\n");
    platform.mdd(&["run", "nowhere"]).exits(2);
    // `state:` is what the history says.
    platform.mdd(&["run", "iad2", "--as", "node"]).exits(1);
    let json =
        platform.mdd(&["run", "iad2", "--as", "node", "state:red", "--format", "json"]).exits(1).json();
    assert_eq!(json["points"].as_array().unwrap().len(), 1);
    assert_eq!(json["points"][0]["id"], "a");
    platform.set("a", 0, "there");
    platform.mdd(&["run", "iad2", "--as", "node", "state:red"]).exits(0);
    platform.mdd(&["run", "iad2", "--as", "node", "state:red"]).exits(2);
}

#[test]
fn fail_on_and_quiet_and_files() {
    let mut platform = Platform::new();
    platform.point("p", "[check_dummy, \"2\", broken]", &[]);
    platform.mdd(&["run", "iad2", "--fail-on", "overdue"]).exits(0).says("not done, and nothing");
    platform.mdd(&["run", "iad2", "--fail-on", "not-done"]).exits(1);
    let quiet = platform.mdd(&["run", "iad2", "-q", "--as", "node"]).exits(1);
    assert_eq!(quiet.stdout, "not done: 0 of 1 required point proven\n");
    platform
        .mdd(&["run", "iad2", "--out", "json=a.json", "--out", "text=b.txt", "--color", "always"])
        .exits(1);
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(platform.path("a.json")).unwrap()).unwrap();
    assert_eq!(json["verdict"], "not done");
    assert_eq!(json["recorded"], false);
    let text = std::fs::read_to_string(platform.path("b.txt")).unwrap();
    assert!(text.contains("DO NEXT") && !text.contains('\u{1b}'), "{text}");
    platform.mdd(&["run", "iad2", "--out", "pdf=a"]).exits(2);
    platform.mdd(&["run", "iad2", "--out", "json=/dev/null/x"]).exits(5);
    platform.mdd(&["run", "iad2", "--at", "2026-11-22"]).exits(2);
}

#[test]
fn skipped_while_blocked_and_run_again_afterwards() {
    let mut platform = Platform::new().with_file_plugin();
    platform.plugin("check-count", "echo x >> \"$1\"; echo counted");
    let count = platform.path("count");
    platform.switch("door", &["milestone: network"]);
    platform.point(
        "login",
        &format!("[check-count, \"{}\"]", count.display()),
        &["depends_on: [door]", "when_blocked: skip"],
    );
    let json = platform.mdd(&["run", "iad2", "--as", "node", "--format", "json"]).exits(1).json();
    assert_eq!(Platform::state(&json, "login"), "blocked");
    assert_eq!(Platform::entry(&json, "login")["instances"][0]["status"], "skipped");
    assert!(!count.exists());
    platform.set("door", 0, "open");
    let json = platform.mdd(&["run", "iad2", "--as", "node", "--format", "json"]).exits(0).json();
    assert_eq!(Platform::state(&json, "login"), "green");
    assert_eq!(std::fs::read_to_string(&count).unwrap(), "x\n");
    // Alone, it goes by what is known of the door.
    platform.set("door", 2, "shut");
    platform.mdd(&["run", "iad2", "--as", "node", "door"]).exits(1);
    platform.mdd(&["run", "iad2", "--as", "node", "login"]).exits(1).says("⧗ login waits for door");
    assert_eq!(std::fs::read_to_string(&count).unwrap(), "x\n");
}

#[test]
fn many_checks_run_at_once_and_no_more_than_asked() {
    let mut platform = Platform::new();
    // Each counts who is running now.
    let folder = platform.path("running");
    std::fs::create_dir(&folder).unwrap();
    platform.plugin(
        "check-crowd",
        &format!("cd {}; : > $$; ls | wc -l; sleep 0.2; rm $$; exit 0", folder.display()),
    );
    for n in 0..8 {
        platform.point(&format!("p{n}"), "[check-crowd]", &[]);
    }
    let most = |jobs: &str| {
        let json = platform.mdd(&["run", "iad2", "-j", jobs, "--format", "json"]).exits(0).json();
        let seen = json["points"].as_array().unwrap().iter();
        seen.map(|point| point["text"].as_str().unwrap().parse::<u32>().unwrap()).max().unwrap()
    };
    assert_eq!(most("1"), 1);
    let most = most("4");
    assert!((2..=4).contains(&most), "{most}");
}

#[test]
fn a_signal_ends_the_checks_and_records_nothing() {
    for (number, wanted) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 130)] {
        let mut platform = Platform::new();
        let pid = platform.path("pid");
        platform.plugin("check-slow", &format!("echo $$ > {}; sleep 60", pid.display()));
        platform.point("quick", "[check_dummy, \"0\", fine]", &[]).point(
            "slow",
            "[check-slow]",
            &["timeout: 50s"],
        );
        let child = platform.command(&["run", "iad2", "--as", "node"]).spawn().unwrap();
        until("the slow check runs", || pid_in(&pid).is_some());
        signal(&child, number);
        let outcome = finish(child).exits(wanted);
        assert_eq!(outcome.stderr, "interrupted: nothing was recorded\n");
        let pid = pid_in(&pid).unwrap();
        until("the check is gone", || !alive(pid));
        platform.mdd(&["history", "iad2"]).exits(0).says("nothing has been recorded yet");
    }
}

#[test]
fn instances_are_checked_each_and_rolled_up() {
    let mut platform = Platform::new();
    platform.plugin(
        "check-one",
        "[ \"$1\" = good ] && { echo \"ONE OK - fine\"; exit 0; }; echo \"ONE CRITICAL - silent\"; exit 2",
    );
    platform.point("dns", "[check-one, \"${ns}\"]", &["milestone: network", "for_each: {ns: [good, bad]}"]);
    platform.point("behind", "[check-one, bad]", &["depends_on: [dns]"]);
    let outcome = platform.mdd(&["run", "iad2"]).exits(1);
    outcome.says("✖ dns 1 of 2 bad: silent").says("◌ behind");
}

#[test]
fn a_secret_of_the_environment_reaches_the_check_and_nothing_else_does() {
    let mut platform = Platform::new();
    platform.plugin(
        "check-env",
        "eval \"secret=\\$$1\"; echo \"ENV OK - $1 is $secret, other is ${OTHER-unset}\"",
    );
    platform.point("p", "[check-env, \"${secret.login}\"]", &[]);
    platform.tail("secrets: {login: {env: MDD_TEST_LOGIN}}\n");
    for arguments in [&["run", "iad2", "-v"][..], &["exec", "iad2/p"]] {
        let ran = platform.command(arguments).env("MDD_TEST_LOGIN", "s3").env("OTHER", "x").output().unwrap();
        let stdout = String::from_utf8(ran.stdout).unwrap();
        assert!(stdout.contains("MDD_TEST_LOGIN is s3, other is unset"), "{stdout}");
    }
    platform.tail("x-note: the rest\n").without_points().point("q", "[check-env, A]", &[]);
    let loader = "secrets: {login: {env: LD_PRELOAD}}";
    let text = std::fs::read_to_string(platform.path("mdd.yaml")).unwrap();
    std::fs::write(
        platform.path("mdd.yaml"),
        text.replace("secrets: {login: {env: MDD_TEST_LOGIN}}", loader),
    )
    .unwrap();
    let refused = platform.mdd(&["validate"]).exits(2);
    assert!(
        format!("{}{}", refused.stdout, refused.stderr).contains("`LD_PRELOAD` could start something else")
    );
}

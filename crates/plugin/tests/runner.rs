//! What the runner makes of a check that goes wrong, of services that misbehave, and of secrets: with a real program.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use testkit::{Peer, Ran, Run, example, free_port};

/// What a run may take beyond its timeout on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

fn check(args: &[&str]) -> Run {
    Run::new(example("check-answer")).args(args)
}

/// One line, nothing else, and this exit code.
fn assert_line(ran: &Ran, code: i32, line: &str) {
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(code), line, ""));
}

fn assert_panics_are_lines(program: &Path) {
    for (way, said) in [
        ("panic", "internal error: asked to / with a bar at"),
        ("panic-elsewhere", "internal error: asked to, elsewhere at"),
        ("panic-in-options", "internal error: asked to, in the options at"),
    ] {
        let ran = Run::new(program).args(["--fail", way]).go();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(3), ""), "{way}");
        assert!(ran.stdout.starts_with(&format!("ANSWER UNKNOWN - {said}")), "{way}: {}", ran.stdout);
        assert!(ran.first_line().ends_with("[internal]"), "{way}: {}", ran.stdout);
        assert!(ran.first_line().len() <= 100, "{way}: {}", ran.stdout);
    }
}

fn assert_signals_are_lines(program: &Path) {
    for (signal, name) in [
        (nix::sys::signal::SIGTERM, "SIGTERM"),
        (nix::sys::signal::SIGINT, "SIGINT"),
        (nix::sys::signal::SIGHUP, "SIGHUP"),
    ] {
        let folder = tempfile::TempDir::new().expect("make a folder");
        let ready = folder.path().join("ready");
        let ran = Run::new(program)
            .args(["--fail", "stick", "-t", "1m", "--ready"])
            .args([&ready])
            .signal_when(signal, move |_| ready.exists())
            .go();
        assert_line(&ran, 3, &format!("ANSWER UNKNOWN - ended by {name} in: go wrong: Stick [internal]\n"));
    }
}

#[test]
fn panics_are_one_line() {
    assert_panics_are_lines(&example("check-answer"));
    let ran = check(&["--fail", "panic", "--output-format", "json"]).go();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(3), ""));
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one JSON object");
    assert_eq!((json["state"].as_str(), json["code"].as_u64()), (Some("UNKNOWN"), Some(3)));
    assert_eq!(json["findings"][0]["reason"], "internal");
    assert_eq!(check(&["--fail", "panic", "--exit-ok"]).go().code, Some(0));
}

#[test]
fn signals_are_one_line() {
    assert_signals_are_lines(&example("check-answer"));
}

/// The release profile aborts on a panic, which std follows with SIGABRT unless the hook has left before.
#[test]
fn panics_and_signals_are_one_line_where_a_panic_aborts() {
    let target = example("check-answer");
    let target = target.ancestors().nth(3).expect("the target folder").join("abort");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--locked", "--profile", "quick"])
        .args(["--config", "profile.quick.panic=\"abort\"", "--example", "check-answer"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("start cargo");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let program = target.join("quick/examples/check-answer");
    assert_panics_are_lines(&program);
    assert_signals_are_lines(&program);
}

#[test]
fn a_check_that_sticks_is_ended() {
    let ran = check(&["--fail", "stick", "-t", "1"]).limit(Duration::from_secs(1) + SLACK).go();
    assert_line(&ran, 3, "ANSWER UNKNOWN - no end within 1 s in: go wrong: Stick [stuck]\n");
    for (asked, state, code) in [("1:OK", "OK", 0), ("1s:warning", "WARNING", 1), ("1:2", "CRITICAL", 2)] {
        let ran = check(&["--fail", "stick", "-t", asked]).limit(Duration::from_secs(1) + SLACK).go();
        let reason = if code == 0 { "" } else { " [stuck]" };
        let line = format!("ANSWER {state} - no end within 1 s in: go wrong: Stick{reason}\n");
        assert_line(&ran, code, &line);
    }
}

#[test]
fn a_plugin_from_elsewhere_has_its_own_version() {
    assert_line(&check(&["--version"]).go(), 3, concat!("check-answer ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn an_error_without_a_reason_is_unknown() {
    let ran = check(&["--fail", "error"]).go();
    assert_line(&ran, 3, "ANSWER UNKNOWN - invalid digit found in string [internal]\n");
}

#[test]
fn services_that_misbehave_are_answers_in_time() {
    let pause = Duration::from_millis(20);
    let never = Duration::from_secs(1) + SLACK;
    for (peer, reason) in [
        (Peer::silent(), "timed-out"),
        (Peer::black_hole(), "timed-out"),
        (Peer::drips("x", pause), "timed-out"),
        (Peer::closes(), "content"),
        (Peer::endless("x"), "content"),
        (Peer::garbage(), "content"),
    ] {
        let service = peer.address().to_string();
        let ran = check(&["-H", &service, "-t", "1"]).limit(never).go();
        let first = ran.first_line().split(" | ").next().unwrap_or_default();
        // A peer that closes with our line unread resets the connection.
        let closed = reason == "content" && first.ends_with("[closed]");
        assert!(first.ends_with(&format!("[{reason}]")) || closed, "{reason}: {}", ran.stdout);
        assert!(first.starts_with("ANSWER CRITICAL - ") && first.len() <= 100, "{}", ran.stdout);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(2), ""));
        assert!(ran.stdout.len() <= 4096);
    }
    let gone = format!("127.0.0.1:{}", free_port());
    let ran = check(&["-H", &gone]).go();
    assert_line(&ran, 2, &format!("ANSWER CRITICAL - connect to {gone}: refused [refused]\n"));
}

/// A service that repeats the password it got, as a bad one would in its error message.
fn parrot() -> Peer {
    Peer::new(|mut stream, _| {
        let mut line = String::new();
        let Ok(reading) = stream.try_clone() else { return };
        if BufReader::new(reading).read_line(&mut line).is_ok() {
            let answer = format!("no user has the password {} here\n", line.trim_end_matches('\n'));
            // The check may have left, having seen enough.
            let _left = stream.write_all(answer.as_bytes());
        }
    })
}

#[test]
fn no_form_of_output_shows_a_secret() {
    let peer = parrot();
    let service = peer.address().to_string();
    let long = "correct horse battery staple ".repeat(8);
    for password in [
        "hunter2-hunter2",
        r#"quote " slash \ end"#,
        "bar|bar|bar",
        "tab\there\u{1b}[31m",
        "gehört-möglich",
        &long,
    ] {
        let password = password.trim_end();
        for format in ["nagios", "json", "prometheus", "graphite"] {
            for verbose in [&[][..], &["-v"], &["-vvv"]] {
                for expect in ["welcome", "password"] {
                    let args =
                        ["-H", &service, "--password-env", "P", "--output-format", format, "-e", expect];
                    let ran = check(&args).args(verbose).env("P", password).go();
                    assert_eq!(ran.code, Some(if expect == "welcome" { 2 } else { 0 }), "{}", ran.stdout);
                    assert_no_part_of(password, &ran.stdout);
                    assert_eq!(ran.stderr, "");
                    if format == "nagios" || format == "json" {
                        assert!(ran.stdout.contains("[redacted]"), "{}", ran.stdout);
                    }
                }
            }
        }
    }
}

// Six characters of it in a row would be told, whatever was cut, cleaned or escaped around them.
fn assert_no_part_of(secret: &str, output: &str) {
    let characters: Vec<char> = secret.chars().collect();
    for part in characters.windows(6) {
        let part: String = part.iter().collect();
        assert!(!output.contains(&part), "`{part}` of `{secret}` in: {output}");
    }
}

#[test]
fn a_secret_comes_from_a_file_the_environment_or_a_descriptor() {
    let peer = Peer::new(|mut stream, _| {
        let mut line = String::new();
        let Ok(reading) = stream.try_clone() else { return };
        if BufReader::new(reading).read_line(&mut line).is_ok() {
            let answer = if line == "open sesame\n" { "welcome\n" } else { "no\n" };
            let _left = stream.write_all(answer.as_bytes());
        }
    });
    let service = peer.address().to_string();
    let folder = tempfile::TempDir::new().expect("make a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "open sesame\n").expect("write the password");
    let path = file.to_str().expect("a path of text");
    let code = |run: Run| run.go().code;
    let common = ["-H", service.as_str()];
    assert_eq!(code(check(&common).args(["--password-file", path])), Some(0));
    assert_eq!(code(check(&common).args(["--password-env", "P"]).env("P", "open sesame")), Some(0));
    assert_eq!(code(check(&common).args(["--password-fd", "0"]).input("open sesame\n")), Some(0));
    assert_eq!(code(check(&common)), Some(2));

    for (mode, said) in [(0o644, true), (0o600, false)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("set the mode");
        let ran = check(&common).args(["--password-file", path, "-v"]).go();
        assert_eq!(ran.stdout.contains("is readable by others (mode 644)"), said, "{}", ran.stdout);
    }
    let missing: PathBuf = folder.path().join("missing");
    for args in [
        &["--password-file", missing.to_str().expect("text")][..],
        &["--password-env", "NOT_SET_ANYWHERE"],
        &["--password-fd", "77"],
        &["--password-fd", "0"],
        &["--password-env", "P", "--password-fd", "0"],
    ] {
        let ran = check(&common).args(args).env("P", "").go();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(3), ""), "{args:?}: {}", ran.stdout);
        assert!(ran.first_line().ends_with("[usage]"), "{args:?}: {}", ran.stdout);
    }
}

#[test]
fn a_pipe_without_a_password_is_waited_for_no_longer_than_the_deadline() {
    let folder = tempfile::TempDir::new().expect("make a folder");
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("make a pipe");
    let ran = check(&["-t", "1", "--password-file"]).args([&pipe]).limit(Duration::from_secs(1) + SLACK).go();
    assert_eq!(ran.code, Some(3));
    assert!(
        ran.stdout.starts_with("ANSWER UNKNOWN - no end within 1 s in: read password file "),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_reader_that_does_not_read_changes_neither_the_code_nor_the_end() {
    let peer = Peer::says("welcome\n");
    let (_unread, full) = std::io::pipe().expect("make a pipe");
    nix::fcntl::fcntl(&full, nix::fcntl::FcntlArg::F_SETPIPE_SZ(4096)).expect("make it small");
    nix::unistd::write(&full, &[b'x'; 4096]).expect("fill it");
    let service = peer.address().to_string();
    let ran = check(&["-H", &service, "-t", "1"]).stdout(full).limit(Duration::from_secs(1) + SLACK).go();
    assert_eq!(ran.code, Some(0));
}

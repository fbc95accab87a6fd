//! check-procs as it is started by an agent: whole lines of machines made of files, and of this one.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testkit::{Fixture, Ran, Run, alias, perfdata, plugin, run};

/// Sizes are 8 MiB and 10 pages; it has used 30 s of CPU in the 300 s since it started.
fn stat(pid: u32, name: &str, state: char, parent: u32) -> String {
    format!(
        "{pid} ({name}) {state} {parent} {pid} {pid} 0 -1 0 0 0 0 0 2000 1000 0 0 20 0 1 0 70000 8388608 10 0\n"
    )
}

fn machine() -> Fixture {
    Fixture::new()
        .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:4243:4243::/:/bin/false\n")
        .file("/proc/uptime", "1000.00 1.00\n")
        .file("/proc/cpuinfo", "")
        .file("/proc/1/stat", stat(1, "init", 'S', 0))
        .file("/proc/1/cmdline", "/sbin/init\0")
        .file("/proc/40/stat", stat(40, "(sd-pam)", 'S', 1))
        .file("/proc/40/cmdline", "(sd-pam)\0")
        .file("/proc/41/stat", stat(41, "Web Content", 'R', 1))
        .file("/proc/41/cmdline", "/usr/lib/firefox\0-contentproc\0--secret=hunter2\0")
        .file("/proc/42/stat", stat(42, "gone wrong", 'Z', 41))
        .file("/proc/42/cmdline", "")
}

fn check(root: &Fixture, args: &[&str]) -> Ran {
    let ran = Run::new(plugin("check-procs")).args(["--root".as_ref(), root.as_ref()]).args(args).go();
    assert_eq!(ran.stderr, "");
    ran
}

#[test]
fn whole_lines() {
    let table: &[(&[&str], i32, &str)] = &[
        (&[], 0, "PROCS OK - 4 processes | procs=4;;;0\n"),
        (&["-w", "3", "-c", "9"], 1, "PROCS WARNING - 4 processes, outside 3 [threshold] | procs=4;3;9;0\n"),
        (
            &["-C", "sshd", "-c", "1:"],
            2,
            "PROCS CRITICAL - 0 processes named sshd, outside 1: [threshold] | procs=0;;1:;0\n",
        ),
        (
            &["-s", "Z", "-w", "0"],
            1,
            "PROCS WARNING - 1 process in state Z, outside 0 [threshold] | procs=1;0;;0\n",
        ),
        (&["-C", "(sd-pam)", "-c", "1:1"], 0, "PROCS OK - 1 process named (sd-pam) | procs=1;;1:1;0\n"),
        (
            &["-C", "Web Content", "-p", "1"],
            0,
            "PROCS OK - 1 process named Web Content with parent 1 | procs=1;;;0\n",
        ),
        (
            &["-a", "secret=", "-k"],
            0,
            "PROCS OK - 1 process with arguments 'secret=' outside the kernel | procs=1;;;0\n",
        ),
        (
            &["-m", "CPU", "-w", "5", "-C", "init"],
            1,
            "PROCS WARNING - init (1) CPU 10 %, outside 5 % [threshold] | procs=1;;;0 procs_warn=1;;;0 procs_crit=0;;;0 cpu_max=10%;;;0\n",
        ),
        (
            &["-m", "ELAPSED", "-c", "600:", "-C", "init"],
            2,
            "PROCS CRITICAL - init (1) age 5 min, outside 600: s [threshold] | procs=1;;;0 procs_warn=0;;;0 procs_crit=1;;;0 elapsed_max=300s;;;0\n",
        ),
        (
            &["-m", "VSZ", "-w", "10000"],
            0,
            "PROCS OK - 4 processes, VSZ 8 MiB at most | procs=4;;;0 procs_warn=0;;;0 procs_crit=0;;;0 vsz_max=8388608B;;;0\n",
        ),
        (
            &["-z", "8M", "-X", "init,Web Content"],
            0,
            "PROCS OK - 2 processes with VSZ from 8 MiB not named init,Web Content | procs=2;;;0\n",
        ),
        (&["5", "10"], 3, "PROCS UNKNOWN - unexpected argument `5` [usage]\n"),
    ];
    for (args, code, line) in table {
        let ran = check(&machine(), args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(*code), *line), "{args:?}");
    }
}

#[test]
fn a_count_opens_no_file_of_a_process() {
    // They hold nothing that could be read.
    let root = Fixture::new()
        .file("/proc/1/x", "")
        .file("/proc/2/x", "")
        .file("/proc/stat", "")
        .stuck("/proc/1/stat");
    let ran = check(&root, &["-w", "2:2", "-t", "5"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "PROCS OK - 2 processes | procs=2;2:2;;0\n"));
}

#[test]
fn arguments_are_read_of_the_rest_only() {
    let root = machine().file("/proc/9/stat", stat(9, "stuck", 'D', 1)).stuck("/proc/9/cmdline");
    let ran = check(&root, &["-C", "init", "-a", "sbin", "-t", "5"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    // Asked for the arguments of all, it ends in time and says where it hung.
    let ran = check(&root, &["-a", "sbin", "-t", "1"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    assert!(ran.first_line().contains("read the arguments of stuck (9)"), "{}", ran.stdout);
    assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
}

#[test]
fn odd_machines_are_unknown_and_name_their_file() {
    let garbled = |text: &str| machine().file("/proc/40/stat", text);
    let table: &[(Fixture, &[&str], &str)] = &[
        (Fixture::new(), &[], "/proc: no such file or directory"),
        (Fixture::new().file("/proc/uptime", "1 1"), &[], "/proc: no process"),
        (garbled(""), &["-k"], "/proc/40/stat: no state of a process"),
        (garbled("40 (x) S"), &["-k"], "/proc/40/stat: no state of a process"),
        (garbled("40 x S 1 1 1"), &["-k"], "/proc/40/stat: no state of a process"),
        (machine().file("/proc/uptime", "soon"), &["-m", "CPU"], "/proc/uptime: no seconds in `soon`"),
        (
            Fixture::new().file("/proc/1/stat", stat(1, "a", 'S', 0)),
            &["-P", "1"],
            "/proc/uptime: no such file or directory",
        ),
        (Fixture::new().file("/proc/1/stat", ""), &["-u", "web"], "/etc/passwd: no such file or directory"),
    ];
    for (root, args, what) in table {
        let ran = check(root, args);
        assert_eq!(ran.code, Some(3), "{what}: {}", ran.stdout);
        assert!(ran.stdout.contains(what), "{what}: {}", ran.stdout);
        assert!(ran.first_line().ends_with("[internal]"), "{}", ran.stdout);
    }
    let ran = check(&machine(), &["-u", "nobody-here"]);
    assert!(ran.first_line().starts_with("PROCS UNKNOWN - --user: no `nobody-here` in "), "{}", ran.stdout);
    // Numbers at their limits are no panic.
    let huge = format!("40 (x) S 1 1 1 0 -1 0 0 0 0 0 {0} {0} 0 0 20 0 1 0 {0} {0} -1 0", u64::MAX);
    let ran = check(&garbled(&huge), &["-m", "RSS", "-P", "0", "-v"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
}

#[test]
fn arguments_of_others_are_never_shown() {
    for args in [
        &["-vvv"][..],
        &["-vvv", "-a", "contentproc"],
        &["--output-format", "json", "-m", "RSS", "-a", "content"],
    ] {
        let ran = check(&machine(), args);
        assert!(ran.stdout.contains("Web Content"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);
    }
}

#[test]
fn names_cannot_break_the_output() {
    let root = Fixture::new().file("/proc/1/stat", stat(1, "a|b\n\u{1b}[31m c=1", 'S', 0));
    let ran = check(&root, &["-m", "RSS", "-c", "1", "-v"]);
    let first = ran.first_line();
    assert!(first.starts_with("PROCS CRITICAL - a/b [31m c=1 (1) RSS "), "{first}");
    assert_eq!(ran.stdout.matches('|').count(), 1, "{}", ran.stdout);
}

#[test]
fn thousands_that_alert_stay_within_4_kib() {
    let mut root = Fixture::new();
    for pid in 1..2000 {
        root = root.file(&format!("/proc/{pid}/stat"), stat(pid, "java", 'S', 0));
    }
    let ran = check(&root, &["-m", "VSZ", "-c", "100"]);
    assert!(ran.stdout.len() <= 4096, "{}", ran.stdout.len());
    assert!(ran.first_line().starts_with("PROCS CRITICAL - java ("), "{}", ran.stdout);
    assert!(
        ran.first_line().contains("procs=1999;;;0 procs_warn=0;;;0 procs_crit=1999;;;0"),
        "{}",
        ran.stdout
    );
}

#[test]
fn it_does_not_count_itself_nor_the_shell_around_it() {
    let marker = format!("no-such-argument-{}", std::process::id());
    for name in ["check-procs", "check_procs"] {
        let alias = alias("check-procs", name);
        let line = format!("{} -a {marker}; exit $?", alias.path().display());
        let ran = run("/bin/sh", ["-c", &line]);
        assert_eq!(
            perfdata(&ran.stdout).first().map(|item| item.1.to_string()).as_deref(),
            Some("0"),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn processes_that_come_and_go_are_no_error() {
    let (stop, program) = (AtomicBool::new(false), plugin("check-procs"));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..100_000 {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let status = Command::new("/bin/true").status().expect("start true");
                    assert!(status.success());
                }
            });
        }
        let ran: Vec<Ran> =
            (0..60).map(|_| Run::new(&program).args(["-a", "", "-m", "RSS", "-c", "1:"]).go()).collect();
        stop.store(true, Ordering::Relaxed);
        for ran in ran {
            assert!(ran.first_line().contains("| procs="), "{}", ran.stdout);
            assert!(!ran.stdout.contains("UNKNOWN"), "{}", ran.stdout);
        }
    });
}

#[test]
fn the_facts_name_the_processes() {
    let ran = check(&machine(), &["--output-format", "json", "-s", "RZ"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["facts"]["processes"], 2);
    let mut pids: Vec<u64> = json["facts"]["pids"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(serde_json::Value::as_u64)
        .collect();
    pids.sort_unstable();
    assert_eq!(pids, [41, 42]);
}

#[test]
fn where_others_are_hidden_the_answer_is_unknown() {
    // What hidepid=invisible leaves of /proc: no first process.
    let hidden = || {
        Fixture::new()
            .file("/proc/50/stat", stat(50, "check-procs", 'R', 49))
            .file("/proc/51/stat", stat(51, "mine", 'S', 1))
            .link("/proc/self", "50")
    };
    let ran = check(&hidden(), &[]);
    let line = "PROCS UNKNOWN - processes of others may not be seen (hidepid) [permission] | procs=1;;;0";
    assert_eq!((ran.code, ran.first_line()), (Some(3), line));
    let own = run("id", ["-u"]).stdout;
    let ran = check(&hidden(), &["-u", own.trim(), "-c", "1:1"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let alias = alias("check-procs", "check_procs");
    let ran = Run::new(&alias).args(["--root".as_ref(), hidden().as_ref()]).go();
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
}

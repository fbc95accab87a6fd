//! check-load as it is started by an agent: whole lines of machines made of files, and of this one.

use std::time::Duration;

use testkit::{Fixture, Ran, Run, alias, plugin};

fn machine() -> Fixture {
    Fixture::new()
        .file("/proc/loadavg", "12.50 6.00 1.25 3/456 7890\n")
        .file("/sys/devices/system/cpu/online", "0-3,8\n")
}

fn check(root: &Fixture, args: &[&str]) -> Ran {
    let ran = Run::new(plugin("check-load")).args(["--root".as_ref(), root.as_ref()]).args(args).go();
    assert_eq!(ran.stderr, "");
    ran
}

#[test]
fn whole_lines() {
    let table: &[(&[&str], i32, &str)] = &[
        (&[], 0, "LOAD OK - load 12.50, 6.00, 1.25 on 5 CPUs | load1=12.5;;;0 load5=6;;;0 load15=1.25;;;0\n"),
        (
            &["-w", "20,10,5", "-c", "30"],
            0,
            "LOAD OK - load 12.50, 6.00, 1.25 on 5 CPUs | load1=12.5;20;30;0 load5=6;10;30;0 load15=1.25;5;30;0\n",
        ),
        (
            &["-w", "10", "-c", "20"],
            1,
            "LOAD WARNING - 1-minute load 12.50 on 5 CPUs, outside 10 [threshold] | load1=12.5;10;20;0 load5=6;10;20;0 load15=1.25;10;20;0\n",
        ),
        (
            &["-r", "-w", "1", "-c", "2"],
            2,
            "LOAD CRITICAL - 1-minute load 2.50 per CPU on 5 CPUs, outside 2 [threshold] | \
             load1=12.5;;;0 scaled_load1=2.5;1;2;0 load5=6;;;0 scaled_load5=1.2;1;2;0 load15=1.25;;;0 scaled_load15=0.25;1;2;0\n\
             WARNING: 5-minute load 1.20 per CPU on 5 CPUs, outside 1 [threshold]\n",
        ),
        (&["-w", "5", "-c", "4"], 3, "LOAD UNKNOWN - -w 5 of the 1-minute load is above -c 4 [usage]\n"),
    ];
    for (args, code, line) in table {
        let ran = check(&machine(), args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(*code), *line), "{args:?}");
    }
}

#[test]
fn odd_machines_are_unknown_and_name_their_file() {
    let loadavg = |content: &[u8]| machine().file("/proc/loadavg", content);
    let online = |content: &[u8]| machine().file("/sys/devices/system/cpu/online", content);
    let huge = vec![b'1'; 2 << 20];
    let table = [
        (Fixture::new(), "/proc/loadavg: no such file or directory"),
        (loadavg(b""), "/proc/loadavg: no three numbers in ``"),
        (loadavg(b"0.1 0.2"), "/proc/loadavg: no three numbers in `0.1 0.2`"),
        (loadavg(b"\xff\x00|\x1b[31m"), "/proc/loadavg: no three numbers in `\u{fffd} / [31m`"),
        (loadavg(b"1e999 0 0"), "/proc/loadavg: no three numbers in `1e999 0 0`"),
        (loadavg(&huge), "/proc/loadavg: longer than 1048576 bytes"),
        (online(b"all"), "/sys/devices/system/cpu/online: no list of CPUs: `all`"),
        (online(b"0-99999999999"), "/sys/devices/system/cpu/online: no list of CPUs: `0-99999999999`"),
    ];
    for (root, what) in &table {
        let ran = check(root, &["-w", "5", "-c", "10"]);
        assert_eq!(ran.code, Some(3), "{what}: {}", ran.stdout);
        // The first line may be cut; the whole text stands below it then.
        assert!(ran.stdout.contains(what), "{what}: {}", ran.stdout);
        assert!(ran.first_line().ends_with("[internal]"), "{}", ran.stdout);
    }
}

#[test]
fn a_file_that_never_opens_ends_in_time() {
    let root = Fixture::new().stuck("/proc/loadavg");
    let ran = check(&root, &["-t", "1"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    assert!(ran.first_line().contains("read the load averages"), "{}", ran.stdout);
    assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
}

#[test]
fn the_busiest_processes_stand_below() {
    let stat = |pid: u32, name: &str, ticks: u32| {
        format!("{pid} ({name}) S 1 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0 0 4096 1 0\n")
    };
    let root = machine()
        .file("/proc/uptime", "100.00 50.00\n")
        .file("/proc/1/stat", stat(1, "init", 10))
        .file("/proc/20/stat", stat(20, "a | b", 2500))
        .file("/proc/30/stat", stat(30, "gzip", 9000));
    let ran = check(&root, &["-n", "2"]);
    let below: Vec<&str> = ran.stdout.lines().skip(1).collect();
    assert_eq!(below, ["90.0 % CPU: gzip (30)", "25.0 % CPU: a / b (20)"]);
    assert_eq!(ran.code, Some(0));
}

#[test]
fn this_machine_in_both_dialects() {
    let own = Run::new(plugin("check-load")).args(["-w", "9000", "-c", "9999", "-n", "3"]).go();
    assert_eq!((own.code, own.stdout.lines().count()), (Some(0), 4), "{}", own.stdout);
    let alias = alias("check-load", "check_load");
    let c = Run::new(&alias).args(["-c", "9999"]).go();
    assert!(c.first_line().starts_with("LOAD WARNING - 1-minute load "), "{}", c.stdout);
}

#[test]
fn json_has_the_cpus() {
    let ran = check(&machine(), &["--output-format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["facts"]["cpus"], 5);
    assert_eq!(json["metrics"][0]["label"], "load1");
    assert_eq!(json["metrics"][0]["value"], 12.5);
}

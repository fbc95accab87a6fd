//! check-memory as it is started by an agent: whole lines of machines made of files, and of this one.

use std::time::Duration;

use testkit::{Fixture, Ran, Run, plugin};

const MEMINFO: &str = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    4000000 kB\n\
    Buffers:          100000 kB\nCached:          2500000 kB\nSwapCached:            0 kB\nShmem:            500000 kB\n\
    SReclaimable:     200000 kB\nSwapTotal:       2000000 kB\nSwapFree:        1500000 kB\n\
    HugePages_Total:     512\nHugePages_Free:      128\nHugepagesize:       2048 kB\n";

fn check(root: &Fixture, args: &[&str]) -> Ran {
    let ran = Run::new(plugin("check-memory")).args(["--root".as_ref(), root.as_ref()]).args(args).go();
    assert_eq!(ran.stderr, "");
    ran
}

fn meminfo(text: &str) -> Fixture {
    Fixture::new().file("/proc/meminfo", text)
}

/// Exit code, and the first line up to its bar.
fn head(root: &Fixture, args: &[&str]) -> (Option<i32>, String) {
    let ran = check(root, args);
    (ran.code, ran.first_line().split(" |").next().unwrap_or_default().to_owned())
}

#[test]
fn first_lines() {
    let table: &[(&[&str], i32, &str)] = &[
        (&[], 0, "MEMORY OK - 75.0 % of 15.3 GiB used, swap 25.0 % of 1.91 GiB used"),
        (&["-w", "80", "-c", "90"], 0, "MEMORY OK - 75.0 % of 15.3 GiB used, swap 25.0 % of 1.91 GiB used"),
        (&["-w", "70", "-c", "90"], 1, "MEMORY WARNING - 75.0 % of 15.3 GiB used, outside 70% [threshold]"),
        (
            &["-w", "10G", "-c", "11G"],
            2,
            "MEMORY CRITICAL - 75.0 % of 15.3 GiB used, outside 11G [threshold]",
        ),
        (
            &["--available-warning", "30%:"],
            1,
            "MEMORY WARNING - 25.0 % of 15.3 GiB available, outside 30%: [threshold]",
        ),
        (
            &["--available-critical", "4G:"],
            2,
            "MEMORY CRITICAL - 25.0 % of 15.3 GiB available, outside 4G: [threshold]",
        ),
        (
            &["--available-critical", "3G:"],
            0,
            "MEMORY OK - 75.0 % of 15.3 GiB used, swap 25.0 % of 1.91 GiB used",
        ),
        (
            &["--swap-warning", "20"],
            1,
            "MEMORY WARNING - swap 25.0 % of 1.91 GiB used, outside 20% [threshold]",
        ),
        (
            &["--swap-critical", "100M"],
            2,
            "MEMORY CRITICAL - swap 25.0 % of 1.91 GiB used, outside 100M [threshold]",
        ),
        (&["--cgroup"], 0, "MEMORY OK - 75.0 % of 15.3 GiB used, swap 25.0 % of 1.91 GiB used"),
        (&["--cgroup=x"], 3, ""),
        (&["-w", "800"], 3, ""),
        (&["-w", "90%:80%"], 3, ""),
        (&["-w", "8X"], 3, ""),
        (&["extra"], 3, ""),
    ];
    let root = meminfo(MEMINFO);
    for (args, code, line) in table {
        let (ran_code, ran_line) = head(&root, args);
        assert_eq!(ran_code, Some(*code), "{args:?}: {ran_line}");
        assert!(line.is_empty() || ran_line == *line, "{args:?}: {ran_line}");
    }
}

#[test]
fn the_whole_perfdata() {
    let ran = check(&meminfo(MEMINFO), &["-w", "80", "--available-critical", "1G:"]);
    let expected = "MEMORY OK - 75.0 % of 15.3 GiB used, swap 25.0 % of 1.91 GiB used | \
        used=12288000000B;;;0;16384000000 used_percent=75.00%;80 \
        available=4096000000B;;1073741824:;0;16384000000 available_percent=25.00% \
        swap_used=512000000B;;;0;2048000000 swap_used_percent=25.00% \
        free=1024000000B;;;0 buffers=102400000B;;;0 cached=2560000000B;;;0 shared=512000000B;;;0 reclaimable=204800000B;;;0\n";
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), expected));
}

#[test]
fn details_say_what_the_numbers_are_made_of() {
    let old = MEMINFO.replace("MemAvailable:    4000000 kB\n", "");
    let ran = check(&meminfo(&old), &["-v"]);
    // 1000000 free + 100000 + 2500000 + 200000 of caches − 500000 of shared memory.
    assert!(ran.first_line().starts_with("MEMORY OK - 79.4 % of 15.3 GiB used"), "{}", ran.stdout);
    for line in [
        "free 977 MiB, buffers 97.7 MiB, cached 2.38 GiB, shared 488 MiB, reclaimable 195 MiB",
        "the kernel has no MemAvailable: estimated from free memory and caches",
        "1 GiB reserved for huge pages count as used, 256 MiB of them are not in use",
    ] {
        assert!(ran.stdout.lines().any(|shown| shown == line), "{line}: {}", ran.stdout);
    }
    let json = check(&meminfo(&old), &["--output-format", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["facts"]["available_estimated"], true);
    assert_eq!(json["facts"]["huge_pages"], 1_073_741_824);
    assert_eq!(json["facts"]["total"], 16_384_000_000_u64);
}

#[test]
fn odd_machines_are_unknown_and_name_their_file() {
    let table = [
        (Fixture::new(), "/proc/meminfo: no such file or directory"),
        (meminfo(""), "/proc/meminfo: no MemTotal"),
        (meminfo("MemTotal: 0 kB\n"), "/proc/meminfo: no MemTotal"),
        (meminfo("MemFree: 5 kB\n"), "/proc/meminfo: no MemTotal"),
        (meminfo("MemTotal: lots\n"), "/proc/meminfo: no number in `MemTotal: lots`"),
        (meminfo("MemTotal: 5 kB\nMemFree: 99999999999999999999 kB\n"), "/proc/meminfo: no number in"),
        (meminfo(&"x: 1\n".repeat(1 << 19)), "/proc/meminfo: longer than 1048576 bytes"),
    ];
    for (root, what) in &table {
        let ran = check(root, &["-w", "80", "-c", "90"]);
        assert_eq!(ran.code, Some(3), "{what}: {}", ran.stdout);
        assert!(ran.stdout.contains(what), "{what}: {}", ran.stdout);
        assert!(ran.first_line().ends_with("[internal]"), "{}", ran.stdout);
    }
    // Numbers that overflow when multiplied, and a part that is greater than the whole, are no panic.
    let huge = meminfo(
        "MemTotal: 18446744073709551615 kB\nMemAvailable: 18446744073709551615 kB\nHugePages_Total: 18446744073709551615\nHugepagesize: 2048 kB\n",
    );
    assert_eq!(check(&huge, &["-w", "80"]).code, Some(0));
    let more = meminfo("MemTotal: 100 kB\nMemAvailable: 900 kB\nSwapTotal: 1 kB\nSwapFree: 9 kB\n");
    let (code, line) = head(&more, &["-w", "80"]);
    assert_eq!(
        (code, line.as_str()),
        (Some(0), "MEMORY OK - 0.0 % of 100 KiB used, swap 0.0 % of 1 KiB used")
    );
}

#[test]
fn limits_of_control_groups() {
    let v2 = || {
        meminfo(MEMINFO)
            .file("/proc/self/cgroup", "0::/kube/pod\n")
            .file("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n")
            .file("/sys/fs/cgroup/kube/memory.max", "max\n")
            .file("/sys/fs/cgroup/kube/pod/memory.max", "1073741824\n")
            .file("/sys/fs/cgroup/kube/pod/memory.current", "1000000000\n")
            .file("/sys/fs/cgroup/kube/pod/memory.stat", "anon 5\nfile 9\ninactive_file 100000000\n")
    };
    let critical = "MEMORY CRITICAL - 83.8 % of 1 GiB used in cgroup /kube/pod, outside 80% [threshold]";
    assert_eq!(head(&v2(), &["--cgroup", "-c", "80"]), (Some(2), critical.to_owned()));
    assert_eq!(head(&v2(), &["--cgroup=kube/pod", "-c", "80"]), (Some(2), critical.to_owned()));
    assert_eq!(head(&v2(), &["-c", "80"]).0, Some(0), "without --cgroup the machine is judged");

    let (code, line) = head(&v2(), &["--cgroup=kube", "-c", "80"]);
    assert_eq!(code, Some(3));
    assert_eq!(
        line,
        "MEMORY UNKNOWN - --cgroup: neither `kube` nor a group above it has a memory limit [usage]"
    );
    assert_eq!(head(&v2(), &["--cgroup=../../etc"]).0, Some(3));

    let v1 = meminfo(MEMINFO)
        .file("/proc/self/cgroup", "4:memory:/docker/0123\n1:name=systemd:/\n")
        .file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n")
        .file("/sys/fs/cgroup/memory/memory.usage_in_bytes", "268435456\n")
        .file("/sys/fs/cgroup/memory/memory.stat", "total_inactive_file 0\n");
    let ok = "MEMORY OK - 50.0 % of 512 MiB used in cgroup /, swap 25.0 % of 1.91 GiB used";
    assert_eq!(head(&v1, &["--cgroup", "-c", "80"]), (Some(0), ok.to_owned()));

    let above = v2().file("/sys/fs/cgroup/kube/pod/memory.max", "99999999999999\n");
    let ran = check(&above, &["--cgroup", "-v"]);
    let note = "no control group sets a limit below what the machine has";
    assert!(ran.stdout.lines().any(|line| line == note), "{}", ran.stdout);
    let broken = v2().file("/sys/fs/cgroup/kube/pod/memory.current", "many\n");
    let ran = check(&broken, &["--cgroup"]);
    assert_eq!(ran.code, Some(3));
    assert!(
        ran.stdout.contains("/sys/fs/cgroup/kube/pod/memory.current: no number: `many`"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_file_that_never_opens_ends_in_time() {
    let ran = check(&Fixture::new().stuck("/proc/meminfo"), &["-t", "1"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    assert!(ran.first_line().contains("read the state of the memory"), "{}", ran.stdout);
    assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
}

#[test]
fn this_machine() {
    let ran = Run::new(plugin("check-memory")).args(["-w", "100", "-c", "100", "--cgroup"]).go();
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let ran = Run::new(plugin("check-memory")).args(["-c", "0"]).go();
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    let total = std::fs::read_to_string("/proc/meminfo").expect("meminfo");
    let kib: f64 = total
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok())
        .expect("MemTotal");
    let max = format!(";0;{} used_percent=", kib * 1024.0);
    assert!(ran.first_line().contains(&max), "{max}: {}", ran.stdout);
}

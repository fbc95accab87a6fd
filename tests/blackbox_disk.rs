//! check-disk against file systems that are well, dead, broken and gone.

mod fuse;
mod mounts;

use std::path::Path;
use std::time::Duration;

use fuse::{Fuse, Manner};
use mounts::{fill, in_own_namespace, tmpfs};
use nix::mount::{MsFlags, mount};
use testkit::{Ran, Run, alias, perfdata, plugin, poll_until, run};

const MIB: usize = 1 << 20;
/// Long enough for a loaded machine to start a program, short enough to wait for.
const TIMEOUT: &str = "5";
const DEADLINE: Duration = Duration::from_secs(5);

fn own(args: &[&str]) -> Ran {
    clean(run(plugin("check-disk"), args))
}

fn c(args: &[&str]) -> Ran {
    clean(run(alias("check-disk", "check_disk").path(), args))
}

// Whatever happens: a plugin ends by itself, and says nothing on standard error.
fn clean(ran: Ran) -> Ran {
    assert_eq!((ran.signal, ran.stderr.as_str()), (None, ""), "{}", ran.stdout);
    ran
}

fn labels(ran: &Ran) -> Vec<String> {
    perfdata(ran.first_line()).into_iter().map(|(label, ..)| label).collect()
}

fn value(ran: &Ran, label: &Path) -> f64 {
    let label = label.to_str().expect("text");
    let items = perfdata(ran.first_line());
    let found = items.iter().find(|(name, ..)| name == label);
    found.unwrap_or_else(|| panic!("no {label} in {}", ran.stdout)).1
}

// A folder with a tmpfs, a quarter of which is used, in a namespace of its own.
fn scene(test: impl FnOnce(&Path, &str) + Send) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().canonicalize().expect("it is there");
    in_own_namespace(|| {
        let local = folder.join("local");
        tmpfs(&local, "size=16m");
        fill(&local.join("four"), 4 * MIB);
        test(&folder, local.to_str().expect("text"));
    });
}

fn pseudo(point: &Path) {
    std::fs::create_dir(point).expect("made");
    mount(Some("proc"), point, Some("proc"), MsFlags::empty(), None::<&str>).expect("mount proc");
}

// Helpers that a run has left at a path.
fn helpers_at(path: &Path) -> usize {
    let path = path.to_str().expect("text");
    let processes = std::fs::read_dir("/proc").expect("readable").flatten();
    processes
        .filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok())
        .filter(|line| line.contains("--answer-helper-question") && line.contains(path))
        .count()
}

#[test]
fn a_dead_mount_delays_a_run_by_no_more_than_its_deadline() {
    scene(|folder, local| {
        let dead = Fuse::mount(&folder.join("dead"), "test", Manner::Dead);
        let point = dead.point().to_str().expect("text").to_owned();
        let ran = own(&["-t", TIMEOUT, "-w", "10%", "-c", "5%", "-p", local, "-p", &point, "-p", "/"]);
        assert!(ran.took <= DEADLINE, "{:?}", ran.took);
        assert_eq!(ran.code, Some(3), "{}", ran.stdout);
        let expected =
            format!("DISK UNKNOWN - {point}: the kernel gave no answer in time [stuck] | {local}=4194304B;");
        assert!(ran.stdout.starts_with(&expected), "{}", ran.stdout);
        assert_eq!(labels(&ran), [local, "/"]);
        drop(dead);
        assert!(poll_until(DEADLINE, || helpers_at(Path::new(&point)) == 0), "a helper outlives its mount");
    });
}

#[test]
fn the_c_dialect_reports_a_dead_mount_in_time_too() {
    scene(|folder, local| {
        let dead = Fuse::mount(&folder.join("dead"), "test", Manner::Dead);
        // All file systems of the machine: one that is dead among them.
        let ran = c(&["-t", TIMEOUT, "-w", "1%", "-c", "0%"]);
        assert!(ran.took <= DEADLINE, "{:?}", ran.took);
        assert_eq!(ran.code, Some(2), "{}", ran.stdout);
        let expected = format!("DISK CRITICAL - {}: the kernel gave no answer", dead.point().display());
        assert!(ran.stdout.starts_with(&expected), "{}", ran.stdout);
        let labels = labels(&ran);
        assert!(labels.contains(&local.to_owned()) && labels.contains(&"/".to_owned()), "{labels:?}");
    });
}

#[test]
fn many_dead_mounts_share_one_deadline_and_the_full_disk_is_seen() {
    scene(|folder, local| {
        let one = Fuse::mount(&folder.join("one"), "host:/one", Manner::Dead);
        let two = Fuse::mount(&folder.join("two"), "host:/two", Manner::Dead);
        let well = Fuse::mount(&folder.join("well"), "test", Manner::Well);
        let below = format!("{}/some/file", two.point().display());
        let paths =
            [one.point().to_str().expect("text"), &below, well.point().to_str().expect("text"), local];
        let mut args = vec!["-t", TIMEOUT, "-w", "80%", "--output-format", "json"];
        args.extend(paths.iter().flat_map(|path| ["-p", *path]));
        let ran = own(&args);
        assert!(ran.took <= DEADLINE, "{:?}", ran.took);
        assert_eq!(ran.code, Some(1), "{}", ran.stdout);
        let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let findings = json["findings"].as_array().expect("a list");
        let mut reasons: Vec<&str> =
            findings.iter().filter_map(|finding| finding["reason"].as_str()).collect();
        reasons.sort_unstable();
        assert_eq!(reasons, ["stuck", "stuck", "threshold", "threshold"]);
        let systems = json["facts"]["file_systems"].as_array().expect("a list");
        assert_eq!(systems.len(), 2);
    });
}

#[test]
fn a_link_to_a_dead_mount_is_no_trap() {
    scene(|folder, local| {
        let dead = Fuse::mount(&folder.join("dead"), "test", Manner::Dead);
        let link = folder.join("link");
        std::os::unix::fs::symlink(dead.point().join("deep/inside"), &link).expect("linked");
        let link = link.to_str().expect("text");
        // The state of what did not come in time is the caller's.
        let ran = own(&["-t", "5:warning", "-w", "10%", "-p", link, "-p", local]);
        assert!(ran.took <= DEADLINE, "{:?}", ran.took);
        assert_eq!(ran.code, Some(1), "{}", ran.stdout);
        assert!(ran.first_line().contains("dead/deep/inside: the kernel gave no answer"), "{}", ran.stdout);
        assert_eq!(labels(&ran), [local]);
    });
}

#[test]
fn what_is_filtered_out_is_not_asked() {
    scene(|folder, local| {
        let dead = Fuse::mount(&folder.join("dead"), "host:/export", Manner::Dead);
        let point = dead.point().to_str().expect("text");
        for filter in [["-X", "fuse"], ["-x", point], ["-x", "host:/export"], ["-N", "tmpfs"], ["-l", "-v"]] {
            let ran = own(&["-t", "60", "-w", "1%", "-A", filter[0], filter[1]]);
            assert_eq!(ran.code, Some(0), "{filter:?}: {}", ran.stdout);
            assert!(labels(&ran).contains(&local.to_owned()), "{filter:?}: {}", ran.stdout);
            assert_eq!(helpers_at(dead.point()), 0, "{filter:?}");
        }
        // Only to see whether it answers: it does not.
        let ran = own(&["-t", TIMEOUT, "-w", "1%", "-L"]);
        assert!(ran.took <= DEADLINE, "{:?}", ran.took);
        assert_eq!(ran.code, Some(3), "{}", ran.stdout);
        assert!(
            ran.first_line().ends_with("[stuck]") || ran.first_line().contains("[stuck] |"),
            "{}",
            ran.stdout
        );
    });
}

#[test]
fn a_fuse_mount_that_is_well_is_measured() {
    scene(|folder, local| {
        let well = Fuse::mount(&folder.join("well"), "host:/export", Manner::Well);
        let point = well.point().to_str().expect("text");
        let ran = own(&["-w", "20%", "-c", "10%", "-P", "-p", point]);
        assert_eq!(ran.code, Some(0), "{}", ran.stdout);
        let expected = format!(
            "DISK OK - {} 75.0 % used, 2 GiB of 8 GiB free | {point}=6442450944B;6871947673;7730941132;0;8589934592 \
             {point}_inodes=60;;;0;100\n",
            if point.len() <= 40 {
                point.to_owned()
            } else {
                ran.stdout.split(' ').nth(3).unwrap_or_default().into()
            }
        );
        assert_eq!(ran.stdout, expected);
        // By its device, and by a path inside.
        for path in ["host:/export", &format!("{point}/folder")] {
            assert!(value(&own(&["-w", "1%", "-p", path]), well.point()) > 6e9, "{path}");
        }
        // A link on it that only the helper may follow leads to the tmpfs.
        well.link_to(local);
        let ran = own(&["-w", "1%", "-p", &format!("{point}/link")]);
        assert_eq!(labels(&ran), [local], "{}", ran.stdout);
        // Remote file systems are only asked whether they answer.
        let ran = own(&["-w", "30%", "-L", "-r", folder.to_str().expect("text")]);
        assert_eq!((ran.code, labels(&ran)), (Some(0), vec![local.to_owned()]), "{}", ran.stdout);
    });
}

#[test]
fn errors_of_a_file_system_are_findings() {
    scene(|folder, local| {
        let broken = Fuse::mount(&folder.join("broken"), "test", Manner::Broken);
        let point = broken.point().to_str().expect("text");
        let ran = own(&["-w", "1%", "-p", point, "-p", local]);
        assert_eq!((ran.code, labels(&ran)), (Some(2), vec![local.to_owned()]), "{}", ran.stdout);
        assert!(ran.first_line().contains(": input/output error [status]"), "{}", ran.stdout);

        let gone = Fuse::mount(&folder.join("gone"), "test", Manner::Well);
        gone.abort();
        let point = gone.point().to_str().expect("text");
        for ran in [own(&["-w", "1%", "-p", point]), c(&["-w", "1%", "-p", point])] {
            assert_eq!(ran.code, Some(2), "{}", ran.stdout);
            assert!(
                ran.first_line().contains(": transport endpoint is not connected [closed]"),
                "{}",
                ran.stdout
            );
        }
    });
}

#[test]
fn a_group_with_a_missing_part_is_not_summed_up() {
    scene(|folder, local| {
        let broken = Fuse::mount(&folder.join("broken"), "test", Manner::Broken);
        let point = broken.point().to_str().expect("text");
        let ran = own(&["-w", "1%", "-g", "sum", "-p", local, "-p", point]);
        assert_eq!((ran.code, labels(&ran)), (Some(2), vec![]), "{}", ran.stdout);
    });
}

#[test]
fn names_of_any_bytes_are_shown_in_one_piece() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    scene(|folder, _| {
        let odd = folder.join(OsStr::from_bytes(b"a b|c\n\xffd"));
        tmpfs(&odd, "size=1m");
        let ran = clean(
            Run::new(plugin("check-disk"))
                .args([OsStr::new("-w"), OsStr::new("1%"), OsStr::new("-p"), odd.as_os_str()])
                .go(),
        );
        assert_eq!(ran.code, Some(0), "{}", ran.stdout);
        assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
        assert_eq!(
            labels(&ran),
            [format!("{}/a_b_c__d", folder.display()).replace(|c: char| !c.is_ascii(), "_")]
        );
    });
}

#[test]
fn what_this_user_may_not_see_is_unknown_or_as_the_namesake_has_it() {
    use std::os::unix::fs::PermissionsExt as _;
    scene(|folder, local| {
        let open = |path: &Path| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("opened");
        };
        open(folder);
        let private = folder.join("private");
        std::fs::create_dir(&private).expect("made");
        std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o700)).expect("closed");
        tmpfs(&private.join("inner"), "size=1m");
        // Where everybody can start it.
        let program = folder.join("local/check-disk");
        std::fs::copy(plugin("check-disk"), &program).expect("copied");
        let nobody = |program: &Path, args: &[&str]| {
            let words = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
            clean(Run::new("setpriv").args(words).args([program]).args(args).go())
        };
        let namesake = Path::new("/usr/lib/nagios/plugins/check_disk");
        let inner = private.join("inner");
        let inner = inner.to_str().expect("text");
        let both = ["-w", "1%", "-p", local, "-p", inner];
        let ran = nobody(&program, &both);
        assert_eq!((ran.code, labels(&ran)), (Some(3), vec![local.to_owned()]), "{}", ran.stdout);
        assert!(ran.first_line().contains(": permission denied [permission]"), "{}", ran.stdout);
        assert_eq!(nobody(&program, &[&["--dialect", "c"], &both[..]].concat()).code, Some(2));
        assert_eq!(nobody(namesake, &both).code, Some(2));
        // What has no size is not asked: /sys/kernel/debug would turn every run of a plain user red.
        pseudo(&private.join("proc"));
        let all = ["-w", "1%", "-x", inner, "-r", folder.to_str().expect("text")];
        let ran = nobody(&program, &all);
        assert_eq!((ran.code, labels(&ran)), (Some(0), vec![local.to_owned()]), "{}", ran.stdout);
        assert_eq!(nobody(namesake, &all).code, Some(2));
    });
}

#[test]
fn another_root_is_the_host_seen_from_a_container() {
    scene(|folder, local| {
        let host = folder.join("host");
        std::fs::create_dir_all(host.join("proc/1")).expect("made");
        std::fs::create_dir_all(host.join("etc")).expect("made");
        tmpfs(&host.join("data"), "size=8m");
        fill(&host.join("data/two"), 2 * MIB);
        std::os::unix::fs::symlink("/data", host.join("etc/link")).expect("linked");
        let table = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / /data rw - tmpfs data rw\n";
        std::fs::write(host.join("proc/1/mountinfo"), table).expect("written");
        let root = host.to_str().expect("text");
        for path in ["/data", "/etc/link"] {
            let ran = own(&["--root", root, "-w", "10%", "-p", path]);
            assert_eq!((ran.code, labels(&ran)), (Some(0), vec!["/data".to_owned()]), "{}", ran.stdout);
            assert!((value(&ran, Path::new("/data")) - 2.0 * MIB as f64).abs() < 1.0, "{}", ran.stdout);
        }
        let ran = own(&["--root", local, "-w", "10%"]);
        assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    });
}

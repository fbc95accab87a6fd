//! check_disk and its namesake on the same command lines, the same mounts, at the same time.

mod mounts;

use std::path::Path;

use mounts::{fill, in_own_namespace, tmpfs};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use testkit::{Ran, Run, alias, run};

const NAMESAKE: &str = "/usr/lib/nagios/plugins/check_disk";
const MIB: usize = 1 << 20;

/// Command lines on which both agree. `{m}` is the folder of the mounts, `+` a blank inside a word.
const AGREE: &[&str] = &[
    // All file systems, with and without thresholds.
    "-w 10% -c 5%",
    "-w 10 -c 5",
    "-w 99% -c 98%",
    "-W 10% -K 5%",
    "-e",
    "-w 10% -c 5% -e",
    "-w 90% -e",
    "-w 50% -v",
    "-w 10% -P",
    "-P -W 50% -K 20%",
    // One path: percents, units, ranges.
    "-w 80% -c 5% -p {m}/plain",
    "-w 75% -c 5% -p {m}/plain",
    "-w 74% -c 5% -p {m}/plain",
    "-w 12 -c 11 -p {m}/plain",
    "-w 13 -c 12 -p {m}/plain",
    "-w 5:80% -p {m}/plain",
    "-w @5:80% -p {m}/plain",
    "-w 10:20% -p {m}/plain",
    "-w ~:80% -p {m}/plain",
    "-w :80% -p {m}/plain",
    "-c 5: -p {m}/plain",
    "-w 1% -w 8 -p {m}/plain",
    "-w 0.5% -c 0.25% -p {m}/plain",
    "-w 12.5 -p {m}/plain",
    // Several, blanks, order of thresholds.
    "-w 10% -c 5% -p {m}/plain -p {m}/with+blank",
    "-w 20% -c 15% -p {m}/with+blank",
    "-w 80% -p {m}/plain -w 1% -p {m}/few",
    "-w 1% -p {m}/plain -w 80% -p {m}/few -w 99% -p {m}/plain",
    "-w 80% -p {m}/plain -C -w 1% -p {m}/few",
    "-w 99% -C -w 1% -p {m}/few",
    "-w 1% -p {m}/few -C -w 99%",
    "-w 1% -p {m}/few -C",
    // Units.
    "-w 12 -p {m}/plain -u MB",
    "-w 12 -p {m}/plain -u MiB",
    "-w 12288 -c 1 -u kB -p {m}/plain",
    "-w 12287 -c 1 -k -p {m}/plain",
    "-w 12582912 -u bytes -p {m}/plain",
    "-w 12582911 -u BYTES -p {m}/plain",
    "-w 0 -u GB -p {m}/plain",
    "-w 0 -u TiB -p {m}/plain",
    "-w 12 -u GB -m -p {m}/plain",
    "-u PB -w 1% -p {m}/plain",
    // Inodes.
    "-W 50% -K 40% -p {m}/few",
    "-W 80% -K 75% -P -p {m}/few",
    "-W 75 -P -p {m}/few",
    "-w 1% -W 100% -p {m}/plain -P",
    // Blocks reserved for root.
    "-w 10% -c 5% -p {m}/ext",
    "-w 60% -c 45% -p {m}/ext",
    "-w 60% -c 45% -f -p {m}/ext",
    "-w 5 -c 4 -f -P -p {m}/ext",
    "-w 70% -K 10% -f -u kB -P -p {m}/ext",
    // Names: a path below a mount point, a device, exact matches, one path twice.
    "-w 10% -p {m}/plain/sub/folder",
    "-w 10% -p /",
    "-w 10% -p /etc/passwd",
    "-w 10% -p {device}",
    "-w 10% -M -p {m}/plain -p {m}/ext",
    "-w 10% -E -p {m}/plain",
    "-w 10% -E -p {m}/plain/sub",
    "-w 10% -p {m}/plain -p {m}/plain/sub -p {m}/plain",
    "-w 10% -p {m}/bound",
    "-w 10% -p {m}/twice",
    "-w 10% --partition={m}/plain --warn=1 --path {m}/few",
    // What is not there, or has no size.
    "-w 10% -p {m}/gone",
    "-w 10% -p {m}/plain -p {m}/gone",
    "-w 10% -p /proc",
    // Regular expressions.
    "-w 10% -A",
    "-w 10% -r ^{m}/p",
    "-w 10% -R ^{m}/P",
    "-w 10% -r ^{m}/P",
    "-w 10% -r ^{m} -i few",
    "-w 10% -r ^{m} -I FEW -i blank",
    "-w 10% -A -i .* -R few",
    "-w 10% -A -i .*",
    "-w 10% -r ^{m}/(plain|few)$",
    "-w 10% -r ^{m}/[[:alpha:]]{3}$",
    "-w 10% -i x",
    "-w 10% -r [",
    "-w 10% -r no_such_thing",
    "-A -w 10%",
    // Groups.
    "-w 10% -g sum -p {m}/plain -p {m}/few",
    "-w 60% -c 55% -g sum -r ^{m}/group",
    "-w 1% -g one -p {m}/group1 -C -w 99% -g two -p {m}/group2",
    "-w 1% -g sum -r ^{m}/group -M -P -f",
    "-w 1% -C -w 70% -g sum -r ^{m}/group",
    "-w 10% -p {m}/plain -g late -p {m}/few",
    "-w 10% -p {m}/plain -E -p {m}/few",
    // Filters.
    "-w 10% -x {m}/plain",
    "-w 10% -X tmpfs",
    "-w 10% -X tmpfs -X ext4 -X devtmpfs",
    "-w 10% -N ext4",
    "-w 10% -N tmpfs -N ext4 -x {device}",
    "-w 10% -N no_such_type",
    "-w 10% -x / -p /",
    "-w 10% -l",
    "-w 10% -L",
    "-w 10% -l -p {m}/plain -e",
    // The oldest spelling: percents used.
    "20 30 {m}/plain",
    "30 40 {m}/plain",
    "20 25 {m}/plain",
    "80 {m}/with+blank",
    "{m}/plain",
    "10 20",
    // Wrong lines.
    "",
    "-p /",
    "-r x",
    "-w 20:10 -p /",
    "-w 20%:10% -p /",
    "-w -5 -p /",
    "-w 10% -p / -u XB",
    "-n -w 10% -p /",
    "--no-such-option",
    "-w",
    "--help",
    "-V",
];

/// Command lines on which they differ, with the codes of the namesake and ours; docs/deviations.md says why.
const DIFFER: &[(&str, i32, i32)] = &[
    // A threshold that is no number is one of zero there, and alerts on nothing.
    ("-w abc -p {m}/plain", 0, 3),
    ("-w 10%,5 -p {m}/plain", 0, 3),
    ("-w 90G -p {m}/plain", 1, 3),
    // Words behind the last path are left alone there.
    ("99 99 {m}/plain /nowhere", 0, 3),
    // A threshold of 80 % used for nothing.
    ("-w 1% -p {m}/plain 80", 0, 3),
    // Links lead to `few` and to the device of `ext`; there the text decides, and it begins like `plain`.
    ("-K 80% -p {m}/plain/to_few", 0, 2),
    ("-c 60% -p {m}/plain/to_device", 0, 2),
    // A block device that is not mounted; there it is the file system of the folder that it lies in.
    ("-c 60% -p {m}/plain/spare", 0, 2),
    // Nothing but -v: nothing can alert.
    ("-v", 0, 3),
];

fn set_up(folder: &Path) -> String {
    let at = |name: &str| folder.join(name);
    tmpfs(&at("plain"), "size=16m,nr_inodes=1000");
    fill(&at("plain/four"), 4 * MIB);
    std::fs::create_dir_all(at("plain/sub/folder")).expect("made");
    tmpfs(&at("with blank"), "size=8m,nr_inodes=1000");
    fill(&at("with blank/seven"), 7 * MIB);
    tmpfs(&at("few"), "size=4m,nr_inodes=20");
    for n in 0..5 {
        fill(&at(&format!("few/{n}")), 1);
    }
    tmpfs(&at("group1"), "size=4m,nr_inodes=100");
    fill(&at("group1/three"), 3 * MIB);
    tmpfs(&at("group2"), "size=8m,nr_inodes=100");
    fill(&at("group2/two"), 2 * MIB);
    tmpfs(&at("twice"), "size=4m,nr_inodes=100");
    tmpfs(&at("twice"), "size=8m,nr_inodes=100");
    tmpfs(&at("over/hidden"), "size=4m,nr_inodes=100");
    std::fs::create_dir_all(at("bound")).expect("made");
    mount(Some(at("plain").as_path()), at("bound").as_path(), None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .expect("bound");
    std::os::unix::fs::symlink(at("few"), at("plain/to_few")).expect("linked");
    // Numbers that no driver has.
    mknod(&at("plain/spare"), SFlag::S_IFBLK, Mode::S_IRUSR, makedev(4095, 1)).expect("made");

    // 20 % of it for root alone.
    let image = at("image");
    std::fs::write(&image, vec![0; 16 * MIB]).expect("written");
    std::fs::create_dir_all(at("ext")).expect("made");
    done(&run("mkfs.ext4", ["-q", "-m", "20", "-N", "64", image.to_str().expect("text")]));
    done(&Run::new("mount").args(["-o", "loop"]).args([&image, &at("ext")]).go());
    fill(&at("ext/five"), 5 * MIB);
    let mounted = std::fs::read_to_string("/proc/thread-self/mountinfo").expect("readable");
    let line = mounted.lines().find(|line| line.contains("/ext rw")).expect("the image is mounted");
    let device = line.rsplit(' ').nth(1).expect("a device").to_owned();
    std::os::unix::fs::symlink(&device, at("plain/to_device")).expect("linked");
    device
}

fn done(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

fn words(line: &str, folder: &Path, device: &str) -> Vec<String> {
    let folder = folder.to_str().expect("text");
    let word = |word: &str| word.replace("{m}", folder).replace("{device}", device).replace('+', " ");
    line.split(' ').filter(|word| !word.is_empty()).map(word).collect()
}

fn both(line: &str, folder: &Path, device: &str) -> (Ran, Ran) {
    let ours = alias("check-disk", "check_disk");
    let words = words(line, folder, device);
    let run = |program: &Path| Run::new(program).args(&words).env("LC_ALL", "C").go();
    (run(Path::new(NAMESAKE)), run(ours.path()))
}

// Each metric of the first line, in the order of their labels: label, value, unit, thresholds and bounds. The machine's
// own mounts, which others write to, are without their value.
fn metrics(ran: &Ran, folder: &Path) -> Vec<String> {
    let line = ran.first_line();
    let mut rest = line.rsplit_once('|').map_or("", |(_, perfdata)| perfdata).trim_start();
    let mut metrics = Vec::new();
    for (label, value, unit) in testkit::perfdata(line) {
        let quotes = if rest.starts_with('\'') { 2 } else { 0 };
        let after = &rest[label.len() + quotes + 1..];
        let (item, left) = after.split_once(' ').unwrap_or((after, ""));
        rest = left.trim_start();
        let value = if label.starts_with(folder.to_str().expect("text")) {
            value.to_string()
        } else {
            "?".to_owned()
        };
        let fields: Vec<&str> = item.split(';').skip(1).map(wrapped_is_zero).collect();
        metrics.push(format!("{label}={value}{unit};{}", fields.join(";")));
    }
    metrics.sort();
    metrics
}

// A threshold larger than the file system is 2^64 less the difference there.
fn wrapped_is_zero(field: &str) -> &str {
    if field.parse::<u64>().is_ok_and(|number| number > u64::MAX / 2) { "0" } else { field }
}

#[test]
fn both_agree_on_codes_and_perfdata() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = AGREE.len();
    assert!(lines >= 45, "{lines} command lines");
    in_own_namespace(|| {
        let device = set_up(folder.path());
        let mut different = Vec::new();
        for line in AGREE {
            let (theirs, ours) = both(line, folder.path(), &device);
            // Where the namesake gives up at the first thing that is wrong, it has no perfdata.
            let gave_up = !theirs.stdout.contains('|');
            let same = theirs.code == ours.code
                && (gave_up || metrics(&theirs, folder.path()) == metrics(&ours, folder.path()));
            if !same || !ours.stderr.is_empty() {
                different.push(format!(
                    "{line}\n  theirs {:?}: {}\n  ours   {:?}: {}{}",
                    theirs.code, theirs.stdout, ours.code, ours.stdout, ours.stderr
                ));
            }
        }
        assert!(different.is_empty(), "{} of {lines}:\n{}", different.len(), different.join("\n"));
    });
}

#[test]
fn the_differences_are_those_that_are_documented() {
    let folder = tempfile::tempdir().expect("a folder");
    in_own_namespace(|| {
        let device = set_up(folder.path());
        let differ = |line: &str, codes: (i32, i32)| {
            let (theirs, ours) = both(line, folder.path(), &device);
            let found = (theirs.code, ours.code);
            assert_eq!(found, (Some(codes.0), Some(codes.1)), "{line}\n{}{}", theirs.stdout, ours.stdout);
        };
        for (line, theirs, ours) in DIFFER {
            differ(line, (*theirs, *ours));
        }
        // A mount hidden under a later one is looked for in the later one.
        tmpfs(&folder.path().join("over"), "size=4m,nr_inodes=100");
        differ("-w 1% -r ^{m}/over", (2, 0));
    });
}

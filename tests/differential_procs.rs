//! The same command lines through the C plugin and ours, called by its name: exit code, labels and units agree.
//!
//! They look at processes of this test only, so that what else comes and goes on the machine makes no difference.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use testkit::{Ran, TempAlias, alias, perfdata, poll_until, run};

const C_PLUGIN: &str = "/usr/lib/nagios/plugins/check_procs";

/// Command lines that both have to read alike, blanks between the arguments. `{three}` and so on are names of
/// [`Processes`], `{test}` is this process.
const ALIKE: &[&str] = &[
    // counting
    "-C {three}",
    "-C {three} -w 3 -c 5",
    "-C {three} -w 2 -c 5",
    "-C {three} -w 1 -c 2",
    "-C {three} -c 1:",
    "-C {three} -c 4:",
    "-C {three} -w 3:3 -c 1:10",
    "-C {three} -w :2",
    "-C {three} -w ~:2",
    "-C {three} -w @1:3",
    "-C {three} -w @4: -c @3:3",
    "-C {three} -w 5 -c 2",
    "-C {three} -w 2.5",
    "-C no-such-name -c 1:",
    "-C no-such-name -w 0",
    "-w 1 -c 2",
    "-w 500000 -c 1:1000000",
    "-c 500000:",
    "",
    // spellings
    "--command={three} --warning=2 --critical=9",
    "--comm {three} --warn 2",
    "-C{three} -w2 -c9",
    "-kTC {three} -c 3:3",
    "--metric=PROCS -C {three} -c 3:3",
    "-w 1 -w 3 -C {three}",
    "1 2 -C {three}",
    "5 1:2 S -C {three}",
    "-C {three} 3",
    "-w 3 2 -C {three}",
    "-w 3 -c 3 Z -C {zombie}",
    "-C {three} -c 3:3 -t 20",
    "-C {three} -c 3:3 -to 20",
    "-C {three} -c 3:3 -v",
    // filters
    "-a {marker} -c 1:1",
    "-a {marker}x -c 1:",
    "--argument-array={marker} -c 1:1",
    "-a sleepless -C {three} -c 1:",
    "--ereg-argument-array=^/.*/{three}[[:space:]][[:digit:]]+$ -c 3:3",
    "--ereg-argument-array={three}.(1000|{marker}) -c 3:3",
    "--ereg-argument-array=^{three} -c 1:",
    "-a <defunct> -C {zombie} -c 1:1",
    "-s Z -C {zombie} -c 1:1",
    "-s S -C {zombie} -c 1:",
    "--status=Z -C {zombie} -c 1:1",
    "-s T -C {stopped} -c 1:1",
    "-s S -C {three} -c 3:3",
    "-s R -C {three} -c 1:",
    "-s N -C {nice} -c 1:1",
    "-s SN -C {nice} -c 1:1",
    "-s N -C {three} -c 1:",
    "-s s -C {leader} -c 1:1",
    "-s Ss -C {leader} -c 1:1",
    "-s s -C {three} -c 1:",
    "-s < -C {three} -c 1:",
    "-s L -C {three} -c 1:",
    "-s l -C {three} -c 1:",
    "-p {test} -C {three} -c 3:3",
    "-p 1 -C {three} -c 1:",
    "--ppid={test} -C {zombie} -c 1:1",
    "-u {user} -C {three} -c 3:3",
    "-u {uid} -C {three} -c 3:3",
    "--user={user} -C {three} -c 3:3",
    "-u {other} -C {three} -c 1:",
    "-z 100 -C {three} -c 3:3",
    "-z 99999999 -C {three} -c 1:",
    "-z -1 -C {three} -c 3:3",
    "-r 1 -C {three} -c 3:3",
    "-r 99999999 -C {three} -c 1:",
    "--vsz=1 --rss=1 -C {three} -c 3:3",
    "-r 1 -C {zombie} -c 1:",
    "-P 0 -C {three} -c 3:3",
    "-P 99.5 -C {three} -c 1:",
    "--pcpu=-1 -C {three} -c 3:3",
    "-k -C {three} -c 3:3",
    "-T -C {three} -c 3:3",
    "--traditional -C {three} -c 3:3",
    "-k -C kthreadd",
    "-C {three} -u {user} -s S -p {test} -z 1 -r 1 -a 1000 -c 2:2",
    // of each process
    "-m VSZ -C {three} -w 10 -c 99999999",
    "-m VSZ -C {three} -w 1 -c 10",
    "-m RSS -C {three} -w 10 -c 99999999",
    "-m RSS -C {three} -c 99999999",
    "-m RSS -C {zombie} -c 1:",
    "-m CPU -C {three} -w 50 -c 90",
    "-m CPU -C {three} -c @0:100",
    "-m ELAPSED -C {three} -w 99999 -c 999999",
    "-m ELAPSED -C {three} -c 99999:",
    "-m VSZ -C no-such-name -c 10",
    "--metric=RSS --command={three} --critical=10",
    // refused
    "-w 20:10 -C {three}",
    "-m SIZE",
    "-p x",
    "-p 5x",
    "-z x",
    "-r 1.5x",
    "-P 1x",
    "-u no-such-user",
    "-u 4294967294",
    "-u -1",
    "--ereg-argument-array=(",
    "-t x",
    "-C",
    "-e 5",
    "--nonsense",
    "-h",
    "--help",
    "-V",
];

/// Where ours differs: the reasons stand in docs/deviations.md. The codes of the C plugin, and ours.
const DIFFERENT: &[(&str, i32, i32)] = &[
    ("-C {three} -w abc", 1, 3),
    ("-C {three} -w 5,6", 0, 3),
    ("-C {three} -w {empty}", 0, 3),
    ("-C {three} -s RSZDT -c 3:3", 2, 0),
    ("-C {three} -s Q", 0, 3),
    ("-C {three} --state=S -c 3:3", 3, 0),
    ("-C {three} --no-kthreads -c 3:3", 0, 0),
    ("--no-kthreads", 3, 0),
    ("-C {three} -C no-such-name -c 3:3", 0, 2),
    ("-C {three} -X {nice} -c 3:3", 3, 0),
    ("-C {three} -m procs -c 3:3", 3, 0),
    ("-C {three} -z 1k -c 3:3", 3, 0),
    ("-C {long} -c 1:1", 2, 0),
    ("-C {three} -w 1 -c 9 S extra", 1, 3),
    ("--elapsed 5 -C {three}", 0, 3),
];

/// How many times [`Processes`] were started.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// Processes with names that nobody else has, ended on drop.
struct Processes {
    folder: TempDir,
    children: Vec<Child>,
    names: Vec<(&'static str, String)>,
}

impl Processes {
    fn start() -> Processes {
        let folder = TempDir::with_prefix("verdigris-procs-").expect("a folder");
        let mut processes = Processes { folder, children: Vec::new(), names: Vec::new() };
        let test = std::process::id();
        // Tests run side by side. Fifteen bytes are the longest name that the kernel keeps.
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = |prefix: &str| format!("{prefix}-{test}.{number}");
        let marker = format!("{test}98765{number}");
        let three = name("vd3");
        for time in ["1000", "1000", &marker] {
            processes.add(&three, |sleep| sleep.arg(time));
        }
        let nice = name("vdn");
        processes.link(&nice);
        processes.spawn(Command::new("nice").args(["-n", "5"]).arg(processes.path(&nice)).arg("1000"));
        let leader = name("vds");
        processes.link(&leader);
        processes.spawn(Command::new("setsid").arg("--wait").arg(processes.path(&leader)).arg("1000"));
        let stopped = name("vdt");
        processes.add(&stopped, |sleep| sleep.arg("1000"));
        kill(processes.last(), Signal::SIGSTOP).expect("stop it");
        let zombie = name("vdz");
        processes.add(&zombie, |sleep| sleep.arg("0"));
        let long = name("a-very-long-name-for-a-process");
        processes.add(&long, |sleep| sleep.arg("1000"));
        let blank = name("v d");
        processes.add(&blank, |sleep| sleep.arg("1000"));

        let id = |args: &[&str]| run("id", args).stdout.trim().to_owned();
        let user = id(&["-un"]);
        let other = if user == "root" { "daemon" } else { "root" };
        processes.names = vec![
            ("three", three),
            ("nice", nice),
            ("leader", leader),
            ("stopped", stopped),
            ("zombie", zombie),
            ("long", long),
            ("blank", blank),
            ("marker", marker),
            ("user", user),
            ("uid", id(&["-u"])),
            ("other", other.to_owned()),
            ("test", test.to_string()),
            ("empty", String::new()),
        ];
        processes.wait_until_settled();
        processes
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn link(&self, name: &str) {
        // The kernel names a process after the link, not after what it points to.
        symlink("/bin/sleep", self.path(name)).expect("link sleep");
    }

    fn add(&mut self, name: &str, arguments: impl Fn(&mut Command) -> &mut Command) {
        if !self.path(name).exists() {
            self.link(name);
        }
        let mut sleep = Command::new(self.path(name));
        self.spawn(arguments(&mut sleep));
    }

    fn spawn(&mut self, command: &mut Command) {
        self.children.push(command.stdin(Stdio::null()).spawn().expect("start a process"));
    }

    fn last(&self) -> Pid {
        let child = self.children.last().expect("a process");
        Pid::from_raw(i32::try_from(child.id()).expect("a number"))
    }

    // Until nice and setsid have become what they start, the stopped one has stopped and the short one has ended.
    fn wait_until_settled(&self) {
        let state = |child: &Child| {
            let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("alive");
            let (name, rest) = stat.rsplit_once(") ").expect("a name");
            (name.contains("(nice") || name.contains("(setsid"), rest.chars().next())
        };
        let settled = poll_until(Duration::from_secs(20), || {
            let states: Vec<_> = self.children.iter().map(state).collect();
            let with = |wanted| states.iter().filter(|(_, state)| *state == Some(wanted)).count();
            states.iter().all(|(early, _)| !early) && with('T') == 1 && with('Z') == 1
        });
        assert!(settled, "the processes do not settle");
    }

    fn arguments(&self, line: &str) -> Vec<String> {
        let filled = |word: &str| {
            self.names
                .iter()
                .fold(word.to_owned(), |word, (name, text)| word.replace(&format!("{{{name}}}"), text))
        };
        line.split_whitespace().map(filled).collect()
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have ended by itself.
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }
}

fn both(ours: &TempAlias, args: &[String]) -> (Ran, Ran) {
    let (theirs, ours) = (run(C_PLUGIN, args), run(ours, args));
    assert_eq!(ours.stderr, "", "{args:?}");
    (theirs, ours)
}

fn labels(ran: &Ran) -> Vec<(String, String)> {
    perfdata(&ran.stdout).into_iter().map(|(label, _, unit)| (label, unit)).collect()
}

#[test]
fn command_lines_mean_the_same() {
    let (plugin, processes) = (alias("check-procs", "check_procs"), Processes::start());
    for line in ALIKE {
        let args = processes.arguments(line);
        let (theirs, ours) = both(&plugin, &args);
        assert_eq!(theirs.code, ours.code, "{args:?}: {} | {}", theirs.stdout, ours.stdout);
        assert_eq!(labels(&theirs), labels(&ours), "{args:?}");
        // The count of own processes cannot differ; that of all processes of the machine may.
        if line.contains('{') && theirs.code < Some(3) {
            let count = |ran: &Ran| perfdata(&ran.stdout).first().map(|(_, value, _)| value.to_string());
            assert_eq!(count(&theirs), count(&ours), "{args:?}");
        }
    }
}

#[test]
fn differences_are_those_that_are_documented() {
    let (plugin, processes) = (alias("check-procs", "check_procs"), Processes::start());
    for (line, c_code, our_code) in DIFFERENT {
        let args = processes.arguments(line);
        let (theirs, ours) = both(&plugin, &args);
        assert_eq!((theirs.code, ours.code), (Some(*c_code), Some(*our_code)), "{args:?}: {}", ours.stdout);
    }
    // A name with a blank is one argument.
    let name = processes.names.iter().find(|(name, _)| *name == "blank").map(|(_, name)| name.clone());
    let args = ["-C".to_owned(), name.expect("its name"), "-c".to_owned(), "1:1".to_owned()];
    let (theirs, ours) = both(&plugin, &args);
    assert_eq!((theirs.code, ours.code), (Some(2), Some(0)), "{}", ours.stdout);
}

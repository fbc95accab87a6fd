//! A plugin that an agent ends: it leaves a line where it may, and nothing else.

use std::io::Read as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use testkit::poll_until;

use super::fuse::{Fuse, Manner};
use super::mounts::in_own_namespace;
use super::world::{Called, Silence, called};
use super::{grammar, installed::Installed};

/// How long an end may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// A plugin under a shell or not, in a process group of its own, as agents start it. What is left of it is killed on drop.
struct Started {
    child: Child,
    output: Option<ChildStdout>,
}

/// How an agent starts a command.
#[derive(Debug, Clone, Copy)]
enum Through {
    /// By itself: Icinga 2, Nagios where the line has nothing for a shell.
    Exec,
    /// `sh -c`, which stays between the two: Sensu, NRPE.
    Shell,
}

impl Started {
    fn new(program: &std::path::Path, args: &[String], through: Through) -> Started {
        let mut command = match through {
            Through::Exec => Command::new(program),
            Through::Shell => {
                let mut shell = Command::new("/bin/sh");
                // The second command keeps the shell from becoming the plugin.
                shell.args(["-c", "\"$0\" \"$@\"; exit $?"]).arg(program);
                shell
            }
        };
        command.args(args).env_clear().current_dir("/").process_group(0);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("start {}: {error}", program.display()));
        let output = child.stdout.take();
        Started { child, output }
    }

    fn group(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a pid fits"))
    }

    /// Waits until it waits itself: the watchdog has begun, which takes SIGTERM for itself.
    fn wait_until_it_waits(&self) {
        let watched = || members(self.group()).into_iter().any(watches);
        assert!(poll_until(PATIENCE, watched), "it does not wait");
    }

    /// Its end, and all that it wrote; both outputs are closed by everybody by then.
    fn end(&mut self) -> (ExitStatus, String, String) {
        let status = &mut None;
        let ended = || {
            *status = self.child.try_wait().expect("wait for it");
            status.is_some()
        };
        assert!(poll_until(PATIENCE, ended), "it goes on");
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.output.take().expect("read once").read_to_string(&mut stdout).expect("read its output");
        let mut errors = self.child.stderr.take().expect("read once");
        errors.read_to_string(&mut stderr).expect("read its errors");
        (status.expect("it has ended"), stdout, stderr)
    }

    fn assert_nothing_is_left(&self, called: &Called) {
        let gone = || members(self.group()).is_empty();
        assert!(poll_until(PATIENCE, gone), "{}: {:?} are left", called.name, members(self.group()));
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have gone.
        let _gone = killpg(self.group(), Signal::SIGKILL);
        let _ended = self.child.wait();
    }
}

/// The processes of a group that are alive.
fn members(group: Pid) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").expect("read /proc").filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        // One that ends meanwhile has no file any more.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let (state, _parent, its_group) = (fields.next(), fields.next(), fields.next());
        its_group == Some(&*group.to_string()) && !matches!(state, Some("Z" | "X"))
    })
    .collect()
}

fn watches(pid: i32) -> bool {
    // Not the shell, which blocks signals while it forks.
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    if !program.file_name().is_some_and(|name| name.to_string_lossy().starts_with("check-")) {
        return false;
    }
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap_or_default();
    u64::from_str_radix(blocked.trim(), 16).is_ok_and(|mask| mask & (1 << (Signal::SIGTERM as i32 - 1)) != 0)
}

/// A run that waits for half a minute, of plugins that can.
fn waiting(called: &Called, silence: &Silence) -> Option<Vec<String>> {
    let delays = called.command().get_arguments().any(|arg| arg.get_long() == Some("delay"));
    let mut args = match (called.talks(), delays) {
        (true, _) => called.sample_at(silence.port()),
        (false, true) => [called.sample_at(0), vec!["--delay=30".into()]].concat(),
        (false, false) => return None,
    };
    args.extend(["-t".into(), "30".into()]);
    Some(args)
}

fn assert_unknown_line(called: &Called, stdout: &str) {
    let output = grammar::read(stdout, called.is_own())
        .unwrap_or_else(|error| panic!("{}: {error}\n{stdout}", called.name));
    assert_eq!((output.state, stdout.lines().count()), ("UNKNOWN", 1), "{}: {stdout}", called.name);
    assert!(output.text.starts_with("ended by SIGTERM"), "{}: {stdout}", called.name);
}

/// Icinga 2: SIGTERM to the process, SIGKILL to its group a tenth of the timeout later. The line is there before that.
#[test]
fn sigterm_to_the_process_is_one_unknown_line() {
    let silence = Silence::new();
    for called in called() {
        let Some(args) = waiting(&called, &silence) else { continue };
        let mut started = Started::new(&called.run().program(), &args, Through::Exec);
        started.wait_until_it_waits();
        kill(started.group(), Signal::SIGTERM).expect("signal it");
        let (status, stdout, stderr) = started.end();
        assert_eq!((status.code(), stderr.as_str()), (Some(3), ""), "{}: {stdout}", called.name);
        assert_unknown_line(&called, &stdout);
        started.assert_nothing_is_left(&called);
    }
}

/// NRPE: SIGTERM to the group, so that the shell dies and the plugin says its line to whoever still reads.
#[test]
fn sigterm_to_the_group_ends_shell_and_plugin() {
    let silence = Silence::new();
    for called in called() {
        let Some(args) = waiting(&called, &silence) else { continue };
        let mut started = Started::new(&called.run().program(), &args, Through::Shell);
        started.wait_until_it_waits();
        killpg(started.group(), Signal::SIGTERM).expect("signal the group");
        let (status, stdout, stderr) = started.end();
        assert_eq!((status.signal(), stderr.as_str()), (Some(Signal::SIGTERM as i32), ""), "{}", called.name);
        assert_unknown_line(&called, &stdout);
        started.assert_nothing_is_left(&called);
    }
}

/// Sensu Go and Nagios: SIGKILL to the group. Nobody is left, and nobody holds the output open.
#[test]
fn sigkill_to_the_group_leaves_nothing_behind() {
    let silence = Silence::new();
    for called in called() {
        let Some(args) = waiting(&called, &silence) else { continue };
        for through in [Through::Exec, Through::Shell] {
            let mut started = Started::new(&called.run().program(), &args, through);
            started.wait_until_it_waits();
            killpg(started.group(), Signal::SIGKILL).expect("kill the group");
            let (status, stdout, stderr) = started.end();
            let end = (status.signal(), stdout.as_str(), stderr.as_str());
            assert_eq!(end, (Some(Signal::SIGKILL as i32), "", ""), "{} {through:?}", called.name);
            started.assert_nothing_is_left(&called);
        }
    }
}

/// Whether SIGKILL has come and the kernel only has to let it go.
fn is_doomed(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let pending = status.lines().filter_map(|line| {
        line.strip_prefix("SigPnd:").or_else(|| line.strip_prefix("ShdPnd:")).map(str::trim)
    });
    let kill = 1 << (Signal::SIGKILL as i32 - 1);
    pending.into_iter().any(|mask| u64::from_str_radix(mask, 16).is_ok_and(|mask| mask & kill != 0))
}

/// Whether it is a helper that waits for its answer.
fn asks(pid: i32) -> bool {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let waits = read("stat").rsplit(") ").next().is_some_and(|rest| rest.starts_with(['S', 'D']));
    waits && read("cmdline").contains("--answer-helper-question")
}

/// The helper that asks a dead mount: whatever ends the plugin ends it too, and it never holds the plugin's outputs. The
/// kernel lets nobody go whose question the file system has read; SIGKILL waits there until it does.
#[test]
fn a_helper_at_a_dead_mount_dies_with_its_plugin_as_soon_as_the_kernel_lets_it() {
    let installed = Installed::new();
    let disk =
        called().into_iter().find(|called| called.name == "check-disk").expect("it is in the catalogue");
    in_own_namespace(|| {
        let folder = tempfile::TempDir::new().expect("make a folder");
        let mounts = [Signal::SIGTERM, Signal::SIGKILL].map(|signal| {
            let point = folder.path().join(signal.as_str());
            (signal, Fuse::mount(&point, "host:/dead", Manner::Dead))
        });
        for (signal, dead) in &mounts {
            let signal = *signal;
            let point = dead.point().to_str().expect("text").to_owned();
            let args = ["-t", "60", "-w", "1%", "-p", &point].map(String::from);
            let mut started = Started::new(&installed.path("check-disk"), &args, Through::Exec);
            let asks = || members(started.group()).into_iter().any(asks);
            assert!(poll_until(PATIENCE, asks), "no helper: {:?}", members(started.group()));
            started.wait_until_it_waits();
            kill(started.group(), signal).expect("signal the plugin alone");
            let (status, stdout, stderr) = started.end();
            assert_eq!(stderr, "", "{stdout}");
            match signal {
                Signal::SIGTERM => {
                    assert_eq!(status.code(), Some(3), "{stdout}");
                    assert_unknown_line(&disk, &stdout);
                }
                _ => assert_eq!(status.signal(), Some(signal as i32), "{stdout}"),
            }
            let doomed = || members(started.group()).into_iter().all(is_doomed);
            assert!(poll_until(PATIENCE, doomed), "{signal}: the helper lives on");
            dead.abort();
            started.assert_nothing_is_left(&disk);
        }
    });
}

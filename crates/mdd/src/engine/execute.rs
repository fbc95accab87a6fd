//! Runs one check as a process: an argument list, no shell, a deadline that holds whatever the process does.

use std::collections::BTreeMap;
use std::io::{PipeReader, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::output;
use super::reading::{Reading, Status, Verdict, now};
use super::stop::Stop;
use crate::plan::Plan;
use crate::programs::{self, Programs};

/// Bytes of output kept; the rest is read and dropped, so that the process never waits for us.
const OUTPUT_LIMIT: usize = 64 * 1024;
/// Longest nap before looking again whether the process has ended or somebody wants to stop.
const SLICE: Duration = Duration::from_millis(20);
/// After the process has ended: how long its children may hold the pipe before they are killed.
const LEFTOVER_GRACE: Duration = Duration::from_millis(250);
/// Between SIGTERM and SIGKILL.
const TERM_GRACE: Duration = Duration::from_millis(500);
/// After SIGKILL: how long to wait for a process that is stuck in the kernel.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// Starts checks.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// Where programs are found.
    pub programs: Programs,
    /// The manifest's `programs`: what may be started.
    pub allowed: Vec<String>,
    /// Variables of mdd's own environment that a check is given: those that hold secrets.
    pub passed: Vec<String>,
    /// Ends what runs.
    pub stop: Stop,
}

impl Launcher {
    /// What starts a plan's checks.
    pub fn new(programs: Programs, plan: &Plan, stop: Stop) -> Self {
        Launcher { programs, allowed: plan.programs.clone(), passed: plan.secret_env.clone(), stop }
    }

    /// Runs one check to its end or its timeout. None when [`Stop`] was requested meanwhile.
    pub fn run(&self, argv: &[String], env: &BTreeMap<String, String>, timeout: Duration) -> Option<Reading> {
        self.run_whole(argv, env, timeout).map(|(reading, _written)| reading)
    }

    /// [`Launcher::run`], with what the process has written, as it is, up to 64 KiB.
    pub fn run_whole(
        &self,
        argv: &[String],
        env: &BTreeMap<String, String>,
        timeout: Duration,
    ) -> Option<(Reading, Vec<u8>)> {
        let at = now();
        let begun = Instant::now();
        if self.stop.requested() {
            return None;
        }
        let (mut child, pipe) = match self.spawn(argv, env) {
            Ok(started) => started,
            Err(text) => return Some((Reading::none(text, at, begun.elapsed()), Vec::new())),
        };
        let mut capture = Capture::new(pipe);
        let group = Pid::from_raw(child.id().cast_signed());
        let end = attend(group, &mut capture, begun + timeout, &self.stop);
        let end = match end {
            End::Exited => {
                clear_leftovers(group, &mut capture);
                End::Exited
            }
            other => {
                kill(group, &mut capture);
                other
            }
        };
        let exit = reap(&mut child, group);
        let output = output::parse(&capture.kept);
        let took = begun.elapsed();
        let reading = match end {
            End::Stopped => return None,
            End::TimedOut => Reading {
                output: with_said(&format!("killed: no answer within {}", seconds(timeout)), &output.text),
                perf: output.perf,
                ..Reading::none("", at, took)
            },
            End::Exited => judge(exit, output, at, took),
        };
        Some((reading, capture.kept))
    }

    fn spawn(&self, argv: &[String], env: &BTreeMap<String, String>) -> Result<(Child, PipeReader), String> {
        let (name, arguments) = argv.split_first().ok_or("cannot start: the check is empty")?;
        if let Some(why) = programs::refusal(name) {
            return Err(format!("cannot start {name}: {why}"));
        }
        if !programs::allowed(&self.allowed, name) {
            return Err(format!("cannot start {name}: not allowed by `programs` of the manifest"));
        }
        let program = self.programs.find(name).ok_or_else(|| {
            let folders: Vec<_> = self.programs.folders().iter().map(|f| f.display().to_string()).collect();
            format!("cannot start {name}: not found in {}", folders.join(", "))
        })?;
        let failed = |error: std::io::Error| format!("cannot start {}: {error}", program.display());
        let (reader, writer) = std::io::pipe().map_err(failed)?;
        let flags = fcntl(reader.as_fd(), FcntlArg::F_GETFL).map_err(|e| failed(e.into()))?;
        let flags = OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK;
        fcntl(reader.as_fd(), FcntlArg::F_SETFL(flags)).map_err(|e| failed(e.into()))?;
        let mut command = Command::new(&program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into()))
            .env("HOME", std::env::var_os("HOME").unwrap_or_else(|| "/".into()))
            .env("LANG", "C.UTF-8")
            .envs(self.passed.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .envs(env)
            .stdin(Stdio::null())
            .stdout(writer.try_clone().map_err(failed)?)
            .stderr(writer)
            .process_group(0);
        // The command holds the pipe's writing end: it goes with it, or the end of output would never be seen.
        let child = command.spawn().map_err(failed)?;
        Ok((child, reader))
    }
}

/// Why a process is no longer attended to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Exited,
    TimedOut,
    Stopped,
}

/// Reads until the process has ended, its time is up, or somebody wants to stop.
fn attend(group: Pid, capture: &mut Capture, deadline: Instant, stop: &Stop) -> End {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        capture.fill(left.min(SLICE));
        if has_ended(group) {
            return End::Exited;
        }
        if stop.requested() {
            return End::Stopped;
        }
        if Instant::now() >= deadline {
            return End::TimedOut;
        }
    }
}

/// Reads what is left of the output; whoever still holds the pipe after a moment is killed.
fn clear_leftovers(group: Pid, capture: &mut Capture) {
    let until = Instant::now() + LEFTOVER_GRACE;
    while capture.open && Instant::now() < until {
        capture.fill(until.saturating_duration_since(Instant::now()).min(SLICE));
    }
    if capture.open {
        signal(group, Signal::SIGKILL);
    }
}

/// SIGTERM to the whole group, a moment of grace, then SIGKILL to what is left of it.
fn kill(group: Pid, capture: &mut Capture) {
    signal(group, Signal::SIGTERM);
    let until = Instant::now() + TERM_GRACE;
    while (capture.open || !has_ended(group)) && Instant::now() < until {
        capture.fill(until.saturating_duration_since(Instant::now()).min(SLICE));
    }
    signal(group, Signal::SIGKILL);
}

/// Signals the group. Its leader has not been waited for, so that its number cannot have been given away.
fn signal(group: Pid, signal: Signal) {
    match killpg(group, signal) {
        // ESRCH: nobody is left. EPERM: what is left runs as another user, and is not ours to end.
        Ok(()) | Err(_) => {}
    }
}

/// Whether the process has ended; it stays a zombie, so that its group keeps its number.
fn has_ended(process: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    loop {
        match waitid(Id::Pid(process), flags) {
            Ok(WaitStatus::StillAlive) => return false,
            Err(Errno::EINTR) => {}
            Ok(_) | Err(_) => return true,
        }
    }
}

/// Waits for the process; none when even SIGKILL does not end it, because it is stuck in the kernel.
fn reap(child: &mut Child, process: Pid) -> Option<ExitStatus> {
    let until = Instant::now() + KILL_GRACE;
    let mut nap = Duration::from_micros(100);
    while !has_ended(process) {
        if Instant::now() >= until {
            return None;
        }
        std::thread::sleep(nap);
        nap = (nap * 2).min(SLICE);
    }
    child.wait().ok()
}

/// What an ended process said: a plugin's answer, or none.
fn judge(exit: Option<ExitStatus>, output: output::Output, at: jiff::Timestamp, took: Duration) -> Reading {
    let code = exit.and_then(|exit| exit.code()).and_then(|code| u8::try_from(code).ok());
    let verdict = code.and_then(Status::from_code).map(Verdict::Plugin);
    let text = match (verdict, exit) {
        (Some(_), _) if output.text.is_empty() => "(no output)".to_owned(),
        (Some(_), _) => output.text,
        (None, Some(exit)) => {
            let what = match (exit.code(), exit.signal()) {
                (Some(code), _) => format!("ended with exit code {code}, which is no plugin's"),
                (None, Some(number)) => match Signal::try_from(number) {
                    Ok(signal) => format!("ended by {signal}"),
                    Err(_) => format!("ended by signal {number}"),
                },
                (None, None) => "ended without an exit code".to_owned(),
            };
            with_said(&what, &output.text)
        }
        (None, None) => with_said("cannot be waited for", &output.text),
    };
    Reading { verdict: verdict.unwrap_or(Verdict::None), output: text, perf: output.perf, took, at }
}

/// mdd's words first, then what the process had said.
fn with_said(what: &str, said: &str) -> String {
    if said.is_empty() { what.to_owned() } else { format!("{what}; it said: {said}") }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// The reading end of a check's output.
struct Capture {
    pipe: PipeReader,
    kept: Vec<u8>,
    open: bool,
    nap: Duration,
}

impl Capture {
    fn new(pipe: PipeReader) -> Self {
        Capture { pipe, kept: Vec::new(), open: true, nap: Duration::from_micros(100) }
    }

    /// Waits at most so long for output, and reads a bounded part of what there is. Once the output has ended it
    /// naps: shortly at first, because the process is about to end too.
    fn fill(&mut self, wait: Duration) {
        if !self.open {
            std::thread::sleep(self.nap.min(wait));
            self.nap = (self.nap * 2).min(SLICE);
            return;
        }
        // Rounded up, or the last millisecond would be spent spinning.
        let millis = u16::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        let mut fds = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::from(millis)) {
            Ok(0) | Err(Errno::EINTR) => return,
            Ok(_) => {}
            Err(_) => {
                self.open = false;
                return;
            }
        }
        let mut buffer = [0; 16 * 1024];
        for _ in 0..16 {
            match self.pipe.read(&mut buffer) {
                Ok(0) => {
                    self.open = false;
                    return;
                }
                Ok(read) => {
                    let room = OUTPUT_LIMIT.saturating_sub(self.kept.len());
                    self.kept.extend_from_slice(&buffer[..read.min(room)]);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.open = false;
                    return;
                }
            }
        }
    }
}

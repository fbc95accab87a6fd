//! A program run to its end, under a bound.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Longest run of a program that a test does not limit itself.
const LIMIT: Duration = Duration::from_mins(1);
/// Most bytes kept of one output.
const OUTPUT: u64 = 8 * 1024 * 1024;

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

impl Ran {
    /// The first line of standard output, without its newline.
    pub fn first_line(&self) -> &str {
        self.stdout.lines().next().unwrap_or_default()
    }
}

/// Runs a program with arguments, its input empty, for a minute at most.
///
/// Panics when it cannot be started, or has not ended by then (its whole process group is killed).
pub fn run<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = A>) -> Ran {
    Run::new(program).args(args).go()
}

/// A program about to run: [`run`] with more to say.
#[derive(Debug)]
pub struct Run {
    command: Command,
    input: Vec<u8>,
    limit: Duration,
    signal: Option<(Signal, Condition)>,
    stdout: Option<Stdio>,
}

/// When to send a signal.
struct Condition(Box<dyn Fn(u32) -> bool>);

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a condition")
    }
}

impl Run {
    /// A run of `program` without arguments, in the environment of the test.
    pub fn new(program: impl AsRef<OsStr>) -> Run {
        let command = Command::new(program);
        Run { command, input: Vec::new(), limit: LIMIT, signal: None, stdout: None }
    }

    /// The program that it runs.
    pub fn program(&self) -> PathBuf {
        self.command.get_program().into()
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Run {
        self.command.args(args);
        self
    }

    /// Calls it by another name (`argv[0]`).
    pub fn called(mut self, name: impl AsRef<OsStr>) -> Run {
        self.command.arg0(name);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Run {
        self.command.env(name, value);
        self
    }

    /// Removes a variable.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Run {
        self.command.env_remove(name);
        self
    }

    /// Removes every variable, as `env -i` does.
    pub fn env_clear(mut self) -> Run {
        self.command.env_clear();
        self
    }

    /// Gives it this to read; then its input ends.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Run {
        self.input = bytes.into();
        self
    }

    /// Sends its standard output elsewhere; [`Ran::stdout`] stays empty.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Run {
        self.stdout = Some(stdout.into());
        self
    }

    /// Ends the test when the run takes longer.
    pub fn limit(mut self, limit: Duration) -> Run {
        self.limit = limit;
        self
    }

    /// Sends it `signal` as soon as `ready` says so of its pid.
    pub fn signal_when(mut self, signal: Signal, ready: impl Fn(u32) -> bool + 'static) -> Run {
        self.signal = Some((signal, Condition(Box::new(ready))));
        self
    }

    /// Runs it to its end.
    ///
    /// Panics when it cannot be started, or has not ended within its limit (its whole process group is killed).
    pub fn go(mut self) -> Ran {
        let shown = self.shown();
        let captured = self.stdout.is_none();
        let started = Instant::now();
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(self.stdout.take().unwrap_or_else(Stdio::piped))
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("start {shown}: {error}"));
        // The Command would keep its own copy of a descriptor given as standard output.
        self.command = Command::new("true");
        let stdout = if captured { collect(child.stdout.take()) } else { None };
        let stderr = collect(child.stderr.take());
        feed(&mut child, std::mem::take(&mut self.input));

        let group = Pid::from_raw(i32::try_from(child.id()).expect("a pid fits"));
        let end = started + self.limit;
        let status = loop {
            if let Some(status) = child.try_wait().expect("wait for the program") {
                break status;
            }
            if self.signal.as_ref().is_some_and(|(_, ready)| ready.0(child.id()))
                && let Some((signal, _)) = self.signal.take()
            {
                nix::sys::signal::kill(group, signal).expect("signal the program");
            }
            if Instant::now() >= end {
                killpg(group, Signal::SIGKILL).expect("kill the program's group");
                child.wait().expect("wait for the killed program");
                let so_far = stdout.map(|rest| received(&rest)).unwrap_or_default();
                panic!("no end within {:?}: {shown}\nits output: {so_far}", self.limit);
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = started.elapsed();
        let text = |pipe: Option<Receiver<Vec<u8>>>| pipe.map(|pipe| received(&pipe)).unwrap_or_default();
        Ran { code: status.code(), signal: status.signal(), stdout: text(stdout), stderr: text(stderr), took }
    }

    fn shown(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.collect::<Vec<_>>().join(OsStr::new(" ")).to_string_lossy().into_owned()
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> Option<Receiver<Vec<u8>>> {
    let mut pipe = pipe?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        let mut left = OUTPUT;
        while let Ok(count) = pipe.read(&mut buffer)
            && count > 0
            && left > 0
        {
            left = left.saturating_sub(count as u64);
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    Some(receiver)
}

// A grandchild may hold the pipe open after the end; what has come until then is enough.
fn received(pipe: &Receiver<Vec<u8>>) -> String {
    let mut bytes = Vec::new();
    while let Ok(part) = pipe.recv_timeout(Duration::from_secs(5)) {
        bytes.extend(part);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn feed(child: &mut Child, input: Vec<u8>) {
    let Some(mut pipe) = child.stdin.take() else { return };
    std::thread::spawn(move || {
        // A program that does not read its input is no error.
        let _unread = pipe.write_all(&input);
    });
}

#[cfg(test)]
mod tests {
    use super::{Run, run};
    use std::time::{Duration, Instant};

    #[test]
    fn codes_outputs_input_environment() {
        let ran = Run::new("/bin/sh")
            .args(["-c", "read line; echo $line $A; echo no >&2; exit 3"])
            .env_clear()
            .env("A", "b")
            .input("in\n")
            .go();
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(3), "in b\n", "no\n"));
        assert_eq!(run("/bin/sh", ["-c", "kill -TERM $$"]).signal, Some(15));
    }

    #[test]
    #[should_panic(expected = "no end within 100ms: /bin/sh -c sleep 60")]
    fn the_whole_group_is_killed_at_the_limit() {
        let started = Instant::now();
        let late = Run::new("/bin/sh").args(["-c", "sleep 60"]).limit(Duration::from_millis(100));
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || late.go()));
        assert!(started.elapsed() < Duration::from_secs(10));
        std::panic::resume_unwind(caught.expect_err("it runs too long"));
    }
}

//! A question that may stick in the kernel, put by a process of its own.
//!
//! A call on a dead FUSE or network mount cannot be interrupted, and the process that made it cannot even exit. So the
//! plugin runs itself again with the question, reads the answer from a pipe, and leaves the helper behind when the time
//! is over. Whatever ends the plugin ends the helper too, as soon as the kernel lets it.

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::{Deadline, Failure, Reason, Result};

/// First argument that makes a plugin answer one question instead of running.
pub(crate) const FLAG: &str = "--answer-helper-question";

/// Longest answer that is read, bytes.
const LIMIT: usize = 64 * 1024;

/// What a helper does before it looks at the question: it shall not outlive the thread that asked, however that ends.
///
/// Agents end a plugin with a signal to it alone, and would not know of another process.
pub(crate) fn begin() {
    // Where the kernel refuses, the plugin's own end still kills it.
    let _lives_on = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
}

/// A helper that is at work. Dropping it kills it without waiting.
#[derive(Debug)]
pub struct Helper {
    child: Child,
    answer: ChildStdout,
    read: Vec<u8>,
    what: String,
}

impl Helper {
    /// Starts this program again with a question; [`crate::Check::answer`] of the same plugin gets it.
    ///
    /// `program` is the name the plugin was called by, `what` completes "no answer in time: …". It lives no longer than the
    /// calling thread, which therefore has to be one that stays.
    pub fn ask(program: &str, question: &[OsString], what: impl Into<String>) -> Result<Helper> {
        let what = what.into();
        let failed = |error| Failure {
            reason: Reason::Internal,
            ..Failure::io(format!("start a helper: {what}"), &error)
        };
        // Not by its path: that may hold another version by now.
        let mut child = Command::new("/proc/self/exe")
            .arg0(program)
            .arg(FLAG)
            .args(question)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let Some(answer) = child.stdout.take() else {
            return Err(Failure::new(Reason::Internal, format!("start a helper: {what}: no pipe")));
        };
        Ok(Helper { child, answer, read: Vec::new(), what })
    }

    /// Waits for the whole answer: until `patience` is over or the deadline's rest, whichever is shorter.
    ///
    /// Errors with [`Reason::Stuck`] when none came, [`Reason::Internal`] when the helper died without one.
    pub fn answer(mut self, deadline: &Deadline, patience: Duration) -> Result<String> {
        let end = Instant::now() + patience.min(deadline.left());
        let mut buffer = [0; 4096];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            let ready = poll(&mut [PollFd::new(self.answer.as_fd(), PollFlags::POLLIN)], timeout);
            match ready {
                Ok(0) => {
                    let message = format!("{}: the kernel gave no answer in time", self.what);
                    return Err(Failure::new(Reason::Stuck, message));
                }
                Ok(_) => {}
                Err(nix::errno::Errno::EINTR) => continue,
                Err(error) => {
                    return Err(Failure::new(Reason::Internal, format!("{}: poll: {error}", self.what)));
                }
            }
            let count = self.answer.read(&mut buffer).map_err(|error| Failure::io(&self.what, &error))?;
            if count == 0 {
                break;
            }
            self.read.extend_from_slice(&buffer[..count]);
            if self.read.len() > LIMIT {
                return Err(Failure::new(
                    Reason::Internal,
                    format!("{}: the helper's answer is endless", self.what),
                ));
            }
        }
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned();
        if text.is_empty() {
            return Err(Failure::new(Reason::Internal, format!("{}: the helper gave no answer", self.what)));
        }
        Ok(text)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // A helper that sticks in the kernel dies when the kernel lets it go; waiting for it would stick us too.
        let _gone_already = self.child.kill();
        let _not_yet = self.child.try_wait();
    }
}

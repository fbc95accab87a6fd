//! What a command ends with: exit codes that are the same for every command, and why it could not do its work.

use std::fmt;

use crate::diagnostic::Diagnostic;

/// Exit code of every command of `mdd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All selected required points count as done, or the command did its work.
    Done,
    /// At least one is red, blocked, settling or not due.
    NotDone,
    /// Wrong usage, manifest invalid, selector matches nothing; nothing was run.
    Usage,
    /// Nothing is known to be wrong, but something is unknown or stale.
    Unknown,
    /// Waited until the timeout, still not done.
    Timeout,
    /// `mdd`'s own failure: history not writable, disk full.
    Failure,
    /// Interrupted by SIGINT.
    Interrupted,
    /// As a plugin, for `--format nagios`: 0 to 3.
    Plugin(plugin::State),
}

impl Exit {
    /// The number handed to the shell.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::NotDone => 1,
            Exit::Usage => 2,
            Exit::Unknown => 3,
            Exit::Timeout => 4,
            Exit::Failure => 5,
            Exit::Interrupted => 130,
            Exit::Plugin(state) => state.code(),
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Error {
    /// The command line, or a selector that matches nothing: exit 2.
    Usage(String),
    /// The manifest does not hold together: exit 2.
    Manifest(Vec<Diagnostic>),
    /// `mdd`'s own failure: exit 5.
    Own(String),
}

impl Error {
    /// A wrong command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Error::Usage(message.into())
    }

    /// A failure of `mdd` itself: what was tried, on what, and what came back.
    pub fn own(message: impl Into<String>) -> Self {
        Error::Own(message.into())
    }

    /// The exit code it leads to.
    pub fn exit(&self) -> Exit {
        match self {
            Error::Usage(_) | Error::Manifest(_) => Exit::Usage,
            Error::Own(_) => Exit::Failure,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(message) | Error::Own(message) => write!(f, "error: {message}"),
            Error::Manifest(diagnostics) => {
                for (index, diagnostic) in diagnostics.iter().enumerate() {
                    if index > 0 {
                        writeln!(f)?;
                    }
                    write!(f, "{diagnostic}")?;
                }
                Ok(())
            }
        }
    }
}

impl From<Vec<Diagnostic>> for Error {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Error::Manifest(diagnostics)
    }
}

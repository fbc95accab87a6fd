//! Which processes count.

use std::fmt;
use std::str::FromStr;

use host::Root;
use host::processes::{Clock, Process};
use host::users::{self, User};
use plugin::{Dialect, Failure, Reason, Result, units};
use regex_lite::Regex;

use crate::CheckProcs;

/// Longest name of a process that runs a program; a longer one is cut (`TASK_COMM_LEN` of linux/sched.h).
const NAME: usize = 15;

/// `--state`: states of which a process has one, and flags that it has all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flags(String);

impl FromStr for Flags {
    type Err = String;

    fn from_str(text: &str) -> Result<Flags, String> {
        // The letters of PROCESS STATE CODES in ps(1).
        match text.chars().find(|flag| !"DIRSTtWXxZKP<NLsl+".contains(*flag)) {
            None if text.is_empty() => Err("it is empty".into()),
            None => Ok(Flags(text.to_owned())),
            Some(flag) => Err(format!("`{flag}` is neither a state (DIRSTtXZ) nor a flag (<NLsl+) of ps")),
        }
    }
}

impl Flags {
    // `L`, which costs a file more than the others, is left to the caller.
    fn allow(&self, process: &Process) -> bool {
        let (flags, states): (Vec<char>, Vec<char>) =
            self.0.chars().partition(|flag| "<NLsl+".contains(*flag));
        (states.is_empty() || states.contains(&process.state))
            && flags.iter().all(|flag| *flag == 'L' || process.has_flag(*flag))
    }
}

/// A size in KiB: a plain number as the C plugin has it, or one with a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Kib(f64);

impl FromStr for Kib {
    type Err = String;

    fn from_str(text: &str) -> Result<Kib, String> {
        match text.trim().parse::<i64>() {
            Ok(kib) => Ok(Kib(kib as f64)),
            Err(_) => units::bytes(text).map(|bytes| Kib(bytes / 1024.0)),
        }
    }
}

/// `--ereg-argument-array`.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Regex);

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Pattern, String> {
        Regex::new(text).map(Pattern).map_err(|error| error.to_string())
    }
}

/// All conditions of a command line. It shows as what follows `3 processes`: ` named sshd of root`.
#[derive(Debug)]
pub(crate) struct Filter<'c> {
    options: &'c CheckProcs,
    flags: Option<Flags>,
    user: Option<User>,
    /// The C plugin takes kthreadd, the parent of all threads of the kernel, for a program.
    keep_kthreadd: bool,
}

impl<'c> Filter<'c> {
    /// The conditions, with the user's name turned into a number.
    pub(crate) fn new(
        options: &'c CheckProcs,
        flags: Option<Flags>,
        dialect: Dialect,
        root: &Root,
    ) -> Result<Filter<'c>> {
        let user = options.user.as_deref().map(|name| user(name, dialect, root)).transpose()?;
        Ok(Filter { options, flags, user, keep_kthreadd: dialect == Dialect::C })
    }

    /// The user that a process has to belong to.
    pub(crate) fn uid(&self) -> Option<u32> {
        self.user.as_ref().map(|user| user.uid)
    }

    /// Whether /proc/PID/stat is needed to judge a process.
    pub(crate) fn needs_stat(&self) -> bool {
        let options = self.options;
        self.flags.is_some()
            || options.ppid.is_some()
            || options.vsz.is_some()
            || options.rss.is_some()
            || options.command.is_some()
            || !options.exclude_process.is_empty()
            || options.no_kthreads
            || self.needs_clock()
            || self.needs_arguments()
    }

    /// Whether the time since boot is needed.
    pub(crate) fn needs_clock(&self) -> bool {
        self.options.pcpu.is_some()
    }

    /// Whether the arguments are needed of a process that passed [`Filter::allows`].
    pub(crate) fn needs_arguments(&self) -> bool {
        let long_name = self.options.command.as_ref().is_some_and(|name| name.len() > NAME);
        self.options.argument_array.is_some() || self.options.ereg_argument_array.is_some() || long_name
    }

    /// Whether it has to be known if a process has locked memory.
    pub(crate) fn needs_lock(&self) -> bool {
        self.flags.as_ref().is_some_and(|flags| flags.0.contains('L'))
    }

    /// Everything that /proc/PID/stat can say. `clock` is there where [`Filter::needs_clock`].
    pub(crate) fn allows(&self, process: &Process, clock: Option<&Clock>) -> bool {
        let options = self.options;
        let kernel = process.is_kernel_thread() && !(self.keep_kthreadd && process.parent == 0);
        let name = process.name.as_str();
        !(options.no_kthreads && kernel)
            && self.flags.as_ref().is_none_or(|flags| flags.allow(process))
            && options.ppid.is_none_or(|parent| process.parent == parent)
            && options.command.as_ref().is_none_or(|wanted| name == wanted || is_cut(name, wanted))
            && !options.exclude_process.iter().any(|excluded| name == excluded)
            && options.vsz.is_none_or(|least| kib(process.vsize) >= least.0)
            && options.rss.is_none_or(|least| kib(process.rss()) >= least.0)
            && options.pcpu.zip(clock).is_none_or(|(least, clock)| clock.cpu_percent(process) >= least)
    }

    /// The conditions on the arguments, joined with blanks. What has none shows as ps shows it: `[kthreadd]`.
    pub(crate) fn allows_arguments(&self, process: &Process, arguments: &str) -> bool {
        let options = self.options;
        let shown = match (arguments, process.state) {
            ("", 'Z') => format!("[{}] <defunct>", process.name),
            ("", _) => format!("[{}]", process.name),
            (arguments, _) => arguments.to_owned(),
        };
        options.argument_array.as_ref().is_none_or(|text| shown.contains(text.as_str()))
            && options.ereg_argument_array.as_ref().is_none_or(|pattern| pattern.0.is_match(&shown))
            && options
                .command
                .as_ref()
                .is_none_or(|wanted| process.name == *wanted || shown.contains(wanted.as_str()))
    }
}

// Whether a name is what the kernel left of a longer one.
fn is_cut(name: &str, wanted: &str) -> bool {
    wanted.len() > NAME && name.len() == NAME && wanted.starts_with(name)
}

/// Bytes as ps shows them: whole KiB.
pub(crate) fn kib(bytes: u64) -> f64 {
    (bytes / 1024) as f64
}

fn user(name: &str, dialect: Dialect, root: &Root) -> Result<User> {
    let number = name.parse::<u32>().ok();
    let found = users::find(root, |user| number.map_or(user.name == name, |uid| user.uid == uid));
    match (found, number) {
        // A number needs no name: its user may live in a directory, or in a container only.
        (Ok(None) | Err(_), Some(uid)) if dialect == Dialect::Own => Ok(User { name: name.to_owned(), uid }),
        (Ok(Some(user)), _) => Ok(user),
        (Ok(None), _) => {
            let passwd = root.path("/etc/passwd");
            Err(Failure::new(Reason::Usage, format!("--user: no `{name}` in {}", passwd.display())))
        }
        (Err(failure), _) => Err(failure),
    }
}

impl fmt::Display for Filter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = self.options;
        if let Some(name) = &options.command {
            write!(f, " named {name}")?;
        }
        if let Some(user) = &self.user {
            write!(f, " of {}", user.name)?;
        }
        if let Some(flags) = &self.flags {
            write!(f, " in state {}", flags.0)?;
        }
        if let Some(parent) = options.ppid {
            write!(f, " with parent {parent}")?;
        }
        if let Some(text) = &options.argument_array {
            write!(f, " with arguments '{text}'")?;
        }
        if let Some(pattern) = &options.ereg_argument_array {
            write!(f, " with arguments matching '{}'", pattern.0)?;
        }
        if let Some(least) = options.vsz {
            write!(f, " with VSZ from {}", units::show_bytes(least.0 * 1024.0))?;
        }
        if let Some(least) = options.rss {
            write!(f, " with RSS from {}", units::show_bytes(least.0 * 1024.0))?;
        }
        if let Some(least) = options.pcpu {
            write!(f, " with CPU from {least} %")?;
        }
        if !options.exclude_process.is_empty() {
            write!(f, " not named {}", options.exclude_process.join(","))?;
        }
        if options.no_kthreads { f.write_str(" outside the kernel") } else { Ok(()) }
    }
}

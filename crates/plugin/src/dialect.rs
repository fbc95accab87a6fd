//! The world a command line comes from: the program's name picks it, options never do.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use crate::{Reason, State};

/// Whose options, states and labels a run speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, clap::ValueEnum)]
pub enum Dialect {
    /// This suite's: `check-tcp`.
    #[default]
    Own,
    /// The C monitoring-plugins': `check_tcp`.
    C,
}

impl Dialect {
    /// `check_x` is the C plugin, anything else is ours.
    pub fn of_name(name: &str) -> Dialect {
        if name.starts_with("check_") { Dialect::C } else { Dialect::Own }
    }

    /// State of a failure in this dialect where a plugin has no table of its own.
    pub const fn state(self, reason: Reason) -> State {
        match self {
            Dialect::Own => own_state(reason),
            Dialect::C => c_state(reason),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dialect::Own => "own",
            Dialect::C => "c",
        })
    }
}

// A target that does not answer *is* the answer; what we could not ask is unknown. docs/states.md shows this table.
const fn own_state(reason: Reason) -> State {
    match reason {
        Reason::Permission | Reason::Stuck | Reason::Usage | Reason::Internal => State::Unknown,
        _ => State::Critical,
    }
}

/// The C plugins' usual states: they take a name that does not resolve for a wrong command line.
pub const fn c_state(reason: Reason) -> State {
    match reason {
        Reason::NameNotFound | Reason::ResolverSilent | Reason::ResolverFailed => State::Unknown,
        other => own_state(other),
    }
}

/// The name a program was called by: the last part of `argv[0]`, or `fallback` where that is no name of a check.
pub(crate) fn program_name(argv0: Option<&OsString>, fallback: &str) -> String {
    argv0
        .map(Path::new)
        .and_then(Path::file_name)
        .and_then(OsStr::to_str)
        // It stands in the output: nothing that would need cleaning there, and room for the text behind it.
        .filter(|name| {
            name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        })
        .filter(|name| label_of(name).len() < name.len() && !label_of(name).is_empty())
        .unwrap_or(fallback)
        .to_owned()
}

/// The word at the start of the output: `check_tcp` and `check-tcp` are `TCP`.
pub(crate) fn label_of(name: &str) -> String {
    let bare = name.strip_prefix("check_").or_else(|| name.strip_prefix("check-")).unwrap_or(name);
    bare.to_ascii_uppercase()
}

/// Spellings that every C plugin still reads: `-wt`, `-ct` and `-to` for `-w`, `-c` and `-t`.
pub(crate) fn rewrite_old_spellings(args: &mut [OsString]) {
    for arg in args.iter_mut().skip(1).take_while(|arg| *arg != "--") {
        match arg.to_str() {
            Some("-wt") => *arg = "-w".into(),
            Some("-ct") => *arg = "-c".into(),
            Some("-to") => *arg = "-t".into(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, label_of, program_name, rewrite_old_spellings};
    use crate::{Reason, State};

    #[test]
    fn the_name_picks() {
        assert_eq!(Dialect::of_name("check_tcp"), Dialect::C);
        assert_eq!(Dialect::of_name("check-tcp"), Dialect::Own);
        assert_eq!(program_name(Some(&"/usr/lib/nagios/plugins/check_ftp".into()), "check-tcp"), "check_ftp");
        assert_eq!(label_of("check_ftp"), "FTP");
        for odd in ["", "x", "check_", "check_a|b", "check-\u{1b}[1m", &format!("check-{}", "x".repeat(60))] {
            assert_eq!(program_name(Some(&odd.into()), "check-tcp"), "check-tcp", "{odd:?}");
        }
    }

    #[test]
    fn the_target_answers_by_not_answering() {
        assert_eq!(Dialect::Own.state(Reason::NameNotFound), State::Critical);
        assert_eq!(Dialect::C.state(Reason::NameNotFound), State::Unknown);
        assert_eq!(Dialect::Own.state(Reason::Permission), State::Unknown);
        assert_eq!(Dialect::C.state(Reason::Refused), State::Critical);
    }

    #[test]
    fn old_spellings_are_rewritten_up_to_the_dashes() {
        let mut args: Vec<std::ffi::OsString> =
            ["check_tcp", "-wt", "3", "-ct", "5", "-to", "9", "--", "-to"].map(Into::into).to_vec();
        rewrite_old_spellings(&mut args);
        assert_eq!(args, ["check_tcp", "-w", "3", "-c", "5", "-t", "9", "--", "-to"]);
    }
}

//! The dialect of the C plugins: which of them is meant, their spellings, and where their rules differ from ours.

use std::ffi::OsString;

use http::StopKind;
use plugin::{Call, Dialect, Reason, State};

use crate::options::Days;

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    Own,
    /// `check_http`.
    Http,
    /// `check_curl`.
    Curl,
}

impl Flavour {
    pub fn of(call: &Call) -> Flavour {
        match call.dialect {
            Dialect::Own => Flavour::Own,
            Dialect::C if call.name.contains("curl") => Flavour::Curl,
            Dialect::C => Flavour::Http,
        }
    }

    /// The state of an answer of 400 to 499 that nobody expected.
    pub fn client_error(self) -> State {
        if self == Flavour::Own { State::Critical } else { State::Warning }
    }

    /// The state of a redirect that leads nowhere.
    pub fn stopped(self, kind: StopKind) -> State {
        match (self, kind) {
            (Flavour::Own, _) | (_, StopKind::Loop) | (Flavour::Curl, StopKind::NoTarget) => State::Critical,
            (_, StopKind::TooMany) => State::Warning,
            (_, StopKind::NoTarget | StopKind::BadTarget) => State::Unknown,
        }
    }

    /// Whether a body that ends before its announced end counts as whole: `check_http` reads until the end, whichever it is.
    pub fn accepts_short_body(self) -> bool {
        self == Flavour::Http
    }
}

/// The state of a certificate that has so many whole days left, as the C plugins judge it.
pub(crate) fn certificate_state(days: i64, least: Days) -> State {
    if days > i64::from(least.warning) {
        State::Ok
    } else if days > i64::from(least.critical) {
        State::Warning
    } else {
        State::Critical
    }
}

/// A failure is a service that is down, also where its name does not resolve.
pub(crate) fn state(reason: Reason) -> State {
    match reason {
        Reason::Usage | Reason::Stuck | Reason::Internal | Reason::Permission => State::Unknown,
        _ => State::Critical,
    }
}

/// `-S1.2+` for clap, and the old spellings of both plugins.
pub(crate) fn rewrite(dialect: Dialect, args: &mut [OsString]) {
    for arg in args.iter_mut().skip(1).take_while(|arg| *arg != "--") {
        let Some(text) = arg.to_str() else { continue };
        match text {
            "-hn" if dialect == Dialect::C => *arg = "-H".into(),
            "-nohtml" if dialect == Dialect::C => *arg = "-n".into(),
            _ => {
                let version =
                    text.strip_prefix("-S").filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
                if let Some(version) = version {
                    *arg = format!("-S={version}").into();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{certificate_state, rewrite};
    use crate::options::Days;
    use plugin::{Dialect, State};
    use std::ffi::OsString;

    #[test]
    fn spellings() {
        let read = |dialect, words: &[&str]| {
            let mut args: Vec<OsString> = words.iter().map(Into::into).collect();
            rewrite(dialect, &mut args);
            args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        let words = ["check_http", "-S1.2+", "-hn", "a", "-nohtml", "-S", "-SE", "--", "-S1"];
        assert_eq!(read(Dialect::C, &words), "check_http -S=1.2+ -H a -n -S -SE -- -S1");
        assert_eq!(read(Dialect::Own, &words), "check_http -S=1.2+ -hn a -nohtml -S -SE -- -S1");
    }

    #[test]
    fn days_left_as_the_c_plugins_count() {
        let state = |days| certificate_state(days, Days { warning: 30, critical: 10 });
        assert_eq!(
            [31, 30, 11, 10, 1, 0, -5].map(state),
            [
                State::Ok,
                State::Warning,
                State::Warning,
                State::Critical,
                State::Critical,
                State::Critical,
                State::Critical
            ]
        );
        assert_eq!(certificate_state(20, Days { warning: 10, critical: 30 }), State::Ok);
        assert_eq!(certificate_state(0, Days { warning: 0, critical: 0 }), State::Critical);
    }
}

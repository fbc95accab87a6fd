//! The four states of a check, their order and their exit codes.

use std::fmt;
use std::str::FromStr;

/// State of a check, ordered by severity: `Ok < Unknown < Warning < Critical`.
///
/// The order is the one of the C plugins' `max_state_alt`: what is known to be wrong outranks what is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum State {
    /// Measured, within limits. Exit code 0.
    #[default]
    Ok,
    /// Could not be measured. Exit code 3.
    Unknown,
    /// Measured, outside the warning range. Exit code 1.
    Warning,
    /// Measured, outside the critical range; or the target does not answer. Exit code 2.
    Critical,
}

impl State {
    /// Exit code of the Nagios plugin interface.
    pub const fn code(self) -> u8 {
        match self {
            State::Ok => 0,
            State::Warning => 1,
            State::Critical => 2,
            State::Unknown => 3,
        }
    }

    /// The state of an exit code; `None` above 3.
    pub const fn from_code(code: u8) -> Option<State> {
        match code {
            0 => Some(State::Ok),
            1 => Some(State::Warning),
            2 => Some(State::Critical),
            3 => Some(State::Unknown),
            _ => None,
        }
    }

    /// `OK`, `WARNING`, `CRITICAL` or `UNKNOWN`.
    pub const fn word(self) -> &'static str {
        match self {
            State::Ok => "OK",
            State::Warning => "WARNING",
            State::Critical => "CRITICAL",
            State::Unknown => "UNKNOWN",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for State {
    type Err = String;

    /// A word in any case, or an exit code.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "ok" | "0" => Ok(State::Ok),
            "warning" | "warn" | "1" => Ok(State::Warning),
            "critical" | "crit" | "2" => Ok(State::Critical),
            "unknown" | "3" => Ok(State::Unknown),
            _ => Err(format!("`{text}` is no state; one of ok, warning, critical, unknown or 0 to 3")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn worst_is_the_maximum() {
        let worst = |states: &[State]| states.iter().copied().max().unwrap_or_default();
        assert_eq!(worst(&[]), State::Ok);
        assert_eq!(worst(&[State::Ok, State::Unknown]), State::Unknown);
        assert_eq!(worst(&[State::Unknown, State::Warning]), State::Warning);
        assert_eq!(worst(&[State::Critical, State::Unknown]), State::Critical);
    }

    #[test]
    fn codes_and_words_read_back() {
        for state in [State::Ok, State::Warning, State::Critical, State::Unknown] {
            assert_eq!(State::from_code(state.code()), Some(state));
            assert_eq!(state.word().parse(), Ok(state));
            assert_eq!(state.code().to_string().parse(), Ok(state));
        }
        assert_eq!(State::from_code(4), None);
        assert!("4".parse::<State>().is_err());
    }
}

//! One result of one check: what came back, and when.

use std::time::Duration;

use jiff::Timestamp;
/// What a plugin says with its exit code.
pub use plugin::State as Status;

/// Who made a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A plugin's own answer.
    Plugin(Status),
    /// mdd's words in place of a plugin's: not started, killed, or no plugin's exit code. It is no result.
    None,
    /// Not run, because what the point waits for is down (`when_blocked: skip`).
    Skipped,
}

impl Verdict {
    /// The number kept in the history: a plugin's exit code, -1 for none, -2 for skipped.
    pub fn code(self) -> i64 {
        match self {
            Verdict::Plugin(status) => status.code().into(),
            Verdict::None => -1,
            Verdict::Skipped => -2,
        }
    }

    /// Reads [`Verdict::code`] back; a number that it never writes is no result.
    pub fn from_code(code: i64) -> Self {
        match code {
            -2 => Verdict::Skipped,
            code => {
                u8::try_from(code).ok().and_then(Status::from_code).map_or(Verdict::None, Verdict::Plugin)
            }
        }
    }

    /// `OK`, `WARNING`, `CRITICAL`, `UNKNOWN`, `none` or `skipped`.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Plugin(status) => status.word(),
            Verdict::None => "none",
            Verdict::Skipped => "skipped",
        }
    }
}

/// One result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Who made it, and what it says.
    pub verdict: Verdict,
    /// Text without performance data and control characters; its first line is the summary.
    pub output: String,
    /// Performance data of all lines, items separated by blanks.
    pub perf: String,
    /// How long it took.
    pub took: Duration,
    /// When it was started, in whole microseconds.
    pub at: Timestamp,
}

impl Reading {
    /// mdd's own words: there is no result, and this is why.
    pub fn none(text: impl Into<String>, at: Timestamp, took: Duration) -> Self {
        Reading { verdict: Verdict::None, output: text.into(), perf: String::new(), took, at }
    }

    /// The first line of the text.
    pub fn summary(&self) -> &str {
        self.output.lines().next().unwrap_or("")
    }
}

/// Now, in whole microseconds: what the history can keep.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back_and_strange_ones_are_no_result() {
        for code in [-2, -1, 0, 1, 2, 3] {
            assert_eq!(Verdict::from_code(code).code(), code);
        }
        assert_eq!(Verdict::from_code(4), Verdict::None);
        assert_eq!(Verdict::from_code(i64::MAX), Verdict::None);
    }
}

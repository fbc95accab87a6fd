//! `-D 30,10`: the days for which a certificate has to be valid, as the C plugins take them.

use std::str::FromStr;

use plugin::{Dialect, State};

const DAY: i64 = 86_400;

/// Least days of validity, for WARNING and for CRITICAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// Fewer days left are a WARNING.
    pub warning: u32,
    /// Fewer days left are CRITICAL.
    pub critical: u32,
}

impl FromStr for Days {
    type Err = String;

    /// `30`, or `30,10`; the second is 0 where it is not given.
    fn from_str(text: &str) -> Result<Days, String> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = if digits { text.parse().ok() } else { None };
            number.ok_or_else(|| format!("`{text}` is no number of days"))
        };
        let (warning, critical) = match text.split_once(',') {
            Some((warning, critical)) => (number(warning)?, number(critical)?),
            None => (number(text)?, 0),
        };
        Ok(Days { warning, critical })
    }
}

impl Days {
    /// The state of a certificate that has `left` seconds of validity.
    ///
    /// The C plugins count whole days: one that has less than a day left has none, which is CRITICAL whatever the limits,
    /// and 30 days and a few hours are within a limit of 30. In our own dialect fewer than 30 days are.
    pub fn state(self, left: i64, dialect: Dialect) -> State {
        let within = |limit: u32| match dialect {
            Dialect::Own => left < i64::from(limit) * DAY,
            Dialect::C => left / DAY <= i64::from(limit),
        };
        let expired = left < 0 || (dialect == Dialect::C && left < DAY);
        if expired || (within(self.critical) && (dialect == Dialect::Own || within(self.warning))) {
            State::Critical
        } else if within(self.warning) {
            State::Warning
        } else {
            State::Ok
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, Days};
    use plugin::{Dialect, State};

    #[test]
    fn read() {
        assert_eq!("30".parse(), Ok(Days { warning: 30, critical: 0 }));
        assert_eq!("30,10".parse(), Ok(Days { warning: 30, critical: 10 }));
        for bad in ["", "x", "-1", "10,", ",10", "10,5,1", "10.5", "+1", "99999999999"] {
            assert!(bad.parse::<Days>().is_err(), "{bad:?}");
        }
    }

    // The rows of the C dialect were measured with the C plugin.
    #[test]
    fn states() {
        let state = |days: &str, left, dialect| days.parse::<Days>().map(|days| days.state(left, dialect));
        let left = 29 * DAY + DAY / 2;
        for (days, c, own) in [
            ("10", State::Ok, State::Ok),
            ("40", State::Warning, State::Warning),
            ("40,10", State::Warning, State::Warning),
            ("40,35", State::Critical, State::Critical),
            ("29", State::Warning, State::Ok),
            ("29,29", State::Critical, State::Ok),
            ("30,29", State::Critical, State::Warning),
            ("0", State::Ok, State::Ok),
            ("0,40", State::Ok, State::Critical),
        ] {
            assert_eq!(state(days, left, Dialect::C), Ok(c), "{days}");
            assert_eq!(state(days, left, Dialect::Own), Ok(own), "{days}");
        }
        assert_eq!(state("0", -1, Dialect::Own), Ok(State::Critical));
        assert_eq!(state("0", -1, Dialect::C), Ok(State::Critical));
        assert_eq!(state("0", DAY / 2, Dialect::C), Ok(State::Critical));
        assert_eq!(state("0", DAY / 2, Dialect::Own), Ok(State::Ok));
        assert_eq!(state("10", DAY / 2, Dialect::Own), Ok(State::Warning));
    }
}

//! Threshold ranges: `[@][start:][end]` of the Monitoring Plugins guidelines, read strictly.

use std::fmt;
use std::str::FromStr;

use crate::State;

/// A range of the Monitoring Plugins guidelines, both ends inclusive. It alerts outside, with `@` inside.
///
/// `10` is 0 to 10; `10:` is 10 and more; `~:10` is 10 and less; `@10:20` alerts from 10 to 20. Rubbish after a number,
/// an empty text, `@`, `:`, an inverted range, `inf` and `nan` are errors: a threshold that is misread never alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    text: String,
    inside: bool,
    start: f64,
    end: f64,
}

impl Range {
    /// Reads a range whose numbers carry a unit, such as `250ms` or `10G`.
    ///
    /// `number` turns one end into the metric's base unit. Perfdata shows the range in that base unit.
    pub fn parse_with(text: &str, number: impl Fn(&str) -> Result<f64, String>) -> Result<Range, String> {
        let trimmed = text.trim();
        let (inside, body) = match trimmed.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, trimmed),
        };
        let end_of = |part: &str, missing: f64| -> Result<f64, String> {
            if part.is_empty() {
                return Ok(missing);
            }
            let value = number(part)?;
            if value.is_finite() { Ok(value) } else { Err(format!("`{part}` is no finite number")) }
        };
        let (start, end) = match body.split_once(':') {
            None if body.is_empty() => return Err("it is empty".into()),
            None if body == "~" => return Err("`~` needs a colon, as in `~:10`".into()),
            None => (0.0, end_of(body, f64::INFINITY)?),
            Some(("", "")) => return Err("both ends are missing".into()),
            Some((_, rest)) if rest.contains(':') => return Err("more than one colon".into()),
            Some(("~", end)) => (f64::NEG_INFINITY, end_of(end, f64::INFINITY)?),
            Some((start, end)) => (end_of(start, 0.0)?, end_of(end, f64::INFINITY)?),
        };
        if start > end {
            return Err(format!("its start {start} is above its end {end}"));
        }
        Ok(Range { text: shown(inside, start, end), inside, start, end })
    }

    /// The range `0:end`: alerts below zero and above `end`.
    pub fn up_to(end: f64) -> Range {
        Range { text: shown(false, 0.0, end), inside: false, start: 0.0, end }
    }

    /// Whether `value` is a reason to alert. NaN always is: what cannot be measured is not in order.
    pub fn alerts(&self, value: f64) -> bool {
        value.is_nan() || (self.start <= value && value <= self.end) == self.inside
    }

    /// The range with both ends multiplied, for a metric kept in another unit. `factor` is above zero.
    pub fn scaled(&self, factor: f64) -> Range {
        let (start, end) = (self.start * factor, self.end * factor);
        Range { text: shown(self.inside, start, end), inside: self.inside, start, end }
    }

    /// The lower end; minus infinity for `~`.
    pub fn start(&self) -> f64 {
        self.start
    }

    /// The upper end; infinity where it is open.
    pub fn end(&self) -> f64 {
        self.end
    }

    /// Whether it alerts inside (`@`).
    pub fn is_inside(&self) -> bool {
        self.inside
    }
}

// Shortest text with the same meaning; `f64` prints without an exponent.
fn shown(inside: bool, start: f64, end: f64) -> String {
    let at = if inside { "@" } else { "" };
    if start == f64::NEG_INFINITY {
        let end = if end == f64::INFINITY { String::new() } else { end.to_string() };
        format!("{at}~:{end}")
    } else if end == f64::INFINITY {
        format!("{at}{start}:")
    } else if start == 0.0 {
        format!("{at}{end}")
    } else {
        format!("{at}{start}:{end}")
    }
}

fn plain_number(text: &str) -> Result<f64, String> {
    // Rust also reads `inf`, `nan` and `infinity`; the caller refuses what is not finite.
    text.parse::<f64>().map_err(|_| format!("`{text}` is no number"))
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut range = Range::parse_with(text, plain_number)?;
        // Perfdata shows what the operator wrote, unless it holds an exponent, a sign or a bare dot that readers trip over.
        let body = text.trim();
        let plain = |number: &str| {
            let number = number.strip_prefix('-').unwrap_or(number);
            let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
            [whole, decimals].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        };
        let ends = body.strip_prefix('@').unwrap_or(body).split(':');
        if ends.clone().all(|end| end.is_empty() || end == "~" || plain(end)) {
            body.clone_into(&mut range.text);
        }
        Ok(range)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A warning and a critical range. One that is not set never alerts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thresholds {
    /// Outside it the state is at least WARNING.
    pub warning: Option<Range>,
    /// Outside it the state is CRITICAL.
    pub critical: Option<Range>,
}

impl Thresholds {
    /// Both ranges as they came from the command line.
    pub fn new(warning: Option<Range>, critical: Option<Range>) -> Thresholds {
        Thresholds { warning, critical }
    }

    /// Whether neither range is set.
    pub fn is_empty(&self) -> bool {
        self.warning.is_none() && self.critical.is_none()
    }

    /// The state of a value; critical is looked at first.
    pub fn state(&self, value: f64) -> State {
        let alerts = |range: &Option<Range>| range.as_ref().is_some_and(|r| r.alerts(value));
        if alerts(&self.critical) {
            State::Critical
        } else if alerts(&self.warning) {
            State::Warning
        } else {
            State::Ok
        }
    }

    /// The range that made the state of a value, for a message such as `above 5`.
    pub fn violated(&self, value: f64) -> Option<&Range> {
        [&self.critical, &self.warning].into_iter().flatten().find(|range| range.alerts(value))
    }
}

#[cfg(test)]
mod tests {
    use super::{Range, Thresholds};
    use crate::State;

    fn alerts(spec: &str, values: &[f64]) -> Vec<bool> {
        let range: Range = spec.parse().unwrap_or_else(|e| panic!("{spec}: {e}"));
        values.iter().map(|v| range.alerts(*v)).collect()
    }

    #[test]
    fn every_row_of_the_guideline() {
        let values = [-6.0, -3.0, -0.5, 0.0, 9.9, 10.0, 10.1, 20.0, 21.0];
        let table: &[(&str, [u8; 9])] = &[
            ("10", [1, 1, 1, 0, 0, 0, 1, 1, 1]),
            ("10:", [1, 1, 1, 1, 1, 0, 0, 0, 0]),
            (":10", [1, 1, 1, 0, 0, 0, 1, 1, 1]),
            ("0:10", [1, 1, 1, 0, 0, 0, 1, 1, 1]),
            ("~:10", [0, 0, 0, 0, 0, 0, 1, 1, 1]),
            ("~:", [0; 9]),
            ("10:20", [1, 1, 1, 1, 1, 0, 0, 0, 1]),
            ("@10:20", [0, 0, 0, 0, 0, 1, 1, 1, 0]),
            ("@10", [0, 0, 0, 1, 1, 1, 0, 0, 0]),
            ("@~:10", [1, 1, 1, 1, 1, 1, 0, 0, 0]),
            ("-5:-1", [1, 0, 1, 1, 1, 1, 1, 1, 1]),
            (" 10", [1, 1, 1, 0, 0, 0, 1, 1, 1]),
            ("+10", [1, 1, 1, 0, 0, 0, 1, 1, 1]),
            ("1e1", [1, 1, 1, 0, 0, 0, 1, 1, 1]),
        ];
        for (spec, expected) in table {
            let expected: Vec<bool> = expected.iter().map(|b| *b == 1).collect();
            assert_eq!(alerts(spec, &values), expected, "{spec}");
        }
    }

    #[test]
    fn what_would_never_alert_is_refused() {
        let bad = [
            "", "@", ":", "@:", "abc", "10abc", "10%", "5,10", "10:20:30", "~", "~10", "10:~", "inf",
            "-inf:5", "nan", "-5", "20:10", "@20:10", "1 2",
        ];
        for spec in bad {
            assert!(spec.parse::<Range>().is_err(), "{spec:?} must be refused");
        }
    }

    #[test]
    fn nan_alerts_and_unset_never_does() {
        for spec in ["10", "~:", "@10"] {
            assert_eq!(alerts(spec, &[f64::NAN]), [true], "{spec}");
        }
        assert_eq!(Thresholds::default().state(f64::NAN), State::Ok);
    }

    #[test]
    fn the_text_is_kept_but_never_an_exponent() {
        for (spec, shown) in [
            ("~:10", "~:10"),
            (":10", ":10"),
            ("10.50", "10.50"),
            ("1e3", "1000"),
            ("+10", "10"),
            (".5", "0.5"),
            ("5.:", "5:"),
            ("-1.5:", "-1.5:"),
        ] {
            assert_eq!(spec.parse::<Range>().map(|r| r.to_string()), Ok(shown.to_owned()));
        }
        let milliseconds =
            |s: &str| s.trim_end_matches("ms").parse::<f64>().map(|v| v / 1e3).map_err(|e| e.to_string());
        assert_eq!(
            Range::parse_with("@5ms:250ms", milliseconds).map(|r| r.to_string()),
            Ok("@0.005:0.25".into())
        );
    }

    #[test]
    fn critical_is_looked_at_first() {
        let limits = Thresholds::new("5".parse().ok(), "10".parse().ok());
        assert_eq!([5.0, 5.1, 10.1].map(|v| limits.state(v)), [State::Ok, State::Warning, State::Critical]);
        assert_eq!(limits.violated(7.0).map(ToString::to_string).as_deref(), Some("5"));
    }
}

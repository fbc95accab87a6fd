//! Thresholds of an amount of memory: in percent of the whole, or in bytes.

use std::str::FromStr;

use plugin::{Metric, Outcome, Range, Reason, State, Thresholds, Unit, units};

/// A range in percent (`80`, `80%`, `10%:`) or, with a unit of size, in bytes (`12G`, `2G:`).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limit {
    text: String,
    range: Range,
    of_bytes: bool,
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Limit, String> {
        let of_bytes = text.contains(|c: char| c.is_ascii_alphabetic());
        let range =
            if of_bytes { Range::parse_with(text, units::bytes) } else { Range::parse_with(text, percent) }?;
        Ok(Limit { text: text.trim().to_owned(), range, of_bytes })
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number =
        text.trim_end_matches('%').parse::<f64>().map_err(|_| format!("`{text}` is no percentage"))?;
    if number > 100.0 {
        return Err(format!("`{text}` is above 100 %; a size needs a unit, such as {number}M"));
    }
    Ok(number)
}

/// A part of a whole, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Amount {
    /// Label of its metric.
    pub label: &'static str,
    pub bytes: u64,
    pub total: u64,
}

impl Amount {
    /// 0 of nothing is 0 %.
    pub(crate) fn percent(self) -> f64 {
        if self.total == 0 { 0.0 } else { self.bytes as f64 * 100.0 / self.total as f64 }
    }

    /// `81.2 % of 15.6 GiB`.
    pub(crate) fn show(self) -> String {
        format!("{:.1} % of {}", self.percent(), units::show_bytes(self.total as f64))
    }

    /// Adds the amount in bytes and in percent, each with the ranges of its unit, and a finding.
    pub(crate) fn judge(
        self,
        outcome: Outcome,
        warning: Option<&Limit>,
        critical: Option<&Limit>,
        text: String,
    ) -> Outcome {
        let of =
            |limit: Option<&Limit>, bytes| limit.filter(|l| l.of_bytes == bytes).map(|l| l.range.clone());
        let thresholds = |bytes| Thresholds::new(of(warning, bytes), of(critical, bytes));
        let alerts = |limit: &&Limit| {
            limit.range.alerts(if limit.of_bytes { self.bytes as f64 } else { self.percent() })
        };
        let outcome = outcome
            .metric(
                Metric::new(self.label, self.bytes as f64)
                    .unit(Unit::Bytes)
                    .thresholds(&thresholds(true))
                    .min(0.0)
                    .max(self.total as f64),
            )
            .metric(
                Metric::new(format!("{}_percent", self.label), self.percent())
                    .unit(Unit::Percent)
                    .thresholds(&thresholds(false))
                    .decimals(2),
            );
        let violated = critical.filter(alerts).map(|limit| (State::Critical, limit));
        match violated.or_else(|| warning.filter(alerts).map(|limit| (State::Warning, limit))) {
            None => outcome.finding(State::Ok, text),
            Some((state, limit)) => {
                let verb = if limit.range.is_inside() { "inside" } else { "outside" };
                let unit = if limit.of_bytes || limit.text.contains('%') { "" } else { "%" };
                outcome.problem(state, Reason::Threshold, format!("{text}, {verb} {}{unit}", limit.text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, Limit};
    use plugin::{Dialect, Outcome, State};

    fn limit(text: &str) -> Limit {
        text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    fn state(bytes: u64, warning: &str, critical: &str) -> State {
        let amount = Amount { label: "used", bytes, total: 1000 << 20 };
        amount.judge(Outcome::new(), Some(&limit(warning)), Some(&limit(critical)), "x".into()).state()
    }

    #[test]
    fn percent_and_bytes_may_be_mixed() {
        assert_eq!(state(700 << 20, "80", "900M"), State::Ok);
        assert_eq!(state(850 << 20, "80", "900M"), State::Warning);
        assert_eq!(state(901 << 20, "80%", "900M"), State::Critical);
        assert_eq!(state(50 << 20, "10%:", "20M:"), State::Warning);
        assert_eq!(state(19 << 20, "10%:", "20M:"), State::Critical);
        assert_eq!(state(50 << 20, "@5%:6%", "99"), State::Warning);
    }

    #[test]
    fn each_range_stands_at_the_metric_of_its_unit() {
        let amount = Amount { label: "used", bytes: 3 << 20, total: 9 << 20 };
        let outcome = amount.judge(Outcome::new(), Some(&limit("80")), Some(&limit("8M")), "x".into());
        let shown: Vec<String> = outcome.metrics().iter().map(|m| m.perfdata(Dialect::Own)).collect();
        assert_eq!(shown, ["used=3145728B;;8388608;0;9437184", "used_percent=33.33%;80"]);
    }

    #[test]
    fn nothing_of_nothing_is_nothing() {
        let swap = Amount { label: "swap_used", bytes: 0, total: 0 };
        assert_eq!(swap.show(), "0.0 % of 0 B");
    }

    #[test]
    fn what_would_never_alert_is_refused() {
        for bad in ["", "abc", "800", "2000:", "80%%x", "5Q", "1G:1M", "80:70", "-5", "80 90"] {
            assert!(bad.parse::<Limit>().is_err(), "{bad:?}");
        }
        let why = "800".parse::<Limit>().expect_err("above 100 %");
        assert_eq!(why, "`800` is above 100 %; a size needs a unit, such as 800M");
    }
}

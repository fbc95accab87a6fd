//! Compares a number in a file with limits.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use plugin::{Call, Check, Context as _, Failure, Metric, Outcome, Range, Reason, Result, Thresholds};

/// Longer than any number; a file without end must not be read to its end.
const LIMIT: u64 = 64;

/// Compares a number in a file with limits
#[derive(Debug, clap::Parser)]
#[command(name = "check-thing")]
pub struct CheckThing {
    /// File that holds the number and nothing else
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// WARNING when the number is outside this range
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    warning: Option<Range>,
    /// CRITICAL when the number is outside this range
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    critical: Option<Range>,
}

impl Check for CheckThing {
    /// The contract tests start it with these: OK on any Linux machine.
    const SAMPLE: &'static [&'static str] = &["--file", "/proc/sys/kernel/pid_max"];

    /// Measures: all input and output is here, each step under the deadline.
    fn run(&self, call: &Call) -> Result<Outcome> {
        let read = format!("read {}", self.file.display());
        call.deadline.step(&read)?;
        let mut text = String::new();
        File::open(&self.file)
            .and_then(|file| file.take(LIMIT).read_to_string(&mut text))
            .map_err(|error| Failure::io(&read, &error))?;
        self.judge(&text)
    }
}

impl CheckThing {
    /// Judges: from facts and options to the outcome, nothing else.
    fn judge(&self, text: &str) -> Result<Outcome> {
        let file = self.file.display();
        let number: f64 =
            text.trim().parse().because(Reason::Content, format_args!("{file} holds no number"))?;
        let limits = Thresholds::new(self.warning.clone(), self.critical.clone());
        let metric = Metric::new("number", number).thresholds(&limits);
        Ok(Outcome::new().measured(metric, format!("{file} holds {number}")))
    }
}

#[cfg(test)]
mod tests {
    use super::CheckThing;
    use clap::Parser as _;
    use plugin::{Reason, State};

    fn judge(args: &[&str], text: &str) -> plugin::Result<(State, String)> {
        let check = CheckThing::try_parse_from([&["check-thing", "--file", "number"], args].concat());
        let outcome = check.expect("readable").judge(text)?;
        Ok((outcome.state(), outcome.findings()[0].text.clone()))
    }

    #[test]
    fn limits_decide() {
        let args = ["-w", "10", "-c", "20"];
        assert_eq!(judge(&args, "3\n"), Ok((State::Ok, "number holds 3".into())));
        assert_eq!(judge(&args, "15"), Ok((State::Warning, "number holds 15, outside 10".into())));
        assert_eq!(judge(&args, "-1"), Ok((State::Critical, "number holds -1, outside 20".into())));
    }

    #[test]
    fn what_is_no_number_is_a_failure() {
        for text in ["", "three", "1 2"] {
            assert_eq!(judge(&[], text).map_err(|failure| failure.reason), Err(Reason::Content), "{text:?}");
        }
    }
}

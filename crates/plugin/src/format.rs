//! One outcome in four forms: a line for Nagios, JSON, Prometheus text, Graphite lines.

mod graphite;
mod json;
mod nagios;
mod prometheus;
#[cfg(test)]
mod properties;

use std::time::Duration;

use crate::options::OutputFormat;
use crate::{Dialect, Outcome};

/// What a run says that found nothing to say.
const NOTHING: &str = "nothing to report";

/// What the forms need besides the outcome.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// The word at the start of the line.
    pub label: String,
    /// The name the program was called by.
    pub plugin: String,
    pub version: String,
    pub dialect: Dialect,
    pub verbosity: u8,
    pub colored: bool,
    pub scheme: Option<String>,
    pub elapsed: Duration,
    pub timeout: Duration,
}

/// The whole text that a run prints, with its last newline.
pub(crate) fn render(format: OutputFormat, outcome: &Outcome, frame: &Frame) -> String {
    let outcome = outcome.redacted();
    match format {
        OutputFormat::Nagios => nagios::render(&outcome, frame),
        OutputFormat::Json => json::render(&outcome, frame),
        OutputFormat::Prometheus => prometheus::render(&outcome, frame),
        OutputFormat::Graphite => graphite::render(&outcome, frame),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Frame;
    use crate::{Dialect, Metric, Outcome, Reason, State, Unit};
    use std::time::Duration;

    pub(crate) fn frame() -> Frame {
        Frame {
            label: "TCP".into(),
            plugin: "check-tcp".into(),
            version: "0.1.0".into(),
            dialect: Dialect::Own,
            verbosity: 0,
            colored: false,
            scheme: None,
            elapsed: Duration::from_millis(3),
            timeout: Duration::from_secs(10),
        }
    }

    pub(crate) fn refused() -> Outcome {
        Outcome::new()
            .problem(State::Critical, Reason::Refused, "10.0.0.5:443 refused the connection after 3 ms")
            .metric(Metric::new("time", 0.003).unit(Unit::Seconds).min(0.0).max(10.0))
    }
}

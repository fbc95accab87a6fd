//! The options that every plugin has.

use std::time::Duration;

use clap::{ArgAction, ValueEnum};

use crate::{Dialect, State, units};

/// Options of every plugin; the runner adds them to the plugin's own.
// No doc comment that reaches clap: it would replace the plugin's own description.
#[derive(Debug, Clone, clap::Args)]
#[command(about = None, long_about = None, next_help_heading = "Options of every plugin")]
pub(crate) struct Common {
    /// End the run after so long (10, 10s, 2m), with the state after the colon if one is given
    #[arg(short = 't', long, value_name = "TIME[:STATE]", default_value = "10", value_parser = parse_timeout)]
    pub timeout: Timeout,
    /// Say more; may be repeated
    #[arg(short = 'v', long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Form of the output
    #[arg(long, value_name = "FORMAT", default_value = "nagios")]
    pub output_format: OutputFormat,
    /// Prefix of the metrics' names with --output-format graphite; default: host name and check
    #[arg(long, value_name = "PREFIX", value_parser = parse_scheme)]
    pub scheme: Option<String>,
    /// Exit with 0 whatever the state
    #[arg(long)]
    pub exit_ok: bool,
    /// Colour of the state word; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Whose states and labels to use; default: c for check_NAME, own for check-NAME
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Option<Dialect>,
    /// Read options from a section of an INI file, as the C plugins do
    // Replaced before clap sees it; it stands here for the help.
    #[arg(long, value_name = "[SECTION][@FILE]", num_args = 0..=1, default_missing_value = "")]
    pub extra_opts: Option<String>,
    /// Show this help
    #[arg(long, action = ArgAction::Help)]
    pub help: Option<bool>,
    /// Show the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    pub version: Option<bool>,
}

/// `--timeout`: how long, and what it means when it passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Timeout {
    pub after: Duration,
    pub state: Option<State>,
}

/// `--output-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// One line with perfdata, long text below it
    Nagios,
    /// One JSON object
    Json,
    /// Prometheus text exposition
    Prometheus,
    /// Graphite plaintext: path, value, time
    Graphite,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// Longest timeout, so that adding it to a point in time cannot overflow.
const LONGEST: Duration = Duration::from_hours(24);

fn parse_timeout(text: &str) -> Result<Timeout, String> {
    let (after, state) = match text.split_once(':') {
        Some((after, state)) => (after, Some(state.parse()?)),
        None => (text, None),
    };
    let after = units::duration(after)?;
    if after > LONGEST {
        return Err("more than a day".into());
    }
    Ok(Timeout { after, state })
}

// A blank in it would make another field of the line.
fn parse_scheme(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("a prefix is not empty and holds no blank".into());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Timeout, parse_scheme, parse_timeout};
    use crate::State;
    use std::time::Duration;

    #[test]
    fn a_scheme_stays_one_field() {
        assert_eq!(parse_scheme("dc1.web"), Ok("dc1.web".into()));
        for bad in ["", "a b", "a\nb", "\u{1b}"] {
            assert!(parse_scheme(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn timeouts_carry_units_and_states() {
        let timeout = |secs, state| Ok(Timeout { after: Duration::from_secs(secs), state });
        assert_eq!(parse_timeout("10"), timeout(10, None));
        assert_eq!(parse_timeout("2m"), timeout(120, None));
        assert_eq!(parse_timeout("5s:unknown"), timeout(5, Some(State::Unknown)));
        assert_eq!(parse_timeout("5:1"), timeout(5, Some(State::Warning)));
        for bad in ["", "0", "-1", "5:", "5:bad", "2d", "x"] {
            assert!(parse_timeout(bad).is_err(), "{bad:?}");
        }
    }
}

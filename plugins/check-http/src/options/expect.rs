//! Options that say what a good answer is.

use plugin::{Range, State, units};

use crate::expect::{Codes, Sizes};
use crate::json_path::JsonPath;

/// What a good answer is.
#[derive(Debug, Clone, clap::Args)]
#[command(about = None, long_about = None, next_help_heading = "Expectations")]
pub(crate) struct ExpectArgs {
    /// Texts, separated by commas, one of which has to be in the status line; with --json-path: the value
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub expect: Option<String>,
    /// Codes and ranges of codes that are good: 200,204,300-399
    #[arg(long, value_name = "LIST")]
    pub expect_status: Option<Codes>,
    /// Text that has to be in the headers, as they are sent
    #[arg(short = 'd', long, value_name = "TEXT", allow_hyphen_values = true)]
    pub header_string: Option<String>,
    /// Text that has to be in the body
    #[arg(short, long, visible_alias = "expect-body", value_name = "TEXT", allow_hyphen_values = true)]
    pub string: Option<String>,
    /// In --regex and --eregi, `.` matches newlines, and ^ and $ only the ends of the body
    #[arg(short, long)]
    pub linespan: bool,
    /// Regular expression that has to match in the body
    #[arg(short, long, visible_alias = "ereg", value_name = "REGEX", allow_hyphen_values = true, overrides_with = "eregi", value_parser = crate::expect::is_regex)]
    pub regex: Option<String>,
    /// The same whatever the case of letters
    #[arg(short = 'R', long, value_name = "REGEX", allow_hyphen_values = true, overrides_with = "regex", value_parser = crate::expect::is_regex)]
    pub eregi: Option<String>,
    /// --regex and --eregi must not match
    #[arg(long)]
    pub invert_regex: bool,
    /// State where --regex and --eregi do not hold
    #[arg(long, value_name = "STATE", default_value = "critical")]
    pub state_regex: MatchState,
    /// Regular expression that has to match a line of the headers, whatever the case of letters
    #[arg(long, value_name = "REGEX", allow_hyphen_values = true, value_parser = crate::expect::is_regex)]
    pub header_regex: Option<String>,
    /// --header-regex must not match
    #[arg(long, requires = "header_regex")]
    pub invert_header_regex: bool,
    /// Most age of the document by its Last-Modified header: seconds, 10m, 10h, 10d
    #[arg(short = 'M', long, value_name = "TIME", value_parser = age)]
    pub max_age: Option<f64>,
    /// Least and most bytes of the body; as check_NAME with the headers. Otherwise WARNING
    #[arg(short = 'm', long, value_name = "MIN[:MAX]")]
    pub pagesize: Option<Sizes>,
    /// SHA-256 of the body, hexadecimal
    #[arg(long, value_name = "HEX", value_parser = digest)]
    pub sha256: Option<String>,
    /// Look at this value of a JSON body: $.data[0]["name"]; an index below zero counts from the end
    #[arg(long, value_name = "PATH")]
    pub json_path: Option<JsonPath>,
    /// The value of --json-path has to be there, whatever it is
    #[arg(long, requires = "json_path")]
    pub exists: bool,
    /// WARNING when the response time is outside this range: seconds, or 250ms; with --json-path: the value
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    pub warning: Option<Range>,
    /// CRITICAL when the response time is outside this range; with --json-path: the value
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    pub critical: Option<Range>,
    /// WARNING when the response time is outside this range, also with --json-path
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    pub response_warning: Option<Range>,
    /// CRITICAL when the response time is outside this range, also with --json-path
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    pub response_critical: Option<Range>,
}

/// `--state-regex`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum MatchState {
    Critical,
    Warning,
}

impl From<MatchState> for State {
    fn from(state: MatchState) -> State {
        match state {
            MatchState::Critical => State::Critical,
            MatchState::Warning => State::Warning,
        }
    }
}

fn seconds(text: &str) -> Result<Range, String> {
    Range::parse_with(text, units::seconds)
}

fn age(text: &str) -> Result<f64, String> {
    units::seconds(text).and_then(|age| if age < 0.0 { Err("below zero".into()) } else { Ok(age) })
}

fn digest(text: &str) -> Result<String, String> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("64 hexadecimal digits".into());
    }
    Ok(text.to_ascii_lowercase())
}

//! What a good answer is, in types.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use plugin::{Dialect, Failure, Range, Reason, Result, State, Thresholds, units};
use regex_lite::{Regex, RegexBuilder};

use crate::json_path::JsonPath;
use crate::options::{Days, ExpectArgs};

/// Everything that an answer is held to.
#[derive(Debug, Clone)]
pub(crate) struct Expect {
    pub status: Status,
    pub header: Option<String>,
    pub text: Option<String>,
    pub regex: Option<Pattern>,
    pub header_regex: Option<Pattern>,
    /// Seconds.
    pub max_age: Option<f64>,
    pub sizes: Option<Sizes>,
    pub sha256: Option<String>,
    pub json: Option<Json>,
    pub time: Thresholds,
    pub days: Option<Days>,
}

/// Which status is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// As its class says.
    ByClass,
    /// One of these texts in the status line.
    Texts(Vec<String>),
    Codes(Codes),
}

/// `--expect-status`: codes and ranges of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Codes {
    text: String,
    ranges: Vec<RangeInclusive<u16>>,
}

impl Codes {
    pub fn contain(&self, status: u16) -> bool {
        self.ranges.iter().any(|range| range.contains(&status))
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Codes {
    type Err = String;

    fn from_str(text: &str) -> Result<Codes, String> {
        let code = |text: &str| match text.trim().parse() {
            Ok(code) if (100..=999).contains(&code) => Ok(code),
            _ => Err(format!("`{text}` is no code of three digits")),
        };
        let range = |item: &str| {
            let (first, last) = item.split_once('-').unwrap_or((item, item));
            let (first, last) = (code(first)?, code(last)?);
            if first > last { Err(format!("`{item}` ends before it begins")) } else { Ok(first..=last) }
        };
        Ok(Codes { text: text.to_owned(), ranges: text.split(',').map(range).collect::<Result<_, _>>()? })
    }
}

/// `--pagesize`: least and most bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sizes {
    pub range: Range,
}

impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Sizes, String> {
        let size = |text: &str| {
            let size = units::bytes(text)?;
            if size < 0.0 { Err(format!("`{text}` is below zero")) } else { Ok(size) }
        };
        let bounds = match text.split_once(':') {
            // One number is the least, not the most as in a range.
            None => format!("{text}:"),
            Some((_, "")) => return Err("nothing behind the colon".into()),
            // As in the C plugin 0 is no limit.
            Some((min, max)) if size(max)? == 0.0 => format!("{min}:"),
            Some(_) => text.to_owned(),
        };
        Ok(Sizes { range: Range::parse_with(&bounds, size)? })
    }
}

/// A regular expression that has to match, or must not.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub regex: Regex,
    pub inverted: bool,
    /// State where it does not hold; none for the dialect's.
    pub state: Option<State>,
}

impl Pattern {
    pub fn holds(&self, text: &str) -> bool {
        self.regex.is_match(text) != self.inverted
    }
}

/// What a value of a JSON body has to be.
#[derive(Debug, Clone)]
pub(crate) struct Json {
    pub path: JsonPath,
    pub wanted: Option<String>,
    pub limits: Option<Thresholds>,
}

/// For clap: a text that compiles, so that a bad one is a usage error which names its option.
pub(crate) fn is_regex(text: &str) -> Result<String, String> {
    compile(text, false, false).map(|_| text.to_owned())
}

// As POSIX with REG_NEWLINE, unless lines are to be spanned.
fn compile(text: &str, any_case: bool, linespan: bool) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(text);
    builder.case_insensitive(any_case).multi_line(!linespan).dot_matches_new_line(linespan);
    builder.build().map_err(|error| error.to_string())
}

impl Expect {
    /// Errors with [`Reason::Usage`] for options that contradict each other.
    pub fn new(args: &ExpectArgs, days: Option<Days>, dialect: Dialect) -> Result<Expect> {
        let usage = |message: String| Failure::new(Reason::Usage, message);
        let body_regex =
            args.eregi.as_ref().map(|text| (text, true)).or(args.regex.as_ref().map(|text| (text, false)));
        // The C plugin takes an empty one for none.
        let body_regex = body_regex.filter(|(text, _)| dialect == Dialect::Own || !text.is_empty());
        let regex = match body_regex {
            Some((text, any_case)) => Some(Pattern {
                regex: compile(text, any_case, args.linespan).map_err(usage)?,
                inverted: args.invert_regex,
                state: Some(args.state_regex.into()),
            }),
            None => None,
        };
        let header_regex = match &args.header_regex {
            Some(text) => Some(Pattern {
                regex: compile(text, true, false).map_err(usage)?,
                inverted: args.invert_header_regex,
                state: None,
            }),
            None => None,
        };
        let limits = Thresholds::new(args.warning.clone(), args.critical.clone());
        let of_value = args.json_path.is_some();
        let json = args.json_path.clone().map(|path| Json {
            path,
            wanted: args.expect.clone(),
            limits: (limits != Thresholds::default()).then(|| limits.clone()),
        });
        let status = match (&args.expect_status, &args.expect) {
            (Some(_), Some(_)) if !of_value => {
                return Err(usage("--expect and --expect-status are two ways to say the same".into()));
            }
            (Some(codes), _) => Status::Codes(codes.clone()),
            (None, Some(texts)) if !of_value => {
                let texts: Vec<String> =
                    texts.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect();
                if texts.is_empty() {
                    return Err(usage("--expect names no text".into()));
                }
                Status::Texts(texts)
            }
            _ => Status::ByClass,
        };
        let of_time =
            |response: &Option<Range>, plain: Option<Range>| response.clone().or(plain.filter(|_| !of_value));
        Ok(Expect {
            status,
            header: args.header_string.clone().filter(|text| !text.is_empty()),
            text: args.string.clone().filter(|text| !text.is_empty()),
            regex,
            header_regex,
            max_age: args.max_age,
            sizes: args.pagesize.clone(),
            sha256: args.sha256.clone(),
            json,
            time: Thresholds::new(
                of_time(&args.response_warning, limits.warning.clone()),
                of_time(&args.response_critical, limits.critical.clone()),
            ),
            days,
        })
    }

    /// Whether anything can only be said of a whole body.
    pub fn needs_body(&self) -> bool {
        self.text.is_some() || self.regex.is_some() || self.sha256.is_some() || self.json.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{Codes, Sizes, compile};

    #[test]
    fn lists_of_codes() {
        let codes: Codes = "200, 204,300-399".parse().expect("codes");
        assert!([200, 204, 300, 399].iter().all(|code| codes.contain(*code)));
        assert!(![199, 201, 400].iter().any(|code| codes.contain(*code)));
        for bad in ["", "2", "2xx", "200,", "300-200", "99", "1000"] {
            assert!(bad.parse::<Codes>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_have_a_least_and_a_most() {
        let alerts = |text: &str, size: f64| text.parse::<Sizes>().map(|sizes| sizes.range.alerts(size));
        assert_eq!((alerts("10", 9.0), alerts("10", 1e9)), (Ok(true), Ok(false)));
        assert_eq!((alerts("10:1K", 1025.0), alerts("10:1K", 1024.0)), (Ok(true), Ok(false)));
        assert_eq!((alerts(":5", 6.0), alerts("5:0", 1e9)), (Ok(true), Ok(false)));
        for bad in ["", ":", "5:", "x", "9:5", "-1", "1:-1"] {
            assert!(bad.parse::<Sizes>().is_err(), "{bad}");
        }
    }

    #[test]
    fn lines_and_spans() {
        let matches =
            |regex, linespan| compile(regex, false, linespan).expect("a regex").is_match("one\ntwo\n");
        assert!(matches("^two$", false) && !matches("one.two", false));
        assert!(matches("one.two", true) && !matches("^two$", true));
        assert!(compile("ONE", true, false).is_ok_and(|regex| regex.is_match("one")));
        assert!(compile("[[:alpha:]]+", false, false).is_ok_and(|regex| regex.is_match("one")));
    }
}

//! The options whose order matters, as steps; and the values that options take.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};
use plugin::{Range, Result};
use regex_lite::{Regex, RegexBuilder};

/// A range of free space that alerts: in units of `--units`, or in percent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limit {
    pub range: Range,
    pub percent: bool,
}

impl Limit {
    /// Reads `100`, `10%`, `5:10%`, `@5:10%`. The range always alerts inside, so that `10%` is "10 % free or less".
    fn parse(text: &str) -> Result<Limit, String> {
        Ok(Limit { range: inside(text)?, percent: text.contains('%') })
    }
}

// A percent sign stands behind one number or both; the namesake does not look where.
fn inside(text: &str) -> Result<Range, String> {
    let body = text.trim();
    let body = body.strip_prefix('@').unwrap_or(body);
    let number = |text: &str| {
        let number = text.strip_suffix('%').unwrap_or(text);
        number.parse::<f64>().map_err(|_| format!("`{text}` is no number; its unit is that of --units, or %"))
    };
    Range::parse_with(&format!("@{body}"), number)
}

/// What an option does at its place in the command line.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Warning(Limit),
    Critical(Limit),
    InodeWarning(Range),
    InodeCritical(Range),
    Path(OsString),
    Exact,
    Clear,
    Group(String),
    Select(Regex),
    Ignore(Regex),
}

/// The steps in the order of the command line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steps(pub Vec<Step>);

impl clap::Args for Steps {
    fn augment_args(command: Command) -> Command {
        let free = |id, short, help| value(id, short, "FREE", help).value_parser(Limit::parse);
        let percent = |id, short, help| value(id, short, "PERCENT", help).value_parser(inside);
        let regex = |id, short, help| value(id, short, "REGEX", help).value_parser(Regex::new);
        let in_any_case = |id, short, help| value(id, short, "REGEX", help).value_parser(any_case);
        // In an order in which one of each makes sense: agents keep to it.
        command.args([
            free("warning", 'w', "WARNING when no more than so much space is free: units or 10%"),
            free("critical", 'c', "CRITICAL when no more than so much space is free: units or 5%"),
            percent("iwarning", 'W', "WARNING when no more than so many percent of inodes are free"),
            percent("icritical", 'K', "CRITICAL when no more than so many percent of inodes are free"),
            value("group", 'g', "NAME", "Sum up the file systems that are chosen after this, under one name"),
            flag("exact-match", 'E', "Take only mount points and devices for the paths that follow"),
            value("path", 'p', "PATH", "Check what holds this path or device, with the thresholds before it")
                .visible_alias("partition")
                .value_parser(clap::value_parser!(OsString)),
            flag("all", 'A', "Choose all file systems: --eregi-path '.*'"),
            in_any_case("eregi-path", 'R', "Choose those whose mount point or device matches, in any case")
                .visible_alias("eregi-partition"),
            regex("ereg-path", 'r', "Choose those whose mount point or device matches")
                .visible_alias("ereg-partition"),
            in_any_case("ignore-eregi-path", 'I', "Drop those chosen so far that match, in any case")
                .visible_alias("ignore-eregi-partition"),
            regex("ignore-ereg-path", 'i', "Drop those chosen so far that match")
                .visible_alias("ignore-ereg-partition"),
            flag(
                "clear",
                'C',
                "Forget thresholds and group; all file systems get them if none was chosen yet",
            ),
        ])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn value(id: &'static str, short: char, name: &'static str, help: &'static str) -> Arg {
    Arg::new(id)
        .long(id)
        .short(short)
        .value_name(name)
        .help(help)
        .action(ArgAction::Append)
        .allow_hyphen_values(true)
}

// `Append` remembers each place; the value only makes a flag one.
fn flag(id: &'static str, short: char, help: &'static str) -> Arg {
    Arg::new(id)
        .long(id)
        .short(short)
        .help(help)
        .action(ArgAction::Append)
        .num_args(0)
        .default_missing_value("true")
        .value_parser(clap::value_parser!(bool))
}

impl clap::FromArgMatches for Steps {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut steps = Vec::new();
        place(&mut steps, matches, "warning", Step::Warning);
        place(&mut steps, matches, "critical", Step::Critical);
        place(&mut steps, matches, "iwarning", Step::InodeWarning);
        place(&mut steps, matches, "icritical", Step::InodeCritical);
        place(&mut steps, matches, "path", Step::Path);
        place(&mut steps, matches, "exact-match", |_: bool| Step::Exact);
        place(&mut steps, matches, "clear", |_: bool| Step::Clear);
        place(&mut steps, matches, "group", Step::Group);
        if matches.contains_id("all") {
            let all =
                Regex::new("").map_err(|error| clap::Error::raw(clap::error::ErrorKind::Format, error))?;
            place(&mut steps, matches, "all", |_: bool| Step::Select(all.clone()));
        }
        place(&mut steps, matches, "eregi-path", Step::Select);
        place(&mut steps, matches, "ereg-path", Step::Select);
        place(&mut steps, matches, "ignore-eregi-path", Step::Ignore);
        place(&mut steps, matches, "ignore-ereg-path", Step::Ignore);
        steps.sort_by_key(|(index, _)| *index);
        Ok(Steps(steps.into_iter().map(|(_, step)| step).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn place<T: Clone + Send + Sync + 'static>(
    steps: &mut Vec<(usize, Step)>,
    matches: &ArgMatches,
    id: &str,
    step: impl Fn(T) -> Step,
) {
    let (Some(indices), Some(values)) = (matches.indices_of(id), matches.get_many::<T>(id)) else { return };
    steps.extend(indices.zip(values.cloned().map(step)));
}

fn any_case(text: &str) -> Result<Regex, regex_lite::Error> {
    RegexBuilder::new(text).case_insensitive(true).build()
}

/// A unit of size: all count in 1024s, whatever their name, as the namesake has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SizeUnit {
    pub name: &'static str,
    pub bytes: u64,
}

impl SizeUnit {
    pub const KIB: SizeUnit = SizeUnit { name: "KiB", bytes: 1 << 10 };
    pub const MIB: SizeUnit = SizeUnit { name: "MiB", bytes: 1 << 20 };

    /// Reads a value of `--units`.
    pub fn parse(text: &str) -> Result<SizeUnit, String> {
        match text {
            "kB" | "KiB" => Ok(SizeUnit::KIB),
            "MB" | "MiB" => Ok(SizeUnit::MIB),
            "GB" | "GiB" => Ok(SizeUnit { name: "GiB", bytes: 1 << 30 }),
            "TB" | "TiB" => Ok(SizeUnit { name: "TiB", bytes: 1 << 40 }),
            "PB" | "PiB" => Ok(SizeUnit { name: "PiB", bytes: 1 << 50 }),
            bytes if bytes.eq_ignore_ascii_case("bytes") => Ok(SizeUnit { name: "B", bytes: 1 }),
            _ => Err("no such unit; one of bytes, kB, MB, GB, TB, PB, KiB, MiB, GiB, TiB, PiB".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, SizeUnit, Step, Steps};
    use clap::Parser;

    #[derive(Debug, Parser)]
    #[command(args_override_self = true, infer_long_args = true)]
    struct Line {
        #[command(flatten)]
        steps: Steps,
    }

    fn read(args: &[&str]) -> Result<String, String> {
        let line =
            Line::try_parse_from([&["check-disk"], args].concat()).map_err(|error| error.to_string())?;
        let word = |step: &Step| match step {
            Step::Warning(limit) => format!("w{}{}", limit.range, if limit.percent { "%" } else { "" }),
            Step::Critical(limit) => format!("c{}{}", limit.range, if limit.percent { "%" } else { "" }),
            Step::InodeWarning(range) => format!("W{range}"),
            Step::InodeCritical(range) => format!("K{range}"),
            Step::Path(path) => format!("p{}", path.display()),
            Step::Exact => "E".into(),
            Step::Clear => "C".into(),
            Step::Group(name) => format!("g{name}"),
            Step::Select(regex) => format!("r{regex}"),
            Step::Ignore(regex) => format!("i{regex}"),
        };
        Ok(line.steps.0.iter().map(word).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn steps_keep_their_order() {
        assert_eq!(
            read(&[
                "-w", "10%", "-c5%", "-p", "/tmp", "-p", "/var", "-C", "-w", "100000", "-EAp/", "-i", "x"
            ]),
            Ok("w@10% c@5% p/tmp p/var C w@100000 E r p/ ix".into())
        );
        assert_eq!(
            read(&[
                "--clear",
                "--icrit=5%",
                "--partition",
                "/a",
                "-Cg",
                "data",
                "-R",
                "^/o",
                "-C",
                "-W",
                "9"
            ]),
            Ok("C K@5 p/a C gdata r^/o C W@9".into())
        );
        assert_eq!(read(&[]), Ok(String::new()));
    }

    #[test]
    fn limits_alert_inside() {
        let limit = |text| Limit::parse(text).map(|limit| (limit.range.to_string(), limit.percent));
        assert_eq!(limit("100"), Ok(("@100".into(), false)));
        assert_eq!(limit("10.5%"), Ok(("@10.5".into(), true)));
        assert_eq!(limit("@5:10%"), Ok(("@5:10".into(), true)));
        assert_eq!(limit("~:10%"), Ok(("@~:10".into(), true)));
        assert_eq!(limit("200:"), Ok(("@200:".into(), false)));
        for bad in ["", "abc", "10G", "10%,5", "20%:10%", "-5", "%", "10%%", ":", "@"] {
            assert!(limit(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_bad_value_names_its_option() {
        let error = read(&["-w", "10G", "-p", "/"]).expect_err("refused");
        let first = error.lines().next().unwrap_or_default();
        assert_eq!(
            first,
            "error: invalid value '10G' for '--warning <FREE>': `10G` is no number; its unit is that of --units, or %"
        );
        assert!(read(&["-r", "["]).expect_err("refused").contains("'--ereg-path <REGEX>'"));
    }

    #[test]
    fn units_count_in_1024s() {
        let unit = |text| SizeUnit::parse(text).map(|unit| (unit.name, unit.bytes));
        assert_eq!(unit("Bytes"), Ok(("B", 1)));
        assert_eq!(unit("GB"), Ok(("GiB", 1 << 30)));
        assert_eq!(unit("PiB"), Ok(("PiB", 1 << 50)));
        assert!(unit("mb").is_err());
    }
}

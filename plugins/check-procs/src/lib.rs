//! Checks processes: how many there are, or how large, busy or old each one is.

mod filter;
mod scan;

use clap::ValueEnum;
use host::RootArgs;
use plugin::units::{short, show_bytes, show_seconds};
use plugin::{
    Call, Check, Dialect, Failure, Metric, Outcome, Range, Reason, Result, State, Thresholds, Unit,
};

use filter::{Filter, Flags, Kib, Pattern};
use scan::{Found, Scan};

/// Checks the number of processes, or the size, CPU use or age of each
#[derive(Debug, clap::Parser)]
#[command(name = "check-procs")]
pub struct CheckProcs {
    /// WARNING when the metric is outside this range
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    warning: Option<Range>,
    /// CRITICAL when the metric is outside this range
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    critical: Option<Range>,
    /// What the ranges judge: the number of processes; or of each process its size in KiB, CPU in percent, age in seconds
    #[arg(short, long, value_name = "METRIC", default_value = "PROCS", ignore_case = true)]
    metric: Subject,
    /// Of the processes that run this program leave out this one only, not all
    #[arg(short = 'T', long = "traditional", alias = "traditional-filter")]
    traditional: bool,
    /// Only processes in one of these states (RSDZTtIX), with all of these flags of ps (<NLsl+)
    #[arg(short, long, alias = "status", value_name = "FLAGS")]
    state: Option<Flags>,
    /// Only children of this process
    #[arg(short, long, value_name = "PID")]
    ppid: Option<u32>,
    /// Only processes with at least so much virtual memory: KiB, or with a unit (2G)
    #[arg(short = 'z', long, value_name = "SIZE", allow_hyphen_values = true)]
    vsz: Option<Kib>,
    /// Only processes with at least so much resident memory: KiB, or with a unit (2G)
    #[arg(short, long, value_name = "SIZE", allow_hyphen_values = true)]
    rss: Option<Kib>,
    /// Only processes that used at least so much of one CPU since they started
    #[arg(short = 'P', long, value_name = "PERCENT", allow_hyphen_values = true, value_parser = finite)]
    pcpu: Option<f64>,
    /// Only processes of this user: a name in /etc/passwd, or a number
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Only processes whose arguments, joined with blanks, contain this text
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    argument_array: Option<String>,
    /// Only processes whose arguments, joined with blanks, match this regular expression
    #[arg(long, value_name = "REGEX", allow_hyphen_values = true)]
    ereg_argument_array: Option<Pattern>,
    /// Only processes with exactly this name, without a path
    #[arg(short = 'C', long, value_name = "NAME", allow_hyphen_values = true)]
    command: Option<String>,
    /// Without processes of these names
    #[arg(short = 'X', long, value_name = "NAME,…", value_delimiter = ',')]
    exclude_process: Vec<String>,
    /// Without threads of the kernel
    #[arg(short = 'k', long)]
    no_kthreads: bool,
    /// Old spelling in the C dialect: warning, critical, state
    #[arg(hide = true, num_args = 0..=3)]
    old: Vec<String>,
    #[command(flatten)]
    root: RootArgs,
}

/// `--metric`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    #[value(name = "PROCS")]
    Procs,
    #[value(name = "VSZ")]
    Vsz,
    #[value(name = "RSS")]
    Rss,
    #[value(name = "CPU")]
    Cpu,
    #[value(name = "ELAPSED")]
    Elapsed,
}

impl Check for CheckProcs {
    const NAMESAKES: &'static [&'static str] = &["check_procs"];
    const SAMPLE: &'static [&'static str] = &["-c", "1:"];

    fn run(&self, call: &Call) -> Result<Outcome> {
        let root = &self.root.root;
        let (thresholds, flags) = self.old_spelling(call.dialect)?;
        host::step(&call.deadline, "list the processes")?;
        let filter = Filter::new(self, flags, call.dialect, root)?;
        let scan = Scan {
            root,
            deadline: &call.deadline,
            filter: &filter,
            subject: self.metric,
            traditional: self.traditional,
            verbose: call.verbosity > 0,
        };
        let found = scan.run(&call.name, call.dialect)?;
        Ok(self.judge(&found, &filter, &thresholds, call.dialect))
    }
}

impl CheckProcs {
    // The C plugin fills what is missing with the arguments that have no option: warning, critical, state.
    fn old_spelling(&self, dialect: Dialect) -> Result<(Thresholds, Option<Flags>)> {
        let usage = |what: String| Failure::new(Reason::Usage, what);
        let mut old = self.old.iter();
        if let (Dialect::Own, Some(first)) = (dialect, old.as_slice().first()) {
            return Err(usage(format!("unexpected argument `{first}`")));
        }
        let mut range = |given: &Option<Range>| match given {
            Some(range) => Ok(Some(range.clone())),
            None => old
                .next()
                .map(|text| text.parse().map_err(|why| usage(format!("`{text}`: {why}"))))
                .transpose(),
        };
        let thresholds = Thresholds::new(range(&self.warning)?, range(&self.critical)?);
        let flags = match &self.state {
            Some(flags) => Some(flags.clone()),
            None => old.next().map(|text| text.parse().map_err(usage)).transpose()?,
        };
        match old.next() {
            Some(text) => Err(usage(format!("unexpected argument `{text}`"))),
            None => Ok((thresholds, flags)),
        }
    }

    fn judge(&self, found: &Found, filter: &Filter, thresholds: &Thresholds, dialect: Dialect) -> Outcome {
        let plural = if found.count == 1 { "" } else { "es" };
        let text = format!("{} process{plural}{filter}", found.count);
        let procs = Metric::new("procs", found.count as f64).min(0.0);
        let mut outcome = Outcome::new().fact("processes", found.count).fact("pids", found.pids.clone());
        outcome = if self.metric == Subject::Procs {
            outcome.measured(procs.thresholds(thresholds), text)
        } else {
            self.judge_each(outcome.metric(procs), found, &text, thresholds, dialect)
        };
        if let (Dialect::Own, Some(hidden)) = (dialect, &found.hidden) {
            outcome = outcome.problem(dialect.state(Reason::Permission), Reason::Permission, hidden);
        }
        found.details().fold(outcome, Outcome::detail)
    }

    fn judge_each(
        &self,
        mut outcome: Outcome,
        found: &Found,
        text: &str,
        thresholds: &Thresholds,
        dialect: Dialect,
    ) -> Outcome {
        let subject = self.metric;
        let mut matches: Vec<_> = found.matches.iter().collect();
        matches.sort_by(|one, other| other.value.total_cmp(&one.value));
        let states: Vec<State> = matches.iter().map(|process| thresholds.state(process.value)).collect();
        for label in ["procs_warn", "procs_crit"] {
            let wanted = if label == "procs_warn" { State::Warning } else { State::Critical };
            let count = states.iter().filter(|state| **state == wanted).count();
            outcome = outcome.metric(Metric::new(label, count as f64).min(0.0));
        }
        let Some(greatest) = matches.first() else {
            return outcome.finding(State::Ok, text);
        };
        let (name, unit, factor) = subject.metric();
        if dialect == Dialect::Own {
            let metric = Metric::new(format!("{name}_max"), greatest.value * factor);
            outcome = outcome.metric(metric.unit(unit).min(0.0));
        }
        let summary = format!("{text}, {} {} at most", subject.word(), subject.show(greatest.value));
        outcome = outcome.summary(summary.clone());
        let mut all_in_order = true;
        for (process, state) in matches.iter().zip(states) {
            let Some(range) = thresholds.violated(process.value) else { continue };
            all_in_order = false;
            let verb = if range.is_inside() { "inside" } else { "outside" };
            let process = format!(
                "{} ({}) {} {}, {verb} {range}{}",
                process.process.name,
                process.process.pid,
                subject.word(),
                subject.show(process.value),
                subject.range_unit()
            );
            outcome = outcome.problem(state, Reason::Threshold, process);
        }
        if all_in_order { outcome.finding(State::Ok, summary) } else { outcome }
    }
}

impl Subject {
    // Label, unit and factor to it from the unit of the ranges.
    fn metric(self) -> (&'static str, Unit, f64) {
        match self {
            Subject::Procs => ("procs", Unit::None, 1.0),
            Subject::Vsz => ("vsz", Unit::Bytes, 1024.0),
            Subject::Rss => ("rss", Unit::Bytes, 1024.0),
            Subject::Cpu => ("cpu", Unit::Percent, 1.0),
            Subject::Elapsed => ("elapsed", Unit::Seconds, 1.0),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Subject::Procs => "number",
            Subject::Vsz => "VSZ",
            Subject::Rss => "RSS",
            Subject::Cpu => "CPU",
            Subject::Elapsed => "age",
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Subject::Procs => short(value),
            Subject::Vsz | Subject::Rss => show_bytes(value * 1024.0),
            Subject::Cpu => format!("{} %", short(value)),
            Subject::Elapsed => show_seconds(value),
        }
    }

    fn range_unit(self) -> &'static str {
        match self {
            Subject::Procs => "",
            Subject::Vsz | Subject::Rss => " KiB",
            Subject::Cpu => " %",
            Subject::Elapsed => " s",
        }
    }
}

fn finite(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("`{text}` is no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::CheckProcs;
    use crate::filter::Filter;
    use crate::scan::{Found, Match};
    use clap::Parser as _;
    use host::Root;
    use host::processes::Process;
    use plugin::{Dialect, Outcome, Reason, State};

    fn options(args: &[&str]) -> Result<CheckProcs, String> {
        CheckProcs::try_parse_from([&["check-procs"], args].concat()).map_err(|error| error.to_string())
    }

    fn judge(args: &[&str], found: &Found, dialect: Dialect) -> Outcome {
        let options = options(args).expect("readable");
        let (thresholds, flags) = options.old_spelling(dialect).expect("readable");
        let filter = Filter::new(&options, flags, dialect, &Root::default()).expect("a filter");
        options.judge(found, &filter, &thresholds, dialect)
    }

    fn shown(outcome: &Outcome, dialect: Dialect) -> (State, Vec<String>, String) {
        let texts = outcome.findings().iter().map(|finding| finding.text.clone()).collect();
        let perfdata: Vec<String> = outcome.metrics().iter().map(|metric| metric.perfdata(dialect)).collect();
        (outcome.state(), texts, perfdata.join(" "))
    }

    fn count(count: usize) -> Found {
        Found { count, ..Found::default() }
    }

    // This process under several names, with values of its own.
    fn each(values: &[(&str, f64)]) -> Found {
        let root = Root::default();
        let process = Process::read(&root, std::process::id()).expect("readable").expect("alive");
        let found = |(name, value): &(&str, f64)| {
            let mut process = process.clone();
            (process.pid, process.name) = (7, (*name).to_owned());
            Match { process, value: *value }
        };
        Found { count: values.len(), matches: values.iter().map(found).collect(), ..Found::default() }
    }

    #[test]
    fn a_count_is_judged() {
        let outcome = judge(&["-w", "200", "-c", "1:500"], &count(143), Dialect::Own);
        assert_eq!(
            shown(&outcome, Dialect::Own),
            (State::Ok, vec!["143 processes".into()], "procs=143;200;1:500;0".into())
        );
        let outcome = judge(&["-C", "sshd", "-u", "root", "-c", "1:"], &count(0), Dialect::Own);
        assert_eq!(
            shown(&outcome, Dialect::Own),
            (
                State::Critical,
                vec!["0 processes named sshd of root, outside 1:".into()],
                "procs=0;;1:;0".into()
            )
        );
        let outcome = judge(&["-s", "Z", "-w", "@1:5"], &count(1), Dialect::Own);
        assert_eq!(outcome.findings()[0].text, "1 process in state Z, inside @1:5");
    }

    #[test]
    fn each_process_is_judged() {
        let found = each(&[("java", 5000.0), ("python3", 250_000.0), ("cron", 100.0)]);
        let outcome = judge(&["-m", "RSS", "-w", "4000", "-c", "100000"], &found, Dialect::Own);
        let texts = [
            "python3 (7) RSS 244 MiB, outside 100000 KiB".to_owned(),
            "java (7) RSS 4.88 MiB, outside 4000 KiB".to_owned(),
        ];
        let perfdata = "procs=3;;;0 procs_warn=1;;;0 procs_crit=1;;;0 rss_max=256000000B;;;0";
        assert_eq!(shown(&outcome, Dialect::Own), (State::Critical, texts.to_vec(), perfdata.into()));

        let outcome = judge(&["-m", "RSS"], &found, Dialect::C);
        let text = "3 processes, RSS 244 MiB at most".to_owned();
        let perfdata = "procs=3;;;0 procs_warn=0;;;0 procs_crit=0;;;0";
        assert_eq!(shown(&outcome, Dialect::C), (State::Ok, vec![text], perfdata.into()));
    }

    #[test]
    fn nobody_to_judge_is_in_order() {
        let outcome = judge(&["-m", "cpu", "-c", "50", "-C", "java"], &each(&[]), Dialect::Own);
        let perfdata = "procs=0;;;0 procs_warn=0;;;0 procs_crit=0;;;0";
        assert_eq!(
            shown(&outcome, Dialect::Own),
            (State::Ok, vec!["0 processes named java".into()], perfdata.into())
        );
    }

    #[test]
    fn what_is_hidden_makes_our_own_dialect_unknown() {
        let found = Found { hidden: Some("others may not be seen".into()), ..count(3) };
        let outcome = judge(&[], &found, Dialect::Own);
        assert_eq!(
            (outcome.state(), outcome.findings()[1].reason),
            (State::Unknown, Some(Reason::Permission))
        );
        assert_eq!(judge(&["-c", "5:"], &found, Dialect::Own).state(), State::Critical);
        assert_eq!(judge(&[], &found, Dialect::C).state(), State::Ok);
    }

    #[test]
    fn old_spellings_belong_to_the_c_dialect() {
        let read = |args: &[&str], dialect| options(args).expect("readable").old_spelling(dialect);
        let (thresholds, flags) = read(&["5", "1:10", "Z"], Dialect::C).expect("readable");
        let shown = |range: Option<plugin::Range>| range.map(|range| range.to_string());
        assert_eq!(
            (shown(thresholds.warning), shown(thresholds.critical)),
            (Some("5".into()), Some("1:10".into()))
        );
        assert_eq!(flags, "Z".parse().ok());
        let (thresholds, _) = read(&["-w", "5", "10"], Dialect::C).expect("readable");
        assert_eq!(shown(thresholds.critical).as_deref(), Some("10"));
        let failed = |args: &[&str], dialect| read(args, dialect).map_err(|failure| failure.reason).err();
        assert_eq!(failed(&["x"], Dialect::C), Some(Reason::Usage));
        assert_eq!(failed(&["-w", "1", "-c", "2", "Z", "-s", "Z"], Dialect::C), Some(Reason::Usage));
        assert_eq!(failed(&["5"], Dialect::Own), Some(Reason::Usage));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for bad in [
            &["-w", "abc"][..],
            &["-m", "SIZE"],
            &["-s", "Q"],
            &["-s", ""],
            &["-p", "x"],
            &["-p", "-1"],
            &["-z", "x"],
            &["-P", "1x"],
            &["-P", "nan"],
            &["--ereg-argument-array", "("],
            &["1", "2", "Z", "4"],
        ] {
            assert!(options(bad).is_err(), "{bad:?}");
        }
    }
}

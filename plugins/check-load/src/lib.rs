//! Checks the load averages: how many tasks ran, or waited to run, over 1, 5 and 15 minutes.

use std::str::FromStr;

use host::RootArgs;
use plugin::{Call, Check, Dialect, Failure, Metric, Outcome, Range, Reason, Result, Thresholds};

/// Checks the load averages over 1, 5 and 15 minutes
#[derive(Debug, clap::Parser)]
#[command(name = "check-load")]
pub struct CheckLoad {
    /// WARNING when an average is outside its range; the last range given stands for the rest
    #[arg(short, long, value_name = "LOAD1[,LOAD5[,LOAD15]]", allow_hyphen_values = true)]
    warning: Option<Ranges>,
    /// CRITICAL when an average is outside its range; the last range given stands for the rest
    #[arg(short, long, value_name = "LOAD1[,LOAD5[,LOAD15]]", allow_hyphen_values = true)]
    critical: Option<Ranges>,
    /// Judge the load of one CPU: divide the averages by the number of CPUs that are online
    #[arg(short = 'r', long)]
    percpu: bool,
    /// Show so many processes below the first line, those that use most CPU first
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 0)]
    procs_to_show: usize,
    #[command(flatten)]
    root: RootArgs,
}

const MINUTES: [u32; 3] = [1, 5, 15];

/// One range for each average.
#[derive(Debug, Clone)]
struct Ranges([Range; 3]);

impl FromStr for Ranges {
    type Err = String;

    fn from_str(text: &str) -> Result<Ranges, String> {
        let given: Vec<Range> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
        match given.as_slice() {
            [all] => Ok(Ranges([all, all, all].map(Range::clone))),
            [one, rest] => Ok(Ranges([one, rest, rest].map(Range::clone))),
            [one, five, fifteen] => Ok(Ranges([one, five, fifteen].map(Range::clone))),
            _ => Err("more than three ranges".into()),
        }
    }
}

impl Check for CheckLoad {
    const NAMESAKES: &'static [&'static str] = &["check_load"];
    const SAMPLE: &'static [&'static str] = &["-w", "9000", "-c", "9999"];

    fn run(&self, call: &Call) -> Result<Outcome> {
        let limits = self.limits(call.dialect)?;
        let root = &self.root.root;
        host::step(&call.deadline, "read the load averages")?;
        let outcome = self.judge(&limits, host::load::averages(root)?, host::load::online_cpus(root)?);
        if self.procs_to_show == 0 {
            return Ok(outcome);
        }
        let busiest = host::processes::busiest(root, &call.deadline, self.procs_to_show)?;
        Ok(busiest.iter().fold(outcome, |outcome, (percent, process)| {
            outcome.line(format!("{percent:.1} % CPU: {} ({})", process.name, process.pid))
        }))
    }
}

impl CheckLoad {
    fn limits(&self, dialect: Dialect) -> Result<[Thresholds; 3]> {
        let (mut warning, mut critical) = (self.warning.clone(), self.critical.clone());
        if dialect == Dialect::C {
            // The C plugin takes the one that is missing for 0.
            if warning.is_none() && critical.is_none() {
                return Err(Failure::new(Reason::Usage, "neither -w nor -c is given"));
            }
            let zero = || Ranges(MINUTES.map(|_| Range::up_to(0.0)));
            warning.get_or_insert_with(zero);
            critical.get_or_insert_with(zero);
        }
        let limits = [0, 1, 2].map(|index| {
            let range_of = |ranges: &Option<Ranges>| ranges.as_ref().map(|ranges| ranges.0[index].clone());
            Thresholds::new(range_of(&warning), range_of(&critical))
        });
        for (minutes, limits) in MINUTES.iter().zip(&limits) {
            if let Thresholds { warning: Some(warning), critical: Some(critical) } = limits
                && !warning.is_inside()
                && warning.end() > critical.end()
            {
                let what = format!("-w {warning} of the {minutes}-minute load is above -c {critical}");
                return Err(Failure::new(Reason::Usage, what));
            }
        }
        Ok(limits)
    }

    fn judge(&self, limits: &[Thresholds; 3], load: [f64; 3], cpus: u32) -> Outcome {
        let (per, share) = if self.percpu { (" per CPU", f64::from(cpus)) } else { ("", 1.0) };
        let on = format!("{per} on {cpus} CPU{}", if cpus == 1 { "" } else { "s" });
        let [one, five, fifteen] = load.map(|load| load / share);
        let mut outcome =
            Outcome::new().summary(format!("load {one:.2}, {five:.2}, {fifteen:.2}{on}")).fact("cpus", cpus);
        for ((minutes, load), limits) in MINUTES.into_iter().zip(load).zip(limits) {
            let mut judged = Metric::new(format!("load{minutes}"), load).min(0.0);
            if self.percpu {
                outcome = outcome.metric(judged);
                judged = Metric::new(format!("scaled_load{minutes}"), load / share).min(0.0);
            }
            let text = format!("{minutes}-minute load {:.2}{on}", judged.value());
            outcome = outcome.measured(judged.thresholds(limits), text);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::CheckLoad;
    use clap::Parser as _;
    use plugin::{Dialect, Reason, State};

    fn check(args: &[&str]) -> Result<CheckLoad, String> {
        CheckLoad::try_parse_from([&["check-load"], args].concat()).map_err(|error| error.to_string())
    }

    // State, texts of the findings that are not OK, and perfdata, of a load of 3, 2, 1 on 2 CPUs.
    fn judge(args: &[&str]) -> (State, Vec<String>, String) {
        let check = check(args).expect("readable");
        let limits = check.limits(Dialect::Own).expect("consistent");
        let outcome = check.judge(&limits, [3.0, 2.0, 1.0], 2);
        let bad = outcome.findings().iter().filter(|finding| finding.state != State::Ok);
        let texts = bad.map(|finding| finding.text.clone()).collect();
        let perfdata: Vec<String> =
            outcome.metrics().iter().map(|metric| metric.perfdata(Dialect::C)).collect();
        (outcome.state(), texts, perfdata.join(" "))
    }

    #[test]
    fn each_average_has_its_range() {
        let (state, texts, perfdata) = judge(&["-w", "2,2,2", "-c", "4,3,2"]);
        assert_eq!((state, texts), (State::Warning, vec!["1-minute load 3.00 on 2 CPUs, outside 2".into()]));
        assert_eq!(perfdata, "load1=3;2;4;0 load5=2;2;3;0 load15=1;2;2;0");
    }

    #[test]
    fn the_last_range_stands_for_the_rest() {
        let (state, texts, perfdata) = judge(&["-w", "1", "-c", "5,1.5"]);
        assert_eq!(state, State::Critical);
        assert_eq!(
            texts,
            ["1-minute load 3.00 on 2 CPUs, outside 1", "5-minute load 2.00 on 2 CPUs, outside 1.5"]
        );
        assert_eq!(perfdata, "load1=3;1;5;0 load5=2;1;1.5;0 load15=1;1;1.5;0");
    }

    #[test]
    fn per_cpu_the_scaled_load_is_judged() {
        let (state, texts, perfdata) = judge(&["-r", "-w", "1", "-c", "2"]);
        assert_eq!(
            (state, texts),
            (State::Warning, vec!["1-minute load 1.50 per CPU on 2 CPUs, outside 1".into()])
        );
        assert_eq!(
            perfdata,
            "load1=3;;;0 scaled_load1=1.5;1;2;0 load5=2;;;0 scaled_load5=1;1;2;0 load15=1;;;0 scaled_load15=0.5;1;2;0"
        );
    }

    #[test]
    fn without_thresholds_it_reports() {
        assert_eq!(judge(&[]), (State::Ok, vec![], "load1=3;;;0 load5=2;;;0 load15=1;;;0".into()));
    }

    #[test]
    fn a_threshold_that_would_be_misread_is_refused() {
        for bad in ["", "5,", "5,,3", "5x", "5;4;3", "5,4,3,2", "-1", "nan"] {
            assert!(check(&["-w", bad]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_warning_above_its_critical_is_refused() {
        let failure = check(&["-w", "5,9", "-c", "8"])
            .expect("readable")
            .limits(Dialect::Own)
            .expect_err("inconsistent");
        assert_eq!(failure.reason, Reason::Usage);
        assert_eq!(failure.message, "-w 9 of the 5-minute load is above -c 8");
        assert!(check(&["-w", "@5:9", "-c", "8"]).expect("readable").limits(Dialect::Own).is_ok());
    }

    #[test]
    fn in_the_c_dialect_a_missing_threshold_is_0() {
        let limits = |args: &[&str]| check(args).expect("readable").limits(Dialect::C);
        assert_eq!(limits(&["-c", "10"]).map(|limits| limits[2].state(0.5)), Ok(State::Warning));
        assert_eq!(limits(&["-w", "10"]).map_err(|failure| failure.reason), Err(Reason::Usage));
        assert_eq!(limits(&["-r"]).map_err(|failure| failure.reason), Err(Reason::Usage));
    }
}

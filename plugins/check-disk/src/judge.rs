//! From measured file systems to states, sentences and metrics.

use std::fmt::Write as _;

use plugin::units::show_bytes;
use plugin::{Call, Outcome, Range, Reason, State, Thresholds};

use crate::CheckDisk;
use crate::figures::Figures;
use crate::measure::{Fact, Measured};
use crate::select::Limits;
use crate::space::Space;

/// Longest name in a sentence, characters; the whole one is the metric's label.
const NAME: usize = 40;

impl CheckDisk {
    /// The outcome of all that was measured.
    pub(crate) fn judge(&self, call: &Call, facts: &[Fact]) -> Outcome {
        let mut outcome = Outcome::new();
        let mut judged = Vec::new();
        let mut listed = Vec::new();
        for fact in facts {
            match fact {
                Ok(measured) => {
                    let figures = self.figures(call.dialect, &measured.spaces);
                    let name = if self.mountpoint { &measured.source } else { &measured.name };
                    outcome = self.metrics(outcome, call.dialect, name, &figures, &measured.limits);
                    if call.verbosity > 0 {
                        outcome = outcome.detail(self.detail(measured, &figures));
                    }
                    if call.shows_facts {
                        listed.push(listed_fact(measured, &figures));
                    }
                    judged.push((self.verdict(&measured.limits, &figures), brief(name), figures));
                }
                Err(failure) => outcome = outcome.failed(call.state(failure.reason), failure),
            }
        }
        if facts.is_empty() {
            return outcome.problem(State::Unknown, Reason::Usage, "no file system with a size was chosen");
        }
        outcome = outcome.fact("file_systems", listed);
        // The fullest first: among problems of one state it is the one to look at.
        judged.sort_by(|(.., a), (.., b)| a.free_percent.total_cmp(&b.free_percent));
        match &judged[..] {
            [] => {}
            [(_, name, figures)] => outcome = outcome.summary(sentence(name, figures)),
            [(_, name, figures), ..] => {
                let (count, percent) = (judged.len(), figures.used_percent());
                outcome = outcome.summary(format!("{count} file systems, fullest {name} at {percent:.1} %"));
            }
        }
        for (verdict, name, figures) in judged {
            outcome = match verdict {
                Verdict { state: State::Ok, .. } if self.errors_only && call.verbosity == 0 => outcome,
                Verdict { state: State::Ok, .. } => outcome.finding(State::Ok, sentence(&name, &figures)),
                Verdict { state, inodes: false, cause } => outcome.problem(
                    state,
                    Reason::Threshold,
                    format!("{}, {cause}", sentence(&name, &figures)),
                ),
                Verdict { state, inodes: true, cause } => {
                    let text = format!("{}, {cause}", inode_sentence(&name, &figures));
                    outcome.problem(state, Reason::Threshold, text)
                }
            };
        }
        outcome
    }

    fn verdict(&self, limits: &Limits, figures: &Figures) -> Verdict {
        let unit = self.unit().name;
        for (state, word) in [(State::Critical, "critical"), (State::Warning, "warning")] {
            let broken = |thresholds: &Thresholds, value: f64| {
                let range = if state == State::Critical { &thresholds.critical } else { &thresholds.warning };
                range.clone().filter(|range| range.alerts(value))
            };
            let found = |cause: String, inodes: bool| Verdict { state, cause, inodes };
            if let Some(range) = broken(&limits.free_units, figures.free_units) {
                return found(format!("{word} at {} {unit} free", bare(&range)), false);
            }
            if let Some(range) = broken(&limits.free_percent, figures.free_percent) {
                return found(format!("{word} at {}% free", bare(&range)), false);
            }
            if let Some(range) = broken(&limits.used_percent, 100.0 - figures.free_percent) {
                return found(format!("{word} above {range}% used"), false);
            }
            if let Some(percent) = figures.free_inodes_percent
                && let Some(range) = broken(&limits.free_inodes, percent)
            {
                return found(format!("{word} at {}% free", bare(&range)), true);
            }
        }
        Verdict { state: State::Ok, cause: String::new(), inodes: false }
    }

    fn detail(&self, measured: &Measured, figures: &Figures) -> String {
        let unit = self.unit().name;
        let limits = &measured.limits;
        let mut text = format!(
            "{}: {} ({}), {} available of {}, {} of {} inodes free",
            measured.name,
            measured.source,
            measured.kind,
            show_bytes(figures.available),
            show_bytes(figures.size),
            figures.inodes_free,
            figures.inodes
        );
        for (thresholds, what) in [
            (&limits.free_units, format!(" {unit} free")),
            (&limits.free_percent, "% free".to_owned()),
            (&limits.used_percent, "% used".to_owned()),
            (&limits.free_inodes, "% of inodes free".to_owned()),
        ] {
            for (range, word) in [(&thresholds.warning, "warning"), (&thresholds.critical, "critical")] {
                if let Some(range) = range {
                    let _written = write!(text, "; {word} at {}{what}", bare(range));
                }
            }
        }
        text
    }
}

struct Verdict {
    state: State,
    /// The threshold in words.
    cause: String,
    /// The inodes are the problem.
    inodes: bool,
}

fn sentence(name: &str, figures: &Figures) -> String {
    format!(
        "{name} {:.1} % used, {} of {} free",
        figures.used_percent(),
        show_bytes(figures.available),
        show_bytes(figures.size)
    )
}

fn inode_sentence(name: &str, figures: &Figures) -> String {
    let used = 100.0 - 100.0 * figures.inodes_free / figures.inodes;
    format!("{name} {used:.1} % of inodes used, {} of {} free", figures.inodes_free, figures.inodes)
}

// Both ends of a long path say more than its middle.
fn brief(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME {
        return name.to_owned();
    }
    let head: String = name.chars().take(NAME / 3).collect();
    let tail: String = name.chars().skip(length - (NAME - NAME / 3 - 1)).collect();
    format!("{head}…{tail}")
}

fn bare(range: &Range) -> String {
    range.to_string().trim_start_matches('@').to_owned()
}

fn listed_fact(measured: &Measured, figures: &Figures) -> serde_json::Value {
    let sum = |of: fn(&Space) -> u64| measured.spaces.iter().map(of).fold(0, u64::saturating_add);
    serde_json::json!({
        "name": measured.name,
        "device": measured.source,
        "type": measured.kind,
        "size": sum(|space| space.total),
        "used": sum(|space| space.used()),
        "available": sum(|space| space.available),
        "used_percent": (figures.used_percent() * 10.0).round() / 10.0,
        "inodes": sum(|space| space.inodes),
        "inodes_free": sum(|space| space.inodes_free),
    })
}

#[cfg(test)]
mod tests {
    use super::brief;
    use crate::CheckDisk;
    use crate::measure::{Fact, Measured};
    use crate::select::{Limits, select};
    use crate::space::Space;
    use clap::Parser as _;
    use host::mounts::Mounts;
    use plugin::{Call, Deadline, Dialect, Failure, Outcome, Reason, State};
    use std::rc::Rc;
    use std::time::Duration;

    const GIB: u64 = 1 << 30;

    fn space(total: u64, free: u64, available: u64) -> Space {
        Space { total, free, available, inodes: 1000, inodes_free: 400 }
    }

    fn call(dialect: Dialect) -> Call {
        let mut call = Call::own("check-disk", Deadline::after(Duration::from_secs(10)));
        call.dialect = dialect;
        call
    }

    // The thresholds of a command line that chooses everything.
    fn limits(options: &CheckDisk) -> Rc<Limits> {
        let mounts = Mounts::parse(b"1 0 8:1 / / rw - ext4 /dev/a rw\n");
        let none = |_: &std::path::Path| crate::locate::Place::Mount(0);
        select(options, &mounts, &none).expect("chosen").remove(0).limits
    }

    fn judge(dialect: Dialect, line: &str, spaces: &[(&str, Space)]) -> Outcome {
        let options = CheckDisk::try_parse_from(line.split(' ')).expect("readable");
        let limits = limits(&options);
        let facts: Vec<Fact> = spaces
            .iter()
            .map(|(name, space)| {
                Ok(Measured {
                    name: (*name).into(),
                    source: format!("/dev{name}"),
                    kind: "ext4".into(),
                    spaces: vec![*space],
                    limits: Rc::clone(&limits),
                })
            })
            .collect();
        options.judge(&call(dialect), &facts)
    }

    // The finding of the one file system, and its perfdata.
    fn shown(dialect: Dialect, line: &str, space: Space) -> (State, String, Vec<String>) {
        let outcome = judge(dialect, line, &[("/var", space)]);
        let perfdata = outcome.metrics().iter().map(|metric| metric.perfdata(dialect)).collect();
        let text = outcome.findings().first().map(|finding| finding.text.clone()).unwrap_or_default();
        (outcome.state(), text, perfdata)
    }

    #[test]
    fn free_space_is_held_against_percents_and_units() {
        let own = |line: &str, space| {
            let (state, text, _) = shown(Dialect::Own, line, space);
            (state, text)
        };
        // 3 of 16 GiB free: 18.75 %.
        let var = space(16 * GIB, 3 * GIB, 3 * GIB);
        let base = "/var 81.2 % used, 3 GiB of 16 GiB free";
        for (line, state, cause) in [
            ("check-disk -w 10% -c 5%", State::Ok, ""),
            ("check-disk -w 20% -c 10%", State::Warning, ", warning at 20% free"),
            ("check-disk -w 30% -c 18.75%", State::Critical, ", critical at 18.75% free"),
            ("check-disk -w 18.7%", State::Ok, ""),
            ("check-disk -w 3072", State::Warning, ", warning at 3072 MiB free"),
            ("check-disk -w 3071", State::Ok, ""),
            ("check-disk -w 5 -c 3 -u GB", State::Critical, ", critical at 3 GiB free"),
            ("check-disk -w 5 -u GB -c 1%", State::Warning, ", warning at 5 GiB free"),
            ("check-disk -c 5:10%", State::Ok, ""),
            ("check-disk -c 10:20%", State::Critical, ", critical at 10:20% free"),
            ("check-disk 80 90", State::Warning, ", warning above 80% used"),
            ("check-disk 90 95", State::Ok, ""),
        ] {
            assert_eq!(own(line, var), (state, format!("{base}{cause}")), "{line}");
        }
        // The namesake rounds the used percent up and the free units down before it compares.
        let c = |line: &str, space| shown(Dialect::C, line, space).0;
        assert_eq!(c("check_disk -w 17.9%", var), State::Ok);
        assert_eq!(c("check_disk -w 18%", var), State::Warning);
        assert_eq!(own("check-disk -w 18%", var).0, State::Ok);
        let odd = space(16 * GIB, 3 * GIB + 1000, 3 * GIB + 1000);
        assert_eq!(
            (c("check_disk -w 3072", odd), own("check-disk -w 3072", odd).0),
            (State::Warning, State::Ok)
        );
    }

    #[test]
    fn blocks_reserved_for_root_are_neither_used_nor_free() {
        // 10 GiB, 6 used, 4 free, of which 2 are root's: 75 % of what can be used is used.
        let reserved = space(10 * GIB, 4 * GIB, 2 * GIB);
        let (state, text, perfdata) = shown(Dialect::Own, "check-disk -w 25% -c 20%", reserved);
        assert_eq!(state, State::Warning);
        assert_eq!(text, "/var 75.0 % used, 2 GiB of 10 GiB free, warning at 25% free");
        assert_eq!(perfdata, ["/var=6442450944B;6442450944;6871947673;0;10737418240"]);
        let (_, text, perfdata) = shown(Dialect::Own, "check-disk -f -w 25% -c 20%", reserved);
        assert_eq!(text, "/var 75.0 % used, 2 GiB of 8 GiB free, warning at 25% free");
        assert_eq!(perfdata, ["/var=6442450944B;6442450944;6871947673;0;8589934592"]);
        // The namesake's thresholds in perfdata are parts of the whole.
        let (_, _, perfdata) = shown(Dialect::C, "check_disk -w 25% -c 20%", reserved);
        assert_eq!(perfdata, ["/var=6442450944B;8053063680;8589934592;0;10737418240"]);
        let (_, _, perfdata) = shown(Dialect::C, "check_disk -f -w 25% -c 20%", reserved);
        assert_eq!(perfdata, ["/var=6442450944B;6442450944;6871947673;0;8589934592"]);
    }

    #[test]
    fn perfdata_of_the_namesake_is_in_whole_units() {
        let odd = space(10 * GIB + 5000, 5 * GIB + 100, 5 * GIB);
        let line = "check_disk -w 100 -c 10% -u MB -P -W 10";
        assert_eq!(
            shown(Dialect::C, line, odd).2,
            ["/var=5368709120B;10632560640;9663676416;0;10737418240", "'/var (inodes)'=600;900;;0;1000"]
        );
        // A limit above the size: the namesake prints 2^64 less the difference.
        assert_eq!(shown(Dialect::C, "check_disk -w 99 -u GB", odd).2, ["/var=5368709120B;0;;0;10737418240"]);
        assert_eq!(
            shown(Dialect::C, "check_disk -w 7:", odd).2,
            ["/var=5368709120B;10737418240;;0;10737418240"]
        );
        let own = "check-disk -w 1:2 -c 10% -u GB -P -K 10";
        assert_eq!(
            shown(Dialect::Own, own, odd).2,
            [
                "/var=5368714020B;@8589939492:9663681316;9663680826;0;10737423240",
                "/var_inodes=600;;900;0;1000"
            ]
        );
    }

    #[test]
    fn inodes_run_out_too() {
        let few = Space { inodes: 65536, inodes_free: 1310, ..space(16 * GIB, 8 * GIB, 8 * GIB) };
        let (state, text, _) = shown(Dialect::Own, "check-disk -w 10% -W 10% -K 5%", few);
        assert_eq!(state, State::Critical);
        assert_eq!(text, "/var 98.0 % of inodes used, 1310 of 65536 free, critical at 5% free");
        // btrfs counts none: no threshold can be broken.
        let none = Space { inodes: 0, inodes_free: 0, ..few };
        assert_eq!(shown(Dialect::Own, "check-disk -W 10% -K 5%", none).0, State::Ok);
        assert_eq!(shown(Dialect::C, "check_disk -W 10% -K 5%", none).0, State::Ok);
    }

    #[test]
    fn a_full_and_an_empty_one() {
        let full = space(GIB, 0, 0);
        assert_eq!(shown(Dialect::Own, "check-disk -c 0", full).0, State::Critical);
        let outcome = judge(Dialect::Own, "check-disk -c 0", &[("/var", full)]);
        assert_eq!(outcome.metrics()[0].state(), State::Critical);
        assert_eq!(shown(Dialect::C, "check_disk -c 0%", full).0, State::Critical);
        // All of it is root's.
        let roots = space(GIB, GIB, 0);
        assert_eq!(shown(Dialect::Own, "check-disk -c 0%", roots).0, State::Critical);
    }

    #[test]
    fn groups_are_summed_up() {
        let options = CheckDisk::try_parse_from(["check-disk", "-w", "30%"]).expect("readable");
        let sum = Measured {
            name: "data".into(),
            source: "data".into(),
            kind: "group".into(),
            spaces: vec![space(10 * GIB, GIB, GIB), space(10 * GIB, 5 * GIB, 5 * GIB)],
            limits: limits(&options),
        };
        let outcome = options.judge(&call(Dialect::Own), &[Ok(sum)]);
        assert_eq!(outcome.findings()[0].text, "data 70.0 % used, 6 GiB of 20 GiB free, warning at 30% free");
    }

    #[test]
    fn the_fullest_comes_first_and_failures_before_it() {
        let spaces =
            [("/a", space(GIB, GIB / 2, GIB / 2)), ("/b", space(GIB, 0, 0)), ("/c", space(GIB, 1000, 1000))];
        let texts = |outcome: &Outcome| -> Vec<String> {
            outcome
                .findings()
                .iter()
                .map(|f| f.text.split(' ').next().unwrap_or_default().to_owned())
                .collect()
        };
        assert_eq!(texts(&judge(Dialect::Own, "check-disk -w 10%", &spaces)), ["/b", "/c", "/a"]);
        assert_eq!(texts(&judge(Dialect::Own, "check-disk -e -w 10%", &spaces)), ["/b", "/c"]);

        let options = CheckDisk::try_parse_from(["check-disk", "-w", "10%"]).expect("readable");
        let dead = Failure::new(Reason::Stuck, "/mnt/x: the kernel gave no answer in time");
        let fine = Measured {
            name: "/".into(),
            source: "/dev/a".into(),
            kind: "ext4".into(),
            spaces: vec![spaces[0].1],
            limits: limits(&options),
        };
        let outcome = options.judge(&call(Dialect::Own), &[Ok(fine), Err(dead)]);
        assert_eq!(outcome.state(), State::Unknown);
        assert_eq!(outcome.findings()[0].text, "/mnt/x: the kernel gave no answer in time");
        assert_eq!(outcome.metrics().len(), 1);
    }

    #[test]
    fn nothing_chosen_is_unknown() {
        for dialect in [Dialect::Own, Dialect::C] {
            assert_eq!(judge(dialect, "check_disk -w 10%", &[]).state(), State::Unknown);
        }
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(brief("/var"), "/var");
        let long = "/var/lib/kubelet/pods/0b1f-77aa/volumes/kubernetes.io~nfs/data";
        assert_eq!(brief(long), "/var/lib/kube…mes/kubernetes.io~nfs/data");
    }

    #[test]
    fn the_device_can_stand_for_the_mount_point() {
        let outcome = judge(Dialect::C, "check_disk -M -w 10%", &[("/a b", space(GIB, GIB, GIB))]);
        assert_eq!(outcome.metrics()[0].label(), "/dev/a b");
    }
}

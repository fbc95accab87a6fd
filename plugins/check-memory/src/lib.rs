//! Checks memory: what is used, what is available to new programs, and swap.

mod limit;

use host::RootArgs;
use host::cgroup::{self, Limited};
use host::memory::Memory;
use plugin::units::show_bytes;
use plugin::{Call, Check, Failure, Metric, Outcome, Reason, Result, Unit};

use limit::{Amount, Limit};

/// Checks used and available memory, and swap
///
/// A RANGE is in percent of the whole (80, 80%, 10%:) or, with a unit, in bytes (12G, 2G:).
#[derive(Debug, clap::Parser)]
#[command(name = "check-memory")]
pub struct CheckMemory {
    /// WARNING when used memory is outside this range
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    warning: Option<Limit>,
    /// CRITICAL when used memory is outside this range
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    critical: Option<Limit>,
    /// WARNING when available memory is outside this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    available_warning: Option<Limit>,
    /// CRITICAL when available memory is outside this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    available_critical: Option<Limit>,
    /// WARNING when used swap is outside this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    swap_warning: Option<Limit>,
    /// CRITICAL when used swap is outside this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    swap_critical: Option<Limit>,
    /// Judge the memory limit of this control group, of this process's own without a name, where there is one
    #[arg(long, value_name = "GROUP", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    cgroup: Option<String>,
    #[command(flatten)]
    root: RootArgs,
}

impl Check for CheckMemory {
    const SAMPLE: &'static [&'static str] = &["-w", "100", "-c", "100"];

    fn run(&self, call: &Call) -> Result<Outcome> {
        let root = &self.root.root;
        host::step(&call.deadline, "read the state of the memory")?;
        let memory = Memory::read(root)?;
        let limited = match self.cgroup.as_deref() {
            None => None,
            Some("") => cgroup::tightest(root, None)?,
            Some(group) => Some(cgroup::tightest(root, Some(group))?.ok_or_else(|| {
                let what = format!("--cgroup: neither `{group}` nor a group above it has a memory limit");
                Failure::new(Reason::Usage, what)
            })?),
        };
        // A limit above what the machine has does not limit.
        let limited = limited.filter(|limited| limited.limit < memory.total);
        let outcome = self.judge(&memory, limited.as_ref());
        Ok(match (&self.cgroup, limited) {
            (Some(_), None) => outcome.detail("no control group sets a limit below what the machine has"),
            _ => outcome,
        })
    }
}

impl CheckMemory {
    fn judge(&self, memory: &Memory, limited: Option<&Limited>) -> Outcome {
        let (total, used, available, place) = match limited {
            None => (memory.total, memory.used(), memory.available(), String::new()),
            Some(group) => (group.limit, group.used, group.available(), format!(" in cgroup {}", group.path)),
        };
        let used = Amount { label: "used", bytes: used, total };
        let available = Amount { label: "available", bytes: available, total };
        let swap = Amount { label: "swap_used", bytes: memory.swap_used(), total: memory.swap_total };

        let used_text = format!("{} used{place}", used.show());
        let swap_text = format!("swap {} used", swap.show());
        let no_swap = "no swap".to_owned();
        let short_swap = if swap.total == 0 { &no_swap } else { &swap_text };
        let mut outcome = Outcome::new().summary(format!("{used_text}, {short_swap}"));
        let available_text = format!("{} available{place}", available.show());
        outcome = used.judge(outcome, self.warning.as_ref(), self.critical.as_ref(), used_text);
        let (warning, critical) = (self.available_warning.as_ref(), self.available_critical.as_ref());
        outcome = available.judge(outcome, warning, critical, available_text);
        outcome = swap.judge(outcome, self.swap_warning.as_ref(), self.swap_critical.as_ref(), swap_text);
        explain(outcome, memory, limited)
    }
}

// What the numbers are made of: metrics, facts, and lines for -v.
fn explain(mut outcome: Outcome, memory: &Memory, limited: Option<&Limited>) -> Outcome {
    let parts = [
        ("free", memory.free),
        ("buffers", memory.buffers),
        ("cached", memory.cached),
        ("shared", memory.shared),
        ("reclaimable", memory.reclaimable),
    ];
    for (label, bytes) in parts {
        outcome =
            outcome.metric(Metric::new(label, bytes as f64).unit(Unit::Bytes).min(0.0)).fact(label, bytes);
    }
    let parts: Vec<String> =
        parts.iter().map(|(label, bytes)| format!("{label} {}", show_bytes(*bytes as f64))).collect();
    outcome = outcome
        .fact("total", memory.total)
        .fact("used", memory.used())
        .fact("available", memory.available())
        .fact("available_estimated", memory.kernel_available.is_none())
        .fact("swap_total", memory.swap_total)
        .fact("swap_used", memory.swap_used())
        .fact("huge_pages", memory.huge)
        .fact("huge_pages_free", memory.huge_free)
        .detail(parts.join(", "));
    if memory.kernel_available.is_none() {
        outcome = outcome.detail("the kernel has no MemAvailable: estimated from free memory and caches");
    }
    if memory.huge > 0 {
        let (all, free) = (show_bytes(memory.huge as f64), show_bytes(memory.huge_free as f64));
        outcome = outcome
            .detail(format!("{all} reserved for huge pages count as used, {free} of them are not in use"));
    }
    match limited {
        None => outcome,
        Some(group) => outcome.fact("cgroup", group.path.clone()).fact("cgroup_limit", group.limit),
    }
}

#[cfg(test)]
mod tests {
    use super::CheckMemory;
    use clap::Parser as _;
    use host::cgroup::Limited;
    use host::memory::Memory;
    use plugin::{Dialect, Outcome, State};

    const GIB: u64 = 1 << 30;

    fn memory() -> Memory {
        Memory {
            total: 16 * GIB,
            free: GIB,
            kernel_available: Some(3 * GIB),
            buffers: GIB / 4,
            cached: 2 * GIB,
            shared: GIB / 2,
            reclaimable: GIB / 8,
            swap_total: 4 * GIB,
            swap_free: 3 * GIB,
            huge: 0,
            huge_free: 0,
        }
    }

    fn judge(args: &[&str], memory: &Memory, limited: Option<&Limited>) -> Outcome {
        let check = CheckMemory::try_parse_from([&["check-memory"], args].concat()).expect("readable");
        check.judge(memory, limited)
    }

    fn problems(outcome: &Outcome) -> (State, Vec<&str>) {
        let bad = outcome.findings().iter().filter(|finding| finding.state != State::Ok);
        (outcome.state(), bad.map(|finding| finding.text.as_str()).collect())
    }

    #[test]
    fn used_available_and_swap_have_their_ranges() {
        let outcome = judge(&["-w", "80", "-c", "90"], &memory(), None);
        assert_eq!(problems(&outcome), (State::Warning, vec!["81.2 % of 16 GiB used, outside 80%"]));
        let outcome = judge(&["-w", "14G", "--available-critical", "4G:"], &memory(), None);
        assert_eq!(problems(&outcome), (State::Critical, vec!["18.8 % of 16 GiB available, outside 4G:"]));
        let outcome = judge(&["--available-warning", "20%:", "--swap-warning", "20%"], &memory(), None);
        let texts =
            vec!["18.8 % of 16 GiB available, outside 20%:", "swap 25.0 % of 4 GiB used, outside 20%"];
        assert_eq!(problems(&outcome), (State::Warning, texts));
    }

    #[test]
    fn the_metrics() {
        let outcome = judge(&["-w", "80", "-c", "15G"], &memory(), None);
        let perfdata: Vec<String> =
            outcome.metrics().iter().map(|metric| metric.perfdata(Dialect::Own)).collect();
        let expected = [
            "used=13958643712B;;16106127360;0;17179869184",
            "used_percent=81.25%;80",
            "available=3221225472B;;;0;17179869184",
            "available_percent=18.75%",
            "swap_used=1073741824B;;;0;4294967296",
            "swap_used_percent=25.00%",
            "free=1073741824B;;;0",
            "buffers=268435456B;;;0",
            "cached=2147483648B;;;0",
            "shared=536870912B;;;0",
            "reclaimable=134217728B;;;0",
        ];
        assert_eq!(perfdata, expected);
    }

    #[test]
    fn a_control_group_stands_for_the_machine() {
        let group = Limited { path: "/kube/pod".into(), limit: GIB, used: 972 << 20 };
        let outcome = judge(&["-c", "90", "--available-warning", "10%:"], &memory(), Some(&group));
        let texts = vec![
            "94.9 % of 1 GiB used in cgroup /kube/pod, outside 90%",
            "5.1 % of 1 GiB available in cgroup /kube/pod, outside 10%:",
        ];
        assert_eq!(problems(&outcome), (State::Critical, texts));
    }

    #[test]
    fn without_swap_nothing_of_it_is_used() {
        let memory = Memory { swap_total: 0, swap_free: 0, ..memory() };
        let outcome = judge(&["--swap-warning", "0"], &memory, None);
        assert_eq!(problems(&outcome), (State::Ok, vec![]));
    }

    #[test]
    fn a_group_is_named_with_an_equals_sign_only() {
        let read = |args: &[&str]| CheckMemory::try_parse_from([&["check-memory"], args].concat());
        assert_eq!(read(&["--cgroup"]).ok().and_then(|check| check.cgroup).as_deref(), Some(""));
        assert_eq!(read(&["--cgroup=a/b"]).ok().and_then(|check| check.cgroup).as_deref(), Some("a/b"));
        assert!(read(&["--cgroup", "a/b"]).is_err());
    }
}

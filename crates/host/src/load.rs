//! How busy the machine is: load averages (proc_loadavg(5)) and CPUs.

use plugin::Result;

use crate::Root;

/// The average number of tasks that ran, waited for a CPU or slept uninterruptibly, over 1, 5 and 15 minutes.
pub fn averages(root: &Root) -> Result<[f64; 3]> {
    const FILE: &str = "/proc/loadavg";
    let text = root.read(FILE)?;
    parse_averages(&text)
        .ok_or_else(|| root.garbled(FILE, format_args!("no three numbers in `{}`", text.trim())))
}

fn parse_averages(text: &str) -> Option<[f64; 3]> {
    let mut words = text.split_ascii_whitespace().map(str::parse::<f64>);
    let mut next = || words.next()?.ok().filter(|load| load.is_finite() && *load >= 0.0);
    Some([next()?, next()?, next()?])
}

/// How many CPUs are online: what sysconf(3) calls `_SC_NPROCESSORS_ONLN`, read where glibc reads it.
///
/// Without /sys, as in some containers, the `cpuN` lines of /proc/stat are counted.
pub fn online_cpus(root: &Root) -> Result<u32> {
    const FILE: &str = "/sys/devices/system/cpu/online";
    const FALLBACK: &str = "/proc/stat";
    if let Some(list) = root.read_if_there(FILE)? {
        return count_list(&list)
            .ok_or_else(|| root.garbled(FILE, format_args!("no list of CPUs: `{}`", list.trim())));
    }
    match count_cpu_lines(&root.read(FALLBACK)?) {
        0 => Err(root.garbled(FALLBACK, "no line of a CPU")),
        cpus => Ok(cpus),
    }
}

// A list of the kernel's cpulist format: `0-3,5,8-11`.
fn count_list(list: &str) -> Option<u32> {
    let mut cpus: u32 = 0;
    for part in list.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        cpus = cpus.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(cpus)
}

fn count_cpu_lines(stat: &str) -> u32 {
    let is_cpu = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    u32::try_from(stat.lines().filter(is_cpu).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{averages, count_cpu_lines, count_list, online_cpus, parse_averages};
    use crate::root::tests::root_with;
    use proptest::prelude::*;

    #[test]
    fn three_averages() {
        assert_eq!(parse_averages("0.12 0.34 15.00 1/123 4567\n"), Some([0.12, 0.34, 15.0]));
        for bad in ["", "\n", "0.12 0.34", "0.12 0.34 x 1/2 3", "-1 0 0", "nan 0 0", "0 inf 0", "0,1 0 0"] {
            assert_eq!(parse_averages(bad), None, "{bad:?}");
        }
        let failure = averages(&root_with("/proc/loadavg", "load: high").1).expect_err("no numbers");
        assert!(failure.message.ends_with("/proc/loadavg: no three numbers in `load: high`"), "{failure}");
    }

    #[test]
    fn cpus_that_are_online() {
        for (list, cpus) in [("0\n", 1), ("0-1\n", 2), ("0-3,5,8-11\n", 9), ("0-4294967294", u32::MAX)] {
            assert_eq!(count_list(list), Some(cpus), "{list:?}");
        }
        for bad in ["", "x", "3-1", "0-", "-3", "0-4294967295", "0,,1", "99999999999"] {
            assert_eq!(count_list(bad), None, "{bad:?}");
        }
        assert_eq!(count_cpu_lines("cpu  1 2 3\ncpu0 1 2\ncpu17 1 2\ncpufreq 3\nintr 1\n"), 2);
    }

    #[test]
    fn without_sys_the_cpus_of_proc_count() {
        assert_eq!(online_cpus(&root_with("/proc/stat", "cpu  1\ncpu0 1\ncpu1 1\n").1), Ok(2));
        let failure = online_cpus(&root_with("/proc/stat", "nothing").1).expect_err("no CPU");
        assert!(failure.message.ends_with("/proc/stat: no line of a CPU"), "{failure}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            let _read = (parse_averages(&text), count_list(&text), count_cpu_lines(&text));
        }
    }
}

//! What all of the command lines come to.

use std::time::Duration;

use net::Family;
use net::icmp::{MOST_PACKETS, Plan};
use plugin::{Dialect, Failure, Reason, Result, Thresholds, units};

use crate::limits::Limits;

/// A missing answer is waited for so long at least: what takes longer than a limit is slow, not lost.
const LEAST_WAIT: Duration = Duration::from_secs(1);
/// Where no limit says how long an answer may take, seconds.
const USUAL_LIMIT: f64 = 0.5;

/// Whose command line it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Own,
    Ping,
    Icmp,
    /// `check_host`: the first answer is enough.
    Host,
    /// `check_rta_multi`: every address of a name is a host.
    Multi,
    Fping,
}

impl Manner {
    pub fn of(name: &str) -> Manner {
        match name {
            "check_ping" => Manner::Ping,
            "check_icmp" | "check-icmp" => Manner::Icmp,
            "check_host" | "check-host" => Manner::Host,
            "check_rta_multi" | "check-rta-multi" => Manner::Multi,
            "check_fping" | "check-fping" => Manner::Fping,
            _ => Manner::Own,
        }
    }

    /// Whose states and labels a run has: in the C dialect under our own name those of `check_icmp`.
    pub fn style(self, dialect: Dialect) -> Manner {
        match (dialect, self) {
            (Dialect::Own, _) => Manner::Own,
            (Dialect::C, Manner::Own) => Manner::Icmp,
            (Dialect::C, manner) => manner,
        }
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Task {
    pub manner: Manner,
    pub hosts: Vec<String>,
    pub family: Family,
    /// Every address of a name is a host.
    pub every_address: bool,
    pub count: u16,
    pub interval: Interval,
    /// Keep the interval where the answer is in.
    pub steady: bool,
    pub host_interval: Duration,
    pub payload: usize,
    pub ttl: Option<u8>,
    pub dont_fragment: bool,
    /// An address, the name of an interface, or for `check_fping` of a host.
    pub source: Option<String>,
    pub interface: Option<String>,
    pub warning: Limits,
    pub critical: Limits,
    pub jitter: Thresholds,
    pub min_alive: Option<usize>,
    pub answer_within: Option<Duration>,
    /// The first answer is enough.
    pub until_first: bool,
    /// A line with a link to a traceroute.
    pub link: bool,
}

/// Time from one packet to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interval {
    /// As it was asked for.
    Given(Duration),
    /// Shorter where the timeout does not leave so much.
    Usual(Duration),
}

impl Interval {
    pub fn time(self) -> Duration {
        match self {
            Interval::Given(time) | Interval::Usual(time) => time,
        }
    }
}

impl Task {
    /// Errors with [`Reason::Usage`] where options contradict each other.
    pub fn validate(&self, dialect: Dialect) -> Result<()> {
        let usage = |message: String| Err(Failure::new(Reason::Usage, message));
        if self.hosts.is_empty() {
            return usage("no host is given".into());
        }
        if self.hosts.iter().any(String::is_empty) {
            return usage("a host name is empty".into());
        }
        if let Some(min) = self.min_alive
            && min > self.hosts.len()
            && !self.every_address
        {
            let count = self.hosts.len();
            return usage(format!("{min} hosts cannot be alive where {count} is given"));
        }
        if self.hosts.len() * usize::from(self.count) > MOST_PACKETS {
            return usage(format!(
                "{} hosts × {} packets: {MOST_PACKETS} are the most",
                self.hosts.len(),
                self.count
            ));
        }
        // check_icmp lowers the warning to the critical limit instead, check_fping judges them one by one.
        if dialect == Dialect::C && self.manner != Manner::Ping {
            return Ok(());
        }
        let above = |warning: Option<f64>, critical: Option<f64>| {
            warning.zip(critical).filter(|(warning, critical)| warning > critical)
        };
        if let Some((warning, critical)) = above(self.warning.rta, self.critical.rta) {
            let (warning, critical) = (units::show_seconds(warning), units::show_seconds(critical));
            return usage(format!("the warning time {warning} is above the critical one, {critical}"));
        }
        if let Some((warning, critical)) = above(self.warning.loss, self.critical.loss) {
            return usage(format!("the warning loss {warning}% is above the critical one, {critical}%"));
        }
        Ok(())
    }

    /// The limits, the warning no higher than the critical one: as check_icmp, and nothing else gets so far.
    pub fn limits(&self) -> (Limits, Limits) {
        let warning =
            if self.manner == Manner::Fping { self.warning } else { self.warning.at_most(self.critical) };
        (warning, self.critical)
    }

    /// How long missing answers are waited for: later ones bring the average to the critical limit in any case. As
    /// check_icmp, and long enough by default to hear that a neighbour does not exist.
    fn wait(&self) -> Duration {
        if let Some(limit) = self.answer_within {
            return limit;
        }
        let limit = self.critical.rta.unwrap_or(USUAL_LIMIT) * (f64::from(self.count) + 1.0);
        Duration::try_from_secs_f64(limit).unwrap_or(LEAST_WAIT).clamp(LEAST_WAIT, Duration::from_hours(1))
    }

    /// What to send in the time that is left. Errors with [`Reason::Usage`] where what was asked for does not fit.
    pub fn plan(&self, left: Duration) -> Result<Plan> {
        let wait = self.wait();
        let gaps = u32::from(self.count.saturating_sub(1));
        let fits = left.saturating_sub(wait.min(left / 4)).checked_div(gaps).unwrap_or(left);
        let interval = match self.interval {
            Interval::Given(interval) if interval > fits && self.manner == Manner::Own => {
                let interval = units::show_seconds(interval.as_secs_f64());
                let message =
                    format!("{} packets {interval} apart do not fit into the timeout, -t", self.count);
                return Err(Failure::new(Reason::Usage, message));
            }
            interval => interval.time().min(fits),
        };
        Ok(Plan {
            count: self.count,
            interval,
            steady: self.steady,
            host_interval: self.host_interval,
            wait,
            answer_within: self.answer_within,
            until_first: self.until_first,
            payload: self.payload,
            ttl: self.ttl,
            dont_fragment: self.dont_fragment,
            source: None,
            device: self.interface.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Interval, Manner, Task};
    use crate::limits::Limits;
    use crate::options::OwnLine;
    use clap::Parser as _;
    use plugin::{Dialect, Reason};
    use std::time::Duration;

    fn task(args: &[&str]) -> Task {
        OwnLine::try_parse_from([&["check-ping"], args].concat()).expect("readable").into()
    }

    fn refused(args: &[&str]) -> String {
        let failure = task(args).validate(Dialect::Own).expect_err("a contradiction");
        assert_eq!(failure.reason, Reason::Usage);
        failure.message
    }

    #[test]
    fn names_pick_the_manner() {
        assert_eq!(Manner::of("check-ping"), Manner::Own);
        assert_eq!(Manner::of("check_ping"), Manner::Ping);
        assert_eq!(Manner::of("check_host"), Manner::Host);
        assert_eq!(Manner::Own.style(Dialect::C), Manner::Icmp);
        assert_eq!(Manner::Fping.style(Dialect::Own), Manner::Own);
    }

    #[test]
    fn contradictions() {
        assert_eq!(refused(&["-H", ""]), "a host name is empty");
        assert_eq!(refused(&["-H", "a", "-m", "2"]), "2 hosts cannot be alive where 1 is given");
        assert_eq!(
            refused(&["-H", "a", "-w", "600"]),
            "the warning time 600 ms is above the critical one, 500 ms"
        );
        assert_eq!(
            refused(&["-H", "a", "-w", "30%", "-c", "20%"]),
            "the warning loss 30% is above the critical one, 20%"
        );
        let many: Vec<String> = (0..100).map(|n| format!("-Hh{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(
            refused(&[&many[..], &["-n", "1000"]].concat()),
            "100 hosts × 1000 packets: 65536 are the most"
        );
        assert!(task(&["-H", "a"]).validate(Dialect::Own).is_ok());
    }

    #[test]
    fn the_wait_is_what_can_still_matter() {
        let wait = |args: &[&str]| task(&[&["-H", "a"], args].concat()).wait();
        assert_eq!(wait(&[]), Duration::from_secs(3));
        assert_eq!(wait(&["-w", "20,10%", "-c", "100ms,20%"]), Duration::from_secs(1));
        assert_eq!(wait(&["-c", "2s", "-n", "3"]), Duration::from_secs(8));
    }

    #[test]
    fn packets_fit_into_the_timeout() {
        let left = Duration::from_secs(8);
        let mut usual = task(&["-H", "a", "-n", "13"]);
        usual.interval = Interval::Usual(Duration::from_secs(1));
        assert_eq!(usual.plan(left).map(|plan| plan.interval), Ok(Duration::from_millis(500)));
        let given = task(&["-H", "a", "-n", "13", "-i", "1s"]);
        let failure = given.plan(left).expect_err("too many");
        assert_eq!(failure.message, "13 packets 1 s apart do not fit into the timeout, -t");
        assert!(given.plan(Duration::from_secs(20)).is_ok());
    }

    #[test]
    fn the_warning_is_no_higher_than_the_critical_limit() {
        let mut task = task(&["-H", "a"]);
        task.warning = Limits { rta: Some(5.0), loss: Some(1.0) };
        task.critical = Limits { rta: Some(3.0), loss: None };
        assert_eq!(task.limits().0, Limits { rta: Some(3.0), loss: Some(1.0) });
    }
}

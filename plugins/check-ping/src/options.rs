//! The command lines: the suite's own, and those of the namesakes.

use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::error::ErrorKind;
use net::family::FamilyArgs;
use net::icmp::MOST_PAYLOAD;
use plugin::{Range, Thresholds};

use crate::limits::{self, Limits};
use crate::task::{Interval, Manner, Task};

/// More packets than this keep their interval, whether they are answered or not.
const MOST_IN_HASTE: u16 = 20;
/// Where fping's own timeout follows its interval, the most.
const FPING_MOST: Duration = Duration::from_secs(2);

/// Limits that `check_icmp` has where none are given.
const USUAL_WARNING: Limits = Limits { rta: Some(0.2), loss: Some(40.0) };
const USUAL_CRITICAL: Limits = Limits { rta: Some(0.5), loss: Some(80.0) };

/// Pings hosts and checks round-trip time, loss and jitter
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "check-ping")]
pub(crate) struct OwnLine {
    /// Host name or address; may be repeated
    #[arg(short = 'H', long, value_name = "HOST", required = true)]
    host: Vec<String>,
    #[command(flatten)]
    family: FamilyArgs,
    /// WARNING when the average round trip or the loss reaches this, such as 100ms,20%; default: 200ms,40%
    #[arg(short, long, value_name = "TIME,LOSS%", value_parser = Limits::own, allow_hyphen_values = true)]
    warning: Option<Limits>,
    /// CRITICAL when the average round trip or the loss reaches this; default: 500ms,80%
    #[arg(short, long, value_name = "TIME,LOSS%", value_parser = Limits::own, allow_hyphen_values = true)]
    critical: Option<Limits>,
    /// WARNING when the jitter is outside this range, milliseconds or with a unit
    #[arg(long, value_name = "RANGE", value_parser = jitter, allow_hyphen_values = true)]
    warning_jitter: Option<Range>,
    /// CRITICAL when the jitter is outside this range
    #[arg(long, value_name = "RANGE", value_parser = jitter, allow_hyphen_values = true)]
    critical_jitter: Option<Range>,
    /// OK as soon as so many hosts are in order; default: all
    #[arg(short, long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    min_alive: Option<usize>,
    /// Packets to each host, 1 to 1000; more than 20 are sent as with --steady
    #[arg(short = 'n', long, value_name = "N", default_value = "5",
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// Time to the next packet where an answer is missing; default: 80ms, or less where the timeout wants it
    #[arg(short, long, value_name = "TIME", value_parser = limits::interval)]
    interval: Option<Duration>,
    /// Keep the interval also where the answer is in: loss over a longer time
    #[arg(long)]
    steady: bool,
    /// Least time between packets to different hosts while an answer is missing
    #[arg(short = 'I', long, value_name = "TIME", default_value = "0", value_parser = limits::pause)]
    host_interval: Duration,
    /// Bytes behind the ICMP header, 0 to 65507
    #[arg(short = 's', long, value_name = "BYTES", default_value = "68", value_parser = payload(0))]
    payload: usize,
    /// Do not let packets be fragmented: with --payload a test of the path's MTU
    #[arg(long)]
    dont_fragment: bool,
    /// Time to live of the packets, hop limit with IPv6; default: the kernel's
    #[arg(short = 'l', long, value_name = "HOPS", value_parser = clap::value_parser!(u8).range(1..))]
    ttl: Option<u8>,
    /// Send from this address, or from the first one of this interface
    #[arg(short = 'S', long, value_name = "ADDRESS|INTERFACE")]
    source: Option<String>,
    /// Send through this interface only
    #[arg(long, value_name = "INTERFACE")]
    interface: Option<String>,
}

impl From<OwnLine> for Task {
    fn from(line: OwnLine) -> Task {
        let critical = line.critical.unwrap_or_default().or(USUAL_CRITICAL);
        Task {
            manner: Manner::Own,
            hosts: line.host,
            family: line.family.into(),
            every_address: false,
            count: line.count,
            interval: line.interval.map_or(Interval::Usual(Duration::from_millis(80)), Interval::Given),
            steady: line.steady || line.count > MOST_IN_HASTE,
            host_interval: line.host_interval,
            payload: line.payload,
            ttl: line.ttl,
            dont_fragment: line.dont_fragment,
            source: line.source,
            interface: line.interface,
            // The usual warning gives way to a critical limit below it.
            warning: line.warning.unwrap_or_default().or(USUAL_WARNING.at_most(critical)),
            critical,
            jitter: Thresholds::new(line.warning_jitter, line.critical_jitter),
            min_alive: line.min_alive,
            answer_within: None,
            until_first: false,
            link: false,
        }
    }
}

/// Pings hosts and checks round-trip time and loss, as check_icmp does
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "check_icmp")]
pub(crate) struct IcmpLine {
    /// Host name or address; may be repeated
    #[arg(short = 'H', long, value_name = "HOST")]
    host: Vec<String>,
    /// More hosts, for old command lines
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
    #[command(flatten)]
    family: FamilyArgs,
    /// WARNING when the average round trip or the loss reaches this; default: 200ms,40%, check_host: 1s,100%
    #[arg(short, long, value_name = "TIME,LOSS%", value_parser = Limits::icmp, allow_hyphen_values = true)]
    warning: Option<Limits>,
    /// CRITICAL when the average round trip or the loss reaches this; default: 500ms,80%, check_host: 1s,100%
    #[arg(short, long, value_name = "TIME,LOSS%", value_parser = Limits::icmp, allow_hyphen_values = true)]
    critical: Option<Limits>,
    /// Send from this address, or from the first one of this interface
    #[arg(short, long, value_name = "ADDRESS|INTERFACE")]
    source: Option<String>,
    /// Packets to each host, 1 to 20
    #[arg(short = 'n', short_alias = 'p', long, value_name = "N", default_value = "5",
          value_parser = clap::value_parser!(u16).range(1..=20))]
    count: u16,
    /// Time to the next packet where an answer is missing
    #[arg(short, long, value_name = "TIME", default_value = "80ms", value_parser = limits::interval)]
    interval: Duration,
    /// Least time between packets to different hosts while an answer is missing
    #[arg(short = 'I', long, value_name = "TIME", default_value = "0", value_parser = limits::pause)]
    host_interval: Duration,
    /// OK as soon as so many hosts are in order; default: all
    #[arg(short, long, value_name = "N")]
    min_alive: Option<usize>,
    /// Time to live of the packets; 0: the kernel's
    #[arg(short = 'l', long, value_name = "HOPS", default_value = "0")]
    ttl: u8,
    /// Bytes behind the ICMP header, 52 to 65507
    #[arg(short = 'b', long, value_name = "BYTES", default_value = "68", value_parser = payload(52))]
    payload: usize,
}

impl IcmpLine {
    pub fn into_task(self, manner: Manner) -> Task {
        let second = Limits { rta: Some(1.0), loss: Some(100.0) };
        let usual = if manner == Manner::Host { (second, second) } else { (USUAL_WARNING, USUAL_CRITICAL) };
        Task {
            manner,
            hosts: self.host.into_iter().chain(self.hosts).collect(),
            family: self.family.into(),
            every_address: matches!(manner, Manner::Host | Manner::Multi),
            count: self.count,
            interval: Interval::Given(self.interval),
            steady: false,
            host_interval: self.host_interval,
            payload: self.payload,
            ttl: Some(self.ttl).filter(|ttl| *ttl > 0),
            dont_fragment: false,
            source: self.source,
            interface: None,
            warning: self.warning.unwrap_or_default().or(usual.0),
            critical: self.critical.unwrap_or_default().or(usual.1),
            jitter: Thresholds::default(),
            min_alive: self.min_alive,
            answer_within: None,
            until_first: manner == Manner::Host,
            link: false,
        }
    }
}

/// Pings a host and checks round-trip time and loss, as check_ping does
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "check_ping")]
pub(crate) struct PingLine {
    /// Host name or address; of several, parted by commas or repeated, one that answers is enough
    #[arg(short = 'H', long, value_name = "HOST", value_delimiter = ',')]
    hostname: Vec<String>,
    #[command(flatten)]
    family: FamilyArgs,
    /// WARNING when the average round trip (milliseconds) or the loss reaches this
    #[arg(short, long, value_name = "TIME,LOSS%", value_parser = Limits::ping, allow_hyphen_values = true)]
    warning: Option<Limits>,
    /// CRITICAL when the average round trip or the loss reaches this
    #[arg(short, long, value_name = "TIME,LOSS%", value_parser = Limits::ping, allow_hyphen_values = true)]
    critical: Option<Limits>,
    /// Packets to send; default: 5
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    packets: Option<u16>,
    /// Time from one packet to the next; default: 1s, or less where the timeout does not leave so much
    #[arg(long, value_name = "TIME", value_parser = limits::interval)]
    interval: Option<Duration>,
    /// Show a line with a link to a traceroute
    #[arg(short = 'L', long, overrides_with = "nohtml")]
    link: bool,
    /// Show no such line
    #[arg(short, long)]
    nohtml: bool,
    /// For old command lines: HOST, WARNING-LOSS, CRITICAL-LOSS, WARNING-TIME, CRITICAL-TIME, PACKETS, those that no option gave
    #[arg(value_name = "WORD")]
    words: Vec<String>,
}

impl PingLine {
    /// Errors where a word is none that fits, or a limit was not given.
    pub fn into_task(mut self) -> Result<Task, clap::Error> {
        let mut words = std::mem::take(&mut self.words).into_iter();
        let (mut warning, mut critical) =
            (self.warning.unwrap_or_default(), self.critical.unwrap_or_default());
        if self.hostname.is_empty() {
            self.hostname.extend(words.next());
        }
        for place in [&mut warning.loss, &mut critical.loss] {
            if place.is_none() {
                *place = words.next().map(|word| limits::loss_of(&word).map_err(wrong)).transpose()?;
            }
        }
        for place in [&mut warning.rta, &mut critical.rta] {
            if place.is_none() {
                *place = words.next().map(|word| limits::time(&word).map_err(wrong)).transpose()?;
            }
        }
        if self.packets.is_none() {
            let number = |word: String| match word.parse::<u16>() {
                Ok(packets) if packets > 0 => Ok(packets),
                _ => Err(wrong(format!("`{word}` is no number of packets"))),
            };
            self.packets = words.next().map(number).transpose()?;
        }
        if let Some(word) = words.next() {
            return Err(wrong(format!("`{word}` is one word too many")));
        }
        if [warning.rta, warning.loss, critical.rta, critical.loss].iter().any(Option::is_none) {
            return Err(wrong("-w and -c are needed, each with a time and a loss: -w 100,20% -c 500,60%"));
        }
        // Any of several is enough: as in the C plugin, which stops at the first that answers.
        let min_alive = (self.hostname.len() > 1).then_some(1);
        Ok(Task {
            manner: Manner::Ping,
            hosts: self.hostname,
            family: self.family.into(),
            every_address: false,
            count: self.packets.unwrap_or(5),
            interval: self.interval.map_or(Interval::Usual(Duration::from_secs(1)), Interval::Given),
            steady: true,
            host_interval: Duration::ZERO,
            payload: 56,
            ttl: None,
            dont_fragment: false,
            source: None,
            interface: None,
            warning,
            critical,
            jitter: Thresholds::default(),
            min_alive,
            answer_within: None,
            until_first: false,
            link: self.link && !self.nohtml,
        })
    }
}

/// Pings a host and checks round-trip time and loss, as check_fping does
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "check_fping")]
pub(crate) struct FpingLine {
    /// Host name or address
    #[arg(short = 'H', long, value_name = "HOST")]
    hostname: Option<String>,
    /// The same, for old command lines
    #[arg(value_name = "HOST", conflicts_with = "hostname")]
    host: Option<String>,
    #[command(flatten)]
    family: FamilyArgs,
    /// WARNING when the average round trip (milliseconds) or the loss is above this; default: never
    #[arg(short, long, value_name = "TIME,LOSS%", value_parser = Limits::ping, allow_hyphen_values = true)]
    warning: Option<Limits>,
    /// CRITICAL when the average round trip or the loss is above this; default: when no packet is answered
    #[arg(short, long, value_name = "TIME,LOSS%", value_parser = Limits::ping, allow_hyphen_values = true)]
    critical: Option<Limits>,
    /// OK after the first answer
    #[arg(short, long)]
    alive: bool,
    /// Bytes behind the ICMP header, 1 to 65507
    #[arg(short, long, value_name = "BYTES", default_value = "56", value_parser = payload(1))]
    bytes: usize,
    /// Packets to send
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    number: u16,
    /// An answer that takes longer is lost, milliseconds; default: the interval, 2000 at most
    #[arg(short = 'T', long, value_name = "TIME", value_parser = limits::interval)]
    target_timeout: Option<Duration>,
    /// Time from one packet to the next, milliseconds; default: 1000, or less where the timeout does not leave so much
    #[arg(short, long, value_name = "TIME", value_parser = limits::interval)]
    interval: Option<Duration>,
    /// Send from this address, or the one of this host name
    #[arg(short = 'S', long, value_name = "HOST")]
    sourceip: Option<String>,
    /// Send through this interface only
    #[arg(short = 'I', long, value_name = "INTERFACE")]
    sourceif: Option<String>,
}

impl FpingLine {
    /// Errors where no host is given.
    pub fn into_task(self) -> Result<Task, clap::Error> {
        let host = self.hostname.or(self.host).ok_or_else(|| wrong("no host is given"))?;
        let interval = self.interval.map_or(Interval::Usual(Duration::from_secs(1)), Interval::Given);
        Ok(Task {
            manner: Manner::Fping,
            hosts: vec![host],
            family: self.family.into(),
            every_address: false,
            count: self.number,
            interval,
            steady: true,
            host_interval: Duration::ZERO,
            payload: self.bytes,
            ttl: None,
            dont_fragment: false,
            source: self.sourceip,
            interface: self.sourceif,
            warning: self.warning.unwrap_or_default(),
            critical: self.critical.unwrap_or_default(),
            jitter: Thresholds::default(),
            min_alive: None,
            answer_within: Some(self.target_timeout.unwrap_or(interval.time().min(FPING_MOST))),
            until_first: self.alive,
            link: false,
        })
    }
}

fn wrong(message: impl std::fmt::Display) -> clap::Error {
    clap::Error::raw(ErrorKind::ValueValidation, message)
}

fn payload(least: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::<usize>::new().range(least..=MOST_PAYLOAD as u64)
}

fn jitter(text: &str) -> Result<Range, String> {
    Range::parse_with(text, |number| {
        let bare = number.ends_with(|c: char| c.is_ascii_digit() || c == '.');
        plugin::units::seconds(number).map(|value| if bare { value / 1000.0 } else { value })
    })
}

#[cfg(test)]
mod tests {
    use super::{FpingLine, IcmpLine, OwnLine, PingLine};
    use crate::limits::Limits;
    use crate::task::{Interval, Manner, Task};
    use clap::Parser as _;
    use std::time::Duration;

    fn own(args: &[&str]) -> Result<Task, clap::Error> {
        OwnLine::try_parse_from([&["check-ping"], args].concat()).map(Task::from)
    }

    fn icmp(args: &[&str]) -> Result<Task, clap::Error> {
        let line = IcmpLine::try_parse_from([&["check_icmp"], args].concat())?;
        Ok(line.into_task(Manner::Icmp))
    }

    fn ping(args: &[&str]) -> Result<Task, clap::Error> {
        PingLine::try_parse_from([&["check_ping"], args].concat())?.into_task()
    }

    fn fping(args: &[&str]) -> Result<Task, clap::Error> {
        FpingLine::try_parse_from([&["check_fping"], args].concat())?.into_task()
    }

    const fn limits(rta: f64, loss: f64) -> Limits {
        Limits { rta: Some(rta), loss: Some(loss) }
    }

    #[test]
    fn the_line_of_the_manifest() {
        let line = [
            "--host",
            "a",
            "--payload",
            "8922",
            "--dont-fragment",
            "--count",
            "5",
            "--critical",
            "100ms,20%",
        ];
        let task = own(&line).expect("readable");
        assert_eq!((task.payload, task.dont_fragment, task.count), (8922, true, 5));
        assert_eq!((task.warning, task.critical), (limits(0.1, 20.0), limits(0.1, 20.0)));
        assert!(task.validate(plugin::Dialect::Own).is_ok());
    }

    #[test]
    fn defaults_are_those_of_the_namesakes() {
        let task = icmp(&["a", "-H", "b"]).expect("readable");
        assert_eq!(task.hosts, ["b", "a"]);
        assert_eq!((task.warning, task.critical), (limits(0.2, 40.0), limits(0.5, 80.0)));
        assert_eq!((task.count, task.payload, task.interval.time()), (5, 68, Duration::from_millis(80)));
        let task = fping(&["a"]).expect("readable");
        assert_eq!((task.warning, task.critical), (Limits::default(), Limits::default()));
        assert_eq!(
            (task.count, task.payload, task.interval),
            (1, 56, Interval::Usual(Duration::from_secs(1)))
        );
        assert_eq!(task.answer_within, Some(Duration::from_secs(1)));
        let quick = fping(&["a", "-i", "20"]).expect("readable");
        assert_eq!(quick.answer_within, Some(Duration::from_millis(20)));
        let own = own(&["-H", "a", "-w", "50%"]).expect("readable");
        assert_eq!((own.warning, own.steady), (limits(0.2, 50.0), false));
    }

    #[test]
    fn many_packets_are_not_sent_in_haste() {
        assert!(own(&["-H", "a", "-n", "21"]).is_ok_and(|task| task.steady));
        assert!(own(&["-H", "a", "-n", "20"]).is_ok_and(|task| !task.steady));
    }

    #[test]
    fn old_words_fill_what_no_option_gave() {
        let words = ping(&["a", "20", "40", "100", "200", "3"]).expect("readable");
        assert_eq!((words.hosts, words.count), (vec!["a".to_owned()], 3));
        assert_eq!((words.warning, words.critical), (limits(0.1, 20.0), limits(0.2, 40.0)));
        let mixed = ping(&["-w", "100,20%", "a", "40", "200"]).expect("readable");
        assert_eq!((mixed.critical, mixed.count), (limits(0.2, 40.0), 5));
        let two = ping(&["-H", "a,b", "-w", "1,1%", "-c", "2,2%"]).expect("readable");
        assert_eq!((two.hosts, two.min_alive), (vec!["a".to_owned(), "b".to_owned()], Some(1)));
    }

    #[test]
    fn wrong_lines_are_refused() {
        for args in
            [&[][..], &["-H", "a", "-n", "0"], &["-H", "a", "-n", "1001"], &["-H", "a", "-s", "65508"]]
        {
            assert!(own(args).is_err(), "{args:?}");
        }
        for args in [&["a", "-n", "21"][..], &["a", "-b", "51"], &["a", "-l", "256"], &["a", "-i", "x"]] {
            assert!(icmp(args).is_err(), "{args:?}");
        }
        for args in [
            &["a"][..],
            &["a", "-w", "1,1%"],
            &["a", "-w", "1", "-c", "2"],
            &["a", "x", "40", "100", "200"],
            &["a", "20", "40", "100", "200", "0"],
            &["a", "20", "40", "100", "200", "3", "4"],
            &["a", "-w", "1,1%", "-c", "2,2%", "-p", "0"],
        ] {
            assert!(ping(args).is_err(), "{args:?}");
        }
        for args in [&[][..], &["a", "b"], &["a", "-H", "b"], &["a", "-n", "0"], &["a", "-T", "0"]] {
            assert!(fping(args).is_err(), "{args:?}");
        }
    }
}

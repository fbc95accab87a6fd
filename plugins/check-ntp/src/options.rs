//! The command lines: the suite's own, and those of the namesakes, whose letters conflict.

use clap::{ArgAction, value_parser};
use net::Family;
use net::family::FamilyArgs;
use plugin::{Failure, Range, Reason, Result, Thresholds, units};

use crate::client::Ask;

/// Exchanges with each server, as the C plugins have them.
const SAMPLES: &str = "4";

/// What to do, however it was said.
#[derive(Debug, Clone)]
pub(crate) enum Task {
    /// Ask servers for the time, and compare it with this host's.
    Time(Box<Time>),
    /// Ask a server about its own sources.
    Peer(Box<Peer>),
}

/// Ask servers for the time. Ranges are of seconds, that of the offset of its amount.
#[derive(Debug, Clone)]
pub(crate) struct Time {
    pub hosts: Vec<String>,
    pub ask: Ask,
    /// UNKNOWN where a server answers, but without a time.
    pub quiet: bool,
    /// Added to every offset, seconds.
    pub shift: f64,
    /// So many servers have to be in order; without it all of them.
    pub min_servers: Option<usize>,
    pub offset: Thresholds,
    pub spread: Thresholds,
    pub stratum: Thresholds,
    pub jitter: Thresholds,
    pub delay: Thresholds,
    pub root_delay: Thresholds,
    pub root_dispersion: Thresholds,
}

/// Ask a server about its sources.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub host: String,
    pub port: u16,
    pub family: Family,
    /// UNKNOWN where the server is not synchronised.
    pub quiet: bool,
    /// Seconds, of the amount of the offset.
    pub offset: Thresholds,
    /// Each is looked at only where one of its ranges is given; the other one then has a default.
    pub stratum: Option<Thresholds>,
    /// Milliseconds.
    pub jitter: Option<Thresholds>,
    pub truechimers: Option<Thresholds>,
}

/// Asks time servers for the time and judges offset, stratum, leap indicator and agreement
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "check-ntp")]
pub(crate) struct OwnLine {
    /// Server to ask, by name or address; repeated: all of them, which then have to agree
    #[arg(short = 'H', long, visible_alias = "hostname", value_name = "HOST", required = true, action = ArgAction::Append)]
    host: Vec<String>,
    /// Port of the servers
    #[arg(short, long, value_name = "PORT", default_value = "123", value_parser = port)]
    port: u16,
    #[command(flatten)]
    family: FamilyArgs,
    /// WARNING when the offset, whatever its sign, is outside this range: seconds, or 250ms
    #[arg(short, long, value_name = "RANGE", default_value = "60", allow_hyphen_values = true, value_parser = seconds)]
    warning: Range,
    /// CRITICAL when the offset, whatever its sign, is outside this range: seconds, or 250ms
    #[arg(short, long, value_name = "RANGE", default_value = "120", allow_hyphen_values = true, value_parser = seconds)]
    critical: Range,
    /// Add this to the measured offset, for a server that is known to be wrong: seconds, or 250ms
    #[arg(short = 'o', long, value_name = "TIME", default_value = "0", allow_hyphen_values = true, value_parser = number)]
    time_offset: f64,
    /// UNKNOWN instead of CRITICAL when a server answers, but is not synchronised
    #[arg(short, long)]
    quiet: bool,
    /// Ask each server so many times: the quickest exchange counts, all of them make the jitter
    #[arg(long, value_name = "COUNT", default_value = SAMPLES, value_parser = value_parser!(u8).range(1..=16))]
    samples: u8,
    /// So many servers have to be synchronised and agree; default: all of them
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u16).range(1..))]
    min_servers: Option<u16>,
    /// WARNING when the offsets of the servers differ by more: seconds, or 250ms; default: as --warning
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    spread_warning: Option<Range>,
    /// CRITICAL when the offsets of the servers differ by more: seconds, or 250ms; default: as --critical
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    spread_critical: Option<Range>,
    /// WARNING when a stratum is outside this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    stratum_warning: Option<Range>,
    /// CRITICAL when a stratum is outside this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    stratum_critical: Option<Range>,
    /// WARNING when the jitter of the exchanges is outside this range: seconds, or 5ms
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    jitter_warning: Option<Range>,
    /// CRITICAL when the jitter of the exchanges is outside this range: seconds, or 5ms
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    jitter_critical: Option<Range>,
    /// WARNING when the way to a server and back takes longer: seconds, or 50ms
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    delay_warning: Option<Range>,
    /// CRITICAL when the way to a server and back takes longer: seconds, or 50ms
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    delay_critical: Option<Range>,
    /// WARNING when a server's way to its reference clock and back takes longer: seconds, or 50ms
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    root_delay_warning: Option<Range>,
    /// CRITICAL when a server's way to its reference clock and back takes longer: seconds, or 50ms
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    root_delay_critical: Option<Range>,
    /// WARNING when the error that a server reckons with (root dispersion) is outside this range: seconds, or 50ms
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    root_dispersion_warning: Option<Range>,
    /// CRITICAL when the error that a server reckons with (root dispersion) is outside this range: seconds, or 50ms
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    root_dispersion_critical: Option<Range>,
}

/// Asks a time server for the time and judges how far this host's clock is from it
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "check_ntp_time")]
pub(crate) struct TimeLine {
    /// Server to ask, by name or address
    #[arg(short = 'H', long, value_name = "HOST", required = true)]
    hostname: String,
    /// Port of the server
    #[arg(short, long, value_name = "PORT", default_value = "123", value_parser = port)]
    port: u16,
    #[command(flatten)]
    family: FamilyArgs,
    /// UNKNOWN instead of CRITICAL when the server answers, but without a time
    #[arg(short, long)]
    quiet: bool,
    /// WARNING when the offset, whatever its sign, is outside this range, seconds
    #[arg(short, long, value_name = "RANGE", default_value = "60", allow_hyphen_values = true, value_parser = seconds)]
    warning: Range,
    /// CRITICAL when the offset, whatever its sign, is outside this range, seconds
    #[arg(short, long, value_name = "RANGE", default_value = "120", allow_hyphen_values = true, value_parser = seconds)]
    critical: Range,
    /// Add this to the measured offset, for a server that is known to be wrong, seconds
    #[arg(short = 'o', long, value_name = "SECONDS", default_value = "0", allow_hyphen_values = true, value_parser = number)]
    time_offset: f64,
}

/// Asks a time server about its own sources (mode 6) and judges offset, jitter, stratum and how many are credible
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "check_ntp_peer")]
pub(crate) struct PeerLine {
    /// Server to ask, by name or address
    #[arg(short = 'H', long, value_name = "HOST", required = true)]
    hostname: String,
    /// Port of the server
    #[arg(short, long, value_name = "PORT", default_value = "123", value_parser = port)]
    port: u16,
    #[command(flatten)]
    family: FamilyArgs,
    /// UNKNOWN instead of CRITICAL or WARNING when the server is not synchronised
    #[arg(short, long)]
    quiet: bool,
    /// WARNING when the server's offset from its source, whatever its sign, is outside this range, seconds
    #[arg(short, long, value_name = "RANGE", default_value = "60", allow_hyphen_values = true, value_parser = seconds)]
    warning: Range,
    /// CRITICAL when the server's offset from its source, whatever its sign, is outside this range, seconds
    #[arg(short, long, value_name = "RANGE", default_value = "120", allow_hyphen_values = true, value_parser = seconds)]
    critical: Range,
    /// WARNING when the stratum of its source is outside this range; -1:16 where only --scrit is given
    #[arg(short = 'W', long, value_name = "RANGE", allow_hyphen_values = true)]
    swarn: Option<Range>,
    /// CRITICAL when the stratum of its source is outside this range; -1:16 where only --swarn is given
    #[arg(short = 'C', long, value_name = "RANGE", allow_hyphen_values = true)]
    scrit: Option<Range>,
    /// WARNING when the jitter of its source is outside this range, milliseconds; -1:5000 where only --jcrit is given
    #[arg(short = 'j', long, value_name = "RANGE", allow_hyphen_values = true)]
    jwarn: Option<Range>,
    /// CRITICAL when the jitter of its source is outside this range, milliseconds; -1:10000 where only --jwarn is given
    #[arg(short = 'k', long, value_name = "RANGE", allow_hyphen_values = true)]
    jcrit: Option<Range>,
    /// WARNING when the number of credible sources (truechimers) is outside this range
    #[arg(short = 'm', long, value_name = "RANGE", allow_hyphen_values = true)]
    twarn: Option<Range>,
    /// CRITICAL when the number of credible sources (truechimers) is outside this range
    #[arg(short = 'n', long, value_name = "RANGE", allow_hyphen_values = true)]
    tcrit: Option<Range>,
}

impl From<OwnLine> for Task {
    fn from(line: OwnLine) -> Task {
        let spread = Thresholds::new(
            line.spread_warning.or_else(|| Some(line.warning.clone())),
            line.spread_critical.or_else(|| Some(line.critical.clone())),
        );
        Task::Time(Box::new(Time {
            hosts: line.host,
            ask: Ask { port: line.port, family: line.family.into(), samples: line.samples.into() },
            quiet: line.quiet,
            shift: line.time_offset,
            min_servers: line.min_servers.map(usize::from),
            offset: Thresholds::new(Some(line.warning), Some(line.critical)),
            spread,
            stratum: Thresholds::new(line.stratum_warning, line.stratum_critical),
            jitter: Thresholds::new(line.jitter_warning, line.jitter_critical),
            delay: Thresholds::new(line.delay_warning, line.delay_critical),
            root_delay: Thresholds::new(line.root_delay_warning, line.root_delay_critical),
            root_dispersion: Thresholds::new(line.root_dispersion_warning, line.root_dispersion_critical),
        }))
    }
}

impl From<TimeLine> for Task {
    fn from(line: TimeLine) -> Task {
        let unset = Thresholds::default;
        Task::Time(Box::new(Time {
            hosts: vec![line.hostname],
            ask: Ask { port: line.port, family: line.family.into(), samples: 4 },
            quiet: line.quiet,
            shift: line.time_offset,
            min_servers: None,
            offset: Thresholds::new(Some(line.warning), Some(line.critical)),
            spread: unset(),
            stratum: unset(),
            jitter: unset(),
            delay: unset(),
            root_delay: unset(),
            root_dispersion: unset(),
        }))
    }
}

impl From<PeerLine> for Task {
    fn from(line: PeerLine) -> Task {
        let both = |warning: Option<Range>, critical: Option<Range>, defaults: [&str; 2]| {
            let or = |range: Option<Range>, default: &str| range.or_else(|| default.parse().ok());
            (warning.is_some() || critical.is_some())
                .then(|| Thresholds::new(or(warning, defaults[0]), or(critical, defaults[1])))
        };
        Task::Peer(Box::new(Peer {
            host: line.hostname,
            port: line.port,
            family: line.family.into(),
            quiet: line.quiet,
            offset: Thresholds::new(Some(line.warning), Some(line.critical)),
            stratum: both(line.swarn, line.scrit, ["-1:16", "-1:16"]),
            jitter: both(line.jwarn, line.jcrit, ["-1:5000", "-1:10000"]),
            truechimers: both(line.twarn, line.tcrit, ["0:", "0:"]),
        }))
    }
}

impl Time {
    /// What no command line can mean, though each of its options can be read.
    pub(crate) fn validate(&self) -> Result<()> {
        let usage = |message: String| Err(Failure::new(Reason::Usage, message));
        let servers = self.hosts.len();
        for (n, host) in self.hosts.iter().enumerate() {
            if host.is_empty() || host.starts_with('/') {
                return usage(format!("`{host}`: a time server has a name or an address"));
            }
            if self.hosts[..n].contains(host) {
                return usage(format!("--host {host} is given twice"));
            }
        }
        match self.min_servers {
            Some(least) if least > servers => {
                usage(format!("--min-servers {least}, but there are {servers}"))
            }
            _ => Ok(()),
        }
    }
}

// C's getaddrinfo knows this name too.
fn port(text: &str) -> Result<u16, String> {
    match text {
        "ntp" => Ok(123),
        _ => text.parse().ok().filter(|port| *port > 0).ok_or_else(|| "a port is 1 to 65535, or ntp".into()),
    }
}

fn number(text: &str) -> Result<f64, String> {
    let plain = text.trim().parse::<f64>();
    let value = plain.or_else(|_| units::seconds(text))?;
    // So that adding it to an offset stays a number that people can read.
    if value.abs() <= 1e10 { Ok(value) } else { Err(format!("`{text}` is no time that can be")) }
}

fn seconds(text: &str) -> Result<Range, String> {
    Range::parse_with(text, number)
}

#[cfg(test)]
mod tests {
    use super::{OwnLine, Peer, PeerLine, Task, Time, TimeLine};
    use clap::Parser;
    use plugin::Thresholds;

    fn read<L: Parser + Into<Task>>(args: &[&str]) -> Result<Task, String> {
        L::try_parse_from([&["x"], args].concat()).map(Into::into).map_err(|error| error.to_string())
    }

    fn time<L: Parser + Into<Task>>(args: &[&str]) -> Time {
        match read::<L>(args) {
            Ok(Task::Time(time)) => *time,
            other => panic!("{other:?}"),
        }
    }

    fn peer(args: &[&str]) -> Peer {
        match read::<PeerLine>(args) {
            Ok(Task::Peer(peer)) => *peer,
            other => panic!("{other:?}"),
        }
    }

    fn shown(limits: &Thresholds) -> [String; 2] {
        [&limits.warning, &limits.critical]
            .map(|range| range.as_ref().map(ToString::to_string).unwrap_or_default())
    }

    #[test]
    fn the_manifest_example_and_its_defaults() {
        let time = time::<OwnLine>(&["--host", "10.10.0.123", "--warning", "250ms", "--critical", "2s"]);
        assert_eq!(
            (time.hosts.as_slice(), time.ask.port, time.ask.samples),
            (&["10.10.0.123".to_owned()][..], 123, 4)
        );
        assert_eq!(shown(&time.offset), ["0.25", "2"]);
        assert_eq!(shown(&time.spread), ["0.25", "2"]);
        assert!(
            time.stratum.is_empty() && time.jitter.is_empty() && time.min_servers.is_none() && !time.quiet
        );
    }

    #[test]
    fn the_namesakes_defaults() {
        let time = time::<TimeLine>(&["-H", "a", "-p", "ntp", "-o", "-5"]);
        assert_eq!((shown(&time.offset), time.ask.port), (["60".into(), "120".into()], 123));
        assert_eq!(time.shift.to_string(), "-5");
        let peer = peer(&["-H", "a", "-W", "4", "-k", "3", "-n", "@3"]);
        assert_eq!(shown(&peer.offset), ["60", "120"]);
        assert_eq!(peer.stratum.as_ref().map(shown), Some(["4".into(), "-1:16".into()]));
        assert_eq!(peer.jitter.as_ref().map(shown), Some(["-1:5000".into(), "3".into()]));
        assert_eq!(peer.truechimers.as_ref().map(shown), Some(["0:".into(), "@3".into()]));
    }

    #[test]
    fn what_would_be_misread_is_refused() {
        for bad in
            [&["-w", "5x"][..], &["-w", ""], &["-w", "nan"], &["-p", "0"], &["-p", "65536"], &["-o", "x"]]
        {
            assert!(read::<TimeLine>(&[&["-H", "a"], bad].concat()).is_err(), "{bad:?}");
            assert!(read::<OwnLine>(&[&["-H", "a"], bad].concat()).is_err(), "{bad:?}");
        }
        assert!(read::<TimeLine>(&["-p", "1"]).is_err());
        assert!(read::<PeerLine>(&["-H", "a", "-W", "x"]).is_err());
        let hosts = |args: &[&str]| time::<OwnLine>(args).validate().map_err(|failure| failure.message);
        assert_eq!(hosts(&["-H", "a", "-H", "b", "--min-servers", "2"]), Ok(()));
        assert_eq!(hosts(&["-H", "a", "--min-servers", "2"]), Err("--min-servers 2, but there are 1".into()));
        assert_eq!(hosts(&["-H", "a", "-H", "a"]), Err("--host a is given twice".into()));
    }
}

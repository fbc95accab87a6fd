//! What an engine says of one check, before anything is made of it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// What results are pulled from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Kind {
    /// Sensu Go: events, of its API or saved
    SensuGo,
    /// Sensu Classic: results, of its API or saved
    SensuClassic,
    /// Icinga 2: services, of its API or saved
    Icinga2,
    /// Nagios Core: its status.dat, or its CGIs
    Nagios,
    /// What `mdd run --format json` wrote on another machine
    Mdd,
}

impl Kind {
    /// Its name on the command line and in the history.
    pub fn name(self) -> &'static str {
        match self {
            Kind::SensuGo => "sensu-go",
            Kind::SensuClassic => "sensu-classic",
            Kind::Icinga2 => "icinga2",
            Kind::Nagios => "nagios",
            Kind::Mdd => "mdd",
        }
    }
}

/// Where a pull's results come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The engine.
    pub kind: Kind,
    /// Its address or the file's path. Never holds a secret.
    pub name: String,
    /// When the engine's data was made: `created` of a status.dat, a file's own time, now for a live API.
    pub taken: Timestamp,
}

impl fmt::Display for Source {
    /// As the history keeps it: `sensu-go https://sensu.iad2.example.net`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.name)
    }
}

/// All that one document, or one round of an API, says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Haul {
    /// When the engine's data was made.
    pub taken: Timestamp,
    /// One for each check that the engine has, ours or not.
    pub sightings: Vec<Sighting>,
}

/// What an engine says of one check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sighting {
    /// Name of the host, client or proxy entity that the engine files it under. The export's is the datacenter's id.
    pub host: String,
    /// The engine's name of the check or service.
    pub name: String,
    /// What the export wrote on it.
    pub labels: Labels,
    /// Vantage point it ran from, when the engine can tell. Several are one text that is no vantage point's name.
    pub vantage: Option<String>,
    /// What the engine runs for it.
    pub runs: Runs,
    /// The newest result.
    pub said: Said,
    /// When that was executed; none when the check has never run.
    pub executed: Option<Timestamp>,
    /// How long it took.
    pub took: Duration,
    /// Results before it, oldest first, with their times where the engine keeps them. The newest may be among them.
    pub history: Vec<(i64, Option<Timestamp>)>,
    /// Why the engine's own fields say that no execution made the newest result: a passive one, one resolved by hand.
    pub not_run: Option<String>,
    /// By whom, until when and why it is silenced in the engine; for people.
    pub silenced: Option<String>,
    /// Agent that ran it; for people.
    pub by: Option<String>,
}

/// What the export wrote on a check; none where the engine has no such label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    /// `mdd_platform`.
    pub platform: Option<String>,
    /// `mdd_dc`.
    pub dc: Option<String>,
    /// `mdd_point`.
    pub point: Option<String>,
    /// `mdd_instance`; empty, or missing in engines that keep no empty labels, without `for_each`.
    pub instance: Option<String>,
    /// `mdd_check`: hash of the check as it was exported.
    pub check: Option<String>,
}

impl Labels {
    /// Reads them from whatever keeps an engine's labels: `find("mdd_dc")`. Empty values are none, but of the instance.
    pub fn find(find: impl Fn(&str) -> Option<String>) -> Self {
        let filled = |name| find(name).filter(|value| !value.is_empty());
        Labels {
            platform: filled("mdd_platform"),
            dc: filled("mdd_dc"),
            point: filled("mdd_point"),
            instance: find("mdd_instance"),
            check: filled("mdd_check"),
        }
    }
}

/// What an engine runs for a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Runs {
    /// One line, in the engine's own writing.
    Command(String),
    /// Program and arguments as they were executed.
    Argv(Vec<String>),
    /// The engine does not tell; then the label `mdd_check` has to be there.
    #[default]
    Unknown,
}

/// A result as the engine gives it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// Exit code, whatever the engine made of it.
    pub code: i64,
    /// Output, with its line ends; performance data too, unless the engine keeps it apart.
    pub output: String,
    /// Performance data, when the engine keeps it apart.
    pub perf: Option<String>,
}

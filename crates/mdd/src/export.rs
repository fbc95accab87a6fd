//! A manifest as the configuration of a monitoring engine: the same argument lists, written the way each engine reads them.
//!
//! Each engine has a module with `draft`, a pure function from a datacenter's [`Request`] to the [`Draft`] of its files,
//! and `line`, the one line of a check. What is written depends on the manifest alone, never on the time, the revision
//! or mdd's version.

pub mod encode;
pub mod folder;
pub mod icinga2;
pub mod item;
pub mod nagios;
pub mod nrpe;
pub mod prometheus;
pub mod rollup;
pub mod sensu;
pub mod sensu_classic;
pub mod sensu_go;

use std::collections::{BTreeMap, BTreeSet};

pub use encode::Refusal;
pub use item::Item;
pub use rollup::Rollup;

use crate::plan::{Plan, Stage};

/// Where an export goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Target {
    /// Sensu Go: resources for `sensuctl create -f`
    SensuGo,
    /// Sensu Classic: JSON for conf.d
    SensuClassic,
    /// Nagios Core: objects, each check run by the server itself
    Nagios,
    /// NRPE: a command per check for the agents, and the Nagios objects that ask for them
    Nrpe,
    /// Icinga 2: objects, zones and endpoints
    Icinga2,
    /// Prometheus: alert rules, and a textfile of the history
    Prometheus,
}

/// How a check's command is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Style {
    /// The plugin's own line, which anyone can copy into a terminal
    #[default]
    Direct,
    /// `mdd exec DC/POINT`: no quoting; mdd and the manifest have to be on the agents
    Exec,
}

/// What may page somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Alerts {
    /// One roll-up check per owner: root causes of a live datacenter, and what regressed after a gate
    #[default]
    Owners,
    /// Every check by itself
    Points,
}

/// What to export of one datacenter.
#[derive(Debug, Clone, Copy)]
pub struct Request<'p> {
    /// The datacenter.
    pub plan: &'p Plan,
    /// How commands are written.
    pub style: Style,
    /// What may page somebody.
    pub alerts: Alerts,
    /// Whether waivers become silences, where the engine has them.
    pub silences: bool,
}

impl<'p> Request<'p> {
    /// What the engine schedules, sorted by name. A retired datacenter has nothing; nor has a point that waits for a
    /// value.
    pub fn items(&self) -> Vec<Item<'p>> {
        if self.plan.stage == Stage::Retired { Vec::new() } else { item::items(self.plan) }
    }

    /// The roll-up checks, sorted by name; none with `--alerts points`.
    pub fn rollups(&self) -> Vec<Rollup> {
        match self.alerts {
            Alerts::Owners if self.plan.stage != Stage::Retired => rollup::rollups(self.plan),
            Alerts::Owners | Alerts::Points => Vec::new(),
        }
    }

    /// What every engine has to say about points that it is not given.
    pub fn notices(&self) -> Vec<String> {
        let plan = self.plan;
        if plan.stage == Stage::Retired {
            return vec![format!("{} is retired: nothing is exported", plan.dc)];
        }
        let waits = plan.points.iter().filter(|point| !point.missing.is_empty());
        waits
            .map(|point| format!("{}: waits for the value of {}", point.id, point.missing.join(", ")))
            .collect()
    }
}

/// An object of an engine, for the list of what an export holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// The engine's word for it, without blanks: `CheckConfig`, `service`.
    pub kind: String,
    /// Its name, as the commands that delete it need it: `iad2/dns-internal`.
    pub name: String,
}

/// The files of one datacenter for one engine.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// By name, relative to the datacenter's folder, at most one folder deep.
    pub files: BTreeMap<String, String>,
    /// What they hold.
    pub objects: BTreeSet<Object>,
    /// What whoever exports has to know.
    pub notices: Vec<String>,
    /// What the engine cannot be given. Nothing is written then.
    pub refusals: Vec<Refused>,
    /// How the engine takes the files: commands, or a sentence. `{}` stands for the datacenter's folder.
    pub apply: Vec<String>,
}

/// Something that an engine cannot be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The point's id, or the roll-up's name.
    pub who: String,
    /// Why, and the way out.
    pub why: Refusal,
}

impl Draft {
    /// Remembers a refusal, and gives what was not refused.
    pub fn accept<T>(&mut self, who: &str, tried: Result<T, Refusal>) -> Option<T> {
        match tried {
            Ok(made) => Some(made),
            Err(why) => {
                self.refusals.push(Refused { who: who.to_owned(), why });
                None
            }
        }
    }

    /// Adds an object to the list.
    pub fn holds(&mut self, kind: &str, name: impl Into<String>) {
        self.objects.insert(Object { kind: kind.to_owned(), name: name.into() });
    }
}

impl Target {
    /// Its name on the command line, in INDEX and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Target::SensuGo => "sensu-go",
            Target::SensuClassic => "sensu-classic",
            Target::Nagios => "nagios",
            Target::Nrpe => "nrpe",
            Target::Icinga2 => "icinga2",
            Target::Prometheus => "prometheus",
        }
    }

    /// The files of one datacenter.
    pub fn draft(self, request: &Request<'_>) -> Draft {
        match self {
            Target::SensuGo => sensu_go::draft(request),
            Target::SensuClassic => sensu_classic::draft(request),
            Target::Nagios => nagios::draft(request),
            Target::Nrpe => nrpe::draft(request),
            Target::Icinga2 => icinga2::draft(request),
            Target::Prometheus => prometheus::draft(request),
        }
    }

    /// The one line of a check, as the engine reads it.
    ///
    /// # Errors
    /// The engine cannot be given it.
    pub fn line(self, item: &Item<'_>, style: Style) -> Result<String, Refusal> {
        match self {
            Target::SensuGo => sensu_go::line(item, style),
            Target::SensuClassic => sensu_classic::line(item, style),
            Target::Nagios => nagios::line(item, style),
            Target::Nrpe => nrpe::line(item, style),
            Target::Icinga2 => icinga2::line(item, style),
            Target::Prometheus => prometheus::line(item, style),
        }
    }

    /// The commands that delete an object and the events of it, for a datacenter whose export no longer holds it.
    pub fn delete(self, dc: &str, object: &Object) -> Vec<String> {
        match self {
            Target::SensuGo => sensu_go::delete(dc, object),
            Target::SensuClassic => sensu_classic::delete(dc, object),
            Target::Nagios => nagios::delete(dc, object),
            Target::Nrpe => nrpe::delete(dc, object),
            Target::Icinga2 => icinga2::delete(dc, object),
            Target::Prometheus => prometheus::delete(dc, object),
        }
    }
}

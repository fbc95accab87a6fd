//! What the commands that run and judge share: the plan, the chosen points, the vantage point, the history.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::Global;
use crate::engine::Facts;
use crate::engine::alerts::Gate;
use crate::engine::execute::Launcher;
use crate::engine::snapshot::{Snapshot, snapshot};
use crate::engine::state::Options;
use crate::engine::stop::{Stop, keep_children};
use crate::exit::{Error, Exit};
use crate::history::{self, History, provenance::Provenance};
use crate::manifest::Manifest;
use crate::plan::{Dependency, Plan, Point, Vantage};
use crate::render::formats::Format;
use crate::render::style::Style;
use crate::select::Selector;

/// A datacenter's plan, and where its history is.
#[derive(Debug)]
pub struct Context {
    /// The plan.
    pub plan: Plan,
    /// Plans of other datacenters that it depends on.
    pub others: Vec<Plan>,
    /// Where the plan comes from.
    pub provenance: Provenance,
    /// The history's file.
    pub state: PathBuf,
}

impl Context {
    /// Reads the manifest and makes the plan of one datacenter.
    ///
    /// # Errors
    /// A manifest that does not hold together, an unknown datacenter.
    pub fn load(global: &Global, dc: &str) -> Result<Self, Error> {
        Context::of(&global.manifest()?, global, dc)
    }

    /// The same, of a manifest that is read already.
    ///
    /// # Errors
    /// An unknown datacenter.
    pub fn of(manifest: &Manifest, global: &Global, dc: &str) -> Result<Self, Error> {
        keep_children().map_err(|error| Error::own(format!("listen for ended children: {error}")))?;
        let (plan, others) = plans(manifest, dc)?;
        let provenance = Provenance::of(&plan, &global.manifest_path());
        Ok(Context { plan, others, provenance, state: global.state_path() })
    }

    /// The history, to write to.
    ///
    /// # Errors
    /// As [`History::open`].
    pub fn history(&self) -> Result<History, Error> {
        Ok(History::open(&self.state)?.with_others(self.others.clone()))
    }

    /// The datacenter as the history knows it.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn snapshot(&self, options: &Options) -> Result<Snapshot<'_>, Error> {
        let facts = history::facts(&self.state, &self.plan, self.others.clone(), options)?;
        Ok(snapshot(&self.plan, &facts, options))
    }

    /// Ids of the points that a selection takes; `state:` looks at the history.
    ///
    /// # Errors
    /// A selection that cannot be read, or that matches nothing.
    pub fn choose(&self, words: &[String], options: &Options) -> Result<BTreeSet<String>, Error> {
        let selector = Selector::parse(words).map_err(Error::usage)?;
        let states = if selector.has_state() { Some(self.snapshot(options)?) } else { None };
        let takes = |point: &&Point| {
            let state = states.as_ref().and_then(|states| states.entry(&point.id));
            selector.takes(point)
                && state.is_none_or(|entry| selector.takes_state(entry.judgement.state.key()))
        };
        let chosen: BTreeSet<String> =
            self.plan.points.iter().filter(takes).map(|point| point.id.clone()).collect();
        if chosen.is_empty() {
            let what = if words.is_empty() {
                format!("{} has no points", self.plan.dc)
            } else {
                format!("no point of {} matches `{}`", self.plan.dc, words.join(" "))
            };
            return Err(Error::usage(what));
        }
        Ok(chosen)
    }

    /// The declared vantage point of that name.
    ///
    /// # Errors
    /// None is declared under it.
    pub fn vantage(&self, id: &str) -> Result<&Vantage, Error> {
        self.plan.vantages.iter().find(|vantage| vantage.id == id).ok_or_else(|| {
            let known: Vec<&str> = self.plan.vantages.iter().map(|vantage| vantage.id.as_str()).collect();
            Error::usage(format!(
                "`{id}` is no vantage point of the manifest; declared: {}",
                known.join(", ")
            ))
        })
    }

    /// What starts its checks.
    pub fn launcher(&self, global: &Global, stop: &Stop) -> Launcher {
        Launcher::new(global.programs(), &self.plan, stop.clone())
    }

    /// Points that a milestone needs: its own and those of all before it. The last one needs every point.
    ///
    /// # Errors
    /// There is no such milestone.
    pub fn until_milestone(&self, id: &str) -> Result<BTreeSet<String>, Error> {
        self.plan.needed_for(id).ok_or_else(|| {
            let known: Vec<&str> =
                self.plan.milestones.iter().map(|milestone| milestone.id.as_str()).collect();
            Error::usage(format!("there is no milestone `{id}`; known: {}", known.join(", ")))
        })
    }
}

/// The plan of one datacenter, and those of others that it depends on.
///
/// # Errors
/// An unknown datacenter.
pub fn plans(manifest: &Manifest, dc: &str) -> Result<(Plan, Vec<Plan>), Error> {
    let plan = manifest.plan(dc)?;
    let elsewhere: BTreeSet<&str> = plan
        .points
        .iter()
        .flat_map(|point| &point.depends_on)
        .filter_map(|dependency| match dependency {
            Dependency::Elsewhere(dc, _) => Some(dc.as_str()),
            Dependency::Point(_) | Dependency::Group(_) => None,
        })
        .collect();
    let others = elsewhere.into_iter().map(|dc| manifest.plan(dc)).collect::<Result<_, _>>()?;
    Ok((plan, others))
}

/// What the history knows of a plan, and the gates that were recorded; nothing when there is no history yet.
///
/// # Errors
/// As [`History::read`].
pub fn known(
    state: &Path,
    plan: &Plan,
    others: &[Plan],
    options: &Options,
) -> Result<(Facts, Vec<Gate>), Error> {
    let Some(history) = History::read(state)? else { return Ok((Facts::none(), Vec::new())) };
    let history = history.with_others(others.to_vec());
    Ok((history.facts(plan, options)?, history.gates(&plan.dc, options.now)?))
}

impl Global {
    /// How to draw on standard output.
    pub fn style(&self) -> Style {
        Style { color: self.colored(), ascii: self.ascii }
    }
}

/// A flag that signals set.
///
/// # Errors
/// The kernel refuses a handler.
pub fn stop() -> Result<Stop, Error> {
    Stop::on_signals().map_err(|error| Error::own(format!("listen for signals: {error}")))
}

/// Says that nothing of an interrupted run was kept.
///
/// # Errors
/// As a plugin, what it says, which is UNKNOWN then.
pub fn interrupted(format: Format) -> Result<Exit, Error> {
    const TEXT: &str = "interrupted: nothing was recorded";
    if format == Format::Nagios {
        return Err(Error::own(TEXT));
    }
    match writeln!(std::io::stderr(), "{TEXT}") {
        // Standard error may be closed; the exit code still tells.
        Ok(()) | Err(_) => Ok(Exit::Interrupted),
    }
}

/// A time span of the command line: `90s`, `15m`, `6h`, `1d`, `500ms`.
///
/// # Errors
/// Anything else, in words.
pub fn duration(text: &str) -> Result<Duration, String> {
    crate::manifest::scalar::parse_duration(text).map(Duration::from_millis)
}

//! From what an engine says to a result, or to none: only what a plugin said, freshly, of this very check, counts.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::engine_output::made_by;
use super::same;
use super::sighting::{Kind, Runs, Sighting, Source};
use crate::engine::output;
use crate::engine::reading::{Reading, Status, Verdict};
use crate::export::Item;
use crate::export::icinga2;
use crate::plan::{Instance, Plan, Point};
use crate::render::words::span;

/// How far an engine's clock may be ahead of ours.
const AHEAD: Duration = Duration::from_secs(5);

/// A result that an engine gives, of an instance of the plan.
#[derive(Debug, Clone)]
pub struct Pulled<'p> {
    /// The point.
    pub point: &'p Point,
    /// Its instance.
    pub instance: &'p Instance,
    /// What came back, not later than our clock's time. [`Verdict::None`] with the reason where it is no plugin's result.
    pub reading: Reading,
    /// That it is silenced in the engine: by whom, until when, why.
    pub silenced: Option<String>,
    /// Results before it that the engine remembers, oldest first.
    pub earlier: Vec<Reading>,
}

/// Why a sighting says nothing of the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ignored {
    /// It is no check of an export, or not of this platform.
    NotOurs,
    /// It belongs to this datacenter, and the plan to another.
    OtherDatacenter(String),
    /// The plan has no such point, or instance: `iad2/dns-old`.
    NoSuchPoint(String),
    /// The engine has not run it yet: the point's path.
    NotRunYet(String),
}

/// What is to be made of what an engine says. Pure: `now` is our clock's time, `source.taken` that of the engine's data.
///
/// # Errors
/// It says nothing of this plan.
pub fn judge<'p>(
    plan: &'p Plan,
    sighting: &Sighting,
    source: &Source,
    now: Timestamp,
) -> Result<Pulled<'p>, Ignored> {
    let item = find(plan, sighting)?;
    let Some(executed) = sighting.executed else {
        return Err(Ignored::NotRunYet(item.path()));
    };
    let (point, instance) = (item.point, item.instance);
    let took = sighting.took;
    let reading = match usable(&item, sighting, source, executed, now) {
        Err((why, at)) => Reading::none(output::clean(&why), at, took),
        Ok(verdict) => {
            let said = output::parse(sighting.said.output.as_bytes());
            let perf = match &sighting.said.perf {
                Some(perf) => output::clean(perf).split_whitespace().collect::<Vec<_>>().join(" "),
                None => said.perf,
            };
            Reading { verdict, output: said.text, perf, took, at: executed.min(now) }
        }
    };
    let earlier = if matches!(reading.verdict, Verdict::Plugin(_)) {
        earlier(sighting, source, reading.at)
    } else {
        Vec::new()
    };
    Ok(Pulled { point, instance, reading, silenced: sighting.silenced.clone(), earlier })
}

/// A check's name for people: `iad2/dns-internal/10.20.0.53`.
pub fn path(plan: &Plan, point: &Point, instance: &Instance) -> String {
    match instance.key.as_str() {
        "" => format!("{}/{}", plan.dc, point.id),
        key => format!("{}/{}/{key}", plan.dc, point.id),
    }
}

/// The instance that it is about: by its labels, else by its name.
fn find<'p>(plan: &'p Plan, sighting: &Sighting) -> Result<Item<'p>, Ignored> {
    let labels = &sighting.labels;
    if labels.platform.as_ref().is_some_and(|platform| *platform != plan.platform.id) {
        return Err(Ignored::NotOurs);
    }
    let dc = labels.dc.as_ref().unwrap_or(&sighting.host);
    let is_labelled = labels.dc.is_some() && labels.point.is_some();
    if *dc != plan.dc {
        return Err(if is_labelled { Ignored::OtherDatacenter(dc.clone()) } else { Ignored::NotOurs });
    }
    // Sensu's names carry the datacenter where several share a place.
    let prefixes = ["", "mdd_", &format!("{}_", plan.dc)];
    let named = |item: &Item<'_>| {
        prefixes.iter().any(|prefix| sighting.name.strip_prefix(prefix) == Some(item.name.as_str()))
    };
    // An engine may have thousands of checks: only of those that it can be is anything made.
    let points = plan.points.iter().filter(|point| {
        point.missing.is_empty()
            && labels.point.as_ref().map_or_else(|| sighting.name.contains(&point.id), |id| *id == point.id)
    });
    let mut found: Vec<Item<'p>> = points
        .flat_map(|point| point.instances.iter().map(move |instance| Item::new(plan, point, instance)))
        .filter(|item| match (&labels.point, &labels.instance) {
            (Some(_), Some(key)) => *key == item.instance.key,
            (Some(_), None) => item.instance.key.is_empty() || named(item),
            (None, _) => named(item),
        })
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(item), true) => Ok(item),
        (None, _) if is_labelled => {
            let point = labels.point.as_deref().unwrap_or_default();
            let key = labels.instance.as_deref().filter(|key| !key.is_empty());
            let key = key.map(|key| format!("/{key}")).unwrap_or_default();
            Err(Ignored::NoSuchPoint(format!("{dc}/{point}{key}")))
        }
        _ => Err(Ignored::NotOurs),
    }
}

/// The verdict of a usable result; else why it is none, and of what time.
fn usable(
    item: &Item<'_>,
    sighting: &Sighting,
    source: &Source,
    executed: Timestamp,
    now: Timestamp,
) -> Result<Verdict, (String, Timestamp)> {
    let engine = source.kind.name();
    let ahead = Duration::try_from(executed.duration_since(now)).unwrap_or(Duration::ZERO);
    if ahead > AHEAD {
        // It would look fresh for too long, and then hide what comes after it.
        return Err((format!("{engine}'s clock is {} ahead", span(ahead)), now));
    }
    let none = |why: String| Err((why, executed.min(now)));
    if sighting.host != item.plan.dc {
        return none(format!("{engine} files it under {}, not under {}", sighting.host, item.plan.dc));
    }
    let said = &sighting.said;
    let first = said.output.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    let it_said = |why: String| if first.is_empty() { why } else { format!("{why}; it said: {first}") };
    if let Some(differs) = runs_another(item, sighting, source.kind) {
        return none(format!("{engine} runs something else: export is out of date ({differs})"));
    }
    if let Some(vantage) = sighting.vantage.as_ref().filter(|vantage| **vantage != item.point.vantage) {
        return none(format!("{engine} runs it from {vantage}, not from {}", item.point.vantage));
    }
    let zones = source.kind == Kind::Icinga2 && item.plan.engines.icinga2.parent_zone.is_some();
    let endpoint = icinga2::endpoint(&item.plan.dc, &item.point.vantage);
    if zones && sighting.by.as_ref() != Some(&endpoint) {
        let by = sighting.by.as_deref().unwrap_or("nowhere");
        return none(format!("{engine} runs it from {by}, not from {endpoint}"));
    }
    if let Some(why) = &sighting.not_run {
        return none(it_said(why.clone()));
    }
    if source.kind == Kind::Mdd && said.code == Verdict::Skipped.code() {
        return Ok(Verdict::Skipped);
    }
    if let Some(line) = made_by(&said.output) {
        let own = output::clean(match line.place {
            super::engine_output::Place::First => first,
            super::engine_output::Place::Last => said.output.trim().lines().next_back().unwrap_or(first),
        });
        return none(format!("{} (the words of {}, not of the check)", own.trim(), line.by));
    }
    if source.kind == Kind::Mdd && said.code == Verdict::None.code() {
        return none(if first.is_empty() { "no result".to_owned() } else { said.output.clone() });
    }
    match u8::try_from(said.code).ok().and_then(Status::from_code) {
        None => none(it_said(exit_code(said.code))),
        Some(_) if output::parse(said.output.as_bytes()).text.is_empty() => {
            none(format!("no output (exit code {})", said.code))
        }
        Some(status) => Ok(Verdict::Plugin(status)),
    }
}

/// What differs between what the engine runs and what the manifest says; none when it is the same.
fn runs_another(item: &Item<'_>, sighting: &Sighting, kind: Kind) -> Option<String> {
    if let Some(check) = sighting.labels.check.as_ref().filter(|check| **check != item.instance.hash) {
        return Some(format!("check {check} there, {} here", item.instance.hash));
    }
    let label = sighting.labels.check.is_some();
    match &sighting.runs {
        Runs::Command(line) => (!same::line(item, kind, line)).then(|| format!("there: {line}")),
        Runs::Argv(argv) => (!same::argv(item, argv)).then(|| format!("there: {}", argv.join(" "))),
        Runs::Unknown if label => None,
        Runs::Unknown => Some("it neither tells the command nor has the label mdd_check".to_owned()),
    }
}

/// An exit code that is no plugin's, in words.
fn exit_code(code: i64) -> String {
    let meaning = match code {
        126 => " (the shell could not start it)".to_owned(),
        127 => " (the shell did not find it)".to_owned(),
        // -1 where it was cast to 32 bits.
        -1 | 0xffff_ffff => " (ended by a signal)".to_owned(),
        129..=192 => format!(" (ended by signal {})", code - 128),
        _ => String::new(),
    };
    format!("exit code {code}{meaning}, which is no plugin's")
}

/// What the engine remembers of the time before. It keeps no output, so that only an OK can be told from a status that
/// the engine has made up; everything else is a gap.
fn earlier(sighting: &Sighting, source: &Source, executed: Timestamp) -> Vec<Reading> {
    let known = sighting.history.iter().filter_map(|(code, at)| Some((*code, (*at)?)));
    let mut readings: Vec<Reading> = known
        .filter(|(_, at)| *at < executed)
        .map(|(code, at)| {
            let none = Reading::none(
                format!("status {code} in the history of {}, without its output", source.kind.name()),
                at,
                Duration::ZERO,
            );
            match code {
                0 => Reading {
                    verdict: Verdict::Plugin(Status::Ok),
                    output: format!("OK in the history of {}", source.kind.name()),
                    ..none
                },
                _ => none,
            }
        })
        .collect();
    readings.sort_by_key(|reading| reading.at);
    readings.dedup_by_key(|reading| reading.at);
    readings
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ignored::NotOurs => write!(f, "no check of this platform's export"),
            Ignored::OtherDatacenter(dc) => write!(f, "of datacenter {dc}"),
            Ignored::NoSuchPoint(path) => write!(f, "{path}: not in the manifest"),
            Ignored::NotRunYet(path) => write!(f, "{path}: not run yet"),
        }
    }
}

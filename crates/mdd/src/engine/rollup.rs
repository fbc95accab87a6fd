//! From results to one condition: of an instance by its age, argv and stretch; of a point over its instances.

use std::time::Duration;

use jiff::Timestamp;

use super::facts::{InstanceFacts, Seen, age};
use super::output::bare;
use super::reading::{Status, Verdict};
use super::state::Options;
use crate::plan::{Instance, Point, Require};
use crate::render::words::{span, span_exact};

/// Changes of the status within four times `stable` that make a point flapping.
const FLAPPING: usize = 3;

/// What an instance's, or a point's, results amount to, before dependencies, waivers and dates are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// OK for at least `stable`.
    Green,
    /// OK or WARNING, not long enough.
    Settling,
    /// WARNING, and it has changed too often lately.
    Flapping,
    /// WARNING for at least `stable`.
    Warning,
    /// CRITICAL.
    Failing,
    /// A plugin's own, fresh UNKNOWN.
    Unknown,
    /// Not run, because what it waits for was down.
    Skipped,
    /// No usable result.
    None,
}

impl Condition {
    /// Rank among what is known, worst first; none when nothing is known.
    fn level(self) -> Option<u8> {
        match self {
            Condition::Failing => Some(0),
            Condition::Settling | Condition::Flapping => Some(1),
            Condition::Warning => Some(2),
            Condition::Green => Some(3),
            Condition::Unknown | Condition::Skipped | Condition::None => None,
        }
    }
}

/// One instance, judged by itself.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The instance's key; empty without `for_each`.
    pub key: String,
    /// What its results amount to.
    pub condition: Condition,
    /// One line: the plugin's summary, or why there is no usable result.
    pub text: String,
    /// The newest result, usable or not.
    pub newest: Option<Seen>,
    /// Start of the stretch, when the newest result is usable.
    pub since: Option<Timestamp>,
    /// Changes of the status in the last four times `stable`.
    pub changes: usize,
}

/// Judges one instance. First match wins, in the order of the states' table.
pub fn instance(
    point: &Point,
    instance: &Instance,
    facts: Option<&InstanceFacts>,
    options: &Options,
) -> Judged {
    let newest = facts.and_then(|facts| facts.newest.clone());
    let stable = options.stable.unwrap_or(point.stable);
    let window = stable.saturating_mul(4);
    let changes = facts.map_or(0, |facts| {
        facts.changes.iter().filter(|&&at| at <= options.now && age(at, options.now) < window).count()
    });
    let of = |condition, text: String, since| Judged {
        key: instance.key.clone(),
        condition,
        text,
        newest: newest.clone(),
        since,
        changes,
    };
    let seen = match usable(point, instance, newest.as_ref(), options) {
        Ok(seen) => seen,
        Err(why) => return of(Condition::None, why, None),
    };
    let held = age(seen.since, options.now);
    let condition = match seen.reading.verdict {
        Verdict::Plugin(Status::Ok) if held >= stable => Condition::Green,
        Verdict::Plugin(Status::Warning) if changes >= FLAPPING => Condition::Flapping,
        Verdict::Plugin(Status::Warning) if held >= stable => Condition::Warning,
        Verdict::Plugin(Status::Ok | Status::Warning) => Condition::Settling,
        Verdict::Plugin(Status::Critical) => Condition::Failing,
        Verdict::Plugin(Status::Unknown) => Condition::Unknown,
        Verdict::Skipped => Condition::Skipped,
        // `usable` has refused it.
        Verdict::None => Condition::None,
    };
    let text = bare(seen.reading.summary()).to_owned();
    let since = Some(seen.since);
    of(condition, text, since)
}

/// The newest result, if a plugin made it, it is fresh, and the check has not changed; else why there is none.
fn usable<'s>(
    point: &Point,
    instance: &Instance,
    newest: Option<&'s Seen>,
    options: &Options,
) -> Result<&'s Seen, String> {
    let Some(seen) = newest else {
        return Err(format!("no result from {} yet", point.vantage));
    };
    if seen.vantage != point.vantage {
        return Err(format!("no result from {}; the newest is from {}", point.vantage, seen.vantage));
    }
    if seen.hash != instance.hash {
        return Err("the check has changed and has not run since".to_owned());
    }
    let limit = options.max_age.map_or(point.ttl, |most| most.min(point.ttl));
    let old = age(seen.reading.at, options.now);
    if old > limit {
        return Err(format!("no result for {}, at most {} allowed", span(old), span_exact(limit)));
    }
    if seen.reading.verdict == Verdict::None {
        return Err(seen.reading.summary().to_owned());
    }
    Ok(seen)
}

/// A point's condition over its instances.
#[derive(Debug, Clone)]
pub struct Rolled {
    /// What they amount to.
    pub condition: Condition,
    /// Index of the instance that decides it.
    pub decisive: usize,
    /// How many are green or warning, or on the way there.
    pub passing: usize,
    /// Whether every instance is CRITICAL, or was not run because of what it waits for.
    pub down: bool,
    /// Whether one of those was not run: then it is down only while what it waits for is.
    pub skipped: bool,
}

/// Rolls instances up: the k-th best counts, for k of `require`. Unknown when the unknown ones could change it.
pub fn roll_up(require: Require, instances: &[Judged]) -> Rolled {
    let passing = instances.iter().filter(|one| one.condition.level().is_some_and(|level| level > 0)).count();
    let down = !instances.is_empty()
        && instances.iter().all(|one| matches!(one.condition, Condition::Failing | Condition::Skipped));
    let skipped = instances.iter().any(|one| one.condition == Condition::Skipped);
    let needed = match require {
        Require::All => instances.len(),
        Require::Any => 1,
        Require::AtLeast(count) => count.clamp(1, instances.len().max(1)),
    };
    let worst = kth_best(instances, needed, 0);
    let best = kth_best(instances, needed, 3);
    let (condition, decisive) = if worst == best {
        let decisive = instances.iter().position(|one| one.condition.level() == worst);
        decisive.map_or((Condition::None, 0), |at| (instances[at].condition, at))
    } else {
        // The least usable of them decides which kind of unknown it is.
        [Condition::None, Condition::Skipped, Condition::Unknown]
            .into_iter()
            .find_map(|kind| instances.iter().position(|one| one.condition == kind).map(|at| (kind, at)))
            .unwrap_or((Condition::None, 0))
    };
    Rolled { condition, decisive, passing, down, skipped }
}

/// Level of the k-th best instance, with this level for what is not known.
fn kth_best(instances: &[Judged], k: usize, unknown: u8) -> Option<u8> {
    let mut levels: Vec<u8> = instances.iter().map(|one| one.condition.level().unwrap_or(unknown)).collect();
    levels.sort_unstable_by(|a, b| b.cmp(a));
    levels.get(k.checked_sub(1)?).copied()
}

/// How long a settling point still needs if it stays, for the slowest of its instances.
pub fn ready_in(point: &Point, instances: &[Judged], options: &Options) -> Option<Duration> {
    let stable = options.stable.unwrap_or(point.stable);
    let settling = instances.iter().filter(|one| one.condition == Condition::Settling);
    settling.filter_map(|one| one.since).map(|since| stable.saturating_sub(age(since, options.now))).max()
}

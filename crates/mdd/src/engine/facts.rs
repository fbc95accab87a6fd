//! What is known of a datacenter's points at one moment: newest results, stretches, changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::reading::{Reading, Verdict};
use super::state::State;
use crate::plan::{Instance, Plan, Point};

/// Facts about one datacenter.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Vantage points that have reported at least once.
    pub vantages: BTreeSet<String>,
    /// By point's id.
    pub points: BTreeMap<String, PointFacts>,
    /// Points of other datacenters, as datacenter and id, whose every instance is CRITICAL.
    pub down_elsewhere: BTreeSet<(String, String)>,
    /// Whether they come from a history: without one nothing can be said about "since the first run".
    pub kept: bool,
}

/// Facts about one point.
#[derive(Debug, Clone, Default)]
pub struct PointFacts {
    /// By the instance's key.
    pub instances: BTreeMap<String, InstanceFacts>,
    /// When it last counted as green or warning; until when, if it has left that since.
    pub proven: Option<Proven>,
    /// Whether a result has ever been CRITICAL.
    pub seen_red: bool,
    /// The state it was last in, and since when.
    pub state: Option<(State, Timestamp)>,
}

/// A time in which a point was green.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proven {
    /// When it became so.
    pub from: Timestamp,
    /// When it ceased to be; none while it lasts.
    pub until: Option<Timestamp>,
}

/// Facts about one instance, as seen from its vantage point.
#[derive(Debug, Clone, Default)]
pub struct InstanceFacts {
    /// The newest result.
    pub newest: Option<Seen>,
    /// When the status has changed under the newest result's argv, oldest first. Only the recent ones.
    pub changes: Vec<Timestamp>,
}

/// Source of results that `mdd` ran itself.
pub const LOCAL: &str = "local";

/// Which results count, by who ran the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Sources {
    /// Those that mdd ran itself
    Local,
    /// Those pulled from an engine
    Engine,
    /// All of them
    #[default]
    Any,
}

/// A result, and the stretch it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The result.
    pub reading: Reading,
    /// Hash of the argv that made it.
    pub hash: String,
    /// Vantage point it was made from.
    pub vantage: String,
    /// Start of the unbroken stretch of this verdict: same argv, same vantage point, no gap longer than `ttl`.
    pub since: Timestamp,
    /// Where it comes from: [`LOCAL`], or an engine and its address.
    pub source: String,
    /// That it is silenced in the engine: by whom, until when, why. Shown, not obeyed.
    pub silenced: Option<String>,
}

impl Seen {
    /// The result of a run of mdd's own that follows `before`: it carries the stretch on, or starts one.
    pub fn after(
        before: Option<&Seen>,
        reading: Reading,
        hash: String,
        vantage: String,
        ttl: Duration,
    ) -> Self {
        let goes_on = before.is_some_and(|seen| {
            seen.reading.verdict == reading.verdict
                && seen.hash == hash
                && seen.vantage == vantage
                && age(seen.reading.at, reading.at) <= ttl
        });
        let since = match before {
            Some(seen) if goes_on => seen.since,
            _ => reading.at,
        };
        Seen { reading, hash, vantage, since, source: LOCAL.to_owned(), silenced: None }
    }
}

impl Facts {
    /// No history: nothing but what is applied to it.
    pub fn none() -> Self {
        Facts::default()
    }

    /// Adds a result. One that is older than the newest changes nothing.
    pub fn apply(&mut self, point: &Point, instance: &Instance, reading: Reading) {
        self.vantages.insert(point.vantage.clone());
        let facts = self.points.entry(point.id.clone()).or_default();
        facts.seen_red |= reading.verdict == Verdict::Plugin(super::Status::Critical);
        let one = facts.instances.entry(instance.key.clone()).or_default();
        let before = one.newest.as_ref();
        if before.is_some_and(|seen| seen.reading.at > reading.at) {
            return;
        }
        let seen = Seen::after(before, reading, instance.hash.clone(), point.vantage.clone(), point.ttl);
        match before {
            Some(old) if old.hash == seen.hash => {
                if old.reading.verdict != seen.reading.verdict {
                    one.changes.push(seen.reading.at);
                }
            }
            _ => one.changes.clear(),
        }
        one.newest = Some(seen);
    }

    /// Remembers the states of a snapshot, as a history would.
    pub fn note(&mut self, states: impl IntoIterator<Item = (String, State)>, at: Timestamp) {
        for (id, state) in states {
            let facts = self.points.entry(id).or_default();
            let before = facts.state.map(|(state, _)| state);
            if before == Some(state) {
                continue;
            }
            facts.state = Some((state, at));
            let was = before.is_some_and(State::is_proven);
            match &mut facts.proven {
                _ if state.is_proven() && !was => facts.proven = Some(Proven { from: at, until: None }),
                Some(proven) if was && !state.is_proven() => proven.until = Some(at),
                _ => {}
            }
        }
    }

    /// Facts about one instance; none when nothing is known.
    pub fn instance(&self, point: &str, key: &str) -> Option<&InstanceFacts> {
        self.points.get(point)?.instances.get(key)
    }

    /// Vantage points that the plan declares and that have never reported.
    pub fn silent<'p>(&self, plan: &'p Plan) -> impl Iterator<Item = &'p str> {
        plan.vantages.iter().map(|v| v.id.as_str()).filter(|id| !self.vantages.contains(*id))
    }
}

/// How long before `to` something was; zero when it was not.
pub fn age(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

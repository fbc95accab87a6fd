//! Sums over some points of a datacenter: how many are in which state, the worst one, how old what is known is.

use std::collections::BTreeSet;
use std::time::Duration;

use super::snapshot::{Progress, Snapshot};
use super::state::State;
use crate::plan::Point;
use crate::render::run::counts;

/// States from the worst to the best: what a group of points is shown as.
pub const WORST_FIRST: [State; 8] = [
    State::Red,
    State::Unknown,
    State::Blocked,
    State::NotDue,
    State::Settling,
    State::Waived,
    State::Warning,
    State::Green,
];

/// A set of points, summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// How many there are, required or not.
    pub points: usize,
    /// How far the required ones have come.
    pub progress: Progress,
    /// How many are in each state, in the order of [`State::ALL`], zeros included.
    pub counts: Vec<(State, usize)>,
}

impl Tally {
    /// How many are in this state.
    pub fn of(&self, state: State) -> usize {
        self.counts.iter().find(|(one, _)| *one == state).map_or(0, |(_, count)| *count)
    }

    /// The worst state that is there; none without points.
    pub fn worst(&self) -> Option<State> {
        WORST_FIRST.into_iter().find(|&state| self.of(state) > 0)
    }

    /// How many are in each state that is there, from the worst to the best.
    pub fn worst_first(&self) -> impl Iterator<Item = (State, usize)> {
        WORST_FIRST.into_iter().map(|state| (state, self.of(state))).filter(|(_, count)| *count > 0)
    }
}

/// How old the newest results are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Freshness {
    /// Age of the youngest of them.
    pub youngest: Option<Duration>,
    /// Age of the oldest of them.
    pub oldest: Option<Duration>,
    /// Points of which at least one instance has no result at all.
    pub without: usize,
}

impl Snapshot<'_> {
    /// Sums the chosen points up.
    pub fn tally(&self, chosen: impl Fn(&Point) -> bool) -> Tally {
        let counts = counts(self, &chosen);
        let points = counts.iter().map(|(_, count)| count).sum();
        Tally { points, progress: self.progress(chosen), counts }
    }

    /// Where the newest results of the chosen points come from: `local`, or an engine and its address.
    pub fn sources(&self, chosen: impl Fn(&Point) -> bool) -> BTreeSet<&str> {
        let chosen = self.entries.iter().filter(|entry| chosen(entry.point));
        let newest = chosen.flat_map(|entry| &entry.instances).filter_map(|one| one.newest.as_ref());
        newest.map(|seen| seen.source.as_str()).collect()
    }

    /// How old the newest results of the chosen points are.
    pub fn freshness(&self, chosen: impl Fn(&Point) -> bool) -> Freshness {
        let mut fresh = Freshness::default();
        for entry in self.entries.iter().filter(|entry| chosen(entry.point)) {
            let ages = || {
                let newest = entry.instances.iter().filter_map(|one| one.newest.as_ref());
                newest.map(|seen| super::facts::age(seen.reading.at, self.options.now))
            };
            fresh.youngest = ages().chain(fresh.youngest).min();
            fresh.oldest = ages().chain(fresh.oldest).max();
            fresh.without += usize::from(ages().count() < entry.instances.len());
        }
        fresh
    }
}

//! What a page tells of the past.

use jiff::Timestamp;

use crate::exit::Error;
use crate::history::History;
use crate::history::report::{Change, Scope, TimeToGreen};
use crate::history::watched::Interval;
use crate::plan::{Plan, Point};

/// A datacenter's past, up to a moment.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// Changes of state of the plan's points, oldest first.
    pub changes: Vec<Change>,
    /// When it was watched.
    pub watched: Vec<Interval>,
    /// How long the plan's points took to become green.
    pub times: Vec<TimeToGreen>,
}

impl Past {
    /// Reads it.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn read(history: &History, plan: &Plan, now: Timestamp) -> Result<Self, Error> {
        let scope = Scope { dc: &plan.dc, point: None, from: Timestamp::MIN, to: now };
        let mut changes = Vec::new();
        for mut change in history.changes(&scope)? {
            // A former name counts as the point's own.
            let named = |point: &&Point| {
                point.id == change.point || point.was.as_ref().is_some_and(|was| *was == change.point)
            };
            if let Some(point) = plan.points.iter().find(named) {
                change.point.clone_from(&point.id);
                changes.push(change);
            }
        }
        let points: Vec<&Point> = plan.points.iter().collect();
        let times = history.times_to_green(&plan.dc, &points, now)?;
        Ok(Past { changes, watched: history.watched(plan, now)?, times })
    }

    /// Changes of one point.
    pub fn changes_of(&self, id: &str) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.point == id)
    }
}

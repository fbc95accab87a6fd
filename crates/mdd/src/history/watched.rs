//! When a datacenter was watched: the time that results cover. What lies between is not known.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::named_params;

use super::History;
use super::facts::{former, time};
use crate::exit::Error;
use crate::plan::Plan;

/// From when to when.
pub type Interval = (Timestamp, Timestamp);

impl History {
    /// When at least one check of this datacenter had a result that was not too old, up to `now`; in order, apart.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn watched(&self, plan: &Plan, now: Timestamp) -> Result<Vec<Interval>, Error> {
        self.covered(plan, now).map_err(|error| self.failed("read", &error))
    }

    /// Of each stretch the first and the last result, which thinning keeps, and the time for which the last one holds.
    fn covered(&self, plan: &Plan, now: Timestamp) -> rusqlite::Result<Vec<Interval>> {
        let mut select = self.db.prepare(
            "WITH start AS (
                 SELECT point, instance, vantage, executed_at AS first, lead(executed_at)
                     OVER (PARTITION BY point, instance, vantage ORDER BY executed_at) AS next
                 FROM result WHERE dc = :dc AND executed_at = since AND executed_at <= :now
             )
             SELECT point, first, (
                 SELECT max(executed_at) FROM result WHERE dc = :dc AND point = start.point
                 AND instance = start.instance AND vantage = start.vantage AND executed_at >= start.first
                 AND executed_at <= :now AND executed_at < coalesce(start.next, :now + 1)
             ) FROM start",
        )?;
        let ttl = |id: &str| {
            let point = plan.points.iter().find(|point| point.id == id || former(point) == id);
            point.map_or(Duration::ZERO, |point| point.ttl)
        };
        let rows = select.query_map(named_params! {":dc": plan.dc, ":now": now.as_microsecond()}, |row| {
            Ok((row.get::<_, String>(0)?, time(row, 1)?, time(row, 2)?))
        })?;
        let mut intervals = Vec::new();
        for row in rows {
            let (point, first, last) = row?;
            intervals.push((first, last.checked_add(ttl(&point)).unwrap_or(now).min(now)));
        }
        Ok(joined(intervals))
    }
}

/// Intervals in order, those that touch as one.
fn joined(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable();
    let mut joined: Vec<Interval> = Vec::new();
    for (from, to) in intervals {
        match joined.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => joined.push((from, to)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_that_touch_are_one() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let span = |from, to| (at(from), at(to));
        let list = vec![span(20, 30), span(0, 5), span(4, 10), span(10, 11), span(21, 22)];
        assert_eq!(joined(list), [span(0, 11), span(20, 30)]);
        assert_eq!(joined(Vec::new()), []);
    }
}

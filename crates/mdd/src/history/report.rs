//! Reading back what happened: results, changes of state, time to green.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::named_params;

use super::History;
use super::facts::time;
use crate::engine::alerts::Gate;
use crate::engine::facts::age;
use crate::engine::{State, Verdict};
use crate::exit::Error;
use crate::plan::Point;

/// Which part of the past: a datacenter, perhaps one point of it, from a moment to another.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'s> {
    /// Datacenter.
    pub dc: &'s str,
    /// One point, under its name and its former one; none for all.
    pub point: Option<(&'s str, &'s str)>,
    /// From here.
    pub from: Timestamp,
    /// To here.
    pub to: Timestamp,
}

/// A result that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Point's id.
    pub point: String,
    /// Instance's key.
    pub instance: String,
    /// Where it was run from.
    pub vantage: String,
    /// Hash of its argv.
    pub argv: String,
    /// What came back.
    pub verdict: Verdict,
    /// Text.
    pub output: String,
    /// Performance data.
    pub perf: String,
    /// How long it took.
    pub took: Duration,
    /// When it was started.
    pub at: Timestamp,
    /// Start of its stretch.
    pub since: Timestamp,
    /// `local`, or an engine and its address.
    pub source: String,
    /// That it was silenced in the engine.
    pub silenced: Option<String>,
}

/// A change of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Point's id.
    pub point: String,
    /// State before; none for the first.
    pub from: Option<State>,
    /// State after.
    pub to: State,
    /// When.
    pub at: Timestamp,
    /// What it waits for, separated by blanks.
    pub blocked_by: Option<String>,
}

/// How long a point took to become green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeToGreen {
    /// Point's id.
    pub point: String,
    /// When it was first known not to be green.
    pub first_red: Option<Timestamp>,
    /// When it first passed after that.
    pub first_green: Option<Timestamp>,
    /// When it had passed for long enough.
    pub stable: Option<Timestamp>,
    /// From first red to stable; to now while it is not.
    pub total: Option<Duration>,
    /// Of this, the time it waited for others.
    pub blocked: Duration,
}

impl TimeToGreen {
    /// The time that was its owner's: all but the waiting for others.
    pub fn own(&self) -> Option<Duration> {
        self.total.map(|total| total.saturating_sub(self.blocked))
    }
}

impl History {
    /// Results, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn results(&self, scope: &Scope<'_>) -> Result<Vec<Kept>, Error> {
        self.kept(scope).map_err(|error| self.failed("read", &error))
    }

    /// Changes of state, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn changes(&self, scope: &Scope<'_>) -> Result<Vec<Change>, Error> {
        self.changed(scope).map_err(|error| self.failed("read", &error))
    }

    /// Verdicts of gates that were recorded, up to a moment, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn gates(&self, dc: &str, to: Timestamp) -> Result<Vec<Gate>, Error> {
        self.judged(dc, to).map_err(|error| self.failed("read", &error))
    }

    /// How long these points took to become green, as of `now`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn times_to_green(
        &self,
        dc: &str,
        points: &[&Point],
        now: Timestamp,
    ) -> Result<Vec<TimeToGreen>, Error> {
        let times = points.iter().map(|point| {
            let names = (point.id.as_str(), super::facts::former(point));
            let scope = Scope { dc, point: Some(names), from: Timestamp::MIN, to: now };
            Ok(time_to_green(&point.id, &self.changes(&scope)?, now))
        });
        times.collect()
    }

    fn kept(&self, scope: &Scope<'_>) -> rusqlite::Result<Vec<Kept>> {
        let mut select = self.db.prepare(
            "SELECT point, instance, result.vantage, argv, status, output, perf, us, executed_at, since, source, note
             FROM result JOIN run ON run.id = result.run
             WHERE result.dc = :dc AND (:id IS NULL OR point IN (:id, :was))
             AND executed_at >= :from AND executed_at <= :to ORDER BY executed_at, result.id",
        )?;
        let (id, was) = scope.point.unzip();
        let rows = select.query_map(
            named_params! {":dc": scope.dc, ":id": id, ":was": was,
            ":from": scope.from.as_microsecond(), ":to": scope.to.as_microsecond()},
            |row| {
                Ok(Kept {
                    point: row.get(0)?,
                    instance: row.get(1)?,
                    vantage: row.get(2)?,
                    argv: row.get(3)?,
                    verdict: Verdict::from_code(row.get(4)?),
                    output: row.get(5)?,
                    perf: row.get(6)?,
                    took: Duration::from_micros(row.get::<_, i64>(7)?.unsigned_abs()),
                    at: time(row, 8)?,
                    since: time(row, 9)?,
                    source: row.get(10)?,
                    silenced: row.get(11)?,
                })
            },
        )?;
        rows.collect()
    }

    fn judged(&self, dc: &str, to: Timestamp) -> rusqlite::Result<Vec<Gate>> {
        let mut select = self
            .db
            .prepare("SELECT milestone, verdict, at FROM gate WHERE dc = ? AND at <= ? ORDER BY at, id")?;
        let rows = select.query_map((dc, to.as_microsecond()), |row| {
            let done = row.get::<_, String>(1)? == crate::render::json::verdict(crate::exit::Exit::Done);
            Ok(Gate { milestone: row.get(0)?, done, at: time(row, 2)? })
        })?;
        rows.collect()
    }

    fn changed(&self, scope: &Scope<'_>) -> rusqlite::Result<Vec<Change>> {
        let mut select = self.db.prepare_cached(
            "SELECT point, from_state, to_state, at, blocked_by FROM transition
             WHERE dc = :dc AND (:id IS NULL OR point IN (:id, :was)) AND at >= :from AND at <= :to
             ORDER BY at, id",
        )?;
        let (id, was) = scope.point.unzip();
        let rows = select.query_map(
            named_params! {":dc": scope.dc, ":id": id, ":was": was,
            ":from": scope.from.as_microsecond(), ":to": scope.to.as_microsecond()},
            |row| {
                let word = |text: String| State::from_key(&text).unwrap_or(State::Unknown);
                Ok(Change {
                    point: row.get(0)?,
                    from: row.get::<_, Option<String>>(1)?.map(word),
                    to: word(row.get(2)?),
                    at: time(row, 3)?,
                    blocked_by: row.get(4)?,
                })
            },
        )?;
        rows.collect()
    }
}

fn time_to_green(point: &str, changes: &[Change], now: Timestamp) -> TimeToGreen {
    let passes = |state: State| matches!(state, State::Green | State::Warning | State::Settling);
    let mut time = TimeToGreen {
        point: point.to_owned(),
        first_red: None,
        first_green: None,
        stable: None,
        total: None,
        blocked: Duration::ZERO,
    };
    let Some(start) = changes.iter().position(|change| !passes(change.to)) else {
        return time;
    };
    // Green before it was ever red: there is nothing to measure.
    if changes[..start].iter().any(|change| change.to.is_proven()) {
        return time;
    }
    let changes = &changes[start..];
    let first = |wanted: &dyn Fn(State) -> bool| changes.iter().find(|c| wanted(c.to)).map(|c| c.at);
    time.first_red = Some(changes[0].at);
    time.first_green = first(&passes);
    time.stable = first(&State::is_proven);
    let end = time.stable.unwrap_or(now);
    time.total = Some(age(changes[0].at, end));
    for (index, change) in changes.iter().enumerate().filter(|(_, change)| change.to == State::Blocked) {
        let until = changes.get(index + 1).map_or(now, |next| next.at).min(end);
        time.blocked += age(change.at, until);
    }
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn changes(list: &[(State, i64)]) -> Vec<Change> {
        let change = |&(to, minute): &(State, i64)| Change {
            point: "p".into(),
            from: None,
            to,
            at: at(minute),
            blocked_by: None,
        };
        list.iter().map(change).collect()
    }

    #[test]
    fn waiting_for_others_is_taken_out_of_the_time() {
        let list = [
            (State::Blocked, 0),
            (State::Red, 30),
            (State::Settling, 40),
            (State::Green, 55),
            (State::Blocked, 70),
        ];
        let time = time_to_green("p", &changes(&list), at(100));
        assert_eq!(time.first_red, Some(at(0)));
        assert_eq!(time.first_green, Some(at(40)));
        assert_eq!(time.stable, Some(at(55)));
        assert_eq!(time.total, Some(Duration::from_mins(55)));
        assert_eq!(time.blocked, Duration::from_mins(30));
        assert_eq!(time.own(), Some(Duration::from_mins(25)));
    }

    #[test]
    fn what_is_still_blocked_counts_up_to_now() {
        let time = time_to_green("p", &changes(&[(State::Red, 0), (State::Blocked, 10)]), at(30));
        assert_eq!((time.stable, time.first_green), (None, None));
        assert_eq!(time.own(), Some(Duration::from_mins(10)));
        assert_eq!(time.blocked, Duration::from_mins(20));
    }

    #[test]
    fn green_from_the_start_has_no_time() {
        let time = time_to_green("p", &changes(&[(State::Green, 0), (State::Red, 10)]), at(30));
        assert_eq!((time.first_red, time.total), (None, None));
        assert_eq!(time_to_green("p", &[], at(1)).first_red, None);
    }
}

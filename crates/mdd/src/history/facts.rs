//! What the history knows of a datacenter at one moment.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::History;
use crate::engine::facts::{Facts, InstanceFacts, LOCAL, PointFacts, Proven, Seen, Sources, age};
use crate::engine::graph::is_down;
use crate::engine::state::{Options, State};
use crate::engine::{Reading, Verdict};
use crate::exit::Error;
use crate::plan::{Dependency, Instance, Plan, Point};

impl History {
    /// Facts about every point of a plan as of `options.now`. A point's former name (`was`) counts as its own.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn facts(&self, plan: &Plan, options: &Options) -> Result<Facts, Error> {
        load(&self.db, plan, &self.others, options).map_err(|error| self.failed("read", &error))
    }
}

/// See [`History::facts`].
pub(super) fn load(
    db: &Connection,
    plan: &Plan,
    others: &[Plan],
    options: &Options,
) -> rusqlite::Result<Facts> {
    let mut facts = Facts { kept: true, ..Facts::default() };
    let now = options.now.as_microsecond();
    let mut reported = db.prepare_cached(
        "SELECT 1 FROM run WHERE dc = ? AND vantage = ? AND started <= ? AND results > 0
         AND coalesce((source = ?) = ?, TRUE) LIMIT 1",
    )?;
    let only = only_local(options.sources);
    for vantage in plan.vantages.iter().map(|v| &v.id).chain(plan.points.iter().map(|p| &p.vantage)) {
        if !facts.vantages.contains(vantage) && reported.exists((&plan.dc, vantage, now, LOCAL, only))? {
            facts.vantages.insert(vantage.clone());
        }
    }
    for point in &plan.points {
        let mut known = past(db, &plan.dc, point, now)?;
        for instance in &point.instances {
            let window = options.stable.unwrap_or(point.stable).saturating_mul(4);
            let found = instance_facts(db, &plan.dc, point, instance, options, window)?;
            known.instances.insert(instance.key.clone(), found);
        }
        facts.points.insert(point.id.clone(), known);
    }
    for dependency in plan.points.iter().flat_map(|point| &point.depends_on) {
        let Dependency::Elsewhere(dc, id) = dependency else { continue };
        let Some(other) = others.iter().find(|other| other.dc == *dc) else { continue };
        let known = load(db, other, &[], options)?;
        if is_down(other, &known, options, id) {
            facts.down_elsewhere.insert((dc.clone(), id.clone()));
        }
    }
    Ok(facts)
}

/// For SQL: whether only results of mdd's own runs count; null when all do.
fn only_local(sources: Sources) -> Option<bool> {
    match sources {
        Sources::Any => None,
        Sources::Local => Some(true),
        Sources::Engine => Some(false),
    }
}

/// The former name for SQL: the name itself when there is none.
pub(super) fn former(point: &Point) -> &str {
    point.was.as_deref().unwrap_or(&point.id)
}

fn past(db: &Connection, dc: &str, point: &Point, now: i64) -> rusqlite::Result<PointFacts> {
    let names = named_params! {":dc": dc, ":id": point.id, ":was": former(point), ":now": now};
    let mut red = db.prepare_cached(
        "SELECT 1 FROM result WHERE dc = :dc AND point IN (:id, :was) AND status = 2 AND executed_at <= :now LIMIT 1",
    )?;
    let seen_red = red.exists(names)?;
    let mut last = db.prepare_cached(
        "SELECT to_state, at FROM transition WHERE dc = :dc AND point IN (:id, :was) AND at <= :now
         ORDER BY at DESC, id DESC LIMIT 1",
    )?;
    let state = last.query_row(names, |row| Ok((row.get::<_, String>(0)?, time(row, 1)?))).optional()?;
    let state = state.and_then(|(word, at)| Some((State::from_key(&word)?, at)));
    let mut green = db.prepare_cached(
        "SELECT at FROM transition WHERE dc = :dc AND point IN (:id, :was) AND at <= :now
         AND to_state IN ('green', 'warning') AND coalesce(from_state, '') NOT IN ('green', 'warning')
         ORDER BY at DESC, id DESC LIMIT 1",
    )?;
    let from = green.query_row(names, |row| time(row, 0)).optional()?;
    let mut left = db.prepare_cached(
        "SELECT min(at) FROM transition WHERE dc = :dc AND point IN (:id, :was) AND at <= :now AND at >= :from
         AND from_state IN ('green', 'warning') AND to_state NOT IN ('green', 'warning')",
    )?;
    let proven = match from {
        None => None,
        Some(from) => {
            let until = left.query_row(
                named_params! {":dc": dc, ":id": point.id, ":was": former(point), ":now": now,
                ":from": from.as_microsecond()},
                |row| row.get::<_, Option<i64>>(0),
            )?;
            Some(Proven { from, until: until.map(moment).transpose()? })
        }
    };
    Ok(PointFacts { proven, seen_red, state, ..PointFacts::default() })
}

fn instance_facts(
    db: &Connection,
    dc: &str,
    point: &Point,
    instance: &Instance,
    options: &Options,
    window: Duration,
) -> rusqlite::Result<InstanceFacts> {
    let now = options.now;
    let Some(newest) = newest(db, dc, point, instance, now.as_microsecond(), options.sources)? else {
        return Ok(InstanceFacts::default());
    };
    let from = now.checked_sub(window).unwrap_or(Timestamp::MIN).as_microsecond();
    if let Some(only) = only_local(options.sources) {
        return apart(db, dc, point, instance, newest, (now.as_microsecond(), from), only);
    }
    let mut starts = db.prepare_cached(
        "SELECT status, argv, executed_at FROM result WHERE dc = :dc AND point IN (:id, :was)
         AND instance = :key AND vantage = :vantage AND executed_at = since AND executed_at <= :now
         AND executed_at >= coalesce((SELECT max(executed_at) FROM result WHERE dc = :dc AND point IN (:id, :was)
             AND instance = :key AND vantage = :vantage AND executed_at = since AND executed_at < :from), :from)
         ORDER BY executed_at",
    )?;
    let rows = starts.query_map(
        named_params! {":dc": dc, ":id": point.id, ":was": former(point), ":key": instance.key,
        ":vantage": point.vantage, ":now": now.as_microsecond(), ":from": from},
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, time(row, 2)?)),
    )?;
    let starts = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let changes = starts
        .windows(2)
        .filter(|pair| pair[0].1 == newest.hash && pair[1].1 == newest.hash && pair[0].0 != pair[1].0)
        .map(|pair| pair[1].2)
        .collect();
    Ok(InstanceFacts { newest: Some(newest), changes })
}

/// The same over the results of mdd's own runs alone, or without them: what is kept with each result is the stretch over
/// all of them, so that these are gone through one by one, back to where nothing more depends on them.
fn apart(
    db: &Connection,
    dc: &str,
    point: &Point,
    instance: &Instance,
    mut newest: Seen,
    (now, from): (i64, i64),
    only: bool,
) -> rusqlite::Result<InstanceFacts> {
    let mut select = db.prepare_cached(
        "SELECT result.status, result.argv, result.executed_at FROM result JOIN run ON run.id = result.run
         WHERE result.dc = :dc AND result.point IN (:id, :was) AND result.instance = :key
         AND result.vantage = :vantage AND result.executed_at <= :now AND (run.source = :local) = :only
         ORDER BY result.executed_at DESC, result.id DESC",
    )?;
    let mut rows = select.query(named_params! {":dc": dc, ":id": point.id, ":was": former(point),
    ":key": instance.key, ":vantage": point.vantage, ":now": now, ":local": LOCAL, ":only": only})?;
    let code = newest.reading.verdict.code();
    newest.since = newest.reading.at;
    let mut changes = Vec::new();
    let mut goes_on = true;
    let mut later = (code, newest.hash.clone(), newest.reading.at);
    while let Some(row) = rows.next()? {
        let one = (row.get::<_, i64>(0)?, row.get::<_, String>(1)?, time(row, 2)?);
        // Of two about the same moment the last one holds.
        if one.2 == later.2 {
            continue;
        }
        goes_on &= one.0 == code && one.1 == newest.hash && age(one.2, later.2) <= point.ttl;
        if goes_on {
            newest.since = one.2;
        } else if later.2.as_microsecond() < from {
            break;
        }
        if one.1 == newest.hash && later.1 == newest.hash && one.0 != later.0 {
            changes.push(later.2);
        }
        later = one;
    }
    changes.reverse();
    Ok(InstanceFacts { newest: Some(newest), changes })
}

/// The newest result of an instance from its vantage point, not younger than `now`.
pub(super) fn newest(
    db: &Connection,
    dc: &str,
    point: &Point,
    instance: &Instance,
    now: i64,
    sources: Sources,
) -> rusqlite::Result<Option<Seen>> {
    let mut newest = db.prepare_cached(
        "SELECT result.status, result.output, result.perf, result.us, result.executed_at, result.argv,
             result.vantage, result.since, run.source, result.note
         FROM result JOIN run ON run.id = result.run
         WHERE result.dc = :dc AND result.point IN (:id, :was) AND result.instance = :key
         AND result.vantage = :vantage AND result.executed_at <= :now AND coalesce((run.source = :local) = :only, TRUE)
         ORDER BY result.executed_at DESC, result.id DESC LIMIT 1",
    )?;
    let names = named_params! {":dc": dc, ":id": point.id, ":was": former(point), ":key": instance.key,
    ":vantage": point.vantage, ":now": now, ":local": LOCAL, ":only": only_local(sources)};
    newest.query_row(names, seen).optional()
}

fn seen(row: &Row<'_>) -> rusqlite::Result<Seen> {
    Ok(Seen {
        reading: Reading {
            verdict: Verdict::from_code(row.get(0)?),
            output: row.get(1)?,
            perf: row.get(2)?,
            took: Duration::from_micros(row.get::<_, i64>(3)?.unsigned_abs()),
            at: time(row, 4)?,
        },
        hash: row.get(5)?,
        vantage: row.get(6)?,
        since: time(row, 7)?,
        source: row.get(8)?,
        silenced: row.get(9)?,
    })
}

/// A column of microseconds as a moment.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    moment(row.get(column)?)
}

/// Microseconds as a moment.
pub(super) fn moment(micros: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, micros))
}

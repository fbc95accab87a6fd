//! Writing: a whole run is one transaction, so that a killed mdd loses at most the run in progress.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, named_params, params};

use super::History;
use super::facts::{former, load, moment};
use super::provenance::Provenance;
use super::thin::thin;
use crate::engine::facts::{Facts, LOCAL, Seen, Sources};
use crate::engine::pool::Taken;
use crate::engine::reading::now;
use crate::engine::snapshot::{Snapshot, snapshot};
use crate::engine::state::Options;
use crate::engine::{Reading, Verdict};
use crate::exit::Error;
use crate::plan::{Plan, Point};
use crate::render::json;

/// A run that has ended.
#[derive(Debug, Clone)]
pub struct Run<'r> {
    /// Which vantage point this is.
    pub vantage: &'r str,
    /// When it began.
    pub started: Timestamp,
    /// What it is a run of.
    pub provenance: &'r Provenance,
}

/// A gate's verdict.
#[derive(Debug, Clone)]
pub struct Gate<'g> {
    /// Datacenter.
    pub dc: &'g str,
    /// Milestone; none for all.
    pub milestone: Option<&'g str>,
    /// `done`, `not done` or `unknown`.
    pub verdict: &'g str,
    /// The moment it was judged for.
    pub at: Timestamp,
    /// The record, as JSON.
    pub record: &'g str,
}

impl History {
    /// Adds a run and the changes of state that follow from it, and gives the datacenter as it is then.
    ///
    /// # Errors
    /// Another process writes for too long, or the disk refuses. Then nothing of the run is kept.
    pub fn record<'p>(
        &mut self,
        plan: &'p Plan,
        run: &Run<'_>,
        taken: &[Taken<'_>],
    ) -> Result<(Facts, Snapshot<'p>), Error> {
        self.keep(plan, run, taken, None)
    }

    /// The same for a run that ended at `at`: changes of state are kept, and judged, as of then.
    ///
    /// # Errors
    /// As [`History::record`].
    pub fn record_at<'p>(
        &mut self,
        plan: &'p Plan,
        run: &Run<'_>,
        taken: &[Taken<'_>],
        at: Timestamp,
    ) -> Result<(Facts, Snapshot<'p>), Error> {
        self.keep(plan, run, taken, Some(at))
    }

    fn keep<'p>(
        &mut self,
        plan: &'p Plan,
        run: &Run<'_>,
        taken: &[Taken<'_>],
        at: Option<Timestamp>,
    ) -> Result<(Facts, Snapshot<'p>), Error> {
        let others = std::mem::take(&mut self.others);
        let written = self.transact(|change| {
            // Now is when the lock was got, not when it was asked for.
            let at = at.unwrap_or_else(now);
            let id = insert_run(change, plan, run, LOCAL, taken.len(), at)?;
            rename(change, plan)?;
            for one in taken {
                insert_result(change, plan, id, one, None)?;
            }
            let judged = note_states(change, plan, &others, at)?;
            thin(change, id, judged.1.options.now.as_microsecond())?;
            Ok(judged)
        });
        self.others = others;
        written.map_err(|error| self.failed("write to", &error))
    }

    /// Adds changes of state that time alone has brought, such as settling to green.
    ///
    /// # Errors
    /// As [`History::record`].
    pub fn mark<'p>(&mut self, plan: &'p Plan) -> Result<(Facts, Snapshot<'p>), Error> {
        let others = std::mem::take(&mut self.others);
        let written = self.transact(|change| note_states(change, plan, &others, now()));
        self.others = others;
        written.map_err(|error| self.failed("write to", &error))
    }

    /// Adds a gate's verdict.
    ///
    /// # Errors
    /// As [`History::record`].
    pub fn gate(&mut self, gate: &Gate<'_>) -> Result<(), Error> {
        let written = self.transact(|change| {
            change.execute(
                "INSERT INTO gate (dc, milestone, verdict, at, record) VALUES (?, ?, ?, ?, ?)",
                params![gate.dc, gate.milestone, gate.verdict, gate.at.as_microsecond(), gate.record],
            )
        });
        written.map(drop).map_err(|error| self.failed("write to", &error))
    }

    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let change = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&change)?;
        change.commit()?;
        Ok(result)
    }
}

/// Adds a run; `results` is what makes its vantage point one that has reported.
pub(super) fn insert_run(
    change: &Transaction<'_>,
    plan: &Plan,
    run: &Run<'_>,
    source: &str,
    results: usize,
    ended: Timestamp,
) -> rusqlite::Result<i64> {
    let Provenance { hash, git, dirty } = run.provenance;
    let started = run.started.as_microsecond();
    change.execute(
        "INSERT INTO manifest (hash, git, dirty, loaded_at, json) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (hash) DO UPDATE SET git = excluded.git, dirty = excluded.dirty",
        params![hash, git, dirty, started, json::plan(plan).to_string()],
    )?;
    let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
    change.execute(
        "INSERT INTO run (dc, source, vantage, started, ended, host, mdd, manifest, results)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            plan.dc,
            source,
            run.vantage,
            started,
            ended.as_microsecond(),
            host.unwrap_or_else(|_| "unknown".to_owned()),
            env!("CARGO_PKG_VERSION"),
            hash,
            i64::try_from(results).unwrap_or(i64::MAX),
        ],
    )?;
    Ok(change.last_insert_rowid())
}

/// A point that has a new name takes its history with it.
pub(super) fn rename(change: &Transaction<'_>, plan: &Plan) -> rusqlite::Result<()> {
    for point in &plan.points {
        let Some(was) = &point.was else { continue };
        if plan.points.iter().any(|other| other.id == *was) {
            continue;
        }
        for table in ["result", "transition"] {
            change.execute(
                &format!("UPDATE {table} SET point = ? WHERE dc = ? AND point = ?"),
                (&point.id, &plan.dc, was),
            )?;
        }
    }
    Ok(())
}

/// Adds a result of a run from its point's vantage point.
pub(super) fn insert_result(
    change: &Transaction<'_>,
    plan: &Plan,
    run: i64,
    taken: &Taken<'_>,
    note: Option<&str>,
) -> rusqlite::Result<()> {
    let Taken { point, instance, reading } = taken;
    let vantage = &point.vantage;
    let at = reading.at.as_microsecond();
    let before = super::facts::newest(change, &plan.dc, point, instance, at, Sources::Any)?;
    let seen =
        Seen::after(before.as_ref(), reading.clone(), instance.hash.clone(), vantage.clone(), point.ttl);
    let mut insert = change.prepare_cached(
        "INSERT INTO result
         (run, dc, point, instance, vantage, argv, status, output, perf, us, executed_at, since, note)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    insert.execute(params![
        run,
        plan.dc,
        point.id,
        instance.key,
        vantage,
        instance.hash,
        reading.verdict.code(),
        reading.output,
        reading.perf,
        i64::try_from(reading.took.as_micros()).unwrap_or(i64::MAX),
        at,
        seen.since.as_microsecond(),
        note,
    ])?;
    mend_later(change, plan, point, seen, &instance.key)
}

/// Two runs at once may be written in the other order: results that were started after this one then belong to
/// other stretches than was thought.
fn mend_later(
    change: &Transaction<'_>,
    plan: &Plan,
    point: &Point,
    mut before: Seen,
    key: &str,
) -> rusqlite::Result<()> {
    let mut select = change.prepare_cached(
        "SELECT id, status, executed_at, argv, since FROM result WHERE dc = :dc AND point IN (:id, :was)
         AND instance = :key AND vantage = :vantage AND executed_at > :at ORDER BY executed_at, id",
    )?;
    let names = named_params! {":dc": plan.dc, ":id": point.id, ":was": former(point), ":key": key,
    ":vantage": before.vantage, ":at": before.reading.at.as_microsecond()};
    let rows = select.query_map(names, |row| {
        let code: i64 = row.get(1)?;
        Ok((
            row.get::<_, i64>(0)?,
            code,
            row.get::<_, i64>(2)?,
            row.get::<_, String>(3)?,
            row.get::<_, i64>(4)?,
        ))
    })?;
    for (id, code, at, hash, since) in rows.collect::<rusqlite::Result<Vec<_>>>()? {
        let reading = Reading {
            verdict: Verdict::from_code(code),
            ..Reading::none("", moment(at)?, std::time::Duration::ZERO)
        };
        let seen = Seen::after(Some(&before), reading, hash, before.vantage.clone(), point.ttl);
        if seen.since.as_microsecond() == since {
            break;
        }
        change.execute("UPDATE result SET since = ? WHERE id = ?", (seen.since.as_microsecond(), id))?;
        before = seen;
    }
    Ok(())
}

/// Judges the datacenter as it is at a moment, and keeps what has changed.
pub(super) fn note_states<'p>(
    change: &Transaction<'_>,
    plan: &'p Plan,
    others: &[Plan],
    at: Timestamp,
) -> rusqlite::Result<(Facts, Snapshot<'p>)> {
    let options = Options::at(at);
    let mut facts = load(change, plan, others, &options)?;
    let judged = snapshot(plan, &facts, &options);
    for entry in &judged.entries {
        let before = facts.points.get(&entry.point.id).and_then(|known| known.state).map(|(state, _)| state);
        if before == Some(entry.judgement.state) {
            continue;
        }
        let result = newest_id(change, plan, entry.point)?;
        let roots: Vec<String> = entry.roots.iter().map(ToString::to_string).collect();
        change.execute(
            "INSERT INTO transition (dc, point, from_state, to_state, at, result, blocked_by)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                plan.dc,
                entry.point.id,
                before.map(crate::engine::State::key),
                entry.judgement.state.key(),
                options.now.as_microsecond(),
                result,
                (!roots.is_empty()).then(|| roots.join(" ")),
            ],
        )?;
    }
    facts.note(judged.states(), options.now);
    Ok((facts, judged))
}

fn newest_id(change: &Transaction<'_>, plan: &Plan, point: &Point) -> rusqlite::Result<Option<i64>> {
    let mut newest = change.prepare_cached(
        "SELECT id FROM result WHERE dc = ? AND point = ? ORDER BY executed_at DESC, id DESC LIMIT 1",
    )?;
    newest.query_row((&plan.dc, &point.id), |row| row.get(0)).optional()
}

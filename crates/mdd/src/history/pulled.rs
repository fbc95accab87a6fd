//! Adding what an engine gives: one transaction for all vantage points, each result once.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction, named_params};

use super::History;
use super::facts::former;
use super::provenance::Provenance;
use super::record::{Run, insert_result, insert_run, note_states, rename};
use super::thin::thin;
use crate::engine::facts::Facts;
use crate::engine::pool::Taken;
use crate::engine::reading::now;
use crate::engine::snapshot::Snapshot;
use crate::engine::{Reading, Verdict};
use crate::exit::Error;
use crate::plan::Plan;
use crate::pull::{Pulled, Source};

/// How far an engine's results may lie before each other's by the clocks of its agents.
const SKEW: SignedDuration = SignedDuration::from_secs(5);

/// What a pull has added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Added {
    /// New results that a plugin made.
    pub results: usize,
    /// New words of the engine, and of mdd, in place of a result.
    pub none: usize,
    /// Known already.
    pub known: usize,
    /// Results of the time before, from the engine's own history.
    pub earlier: usize,
}

impl History {
    /// Adds what an engine gave at `read`, the time that it was judged by, and gives the datacenter as it is then. A vantage
    /// point has reported once a plugin's result came from it.
    ///
    /// # Errors
    /// As [`History::record`]. Then nothing of the pull is kept.
    pub fn pull<'p>(
        &mut self,
        plan: &'p Plan,
        source: &Source,
        provenance: &Provenance,
        pulled: &[Pulled<'_>],
        read: Timestamp,
    ) -> Result<(Facts, Snapshot<'p>, Added), Error> {
        let others = std::mem::take(&mut self.others);
        let written = self.transact(|change| {
            let at = now();
            let mut added = Added::default();
            rename(change, plan)?;
            let mut by_vantage: BTreeMap<&str, Vec<&Pulled<'_>>> = BTreeMap::new();
            for one in pulled {
                by_vantage.entry(&one.point.vantage).or_default().push(one);
            }
            let mut last = None;
            for (vantage, all) in by_vantage {
                let mut new = Vec::new();
                for one in all {
                    let before = new.len();
                    add(change, plan, source, read, one, &mut new)?;
                    match new[before..].split_last() {
                        None => added.known += 1,
                        Some((newest, earlier)) => {
                            added.earlier += earlier.len();
                            match newest.0.reading.verdict {
                                Verdict::Plugin(_) => added.results += 1,
                                Verdict::None | Verdict::Skipped => added.none += 1,
                            }
                        }
                    }
                }
                if new.is_empty() {
                    continue;
                }
                let plugins = new.iter().filter(|(one, _)| is_plugins(&one.reading)).count();
                let run = Run { vantage, started: read, provenance };
                let id = insert_run(change, plan, &run, &source.to_string(), plugins, at)?;
                for (taken, silenced) in &new {
                    insert_result(change, plan, id, taken, *silenced)?;
                }
                last = Some(id);
            }
            let (facts, judged) = note_states(change, plan, &others, at)?;
            if let Some(id) = last {
                thin(change, id, judged.options.now.as_microsecond())?;
            }
            Ok((facts, judged, added))
        });
        self.others = others;
        written.map_err(|error| self.failed("write to", &error))
    }
}

fn is_plugins(reading: &Reading) -> bool {
    matches!(reading.verdict, Verdict::Plugin(_))
}

/// Puts what is new about one instance into `new`, oldest first.
fn add<'a>(
    change: &Transaction<'_>,
    plan: &Plan,
    source: &Source,
    now: Timestamp,
    one: &'a Pulled<'a>,
    new: &mut Vec<(Taken<'a>, Option<&'a str>)>,
) -> rusqlite::Result<()> {
    let Pulled { point, instance, reading, silenced, earlier } = one;
    let silenced = silenced.as_deref();
    let of = |reading| Taken { point, instance, reading };
    let known = Known::of(change, plan, source, one)?;
    if !known.any {
        new.extend(earlier.iter().map(|reading| (of(reading.clone()), None)));
    }
    let mut reading = reading.clone();
    // An old copy of the engine's data is no sign of it: only what is younger than the results that it gave before.
    if let Some(before) = known.latest.filter(|before| source.taken > *before)
        && before.duration_since(reading.at) > SKEW
    {
        let text = format!(
            "{}'s clock has gone back: what it gives now is older than what it gave before",
            source.kind.name()
        );
        reading = Reading::none(text, source.taken.min(now), reading.took);
        if known.newest.is_some_and(|(status, output)| (status, output) == (-1, reading.output.clone())) {
            return Ok(());
        }
    }
    match same_moment(change, plan, one, &reading)? {
        Some(id) => {
            change.execute("UPDATE result SET note = ? WHERE id = ?", (silenced, id))?;
        }
        None => new.push((of(reading), silenced)),
    }
    Ok(())
}

/// What is known of an instance before a pull.
struct Known {
    /// Anything at all.
    any: bool,
    /// The latest that a plugin made and that came from the same source.
    latest: Option<Timestamp>,
    /// Status and output of the newest result.
    newest: Option<(i64, String)>,
}

impl Known {
    fn of(
        change: &Transaction<'_>,
        plan: &Plan,
        source: &Source,
        one: &Pulled<'_>,
    ) -> rusqlite::Result<Self> {
        let mut newest = change.prepare_cached(
            "SELECT status, output FROM result WHERE dc = :dc AND point IN (:id, :was) AND instance = :key
             AND vantage = :vantage ORDER BY executed_at DESC, id DESC LIMIT 1",
        )?;
        let mut latest = change.prepare_cached(
            "SELECT result.executed_at FROM result JOIN run ON run.id = result.run
             WHERE result.dc = :dc AND result.point IN (:id, :was) AND result.instance = :key
             AND result.vantage = :vantage AND run.source = :source AND result.status >= 0
             ORDER BY result.executed_at DESC LIMIT 1",
        )?;
        let names = named_params! {":dc": plan.dc, ":id": one.point.id, ":was": former(one.point),
        ":key": one.instance.key, ":vantage": one.point.vantage};
        let newest = newest.query_row(names, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let names = named_params! {":dc": plan.dc, ":id": one.point.id, ":was": former(one.point),
        ":key": one.instance.key, ":vantage": one.point.vantage, ":source": source.to_string()};
        let latest = latest.query_row(names, |row| super::facts::time(row, 0)).optional()?;
        Ok(Known { any: newest.is_some(), latest, newest })
    }
}

/// The result of the same execution that was kept last, when it says the same. By a clock that is ahead it was kept for the
/// moment at which it was pulled, which is a little earlier.
fn same_moment(
    change: &Transaction<'_>,
    plan: &Plan,
    one: &Pulled<'_>,
    reading: &Reading,
) -> rusqlite::Result<Option<i64>> {
    let mut select = change.prepare_cached(
        "SELECT result.id, status, argv, output, perf FROM result JOIN run ON run.id = result.run
         WHERE result.dc = :dc AND point IN (:id, :was) AND instance = :key AND result.vantage = :vantage
         AND executed_at BETWEEN :from AND :at AND (executed_at = :at OR executed_at = run.started)
         ORDER BY executed_at DESC, result.id DESC LIMIT 1",
    )?;
    let at = reading.at.as_microsecond();
    let from = reading.at.checked_sub(SKEW).map_or(at, Timestamp::as_microsecond);
    let names = named_params! {":dc": plan.dc, ":id": one.point.id, ":was": former(one.point),
    ":key": one.instance.key, ":vantage": one.point.vantage, ":from": from, ":at": at};
    let kept = select.query_row(names, |row| {
        let says = (
            row.get::<_, i64>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, String>(3)?,
            row.get::<_, String>(4)?,
        );
        Ok((row.get::<_, i64>(0)?, says))
    });
    Ok(kept.optional()?.and_then(|(id, (status, argv, output, perf))| {
        let same = status == reading.verdict.code()
            && argv == one.instance.hash
            && output == reading.output
            && perf == reading.perf;
        same.then_some(id)
    }))
}

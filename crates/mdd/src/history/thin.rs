//! Old results are thinned: of each stretch the first and the last stay. Changes of state stay for ever.

use rusqlite::{Transaction, named_params};

/// Results older than this are thinned.
const KEEP_MICROS: i64 = 14 * 86_400 * 1_000_000;

/// Thins, if this is the first run of its day (UTC): once a day is enough, and costs one pass.
pub(super) fn thin(change: &Transaction<'_>, run: i64, now: i64) -> rusqlite::Result<()> {
    const DAY: i64 = 86_400 * 1_000_000;
    let today = now - now.rem_euclid(DAY);
    let again = change
        .prepare_cached("SELECT 1 FROM run WHERE started >= ? AND started <= ? AND id <> ? LIMIT 1")?
        .exists((today, now, run))?;
    if again {
        return Ok(());
    }
    change.execute(
        "DELETE FROM result WHERE executed_at < :old AND executed_at <> since
         AND EXISTS (SELECT 1 FROM result AS later WHERE later.dc = result.dc AND later.point = result.point
             AND later.instance = result.instance AND later.vantage = result.vantage
             AND later.executed_at > result.executed_at AND later.executed_at < :old
             AND later.since = result.since)
         AND NOT EXISTS (SELECT 1 FROM transition WHERE transition.result = result.id)",
        named_params! {":old": now - KEEP_MICROS},
    )?;
    // A run without results says no more than the next one; the newest of each vantage point stays.
    change.execute(
        "DELETE FROM run WHERE started < :old AND NOT EXISTS (SELECT 1 FROM result WHERE result.run = run.id)
         AND EXISTS (SELECT 1 FROM run AS later WHERE later.dc = run.dc AND later.vantage = run.vantage
             AND later.started > run.started)",
        named_params! {":old": now - KEEP_MICROS},
    )?;
    Ok(())
}

//! Tables of the history. Times are whole microseconds since 1970, UTC.

use rusqlite::{Connection, TransactionBehavior};

/// Format of the tables, kept in `user_version`.
pub const VERSION: i64 = 2;

/// `result.status`: a plugin's exit code, -1 for no result, -2 for not run. `result.since`: start of the unbroken
/// stretch of this status under this argv; kept with each result, so that thinning cannot break a stretch.
/// `result.note`: that it is silenced in the engine; null when it is not. `run.source`: `local`, or an engine and its address.
/// `transition` is about whole points; `from_state` is null for a point's first state.
const TABLES: &str = "
CREATE TABLE manifest (
    hash TEXT PRIMARY KEY, git TEXT, dirty INTEGER, loaded_at INTEGER NOT NULL, json TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE run (
    id INTEGER PRIMARY KEY, dc TEXT NOT NULL, source TEXT NOT NULL, vantage TEXT NOT NULL,
    started INTEGER NOT NULL, ended INTEGER NOT NULL, host TEXT NOT NULL, mdd TEXT NOT NULL,
    manifest TEXT NOT NULL REFERENCES manifest (hash), results INTEGER NOT NULL
);
CREATE INDEX run_started ON run (started);
CREATE INDEX run_vantage ON run (dc, vantage, started);
CREATE TABLE result (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES run (id), dc TEXT NOT NULL,
    point TEXT NOT NULL, instance TEXT NOT NULL, vantage TEXT NOT NULL, argv TEXT NOT NULL,
    status INTEGER NOT NULL, output TEXT NOT NULL, perf TEXT NOT NULL, us INTEGER NOT NULL,
    executed_at INTEGER NOT NULL, since INTEGER NOT NULL, note TEXT
);
CREATE INDEX result_of ON result (dc, point, instance, vantage, executed_at);
CREATE INDEX result_start ON result (dc, point, instance, vantage, executed_at) WHERE executed_at = since;
CREATE INDEX result_run ON result (run);
CREATE INDEX result_red ON result (dc, point, executed_at) WHERE status = 2;
CREATE TABLE transition (
    id INTEGER PRIMARY KEY, dc TEXT NOT NULL, point TEXT NOT NULL, from_state TEXT, to_state TEXT NOT NULL,
    at INTEGER NOT NULL, result INTEGER REFERENCES result (id), blocked_by TEXT
);
CREATE INDEX transition_of ON transition (dc, point, at);
CREATE INDEX transition_result ON transition (result) WHERE result IS NOT NULL;
CREATE TABLE gate (
    id INTEGER PRIMARY KEY, dc TEXT NOT NULL, milestone TEXT, verdict TEXT NOT NULL, at INTEGER NOT NULL,
    record TEXT NOT NULL
);
";

/// From version 1: results had no notes.
const FROM_1: &str = "ALTER TABLE result ADD COLUMN note TEXT";

/// Makes the tables of an empty file, and brings an older format up to this one. A newer one is left alone, for the
/// caller to refuse.
pub fn prepare(db: &mut Connection) -> rusqlite::Result<()> {
    if version(db)? >= VERSION {
        return Ok(());
    }
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it while this one waited.
    match version(&change)? {
        0 => change.execute_batch(TABLES)?,
        1 => change.execute_batch(FROM_1)?,
        _ => return Ok(()),
    }
    change.pragma_update(None, "user_version", VERSION)?;
    change.commit()
}

/// Lets an older format be read as this one, by a connection that changes nothing in the file.
pub fn read_as_current(db: &Connection, version: i64) -> rusqlite::Result<()> {
    match version {
        // Names of the temporary schema come before those of the file.
        1 => db.execute_batch("CREATE TEMP VIEW result AS SELECT *, NULL AS note FROM main.result"),
        _ => Ok(()),
    }
}

/// The format of a file; 0 of an empty one.
pub fn version(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

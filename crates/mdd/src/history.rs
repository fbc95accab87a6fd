//! What is kept: runs, results, changes of state and gates, in one SQLite file with one writer at a time.

pub mod facts;
pub mod provenance;
pub mod pulled;
pub mod record;
pub mod report;
pub mod schema;
pub mod thin;
pub mod watched;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::engine::{Facts, Options};
use crate::exit::Error;
use crate::plan::Plan;

/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// An open history.
#[derive(Debug)]
pub struct History {
    db: Connection,
    path: PathBuf,
    others: Vec<Plan>,
}

impl History {
    /// Opens the history to write to it; makes the file and its folder when there is none.
    ///
    /// # Errors
    /// The file cannot be made or written, it is no history, or it is a newer mdd's.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::own(format!("make the folder {}: {error}", folder.display())))?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut history = History::connect(path, flags)?;
        history.prepare_patiently().map_err(|error| history.failed("open", &error))?;
        let version = history.version()?;
        history.known(version)?;
        history.writable()?;
        Ok(history)
    }

    /// Opens the history to read it. None when there is none yet.
    ///
    /// # Errors
    /// The file cannot be read, it is no history, or it is a newer mdd's.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        if !path.exists() {
            return Ok(None);
        }
        let mut history = History::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        if history.needs_write() {
            history.db = still(path).map_err(|error| failed(path, "open", &error))?;
        }
        match history.version()? {
            // Killed between making the file and its tables: nothing has been kept yet.
            0 => Ok(None),
            older @ 1..schema::VERSION => {
                let read = schema::read_as_current(&history.db, older);
                read.map_err(|error| history.failed("read", &error))?;
                Ok(Some(history))
            }
            version => {
                history.known(version)?;
                Ok(Some(history))
            }
        }
    }

    /// Plans of other datacenters, which points of this one depend on.
    pub fn with_others(self, others: Vec<Plan>) -> Self {
        History { others, ..self }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self, Error> {
        // One thread uses it, and its name is a path, never a URI.
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |error: rusqlite::Error| failed(path, "open", &error);
        let db = Connection::open_with_flags(path, flags).map_err(failed)?;
        db.busy_timeout(PATIENCE).map_err(failed)?;
        Ok(History { db, path: path.to_path_buf(), others: Vec::new() })
    }

    fn prepare(&mut self) -> rusqlite::Result<()> {
        // Readers go on while one writes; a commit is on the disk before it is reported.
        self.db.pragma_update(None, "journal_mode", "wal")?;
        self.db.pragma_update(None, "synchronous", "full")?;
        self.db.pragma_update(None, "foreign_keys", true)?;
        schema::prepare(&mut self.db)
    }

    /// Two processes that make the file at once get in each other's way without the library waiting for it.
    fn prepare_patiently(&mut self) -> rusqlite::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.prepare() {
                Err(error) if is_busy(&error) && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                result => return result,
            }
        }
    }

    /// Whether reading fails because this user may not write beside the file: readers of a write-ahead log share an
    /// index, which the first one makes. While somebody writes it is there.
    fn needs_write(&self) -> bool {
        let tried = schema::version(&self.db);
        let refused = matches!(
            tried.as_ref().map_err(rusqlite::Error::sqlite_error_code),
            Err(Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
        );
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        refused && std::fs::metadata(log).map_or(true, |log| log.len() == 0)
    }

    fn version(&self) -> Result<i64, Error> {
        schema::version(&self.db).map_err(|error| self.failed("read", &error))
    }

    fn known(&self, version: i64) -> Result<(), Error> {
        if version == schema::VERSION {
            return Ok(());
        }
        let path = self.path.display();
        Err(Error::own(format!(
            "history {path}: its format is {version}, this mdd knows {}; use the newer mdd that wrote it",
            schema::VERSION
        )))
    }

    /// Finds out before any check runs whether its results could be kept.
    fn writable(&self) -> Result<(), Error> {
        let tried = self.db.execute_batch("BEGIN IMMEDIATE; ROLLBACK");
        tried.map_err(|error| self.failed("write to", &error))
    }

    fn failed(&self, what: &str, error: &rusqlite::Error) -> Error {
        failed(&self.path, what, error)
    }
}

/// What the history at `path` knows of a plan; nothing when there is none yet. `others` as in
/// [`History::with_others`].
///
/// # Errors
/// As [`History::read`].
pub fn facts(path: &Path, plan: &Plan, others: Vec<Plan>, options: &Options) -> Result<Facts, Error> {
    match History::read(path)? {
        Some(history) => history.with_others(others).facts(plan, options),
        None => Ok(Facts::none()),
    }
}

/// Opens a history that nobody writes to now, and promises the library that it stays so.
fn still(path: &Path) -> rusqlite::Result<Connection> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(char::from(*byte));
            }
            other => {
                let escaped = format!("%{other:02X}");
                uri.push_str(&escaped);
            }
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn failed(path: &Path, what: &str, error: &rusqlite::Error) -> Error {
    let path = path.display();
    Error::own(if is_busy(error) {
        format!("{what} the history {path}: another process has been writing to it for {PATIENCE:?}")
    } else {
        format!("{what} the history {path}: {error}")
    })
}

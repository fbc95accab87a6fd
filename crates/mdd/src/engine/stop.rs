//! The wish to stop: SIGINT, SIGTERM and SIGHUP set a flag that every waiting loop looks at; a deadline does the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

/// Set once, never unset.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    flag: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Stop {
    /// A flag that the signals of a terminal and of a service manager set.
    ///
    /// # Errors
    /// The kernel refuses a handler.
    pub fn on_signals() -> std::io::Result<Self> {
        let stop = Stop::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&stop.flag))?;
        }
        Ok(stop)
    }

    /// The same flag, which this moment sets too.
    pub fn until(&self, deadline: Option<Instant>) -> Self {
        Stop { flag: Arc::clone(&self.flag), deadline }
    }

    /// Whether it is time to stop, for whatever reason.
    pub fn requested(&self) -> bool {
        self.interrupted() || self.expired()
    }

    /// Whether a signal, or [`Stop::request`], asked to stop.
    pub fn interrupted(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// Whether the deadline has passed.
    pub fn expired(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Asks to stop.
    pub fn request(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }
}

/// Whoever started mdd may ignore SIGCHLD, and that is inherited: then ended children vanish, and their exit codes with
/// them. A handler, whatever it does, puts an end to that.
///
/// # Errors
/// The kernel refuses a handler.
pub fn keep_children() -> std::io::Result<()> {
    signal_hook::flag::register(SIGCHLD, Arc::default()).map(drop)
}

//! The one point in time at which a run has to be over.

use std::fmt;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use crate::{Failure, Reason, Result};

/// The end of a run, handed to every blocking call. Clones are the same deadline.
///
/// [`Deadline::step`] is asked before each blocking call: it says what is left, notes what is being done, and starts the
/// watchdog before the first one, so that runs that never block do not pay for it.
#[derive(Clone)]
pub struct Deadline(Arc<Inner>);

struct Inner {
    started: Instant,
    after: Duration,
    step: Mutex<String>,
    guard: Option<Guard>,
}

/// Called once, before the first blocking step.
type Guard = (Once, fn(&Deadline));

impl Deadline {
    /// A deadline that lies `after` ahead, without a watchdog.
    pub fn after(after: Duration) -> Deadline {
        Deadline::with_guard(after, None)
    }

    pub(crate) fn guarded(after: Duration, guard: fn(&Deadline)) -> Deadline {
        Deadline::with_guard(after, Some(guard))
    }

    fn with_guard(after: Duration, guard: Option<fn(&Deadline)>) -> Deadline {
        Deadline(Arc::new(Inner {
            started: Instant::now(),
            after,
            step: Mutex::new(String::new()),
            guard: guard.map(|guard| (Once::new(), guard)),
        }))
    }

    /// The same start, but an earlier end: never later than this one. For a part of a run with a limit of its own.
    pub fn at_most(&self, after: Duration) -> Deadline {
        let wanted = self.elapsed() + after;
        Deadline(Arc::new(Inner {
            started: self.0.started,
            after: wanted.min(self.0.after),
            step: Mutex::new(String::new()),
            guard: None,
        }))
    }

    /// Notes what is tried next and returns the time left for it.
    ///
    /// `what` completes the sentence "no answer in time: …", for example `connect to 10.0.0.5:443`.
    /// Errors with [`Reason::TimedOut`] when nothing is left.
    pub fn step(&self, what: impl fmt::Display) -> Result<Duration> {
        let what = what.to_string();
        let left = self.left();
        let expired = left.is_zero().then(|| self.expired(&what));
        *self.0.step.lock().unwrap_or_else(PoisonError::into_inner) = what;
        if let Some((once, guard)) = &self.0.guard {
            once.call_once(|| guard(self));
        }
        match expired {
            None => Ok(left),
            Some(failure) => Err(failure),
        }
    }

    /// The failure of a step that the deadline cut short.
    pub fn expired(&self, what: &str) -> Failure {
        Failure::new(Reason::TimedOut, format!("{what}: no answer within {}", show(self.0.after)))
    }

    /// What is left; zero when it has passed. A hundredth (50 ms at most) is kept back, so that a run which uses all of it
    /// still ends, and prints, within its timeout.
    pub fn left(&self) -> Duration {
        let reserve = (self.0.after / 100).min(Duration::from_millis(50));
        self.0.after.saturating_sub(reserve).saturating_sub(self.elapsed())
    }

    /// Time since the run began.
    pub fn elapsed(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// The whole time of the run.
    pub fn timeout(&self) -> Duration {
        self.0.after
    }

    pub(crate) fn current_step(&self) -> String {
        self.0.step.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deadline({} of {} left)", show(self.left()), show(self.0.after))
    }
}

pub(crate) fn show(duration: Duration) -> String {
    crate::units::show_seconds(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::Deadline;
    use crate::Reason;
    use std::time::Duration;

    #[test]
    fn a_passed_deadline_is_a_failure_that_names_the_step() {
        let deadline = Deadline::after(Duration::ZERO);
        let failure = deadline.step("connect to 10.0.0.5:443").expect_err("nothing is left");
        assert_eq!(failure.reason, Reason::TimedOut);
        assert_eq!(failure.message, "connect to 10.0.0.5:443: no answer within 0 s");
    }

    #[test]
    fn a_part_never_outlives_the_whole() {
        let deadline = Deadline::after(Duration::from_secs(5));
        assert!(deadline.at_most(Duration::from_mins(1)).timeout() <= Duration::from_secs(5));
        assert!(deadline.at_most(Duration::from_secs(1)).left() <= Duration::from_secs(1));
        assert!(deadline.step("wait").is_ok_and(|left| left > Duration::from_secs(4)));
        assert_eq!(deadline.current_step(), "wait");
    }
}

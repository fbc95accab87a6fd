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
pub struct Deadline {
    run: Arc<Run>,
    /// From the start of the run; the whole run's, or that of a part.
    after: Duration,
    /// What the time limit is called in a message: a part's own.
    limit: Duration,
}

struct Run {
    started: Instant,
    after: Duration,
    step: Mutex<String>,
    guard: Option<Guard>,
}

/// Called once with the whole run's deadline, before the first blocking step.
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
        let run = Run {
            started: Instant::now(),
            after,
            step: Mutex::new(String::new()),
            guard: guard.map(|guard| (Once::new(), guard)),
        };
        Deadline { run: Arc::new(run), after, limit: after }
    }

    /// The same run, but an earlier end: never later than this one. For a part of a run with a limit of its own.
    pub fn at_most(&self, limit: Duration) -> Deadline {
        let end = self.elapsed().saturating_add(limit);
        if end >= self.after {
            return self.clone();
        }
        Deadline { run: Arc::clone(&self.run), after: end, limit }
    }

    /// Notes what is tried next and returns the time left for it.
    ///
    /// `what` completes the sentence "no answer in time: …", for example `connect to 10.0.0.5:443`.
    /// Errors with [`Reason::TimedOut`] when nothing is left.
    pub fn step(&self, what: impl fmt::Display) -> Result<Duration> {
        let what = what.to_string();
        let left = self.left();
        let expired = left.is_zero().then(|| self.expired(&what));
        *self.run.step.lock().unwrap_or_else(PoisonError::into_inner) = what;
        if let Some((once, guard)) = &self.run.guard {
            let whole = Deadline { run: Arc::clone(&self.run), after: self.run.after, limit: self.run.after };
            once.call_once(|| guard(&whole));
        }
        match expired {
            None => Ok(left),
            Some(failure) => Err(failure),
        }
    }

    /// The failure of a step that the deadline cut short.
    pub fn expired(&self, what: &str) -> Failure {
        Failure::new(Reason::TimedOut, format!("{what}: no answer within {}", show(self.limit)))
    }

    /// What is left; zero when it has passed. A tenth of the run (250 ms at most) is kept back, so that a run which uses all
    /// of it still ends, and prints, within its timeout, on a busy machine too.
    pub fn left(&self) -> Duration {
        let reserve = (self.run.after / 10).min(Duration::from_millis(250));
        self.after.min(self.run.after.saturating_sub(reserve)).saturating_sub(self.elapsed())
    }

    /// Time since the run began.
    pub fn elapsed(&self) -> Duration {
        self.run.started.elapsed()
    }

    /// The whole time of the run; of a part, the time from the run's start to the part's end.
    pub fn timeout(&self) -> Duration {
        self.after
    }

    pub(crate) fn current_step(&self) -> String {
        self.run.step.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deadline({} of {} left)", show(self.left()), show(self.limit))
    }
}

pub(crate) fn show(duration: Duration) -> String {
    crate::units::show_seconds(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::Deadline;
    use crate::Reason;
    use std::sync::atomic::{AtomicU64, Ordering};
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

    #[test]
    fn a_part_notes_its_steps_and_starts_the_watchdog_of_the_whole() {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let start = |deadline: &Deadline| {
            STARTED.fetch_add(deadline.timeout().as_secs(), Ordering::SeqCst);
        };
        let deadline = Deadline::guarded(Duration::from_secs(7), start);
        let part = deadline.at_most(Duration::ZERO);
        let failure = part.step("ask the first server").expect_err("nothing is left");
        assert_eq!(failure.message, "ask the first server: no answer within 0 s");
        assert!(deadline.step("ask the second server").is_ok());
        assert_eq!(part.current_step(), "ask the second server");
        assert_eq!(STARTED.load(Ordering::SeqCst), 7);
    }

    #[test]
    fn a_reserve_is_kept_back_once() {
        let deadline = Deadline::after(Duration::from_secs(1));
        assert!(deadline.left() <= Duration::from_millis(900));
        let part = deadline.at_most(Duration::from_millis(500));
        assert!(part.left() <= Duration::from_millis(500));
        assert!(deadline.at_most(Duration::MAX).left() > Duration::from_millis(800));
    }
}

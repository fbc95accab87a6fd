//! What both generations of Sensu have in common: whole seconds, names, what a point waits for.

use std::time::Duration;

use super::{Alerts, Refusal, Request, Rollup};
use crate::manifest::scalar::format_duration;
use crate::plan::{Dependency, Point, WhenBlocked};

/// Shortest `ttl` that Sensu Go takes of an event.
const SHORTEST_TTL: u32 = 5;

/// Times of a check, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Between runs.
    pub interval: u32,
    /// After which a run is killed.
    pub timeout: u32,
    /// Age at which silence is a failure; more than `interval`.
    pub ttl: u32,
}

impl Times {
    /// A point's.
    ///
    /// # Errors
    /// One is longer than Sensu can count.
    pub fn of_point(point: &Point) -> Result<Self, Refusal> {
        Times::new(point.interval, point.timeout, point.ttl)
    }

    /// A roll-up's.
    ///
    /// # Errors
    /// As [`Times::of_point`].
    pub fn of_rollup(rollup: &Rollup) -> Result<Self, Refusal> {
        Times::new(rollup.interval, rollup.timeout, rollup.ttl)
    }

    /// Rounded up: a check that runs more often than asked for, or is killed earlier, is worse than the opposite.
    fn new(interval: Duration, timeout: Duration, ttl: Duration) -> Result<Self, Refusal> {
        let interval = seconds("interval", interval)?.max(1);
        Ok(Times {
            interval,
            // 0 would be no limit at all.
            timeout: seconds("timeout", timeout)?.max(1),
            ttl: seconds("ttl", ttl)?.max(interval.saturating_add(1)).max(SHORTEST_TTL),
        })
    }
}

fn seconds(field: &str, duration: Duration) -> Result<u32, Refusal> {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    // One less than the largest number, which leaves room for a ttl above it.
    u32::try_from(seconds).ok().filter(|&seconds| seconds < u32::MAX).ok_or_else(|| Refusal {
        what: format!("{field}: {} is longer than Sensu can count", format_duration(duration)),
        way_out: "a shorter time",
    })
}

/// A name that every part of Sensu takes: `[A-Za-z0-9_.-]+`.
///
/// # Errors
/// It has other characters; `what` says whose name it is.
pub fn name<'n>(what: &str, name: &'n str) -> Result<&'n str, Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        return Ok(name);
    }
    let what = format!("{what} `{name}` is no name for Sensu");
    Err(Refusal { what, way_out: "letters, digits, `_`, `.` and `-`" })
}

/// What a point waits for, as the manifest writes it.
pub fn depends_on(point: &Point) -> Vec<String> {
    let word = |dependency: &Dependency| match dependency {
        Dependency::Point(id) => id.clone(),
        Dependency::Group(id) => format!("group:{id}"),
        Dependency::Elsewhere(dc, id) => format!("{dc}/{id}"),
    };
    point.depends_on.iter().map(word).collect()
}

/// What whoever exports has to know, whichever Sensu it is: `engine` is its name. `unhandled` says what becomes of
/// events when the manifest names no handler; none when it names one.
pub fn notices(request: &Request<'_>, engine: &str, unhandled: Option<&str>) -> Vec<String> {
    let mut notices = request.notices();
    let points = || request.plan.points.iter().filter(|point| point.missing.is_empty());
    if let Some(unhandled) = unhandled.filter(|_| points().next().is_some()) {
        let what = match request.alerts {
            Alerts::Owners => "roll-ups",
            Alerts::Points => "checks",
        };
        notices.push(format!("the manifest's engines name no handler for {what}: {unhandled}"));
    }
    for point in points() {
        if point.when_blocked == WhenBlocked::Skip {
            notices.push(format!(
                "{}: when_blocked: skip cannot be kept: {engine} runs it while what it waits for is down",
                point.id
            ));
        }
        for (field, time) in [("interval", point.interval), ("timeout", point.timeout), ("ttl", point.ttl)] {
            if time.subsec_nanos() > 0 {
                notices.push(format!(
                    "{}: {field} {} is rounded up: {engine} counts whole seconds",
                    point.id,
                    format_duration(time)
                ));
            }
        }
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up_and_a_ttl_stays_above_the_interval() {
        let of = |interval, timeout, ttl| {
            Times::new(
                Duration::from_millis(interval),
                Duration::from_millis(timeout),
                Duration::from_millis(ttl),
            )
        };
        assert_eq!(of(60_000, 10_000, 180_000), Ok(Times { interval: 60, timeout: 10, ttl: 180 }));
        assert_eq!(of(1_200, 300, 1_500), Ok(Times { interval: 2, timeout: 1, ttl: 5 }));
        assert_eq!(of(9_500, 1, 10_000), Ok(Times { interval: 10, timeout: 1, ttl: 11 }));
        let refusal = of(u64::MAX, 1, 2).unwrap_err();
        assert!(refusal.what.starts_with("interval: "), "{}", refusal.what);
        assert!(of(4_294_967_294_000, 1, 2).is_ok());
        assert!(of(4_294_967_295_000, 1, 2).is_err());
    }

    #[test]
    fn names() {
        assert_eq!(name("handler", "mail-2.x_y"), Ok("mail-2.x_y"));
        for bad in ["", "a b", "a:b", "a/b", "é", "{{x}}"] {
            assert_eq!(
                name("handler", bad).unwrap_err().what,
                format!("handler `{bad}` is no name for Sensu")
            );
        }
    }
}

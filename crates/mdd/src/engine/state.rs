//! The eight states of a point, and the table that gives them: first match wins.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::facts::{PointFacts, Sources};
use super::rollup::{Condition, Judged, Rolled};
use crate::plan::{Point, Waiver};

/// What mdd makes of a point's results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// OK for at least `stable`.
    Green,
    /// WARNING for at least `stable`.
    Warning,
    /// OK or WARNING, not long enough.
    Settling,
    /// Failing.
    Red,
    /// Failing, and what it waits for is down.
    Blocked,
    /// Not there yet, and not expected yet.
    NotDue,
    /// Nobody can tell.
    Unknown,
    /// Failing, and accepted for a while.
    Waived,
}

impl State {
    /// Every state, in the order of the counts.
    pub const ALL: [State; 8] = [
        State::Green,
        State::Warning,
        State::Settling,
        State::Red,
        State::Blocked,
        State::NotDue,
        State::Unknown,
        State::Waived,
    ];

    /// The word for people: `not due`.
    pub fn word(self) -> &'static str {
        match self {
            State::NotDue => "not due",
            other => other.key(),
        }
    }

    /// The word for selectors, the history and JSON: `not-due`.
    pub fn key(self) -> &'static str {
        match self {
            State::Green => "green",
            State::Warning => "warning",
            State::Settling => "settling",
            State::Red => "red",
            State::Blocked => "blocked",
            State::NotDue => "not-due",
            State::Unknown => "unknown",
            State::Waived => "waived",
        }
    }

    /// Reads [`State::key`] back.
    pub fn from_key(key: &str) -> Option<Self> {
        State::ALL.into_iter().find(|state| state.key() == key)
    }

    /// Green or warning: shown to work, not merely accepted.
    pub fn is_proven(self) -> bool {
        matches!(self, State::Green | State::Warning)
    }
}

/// The row of the table that matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A variable's value is not known yet.
    MissingValue,
    /// Its vantage point has never reported.
    SilentVantage,
    /// No usable result.
    NoUsableResult,
    /// OK long enough.
    Stable,
    /// OK or WARNING, not long enough.
    NotYetStable,
    /// Too many changes lately.
    Flapping,
    /// WARNING long enough.
    StableWarning,
    /// A waiver is in force.
    Waived,
    /// A dependency is down.
    DependencyDown,
    /// A plugin's own UNKNOWN.
    PluginUnknown,
    /// It was skipped for a dependency that is no longer down.
    NotRunAgain,
    /// CRITICAL, and green before.
    Regressed,
    /// CRITICAL, and its date has passed.
    Overdue,
    /// CRITICAL, and it has no date.
    NoDate,
    /// CRITICAL, never green, and its date has not come.
    NotReachedYet,
}

impl Rule {
    /// Short name, for JSON and tests.
    pub fn name(self) -> &'static str {
        match self {
            Rule::MissingValue => "missing-value",
            Rule::SilentVantage => "silent-vantage",
            Rule::NoUsableResult => "no-usable-result",
            Rule::Stable => "stable",
            Rule::NotYetStable => "not-yet-stable",
            Rule::Flapping => "flapping",
            Rule::StableWarning => "stable-warning",
            Rule::Waived => "waived",
            Rule::DependencyDown => "dependency-down",
            Rule::PluginUnknown => "plugin-unknown",
            Rule::NotRunAgain => "not-run-again",
            Rule::Regressed => "regressed",
            Rule::Overdue => "overdue",
            Rule::NoDate => "no-date",
            Rule::NotReachedYet => "not-reached-yet",
        }
    }

    /// The rule in one line.
    pub fn sentence(self) -> &'static str {
        match self {
            Rule::MissingValue => "a variable that it needs has no value yet (`~`)",
            Rule::SilentVantage => "its vantage point has never reported",
            Rule::NoUsableResult => {
                "no usable result: a plugin's own, fresh, from its vantage point, of the check as it is now"
            }
            Rule::Stable => "OK for at least `stable`",
            Rule::NotYetStable => "OK or WARNING, but not yet for `stable`",
            Rule::Flapping => "WARNING, with three or more changes in the last four times `stable`",
            Rule::StableWarning => "WARNING for at least `stable`",
            Rule::Waived => "failing, and a waiver is in force",
            Rule::DependencyDown => "failing, and something that it depends on is entirely down",
            Rule::PluginUnknown => "the plugin itself says UNKNOWN",
            Rule::NotRunAgain => "not run while what it depends on was down, and not run since",
            Rule::Regressed => "CRITICAL, and it was green before",
            Rule::Overdue => "CRITICAL, and its date has passed",
            Rule::NoDate => "CRITICAL, and it has no date to wait for",
            Rule::NotReachedYet => "CRITICAL, never green here, and its date has not come",
        }
    }
}

/// How to judge.
#[derive(Debug, Clone)]
pub struct Options {
    /// The moment that is judged.
    pub now: Timestamp,
    /// WARNING does not count as done; it may be waived and blocked like a failure.
    pub strict: bool,
    /// Whether waivers are accepted.
    pub waivers: bool,
    /// In place of each point's `stable`.
    pub stable: Option<Duration>,
    /// Results older than this are no longer usable, even within `ttl`.
    pub max_age: Option<Duration>,
    /// Which results count; the rest is as if it had never been.
    pub sources: Sources,
}

impl Options {
    /// The manifest's own rules, at this moment.
    pub fn at(now: Timestamp) -> Self {
        Options { now, strict: false, waivers: true, stable: None, max_age: None, sources: Sources::Any }
    }
}

/// What a waiver means at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaiverState {
    /// The point has none.
    Absent,
    /// It accepts the failure; so many days are left after today.
    InForce(i32),
    /// It ended so many days ago.
    Expired(i32),
    /// The point does not fail.
    NotNeeded,
}

/// Everything that the table looks at.
#[derive(Debug, Clone, Copy)]
pub struct View<'v> {
    /// The point.
    pub point: &'v Point,
    /// Whether its vantage point has ever reported.
    pub vantage_reported: bool,
    /// Its instances.
    pub instances: &'v [Judged],
    /// What they amount to.
    pub rolled: &'v Rolled,
    /// What is known of its past.
    pub past: &'v PointFacts,
    /// Whether the past comes from a history.
    pub kept: bool,
    /// Whether one of its dependencies is down.
    pub dependency_down: bool,
}

/// The state of a point, and what goes with it.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The state.
    pub state: State,
    /// The row that gave it.
    pub rule: Rule,
    /// Whether it counts as done.
    pub done: bool,
    /// Days since its date, when it has passed and the point is not proven.
    pub overdue: Option<i32>,
    /// Until when it was green, when it fails and was green before.
    pub regressed: Option<Timestamp>,
    /// Green since its first run: nothing shows yet that it can go red.
    pub never_red: bool,
    /// Start of what decides it: the stretch of its result.
    pub since: Option<Timestamp>,
    /// Its waiver.
    pub waiver: WaiverState,
}

/// Gives a point its state. Pure; first match wins.
pub fn judge(view: &View<'_>, options: &Options) -> Judgement {
    let View { point, rolled, past, .. } = *view;
    let overdue = point.due.and_then(|due| overdue_days(due, options.now));
    let waiver = waiver_state(point.waiver.as_ref().filter(|_| options.waivers), options.now);
    let waived = matches!(waiver, WaiverState::InForce(_));
    let warns_strictly = options.strict && rolled.condition == Condition::Warning;
    let failing = rolled.condition == Condition::Failing || warns_strictly;
    let not_ok = matches!(rolled.condition, Condition::Unknown | Condition::Skipped) || failing;

    let (state, rule) = if !point.missing.is_empty() {
        (State::NotDue, Rule::MissingValue)
    } else if !view.vantage_reported {
        (State::Blocked, Rule::SilentVantage)
    } else if rolled.condition == Condition::None {
        (State::Unknown, Rule::NoUsableResult)
    } else if rolled.condition == Condition::Green {
        (State::Green, Rule::Stable)
    } else if rolled.condition == Condition::Settling {
        (State::Settling, Rule::NotYetStable)
    } else if rolled.condition == Condition::Flapping {
        (State::Settling, Rule::Flapping)
    } else if rolled.condition == Condition::Warning && !(options.strict && (waived || view.dependency_down))
    {
        (State::Warning, Rule::StableWarning)
    } else if failing && waived {
        (State::Waived, Rule::Waived)
    } else if not_ok && view.dependency_down {
        (State::Blocked, Rule::DependencyDown)
    } else if rolled.condition == Condition::Unknown {
        (State::Unknown, Rule::PluginUnknown)
    } else if rolled.condition == Condition::Skipped {
        (State::Unknown, Rule::NotRunAgain)
    } else if past.proven.is_some() {
        (State::Red, Rule::Regressed)
    } else if overdue.is_some() {
        (State::Red, Rule::Overdue)
    } else if point.due.is_none() {
        (State::Red, Rule::NoDate)
    } else {
        (State::NotDue, Rule::NotReachedYet)
    };

    let done = match state {
        State::Green | State::Waived => true,
        State::Warning => !options.strict,
        _ => false,
    };
    let passing = matches!(state, State::Green | State::Warning | State::Settling);
    let since = since(view, state);
    let regressed = past.proven.filter(|_| failing && state != State::Warning);
    Judgement {
        state,
        rule,
        done,
        overdue: overdue.filter(|_| !passing && state != State::Unknown),
        regressed: regressed.map(|proven| proven.until.or(since).unwrap_or(options.now)),
        never_red: view.kept && state.is_proven() && !past.seen_red,
        since,
        waiver: match waiver {
            WaiverState::InForce(_) if passing => WaiverState::NotNeeded,
            other => other,
        },
    }
}

/// For a point that passes, since when all of it does; else since when the instance that decides it is what it is.
fn since(view: &View<'_>, state: State) -> Option<Timestamp> {
    match state {
        State::Green | State::Settling | State::Warning => {
            view.instances.iter().filter_map(|one| one.since).max()
        }
        _ => view.instances.get(view.rolled.decisive).and_then(|one| one.since),
    }
}

/// Days since the end of `due`; none while it lasts. A date means the end of that day, UTC.
pub fn overdue_days(due: Date, now: Timestamp) -> Option<i32> {
    Some(days_between(due, today(now))).filter(|&days| days > 0)
}

/// The day of a moment, UTC.
pub fn today(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// Days from one date to another; negative when `to` is the earlier one.
pub fn days_between(from: Date, to: Date) -> i32 {
    from.duration_until(to).as_hours().div_euclid(24).try_into().unwrap_or(i32::MAX)
}

fn waiver_state(waiver: Option<&Waiver>, now: Timestamp) -> WaiverState {
    match waiver.map(|waiver| days_between(today(now), waiver.until)) {
        None => WaiverState::Absent,
        Some(left) if left >= 0 => WaiverState::InForce(left),
        Some(left) => WaiverState::Expired(-left),
    }
}

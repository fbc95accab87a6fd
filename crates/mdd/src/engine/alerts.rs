//! What may page somebody: root causes of a live datacenter, and points that fail again after a gate was passed.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::facts::age;
use super::graph::Root;
use super::reading::Status;
use super::snapshot::{Entry, Snapshot};
use super::state::{Rule, State, today};
use crate::plan::{Plan, Point, Severity, Stage};
use crate::render::words::span;
use crate::select::Selector;

/// A gate's verdict that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Milestone; none for all points.
    pub milestone: Option<String>,
    /// Whether everything it needs was done.
    pub done: bool,
    /// When it was judged.
    pub at: Timestamp,
}

/// What an alert is about.
#[derive(Debug, Clone)]
pub enum About<'s> {
    /// A point.
    Point(&'s Entry<'s>),
    /// A vantage point that has never reported.
    Vantage(&'s str),
    /// Everything that was asked for: none of it has a fresh result.
    Selection,
}

/// Why somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is the root cause of a failure in a live datacenter.
    RootCause,
    /// It fails although this gate had been passed.
    AfterGate(Gate),
    /// It was green, it fails, and what it waits for alerts nobody: not due yet, waived, or elsewhere.
    Behind(Root),
    /// A live datacenter, and nobody can tell.
    Unknown,
}

/// Something that somebody has to be told.
#[derive(Debug, Clone)]
pub struct Alert<'s> {
    /// CRITICAL pages, WARNING is a ticket, UNKNOWN is a blind spot.
    pub level: Status,
    /// What.
    pub about: About<'s>,
    /// Why.
    pub why: Why,
    /// Team whose turn it is; empty for a selection.
    pub owner: &'s str,
    /// How many points it holds up.
    pub holds: usize,
    /// What is the matter, in one line; a reason word may end it.
    pub text: String,
}

impl Alert<'_> {
    /// Severity of its point.
    pub fn severity(&self) -> Option<Severity> {
        match self.about {
            About::Point(entry) => Some(entry.point.severity),
            About::Vantage(_) | About::Selection => None,
        }
    }

    /// Id of its point or vantage point; none for a selection.
    pub fn id(&self) -> Option<&str> {
        match self.about {
            About::Point(entry) => Some(&entry.point.id),
            About::Vantage(id) => Some(id),
            About::Selection => None,
        }
    }
}

/// Whether a point is among those that a selection is about: its own team's, or the one's whose turn it is.
pub fn concerns(snapshot: &Snapshot<'_>, entry: &Entry<'_>, select: &Selector) -> bool {
    select.takes_state(entry.judgement.state.key())
        && (select.takes(entry.point) || select.takes_as(entry.point, snapshot.answers_for(entry)))
}

/// What has to be told of the selected part of a datacenter, the worst first.
///
/// `owner:X` selects by whose turn it is: what nobody can tell is the blind spot of whoever runs the vantage point.
/// `gates` are the recorded verdicts up to the moment that is judged, the oldest first; `others` the plans of other
/// datacenters that points wait for.
pub fn alerts<'s>(
    snapshot: &'s Snapshot<'s>,
    gates: &[Gate],
    others: &[Plan],
    select: &Selector,
) -> Vec<Alert<'s>> {
    if snapshot.plan.stage == Stage::Retired {
        return Vec::new();
    }
    if let Some(blind) = blind(snapshot, |_| true, ": is `mdd pull` running?") {
        return vec![blind];
    }
    let passed = Passed::new(snapshot.plan, gates);
    let mut all: Vec<Alert<'s>> =
        snapshot.entries.iter().filter_map(|one| own(snapshot, one, &passed)).collect();
    let loud: BTreeSet<Root> =
        all.iter().filter_map(Alert::id).map(|id| Root::Point(id.to_owned())).collect();
    let behind = snapshot.entries.iter().filter_map(|one| hidden(snapshot, one, &passed, others, &loud));
    all.extend(behind);
    all.retain(|alert| match alert.about {
        About::Point(entry) => {
            select.takes_as(entry.point, alert.owner) && select.takes_state(entry.judgement.state.key())
        }
        About::Vantage(_) | About::Selection => true,
    });
    all.extend(silent(snapshot, select));
    if all.is_empty() {
        // Somebody else is told why; who is told nothing must not take it for well.
        let own =
            |entry: &Entry<'_>| select.takes(entry.point) && select.takes_state(entry.judgement.state.key());
        all.extend(blind(snapshot, own, ""));
    }
    // The sort is stable: the plan's order decides the rest.
    all.sort_by_key(|alert| {
        let urgent = matches!(alert.about, About::Point(entry) if is_urgent(entry));
        let severity = match alert.severity() {
            Some(Severity::Critical) | None => 0,
            Some(Severity::Major) => 1,
            Some(Severity::Minor) => 2,
        };
        (std::cmp::Reverse(alert.level), severity, !urgent, std::cmp::Reverse(alert.holds))
    });
    all
}

fn is_urgent(entry: &Entry<'_>) -> bool {
    entry.judgement.overdue.is_some() || entry.judgement.regressed.is_some()
}

/// How loud a failing point is: what is minor or advisory is a ticket, all else pages.
pub fn level(point: &Point) -> Status {
    if point.required && point.severity != Severity::Minor { Status::Critical } else { Status::Warning }
}

/// What a point by itself has to be told for.
fn own<'s>(snapshot: &'s Snapshot<'s>, entry: &'s Entry<'s>, passed: &Passed<'_>) -> Option<Alert<'s>> {
    let live = snapshot.plan.stage == Stage::Live;
    let (level, why) = match entry.judgement.state {
        State::Red => match passed.before(entry) {
            Some(gate) if !live => (level(entry.point), Why::AfterGate(gate)),
            None if !live => return None,
            _ => (level(entry.point), Why::RootCause),
        },
        State::Unknown if live => (Status::Unknown, Why::Unknown),
        // Only under `--strict`, where a warning does not count as done.
        State::Warning if live && !entry.judgement.done => (Status::Warning, Why::RootCause),
        _ => return None,
    };
    Some(about(snapshot, entry, level, why))
}

/// A point that was green and waits for what alerts nobody: an outage must not hide behind a waiver.
fn hidden<'s>(
    snapshot: &'s Snapshot<'s>,
    entry: &'s Entry<'s>,
    passed: &Passed<'_>,
    others: &[Plan],
    loud: &BTreeSet<Root>,
) -> Option<Alert<'s>> {
    let blocked = entry.judgement.rule == Rule::DependencyDown && entry.judgement.regressed.is_some();
    let told = |root: &Root| match root {
        Root::Elsewhere(dc, id) => others.iter().any(|other| &other.dc == dc && tells(other, id, snapshot)),
        Root::Point(_) | Root::Vantage(_) => loud.contains(root),
    };
    if !blocked || entry.roots.iter().any(told) {
        return None;
    }
    let root = entry.roots.first()?.clone();
    let why = match passed.before(entry) {
        _ if snapshot.plan.stage == Stage::Live => Why::Behind(root),
        Some(gate) => Why::AfterGate(gate),
        None => return None,
    };
    Some(about(snapshot, entry, level(entry.point), why))
}

/// Whether a point that is down in another datacenter is told there.
fn tells(other: &Plan, id: &str, snapshot: &Snapshot<'_>) -> bool {
    let point = other.points.iter().find(|point| point.id == id);
    let today = today(snapshot.options.now);
    let waived = |point: &Point| point.waiver.as_ref().is_some_and(|waiver| waiver.until >= today);
    other.stage == Stage::Live && point.is_some_and(|point| !waived(point))
}

fn about<'s>(snapshot: &'s Snapshot<'s>, entry: &'s Entry<'s>, level: Status, why: Why) -> Alert<'s> {
    let root = Root::Point(entry.point.id.clone());
    Alert {
        level,
        about: About::Point(entry),
        why,
        owner: snapshot.answers_for(entry),
        holds: holds(snapshot, &root),
        text: entry.text.clone(),
    }
}

fn holds(snapshot: &Snapshot<'_>, root: &Root) -> usize {
    snapshot.entries.iter().filter(|entry| entry.roots.contains(root)).count()
}

/// Vantage points of a live datacenter that have never reported, as far as they hold up what is selected.
fn silent<'s>(snapshot: &'s Snapshot<'s>, select: &Selector) -> Vec<Alert<'s>> {
    if snapshot.plan.stage != Stage::Live {
        return Vec::new();
    }
    let vantages = snapshot.plan.vantages.iter().filter_map(|vantage| {
        let root = Root::Vantage(vantage.id.clone());
        let held = snapshot.entries.iter().filter(|entry| entry.roots.contains(&root));
        let taken = |entry: &Entry<'_>| {
            select.takes_as(entry.point, &vantage.owner) && select.takes_state(entry.judgement.state.key())
        };
        held.clone().any(taken).then(|| Alert {
            level: Status::Unknown,
            about: About::Vantage(&vantage.id),
            why: Why::Unknown,
            owner: &vantage.owner,
            holds: held.count(),
            text: "has never reported".to_owned(),
        })
    });
    vantages.collect()
}

/// The one alert for points of a live datacenter of which nothing is known any more.
fn blind<'s>(
    snapshot: &'s Snapshot<'s>,
    about: impl Fn(&Entry<'s>) -> bool,
    question: &str,
) -> Option<Alert<'s>> {
    if snapshot.plan.stage != Stage::Live {
        return None;
    }
    let now = snapshot.options.now;
    let runs = |entry: &&Entry<'s>| entry.judgement.rule != Rule::MissingValue && about(entry);
    let mut newest: Option<Timestamp> = None;
    let mut points = 0;
    for entry in snapshot.entries.iter().filter(runs) {
        points += 1;
        for seen in entry.instances.iter().filter_map(|one| one.newest.as_ref()) {
            if age(seen.reading.at, now) <= entry.point.ttl {
                return None;
            }
            newest = newest.max(Some(seen.reading.at));
        }
    }
    let newest =
        newest.map_or("none yet".to_owned(), |at| format!("the newest is {} old", span(age(at, now))));
    let joint = if question.is_empty() { ";" } else { question };
    (points > 0).then(|| Alert {
        level: Status::Unknown,
        about: About::Selection,
        why: Why::Unknown,
        owner: "",
        holds: points,
        text: format!("no fresh results{joint} {newest}"),
    })
}

/// Gates of a datacenter, and the points that each of them was about.
struct Passed<'g>(Vec<(&'g Gate, Option<BTreeSet<String>>)>);

impl<'g> Passed<'g> {
    fn new(plan: &Plan, gates: &'g [Gate]) -> Self {
        let needed = |gate: &Gate| match &gate.milestone {
            None => Some(None),
            // A milestone that the manifest no longer has says nothing.
            Some(milestone) => plan.needed_for(milestone).map(Some),
        };
        Passed(gates.iter().filter_map(|gate| Some((gate, needed(gate)?))).collect())
    }

    /// The gate that had been passed when a point ceased to be green: of each milestone the newest verdict until then.
    fn before(&self, entry: &Entry<'_>) -> Option<Gate> {
        let until = entry.judgement.regressed?;
        let about = self.0.iter().filter(|(gate, needed)| {
            gate.at <= until && needed.as_ref().is_none_or(|needed| needed.contains(&entry.point.id))
        });
        let mut newest: Vec<&Gate> = Vec::new();
        for (gate, _) in about {
            newest.retain(|other| other.milestone != gate.milestone);
            newest.push(gate);
        }
        newest.into_iter().rfind(|gate| gate.done).cloned()
    }
}

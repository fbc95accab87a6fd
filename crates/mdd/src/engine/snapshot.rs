//! A datacenter at one moment: every point's state, who is blocked by whom, and what to do next.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::facts::{Facts, PointFacts};
use super::graph::Graph;
pub use super::graph::Root;
use super::rollup::{self, Condition, Rolled};
use super::state::{Judgement, Options, Rule, State, View, WaiverState, judge, overdue_days};
use crate::exit::Exit;
use crate::plan::{Plan, Point};
use crate::render::words::span;

/// One point with its state.
#[derive(Debug, Clone)]
pub struct Entry<'p> {
    /// The point.
    pub point: &'p Point,
    /// Its state.
    pub judgement: Judgement,
    /// Its instances, in the plan's order.
    pub instances: Vec<rollup::Judged>,
    /// What they amount to.
    pub rolled: Rolled,
    /// What it waits for in the end, when it is blocked; the first one first.
    pub roots: Vec<Root>,
    /// A dependency that is down although the point is not failing.
    pub despite: Option<Root>,
    /// How long until it is green if it stays, when it settles.
    pub ready_in: Option<Duration>,
    /// What is the matter, in one line.
    pub text: String,
}

impl Entry<'_> {
    /// Age of its oldest newest result; none when an instance has none.
    pub fn oldest(&self, now: Timestamp) -> Option<Duration> {
        let ages = self
            .instances
            .iter()
            .map(|one| one.newest.as_ref().map(|seen| super::facts::age(seen.reading.at, now)));
        ages.collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

/// One line of "do next": something to be mended, and how many points wait for it.
#[derive(Debug, Clone)]
pub struct Cause {
    /// What.
    pub root: Root,
    /// Team that can mend it.
    pub owner: String,
    /// How many points it holds up.
    pub holds: usize,
    /// Days since its date.
    pub overdue: Option<i32>,
    /// Until when it was green.
    pub regressed: Option<Timestamp>,
    /// End of that day, UTC.
    pub due: Option<Date>,
    /// Its state; a vantage point has none.
    pub state: Option<State>,
    /// What is the matter.
    pub text: String,
}

/// A datacenter at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot<'p> {
    /// The plan it is measured by.
    pub plan: &'p Plan,
    /// How it was judged, and when.
    pub options: Options,
    /// Every point, in the plan's order.
    pub entries: Vec<Entry<'p>>,
}

/// What makes a run fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum FailOn {
    /// A required point is not done.
    #[default]
    NotDone,
    /// One is not done although its date has passed, or has been green before.
    Overdue,
    /// One has been green before.
    Regressed,
}

/// Judges a whole datacenter. The order in which checks ran does not matter.
pub fn snapshot<'p>(plan: &'p Plan, facts: &Facts, options: &Options) -> Snapshot<'p> {
    let graph = Graph::new(plan, facts, options);
    let nothing = PointFacts::default();
    let entries = plan.points.iter().enumerate().map(|(index, point)| {
        let (instances, rolled) = &graph.judged[index];
        let down = graph.down_dependencies(index);
        let view = View {
            point,
            vantage_reported: facts.vantages.contains(&point.vantage),
            instances,
            rolled,
            past: facts.points.get(&point.id).unwrap_or(&nothing),
            kept: facts.kept,
            dependency_down: !down.is_empty(),
        };
        let judgement = judge(&view, options);
        let roots = match judgement.rule {
            Rule::SilentVantage => vec![Root::Vantage(point.vantage.clone())],
            Rule::DependencyDown => graph.roots(index),
            _ => Vec::new(),
        };
        let passing = matches!(judgement.state, State::Green | State::Warning | State::Settling);
        let despite =
            down.into_iter().next().filter(|_| passing).map(|dependency| graph.root_of(&dependency));
        let ready_in = (judgement.rule == Rule::NotYetStable)
            .then(|| rollup::ready_in(point, instances, options))
            .flatten();
        let text = text(point, &judgement, instances, rolled, &roots, options);
        Entry {
            point,
            judgement,
            instances: instances.clone(),
            rolled: rolled.clone(),
            roots,
            despite,
            ready_in,
            text,
        }
    });
    let entries = entries.collect();
    Snapshot { plan, options: options.clone(), entries }
}

impl<'p> Snapshot<'p> {
    /// One point's entry.
    pub fn entry(&self, id: &str) -> Option<&Entry<'p>> {
        self.entries.iter().find(|entry| entry.point.id == id)
    }

    /// Each point's id and state.
    pub fn states(&self) -> impl Iterator<Item = (String, State)> {
        self.entries.iter().map(|entry| (entry.point.id.clone(), entry.judgement.state))
    }

    /// What to mend, for the chosen points: overdue and regressed ones first, then by how many points each holds up,
    /// then by date, then in the plan's order.
    pub fn causes(&self, chosen: impl Fn(&Point) -> bool) -> Vec<Cause> {
        let mut holds: BTreeMap<&Root, usize> = BTreeMap::new();
        for root in self.entries.iter().flat_map(|entry| &entry.roots) {
            *holds.entry(root).or_default() += 1;
        }
        let wanted: Vec<&Root> =
            self.entries.iter().filter(|entry| chosen(entry.point)).flat_map(|entry| &entry.roots).collect();
        let mut causes = Vec::new();
        for vantage in &self.plan.vantages {
            let root = Root::Vantage(vantage.id.clone());
            if wanted.contains(&&root) {
                causes.push(Cause {
                    owner: vantage.owner.clone(),
                    holds: holds.get(&root).copied().unwrap_or(0),
                    overdue: vantage.due.and_then(|due| overdue_days(due, self.options.now)),
                    regressed: None,
                    due: vantage.due,
                    state: None,
                    text: "has never reported".to_owned(),
                    root,
                });
            }
        }
        for entry in &self.entries {
            let root = Root::Point(entry.point.id.clone());
            let held = holds.get(&root).copied().unwrap_or(0);
            let own = chosen(entry.point) && needs_mending(entry);
            if own || wanted.contains(&&root) {
                causes.push(self.cause(entry, root, held));
            }
        }
        for root in &wanted {
            if matches!(root, Root::Elsewhere(..)) && !causes.iter().any(|cause| cause.root == **root) {
                causes.push(Cause {
                    root: (*root).clone(),
                    owner: String::new(),
                    holds: holds.get(root).copied().unwrap_or(0),
                    overdue: None,
                    regressed: None,
                    due: None,
                    state: None,
                    text: "is down in the other datacenter".to_owned(),
                });
            }
        }
        // The sort is stable: the plan's order decides the rest.
        causes.sort_by_key(|cause| {
            let urgent = cause.overdue.is_some() || cause.regressed.is_some();
            (!urgent, std::cmp::Reverse(cause.holds), cause.due.unwrap_or(Date::MAX))
        });
        causes
    }

    fn cause(&self, entry: &Entry<'p>, root: Root, holds: usize) -> Cause {
        Cause {
            root,
            owner: self.answers_for(entry).to_owned(),
            holds,
            overdue: entry.judgement.overdue,
            regressed: entry.judgement.regressed,
            due: entry.point.due,
            state: Some(entry.judgement.state),
            text: entry.text.clone(),
        }
    }

    /// Team whose turn it is. What nobody can tell is the blind spot of whoever runs the vantage point, not the owner's.
    pub fn answers_for<'s>(&'s self, entry: &Entry<'p>) -> &'s str {
        (entry.judgement.state == State::Unknown)
            .then(|| self.plan.vantages.iter().find(|v| v.id == entry.point.vantage))
            .flatten()
            .map_or(&entry.point.owner, |vantage| &vantage.owner)
    }

    /// The exit code that the chosen points lead to. What is wrong beats what is unknown.
    pub fn exit(&self, fail_on: FailOn, chosen: impl Fn(&Point) -> bool) -> Exit {
        let open = || {
            self.entries
                .iter()
                .filter(|entry| entry.point.required && chosen(entry.point) && !entry.judgement.done)
        };
        let wrong = open().filter(|entry| entry.judgement.state != State::Unknown).any(|entry| {
            let Judgement { overdue, regressed, .. } = entry.judgement;
            match fail_on {
                FailOn::NotDone => true,
                FailOn::Overdue => overdue.is_some() || regressed.is_some(),
                FailOn::Regressed => regressed.is_some(),
            }
        });
        if wrong {
            Exit::NotDone
        } else if open().any(|entry| entry.judgement.state == State::Unknown) {
            Exit::Unknown
        } else {
            Exit::Done
        }
    }

    /// How many of the chosen required points are proven, waived, and how many there are.
    pub fn progress(&self, chosen: impl Fn(&Point) -> bool) -> Progress {
        let mut progress = Progress::default();
        for entry in self.entries.iter().filter(|entry| entry.point.required && chosen(entry.point)) {
            progress.required += 1;
            progress.proven += usize::from(entry.judgement.done && entry.judgement.state.is_proven());
            progress.waived += usize::from(entry.judgement.state == State::Waived);
        }
        progress
    }
}

/// How far a set of points has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Points that have to be done.
    pub required: usize,
    /// Of these, green or warning.
    pub proven: usize,
    /// Of these, waived.
    pub waived: usize,
}

/// Whether a point by itself is something to be mended. A blocked one waits, a settling one only needs time.
fn needs_mending(entry: &Entry<'_>) -> bool {
    match entry.judgement.state {
        State::Red | State::NotDue | State::Unknown => true,
        State::Warning => !entry.judgement.done,
        State::Green | State::Settling | State::Blocked | State::Waived => false,
    }
}

fn text(
    point: &Point,
    judgement: &Judgement,
    instances: &[rollup::Judged],
    rolled: &Rolled,
    roots: &[Root],
    options: &Options,
) -> String {
    match judgement.rule {
        Rule::MissingValue => {
            let names: Vec<String> = point.missing.iter().map(|name| format!("`{name}`")).collect();
            let noun = if names.len() == 1 { "value" } else { "values" };
            format!("waits for the {noun} {}", names.join(", "))
        }
        Rule::SilentVantage => format!("waits for {}, which has never reported", point.vantage),
        Rule::DependencyDown => match roots {
            [] => "waits for a dependency".to_owned(),
            [one] => format!("waits for {one}"),
            [one, two] => format!("waits for {one} and {two}"),
            [one, rest @ ..] => format!("waits for {one} and {} others", rest.len()),
        },
        Rule::Flapping => {
            let changes = instances.get(rolled.decisive).map_or(0, |one| one.changes);
            let window = options.stable.unwrap_or(point.stable).saturating_mul(4);
            format!("{changes} changes in {}", span(window))
        }
        Rule::NotRunAgain => "not run while what it waits for was down".to_owned(),
        _ => instances.get(rolled.decisive).map_or_else(
            || "no check".to_owned(),
            |one| {
                let named = instances.len() > 1
                    && !one.text.starts_with(&one.key)
                    && !matches!(
                        rolled.condition,
                        Condition::Green | Condition::Warning | Condition::Settling
                    );
                if named { format!("{}: {}", one.key, one.text) } else { one.text.clone() }
            },
        ),
    }
}

/// The waiver's part of a point's story, for people: `waived to 1 Dec`.
pub fn waiver_note(entry: &Entry<'_>) -> Option<String> {
    let waiver = entry.point.waiver.as_ref()?;
    match entry.judgement.waiver {
        WaiverState::Absent => None,
        WaiverState::InForce(left) => {
            let what = if entry.judgement.state == State::Waived { "waived to" } else { "waiver to" };
            Some(format!("{what} {} ({left} d left), {}", waiver.until, waiver.by))
        }
        WaiverState::Expired(days) => {
            Some(format!("waiver expired {days} {} ago", if days == 1 { "day" } else { "days" }))
        }
        WaiverState::NotNeeded => Some("waiver no longer needed".to_owned()),
    }
}

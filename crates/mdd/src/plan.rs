//! A datacenter's plan: what a manifest says for one datacenter, with every variable substituted.
//!
//! This is all that the commands which run, judge and print need to know of a manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::Date;

pub mod engines;

use engines::Engines;

/// Everything one datacenter is measured by.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Short name and title of the platform.
    pub platform: Named,
    /// The datacenter's id, `iad2`.
    pub dc: String,
    /// The datacenter's title, `Ashburn 2`.
    pub title: String,
    /// How far the datacenter's life has come.
    pub stage: Stage,
    /// Milestones in their order, with the datacenter's dates.
    pub milestones: Vec<Milestone>,
    /// Teams by id.
    pub teams: BTreeMap<String, Team>,
    /// Groups in the order of the document.
    pub groups: Vec<Group>,
    /// Where checks run from.
    pub vantages: Vec<Vantage>,
    /// Points in the order of their groups, then of the manifest.
    pub points: Vec<Point>,
    /// What a check may start, as in `programs`: names, `*` at the end matches any rest.
    pub programs: Vec<String>,
    /// Environment variables that hold secrets: checks are given the names, so they have to find the values.
    pub secret_env: Vec<String>,
    /// Engines that its checks are given to.
    pub engines: Engines,
    /// SHA-256 over the manifest's files, hexadecimal.
    pub hash: String,
}

impl Plan {
    /// Ids of the points that a milestone needs: its own and those of all before it. The last one needs every point.
    /// None when there is no such milestone.
    pub fn needed_for(&self, milestone: &str) -> Option<BTreeSet<String>> {
        let at = self.milestones.iter().position(|one| one.id == milestone)?;
        let last = at + 1 == self.milestones.len();
        let until = &self.milestones[..=at];
        let needed = |point: &&Point| {
            last || point.milestone.as_ref().is_some_and(|own| until.iter().any(|one| one.id == *own))
        };
        Some(self.points.iter().filter(needed).map(|point| point.id.clone()).collect())
    }
}

/// An id with its title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Key in the manifest.
    pub id: String,
    /// For people.
    pub title: String,
}

/// Life of a datacenter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Not begun.
    Planned,
    /// Teams are deploying.
    Building,
    /// In use.
    Live,
    /// Gone.
    Retired,
}

/// One step on the way to done.
#[derive(Debug, Clone)]
pub struct Milestone {
    /// Key in the manifest.
    pub id: String,
    /// For people.
    pub title: String,
    /// End of that day, UTC; none when the datacenter gives no date.
    pub due: Option<Date>,
}

/// Who can turn a point green.
#[derive(Debug, Clone, Default)]
pub struct Team {
    /// For people.
    pub name: String,
    /// Channel, `#corenet`.
    pub chat: Option<String>,
    /// Address.
    pub email: Option<String>,
    /// Pager's page.
    pub oncall: Option<String>,
    /// Ticket queue's page.
    pub tickets: Option<String>,
    /// IANA name.
    pub timezone: Option<String>,
}

/// A chapter of the document.
#[derive(Debug, Clone)]
pub struct Group {
    /// Key in the manifest.
    pub id: String,
    /// For people.
    pub title: String,
    /// Team that owns points which name none.
    pub owner: Option<String>,
}

/// A place that checks run from; an implicit point that all its points depend on.
#[derive(Debug, Clone)]
pub struct Vantage {
    /// Key in the manifest, the engine's subscription.
    pub id: String,
    /// Team that brings it up.
    pub owner: String,
    /// When it has to be there.
    pub milestone: Option<String>,
    /// End of that day, UTC.
    pub due: Option<Date>,
    /// Address of a machine there; the id when the manifest gives none.
    pub address: String,
}

/// An integration point in this datacenter.
#[derive(Debug, Clone)]
pub struct Point {
    /// Key in the manifest.
    pub id: String,
    /// Former key, whose history belongs to this point.
    pub was: Option<String>,
    /// The green condition as a sentence.
    pub title: String,
    /// What breaks for whom without it.
    pub why: String,
    /// What is needed from the owner.
    pub need: Option<String>,
    /// Sentence for the platform's users.
    pub for_users: Option<String>,
    /// Page to open when it is red.
    pub runbook: Option<String>,
    /// Command that an engine runs when the check fails, for whoever mends it; empty when there is none.
    pub runbook_command: Vec<String>,
    /// Further pages.
    pub links: Vec<String>,
    /// Group's id.
    pub group: String,
    /// Team's id.
    pub owner: String,
    /// Milestone's id.
    pub milestone: Option<String>,
    /// End of that day, UTC: `expected_by`, else the milestone's date.
    pub due: Option<Date>,
    /// What it waits for.
    pub depends_on: Vec<Dependency>,
    /// Whether it is still run while it is blocked.
    pub when_blocked: WhenBlocked,
    /// How instances roll up.
    pub require: Require,
    /// Time between runs.
    pub interval: Duration,
    /// After which a run is killed.
    pub timeout: Duration,
    /// Age at which a result is too old.
    pub ttl: Duration,
    /// How long it has to be OK to count.
    pub stable: Duration,
    /// For the engine's alert routing.
    pub severity: Severity,
    /// `false`: shown, never blocks a gate (`gate: advisory`).
    pub required: bool,
    /// Vantage point's id.
    pub vantage: String,
    /// Extra environment of the check.
    pub env: BTreeMap<String, String>,
    /// At least one; without `for_each` exactly one with an empty key. With a value that is not known yet, one
    /// instance with an empty argv.
    pub instances: Vec<Instance>,
    /// Variables that the point needs and whose value is `~`.
    pub missing: Vec<String>,
    /// Waiver whose file entry names this point and datacenter, in force or not.
    pub waiver: Option<Waiver>,
    /// `x-…` keys, as JSON.
    pub extensions: BTreeMap<String, serde_json::Value>,
}

/// One element of `for_each`.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The element's value, `10.20.0.53`; empty without `for_each`.
    pub key: String,
    /// Program's name, then its arguments.
    pub argv: Vec<String>,
    /// SHA-256 over argv, env, vantage and secret paths, hexadecimal, 16 digits: a changed check starts anew.
    pub hash: String,
}

/// What a point waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dependency {
    /// A point of this datacenter.
    Point(String),
    /// Every member of a group of this datacenter.
    Group(String),
    /// A point of another datacenter: datacenter, point.
    Elsewhere(String, String),
}

/// `when_blocked`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenBlocked {
    /// Go on running.
    Run,
    /// Do not run: a failing attempt does harm.
    Skip,
}

/// `require`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Require {
    /// Every instance.
    All,
    /// One instance.
    Any,
    /// So many instances.
    AtLeast(usize),
}

/// `severity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Page.
    Critical,
    /// Ticket today.
    Major,
    /// Ticket.
    Minor,
}

/// A failure that somebody has accepted for a while.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// Last day, UTC.
    pub until: Date,
    /// Why it is accepted.
    pub reason: String,
    /// Who accepted it.
    pub by: String,
    /// Where it is tracked.
    pub ticket: Option<String>,
}

//! What an engine schedules: one instance of one point, with its portable name, its labels and its hashes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::Style;
use crate::manifest::resolve::hex;
use crate::plan::{Dependency, Instance, Plan, Point, Severity, WhenBlocked};

/// Program of `--style exec` and of the roll-ups.
pub const MDD: &str = "/usr/bin/mdd";
/// Longest portable name: an engine adds a prefix, and 255 bytes is the tightest limit.
const LONGEST: usize = 200;

/// One instance of one point.
#[derive(Debug, Clone)]
pub struct Item<'p> {
    /// Its datacenter.
    pub plan: &'p Plan,
    /// The point.
    pub point: &'p Point,
    /// The instance.
    pub instance: &'p Instance,
    /// `dns-external`, or `dns-internal_10.20.0.53`: letters, digits, `.`, `-` and one `_`; unique in its datacenter.
    pub name: String,
    /// SHA-256 over everything that is exported of it, hexadecimal, 16 digits.
    pub hash: String,
}

/// Every instance that has a command, sorted by name.
pub fn items(plan: &Plan) -> Vec<Item<'_>> {
    let mut all: Vec<Item<'_>> = plan
        .points
        .iter()
        .filter(|point| point.missing.is_empty())
        .flat_map(|point| point.instances.iter().map(move |instance| Item::new(plan, point, instance)))
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

impl<'p> Item<'p> {
    /// One instance.
    pub fn new(plan: &'p Plan, point: &'p Point, instance: &'p Instance) -> Self {
        Item { plan, point, instance, name: name(point, instance), hash: content(plan, point, instance) }
    }

    /// `iad2/dns-internal/10.20.0.53`, as `mdd show` and `mdd exec` take it.
    pub fn path(&self) -> String {
        let Item { plan, point, instance, .. } = self;
        match instance.key.as_str() {
            "" => format!("{}/{}", plan.dc, point.id),
            key => format!("{}/{}/{key}", plan.dc, point.id),
        }
    }

    /// The program's folder with its slash, or nothing for a name that the agent finds, and the argument list.
    /// `folder` is where the engine has the plugins; none for names that an asset puts on the path.
    pub fn command(&self, style: Style, folder: Option<&str>) -> Command {
        match style {
            Style::Direct => Command {
                prefix: folder.map(|folder| format!("{folder}/")).unwrap_or_default(),
                argv: self.instance.argv.clone(),
                env: self.point.env.clone(),
            },
            Style::Exec => {
                let manifest = &self.plan.engines.manifest;
                let (folder, name) = MDD.rsplit_once('/').unwrap_or(("", MDD));
                let words = ["exec", &self.path(), "--hash", &self.instance.hash, "--file", manifest];
                Command {
                    prefix: format!("{folder}/"),
                    argv: [name].iter().chain(&words).map(|&word| word.to_owned()).collect(),
                    env: BTreeMap::new(),
                }
            }
        }
    }

    /// What every engine's object says of itself, sorted. The values are short and of one line.
    pub fn labels(&self) -> BTreeMap<&'static str, String> {
        let Item { plan, point, instance, hash, .. } = self;
        BTreeMap::from([
            ("mdd_check", instance.hash.clone()),
            ("mdd_dc", plan.dc.clone()),
            ("mdd_group", point.group.clone()),
            ("mdd_hash", hash.clone()),
            ("mdd_instance", instance.key.clone()),
            ("mdd_owner", point.owner.clone()),
            ("mdd_platform", plan.platform.id.clone()),
            ("mdd_point", point.id.clone()),
            ("mdd_severity", severity_word(point.severity).to_owned()),
            ("mdd_vantage", point.vantage.clone()),
        ])
    }
}

/// How an engine starts a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What stands before the program's name: a folder with its slash, or nothing.
    pub prefix: String,
    /// The program's name, then its arguments.
    pub argv: Vec<String>,
    /// Assignments.
    pub env: BTreeMap<String, String>,
}

/// `critical`, `major`, `minor`.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Major => "major",
        Severity::Minor => "minor",
    }
}

/// A key with other characters than letters, digits, `.` and `-` gets them replaced, and a few digits of its hash.
fn name(point: &Point, instance: &Instance) -> String {
    let key = &instance.key;
    if key.is_empty() {
        return point.id.clone();
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let mut name = format!("{}_", point.id);
    name.extend(key.chars().map(|c| if plain(c) { c } else { '-' }));
    if !key.chars().all(plain) || name.len() > LONGEST {
        name.truncate(LONGEST);
        // Writing to a String does not fail.
        let written = write!(name, "-{}", &hex(&Sha256::digest(key))[..8]);
        debug_assert!(written.is_ok());
    }
    name
}

/// Over all that any engine is told of an instance. A revision or mdd's version is no part of it.
fn content(plan: &Plan, point: &Point, instance: &Instance) -> String {
    let depends_on: Vec<String> = point
        .depends_on
        .iter()
        .map(|dependency| match dependency {
            Dependency::Point(id) => id.clone(),
            Dependency::Group(id) => format!("group:{id}"),
            Dependency::Elsewhere(dc, id) => format!("{dc}/{id}"),
        })
        .collect();
    let value = json!([
        [plan.platform.id, plan.dc, point.id, instance.key, instance.argv, point.env, point.runbook_command],
        [point.title, point.why, point.need, point.runbook, point.links],
        [point.group, point.owner, point.vantage, severity_word(point.severity), point.required],
        [point.interval.as_millis(), point.timeout.as_millis(), point.ttl.as_millis()],
        [depends_on, point.when_blocked == WhenBlocked::Skip, point.extensions],
    ]);
    let mut hash = hex(&Sha256::digest(value.to_string()));
    hash.truncate(16);
    hash
}

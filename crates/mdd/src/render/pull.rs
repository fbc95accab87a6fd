//! The text and the JSON of `mdd pull`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::json as write;
use super::style::Style;
use super::words::{count, cut, span, time};
use crate::engine::facts::age;
use crate::engine::snapshot::Progress;
use crate::history::pulled::Added;
use crate::pull::Source;

/// Names in one line of a list.
const NAMES: usize = 8;
/// Columns of a reason.
const REASON: usize = 100;

/// One reading of a source.
#[derive(Debug, Clone)]
pub struct Round {
    /// The engine and its address.
    pub source: String,
    /// When the engine's data was made.
    pub taken: Timestamp,
    /// When it was read.
    pub at: Timestamp,
    /// Whether it is so old that no result in it can be fresh.
    pub stale: bool,
    /// The datacenters that it speaks of, or that were asked for.
    pub datacenters: Vec<Datacenter>,
    /// Checks of datacenters that were not asked for, or that the manifest has not; by their place in the document.
    pub elsewhere: BTreeMap<String, BTreeSet<usize>>,
    /// How many checks are none of an export.
    pub foreign: usize,
}

/// What a reading brought for one datacenter. Checks are named by their paths, `iad2/dns-internal/10.20.0.53`.
#[derive(Debug, Clone)]
pub struct Datacenter {
    /// Its id.
    pub dc: String,
    /// What was added.
    pub added: Added,
    /// Checks without a plugin's result, and why.
    pub without: BTreeMap<String, String>,
    /// Checks that are silenced in the engine, and by whom.
    pub silenced: BTreeMap<String, String>,
    /// Checks of the manifest that the engine has not.
    pub missing: BTreeSet<String>,
    /// Checks of the engine that the manifest has not.
    pub strangers: BTreeSet<String>,
    /// Checks that the engine has not run yet.
    pub waiting: BTreeSet<String>,
    /// How the datacenter stands now.
    pub progress: Progress,
}

impl Round {
    /// A reading without anything in it.
    pub fn new(source: &Source, at: Timestamp) -> Self {
        Round {
            source: source.to_string(),
            taken: source.taken,
            at,
            stale: false,
            datacenters: Vec::new(),
            elsewhere: BTreeMap::new(),
            foreign: 0,
        }
    }
}

/// For people; `all` shortens no list.
pub fn text(round: &Round, style: Style, all: bool) -> String {
    let old = age(round.taken, round.at);
    let made = if old.as_secs() < 1 { String::new() } else { format!(", its data {} old", span(old)) };
    let mut out = format!("{}  {}{made}\n", style.bold(&round.source), time(round.at));
    if round.stale {
        out.push_str("  these data are older than any result may be: has the engine stopped?\n");
    }
    for one in &round.datacenters {
        out.push_str(&datacenter(one, style, all));
    }
    if round.datacenters.is_empty() {
        out.push_str("  it speaks of no datacenter of the manifest\n");
    }
    for (dc, indices) in &round.elsewhere {
        let dot = style.dot();
        out.extend([format!("  {}{dot}of datacenter {dc}, ignored\n", count(indices.len(), "check"))]);
    }
    if round.foreign > 0 {
        out.extend([format!("  {} of no export, ignored\n", count(round.foreign, "other check"))]);
    }
    out
}

fn datacenter(one: &Datacenter, style: Style, all: bool) -> String {
    let Added { results, none, known, earlier } = one.added;
    let mut parts = vec![count(results, "new result")];
    if none > 0 {
        parts.push(format!("{none} without one"));
    }
    if known > 0 {
        parts.push(format!("{known} known"));
    }
    if earlier > 0 {
        parts.push(format!("{earlier} of the time before"));
    }
    let Progress { required, proven, .. } = one.progress;
    parts.push(format!("{proven} of {required} proven"));
    let mut out = format!("  {}  {}\n", style.bold(&one.dc), parts.join(style.dot()));
    for (path, why) in &one.without {
        let why = if all { why.clone() } else { cut(why, REASON, style.ellipsis()) };
        out.extend([format!("    ? {path}  {why}\n")]);
    }
    for (path, note) in &one.silenced {
        out.extend([format!("    {path}  {note}: shown, not obeyed\n")]);
    }
    let mut list = |what: &str, paths: &BTreeSet<String>| {
        if paths.is_empty() {
            return;
        }
        let shown = if all { paths.len() } else { NAMES };
        let names: Vec<&str> = paths.iter().take(shown).map(String::as_str).collect();
        let more = paths.len().saturating_sub(shown);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        out.extend([format!("    {what}: {}{more}\n", names.join(", "))]);
    };
    list("no check of that name in the engine", &one.missing);
    list("not run yet", &one.waiting);
    list("in the engine, not in the manifest", &one.strangers);
    out
}

/// For programs, on one line or as an indented document.
pub fn json(round: &Round, indented: bool) -> String {
    let datacenters: Vec<Value> = round
        .datacenters
        .iter()
        .map(|one| {
            json!({
                "dc": one.dc,
                "new": one.added.results,
                "new_without": one.added.none,
                "known": one.added.known,
                "earlier": one.added.earlier,
                "proven": one.progress.proven,
                "required": one.progress.required,
                "without": one.without,
                "silenced": one.silenced,
                "missing": one.missing,
                "not_run_yet": one.waiting,
                "not_in_manifest": one.strangers,
            })
        })
        .collect();
    let elsewhere: BTreeMap<&str, usize> =
        round.elsewhere.iter().map(|(dc, all)| (dc.as_str(), all.len())).collect();
    let value = json!({
        "mdd": env!("CARGO_PKG_VERSION"),
        "source": round.source,
        "taken": write::moment(round.taken),
        "at": write::moment(round.at),
        "stale": round.stale,
        "datacenters": datacenters,
        "ignored": {"datacenters": elsewhere, "others": round.foreign},
    });
    if indented { write::document(&value) } else { format!("{value}\n") }
}

//! What `mdd watch` shows: one line per change, or a page of a terminal that is redrawn.

pub mod line;
pub mod page;
pub mod rows;
pub mod sheet;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::run::{TEXT, counts_line, portion};
use super::style::Style;
use super::words::{clock, cut, span};
use crate::engine::facts::age;
use crate::engine::snapshot::Snapshot;
use crate::engine::state::State;
use crate::plan::Point;

/// How it stands at the beginning: counts, then one line per root cause.
pub fn start(snapshot: &Snapshot<'_>, chosen: impl Fn(&Point) -> bool, style: Style) -> String {
    let now = snapshot.options.now;
    let mut out = format!("{}  start  {}", clock(now), counts_line(snapshot, &chosen, style));
    let causes = snapshot.causes(&chosen);
    let table = super::run::cause_table(snapshot, &causes, style);
    out.push_str(&table.render("          "));
    out
}

/// A point that is in another state than before.
#[derive(Debug, Clone)]
pub struct Change {
    /// When it was seen.
    pub at: Timestamp,
    /// The point.
    pub id: String,
    /// The state before.
    pub from: State,
    /// How long it was in that.
    pub held: Duration,
    /// The state now.
    pub to: State,
    /// `1 of 2`, for a point of several instances.
    pub portion: String,
    /// What is the matter.
    pub text: String,
}

impl Change {
    /// `21:38:02  ✖ → ◐  dns-apps-wildcard  10.20.8.10  red for 2 d 3 h`, the point's name as wide as asked for.
    pub fn line(&self, width: usize, style: Style, verbose: u8) -> String {
        let mut parts = vec![format!("{:<width$}", self.id)];
        if !self.portion.is_empty() {
            parts.push(self.portion.clone());
        }
        if !self.text.is_empty() {
            let limit = if verbose > 0 { usize::MAX } else { TEXT };
            parts.push(cut(&self.text, limit, style.ellipsis()));
        }
        if let Some(held) = self.held() {
            parts.push(style.dim(&held));
        }
        let line = parts.join("  ");
        let (from, arrow, to) = (style.sign(self.from), style.arrow(), style.sign(self.to));
        format!("{}  {from} {arrow} {to}  {}\n", clock(self.at), line.trim_end())
    }

    /// `red for 2 d 3 h`.
    pub fn held(&self) -> Option<String> {
        (self.held.as_secs() > 0).then(|| format!("{} for {}", self.from.word(), span(self.held)))
    }
}

/// Every chosen point whose state is another than in `before`, which is brought up to date.
pub fn changes(
    snapshot: &Snapshot<'_>,
    chosen: impl Fn(&Point) -> bool,
    before: &mut BTreeMap<String, (State, Timestamp)>,
) -> Vec<Change> {
    let now = snapshot.options.now;
    let mut changes = Vec::new();
    for entry in snapshot.entries.iter().filter(|entry| chosen(entry.point)) {
        let (id, to) = (&entry.point.id, entry.judgement.state);
        let known = before.get(id).copied();
        if let Some((from, since)) = known.filter(|(from, _)| *from != to) {
            changes.push(Change {
                at: now,
                id: id.clone(),
                from,
                held: age(since, now),
                to,
                portion: portion(entry),
                text: entry.text.clone(),
            });
        }
        if known.is_none_or(|(from, _)| from != to) {
            before.insert(id.clone(), (to, now));
        }
    }
    changes
}

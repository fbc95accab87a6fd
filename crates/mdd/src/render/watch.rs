//! The lines of `mdd watch`: how it starts, and one line per change.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::run::{TEXT, counts_line, portion};
use super::style::Style;
use super::words::{clock, cut, span};
use crate::engine::facts::age;
use crate::engine::snapshot::{Entry, Snapshot};
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

/// A change: `21:38:02  ✖ → ◐  dns-apps-wildcard  10.20.8.10   red for 2 d 3 h`.
pub fn change(
    entry: &Entry<'_>,
    before: (State, Timestamp),
    now: Timestamp,
    width: usize,
    style: Style,
    verbose: u8,
) -> String {
    let (from, since) = before;
    let to = entry.judgement.state;
    let mut parts = vec![format!("{:<width$}", entry.point.id)];
    let portion = portion(entry);
    if !portion.is_empty() {
        parts.push(portion);
    }
    if !entry.text.is_empty() {
        let limit = if verbose > 0 { usize::MAX } else { TEXT };
        parts.push(cut(&entry.text, limit, style.ellipsis()));
    }
    let held = age(since, now);
    if held.as_secs() > 0 {
        parts.push(style.dim(&format!("{} for {}", from.word(), span(held))));
    }
    let line = parts.join("  ");
    format!(
        "{}  {} {} {}  {}\n",
        clock(now),
        style.sign(from),
        style.arrow(),
        style.sign(to),
        line.trim_end()
    )
}

/// Lines for every chosen point whose state is another than in `before`, which is brought up to date.
pub fn changes(
    snapshot: &Snapshot<'_>,
    chosen: impl Fn(&Point) -> bool,
    before: &mut BTreeMap<String, (State, Timestamp)>,
    style: Style,
    verbose: u8,
) -> String {
    let now = snapshot.options.now;
    let shown: Vec<&Entry<'_>> = snapshot.entries.iter().filter(|entry| chosen(entry.point)).collect();
    let width = shown.iter().map(|entry| entry.point.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for entry in shown {
        let to = entry.judgement.state;
        match before.get(&entry.point.id).copied() {
            Some((from, _)) if from == to => {}
            Some(from) => {
                out.push_str(&change(entry, from, now, width, style, verbose));
                before.insert(entry.point.id.clone(), (to, now));
            }
            None => {
                before.insert(entry.point.id.clone(), (to, now));
            }
        }
    }
    out
}

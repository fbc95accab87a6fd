//! Why a point is in the state it is in: the row of the table that matched, and the facts it looked at.

use super::facts::age;
use super::snapshot::{Entry, Snapshot, waiver_note};
use super::state::State;
use crate::plan::Require;
use crate::render::words::{span, span_exact, time};

/// The rule in one line, then the facts, one a line. None when the plan has no such point.
pub fn explain(snapshot: &Snapshot<'_>, id: &str) -> Option<String> {
    let entry = snapshot.entry(id)?;
    let Entry { point, judgement, .. } = entry;
    let mut out = format!("{}: {}\n", judgement.state.word(), judgement.rule.sentence());
    let mut line = |label: &str, text: String| {
        out.extend([format!("  {label:<14}"), text, "\n".to_owned()]);
    };
    if !entry.text.is_empty() {
        line("says", entry.text.clone());
    }
    if !point.missing.is_empty() {
        line("missing", point.missing.join(", "));
    }
    let now = snapshot.options.now;
    let many = entry.instances.len() > 1;
    for one in &entry.instances {
        let text = match &one.newest {
            None => "no result".to_owned(),
            Some(seen) => format!(
                "{} {} ago from {} ({}), since {} ({}); {}",
                seen.reading.verdict.word(),
                span(age(seen.reading.at, now)),
                seen.vantage,
                seen.source,
                time(seen.since),
                span(age(seen.since, now)),
                match one.since {
                    Some(_) if one.changes > 0 => format!("usable, {} changes lately", one.changes),
                    Some(_) => "usable".to_owned(),
                    None => format!("not usable: {}", one.text),
                }
            ),
        };
        line(if many { &one.key } else { "result" }, text);
    }
    for one in &entry.instances {
        if let Some(note) = one.newest.as_ref().and_then(|seen| seen.silenced.as_ref()) {
            let key = if many { format!("{}: ", one.key) } else { String::new() };
            line("note", format!("{key}{note}: shown, not obeyed"));
        }
    }
    if many {
        line(
            "instances",
            format!(
                "{} of {} pass, {} required",
                entry.rolled.passing,
                entry.instances.len(),
                needed(point.require)
            ),
        );
    }
    line("from", point.vantage.clone());
    let stable = snapshot.options.stable.unwrap_or(point.stable);
    line("stable", span_exact(stable));
    line("ttl", span_exact(point.ttl));
    match (point.due, judgement.overdue) {
        (None, _) => line("due", "no date".to_owned()),
        (Some(due), None) => line("due", due.to_string()),
        (Some(due), Some(days)) => line("due", format!("{due}, {days} days ago")),
    }
    if let Some(until) = judgement.regressed {
        line("green until", time(until));
    }
    if !entry.roots.is_empty() {
        let roots: Vec<String> = entry.roots.iter().map(ToString::to_string).collect();
        line("waits for", roots.join(", "));
    }
    if let Some(root) = &entry.despite {
        let word = judgement.state.word();
        line("note", format!("{word} although {root} is down: is the dependency right?"));
    }
    if let Some(note) = waiver_note(entry) {
        line("waiver", note);
    }
    if judgement.never_red {
        line("note", "never seen red: nothing shows yet that it can fail".to_owned());
    }
    if !judgement.done && judgement.state == State::Warning {
        line("note", "warnings do not count as done here".to_owned());
    }
    Some(out)
}

fn needed(require: Require) -> String {
    match require {
        Require::All => "all".to_owned(),
        Require::Any => "any".to_owned(),
        Require::AtLeast(count) => format!("at least {count}"),
    }
}

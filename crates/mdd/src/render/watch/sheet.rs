//! Pages over the points: help, the details of one, the text of a ticket.

use super::line::{Line, Paint, take, width, wrap, wrap_command};
use crate::engine::explain::explain;
use crate::engine::snapshot::{Root, Snapshot};
use crate::engine::state::State;
use crate::render::style::Style;
use crate::render::ticket;

/// Columns of the labels.
const LABEL: usize = 10;

/// What lies over the points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sheet {
    /// Keys and signs.
    Help,
    /// All about one.
    Details(Root),
    /// What to tell whoever can mend it.
    Ticket(Root),
}

/// The sheet's lines, wrapped to so many columns.
pub fn lines(sheet: &Sheet, snapshot: &Snapshot<'_>, columns: usize, style: Style) -> Vec<Line> {
    match sheet {
        Sheet::Help => help(style),
        Sheet::Details(root) => details(root, snapshot, columns, style),
        Sheet::Ticket(root) => ticket(root, snapshot, columns),
    }
}

fn help(style: Style) -> Vec<Line> {
    const KEYS: [(&str, &str); 9] = [
        ("j k, arrows", "choose a point, or scroll"),
        ("enter", "details of it"),
        ("t", "the text of a ticket for it"),
        ("n", "what to do next (where it begins)"),
        ("a", "all points, by group"),
        ("r", "only what is red"),
        ("o", "by owner: whose turn it is"),
        ("esc", "back"),
        ("q", "quit; the exit code says how it stands"),
    ];
    const SIGNS: [(State, &str); 8] = [
        (State::Green, "green     OK for long enough: done"),
        (State::Warning, "warning   WARNING for long enough: done"),
        (State::Settling, "settling  OK, not yet long enough"),
        (State::Red, "red       failing, and somebody can mend it"),
        (State::Blocked, "blocked   failing, and what it waits for is down"),
        (State::NotDue, "not due   not there yet, and not expected yet"),
        (State::Unknown, "unknown   nobody can tell: the platform's own blind spot"),
        (State::Waived, "waived    failing, and accepted for a while"),
    ];
    let mut lines = vec![Line::of(Paint::Bold, "KEYS")];
    for (keys, text) in KEYS {
        lines.push(Line::of(Paint::Plain, &format!("  {keys:<12}  {text}")));
    }
    lines.push(Line::of(Paint::Bold, "SIGNS"));
    for (state, text) in SIGNS {
        let mut line = Line::of(Paint::Plain, "  ");
        line.push(Paint::State(state), &Style { color: false, ..style }.sign(state));
        lines.push(line.with(Paint::Plain, &format!("  {text}")));
    }
    lines
}

fn ticket(root: &Root, snapshot: &Snapshot<'_>, columns: usize) -> Vec<Line> {
    labelled(&told(root, snapshot), columns)
}

fn told(root: &Root, snapshot: &Snapshot<'_>) -> Vec<(&'static str, String)> {
    match root {
        Root::Point(id) => snapshot.entry(id).map(|entry| ticket::lines(snapshot, entry)).unwrap_or_default(),
        other => ticket::root_lines(snapshot, other),
    }
}

fn details(root: &Root, snapshot: &Snapshot<'_>, columns: usize, style: Style) -> Vec<Line> {
    let Root::Point(id) = root else { return ticket(root, snapshot, columns) };
    let Some(entry) = snapshot.entry(id) else { return Vec::new() };
    let state = entry.judgement.state;
    let head = Line::of(Paint::State(state), &Style { color: false, ..style }.sign(state))
        .with(Paint::Bold, &format!(" {id}"))
        .with(Paint::Plain, &format!("  {}", entry.point.title));
    let mut lines = vec![head, Line::default()];
    let told = ticket::lines(snapshot, entry);
    let told: Vec<_> = told.into_iter().filter(|(label, _)| !matches!(*label, "Point" | "Wanted")).collect();
    lines.extend(labelled(&told, columns));
    let heading = |lines: &mut Vec<Line>, text: &str| {
        lines.extend([Line::default(), Line::of(Paint::Bold, text)]);
    };
    heading(&mut lines, "WHAT THE CHECK SAID");
    let said = ticket::said(entry);
    for text in said.lines().flat_map(|line| wrap(line, columns.saturating_sub(2))) {
        lines.push(Line::of(Paint::Plain, &format!("  {text}")));
    }
    if said.is_empty() {
        lines.push(Line::of(Paint::Dim, "  nothing yet"));
    }
    heading(&mut lines, "WHY IT IS IN THIS STATE");
    for text in explain(snapshot, id).unwrap_or_default().lines() {
        lines.extend(explained(text, columns));
    }
    lines
}

/// A line of the explanation, indented by two; what does not fit goes on below its text, not below its label.
fn explained(text: &str, columns: usize) -> Vec<Line> {
    const HANGING: usize = 16;
    if 2 + width(text) <= columns {
        return vec![Line::of(Paint::Plain, &format!("  {text}"))];
    }
    let label = if text.starts_with("  ") { take(text, HANGING) } else { "" };
    let indent = 2 + width(label);
    let parts = wrap(&text[label.len()..], columns.saturating_sub(indent));
    let lines = parts.into_iter().enumerate().map(|(at, part)| {
        let label = if at == 0 { format!("  {label}") } else { " ".repeat(indent) };
        Line::of(Paint::Plain, &format!("{label}{part}"))
    });
    lines.collect()
}

fn labelled(texts: &[(&'static str, String)], columns: usize) -> Vec<Line> {
    let room = columns.saturating_sub(LABEL);
    let mut lines = Vec::new();
    for (label, text) in texts {
        let parts = text
            .lines()
            .flat_map(|line| if *label == "Try" { wrap_command(line, room) } else { wrap(line, room) });
        for (at, part) in parts.enumerate() {
            let label = if at == 0 { label } else { "" };
            let line = Line::of(Paint::Dim, &format!("{label:<LABEL$}"));
            lines.push(line.with(Paint::Plain, &part));
        }
    }
    lines
}

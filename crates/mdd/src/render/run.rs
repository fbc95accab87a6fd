//! The text of `mdd run`: points by group, what to do next, counts, and the verdict.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::style::{Style, Table};
use super::words::{count, cut, day, moment, span, span_exact};
use crate::engine::facts::age;
use crate::engine::snapshot::{Cause, Entry, Root, Snapshot, waiver_note};
use crate::engine::state::{Rule, State, WaiverState};
use crate::exit::Exit;
use crate::plan::{Plan, Point, Stage};

/// Widest text of a row, in characters.
pub const TEXT: usize = 80;

/// What a run adds to the snapshot.
#[derive(Debug, Clone)]
pub struct Summary<'r> {
    /// How long it took.
    pub took: Duration,
    /// How many checks ran.
    pub checks: usize,
    /// Points shown whose checks were left to other vantage points.
    pub elsewhere: usize,
    /// Ids of points that ran here although they belong to another vantage point.
    pub borrowed: BTreeSet<String>,
    /// Why nothing was recorded; none when it was.
    pub unrecorded: Option<&'r str>,
    /// The exit code.
    pub exit: Exit,
    /// 0 for the usual; more says all that the plugins said.
    pub verbose: u8,
    /// Only the verdict.
    pub quiet: bool,
}

/// Stage as a word.
pub fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Planned => "planned",
        Stage::Building => "building",
        Stage::Live => "live",
        Stage::Retired => "retired",
    }
}

/// The whole text.
pub fn text(
    snapshot: &Snapshot<'_>,
    chosen: impl Fn(&Point) -> bool,
    run: &Summary<'_>,
    style: Style,
) -> String {
    let verdict = verdict(snapshot, &chosen, run.exit, style);
    let mut out = String::new();
    if !run.quiet {
        out.push_str(&head(snapshot.plan, run, style));
        out.push('\n');
        out.push_str(&groups(snapshot, &chosen, run, style));
        out.push_str(&do_next(snapshot, &chosen, style));
        out.push('\n');
        out.push_str(&counts_line(snapshot, &chosen, style));
    }
    out.push_str(&verdict);
    if let Some(why) = run.unrecorded {
        out.push_str(&style.dim(&format!("not recorded: {why}")));
        out.push('\n');
    }
    out
}

fn head(plan: &Plan, run: &Summary<'_>, style: Style) -> String {
    let mut checks = format!("{} here", count(run.checks, "check"));
    if run.elsewhere > 0 {
        checks = format!("{checks}, {} from other vantage points", count(run.elsewhere, "point"));
    }
    let dot = style.dot();
    let title = format!("{} {}", style.bold(&plan.dc), plan.title);
    format!("{title}{dot}{}{dot}{checks}{dot}{:.1} s\n", stage(plan.stage), run.took.as_secs_f64())
}

fn groups(
    snapshot: &Snapshot<'_>,
    chosen: &impl Fn(&Point) -> bool,
    run: &Summary<'_>,
    style: Style,
) -> String {
    let now = snapshot.options.now;
    let mut table = Table::default();
    let mut details: Vec<String> = Vec::new();
    let mut group = "";
    for entry in snapshot.entries.iter().filter(|entry| chosen(entry.point)) {
        let point = entry.point;
        let title = snapshot.plan.groups.iter().find(|group| group.id == point.group);
        let title = title.map_or(point.group.as_str(), |group| group.title.as_str());
        let shown = if group == point.group { "" } else { title };
        group = &point.group;
        let mut notes = notes(entry, now);
        if run.borrowed.contains(&point.id) {
            notes.push(format!("from here, not from {}", point.vantage));
        }
        let state = entry.judgement.state;
        let plain = |text: String| (text.clone(), text);
        table.painted([
            plain(cut(shown, 18, style.ellipsis())),
            plain_sign(style, state, &point.id),
            plain(portion(entry)),
            plain(cut(&entry.text, TEXT, style.ellipsis())),
            (notes.join(", "), style.dim(&notes.join(", "))),
        ]);
        if run.verbose > 0 {
            details.push(said(entry));
        }
    }
    let rendered = table.render("  ");
    if details.is_empty() {
        return rendered;
    }
    let mut out = String::new();
    for (line, said) in rendered.lines().zip(details) {
        out.push_str(line);
        out.push('\n');
        out.push_str(&said);
    }
    out
}

/// A sign and a name as one cell: the sign is one column wide however it is coloured.
fn plain_sign(style: Style, state: State, id: &str) -> (String, String) {
    (format!("_ {id}"), format!("{} {id}", style.sign(state)))
}

/// `1 of 2`, for a point of several instances.
pub fn portion(entry: &Entry<'_>) -> String {
    match entry.instances.len() {
        0 | 1 => String::new(),
        all => format!("{} of {all}", entry.rolled.passing),
    }
}

/// All that the plugins said, one indented line each.
fn said(entry: &Entry<'_>) -> String {
    let mut out = String::new();
    for one in &entry.instances {
        let Some(seen) = &one.newest else { continue };
        let mut lines: Vec<&str> = seen.reading.output.lines().collect();
        if !seen.reading.perf.is_empty() {
            lines.push(&seen.reading.perf);
        }
        for line in lines {
            let key = if one.key.is_empty() { String::new() } else { format!("{}: ", one.key) };
            out.extend(["      ", &key, line, "\n"]);
        }
    }
    out
}

/// What goes with a state, for people.
pub fn notes(entry: &Entry<'_>, now: Timestamp) -> Vec<String> {
    let judgement = &entry.judgement;
    let point = entry.point;
    let mut notes = Vec::new();
    if let Some(until) = judgement.regressed {
        notes.push(format!("regressed, green until {}", moment(until, now)));
    }
    if let Some(days) = judgement.overdue {
        notes.push(overdue(days));
    }
    match (judgement.state, point.due) {
        (State::NotDue | State::Blocked, Some(due)) if judgement.overdue.is_none() => {
            notes.push(format!("due {}", day(due, now)));
        }
        (State::Settling, _) if judgement.rule == Rule::NotYetStable => {
            if let (Some(since), Some(left)) = (judgement.since, entry.ready_in) {
                let held = age(since, now);
                notes.push(format!(
                    "{} of {}",
                    span(held),
                    span_exact(Duration::from_secs((held + left).as_secs()))
                ));
            }
        }
        _ => {}
    }
    match (judgement.waiver, &point.waiver) {
        (WaiverState::InForce(_), Some(waiver)) if judgement.state == State::Waived => {
            let ticket = waiver.ticket.as_deref().map(|ticket| format!(", {}", short_ticket(ticket)));
            notes.push(format!("waived to {}{}", day(waiver.until, now), ticket.unwrap_or_default()));
        }
        _ => notes.extend(waiver_note(entry)),
    }
    if let Some(root) = &entry.despite {
        let word = judgement.state.word();
        notes.push(format!("{word} although {root} is down: is the dependency right?"));
    }
    let mut newest = entry.instances.iter().filter_map(|one| one.newest.as_ref());
    if let Some(note) = newest.find_map(|seen| seen.silenced.as_ref()) {
        notes.push(note.clone());
    }
    if judgement.never_red {
        notes.push("never seen red".to_owned());
    }
    if !point.required {
        notes.push("advisory".to_owned());
    }
    notes
}

/// `2 days overdue`.
pub fn overdue(days: i32) -> String {
    format!("{} overdue", count(usize::try_from(days).unwrap_or(0), "day"))
}

/// The part of a ticket's address that people say.
fn short_ticket(ticket: &str) -> &str {
    ticket.trim_end_matches('/').rsplit('/').next().unwrap_or(ticket)
}

fn do_next(snapshot: &Snapshot<'_>, chosen: &impl Fn(&Point) -> bool, style: Style) -> String {
    let causes = snapshot.causes(chosen);
    if causes.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "\n{}   overdue and regressed first, then those that hold up others\n",
        style.bold("DO NEXT")
    );
    out.push_str(&cause_table(snapshot, &causes, style).render("  "));
    out
}

/// Rows of "do next".
pub fn cause_table(snapshot: &Snapshot<'_>, causes: &[Cause], style: Style) -> Table {
    let now = snapshot.options.now;
    let mut table = Table::default();
    for cause in causes {
        let team = snapshot.plan.teams.get(&cause.owner);
        let state = cause.state.unwrap_or(State::Red);
        let what = match &cause.root {
            Root::Vantage(id) => format!("{id} (vantage point)"),
            other => other.to_string(),
        };
        let when = match (cause.regressed, cause.overdue, cause.due) {
            (Some(until), _, _) => format!("regressed {} ago", span(age(until, now))),
            (None, Some(days), _) => overdue(days),
            (None, None, Some(due)) => format!("due {}", day(due, now)),
            (None, None, None) => String::new(),
        };
        let plain = |text: &str| (text.to_owned(), text.to_owned());
        table.painted([
            plain_sign(style, state, &what),
            plain(team.map_or(cause.owner.as_str(), |team| &team.name)),
            plain(team.and_then(|team| team.chat.as_deref()).unwrap_or("")),
            plain(&format!("holds {}", cause.holds)),
            plain(&cut(&cause.text, TEXT, style.ellipsis())),
            plain(&when),
        ]);
    }
    table
}

/// How many of the chosen points are in each state, in the order of [`State::ALL`].
pub fn counts(snapshot: &Snapshot<'_>, chosen: impl Fn(&Point) -> bool) -> Vec<(State, usize)> {
    let states: Vec<State> = snapshot
        .entries
        .iter()
        .filter(|entry| chosen(entry.point))
        .map(|entry| entry.judgement.state)
        .collect();
    State::ALL.into_iter().map(|state| (state, states.iter().filter(|&&one| one == state).count())).collect()
}

/// `8 green · 1 settling · 4 red   of 27`.
pub fn counts_line(snapshot: &Snapshot<'_>, chosen: impl Fn(&Point) -> bool, style: Style) -> String {
    let counts = counts(snapshot, chosen);
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    let parts: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| style.paint(*state, &format!("{count} {}", state.word())))
        .collect();
    format!("{}   of {all}\n", parts.join(style.dot()))
}

/// `not done: 9 of 26 required points proven (+1 waived)`.
pub fn verdict(snapshot: &Snapshot<'_>, chosen: impl Fn(&Point) -> bool, exit: Exit, style: Style) -> String {
    let progress = snapshot.progress(chosen);
    let (word, state) = match exit {
        Exit::Done if progress.proven + progress.waived == progress.required => ("done", State::Green),
        // `--fail-on` asked for less than done.
        Exit::Done => ("not done, and nothing that this run has to fail on", State::NotDue),
        Exit::Unknown => ("unknown", State::Unknown),
        _ => ("not done", State::Red),
    };
    let waived = if progress.waived > 0 { format!(" (+{} waived)", progress.waived) } else { String::new() };
    let noun = if progress.required == 1 { "point" } else { "points" };
    format!(
        "{}: {} of {} required {noun} proven{waived}\n",
        style.paint(state, word),
        progress.proven,
        progress.required
    )
}

//! The points of a page: what to do next, all by group, only red ones, by owner. Each way is a list of rows.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::line::{Line, Paint, fit, width};
use crate::engine::facts::age;
use crate::engine::snapshot::{Cause, Entry, Root, Snapshot};
use crate::engine::state::State;
use crate::render::run::{notes, overdue, portion};
use crate::render::style::Style;
use crate::render::ticket::held_up;
use crate::render::words::{day, span};

/// Narrowest text; before it gets narrower, columns that matter less go.
const TEXT: usize = 30;
/// Columns in front of each row, for the mark of the chosen one.
pub const MARK: usize = 2;
/// Widest names of points, groups and teams.
const NAME: usize = 24;

/// Which points, in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// Root causes first, what they hold up folded into them.
    #[default]
    Next,
    /// Every point, by group.
    All,
    /// Only red ones.
    Red,
    /// By the team whose turn it is.
    Owner,
}

impl View {
    /// Its heading, and what it means.
    pub fn title(self) -> (&'static str, &'static str) {
        match self {
            View::Next => ("DO NEXT", "overdue and regressed first"),
            View::All => ("ALL POINTS", "by group"),
            View::Red => ("RED", "overdue and regressed first"),
            View::Owner => ("BY OWNER", "whose turn it is"),
        }
    }
}

/// A line, and what it is about when it can be chosen.
#[derive(Debug, Clone)]
pub struct Row {
    /// What is chosen with it.
    pub root: Option<Root>,
    /// Without the mark of the chosen one.
    pub line: Line,
}

/// What rows are made of.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s, 'p> {
    /// The datacenter.
    pub snapshot: &'s Snapshot<'p>,
    /// Ids of the points that are watched.
    pub chosen: &'s BTreeSet<String>,
    /// The moment that ages are told for.
    pub now: Timestamp,
    /// Columns.
    pub columns: usize,
    /// Signs.
    pub style: Style,
}

/// The rows of a view.
pub fn rows(view: View, source: Source<'_, '_>) -> Vec<Row> {
    match view {
        View::Next => source.next(),
        View::All => source.all(),
        View::Red => source.red(),
        View::Owner => source.by_owner(),
    }
}

/// What is said about a point, by column.
#[derive(Debug, Clone, Default)]
struct Cells {
    root: Option<Root>,
    indent: usize,
    group: String,
    state: Option<State>,
    name: String,
    portion: String,
    owner: String,
    chat: String,
    text: String,
    note: String,
    urgent: bool,
    since: String,
    below: Option<String>,
}

impl<'s, 'p> Source<'s, 'p> {
    fn entries(self) -> impl Iterator<Item = &'s Entry<'p>> {
        self.snapshot.entries.iter().filter(move |entry| self.chosen.contains(&entry.point.id))
    }

    fn causes(self) -> Vec<Cause> {
        self.snapshot.causes(|point| self.chosen.contains(&point.id))
    }

    fn next(self) -> Vec<Row> {
        let causes = self.causes();
        let mut cells: Vec<Cells> = causes.iter().map(|cause| self.cause(cause)).collect();
        for entry in self.entries().filter(|entry| entry.judgement.state == State::Settling) {
            cells.push(Cells { owner: String::new(), chat: String::new(), ..self.entry(entry) });
        }
        let mut rows = self.layout(&cells);
        let done = self.done_flow();
        if !rows.is_empty() && !done.is_empty() {
            rows.push(self.plain(Line::default()));
        }
        if rows.is_empty() && self.entries().all(|entry| entry.judgement.done || !entry.point.required) {
            rows.push(self.plain(Line::of(Paint::State(State::Green), "Nothing is left to do.")));
        }
        rows.extend(done.into_iter().map(|line| self.plain(line)));
        rows
    }

    fn red(self) -> Vec<Row> {
        let causes: Vec<Cause> =
            self.causes().into_iter().filter(|cause| cause.state == Some(State::Red)).collect();
        if causes.is_empty() {
            return vec![self.plain(Line::of(Paint::Dim, "Nothing is red."))];
        }
        self.layout(&causes.iter().map(|cause| self.cause(cause)).collect::<Vec<_>>())
    }

    fn all(self) -> Vec<Row> {
        let mut group = "";
        let mut cells = Vec::new();
        for entry in self.entries() {
            let title = self.snapshot.plan.groups.iter().find(|group| group.id == entry.point.group);
            let title = title.map_or(entry.point.group.as_str(), |group| group.title.as_str());
            let shown = if group == title { "" } else { title };
            group = title;
            let group = fit(shown, 14, self.style.ellipsis());
            cells.push(Cells { group, owner: String::new(), chat: String::new(), ..self.entry(entry) });
        }
        self.layout(&cells)
    }

    fn by_owner(self) -> Vec<Row> {
        let plan = self.snapshot.plan;
        let causes = self.causes();
        let mut owners: Vec<&str> = Vec::new();
        let all = causes.iter().map(|cause| cause.owner.as_str());
        for owner in all.chain(self.entries().map(|entry| entry.point.owner.as_str())) {
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        // All at once, so that the columns of one team stand below those of the other.
        let turns: Vec<Cells> = causes
            .iter()
            .map(|cause| Cells {
                owner: String::new(),
                chat: String::new(),
                below: None,
                indent: 2,
                ..self.cause(cause)
            })
            .collect();
        let turns = self.layout(&turns);
        let mut rows = Vec::new();
        for owner in owners {
            let own = || self.entries().filter(|entry| entry.point.owner == owner);
            let of = |state| own().filter(|entry| entry.judgement.state == state).count();
            let turn: Vec<&Row> = causes
                .iter()
                .zip(&turns)
                .filter(|(cause, _)| cause.owner == owner)
                .map(|(_, row)| row)
                .collect();
            let parts = [
                (turn.len(), "to mend"),
                (of(State::Blocked), "waiting for others"),
                (of(State::Settling), "settling"),
                (own().filter(|entry| entry.judgement.done).count(), "done"),
            ];
            let parts: Vec<String> = parts
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
            let team = plan.teams.get(owner);
            let name = team.map_or(owner, |team| team.name.as_str());
            let mut line = Line::of(Paint::Bold, if name.is_empty() { "(another datacenter)" } else { name });
            if let Some(chat) = team.and_then(|team| team.chat.as_deref()) {
                line.push(Paint::Plain, &format!("  {chat}"));
            }
            line.push(Paint::Dim, &format!("  {}", parts.join(self.style.dot())));
            rows.push(self.plain(line));
            rows.extend(turn.into_iter().cloned());
        }
        rows
    }

    fn plain(self, line: Line) -> Row {
        Row { root: None, line: line.cut(self.columns.saturating_sub(MARK), self.style.ellipsis()) }
    }

    fn cause(self, cause: &Cause) -> Cells {
        let snapshot = self.snapshot;
        let team = snapshot.plan.teams.get(&cause.owner);
        let entry = match &cause.root {
            Root::Point(id) => snapshot.entry(id),
            _ => None,
        };
        let held = held_up(snapshot, &cause.root);
        let (note, urgent) = match (cause.regressed, cause.overdue, cause.due) {
            (Some(until), _, _) => (format!("regressed {}", span(age(until, self.now))), true),
            (None, Some(days), _) => (overdue(days), true),
            (None, None, Some(due)) => (format!("due {}", day(due, self.now)), false),
            (None, None, None) => (String::new(), false),
        };
        let since = entry.and_then(|entry| entry.judgement.since);
        Cells {
            root: Some(cause.root.clone()),
            // A vantage point has no state of its own: it is as late as its date says.
            state: Some(cause.state.unwrap_or(match (cause.overdue, cause.due) {
                (None, Some(_)) => State::NotDue,
                _ => State::Red,
            })),
            name: cause.root.to_string(),
            portion: entry.map(portion).unwrap_or_default(),
            owner: team.map_or(cause.owner.clone(), |team| team.name.clone()),
            chat: team.and_then(|team| team.chat.clone()).unwrap_or_default(),
            text: match cause.root {
                Root::Vantage(_) => format!("vantage point, {}", cause.text),
                _ => cause.text.clone(),
            },
            note,
            urgent,
            since: since.map(|since| span(age(since, self.now))).unwrap_or_default(),
            below: (!held.is_empty()).then(|| format!("holds up {}: {}", held.len(), held.join(", "))),
            ..Cells::default()
        }
    }

    fn entry(self, entry: &Entry<'_>) -> Cells {
        let judgement = &entry.judgement;
        let urgent = judgement.overdue.is_some() || judgement.regressed.is_some();
        // One note; the details have them all.
        let note = notes(entry, self.now).into_iter().next().unwrap_or_default();
        Cells {
            root: Some(Root::Point(entry.point.id.clone())),
            state: Some(judgement.state),
            name: entry.point.id.clone(),
            portion: portion(entry),
            text: entry.text.clone(),
            note: note.replace("regressed, green until", "green until"),
            urgent,
            since: judgement.since.map(|since| span(age(since, self.now))).unwrap_or_default(),
            ..Cells::default()
        }
    }

    /// What is done, as many on a line as there is room for.
    fn done_flow(self) -> Vec<Line> {
        let room = self.columns.saturating_sub(MARK);
        let mut lines = Vec::new();
        let mut line = Line::default();
        for entry in self.entries().filter(|entry| entry.judgement.done) {
            let state = entry.judgement.state;
            let until = match (&entry.point.waiver, state) {
                (Some(waiver), State::Waived) => format!(" (to {})", day(waiver.until, self.now)),
                _ => String::new(),
            };
            let name = format!(" {}{until}", fit(&entry.point.id, NAME, self.style.ellipsis()));
            let item = Line::of(Paint::State(state), &self.sign(state)).with(Paint::Plain, &name);
            if line.width() > 0 {
                if line.width() + 3 + item.width() > room {
                    lines.push(std::mem::take(&mut line));
                } else {
                    line.push(Paint::Plain, "   ");
                }
            }
            line.append(item);
        }
        lines.extend((line.width() > 0).then_some(line));
        lines
    }

    /// The bare sign; the line paints it.
    fn sign(self, state: State) -> String {
        Style { color: false, ..self.style }.sign(state)
    }

    /// Rows with columns below each other. The text takes what room the others leave.
    fn layout(self, cells: &[Cells]) -> Vec<Row> {
        let most = |of: &dyn Fn(&Cells) -> &str| cells.iter().map(|one| width(of(one))).max().unwrap_or(0);
        let name = most(&|one| &one.name).min(NAME);
        let group = most(&|one| &one.group);
        let indent = cells.iter().map(|one| one.indent).max().unwrap_or(0);
        let text = most(&|one| &one.text);
        let mut columns = [
            most(&|one| &one.portion),
            most(&|one| &one.owner).min(NAME),
            most(&|one| &one.chat).min(NAME),
            most(&|one| &one.note),
            most(&|one| &one.since),
        ];
        let gap = |width: usize| if width > 0 { width + 2 } else { 0 };
        let free = |columns: &[usize; 5]| {
            let fixed =
                MARK + indent + gap(group) + 2 + gap(name) + columns.iter().copied().map(gap).sum::<usize>();
            self.columns.saturating_sub(fixed)
        };
        // What goes first when it is narrow: the age, the channel, the portion, the owner, the note.
        for at in [4, 2, 0, 1, 3] {
            if free(&columns) < TEXT.min(text) {
                columns[at] = 0;
            }
        }
        let text = free(&columns).min(text);
        let [portion, owner, chat, note, since] = columns;
        let mark = self.style.ellipsis();
        let mut rows = Vec::new();
        for one in cells {
            let state = one.state.unwrap_or(State::Unknown);
            let urgent = if one.urgent { Paint::State(State::Red) } else { Paint::Dim };
            let of = |paint, text: &str, width| (Line::of(paint, &fit(text, width, mark)), width);
            let (named, _) = of(Paint::Plain, &one.name, name);
            let mut signed = Line::of(Paint::State(state), &self.sign(state)).with(Paint::Plain, " ");
            signed.append(named);
            let all = [
                of(Paint::Bold, &one.group, group),
                (signed, name + 2),
                of(Paint::Plain, &one.portion, portion),
                of(Paint::Dim, &one.owner, owner),
                of(Paint::Dim, &one.chat, chat),
                of(Paint::Plain, &one.text, text),
                of(urgent, &one.note, note),
                of(Paint::Dim, &one.since, since),
            ];
            let mut line = Line::default();
            let mut end = indent;
            for (cell, width) in all.into_iter().filter(|(_, width)| *width > 0) {
                line.fill(end);
                line.append(cell);
                end += width + 2;
            }
            let line = line.cut(self.columns.saturating_sub(MARK), mark);
            rows.push(Row { root: one.root.clone(), line });
            if let Some(below) = &one.below {
                let text = fit(below, self.columns.saturating_sub(MARK + 2), mark);
                rows.push(self.plain(Line::of(Paint::Dim, &format!("  {text}"))));
            }
        }
        rows
    }
}

//! A page of `mdd watch`: how far it is, what to do, what has changed, which keys there are.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::Change;
use super::line::{Line, Paint, fit, width};
use super::rows::{MARK, Row, Source, View, rows};
use super::sheet::{self, Sheet};
use crate::engine::snapshot::{Progress, Root, Snapshot};
use crate::engine::state::State;
use crate::render::style::Style;
use crate::render::words::{clock, count, span};

/// Columns of the bar.
const BAR: usize = 24;
/// Most changes that are shown.
const CHANGES: usize = 8;

/// What there is to show.
#[derive(Debug, Clone, Copy)]
pub struct Board<'b, 'p> {
    /// The datacenter.
    pub snapshot: &'b Snapshot<'p>,
    /// Ids of the points that are watched.
    pub chosen: &'b BTreeSet<String>,
    /// `done`, `never`, or a milestone's title in quotes.
    pub until: &'b str,
    /// The moment that ages are told for.
    pub now: Timestamp,
    /// Since it was started.
    pub running: Duration,
    /// Until the next check.
    pub next: Option<Duration>,
    /// How many points have reported since it was started, and how many there are to report.
    pub reported: (usize, usize),
    /// Whether results are kept.
    pub recorded: bool,
    /// When it was started.
    pub started: Timestamp,
    /// Changes, the newest one last.
    pub changes: &'b [Change],
    /// Colours and signs.
    pub style: Style,
}

/// Where the user is.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Which points.
    pub view: View,
    /// What lies over them.
    pub sheet: Option<Sheet>,
    /// The chosen row; none until one is chosen.
    pub chosen: Option<Root>,
    /// First row of the points, and of the sheet, that is shown.
    pub top: (usize, usize),
}

/// Size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters in a line.
    pub columns: usize,
    /// Lines.
    pub rows: usize,
}

/// The page: at most as many lines as there are rows, none wider than the terminal.
pub fn page(board: &Board<'_, '_>, look: &mut Look, size: Size) -> Vec<Line> {
    let mut lines = head(board, size);
    let roomy = size.rows >= 16;
    if roomy {
        lines.push(Line::default());
    }
    let keys = keys(look, size.columns);
    if let Some(sheet) = &look.sheet {
        let all = sheet::lines(sheet, board.snapshot, size.columns, board.style);
        let height = size.rows.saturating_sub(lines.len() + 1 + usize::from(roomy));
        look.top.1 = look.top.1.min(all.len().saturating_sub(height));
        lines.extend(window(all, look.top.1, height, board.style));
    } else {
        lines.push(section(board, look.view, size));
        let log = log(board, size, roomy);
        let below = log.len() + usize::from(!log.is_empty()) + 1;
        let height = size.rows.saturating_sub(lines.len() + below + usize::from(roomy && log.is_empty()));
        lines.extend(body(board, look, size, height));
        lines.resize(size.rows.saturating_sub(below).max(lines.len()), Line::default());
        if !log.is_empty() {
            lines.push(Line::default());
            lines.extend(log);
        }
    }
    lines.resize(size.rows.saturating_sub(1), Line::default());
    lines.push(keys);
    let mark = board.style.ellipsis();
    lines.truncate(size.rows);
    lines.into_iter().map(|line| line.cut(size.columns, mark)).collect()
}

/// What stays on the screen afterwards: the page of what to do next, as long as it needs to be, without keys.
pub fn last(board: &Board<'_, '_>, size: Size) -> Vec<Line> {
    let mut lines = head(board, size);
    lines.extend([Line::default(), section(board, View::Next, size)]);
    let source = source(board, size);
    lines.extend(rows(View::Next, source).into_iter().map(|row| marked(row.line, " ")));
    let log = log(board, Size { rows: size.rows.max(24), ..size }, true);
    if !log.is_empty() {
        lines.push(Line::default());
        lines.extend(log);
    }
    lines
}

/// Moves the chosen row by so many, and no further than there are rows.
pub fn choose(board: &Board<'_, '_>, look: &mut Look, size: Size, by: isize) {
    let roots: Vec<Root> =
        rows(look.view, source(board, size)).into_iter().filter_map(|row| row.root).collect();
    let Some(last) = roots.len().checked_sub(1) else { return };
    let at = look.chosen.as_ref().and_then(|root| roots.iter().position(|one| one == root));
    let at = at.map_or(0, |at| at.saturating_add_signed(by).min(last));
    look.chosen = Some(roots[at].clone());
}

/// The chosen row, or the first one.
pub fn current(board: &Board<'_, '_>, look: &Look, size: Size) -> Option<Root> {
    let mut roots = rows(look.view, source(board, size)).into_iter().filter_map(|row| row.root);
    match &look.chosen {
        Some(root) => {
            let all: Vec<Root> = roots.collect();
            if all.contains(root) { Some(root.clone()) } else { all.into_iter().next() }
        }
        None => roots.next(),
    }
}

fn source<'b, 'p>(board: &Board<'b, 'p>, size: Size) -> Source<'b, 'p> {
    Source {
        snapshot: board.snapshot,
        chosen: board.chosen,
        now: board.now,
        columns: size.columns,
        style: board.style,
    }
}

/// Two lines: whose, how far and for how long; the bar, and what happens next.
fn head(board: &Board<'_, '_>, size: Size) -> Vec<Line> {
    let dot = board.style.dot();
    let progress = board.snapshot.progress(|point| board.chosen.contains(&point.id));
    let waived = if progress.waived > 0 { format!(", {} waived", progress.waived) } else { String::new() };
    let left = Line::of(Paint::Bold, &board.snapshot.plan.dc)
        .with(Paint::Plain, &format!("{dot}until {}", board.until))
        .with(Paint::Plain, &format!("{dot}{} of {} proven{waived}", progress.proven, progress.required));
    let right = Line::of(Paint::Dim, &format!("running {}", elapsed(board.running)));
    let first = both(left, right, size);

    let percent = (progress.proven * 100).checked_div(progress.required).unwrap_or(100);
    let mut left = bar(progress, board.style);
    left.push(Paint::Bold, &format!(" {percent:>3} %"));
    let mut said = Vec::new();
    said.extend(board.changes.last().map(|change| format!("last change {}", clock(change.at))));
    if !board.recorded {
        said.push("not recorded".to_owned());
    }
    left.push(Paint::Dim, &format!("   {}", said.join(dot)));
    let (reported, all) = board.reported;
    let right = if reported < all {
        format!("first results: {reported} of {all}")
    } else {
        board.next.map_or_else(String::new, |next| format!("next check in {}", span(up(next))))
    };
    vec![first, both(left, Line::of(Paint::Dim, &right), size)]
}

/// To whole seconds, up: nothing happens "in 0 s".
fn up(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(Duration::from_secs(1))
}

/// `00:41:07`.
fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// One part at each end; where both do not fit, the left one alone.
fn both(mut left: Line, right: Line, size: Size) -> Line {
    if left.width() + 2 + right.width() <= size.columns {
        left.fill(size.columns - right.width());
        left.append(right);
    }
    left
}

fn bar(progress: Progress, style: Style) -> Line {
    let [full, accepted, rest] = if style.ascii { ["#", "=", "."] } else { ["█", "▒", "░"] };
    let part = |count: usize| (count * BAR).checked_div(progress.required).unwrap_or(BAR);
    let proven = part(progress.proven);
    let waived = part(progress.proven + progress.waived) - proven;
    Line::of(Paint::State(State::Green), &full.repeat(proven))
        .with(Paint::State(State::Waived), &accepted.repeat(waived))
        .with(Paint::Dim, &rest.repeat(BAR - proven - waived))
}

/// The view's heading, and how many points are in each state.
fn section(board: &Board<'_, '_>, view: View, size: Size) -> Line {
    let (title, about) = view.title();
    let plain = Style { color: false, ..board.style };
    let mut right = Line::default();
    for (state, count) in board.snapshot.tally(|point| board.chosen.contains(&point.id)).worst_first() {
        right.push(Paint::Plain, if right.width() > 0 { "  " } else { "" });
        right.push(Paint::State(state), &format!("{} {count}", plain.sign(state)));
    }
    let left = Line::of(Paint::Bold, title);
    let full = left.clone().with(Paint::Dim, &format!("  {about}"));
    if full.width() + 2 + right.width() <= size.columns {
        both(full, right, size)
    } else {
        both(left, right, size)
    }
}

/// The points: the chosen one in sight, what is left out told.
fn body(board: &Board<'_, '_>, look: &mut Look, size: Size, height: usize) -> Vec<Line> {
    let known = board.snapshot.freshness(|point| board.chosen.contains(&point.id)).youngest;
    if board.reported.0 == 0 && known.is_none() {
        return vec![marked(Line::of(Paint::Dim, "The checks run for the first time."), " ")];
    }
    let rows = rows(look.view, source(board, size));
    let chosen = current(board, look, size);
    let at = rows.iter().position(|row| row.root.is_some() && row.root == chosen);
    let most = rows.len().saturating_sub(height);
    // The last line, and the first one, may be taken by what tells how many more there are.
    let at_row = at.unwrap_or(0);
    let top = &mut look.top.0;
    *top = (*top).min(most);
    if at_row < *top + usize::from(*top > 0) {
        *top = at_row.saturating_sub(1);
    } else if at_row + 2 > *top + height && most > 0 {
        *top = (at_row + 2 - height.min(at_row + 2)).min(most);
    }
    let pointer = if board.style.ascii { ">" } else { "›" };
    let shown = look.chosen.is_some();
    let lines = rows
        .into_iter()
        .enumerate()
        .map(|(row, Row { line, .. })| marked(line, if shown && Some(row) == at { pointer } else { " " }));
    window(lines.collect(), *top, height, board.style)
}

fn marked(line: Line, mark: &str) -> Line {
    let mut out = Line::of(Paint::Bold, mark);
    out.fill(MARK);
    out.append(line);
    out
}

/// As many lines as there is room for, from `top` on; how many more there are is told in place of one.
fn window(lines: Vec<Line>, top: usize, height: usize, style: Style) -> Vec<Line> {
    let all = lines.len();
    if all <= height || height < 3 {
        return lines.into_iter().take(height).collect();
    }
    let mark = style.ellipsis();
    let mut shown: Vec<Line> = lines.into_iter().skip(top).take(height).collect();
    let end = top + shown.len();
    if top > 0 {
        shown[0] = Line::of(Paint::Dim, &format!("  {mark} {} above", count(top + 1, "more line")));
    }
    if end < all
        && let Some(last) = shown.last_mut()
    {
        *last = Line::of(Paint::Dim, &format!("  {mark} {} below", count(all - end + 1, "more line")));
    }
    shown
}

/// What has changed, the newest first, then when it began.
fn log(board: &Board<'_, '_>, size: Size, roomy: bool) -> Vec<Line> {
    if !roomy {
        return Vec::new();
    }
    let most = (size.rows / 4).min(CHANGES);
    let plain = Style { color: false, ..board.style };
    let newest: Vec<&Change> = board.changes.iter().rev().take(most).collect();
    let name = newest.iter().map(|change| width(&change.id)).max().unwrap_or(0).min(20);
    let mark = board.style.ellipsis();
    let held = |change: &Change| change.held().unwrap_or_default();
    let holds = newest.iter().map(|change| width(&held(change))).max().unwrap_or(0);
    // Why matters more than for how long.
    let holds = if size.columns < 70 { 0 } else { holds };
    let texts = newest.iter().map(|change| width(&change.text)).max().unwrap_or(0);
    let mut lines = Vec::new();
    for change in &newest {
        let held = held(change);
        let mut line = Line::of(Paint::Dim, &clock(change.at)).with(Paint::Plain, "  ");
        line.push(Paint::State(change.from), &plain.sign(change.from));
        line.push(Paint::Plain, &format!(" {} ", board.style.arrow()));
        line.push(Paint::State(change.to), &plain.sign(change.to));
        let start = line.width() + 2;
        line.push(Paint::Plain, &format!("  {}", fit(&change.id, name, mark)));
        line.fill(start + name + 2);
        let room = size.columns.saturating_sub(line.width() + 2 + holds).min(texts);
        line.push(Paint::Plain, &fit(&change.text, room, mark));
        line.fill(start + name + 2 + room + 2);
        lines.push(line.with(Paint::Dim, if holds > 0 { &held } else { "" }));
    }
    if lines.len() < most {
        lines.push(Line::of(Paint::Dim, &format!("{}  start", clock(board.started))));
    }
    lines
}

/// The keys that do something here; the one of this view stands out.
fn keys(look: &Look, columns: usize) -> Line {
    let keys: &[(&str, &str, bool)] = match look.sheet {
        Some(Sheet::Help) => &[("esc", "back", false), ("q", "quit", false)],
        Some(Sheet::Details(_)) => {
            &[("esc", "back", false), ("t", "ticket", false), ("j k", "scroll", false), ("q", "quit", false)]
        }
        Some(Sheet::Ticket(_)) => &[
            ("esc", "back", false),
            ("enter", "details", false),
            ("j k", "scroll", false),
            ("q", "quit", false),
        ],
        None => &[
            ("n", "next", matches!(look.view, View::Next)),
            ("a", "all", matches!(look.view, View::All)),
            ("r", "red", matches!(look.view, View::Red)),
            ("o", "owner", matches!(look.view, View::Owner)),
            ("enter", "details", false),
            ("t", "ticket", false),
            ("?", "help", false),
            ("q", "quit", false),
        ],
    };
    let of = |keys: &mut dyn Iterator<Item = &(&str, &str, bool)>| {
        let mut line = Line::default();
        for (key, what, here) in keys {
            line.push(Paint::Plain, if line.width() > 0 { "   " } else { "" });
            // Without colours the view's heading tells where one is.
            line.push(if *here { Paint::Bold } else { Paint::Dim }, &format!("{key} {what}"));
        }
        line
    };
    let all = of(&mut keys.iter());
    if all.width() <= columns {
        return all;
    }
    // Where it is narrow, help tells the others.
    of(&mut keys.iter().filter(|(key, ..)| !matches!(*key, "enter" | "t" | "j k")))
}

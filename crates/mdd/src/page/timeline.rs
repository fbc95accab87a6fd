//! The timeline: one row a point, its states as bands; where nothing was measured it is blank.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::charts::Axis;
use super::html::Html;
use super::sign::percent;
use super::{Page, changes, words};
use crate::engine::State;
use crate::engine::snapshot::Entry;
use crate::engine::tally::WORST_FIRST;
use crate::history::report::Change;
use crate::render::words::count;

/// Steps over the width: as many as are needed, as few as keep the page small.
const SLOTS: [usize; 4] = [240, 120, 60, 30];
/// Most bands of the whole chart.
const BANDS: usize = 1500;

/// A state from one slot to before another.
type Band = (State, usize, usize);

/// Writes it, as a part of the section on progress.
pub fn write(html: &mut Html, page: &Page<'_>) {
    let now = page.snapshot.options.now;
    let Some(axis) = page.past.changes.first().and_then(|first| Axis::new(first.at, now)) else { return };
    let drawn = |slots: usize| -> Vec<Vec<Band>> {
        page.snapshot.entries.iter().map(|entry| bands(page, entry, axis, slots)).collect()
    };
    let (slots, rows) = SLOTS
        .into_iter()
        .map(|slots| (slots, drawn(slots)))
        .find(|(slots, rows)| rows.iter().map(Vec::len).sum::<usize>() <= BANDS || *slots == 30)
        .unwrap_or_default();
    html.element("section", &[("id", "timeline"), ("aria-labelledby", "h-timeline")], |html| {
        html.leaf("h3", &[("id", "h-timeline")], "Timeline");
        html.element("p", &[("class", "legend")], |html| {
            for state in WORST_FIRST {
                if !rows.iter().flatten().any(|(shown, ..)| *shown == state) {
                    continue;
                }
                html.element("span", &[], |html| {
                    html.element("svg", &[("aria-hidden", "true")], |html| {
                        let class = format!("t-{}", state.key());
                        html.void("rect", &[("class", &class), ("width", "100%"), ("height", "100%")]);
                    });
                    html.text(state.word());
                });
            }
            html.leaf("span", &[], "blank: nothing was measured");
        });
        html.element("ol", &[("class", "timeline")], |html| {
            for (entry, bands) in page.snapshot.entries.iter().zip(&rows) {
                html.element("li", &[], |html| row(html, page, entry, bands, axis, slots));
            }
            html.element("li", &[("aria-hidden", "true")], |html| {
                html.leaf("span", &[("class", "id")], "");
                html.element("svg", &[("class", "axis")], |html| {
                    let half = axis.from.duration_since(axis.to).as_millis() / 2;
                    let middle = axis
                        .to
                        .checked_add(jiff::SignedDuration::from_millis(i64::try_from(half).unwrap_or(0)));
                    let labels = [(axis.from, ""), (axis.to, "now"), (middle.unwrap_or(axis.from), "")];
                    axis.labels(html, &labels, "12");
                });
            });
        });
        html.element("details", &[("class", "more")], |html| {
            let all: Vec<&Change> = page.past.changes.iter().rev().collect();
            html.leaf("summary", &[], &format!("Timeline in numbers: {}", count(all.len(), "change")));
            html.element("table", &[("class", "changes")], |html| {
                changes::table(html, &changes::newest(&all), now);
            });
            changes::older(html, page, all.len());
        });
    });
}

fn row(html: &mut Html, page: &Page<'_>, entry: &Entry<'_>, bands: &[Band], axis: Axis, slots: usize) {
    let id = &entry.point.id;
    html.leaf("a", &[("class", "id"), ("href", &words::anchor(id))], id);
    html.element("svg", &[("role", "img")], |html| {
        let changes = page.past.changes_of(id).count().saturating_sub(1);
        html.leaf("title", &[], &format!("{id}: {} now", entry.judgement.state.word()));
        html.leaf("desc", &[], &format!("{} since {}", count(changes, "change"), axis.label(axis.from)));
        let share = |slot: usize| percent(slot as f64 / slots as f64);
        for (state, from, to) in bands {
            let class = format!("t-{}", state.key());
            html.void(
                "rect",
                &[("class", &class), ("x", &share(*from)), ("width", &share(to - from)), ("height", "100%")],
            );
        }
        let end = entry.point.due.and_then(|due| due.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok());
        if let Some(due) = end.map(|end| end.timestamp()).filter(|due| *due > axis.from && *due < axis.to) {
            let at = percent(axis.share(due));
            html.void("line", &[("class", "due"), ("x1", &at), ("x2", &at), ("y1", "0"), ("y2", "100%")]);
        }
    });
}

/// The worst state of each slot that was watched; slots of one state together.
fn bands(page: &Page<'_>, entry: &Entry<'_>, axis: Axis, slots: usize) -> Vec<Band> {
    let rank = |state: State| WORST_FIRST.iter().position(|one| *one == state);
    let mut worst: Vec<Option<State>> = vec![None; slots];
    let changes: Vec<&Change> = page.past.changes_of(&entry.point.id).collect();
    for (index, change) in changes.iter().enumerate() {
        let end = changes.get(index + 1).map_or(axis.to, |next| next.at);
        let last = last_slot(axis, end, slots);
        for slot in &mut worst[axis.slot(change.at, slots)..=last.max(axis.slot(change.at, slots))] {
            if slot.is_none_or(|before| rank(change.to) < rank(before)) {
                *slot = Some(change.to);
            }
        }
    }
    let mut watched = vec![false; slots];
    for (from, to) in page.past.watched.iter().filter(|(_, to)| *to >= axis.from) {
        let first = axis.slot(*from, slots);
        watched[first..=last_slot(axis, *to, slots).max(first)].fill(true);
    }
    let mut bands: Vec<Band> = Vec::new();
    for (at, state) in worst.iter().enumerate().filter(|(at, _)| watched[*at]) {
        let Some(state) = *state else { continue };
        match bands.last_mut() {
            Some((before, _, end)) if *before == state && *end == at => *end = at + 1,
            _ => bands.push((state, at, at + 1)),
        }
    }
    bands
}

/// The slot before the end of something: an end on the edge of a slot does not reach into it.
fn last_slot(axis: Axis, end: Timestamp, slots: usize) -> usize {
    let before = end.checked_sub(jiff::SignedDuration::from_micros(1)).unwrap_or(end);
    axis.slot(before, slots)
}

//! The burn-up: how many required points were proven, when; how many there were; how many the dates ask for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::charts::Axis;
use super::html::Html;
use super::sign::percent;
use super::{Page, words};
use crate::engine::State;

/// Steps over the width.
const SLOTS: usize = 240;
/// Height of the plot and of what is above it, in pixels.
const PLOT: f64 = 150.0;
const TOP: f64 = 24.0;
/// Most rows of the numbers.
const ROWS: usize = 60;

const PROVEN: &str =
    r#"<span><svg aria-hidden="true"><rect class="t-green" width="100%" height="100%"/></svg>proven</span>"#;
const REQUIRED: &str = concat!(
    r#"<span><svg aria-hidden="true"><line class="total" x2="100%" y1="50%" y2="50%"/></svg>"#,
    "required</span>"
);
const PLANNED: &str = concat!(
    r#"<span><svg aria-hidden="true"><line class="plan" x2="100%" y1="50%" y2="50%"/></svg>"#,
    "planned by the due dates</span>"
);

/// The numbers from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    at: Timestamp,
    proven: usize,
    known: usize,
}

/// Writes the section.
pub fn write(html: &mut Html, page: &Page<'_>) {
    html.element("section", &[("id", "progress"), ("aria-labelledby", "h-progress")], |html| {
        html.leaf("h2", &[("id", "h-progress")], "Progress");
        let steps = steps(page);
        let planned = planned(page);
        let now = page.snapshot.options.now;
        let axis = steps.first().and_then(|first| {
            let last = planned.last().map_or(now, |(at, _)| *at);
            // A plan that is far longer than what has been seen would leave no room for that.
            let seen = now.duration_since(first.at).as_secs_f64();
            let whole = last.duration_since(first.at).as_secs_f64();
            Axis::new(first.at, if whole < 12.0 * seen { last.max(now) } else { now })
        });
        let Some(axis) = axis else {
            html.leaf("p", &[("class", "lead")], "Nothing has been recorded yet.");
            return;
        };
        html.element("p", &[("class", "legend")], |html| {
            html.markup(PROVEN);
            html.markup(REQUIRED);
            if asks(&planned, axis) {
                html.markup(PLANNED);
            }
        });
        chart(html, page, &steps, &planned, axis);
        html.element("details", &[("class", "more")], |html| {
            html.leaf("summary", &[], "Progress in numbers");
            numbers(html, &steps, &planned, now);
        });
    });
}

/// From the changes of state, and last from what the head says.
fn steps(page: &Page<'_>) -> Vec<Step> {
    let required: BTreeSet<&str> =
        page.snapshot.plan.points.iter().filter(|p| p.required).map(|p| p.id.as_str()).collect();
    let mut states: BTreeMap<&str, State> = BTreeMap::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut push = |step: Step| match steps.last_mut() {
        Some(last) if last.at == step.at => *last = step,
        Some(last) if (last.proven, last.known) == (step.proven, step.known) => {}
        _ => steps.push(step),
    };
    for change in page.past.changes.iter().filter(|change| required.contains(change.point.as_str())) {
        states.insert(&change.point, change.to);
        let proven = states.values().filter(|state| state.is_proven()).count();
        push(Step { at: change.at, proven, known: states.len() });
    }
    if !states.is_empty() {
        let progress = page.snapshot.progress(|_| true);
        push(Step { at: page.snapshot.options.now, proven: progress.proven, known: progress.required });
    }
    steps
}

/// After each date, how many required points should be done.
fn planned(page: &Page<'_>) -> Vec<(Timestamp, usize)> {
    let required = page.snapshot.plan.points.iter().filter(|point| point.required);
    let mut dates: Vec<Date> = required.filter_map(|point| point.due).collect();
    dates.sort_unstable();
    let mut planned: Vec<(Timestamp, usize)> = Vec::new();
    for (index, date) in dates.into_iter().enumerate() {
        // A date means the end of that day.
        let end = date.tomorrow().and_then(|next| next.to_zoned(TimeZone::UTC));
        let Ok(end) = end.map(|zoned| zoned.timestamp()) else { continue };
        match planned.last_mut() {
            Some(last) if last.0 == end => last.1 = index + 1,
            _ => planned.push((end, index + 1)),
        }
    }
    planned
}

/// Whether any date lies before the end of the chart.
fn asks(planned: &[(Timestamp, usize)], axis: Axis) -> bool {
    planned.first().is_some_and(|(at, _)| *at <= axis.to)
}

/// The last step of each slot.
fn thinned(steps: &[Step], axis: Axis) -> Vec<Step> {
    let mut thin: Vec<Step> = Vec::new();
    for step in steps {
        match thin.last_mut() {
            Some(last) if axis.slot(last.at, SLOTS) == axis.slot(step.at, SLOTS) => {
                (last.proven, last.known) = (step.proven, step.known);
            }
            _ => thin.push(*step),
        }
    }
    thin
}

fn chart(html: &mut Html, page: &Page<'_>, steps: &[Step], planned: &[(Timestamp, usize)], axis: Axis) {
    let now = page.snapshot.options.now;
    let progress = page.snapshot.progress(|_| true);
    let most = steps.iter().map(|step| step.known).max().unwrap_or(0).max(progress.required).max(1);
    let height = |points: usize| points as f64 / most as f64 * PLOT;
    let y = |points: usize| format!("{:.1}", TOP + PLOT - height(points));
    let thin = thinned(steps, axis);
    html.element("svg", &[("class", "burnup"), ("role", "img")], |html| {
        html.leaf("title", &[], "Burn-up of proven points");
        let due = planned.iter().filter(|(at, _)| *at <= now).map(|(_, points)| *points).max().unwrap_or(0);
        let plan =
            if planned.is_empty() { String::new() } else { format!("; by the dates it should be {due}") };
        html.leaf(
            "desc",
            &[],
            &format!("{} of {} required points are proven{plan}.", progress.proven, progress.required),
        );
        let ends = thin.iter().skip(1).map(|step| step.at).chain([now]);
        for (step, end) in thin.iter().zip(ends).filter(|(step, _)| step.proven > 0) {
            let (x, width) = (axis.share(step.at), axis.share(end) - axis.share(step.at));
            html.void(
                "rect",
                &[
                    ("class", "t-green"),
                    ("x", &percent(x)),
                    ("width", &percent(width)),
                    ("y", &y(step.proven)),
                    ("height", &format!("{:.1}", height(step.proven))),
                ],
            );
        }
        let total: Vec<(Timestamp, usize)> = thin.iter().map(|step| (step.at, step.known)).collect();
        line(html, "total", &total, now, axis, y);
        if asks(planned, axis) {
            // What was due before the chart begins is its first height.
            let before = planned.iter().filter(|(at, _)| *at <= axis.from).map(|(_, points)| *points).max();
            let mut plan = vec![(axis.from, before.unwrap_or(0))];
            plan.extend(planned.iter().filter(|(at, _)| *at > axis.from && *at <= axis.to));
            line(html, "plan", &plan, axis.to, axis, y);
        }
        let base = format!("{:.1}", TOP + PLOT);
        html.void("line", &[("class", "base"), ("x2", "100%"), ("y1", &base), ("y2", &base)]);
        let at_now = percent(axis.share(now));
        html.void("line", &[("class", "now"), ("x1", &at_now), ("x2", &at_now), ("y1", "12"), ("y2", &base)]);
        let above = |points: usize| format!("{:.1}", TOP + PLOT - height(points) - 6.0);
        html.leaf("text", &[("x", "0"), ("y", &above(most))], &format!("{most} required"));
        let beside = axis.share(now) < 0.85;
        let proven = format!("{} proven", progress.proven);
        let (x, anchor) =
            if beside { (axis.share(now) + 0.01, "start") } else { (axis.share(now) - 0.01, "end") };
        if progress.proven < most {
            html.leaf(
                "text",
                &[
                    ("class", "strong"),
                    ("x", &percent(x)),
                    ("y", &above(progress.proven)),
                    ("text-anchor", anchor),
                ],
                &proven,
            );
        }
        let mut labels = vec![(now, "now"), (axis.from, "")];
        // The end of a day is named after that day.
        let second = jiff::SignedDuration::from_secs(1);
        let days: Vec<(Timestamp, String)> = planned
            .iter()
            .rev()
            .map(|(at, _)| (*at, axis.label(at.checked_sub(second).unwrap_or(*at))))
            .collect();
        labels.extend(days.iter().map(|(at, day)| (*at, day.as_str())));
        axis.labels(html, &labels, &format!("{:.0}", TOP + PLOT + 17.0));
    });
}

/// Steps as a line: level up to the next moment, then upright.
fn line(
    html: &mut Html,
    class: &'static str,
    points: &[(Timestamp, usize)],
    end: Timestamp,
    axis: Axis,
    y: impl Fn(usize) -> String,
) {
    let ends = points.iter().skip(1).copied().map(Some).chain([None]);
    for ((at, height), next) in points.iter().zip(ends) {
        let (until, level) = (next.map_or(end, |(at, _)| at), y(*height));
        let right = percent(axis.share(until));
        html.void(
            "line",
            &[
                ("class", class),
                ("x1", &percent(axis.share(*at))),
                ("x2", &right),
                ("y1", &level),
                ("y2", &level),
            ],
        );
        if let Some((_, next)) = next {
            html.void(
                "line",
                &[("class", class), ("x1", &right), ("x2", &right), ("y1", &level), ("y2", &y(next))],
            );
        }
    }
}

fn numbers(html: &mut Html, steps: &[Step], planned: &[(Timestamp, usize)], now: Timestamp) {
    html.element("table", &[("class", "numbers")], |html| {
        html.element("thead", &[], |html| {
            html.element("tr", &[], |html| {
                for title in ["From", "Proven", "Required", "Planned"] {
                    html.leaf("th", &[("scope", "col")], title);
                }
            });
        });
        html.element("tbody", &[], |html| {
            for step in steps.iter().rev().take(ROWS) {
                html.element("tr", &[], |html| {
                    html.element("td", &[], |html| words::exact_time(html, step.at, now));
                    html.leaf("td", &[], &step.proven.to_string());
                    html.leaf("td", &[], &step.known.to_string());
                    let due =
                        planned.iter().filter(|(at, _)| *at <= step.at).map(|(_, points)| *points).max();
                    html.leaf("td", &[], &due.unwrap_or(0).to_string());
                });
            }
        });
    });
    if steps.len() > ROWS {
        html.leaf("p", &[("class", "small")], &format!("{} older rows are left out", steps.len() - ROWS));
    }
}

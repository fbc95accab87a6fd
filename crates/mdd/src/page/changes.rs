//! What has changed in the last day.

use jiff::{SignedDuration, Timestamp};

use super::html::Html;
use super::{Page, sign, words};
use crate::history::report::Change;
use crate::render::words::count;

/// Most changes that are shown openly, and most that are shown at all.
const OPEN: usize = 8;
const MOST: usize = 60;

/// Writes the section.
pub fn write(html: &mut Html, page: &Page<'_>) {
    let now = page.snapshot.options.now;
    let day = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
    // A point's first state is no change.
    let recent = |change: &&Change| change.at > day && change.from.is_some();
    let changes: Vec<&Change> = page.past.changes.iter().rev().filter(recent).collect();
    html.element("section", &[("id", "changes"), ("aria-labelledby", "h-changes")], |html| {
        html.leaf("h2", &[("id", "h-changes")], "Changed in the last 24 hours");
        if changes.is_empty() {
            html.leaf("p", &[("class", "lead")], "Nothing.");
            return;
        }
        let (open, rest) = changes.split_at(changes.len().min(OPEN));
        html.element("table", &[("class", "changes")], |html| table(html, open, now));
        if !rest.is_empty() {
            html.element("details", &[("class", "more")], |html| {
                html.leaf("summary", &[], &format!("{} before these", count(rest.len(), "change")));
                html.element("table", &[("class", "changes")], |html| {
                    table(html, &rest[..rest.len().min(MOST)], now);
                });
                older(html, page, rest.len());
            });
        }
    });
}

/// How many are left out, and where they can be read.
pub fn older(html: &mut Html, page: &Page<'_>, all: usize) {
    if all > MOST {
        html.element("p", &[("class", "small")], |html| {
            html.text(&format!("{} older ones: ", all - MOST));
            html.leaf("code", &[], &format!("mdd history {} --transitions", page.snapshot.plan.dc));
        });
    }
}

/// The newest changes of a list that begins with the newest.
pub fn newest<'c>(changes: &[&'c Change]) -> Vec<&'c Change> {
    changes.iter().take(MOST).copied().collect()
}

/// One row a change.
pub fn table(html: &mut Html, changes: &[&Change], now: Timestamp) {
    html.element("thead", &[("class", "hidden")], |html| {
        html.element("tr", &[], |html| {
            for title in ["When", "Point", "Change", "Waits for"] {
                html.leaf("th", &[("scope", "col")], title);
            }
        });
    });
    html.element("tbody", &[], |html| {
        for change in changes {
            html.element("tr", &[], |html| {
                html.element("td", &[], |html| words::exact_time(html, change.at, now));
                html.element("th", &[("scope", "row")], |html| {
                    html.leaf(
                        "a",
                        &[("class", "id"), ("href", &words::anchor(&change.point))],
                        &change.point,
                    );
                });
                html.element("td", &[], |html| {
                    match change.from {
                        Some(state) => sign::chip(html, state),
                        None => html.leaf("span", &[("class", "small")], "start"),
                    }
                    html.markup(" <span class=\"arrow\" aria-label=\"to\">→</span> ");
                    sign::chip(html, change.to);
                });
                let waits =
                    change.blocked_by.as_ref().map(|by| format!("waits for {}", by.replace(' ', ", ")));
                html.leaf("td", &[("class", "small")], &waits.unwrap_or_default());
            });
        }
    });
}

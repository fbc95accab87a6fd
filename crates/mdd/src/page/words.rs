//! Times and links as every part of the page writes them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Page;
use super::html::Html;
use crate::engine::snapshot::Root;
use crate::engine::state::{days_between, overdue_days, today};
use crate::render::words::{count, day};

/// `22 Nov 21:40 UTC`, with the year when it is not this one.
pub fn time(html: &mut Html, at: Timestamp, now: Timestamp) {
    written(html, at, now, "%H:%M");
}

/// The same to the second.
pub fn exact_time(html: &mut Html, at: Timestamp, now: Timestamp) {
    written(html, at, now, "%H:%M:%S");
}

fn written(html: &mut Html, at: Timestamp, now: Timestamp, clock: &str) {
    let utc = at.to_zoned(TimeZone::UTC);
    let text = format!("{} {} UTC", day(utc.date(), now), utc.strftime(clock));
    html.leaf("time", &[("datetime", &at.to_string())], &text);
}

/// `due 27 Nov, in 5 days`, `due 20 Nov, 2 days overdue`, `due today`.
pub fn due(html: &mut Html, due: Date, now: Timestamp) {
    html.text("due ");
    html.leaf("time", &[("datetime", &due.to_string())], &day(due, now));
    match (overdue_days(due, now), days_between(today(now), due)) {
        (Some(days), _) => {
            html.text(", ");
            html.leaf("b", &[("class", "late")], &crate::render::run::overdue(days));
        }
        (None, 0) => html.text(", today"),
        // Years are not counted in days.
        (None, 400..) => {}
        (None, left) => html.text(&format!(", in {}", count(usize::try_from(left).unwrap_or(0), "day"))),
    }
}

/// Address of a point on the page.
pub fn anchor(id: &str) -> String {
    format!("#p-{id}")
}

/// Links to points, separated by commas.
pub fn points<'a>(html: &mut Html, ids: impl Iterator<Item = &'a str>) {
    for (index, id) in ids.enumerate() {
        if index > 0 {
            html.text(", ");
        }
        html.leaf("a", &[("class", "id"), ("href", &anchor(id))], id);
    }
}

/// Root causes, linked where the page, or one beside it, shows them.
pub fn roots(html: &mut Html, page: &Page<'_>, roots: &[Root]) {
    for (index, root) in roots.iter().enumerate() {
        if index > 0 {
            html.text(", ");
        }
        match root {
            Root::Point(id) => html.leaf("a", &[("class", "id"), ("href", &anchor(id))], id),
            Root::Vantage(id) => {
                html.text("vantage point ");
                html.leaf("span", &[("class", "id")], id);
            }
            Root::Elsewhere(dc, id) if page.beside.contains(&dc.as_str()) => {
                let address = format!("{dc}.html{}", anchor(id));
                html.leaf("a", &[("class", "id"), ("href", &address)], &root.to_string());
            }
            Root::Elsewhere(..) => html.leaf("span", &[("class", "id")], &root.to_string()),
        }
    }
}

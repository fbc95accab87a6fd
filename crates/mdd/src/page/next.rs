//! What to do now: who can mend what, the most useful first; blocked points are inside what holds them up.

use std::collections::BTreeMap;

use super::html::Html;
use super::points::{self, TEXT, row};
use super::{Page, sign, words};
use crate::engine::State;
use crate::engine::facts::age;
use crate::engine::snapshot::{Cause, Root};
use crate::render::run::overdue;
use crate::render::words::{count, cut, day, span};

/// Writes the section.
pub fn write(html: &mut Html, page: &Page<'_>) {
    html.element("section", &[("id", "now"), ("aria-labelledby", "h-now")], |html| {
        html.leaf("h2", &[("id", "h-now")], "What to do now");
        let causes = page.snapshot.causes(|_| true);
        if causes.is_empty() {
            let settling = page.snapshot.tally(|_| true).of(State::Settling);
            html.leaf("p", &[("class", "lead")], &match settling {
                0 => "Nothing: no point waits for anybody.".to_owned(),
                some => format!("Nothing but to wait: {} settling.", count(some, "point")),
            });
            return;
        }
        html.leaf(
            "p",
            &[("class", "lead")],
            "Overdue and regressed first, then those that hold up others. What is blocked stands inside what it waits for.",
        );
        html.element("ol", &[("class", "next")], |html| {
            for (index, cause) in causes.iter().enumerate() {
                let state = cause.state.unwrap_or(State::Red);
                html.element("li", &[("class", state.key())], |html| {
                    html.element("details", &[], |html| {
                        html.element("summary", &[], |html| summary(html, page, index + 1, cause, state));
                        inside(html, page, cause);
                    });
                });
            }
        });
    });
}

fn summary(html: &mut Html, page: &Page<'_>, rank: usize, cause: &Cause, state: State) {
    let plan = page.snapshot.plan;
    let now = page.snapshot.options.now;
    html.leaf("span", &[("class", "rank")], &rank.to_string());
    html.element("span", &[("class", "what")], |html| {
        sign::sign(html, state);
        html.leaf("span", &[("class", "hidden")], &format!("{}: ", state.word()));
        html.leaf("span", &[("class", "id")], &cause.root.to_string());
        let title = match &cause.root {
            Root::Point(id) => page.snapshot.entry(id).map_or("", |entry| &entry.point.title),
            Root::Vantage(_) => "Vantage point: a place that checks run from",
            Root::Elsewhere(..) => "A point of another datacenter",
        };
        html.text(" ");
        html.leaf("span", &[("class", "title")], title);
    });
    let (late, when) = match (cause.regressed, cause.overdue, cause.due) {
        (Some(until), _, _) => (true, format!("regressed {} ago", span(age(until, now)))),
        (None, Some(days), _) => (true, overdue(days)),
        (None, None, Some(due)) => (false, format!("due {}", day(due, now))),
        (None, None, None) => (false, String::new()),
    };
    html.leaf("span", &[("class", if late { "when late" } else { "when" })], &when);
    html.element("span", &[("class", "who")], |html| {
        let team = plan.teams.get(&cause.owner);
        html.leaf("b", &[], team.map_or(cause.owner.as_str(), |team| &team.name));
        if let Some(chat) = team.and_then(|team| team.chat.as_deref()) {
            html.text(&format!(" {chat}"));
        }
        if cause.holds > 0 {
            html.text(" ");
            html.leaf("span", &[("class", "holds")], &format!("holds up {}", cause.holds));
        }
    });
    html.leaf("span", &[("class", "says")], &cut(&cause.text, TEXT, "…"));
}

fn inside(html: &mut Html, page: &Page<'_>, cause: &Cause) {
    match &cause.root {
        Root::Point(id) => {
            if let Some(entry) = page.snapshot.entry(id) {
                points::body(html, page, entry);
            }
        }
        Root::Vantage(id) => html.element("dl", &[], |html| {
            row(html, "Why", |html| {
                html.text("Nothing that has to be true from there can be known before it reports once.");
            });
            row(html, "To do", |html| {
                html.text("On a machine that plays it, with this manifest and this history:");
                let words = ["mdd", "run", page.snapshot.plan.dc.as_str(), "--as", id.as_str()];
                points::command(html, &BTreeMap::default(), &words.map(str::to_owned));
            });
            row(html, "Holds up", |html| {
                words::points(html, page.held(&cause.root).map(|entry| entry.point.id.as_str()));
            });
        }),
        root @ Root::Elsewhere(..) => html.element("dl", &[], |html| {
            row(html, "Down there", |html| words::roots(html, page, std::slice::from_ref(root)));
            row(html, "Holds up", |html| {
                words::points(html, page.held(root).map(|entry| entry.point.id.as_str()));
            });
        }),
    }
}

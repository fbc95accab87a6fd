//! The head: which datacenter, is it done, how far is it, how old is what is known.

use super::html::Html;
use super::{Page, sign, words};
use crate::engine::State;
use crate::engine::state::overdue_days;
use crate::plan::Milestone;
use crate::render::run::stage;
use crate::render::status::freshness;

/// Writes it.
pub fn write(html: &mut Html, page: &Page<'_>) {
    let (word, state) = sign::verdict(page.exit());
    html.element("header", &[("class", state.key())], |html| {
        place(html, page);
        verdict(html, page, word, state);
        let tally = page.snapshot.tally(|_| true);
        sign::bar(html, &tally);
        html.element(
            "ul",
            &[("class", "counts"), ("id", "counts"), ("aria-label", "Points by state")],
            |html| {
                for (state, count) in tally.worst_first() {
                    html.element("li", &[("class", state.key())], |html| {
                        sign::sign(html, state);
                        html.leaf("b", &[], &count.to_string());
                        html.text(&format!(" {}", state.word()));
                    });
                }
            },
        );
        milestones(html, page);
        html.element("p", &[("class", "meta")], |html| {
            html.text("manifest ");
            html.leaf("code", &[], &page.provenance.short());
        });
    });
    html.element("nav", &[("aria-label", "On this page")], |html| {
        let links = [
            ("#now", "What to do now"),
            ("#grid", "Datacenters"),
            ("#changes", "Changes"),
            ("#progress", "Progress"),
            ("#points", "Points"),
        ];
        for (address, text) in links {
            html.leaf("a", &[("href", address)], text);
        }
    });
}

fn place(html: &mut Html, page: &Page<'_>) {
    let plan = page.snapshot.plan;
    let now = page.snapshot.options.now;
    html.element("div", &[("class", "place")], |html| {
        html.element("div", &[], |html| {
            html.leaf(
                "p",
                &[("class", "platform")],
                &format!("{} · {}", plan.platform.title, stage(plan.stage)),
            );
            html.element("h1", &[], |html| {
                html.text(&plan.title);
                html.text(" ");
                html.leaf("span", &[("class", "id")], &plan.dc);
            });
        });
        html.element("p", &[("class", "asof")], |html| {
            html.text("as of ");
            words::time(html, now, now);
            let (fresh, sources) = (page.snapshot.freshness(|_| true), page.snapshot.sources(|_| true));
            html.leaf("span", &[("id", "age")], &freshness(fresh, &sources));
        });
    });
}

fn verdict(html: &mut Html, page: &Page<'_>, word: &str, state: State) {
    let progress = page.snapshot.progress(|_| true);
    let now = page.snapshot.options.now;
    html.element("div", &[("class", "verdict")], |html| {
        html.element("p", &[("class", "word")], |html| {
            sign::sign(html, state);
            html.leaf("strong", &[("id", "verdict")], word);
        });
        html.element("p", &[("id", "proven")], |html| {
            html.leaf("b", &[], &progress.proven.to_string());
            html.text(&format!(" of {} proven", progress.required));
            if progress.waived > 0 {
                html.text(&format!(" · {} waived", progress.waived));
            }
        });
        if let Some(due) = page.snapshot.plan.milestones.iter().rev().find_map(|milestone| milestone.due) {
            html.element("p", &[("class", "due")], |html| words::due(html, due, now));
        }
    });
}

/// Every milestone with what it needs: its own points and those of all before it.
fn milestones(html: &mut Html, page: &Page<'_>) {
    let plan = page.snapshot.plan;
    if plan.milestones.is_empty() {
        return;
    }
    html.element("ol", &[("class", "milestones"), ("aria-label", "Milestones")], |html| {
        for milestone in &plan.milestones {
            html.element("li", &[], |html| self::milestone(html, page, milestone));
        }
    });
}

fn milestone(html: &mut Html, page: &Page<'_>, milestone: &Milestone) {
    let now = page.snapshot.options.now;
    let needed = page.snapshot.plan.needed_for(&milestone.id).unwrap_or_default();
    let tally = page.snapshot.tally(|point| needed.contains(&point.id) && point.required);
    let progress = tally.progress;
    let done = progress.proven + progress.waived == progress.required;
    html.element("p", &[("class", "name")], |html| {
        if done {
            sign::sign(html, State::Green);
        }
        html.leaf("b", &[], &milestone.title);
    });
    sign::bar(html, &tally);
    html.element("p", &[("class", "small")], |html| {
        html.leaf("span", &[("class", "fraction")], &format!("{}/{}", progress.proven, progress.required));
        if progress.waived > 0 {
            html.text(&format!(" +{} waived", progress.waived));
        }
    });
    if let Some(due) = milestone.due.filter(|due| !done || overdue_days(*due, now).is_none()) {
        html.element("p", &[("class", "small")], |html| words::due(html, due, now));
    }
}

//! Every point, by group: what it means, who can turn it green, what it says, and the exact command.

use std::collections::BTreeMap;

use super::html::{Html, is_followed};
use super::{Page, sign, words};
use crate::engine::facts::age;
use crate::engine::rollup::{Condition, Judged};
use crate::engine::snapshot::{Entry, Root};
use crate::engine::state::{State, WaiverState};
use crate::plan::{Instance, Point, Team};
use crate::quote;
use crate::render::run::{notes, portion};
use crate::render::words::{cut, day, span, span_exact};

/// Longest output of one instance, in characters.
const OUTPUT: usize = 600;
/// Longest text of what is the matter, in characters; the whole of it is inside.
pub const TEXT: usize = 160;
/// Most instances of a point that are shown.
const INSTANCES: usize = 10;
/// Longest text of the manifest, in characters.
const PROSE: usize = 2000;

/// Writes the section.
pub fn write(html: &mut Html, page: &Page<'_>) {
    html.element("section", &[("id", "points"), ("aria-labelledby", "h-points")], |html| {
        html.leaf("h2", &[("id", "h-points")], "Every point");
        for group in &page.snapshot.plan.groups {
            let entries: Vec<&Entry<'_>> =
                page.snapshot.entries.iter().filter(|entry| entry.point.group == group.id).collect();
            if entries.is_empty() {
                continue;
            }
            html.element("h3", &[("id", &format!("g-{}", group.id))], |html| {
                html.text(&group.title);
                if let Some(owner) = &group.owner {
                    html.leaf("span", &[("class", "small")], &format!(" {}", page.team(owner)));
                }
            });
            html.element("ul", &[("class", "points")], |html| {
                for entry in entries {
                    html.element("li", &[("class", entry.judgement.state.key())], |html| {
                        point(html, page, entry);
                    });
                }
            });
        }
    });
}

fn point(html: &mut Html, page: &Page<'_>, entry: &Entry<'_>) {
    let now = page.snapshot.options.now;
    html.element("details", &[("id", &format!("p-{}", entry.point.id)), ("class", "point")], |html| {
        html.element("summary", &[], |html| {
            sign::chip(html, entry.judgement.state);
            html.element("span", &[("class", "what")], |html| {
                html.leaf("span", &[("class", "title")], &entry.point.title);
                html.text(" ");
                html.leaf("span", &[("class", "id")], &entry.point.id);
                if !entry.judgement.state.is_proven() {
                    html.leaf("span", &[("class", "says")], &cut(&entry.text, TEXT, "…"));
                }
            });
            html.leaf("span", &[("class", "notes")], &notes(entry, now).join(" · "));
        });
        body(html, page, entry);
    });
}

/// A term and what there is to say about it.
pub fn row(html: &mut Html, term: &str, inside: impl FnOnce(&mut Html)) {
    html.leaf("dt", &[], term);
    html.element("dd", &[], inside);
}

fn prose(html: &mut Html, term: &str, text: Option<&str>) {
    if let Some(text) = text {
        row(html, term, |html| html.text(&cut(text, PROSE, "…")));
    }
}

/// All about one point.
pub fn body(html: &mut Html, page: &Page<'_>, entry: &Entry<'_>) {
    let Entry { point, .. } = entry;
    html.element("dl", &[], |html| {
        state(html, page, entry);
        prose(html, "Why", Some(&point.why));
        let owner = page.team(&point.owner);
        prose(html, &format!("What we need from {owner}"), point.need.as_deref());
        prose(html, "For users", point.for_users.as_deref());
        row(html, "Owner", |html| self::owner(html, owner, page.snapshot.plan.teams.get(&point.owner)));
        dates(html, page, entry);
        commands(html, point);
        outputs(html, page, entry);
        if point.runbook.is_some() || !point.links.is_empty() {
            row(html, "Runbook", |html| {
                let links = point.runbook.iter().chain(&point.links);
                for (index, link) in links.enumerate() {
                    if index > 0 {
                        html.void("br", &[]);
                    }
                    html.link(link, link);
                }
            });
        }
        waiver(html, entry);
    });
}

fn state(html: &mut Html, page: &Page<'_>, entry: &Entry<'_>) {
    let judgement = &entry.judgement;
    let now = page.snapshot.options.now;
    row(html, "State", |html| {
        sign::chip(html, judgement.state);
        html.text(&format!(" {}", judgement.rule.sentence().replace('`', "")));
        let portion = portion(entry);
        if !portion.is_empty() {
            html.text(&format!("; {portion} pass"));
        }
        // What an instance says stands below, with all of its output.
        let said = entry.instances.iter().any(|one| !one.text.is_empty() && entry.text.ends_with(&one.text));
        if !entry.text.is_empty() && !said {
            html.leaf("p", &[("class", "says")], &cut(&entry.text, OUTPUT, "…"));
        }
        let notes = notes(entry, now);
        if !notes.is_empty() {
            html.leaf("p", &[("class", "small")], &notes.join(" · "));
        }
    });
    if let Some(since) = judgement.since {
        row(html, "Since", |html| {
            words::time(html, since, now);
            html.text(&format!(", {}", span(age(since, now))));
        });
    }
    if !entry.roots.is_empty() {
        row(html, "Waits for", |html| words::roots(html, page, &entry.roots));
    }
    let root = Root::Point(entry.point.id.clone());
    let held: Vec<&str> = page.held(&root).map(|held| held.point.id.as_str()).collect();
    if !held.is_empty() {
        row(html, "Holds up", |html| words::points(html, held.into_iter()));
    }
}

fn owner(html: &mut Html, name: &str, team: Option<&Team>) {
    html.leaf("b", &[], name);
    let Some(team) = team else { return };
    if let Some(chat) = &team.chat {
        html.text(&format!(" · {chat}"));
    }
    if let Some(email) = &team.email {
        html.text(" · ");
        html.link(&format!("mailto:{email}"), email);
    }
    for (address, text) in [(&team.tickets, "tickets"), (&team.oncall, "on call")] {
        if let Some(address) = address {
            html.text(" · ");
            html.link(address, if is_followed(address) { text } else { address });
        }
    }
}

fn dates(html: &mut Html, page: &Page<'_>, entry: &Entry<'_>) {
    let point = entry.point;
    let now = page.snapshot.options.now;
    let milestone = point.milestone.as_ref().map(|id| {
        let milestones = &page.snapshot.plan.milestones;
        milestones.iter().find(|one| one.id == *id).map_or(id.as_str(), |one| one.title.as_str())
    });
    if milestone.is_some() || point.due.is_some() {
        row(html, "Milestone", |html| {
            html.text(milestone.unwrap_or("its own date"));
            match point.due {
                // What is proven is late no more.
                Some(due) if entry.judgement.done || entry.judgement.state == State::Settling => {
                    html.text(&format!(", due {}", day(due, now)));
                }
                Some(due) => {
                    html.text(", ");
                    words::due(html, due, now);
                }
                None => {}
            }
        });
    }
    let time = page.past.times.iter().find(|time| time.point == point.id);
    if let Some((time, total)) = time.and_then(|time| Some((time, time.total?))) {
        let own = span(time.own().unwrap_or(total));
        let term = if time.stable.is_some() { "Time to green" } else { "Time so far" };
        row(html, term, |html| {
            html.text(&span(total));
            if !time.blocked.is_zero() {
                html.text(&format!(": {} waiting for others, {own} its owner's", span(time.blocked)));
            }
        });
    }
}

/// A command as a shell reads it; a click selects all of it.
pub fn command(html: &mut Html, env: &BTreeMap<String, String>, argv: &[String]) {
    match quote::line(env, argv) {
        Ok(line) => html.element("pre", &[("class", "command")], |html| html.leaf("code", &[], &line)),
        Err(what) => {
            html.leaf("p", &[("class", "small")], &format!("no shell can be given this command: {what}"));
        }
    }
}

fn commands(html: &mut Html, point: &Point) {
    row(html, "Command", |html| {
        if !point.missing.is_empty() {
            html.text(&format!("none yet: it waits for the value of {}", point.missing.join(", ")));
            return;
        }
        for instance in point.instances.iter().take(INSTANCES) {
            command(html, &point.env, &instance.argv);
        }
        more(html, point.instances.len());
        html.leaf(
            "p",
            &[("class", "small")],
            &format!("from {}, every {}", point.vantage, span_exact(point.interval)),
        );
    });
}

/// How many instances are not shown.
fn more(html: &mut Html, instances: usize) {
    if instances > INSTANCES {
        html.leaf("p", &[("class", "small")], &format!("and {} more", instances - INSTANCES));
    }
}

fn outputs(html: &mut Html, page: &Page<'_>, entry: &Entry<'_>) {
    if !entry.point.missing.is_empty() {
        return;
    }
    row(html, "Last output", |html| {
        let mut all: Vec<(&Judged, &Instance)> = entry.instances.iter().zip(&entry.point.instances).collect();
        // Those that are not green first, else in the plan's order.
        all.sort_by_key(|(judged, _)| judged.condition == Condition::Green);
        for (judged, _) in all.iter().take(INSTANCES) {
            output(html, page, judged);
        }
        more(html, all.len());
    });
}

fn output(html: &mut Html, page: &Page<'_>, one: &Judged) {
    let now = page.snapshot.options.now;
    html.element("p", &[("class", "small")], |html| {
        if !one.key.is_empty() {
            html.leaf("span", &[("class", "id")], &one.key);
            html.text(": ");
        }
        let Some(seen) = &one.newest else {
            html.text("no result yet");
            return;
        };
        html.leaf("b", &[], seen.reading.verdict.word());
        html.text(&format!(", {} old, ", span(age(seen.reading.at, now))));
        words::time(html, seen.reading.at, now);
        html.text(&format!(", took {}", took(seen.reading.took)));
        if one.since.is_none() {
            html.text(&format!("; not usable: {}", cut(&one.text, OUTPUT, "…")));
        }
    });
    if let Some(seen) = one.newest.as_ref().filter(|seen| !seen.reading.output.is_empty()) {
        html.leaf("pre", &[("class", "output")], &cut(&seen.reading.output, OUTPUT, "…"));
    }
}

fn took(time: std::time::Duration) -> String {
    if time.as_secs() >= 1 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} ms", time.as_millis())
    }
}

fn waiver(html: &mut Html, entry: &Entry<'_>) {
    let Some(waiver) = &entry.point.waiver else { return };
    row(html, "Waiver", |html| {
        let word = match entry.judgement.waiver {
            WaiverState::Absent => "not accepted",
            WaiverState::InForce(_) => "in force",
            WaiverState::Expired(_) => "expired",
            WaiverState::NotNeeded => "no longer needed",
        };
        html.text(&format!(
            "{word}, to {}, by {}: {}",
            waiver.until,
            waiver.by,
            cut(&waiver.reason, PROSE, "…")
        ));
        if let Some(ticket) = &waiver.ticket {
            html.text(" ");
            html.link(ticket, ticket);
        }
    });
}

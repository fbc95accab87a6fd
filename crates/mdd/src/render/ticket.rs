//! What to tell whoever can mend a point: the text of a ticket.

use super::run::overdue;
use super::words::{count, span, time};
use crate::engine::facts::age;
use crate::engine::rollup::{Condition, Judged};
use crate::engine::snapshot::{Entry, Root, Snapshot};
use crate::plan::Instance;
use crate::quote;

/// The lines of a ticket, each with its label; a text may have several lines.
pub fn lines(snapshot: &Snapshot<'_>, entry: &Entry<'_>) -> Vec<(&'static str, String)> {
    let plan = snapshot.plan;
    let point = entry.point;
    let mut lines = vec![
        ("Point", format!("{}/{}", plan.dc, point.id)),
        ("Wanted", point.title.clone()),
        ("Why", point.why.clone()),
        ("Need", point.need.clone().unwrap_or_default()),
        ("Seen", format!("{}: {}", entry.judgement.state.word(), entry.text)),
        ("", standing(entry, snapshot)),
    ];
    for (key, text) in tries(entry) {
        lines.push(("Try", if key.is_empty() { text } else { format!("{text}    # {key}") }));
    }
    lines.push(("From", from(snapshot, entry)));
    let team = plan.teams.get(snapshot.answers_for(entry));
    let team = team.map(|team| {
        let contacts = [&team.chat, &team.email, &team.tickets];
        let parts = [&team.name].into_iter().chain(contacts.into_iter().flatten());
        parts.map(String::as_str).collect::<Vec<_>>().join(", ")
    });
    lines.push(("Owner", team.unwrap_or_else(|| snapshot.answers_for(entry).to_owned())));
    let due = point.due.map(|due| match entry.judgement.overdue {
        Some(days) => format!("{due}, {}", overdue(days)),
        None => due.to_string(),
    });
    lines.push(("Due", due.unwrap_or_default()));
    let held = held_up(snapshot, &Root::Point(point.id.clone()));
    lines.push(("Holds up", held.join(", ")));
    let pages = point.runbook.iter().chain(&point.links).map(String::as_str).collect::<Vec<_>>();
    lines.push(("Pages", pages.join("\n")));
    lines.retain(|(_, text)| !text.trim().is_empty());
    lines
}

/// Since when it is so, and when that was last seen.
fn standing(entry: &Entry<'_>, snapshot: &Snapshot<'_>) -> String {
    let now = snapshot.options.now;
    let mut parts = Vec::new();
    if let Some(until) = entry.judgement.regressed {
        parts.push(format!("green until {}", time(until)));
    }
    if let Some(since) = entry.judgement.since {
        parts.push(format!("since {} ({})", time(since), span(age(since, now))));
    }
    if let Some(oldest) = entry.oldest(now) {
        parts.push(format!("last tried {} ago", span(oldest)));
    }
    parts.join(", ")
}

fn from(snapshot: &Snapshot<'_>, entry: &Entry<'_>) -> String {
    let every = super::words::span_exact(entry.point.interval);
    let silent = entry.instances.iter().all(|one| one.newest.is_none());
    let silent = if silent { ", which has not reported yet" } else { "" };
    let stable = snapshot.options.stable.unwrap_or(entry.point.stable);
    let stable = if stable.is_zero() {
        String::new()
    } else {
        format!("; done when it holds for {}", super::words::span_exact(stable))
    };
    format!("{}{silent}, every {every}{stable}", entry.point.vantage)
}

/// Points that wait for this in the end.
pub fn held_up<'s>(snapshot: &'s Snapshot<'_>, root: &Root) -> Vec<&'s str> {
    let held = snapshot.entries.iter().filter(|entry| entry.roots.contains(root));
    held.map(|entry| entry.point.id.as_str()).collect()
}

/// The command of each instance that does not pass, as a shell reads it, with the instance's key.
pub fn tries(entry: &Entry<'_>) -> Vec<(String, String)> {
    let passes = |one: &Judged| {
        matches!(
            one.condition,
            Condition::Green | Condition::Warning | Condition::Settling | Condition::Flapping
        )
    };
    let declared = entry.point.instances.iter().zip(&entry.instances);
    let failing: Vec<&Instance> =
        declared.clone().filter(|(_, judged)| !passes(judged)).map(|(instance, _)| instance).collect();
    let wanted = if failing.is_empty() { entry.point.instances.iter().collect() } else { failing };
    wanted
        .into_iter()
        .filter(|instance| !instance.argv.is_empty())
        .map(|instance| {
            let line = quote::line(&entry.point.env, &instance.argv);
            let line = line.unwrap_or_else(|what| format!("no shell can be given this command: {what}"));
            (instance.key.clone(), line)
        })
        .collect()
}

/// All that the plugins said, instance by instance.
pub fn said(entry: &Entry<'_>) -> String {
    let mut out = Vec::new();
    for one in &entry.instances {
        let Some(seen) = &one.newest else { continue };
        let key = if one.key.is_empty() { String::new() } else { format!("{}: ", one.key) };
        out.extend(seen.reading.output.lines().map(|line| format!("{key}{line}")));
        if !seen.reading.perf.is_empty() {
            out.push(format!("{key}{}", seen.reading.perf));
        }
    }
    out.join("\n")
}

/// The lines of a ticket for what is no point of this datacenter: a vantage point, or a point elsewhere.
pub fn root_lines(snapshot: &Snapshot<'_>, root: &Root) -> Vec<(&'static str, String)> {
    let held = held_up(snapshot, root);
    let plan = snapshot.plan;
    let mut lines = match root {
        Root::Vantage(id) => {
            let vantage = plan.vantages.iter().find(|vantage| vantage.id == *id);
            let owner = vantage.map_or("", |vantage| vantage.owner.as_str());
            let team = plan.teams.get(owner).map_or(owner, |team| team.name.as_str());
            vec![
                ("Vantage", format!("{}/{id} has never reported", plan.dc)),
                ("Owner", team.to_owned()),
                ("Try", format!("mdd run {} --as {id}    # there", plan.dc)),
            ]
        }
        other => vec![("Point", format!("{other} is down in the other datacenter"))],
    };
    lines.push(("Holds up", format!("{}: {}", count(held.len(), "point"), held.join(", "))));
    lines
}

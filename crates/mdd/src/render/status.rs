//! The text and the JSON of `mdd status`; the page's numbers are the same.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::ValueEnum;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::history::{self, Row as _};
use super::json as write;
use super::run;
use super::style::{Style, Table};
use super::words::{count, day, span};
use crate::engine::facts::{LOCAL, age};
use crate::engine::snapshot::{Entry, Root, Snapshot};
use crate::engine::state::{State, overdue_days};
use crate::engine::tally::{Freshness, Tally};
use crate::exit::Exit;
use crate::history::provenance::Provenance;
use crate::history::report::{Change, TimeToGreen};
use crate::plan::{Plan, Point};

/// What the rows of a status are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Chapters of the document
    Group,
    /// Teams whose turn it is
    Owner,
    /// Steps on the way to done; each with its own points only
    Milestone,
    /// Vantage points
    Subscription,
}

impl By {
    /// As on the command line.
    pub fn word(self) -> &'static str {
        match self {
            By::Group => "group",
            By::Owner => "owner",
            By::Milestone => "milestone",
            By::Subscription => "subscription",
        }
    }
}

/// How one datacenter stands.
#[derive(Debug, Clone)]
pub struct Status<'s> {
    /// The datacenter.
    pub snapshot: Snapshot<'s>,
    /// Ids of the points that were asked for.
    pub chosen: BTreeSet<String>,
    /// The verdict on them.
    pub exit: Exit,
    /// Where the manifest comes from.
    pub provenance: &'s Provenance,
    /// What the rows are.
    pub by: By,
    /// Times to green of the chosen points; empty without a history.
    pub waits: Vec<TimeToGreen>,
    /// Changes that were asked for.
    pub changes: Vec<Change>,
}

/// One row: a group, an owner, a milestone, a vantage point.
#[derive(Debug, Clone)]
pub struct Row<'s> {
    /// Its id; empty for points without a milestone.
    pub id: &'s str,
    /// For people.
    pub title: &'s str,
    /// Its points.
    pub tally: Tally,
    /// What can be mended now: points that wait for nobody, and, by owner or vantage point, vantage points that have
    /// never reported.
    pub own: Vec<Root>,
    /// The longest time that one of these has been its owner's turn, and whether it was green before.
    pub wait: Option<(Duration, bool)>,
    /// The next date of what is not done, and days since then.
    pub next: Option<(Date, Option<i32>)>,
}

impl<'s> Status<'s> {
    fn takes(&self) -> impl Fn(&Point) -> bool + Copy {
        |point| self.chosen.contains(&point.id)
    }

    fn entries(&self) -> impl Iterator<Item = &Entry<'s>> {
        self.snapshot.entries.iter().filter(|entry| self.chosen.contains(&entry.point.id))
    }

    /// The row that a point belongs to.
    fn row_of<'a>(&'a self, entry: &'a Entry<'s>) -> &'a str {
        match self.by {
            By::Group => &entry.point.group,
            By::Owner => self.snapshot.answers_for(entry),
            By::Milestone => entry.point.milestone.as_deref().unwrap_or(""),
            By::Subscription => &entry.point.vantage,
        }
    }

    /// Ids and titles that rows can have, in the manifest's order.
    fn titles(&self) -> Vec<(&str, &str)> {
        let plan = self.snapshot.plan;
        match self.by {
            By::Group => plan.groups.iter().map(|group| (group.id.as_str(), group.title.as_str())).collect(),
            By::Owner => plan.teams.iter().map(|(id, team)| (id.as_str(), team.name.as_str())).collect(),
            By::Milestone => {
                let own = plan.milestones.iter().map(|one| (one.id.as_str(), one.title.as_str()));
                own.chain([("", "no milestone")]).collect()
            }
            By::Subscription => plan.vantages.iter().map(|one| (one.id.as_str(), one.id.as_str())).collect(),
        }
    }

    /// The rows that are not empty: in the manifest's order, owners by how much they can do.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let plan = self.snapshot.plan;
        let now = self.snapshot.options.now;
        let mut titles = self.titles();
        for entry in self.entries() {
            let id = self.row_of(entry);
            if titles.iter().all(|(known, _)| *known != id) {
                titles.push((id, id));
            }
        }
        let causes = self.snapshot.causes(self.takes());
        let mut rows: Vec<Row<'_>> = Vec::new();
        for (id, title) in titles {
            let of_row = |entry: &&Entry<'s>| self.row_of(entry) == id;
            let ids: BTreeSet<&str> =
                self.entries().filter(of_row).map(|entry| entry.point.id.as_str()).collect();
            let mut dates: Vec<Date> = self
                .entries()
                .filter(of_row)
                .filter(|entry| !entry.judgement.done)
                .filter_map(|entry| entry.point.due)
                .collect();
            let mut own = Vec::new();
            for cause in &causes {
                match &cause.root {
                    Root::Point(point) if ids.contains(point.as_str()) => own.push(cause.root.clone()),
                    Root::Vantage(vantage)
                        if (self.by == By::Owner && cause.owner == id)
                            || (self.by == By::Subscription && vantage == id) =>
                    {
                        dates.extend(cause.due);
                        own.push(cause.root.clone());
                    }
                    _ => {}
                }
            }
            if ids.is_empty() && own.is_empty() {
                continue;
            }
            let mending = self.entries().filter(|entry| own.contains(&Root::Point(entry.point.id.clone())));
            let wait = mending.filter_map(|entry| self.own_wait(entry)).max();
            let next = dates.into_iter().min().map(|due| (due, overdue_days(due, now)));
            let tally = self.snapshot.tally(|point| ids.contains(point.id.as_str()));
            rows.push(Row { id, title, tally, own, wait, next });
        }
        if self.by == By::Owner {
            let first = |row: &Row<'_>| {
                plan.points.iter().position(|point| point.owner == row.id).unwrap_or(usize::MAX)
            };
            rows.sort_by_key(|row| {
                (std::cmp::Reverse((row.own.len(), row.tally.of(State::Blocked))), first(row))
            });
        }
        rows
    }

    /// How long it has been its owner's turn: since it ceased to be green, else all its time but the waiting.
    fn own_wait(&self, entry: &Entry<'_>) -> Option<(Duration, bool)> {
        let now = self.snapshot.options.now;
        if let Some(until) = entry.judgement.regressed {
            return Some((age(until, now), true));
        }
        let time = self.waits.iter().find(|time| time.point == entry.point.id);
        let open = time.filter(|time| time.stable.is_none()).and_then(TimeToGreen::own);
        open.or_else(|| entry.judgement.since.map(|since| age(since, now))).map(|own| (own, false))
    }
}

/// All datacenters; `since` says that changes were asked for.
pub fn text(statuses: &[Status<'_>], since: bool, style: Style, quiet: bool, verbose: u8) -> String {
    let mut out = String::new();
    for (index, status) in statuses.iter().enumerate() {
        if index > 0 && !quiet {
            out.push('\n');
        }
        out.push_str(&head(status, style));
        if quiet {
            continue;
        }
        let fresh = status.snapshot.freshness(status.takes());
        let sources = status.snapshot.sources(status.takes());
        out.extend(["  ", &style.dim(&freshness(fresh, &sources)), "\n\n"]);
        out.push_str(&table(status, style, verbose).render("  "));
        out.extend(["\n  ", &run::counts_line(&status.snapshot, status.takes(), style)]);
        if since {
            out.push_str(&changes(status, style));
        }
    }
    out
}

fn head(status: &Status<'_>, style: Style) -> String {
    let plan = status.snapshot.plan;
    let dot = style.dot();
    let verdict = run::verdict(&status.snapshot, status.takes(), status.exit, style);
    format!("{}  {}{dot}{}{dot}{verdict}", style.bold(&plan.dc), plan.title, run::stage(plan.stage))
}

/// `results 12 s to 1 m 50 s old from sensu-go, 1 point without a result`.
pub fn freshness(fresh: Freshness, sources: &BTreeSet<&str>) -> String {
    let from = words(sources);
    let ages = match (fresh.youngest, fresh.oldest) {
        (Some(youngest), Some(oldest)) if span(youngest) == span(oldest) => {
            format!("results {} old from {from}", span(oldest))
        }
        (Some(youngest), Some(oldest)) => {
            format!("results {} to {} old from {from}", span(youngest), span(oldest))
        }
        _ => return "no results yet".to_owned(),
    };
    match fresh.without {
        0 => ages,
        without => format!("{ages}, {} without a result", count(without, "point")),
    }
}

/// `sensu-go and local runs`: the engines, without their addresses.
fn words(sources: &BTreeSet<&str>) -> String {
    let kind = |source: &&str| match *source {
        LOCAL => "local runs".to_owned(),
        engine => engine.split_whitespace().next().unwrap_or(engine).to_owned(),
    };
    let mut kinds: Vec<String> = sources.iter().map(kind).collect();
    kinds.dedup();
    match kinds.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "nowhere".to_owned(),
    }
}

fn table(status: &Status<'_>, style: Style, verbose: u8) -> Table {
    let now = status.snapshot.options.now;
    let mut table = Table::default();
    let titles = [status.by.word(), "own", "blocked", "green", "longest own wait", "next date"];
    table.painted(titles.map(|title| (title.to_owned(), style.dim(title))));
    let plain = Style { color: false, ..style };
    for row in status.rows() {
        let settled = |style: Style| {
            let others =
                [State::Warning, State::Settling, State::Waived].map(|state| match row.tally.of(state) {
                    0 => String::new(),
                    more => format!(" +{more}{}", style.sign(state)),
                });
            format!("{}{}", row.tally.of(State::Green), others.concat())
        };
        let wait = row.wait.map_or(style.none().to_owned(), |(wait, regressed)| {
            format!("{}{}", span(wait), if regressed { " (regressed)" } else { "" })
        });
        let next = row.next.map_or((style.none().to_owned(), style.none().to_owned()), |(due, overdue)| {
            let late = overdue.map_or(String::new(), |days| format!("  {}", run::overdue(days)));
            (
                format!("{}{late}", day(due, now)),
                format!("{}{}", day(due, now), style.paint(State::Red, &late)),
            )
        });
        let silent: Vec<String> = row
            .own
            .iter()
            .filter(|root| matches!(root, Root::Vantage(_)) || verbose > 0)
            .map(|root| match root {
                Root::Vantage(id) => format!("{id} has never reported"),
                other => other.to_string(),
            })
            .collect();
        let cell = |text: String| (text.clone(), text);
        table.painted([
            cell(row.title.to_owned()),
            cell(row.own.len().to_string()),
            cell(row.tally.of(State::Blocked).to_string()),
            (settled(plain), settled(style)),
            cell(wait),
            next,
            cell(silent.join(", ")),
        ]);
    }
    table
}

fn changes(status: &Status<'_>, style: Style) -> String {
    if status.changes.is_empty() {
        return "  nothing has changed since then\n".to_owned();
    }
    let rows = history::text(&status.changes, &[], style, false);
    let lines: Vec<String> = rows.lines().map(|line| format!("  {line}\n")).collect();
    format!("\n  {}\n{}", style.bold("CHANGED"), lines.concat())
}

/// All datacenters as one document.
pub fn document(statuses: &[Status<'_>], exit: Exit, now: Timestamp) -> Value {
    json!({
        "mdd": env!("CARGO_PKG_VERSION"),
        "verdict": write::verdict(exit),
        "exit": exit.code(),
        "at": write::moment(now),
        "datacenters": statuses.iter().map(|status| Value::Object(datacenter(status))).collect::<Vec<_>>(),
    })
}

/// One datacenter: verdict, progress, counts by state, groups, rows, what to do next, every point.
pub fn datacenter(status: &Status<'_>) -> Map<String, Value> {
    let (snapshot, takes) = (&status.snapshot, status.takes());
    let mut object = write::head(snapshot, status.exit, status.provenance);
    let fresh = snapshot.freshness(takes);
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("progress", progress(&snapshot.tally(takes)));
    put("counts", write::counts(snapshot, takes));
    put(
        "results",
        json!({
            "youngest_s": fresh.youngest.map(write::seconds), "oldest_s": fresh.oldest.map(write::seconds),
            "points_without": fresh.without, "sources": snapshot.sources(takes),
        }),
    );
    put("milestones", milestones(snapshot.plan, status));
    put("groups", rows(&Status { by: By::Group, ..status.clone() }));
    put("by", status.by.word().into());
    put("rows", rows(status));
    put("do_next", snapshot.causes(takes).iter().map(write::cause).collect());
    put("changes", status.changes.iter().map(|change| change.json(&snapshot.plan.dc)).collect());
    let now = snapshot.options.now;
    let points = status.entries().map(|entry| {
        let mut point = write::entry(entry);
        if let Value::Object(point) = &mut point {
            point.insert("age_s".to_owned(), entry.oldest(now).map(write::seconds).into());
        }
        point
    });
    put("points", points.collect());
    object
}

fn progress(tally: &Tally) -> Value {
    let progress = tally.progress;
    json!({"required": progress.required, "proven": progress.proven, "waived": progress.waived})
}

/// Every milestone with what it needs: its own points and those of all before it.
fn milestones(plan: &Plan, status: &Status<'_>) -> Value {
    let milestones = plan.milestones.iter().map(|milestone| {
        let needed = plan.needed_for(&milestone.id).unwrap_or_default();
        let takes = |point: &Point| needed.contains(&point.id) && status.chosen.contains(&point.id);
        json!({
            "id": milestone.id,
            "title": milestone.title,
            "due": milestone.due.map(|due| due.to_string()),
            "progress": progress(&status.snapshot.tally(takes)),
        })
    });
    milestones.collect()
}

fn rows(status: &Status<'_>) -> Value {
    let rows = status.rows().into_iter().map(|row| {
        let counts: Map<String, Value> =
            row.tally.counts.iter().map(|(state, count)| (state.key().to_owned(), (*count).into())).collect();
        json!({
            "id": row.id,
            "title": row.title,
            "points": row.tally.points,
            "worst": row.tally.worst().map(State::key),
            "progress": progress(&row.tally),
            "counts": counts,
            "own": row.own.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "longest_own_wait_s": row.wait.map(|(wait, _)| write::seconds(wait)),
            "regressed": row.wait.is_some_and(|(_, regressed)| regressed),
            "next_date": row.next.map(|(due, _)| due.to_string()),
            "overdue_days": row.next.and_then(|(_, days)| days),
        })
    });
    rows.collect()
}

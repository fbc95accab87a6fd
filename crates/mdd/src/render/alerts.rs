//! Alerts as a plugin's output for the engine that routes them, as text, and as JSON.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;
use plugin::State as Status;
use serde_json::{Value, json};

use super::formats::nagios::{split_reason, summary, whole};
use super::json as write;
use super::run::{counts, overdue, stage};
use super::style::{Style, Table};
use super::words::{moment, span};
use crate::engine::alerts::{About, Alert, Why, concerns};
use crate::engine::snapshot::Snapshot;
use crate::engine::state::State;
use crate::exit::Exit;
use crate::plan::{Point, Severity, Stage};
use crate::select::{Selector, severity_word};

/// Longest further line of a plugin's output, in bytes.
const LINE: usize = 400;

/// What has to be told of one datacenter.
#[derive(Debug)]
pub struct Board<'s> {
    snapshot: &'s Snapshot<'s>,
    alerts: Vec<Alert<'s>>,
    /// Points that were asked for.
    about: BTreeSet<&'s str>,
    /// The selection as it was given; empty for everything.
    words: String,
}

impl<'s> Board<'s> {
    /// `words` is the selection as it was given.
    pub fn new(
        snapshot: &'s Snapshot<'s>,
        alerts: Vec<Alert<'s>>,
        select: &Selector,
        words: &[String],
    ) -> Self {
        let about = snapshot.entries.iter().filter(|entry| concerns(snapshot, entry, select));
        let about = about.map(|entry| entry.point.id.as_str()).collect();
        Board { snapshot, alerts, about, words: words.join(" ") }
    }

    fn takes(&self) -> impl Fn(&Point) -> bool + Copy {
        |point| self.about.contains(point.id.as_str())
    }

    fn dc(&self) -> &'s str {
        &self.snapshot.plan.dc
    }

    fn now(&self) -> Timestamp {
        self.snapshot.options.now
    }

    /// `ams1/dns-internal`; `ams1 owner:corenet` for a selection.
    fn name(&self, alert: &Alert<'_>) -> String {
        match alert.id() {
            Some(id) => format!("{}/{id}", self.dc()),
            None if self.words.is_empty() => self.dc().to_owned(),
            None => format!("{} {}", self.dc(), self.words),
        }
    }

    /// `9 of 26 proven`, with what else there is that nobody is paged for.
    fn standing(&self) -> String {
        let progress = self.snapshot.progress(self.takes());
        let waived =
            if progress.waived > 0 { format!(" (+{} waived)", progress.waived) } else { String::new() };
        format!("{} of {} proven{waived}", progress.proven, progress.required)
    }

    /// How a datacenter stands that has no alert.
    fn calm(&self) -> String {
        let dc = self.dc();
        let of = if self.words.is_empty() { String::new() } else { format!(" for {}", self.words) };
        match self.snapshot.plan.stage {
            Stage::Retired => format!("{dc} is retired: pages nobody"),
            stage @ (Stage::Planned | Stage::Building) => {
                format!("{dc} is {}: pages nobody; {}{of}", super::run::stage(stage), self.standing())
            }
            Stage::Live => {
                let open = counts(self.snapshot, self.takes()).into_iter().filter(|(state, count)| {
                    *count > 0 && !matches!(state, State::Green | State::Warning | State::Waived)
                });
                let open: Vec<String> =
                    open.map(|(state, count)| format!(", {count} {}", state.word())).collect();
                format!("{dc}: no alerts; {}{}{of}", self.standing(), open.concat())
            }
        }
    }

    /// What there is to know of an alert beside its text.
    fn notes(&self, alert: &Alert<'_>) -> Vec<String> {
        let mut notes = Vec::new();
        match &alert.why {
            Why::AfterGate(gate) => {
                let what =
                    gate.milestone.as_deref().map_or(String::new(), |milestone| format!(" {milestone}"));
                notes.push(format!("after the gate{what} was done, {}", moment(gate.at, self.now())));
            }
            Why::Behind(root) => notes.push(format!("{root} alerts nobody")),
            Why::RootCause | Why::Unknown => {}
        }
        if alert.holds > 0 && alert.id().is_some() {
            notes.push(format!("holds {}", alert.holds));
        }
        let About::Point(entry) = alert.about else { return notes };
        if let Some(until) = entry.judgement.regressed {
            notes.push(format!("regressed, green until {}", moment(until, self.now())));
        }
        notes.extend(entry.judgement.overdue.map(overdue));
        if !entry.point.required {
            notes.push("advisory".to_owned());
        }
        notes.extend(super::super::engine::snapshot::waiver_note(entry));
        notes
    }
}

/// Every alert with its board, the worst first.
fn ranked<'b, 's>(boards: &'b [Board<'s>]) -> Vec<(&'b Board<'s>, &'b Alert<'s>)> {
    let mut all: Vec<_> =
        boards.iter().flat_map(|board| board.alerts.iter().map(move |alert| (board, alert))).collect();
    all.sort_by_key(|(_, alert)| Reverse(alert.level));
    all
}

/// The worst level; OK without alerts.
pub fn status(boards: &[Board<'_>]) -> Status {
    ranked(boards).first().map_or(Status::Ok, |(_, alert)| alert.level)
}

/// The exit code for people and programs: what is wrong beats what is unknown.
pub fn exit(boards: &[Board<'_>]) -> Exit {
    match status(boards) {
        Status::Ok => Exit::Done,
        Status::Unknown => Exit::Unknown,
        Status::Warning | Status::Critical => Exit::NotDone,
    }
}

/// A plugin's output: the first cause by name on line 1, with performance data; every alert on a line of its own.
pub fn nagios(boards: &[Board<'_>], limit: Option<usize>) -> String {
    let all = ranked(boards);
    let first = match all.first() {
        Some((board, alert)) => {
            let (text, reason) = split_reason(&alert.text);
            let held = if alert.holds > 0 && alert.id().is_some() {
                format!(" holds {}", alert.holds)
            } else {
                String::new()
            };
            summary(alert.level, &format!("{}{held}: {text}", board.name(alert)), all.len() - 1, reason)
        }
        None => summary(Status::Ok, &calm(boards), 0, None),
    };
    let mut lines: Vec<String> = all.iter().map(|(board, alert)| line(board, alert)).collect();
    if boards.len() > 1 {
        lines.extend(boards.iter().filter(|board| board.alerts.is_empty()).map(Board::calm));
    }
    let lines: Vec<String> = lines.iter().map(|line| short(line, limit)).collect();
    whole(&first, &metrics(boards), &lines, limit)
}

fn short(line: &str, limit: Option<usize>) -> String {
    let line = plugin::text::clean(line);
    plugin::text::shorten(&line, if limit.is_some() { LINE } else { usize::MAX }).into_owned()
}

/// `CRITICAL ams1/dns-internal (critical, corenet): refused [refused]; holds 4; https://…`
fn line(board: &Board<'_>, alert: &Alert<'_>) -> String {
    let mut who: Vec<&str> = alert.severity().map(severity_word).into_iter().collect();
    who.extend(Some(alert.owner).filter(|owner| !owner.is_empty()));
    let who = if who.is_empty() { String::new() } else { format!(" ({})", who.join(", ")) };
    let mut parts = vec![format!("{} {}{who}: {}", alert.level.word(), board.name(alert), alert.text)];
    parts.extend(board.notes(alert));
    if let About::Point(entry) = alert.about {
        parts.extend(entry.point.runbook.clone());
    }
    parts.join("; ")
}

fn calm(boards: &[Board<'_>]) -> String {
    match boards {
        [one] => one.calm(),
        many => {
            let each = many.iter().map(|board| match board.snapshot.plan.stage {
                Stage::Retired => format!("{} retired", board.dc()),
                Stage::Live => format!("{} {}", board.dc(), board.standing()),
                other => format!("{} {} {}", board.dc(), stage(other), board.standing()),
            });
            format!("no alerts: {}", each.collect::<Vec<_>>().join(", "))
        }
    }
}

fn metrics(boards: &[Board<'_>]) -> Vec<String> {
    let all = ranked(boards);
    let level = |wanted| all.iter().filter(|(_, alert)| alert.level == wanted).count();
    let failing = || all.iter().filter(|(_, alert)| alert.level > Status::Unknown);
    let mut out = vec![
        format!("alerts={};;0;0;", level(Status::Critical)),
        format!("warnings={};0;;0;", level(Status::Warning)),
        format!("unknown={};;;0;", level(Status::Unknown)),
    ];
    for severity in [Severity::Critical, Severity::Major, Severity::Minor] {
        let count = failing().filter(|(_, alert)| alert.severity() == Some(severity)).count();
        out.push(format!("severity_{}={count};;;0;", severity_word(severity)));
    }
    let progress = boards.iter().map(|board| board.snapshot.progress(board.takes()));
    let (proven, required) =
        progress.fold((0, 0), |(proven, required), one| (proven + one.proven, required + one.required));
    out.push(format!("proven={proven};;;0;{required}"));
    let oldest = boards.iter().filter_map(|board| board.snapshot.freshness(board.takes()).oldest).max();
    out.extend(oldest.map(|oldest| format!("oldest_result={}s;;;0;", oldest.as_secs())));
    out
}

/// For people.
pub fn text(boards: &[Board<'_>], style: Style, quiet: bool) -> String {
    let mut table = Table::default();
    for (board, alert) in ranked(boards) {
        let state = match alert.level {
            Status::Critical => State::Red,
            Status::Warning => State::Warning,
            Status::Unknown | Status::Ok => State::Unknown,
        };
        let word = alert.level.word().to_owned();
        let cell = |text: String| (text.clone(), text);
        let mut last = vec![alert.text.clone()];
        last.extend(board.notes(alert));
        table.painted([
            (word.clone(), style.paint(state, &word)),
            cell(board.name(alert)),
            cell(alert.severity().map_or("", severity_word).to_owned()),
            cell(alert.owner.to_owned()),
            cell(last.join("; ")),
        ]);
    }
    let mut out = table.render("");
    if quiet {
        return out;
    }
    for board in boards {
        let fresh = board.snapshot.freshness(board.takes());
        let fresh = fresh.oldest.map_or(String::new(), |old| format!("; oldest result {}", span(old)));
        out.extend(match board.alerts.len() {
            0 => [board.calm(), fresh, "\n".into()],
            count => {
                let alerts = super::words::count(count, "alert");
                [format!("{}: {alerts}; {}", board.dc(), board.standing()), fresh, "\n".into()]
            }
        });
    }
    out
}

/// All datacenters as one document.
pub fn document(boards: &[Board<'_>], now: Timestamp) -> Value {
    let state = status(boards);
    json!({
        "mdd": env!("CARGO_PKG_VERSION"),
        "state": state.word(),
        "code": state.code(),
        "exit": exit(boards).code(),
        "at": write::moment(now),
        "datacenters": boards.iter().map(|board| {
            let progress = board.snapshot.progress(board.takes());
            json!({
                "dc": board.dc(),
                "stage": stage(board.snapshot.plan.stage),
                "progress": {
                    "required": progress.required, "proven": progress.proven, "waived": progress.waived,
                },
                "counts": write::counts(board.snapshot, board.takes()),
                "alerts": board.alerts.len(),
            })
        }).collect::<Vec<_>>(),
        "alerts": ranked(boards).into_iter().map(|(board, alert)| object(board, alert)).collect::<Vec<_>>(),
    })
}

fn object(board: &Board<'_>, alert: &Alert<'_>) -> Value {
    let (text, reason) = split_reason(&alert.text);
    let entry = match alert.about {
        About::Point(entry) => Some(entry),
        About::Vantage(_) | About::Selection => None,
    };
    let (why, gate, behind) = match &alert.why {
        Why::RootCause => ("root-cause", None, None),
        Why::AfterGate(gate) => ("after-gate", Some(gate), None),
        Why::Behind(root) => ("behind-what-alerts-nobody", None, Some(root.to_string())),
        Why::Unknown => ("unknown", None, None),
    };
    json!({
        "dc": board.dc(),
        "kind": match alert.about {
            About::Point(_) => "point", About::Vantage(_) => "vantage", About::Selection => "selection",
        },
        "id": alert.id(),
        "level": alert.level.word(),
        "severity": alert.severity().map(severity_word),
        "owner": Some(alert.owner).filter(|owner| !owner.is_empty()),
        "why": why,
        "gate": gate.map(|gate| json!({"milestone": gate.milestone, "at": write::moment(gate.at)})),
        "behind": behind,
        "text": text,
        "reason": reason,
        "holds": alert.holds,
        "state": entry.map(|entry| entry.judgement.state.key()),
        "since": entry.and_then(|entry| entry.judgement.since).map(write::moment),
        "green_until": entry.and_then(|entry| entry.judgement.regressed).map(write::moment),
        "overdue_days": entry.and_then(|entry| entry.judgement.overdue),
        "required": entry.map(|entry| entry.point.required),
        "title": entry.map(|entry| entry.point.title.as_str()),
        "need": entry.and_then(|entry| entry.point.need.as_deref()),
        "runbook": entry.and_then(|entry| entry.point.runbook.as_deref()),
    })
}

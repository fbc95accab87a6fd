//! The text and the record of `mdd gate`.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::json as write;
use super::run::{TEXT, notes, portion};
use super::style::{Style, Table};
use super::words::{clock, count, span, span_exact, time};
use crate::engine::facts::{Sources, age};
use crate::engine::snapshot::{Entry, Snapshot, waiver_note};
use crate::engine::state::{State, WaiverState};
use crate::exit::Exit;
use crate::history::provenance::Provenance;
use crate::plan::{Milestone, Point};

/// What was asked of the gate.
#[derive(Debug, Clone)]
pub struct Gate<'g> {
    /// The milestone; none for all points.
    pub milestone: Option<&'g Milestone>,
    /// Ids of the points that count.
    pub needed: &'g BTreeSet<String>,
    /// The verdict.
    pub exit: Exit,
    /// Where the manifest comes from.
    pub provenance: &'g Provenance,
    /// Where the results come from.
    pub state: &'g Path,
    /// Only the verdict.
    pub quiet: bool,
    /// More than 0 lists the proven points too.
    pub verbose: u8,
}

impl Gate<'_> {
    fn needs(&self) -> impl Fn(&Point) -> bool + Copy {
        |point| self.needed.contains(&point.id)
    }
}

/// The whole text, without the record's path.
pub fn text(snapshot: &Snapshot<'_>, gate: &Gate<'_>, style: Style) -> String {
    let now = snapshot.options.now;
    let entries: Vec<&Entry<'_>> =
        snapshot.entries.iter().filter(|entry| gate.needed.contains(&entry.point.id)).collect();
    let required: Vec<&Entry<'_>> = entries.iter().copied().filter(|entry| entry.point.required).collect();
    let (proven, others): (Vec<&Entry<'_>>, Vec<&Entry<'_>>) =
        required.iter().copied().partition(|entry| entry.judgement.done && entry.judgement.state.is_proven());
    let waived = others.iter().filter(|entry| entry.judgement.state == State::Waived).count();
    let title = gate.milestone.or(snapshot.plan.milestones.last()).map_or("", |milestone| &milestone.title);
    let (word, state) = match gate.exit {
        Exit::Done => ("DONE", State::Green),
        Exit::Unknown => ("UNKNOWN", State::Unknown),
        _ => ("NOT DONE", State::Red),
    };
    let mut out = format!(
        "{}  {}  {title}   {}   {} of {}, {}\n",
        style.bold("GATE"),
        snapshot.plan.dc,
        style.paint(state, word),
        proven.len(),
        required.len(),
        count(waived, "waiver"),
    );
    if gate.quiet {
        return out;
    }
    let listed = if gate.verbose > 0 { &required } else { &others };
    out.push_str(&point_rows(snapshot, listed, style));
    out.push_str(&proven_line(snapshot, &proven, gate.exit, style));
    let expired = entries.iter().filter(|entry| {
        matches!(entry.judgement.waiver, WaiverState::Expired(_) | WaiverState::NotNeeded)
            && (entry.judgement.done || !entry.point.required)
    });
    for entry in expired {
        if let Some(note) = waiver_note(entry) {
            let sign = style.sign(entry.judgement.state);
            out.extend(["  ", &sign, " ", &entry.point.id, ": ", &note, "\n"]);
        }
    }
    let advisory: Vec<String> = entries
        .iter()
        .filter(|entry| !entry.point.required)
        .map(|entry| format!("{} {}", entry.point.id, entry.judgement.state.word()))
        .collect();
    if !advisory.is_empty() {
        out.extend(["  advisory: ", &advisory.join(", "), "\n"]);
    }
    let dot = style.dot();
    out.push_str(&style.dim(&format!(
        "manifest {}{dot}source {}{dot}history {}{dot}mdd {}{dot}{}",
        gate.provenance.short(),
        source(snapshot, gate),
        gate.state.display(),
        env!("CARGO_PKG_VERSION"),
        time(now)
    )));
    out.push('\n');
    out
}

/// Where the results come from: `sensu-go https://sensu.iad2.example.net, local`.
fn source(snapshot: &Snapshot<'_>, gate: &Gate<'_>) -> String {
    let sources: Vec<&str> = snapshot.sources(gate.needs()).into_iter().collect();
    if sources.is_empty() { "none".to_owned() } else { sources.join(", ") }
}

/// One row per point.
fn point_rows(snapshot: &Snapshot<'_>, rows: &[&Entry<'_>], style: Style) -> String {
    let now = snapshot.options.now;
    let mut table = Table::default();
    for entry in rows {
        let state = entry.judgement.state;
        let owner = match (state, snapshot.plan.vantages.iter().find(|v| v.id == entry.point.vantage)) {
            (State::Unknown, Some(vantage)) => &vantage.owner,
            _ => &entry.point.owner,
        };
        let team = snapshot.plan.teams.get(owner).map_or(owner.as_str(), |team| &team.name);
        let mut notes = notes(entry, now);
        if let Some(left) = entry.ready_in {
            let ready = now.checked_add(left).map(clock).unwrap_or_default();
            notes.push(format!("ready {ready} if it stays"));
        }
        if let (State::Waived, Some(waiver)) = (state, &entry.point.waiver) {
            notes.push(format!("by {}", waiver.by));
        }
        let plain = |text: &str| (text.to_owned(), text.to_owned());
        table.painted([
            (format!("_ {}", entry.point.id), format!("{} {}", style.sign(state), entry.point.id)),
            (state.word().to_owned(), style.paint(state, state.word())),
            plain(&portion(entry)),
            plain(&super::words::cut(&entry.text, TEXT, style.ellipsis())),
            plain(team),
            plain(&notes.join(", ")),
        ]);
    }
    table.render("  ")
}

/// `✔ 2 others green for at least 15 m; oldest result 48 s`.
fn proven_line(snapshot: &Snapshot<'_>, proven: &[&Entry<'_>], exit: Exit, style: Style) -> String {
    if proven.is_empty() {
        return String::new();
    }
    let now = snapshot.options.now;
    let oldest: Option<Duration> = proven.iter().filter_map(|entry| entry.oldest(now)).max();
    let oldest = oldest.map_or(String::new(), |oldest| format!("; oldest result {} old", span(oldest)));
    let warning = proven.iter().filter(|entry| entry.judgement.state == State::Warning).count();
    let warning = if warning == 0 { String::new() } else { format!(", {warning} of them with warnings") };
    if let (Exit::Done, Some(since)) = (exit, proven.iter().filter_map(|entry| entry.judgement.since).max()) {
        let held = span(age(since, now));
        return format!("  green since {} ({held}){warning}{oldest}\n", time(since));
    }
    let stable = match snapshot.options.stable {
        Some(stable) => format!("for at least {}", span_exact(stable)),
        None => "for as long as each has to be".to_owned(),
    };
    let sign = style.sign(State::Green);
    format!("  {sign} {} green {stable}{warning}{oldest}\n", count(proven.len(), "point"))
}

/// The record: what "done" meant, for the repository.
pub fn record(snapshot: &Snapshot<'_>, gate: &Gate<'_>) -> Value {
    let options = &snapshot.options;
    let progress = snapshot.progress(gate.needs());
    let mut object: Map<String, Value> = write::head(snapshot, gate.exit, gate.provenance);
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put(
        "milestone",
        gate.milestone.map_or(Value::Null, |milestone| {
            json!({
                "id": milestone.id, "title": milestone.title, "due": milestone.due.map(|due| due.to_string()),
            })
        }),
    );
    put(
        "asked",
        json!({
            "stable_s": options.stable.map(write::seconds),
            "max_age_s": options.max_age.map(write::seconds),
            "strict": options.strict,
            "waivers": options.waivers,
            "source": match options.sources {
                Sources::Any => "any",
                Sources::Local => "local",
                Sources::Engine => "engine",
            },
        }),
    );
    put(
        "progress",
        json!({"required": progress.required, "proven": progress.proven, "waived": progress.waived}),
    );
    put("counts", write::counts(snapshot, gate.needs()));
    put("sources", snapshot.sources(gate.needs()).into_iter().collect());
    let waivers = snapshot.entries.iter().filter(|entry| {
        gate.needed.contains(&entry.point.id) && matches!(entry.judgement.waiver, WaiverState::InForce(_))
    });
    put(
        "waivers_in_force",
        waivers
            .filter_map(|entry| {
                let waiver = entry.point.waiver.as_ref()?;
                Some(json!({
                    "point": entry.point.id, "until": waiver.until.to_string(), "reason": waiver.reason,
                    "by": waiver.by, "ticket": waiver.ticket,
                }))
            })
            .collect(),
    );
    put("points", write::entries(snapshot, gate.needs()));
    Value::Object(object)
}

//! JSON of a datacenter: for `--format json`, for gate records, and for the history's copy of the plan.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::engine::snapshot::{Cause, Entry, Root, Snapshot};
use crate::engine::state::WaiverState;
use crate::exit::Exit;
use crate::history::provenance::Provenance;
use crate::plan::{Plan, Point};
use crate::select::severity_word;

/// A moment: RFC 3339, UTC, whole seconds at least.
pub fn moment(at: Timestamp) -> Value {
    Value::from(at.to_string())
}

fn maybe(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, moment)
}

/// `done`, `not done` or `unknown`.
pub fn verdict(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "done",
        Exit::Unknown => "unknown",
        _ => "not done",
    }
}

/// What a plan says, as the history keeps it.
pub fn plan(plan: &Plan) -> Value {
    json!({
        "platform": plan.platform.id,
        "dc": plan.dc,
        "title": plan.title,
        "milestones": plan.milestones.iter().map(|milestone| json!({
            "id": milestone.id, "title": milestone.title, "due": milestone.due.map(|due| due.to_string()),
        })).collect::<Vec<_>>(),
        "vantages": plan.vantages.iter().map(|vantage| json!({
            "id": vantage.id, "owner": vantage.owner, "due": vantage.due.map(|due| due.to_string()),
        })).collect::<Vec<_>>(),
        "points": plan.points.iter().map(|point| {
            let mut object = about(point);
            object.insert("instances".into(), point.instances.iter().map(|instance| json!({
                "key": instance.key, "argv": instance.argv, "argv_hash": instance.hash,
            })).collect());
            Value::Object(object)
        }).collect::<Vec<_>>(),
    })
}

fn about(point: &Point) -> Map<String, Value> {
    let object = json!({
        "id": point.id,
        "title": point.title,
        "group": point.group,
        "owner": point.owner,
        "milestone": point.milestone,
        "due": point.due.map(|due| due.to_string()),
        "required": point.required,
        "severity": severity_word(point.severity),
        "vantage": point.vantage,
    });
    match object {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// One point with its state.
pub fn entry(entry: &Entry<'_>) -> Value {
    let judgement = &entry.judgement;
    let mut object = about(entry.point);
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("state", judgement.state.key().into());
    put("rule", judgement.rule.name().into());
    put("done", judgement.done.into());
    put("text", entry.text.clone().into());
    put("since", maybe(judgement.since));
    put("overdue_days", judgement.overdue.into());
    put("green_until", maybe(judgement.regressed));
    put("never_red", judgement.never_red.into());
    put("waits_for", entry.roots.iter().map(ToString::to_string).collect());
    put("despite", entry.despite.as_ref().map(ToString::to_string).into());
    put("passing", entry.rolled.passing.into());
    put("waiver", waiver(entry));
    put("instances", instances(entry));
    Value::Object(object)
}

fn instances(entry: &Entry<'_>) -> Value {
    let declared = entry.point.instances.iter();
    let instances = entry.instances.iter().zip(declared).map(|(one, declared)| {
        let seen = one.newest.as_ref();
        json!({
            "key": one.key,
            "argv": declared.argv,
            "argv_hash": declared.hash,
            "status": seen.map(|seen| seen.reading.verdict.word()),
            "usable": one.since.is_some(),
            "text": one.text,
            "output": seen.map(|seen| seen.reading.output.as_str()),
            "perf": seen.map(|seen| seen.reading.perf.as_str()),
            "took_ms": seen.map(|seen| millis(seen.reading.took)),
            "executed_at": maybe(seen.map(|seen| seen.reading.at)),
            "since": maybe(one.since),
            "vantage": seen.map(|seen| seen.vantage.as_str()),
            "source": seen.map(|seen| seen.source.as_str()),
            "silenced": seen.and_then(|seen| seen.silenced.as_deref()),
            "result_argv_hash": seen.map(|seen| seen.hash.as_str()),
        })
    });
    instances.collect()
}

/// A point's waiver and what it means now; null when it has none.
fn waiver(entry: &Entry<'_>) -> Value {
    let Some(waiver) = &entry.point.waiver else { return Value::Null };
    let state = match entry.judgement.waiver {
        WaiverState::Absent => "not accepted",
        WaiverState::InForce(_) => "in force",
        WaiverState::Expired(_) => "expired",
        WaiverState::NotNeeded => "no longer needed",
    };
    json!({
        "until": waiver.until.to_string(), "reason": waiver.reason, "by": waiver.by, "ticket": waiver.ticket,
        "state": state,
    })
}

/// One line of "do next".
pub fn cause(cause: &Cause) -> Value {
    let kind = match cause.root {
        Root::Point(_) => "point",
        Root::Vantage(_) => "vantage",
        Root::Elsewhere(..) => "elsewhere",
    };
    json!({
        "kind": kind,
        "id": cause.root.to_string(),
        "owner": cause.owner,
        "holds": cause.holds,
        "state": cause.state.map(crate::engine::State::key),
        "overdue_days": cause.overdue,
        "green_until": maybe(cause.regressed),
        "due": cause.due.map(|due| due.to_string()),
        "text": cause.text,
    })
}

/// Where the plan comes from.
pub fn provenance(provenance: &Provenance) -> Value {
    json!({"hash": provenance.hash, "git": provenance.git, "dirty": provenance.dirty})
}

/// The part that every document about a datacenter begins with.
pub fn head(snapshot: &Snapshot<'_>, exit: Exit, from: &Provenance) -> Map<String, Value> {
    let plan = snapshot.plan;
    let object = json!({
        "mdd": env!("CARGO_PKG_VERSION"),
        "verdict": verdict(exit),
        "exit": exit.code(),
        "platform": plan.platform.id,
        "dc": plan.dc,
        "title": plan.title,
        "stage": super::run::stage(plan.stage),
        "at": moment(snapshot.options.now),
        "manifest": provenance(from),
    });
    match object {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// Entries of the chosen points, in the plan's order.
pub fn entries(snapshot: &Snapshot<'_>, chosen: impl Fn(&Point) -> bool) -> Value {
    snapshot.entries.iter().filter(|one| chosen(one.point)).map(entry).collect()
}

/// Counts of the chosen points by state, zeros included.
pub fn counts(snapshot: &Snapshot<'_>, chosen: impl Fn(&Point) -> bool) -> Value {
    let counts = super::run::counts(snapshot, chosen);
    Value::Object(counts.into_iter().map(|(state, count)| (state.key().to_owned(), count.into())).collect())
}

/// A document as text, indented, with a line end.
pub fn document(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A time span in milliseconds, to the microsecond.
pub fn millis(time: std::time::Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

/// A time span in seconds.
pub fn seconds(time: std::time::Duration) -> Value {
    Value::from(time.as_secs_f64())
}

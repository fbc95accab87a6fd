//! Prometheus' text format, for node_exporter's textfile collector.
//!
//! Exposition format 0.0.4: `HELP` and `TYPE` once per family, no timestamps on samples.

use jiff::Timestamp;

use super::Sheet;
use crate::engine::alerts::Alert;
use crate::engine::snapshot::FailOn;
use crate::engine::{Rule, State, Status};
use crate::exit::Exit;

/// The families, each with its samples.
pub fn text(sheet: &Sheet<'_, '_>) -> String {
    families(sheet, Vec::new())
}

/// The same of a whole datacenter, with what its alert rules need besides: what has regressed, who is to be told, which
/// vantage points have reported. `alerts` are those of everybody.
pub fn textfile(sheet: &Sheet<'_, '_>, alerts: &[Alert<'_>]) -> String {
    let dc = sheet.snapshot.plan.dc.as_str();
    let of = |id: &str, value: u8| (labels(&[("dc", dc), ("point", id)]), value.to_string());
    let regressed = sheet
        .entries()
        .map(|entry| of(&entry.point.id, entry.judgement.regressed.is_some().into()))
        .collect();
    let loud = |id: &str| {
        let level = alerts.iter().filter(|alert| alert.id() == Some(id)).map(|alert| alert.level).max();
        match level {
            Some(Status::Critical) => 2,
            Some(Status::Warning) => 1,
            // What is not known has no results: other rules tell of it.
            Some(Status::Unknown | Status::Ok) | None => 0,
        }
    };
    let alert = sheet.entries().map(|entry| of(&entry.point.id, loud(&entry.point.id))).collect();
    let vantages = sheet.snapshot.plan.vantages.iter().filter_map(|vantage| {
        let mut points = sheet.entries().filter(|entry| entry.point.vantage == vantage.id).peekable();
        points.peek()?;
        let silent = points.any(|entry| entry.judgement.rule == Rule::SilentVantage);
        Some((labels(&[("dc", dc), ("vantage", &vantage.id)]), u8::from(!silent).to_string()))
    });
    let more = vec![
        ("mdd_point_regressed", "Whether it fails and was green before: 1 or 0.", regressed),
        (
            "mdd_point_alert",
            "How loud its failure is: 0 nobody is told, 1 a ticket, 2 somebody is paged.",
            alert,
        ),
        ("mdd_vantage_reported", "Whether a vantage point has ever reported: 1 or 0.", vantages.collect()),
    ];
    families(sheet, more)
}

/// Labels and value.
type Sample = (String, String);

fn families(sheet: &Sheet<'_, '_>, more: Vec<(&str, &str, Vec<Sample>)>) -> String {
    let dc = sheet.snapshot.plan.dc.as_str();
    let mut out = String::new();
    let mut family = |name: &str, help: &str, samples: Vec<Sample>| {
        if samples.is_empty() {
            return;
        }
        out.extend(["# HELP ", name, " ", help, "\n# TYPE ", name, " gauge\n"]);
        for (labels, value) in samples {
            out.extend([name, "{", &labels, "} ", &value, "\n"]);
        }
    };
    let states = sheet.entries().flat_map(|entry| {
        let point = entry.point;
        State::ALL.into_iter().map(move |state| {
            let all = [
                ("dc", dc),
                ("point", &point.id),
                ("group", &point.group),
                ("owner", &point.owner),
                ("milestone", point.milestone.as_deref().unwrap_or("")),
                ("state", state.key()),
            ];
            (labels(&all), u8::from(entry.judgement.state == state).to_string())
        })
    });
    family(
        "mdd_point_state",
        "Whether an integration point is in the state of the label: 1 for the one that it is in, else 0.",
        states.collect(),
    );
    let since = sheet.entries().filter_map(|entry| Some((&entry.point.id, entry.judgement.since?)));
    family(
        "mdd_point_since_timestamp_seconds",
        "When the results that decide its state began.",
        since.map(|(id, at)| (labels(&[("dc", dc), ("point", id)]), seconds(at))).collect(),
    );
    // Of several instances the one that is oldest; none while one has no result at all.
    let last = sheet.entries().filter_map(|entry| {
        let newest = entry.instances.iter().map(|one| one.newest.as_ref().map(|seen| seen.reading.at));
        Some((&entry.point.id, newest.collect::<Option<Vec<_>>>()?.into_iter().min()?))
    });
    family(
        "mdd_point_last_result_timestamp_seconds",
        "When its newest result was made.",
        last.map(|(id, at)| (labels(&[("dc", dc), ("point", id)]), seconds(at))).collect(),
    );
    // A milestone of which only a part is shown cannot be told to be done.
    let gates = sheet.snapshot.plan.milestones.iter().filter_map(|milestone| {
        let needed = sheet.snapshot.plan.needed_for(&milestone.id)?;
        if needed.is_empty() || !needed.is_subset(sheet.shown) {
            return None;
        }
        let exit = sheet.snapshot.exit(FailOn::NotDone, |point| needed.contains(&point.id));
        let done = u8::from(exit == Exit::Done);
        Some((labels(&[("dc", dc), ("milestone", &milestone.id)]), done.to_string()))
    });
    family(
        "mdd_gate_done",
        "Whether all that a milestone and those before it need is done: 1 or 0.",
        gates.collect(),
    );
    for (name, help, samples) in more {
        family(name, help, samples);
    }
    out
}

fn labels(all: &[(&str, &str)]) -> String {
    let one = |(name, value): &(&str, &str)| {
        let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        format!("{name}=\"{value}\"")
    };
    all.iter().map(one).collect::<Vec<_>>().join(",")
}

/// Seconds since 1970, to the millisecond.
fn seconds(at: Timestamp) -> String {
    let millis = at.as_millisecond().max(0);
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped_and_times_are_plain_decimals() {
        assert_eq!(labels(&[("a", "b\"c\\d\ne"), ("f", "")]), r#"a="b\"c\\d\ne",f="""#);
        assert_eq!(seconds(Timestamp::from_millisecond(1_764_000_000_005).unwrap()), "1764000000.005");
        assert_eq!(seconds(Timestamp::from_millisecond(-1).unwrap()), "0.000");
    }
}

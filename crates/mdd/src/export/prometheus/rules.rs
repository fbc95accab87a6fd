//! Alert rules of one datacenter: what has regressed, what is overdue, what is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::item::severity_word;
use super::super::{Alerts, Request};
use crate::manifest::resolve::hex;
use crate::plan::{Plan, Point, Severity, Stage};

/// A textfile is old when it has missed three of the shortest interval, and at least so many seconds.
const OLD_FILE: u64 = 300;

/// How long silence has to last: results take their time from the engine to the history, to the file, to Prometheus,
/// and each of them may be restarted.
const LAG: Duration = Duration::from_mins(1);

/// One alert rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `MddPointRegressed`.
    pub name: &'static str,
    /// What it is about: a point, a vantage point, nothing for the datacenter. Not part of the rule.
    pub about: String,
    /// PromQL.
    pub expr: String,
    /// How long it has to be so.
    pub hold: Duration,
    /// Go templates, sorted.
    pub labels: BTreeMap<&'static str, String>,
    /// Go templates, sorted.
    pub annotations: BTreeMap<&'static str, String>,
}

impl Rule {
    /// Its name in the list of what an export holds: `iad2/MddPointRegressed/id-ldap/critical`.
    pub fn id(&self, dc: &str) -> String {
        let severity = self.labels.get("severity").map_or("", String::as_str);
        let parts = [dc, self.name, &self.about, severity];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }

    /// Its YAML, as a member of the list of rules.
    pub fn write(&self, out: &mut String) {
        out.extend(["      - alert: ", self.name, "\n        expr: ", &quoted(&self.expr), "\n"]);
        if !self.hold.is_zero() {
            out.extend(["        for: ".to_owned(), self.hold.as_secs().to_string(), "s\n".to_owned()]);
        }
        for (title, map) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            out.extend(["        ", title, ":\n"]);
            for (key, value) in map {
                out.extend(["          ", key, ": ", &quoted(&template(value)), "\n"]);
            }
        }
    }
}

/// Every rule: points in the plan's order, then vantage points, then the textfile itself.
pub fn rules(request: &Request<'_>) -> Vec<Rule> {
    let plan = request.plan;
    let points = plan.points.iter().filter(|point| point.missing.is_empty());
    let mut rules: Vec<Rule> = points.flat_map(|point| of_point(request, point)).collect();
    let used: BTreeSet<&str> = plan
        .points
        .iter()
        .filter(|point| point.missing.is_empty())
        .map(|point| point.vantage.as_str())
        .collect();
    let vantages = plan.vantages.iter().filter(|vantage| used.contains(vantage.id.as_str()));
    rules.extend(vantages.map(|vantage| {
        let text = format!("{}/{} has never reported", plan.dc, vantage.id);
        let select = format!("{{dc=\"{}\",vantage=\"{}\"}}", plan.dc, vantage.id);
        let expr = format!("mdd_vantage_reported{select} == 0");
        let labels = [("vantage", vantage.id.clone())];
        made(plan, "MddVantageSilent", &vantage.id, expr, (blind(plan), &vantage.owner), labels, text)
    }));
    rules.extend(of_textfile(plan));
    rules.iter_mut().for_each(sign);
    rules
}

/// A rule's own content, so that one edited point changes its rules and no others.
fn sign(rule: &mut Rule) {
    let value = json!([rule.name, rule.expr, rule.hold.as_secs(), rule.labels, rule.annotations]);
    let mut hash = hex(&Sha256::digest(value.to_string()));
    hash.truncate(16);
    rule.annotations.insert("mdd_hash", hash);
}

fn of_point(request: &Request<'_>, point: &Point) -> Vec<Rule> {
    let plan = request.plan;
    let select = format!("{{dc=\"{}\",point=\"{}\"}}", plan.dc, point.id);
    let red = |states: &str| {
        let which = if states.contains('|') { "=~" } else { "=" };
        format!("mdd_point_state{{dc=\"{}\",point=\"{}\",state{which}\"{states}\"}} == 1", plan.dc, point.id)
    };
    let regressed = |yes: u8| format!("mdd_point_regressed{select} == {yes}");
    let loud = format!("mdd_point_alert{select} > 0");
    let quiet = format!("mdd_point_alert{select} == 0");
    let on = "and on (dc, point)";
    let own = if point.required { severity_word(point.severity) } else { severity_word(Severity::Minor) };
    let rule = |name, expr, (severity, owner), words| {
        let text = format!("{}/{} {words}", plan.dc, point.id);
        let labels = [("point", point.id.clone()), ("group", point.group.clone())];
        let mut rule = made(plan, name, &point.id, expr, (severity, owner), labels, text);
        let said = [
            ("title", Some(&point.title)),
            ("why", Some(&point.why)),
            ("need", point.need.as_ref()),
            ("runbook", point.runbook.as_ref()),
        ];
        for (key, value) in said {
            rule.annotations.extend(value.map(|value| (key, value.clone())));
        }
        rule
    };
    let owner = point.owner.as_str();
    let (broke, late) = ("worked before and fails now", "has never worked, and its date has passed");
    let mut rules = match (request.alerts, plan.stage) {
        (Alerts::Points, _) => {
            // Every failing point by itself, whatever it waits for.
            let broken = format!("{} {on} {}", regressed(1), red("red|blocked"));
            vec![
                rule("MddPointRegressed", broken, (own, owner), broke),
                rule("MddPointOverdue", format!("{} {on} {}", regressed(0), red("red")), (own, owner), late),
            ]
        }
        (Alerts::Owners, Stage::Live) => vec![
            rule("MddPointRegressed", format!("{} {on} {loud}", regressed(1)), (own, owner), broke),
            rule("MddPointOverdue", format!("{} {on} {loud}", regressed(0)), (own, owner), late),
        ],
        // Only what a gate has passed is loud; all else is for a list.
        (Alerts::Owners, _) => vec![
            rule("MddPointRegressed", format!("{} {on} {loud}", regressed(1)), (own, owner), broke),
            rule(
                "MddPointRegressed",
                format!("{} {on} {} {on} {quiet}", regressed(1), red("red")),
                ("info", owner),
                broke,
            ),
            rule("MddPointOverdue", format!("{} {on} {}", regressed(0), red("red")), ("info", owner), late),
        ],
    };
    let old =
        format!("time() - mdd_point_last_result_timestamp_seconds{select} > {}", point.ttl.as_secs_f64());
    let unknown = red("unknown");
    let runs = plan.vantages.iter().find(|vantage| vantage.id == point.vantage);
    let mut stale = rule(
        "MddPointStale",
        // One alert, whichever of the two it is.
        format!("max by (dc, point) ({old} or on (dc, point) {unknown})"),
        // What nobody can tell is the blind spot of whoever runs the vantage point.
        (blind(plan), runs.map_or(owner, |vantage| vantage.owner.as_str())),
        "has no fresh result",
    );
    stale.hold = LAG;
    rules.push(stale);
    rules
}

/// Severity of what nobody can tell.
fn blind(plan: &Plan) -> &'static str {
    if plan.stage == Stage::Live { "unknown" } else { "info" }
}

/// The file that all of this comes from is old, or is not there.
fn of_textfile(plan: &Plan) -> Option<Rule> {
    let shortest = plan.points.iter().map(|point| point.interval.as_secs()).min()?;
    let old = OLD_FILE.max(shortest.saturating_mul(3));
    let dc = &plan.dc;
    // In the export's own folder, or linked into one that other files share.
    let file = format!(".*/({dc}/mdd|mdd-{dc})[.]prom");
    let age = format!("time() - node_textfile_mtime_seconds{{file=~\"{file}\"}} > {old}");
    let expr = format!("{age} or absent(mdd_point_state{{dc=\"{dc}\"}})");
    let history = plan.vantages.iter().find(|vantage| vantage.id == plan.engines.history);
    let owner = history.or(plan.vantages.first()).map_or("", |vantage| vantage.owner.as_str());
    let text = format!("{dc}: nothing is heard of it; is mdd pull, or mdd export prometheus, running?");
    let mut rule = made(plan, "MddResultsStale", "", expr, (blind(plan), owner), [], text);
    rule.hold = LAG;
    Some(rule)
}

fn made<const N: usize>(
    plan: &Plan,
    name: &'static str,
    about: &str,
    expr: String,
    (severity, owner): (&str, &str),
    more: [(&'static str, String); N],
    summary: String,
) -> Rule {
    let mut labels = BTreeMap::from([
        ("dc", plan.dc.clone()),
        ("platform", plan.platform.id.clone()),
        ("severity", severity.to_owned()),
    ]);
    labels.extend(more);
    if !owner.is_empty() {
        labels.insert("owner", owner.to_owned());
    }
    let annotations = BTreeMap::from([("summary", summary)]);
    Rule { name, about: about.to_owned(), expr, hold: Duration::ZERO, labels, annotations }
}

/// Text that a Go template prints as it is.
fn template(text: &str) -> String {
    text.replace("{{", r#"{{"{{"}}"#)
}

/// A double-quoted scalar of YAML: JSON's, with what YAML calls unprintable escaped too.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                out.extend([format!("\\u{:04X}", u32::from(c))]);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_and_templates_say_what_the_manifest_says() {
        assert_eq!(quoted("a \"b\" \\ c\n\u{7f}é😀"), "\"a \\\"b\\\" \\\\ c\\n\\u007Fé😀\"");
        assert_eq!(template("use {{ .x }} and {{{"), r#"use {{"{{"}} .x }} and {{"{{"}}{"#);
    }
}

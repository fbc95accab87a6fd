//! Sensu Classic: JSON for conf.d, and a script for waivers, because silences have no file there.
//!
//! Sensu 1.9 and its sensu-settings. Every file below conf.d is merged by key, and a check that two files name becomes a
//! mixture of both, without a word: so every name carries its datacenter. `:::` is a token in every string and has no escape.
//! A check without a handler is given the handler `default`, so points say `handle: false`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::encode::sensu_classic::{command, text};
use super::sensu::{self, Times};
use super::sensu_go::end;
use super::{Alerts, Draft, Item, Object, Refusal, Request, Rollup, Style};
use crate::plan::{Dependency, Plan, Point, Stage, Waiver};
use crate::quote;

/// Where its API listens unless somebody has changed it.
const API: &str = "http://localhost:4567";
/// Checks.
const CHECKS: &str = "checks.json";
/// Waivers.
const SILENCES: &str = "silenced.sh";
/// Kind of a check in INDEX; its name is `CLIENT/CHECK`.
const CHECK: &str = "check";
/// Kind of a silence in INDEX; its name is its id, `*:CHECK`.
const SILENCE: &str = "silence";

/// The files of one datacenter.
pub fn draft(request: &Request<'_>) -> Draft {
    let plan = request.plan;
    let unhandled = plan
        .engines
        .sensu_classic
        .handlers
        .is_empty()
        .then_some("`default` takes them (handlers of sensu-classic)");
    let mut draft =
        Draft { notices: sensu::notices(request, "Sensu Classic", unhandled), ..Draft::default() };
    if plan.stage == Stage::Retired || draft.accept("engines", names(plan)).is_none() {
        return draft;
    }
    let items = request.items();
    let mut checks = BTreeMap::<String, Value>::new();
    let mut silences = Vec::new();
    for item in &items {
        let who = &item.point.id;
        if let Some(made) = draft.accept(who, check(request, item, &items)) {
            checks.insert(name(plan, &item.name), made);
        }
        if request.silences
            && let Some(waiver) = &item.point.waiver
        {
            silences.extend(draft.accept(who, silence(item, waiver)));
        }
    }
    for rollup in request.rollups() {
        if let Some(made) = draft.accept(&rollup.name, check_of(plan, &rollup)) {
            checks.insert(name(plan, &rollup.name), made);
        }
    }
    draft.notices.extend(elsewhere(plan));
    for check in checks.keys() {
        draft.holds(CHECK, format!("{}/{check}", plan.dc));
    }
    if !checks.is_empty() {
        // Values of a map that is made of texts and numbers are always JSON.
        draft.files.insert(CHECKS.to_owned(), format!("{:#}\n", json!({ "checks": checks })));
        draft.apply.push(format!("cp {{}}/{CHECKS} /etc/sensu/conf.d/mdd-{}.json", plan.dc));
        draft.apply.push("systemctl restart sensu-server sensu-api".to_owned());
    }
    if !silences.is_empty() {
        for item in items.iter().filter(|item| item.point.waiver.is_some()) {
            draft.holds(SILENCE, format!("*:{}", name(plan, &item.name)));
        }
        draft.files.insert(SILENCES.to_owned(), script(&silences));
        draft.apply.push(format!("sh {{}}/{SILENCES}"));
    }
    draft
}

/// The one line of a check.
///
/// # Errors
/// It cannot be given.
pub fn line(item: &Item<'_>, style: Style) -> Result<String, Refusal> {
    let own = item.command(style, Some(&item.plan.engines.sensu_classic.plugin_dir));
    command(&own.prefix, &own.env, &own.argv)
}

/// The commands that delete what is left of an object, once its file has gone from conf.d.
pub fn delete(_dc: &str, object: &Object) -> Vec<String> {
    let curl = |words: &[&str]| {
        let all: Vec<String> = ["curl", "-s"].iter().chain(words).map(|&word| word.to_owned()).collect();
        quote::line(&BTreeMap::new(), &all).ok()
    };
    let commands = match object.kind.as_str() {
        CHECK => ["results", "events"]
            .map(|of| curl(&["-X", "DELETE", &format!("{API}/{of}/{}", object.name)]))
            .to_vec(),
        SILENCE => vec![curl(&[
            "-X",
            "POST",
            "-H",
            "Content-Type: application/json",
            "-d",
            &json!({ "id": object.name }).to_string(),
            &format!("{API}/silenced/clear"),
        ])],
        _ => Vec::new(),
    };
    commands.into_iter().flatten().collect()
}

/// A check's name: unique among all files that a server reads.
fn name(plan: &Plan, name: &str) -> String {
    format!("{}_{name}", plan.dc)
}

fn names(plan: &Plan) -> Result<(), Refusal> {
    let handlers = &plan.engines.sensu_classic.handlers;
    handlers.iter().try_for_each(|handler| sensu::name("handler", handler).map(drop))
}

/// One instance of a point.
fn check(request: &Request<'_>, item: &Item<'_>, items: &[Item<'_>]) -> Result<Value, Refusal> {
    let (plan, point) = (item.plan, item.point);
    let line = line(item, request.style)?;
    let mut fields =
        scheduled(plan, &line, sensu::name("subscription", &point.vantage)?, Times::of_point(point)?);
    match request.alerts {
        Alerts::Owners => {
            fields.insert("handle", json!(false));
        }
        Alerts::Points => handled(plan, &mut fields),
    }
    let dependencies = dependencies(point, items);
    if !dependencies.is_empty() {
        fields.insert("dependencies", json!(dependencies));
    }
    if !point.runbook_command.is_empty() {
        fields.insert("hooks", hooks(plan, point)?);
    }
    for (key, value) in item.labels().into_iter().chain(words(point)) {
        fields.insert(key, json!(token_free(key, &value)?));
    }
    fields.insert("contacts", json!([token_free("contacts", &point.owner)?]));
    Ok(json!(fields))
}

/// What may page somebody, for one owner.
fn check_of(plan: &Plan, rollup: &Rollup) -> Result<Value, Refusal> {
    let own = &rollup.command;
    let line = command(&own.prefix, &own.env, &own.argv)?;
    let times = Times::of_rollup(rollup)?;
    let mut fields = scheduled(plan, &line, sensu::name("subscription", &rollup.vantage)?, times);
    handled(plan, &mut fields);
    let team = plan.teams.get(&rollup.owner).map_or(&rollup.owner, |team| &team.name);
    for (key, value) in [
        ("mdd_dc", plan.dc.clone()),
        ("mdd_hash", rollup.hash.clone()),
        ("mdd_owner", rollup.owner.clone()),
        ("mdd_platform", plan.platform.id.clone()),
        ("mdd_rollup", rollup.owner.clone()),
        ("mdd_title", format!("{}: what {team} has to look at", plan.title)),
        ("mdd_vantage", rollup.vantage.clone()),
    ] {
        fields.insert(key, json!(token_free(key, &value)?));
    }
    fields.insert("contacts", json!([rollup.owner]));
    Ok(json!(fields))
}

/// What every check has. One client of the subscription runs it at a time, and the result is filed under the datacenter.
fn scheduled(plan: &Plan, command: &str, vantage: &str, times: Times) -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("command", json!(command)),
        // A check of type metric keeps 255 characters of its output, and makes an event of every OK.
        ("type", json!("standard")),
        ("standalone", json!(false)),
        ("subscribers", json!([format!("roundrobin:{vantage}")])),
        ("source", json!(plan.dc)),
        ("interval", json!(times.interval)),
        ("timeout", json!(times.timeout)),
        ("ttl", json!(times.ttl)),
    ])
}

fn handled(plan: &Plan, fields: &mut BTreeMap<&'static str, Value>) {
    let handlers = &plan.engines.sensu_classic.handlers;
    if !handlers.is_empty() {
        fields.insert("handlers", json!(handlers));
    }
}

/// `CLIENT/CHECK` for every instance that a point waits for; only the filter `check_dependencies` looks at it. How many
/// instances a point of another datacenter has is not known here.
fn dependencies(point: &Point, items: &[Item<'_>]) -> Vec<String> {
    let waits = |item: &&Item<'_>| {
        item.point.id != point.id
            && point.depends_on.iter().any(|dependency| match dependency {
                Dependency::Point(id) => item.point.id == *id,
                Dependency::Group(id) => item.point.group == *id,
                Dependency::Elsewhere(..) => false,
            })
    };
    items
        .iter()
        .filter(waits)
        .map(|item| format!("{}/{}", item.plan.dc, name(item.plan, &item.name)))
        .collect()
}

/// Notices about what [`dependencies`] leaves out.
fn elsewhere(plan: &Plan) -> Vec<String> {
    let out = |point: &Point| {
        let far = point.depends_on.iter().filter_map(|dependency| match dependency {
            Dependency::Elsewhere(dc, id) => Some(format!("{dc}/{id}")),
            Dependency::Point(_) | Dependency::Group(_) => None,
        });
        let far: Vec<String> = far.collect();
        (!far.is_empty()).then(|| {
            format!(
                "{}: waits for {}, which dependencies leave out: mdd_depends_on names it",
                point.id,
                far.join(", ")
            )
        })
    };
    plan.points.iter().filter_map(out).collect()
}

/// What is run on the client when the check fails.
fn hooks(plan: &Plan, point: &Point) -> Result<Value, Refusal> {
    let prefix = format!("{}/", plan.engines.sensu_classic.plugin_dir);
    let line = command(&prefix, &BTreeMap::new(), &point.runbook_command).map_err(|why| Refusal {
        what: format!("runbook_command: {}", why.what),
        // `mdd exec` runs checks only.
        way_out: "another runbook_command",
    })?;
    Ok(json!({ "non-zero": { "command": line, "timeout": Times::of_point(point)?.timeout } }))
}

/// For people, and for filters.
fn words(point: &Point) -> Vec<(&'static str, String)> {
    let all = [
        ("mdd_title", Some(point.title.clone())),
        ("mdd_why", Some(point.why.clone())),
        ("mdd_need", point.need.clone()),
        ("runbook", point.runbook.clone()),
        ("mdd_links", Some(point.links.join(" "))),
        ("mdd_depends_on", Some(sensu::depends_on(point).join(", "))),
    ];
    let filled =
        |(key, value): (&'static str, Option<String>)| Some((key, value.filter(|value| !value.is_empty())?));
    all.into_iter().filter_map(filled).collect()
}

fn token_free(key: &str, value: &str) -> Result<String, Refusal> {
    text(value).map_err(|why| Refusal { what: format!("{key}: {}", why.what), ..why })
}

/// A call of `silence` in [`script`].
fn silence(item: &Item<'_>, waiver: &Waiver) -> Result<String, Refusal> {
    let reason = match &waiver.ticket {
        Some(ticket) => format!("{} ({ticket})", waiver.reason),
        None => waiver.reason.clone(),
    };
    let fields = json!({ "check": name(item.plan, &item.name), "creator": waiver.by, "reason": reason });
    // JSON keeps a newline as `\n`; what stays is what a shell's quotes carry.
    let fields = fields.to_string().trim_end_matches('}').replace('\'', r"'\''");
    Ok(format!("silence {} '{fields}'\n", end(waiver)?))
}

/// The API wants the seconds that are left, which no file can know: the script works them out.
fn script(silences: &[String]) -> String {
    format!(
        r#"#!/bin/sh
# generated by mdd; edit the manifest instead
# Silences waived checks until the end of their waivers; those that have ended are left out.
set -eu
api=${{SENSU_API:-{API}}}
now=$(date +%s)
silence() {{
  left=$(($1 - now))
  [ "$left" -gt 0 ] || return 0
  printf '%s' "$2,\"expire\":$left}}" |
    curl -sSf -X POST -H 'Content-Type: application/json' -d @- "$api/silenced"
}}
{}"#,
        silences.concat()
    )
}

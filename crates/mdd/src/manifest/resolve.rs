//! From the manifest to one datacenter's plan: variables substituted, defaults filled in.

mod engines;
mod point;

use std::collections::BTreeMap;
use std::time::Duration;

use point::Here;

use super::Manifest;
use super::model;
use super::scalar::{Span, Spanned, Text};
use super::source::Mark;
use super::vars::Problem;
use crate::plan::{Group, Milestone, Named, Plan, Stage, Team, Vantage};

/// Something that only a datacenter's values show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The datacenter's id.
    pub dc: String,
    /// The point's id, or the secret's.
    pub user: String,
    /// Which part of it: `argument 4: --proxy "${proxy}"`.
    pub part: String,
    /// Where that stands.
    pub mark: Mark,
    /// What is wrong.
    pub problem: Problem,
}

/// A point that has been resolved, and the marks that later checks need.
pub struct Resolved {
    /// The plan as far as it goes.
    pub plan: Plan,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// Where each dependency of each point stands, as in `plan.points[..].depends_on`.
    pub marks: BTreeMap<String, Vec<Mark>>,
    /// Where this datacenter's secrets are.
    pub secrets: Vec<Secret>,
}

/// Where one secret is.
pub struct Secret {
    /// Its name in the manifest.
    pub name: String,
    /// Where the manifest says so.
    pub mark: Mark,
    /// A file's path, else the name of an environment variable.
    pub is_file: bool,
    /// The path or the name.
    pub place: String,
}

/// Resolves one datacenter.
pub fn resolve(manifest: &Manifest, dc: &str, datacenter: &model::Datacenter) -> Resolved {
    let document = &manifest.document;
    let due = |milestone: &str| datacenter.due.get(milestone).and_then(|day| day.0);
    let mut here = Here::new(manifest, dc, datacenter);
    let secrets = here.secrets();
    let owner = document.platform.owner.as_ref();
    let mut points = Vec::new();
    for (id, point) in manifest.in_order().filter(|(_, point)| manifest.includes(dc, point)) {
        points.push(here.point(id, point));
    }
    let stage = match datacenter.stage {
        model::Stage::Planned => Stage::Planned,
        model::Stage::Building => Stage::Building,
        model::Stage::Live => Stage::Live,
        model::Stage::Retired => Stage::Retired,
    };
    let engines = engines::engines(&mut here, &document.engines, stage);
    let addresses: BTreeMap<String, String> =
        document.vantages.iter().map(|(id, vantage)| (id.value.clone(), here.address(id, vantage))).collect();
    let plan = Plan {
        platform: Named {
            id: document.platform.id.value.clone(),
            title: document.platform.title.value.clone(),
        },
        dc: dc.to_owned(),
        title: datacenter.title.value.clone(),
        stage,
        milestones: document
            .milestones
            .iter()
            .map(|(id, milestone)| Milestone {
                id: id.value.clone(),
                title: milestone.title.value.clone(),
                due: due(id),
            })
            .collect(),
        teams: document.teams.iter().map(|(id, team)| (id.value.clone(), team_of(team))).collect(),
        groups: document
            .groups
            .iter()
            .map(|(id, group)| Group {
                id: id.value.clone(),
                title: group.title.value.clone(),
                owner: text(group.owner.as_ref()),
            })
            .collect(),
        vantages: document
            .vantages
            .iter()
            .map(|(id, vantage)| Vantage {
                id: id.value.clone(),
                owner: text(vantage.owner.as_ref().or(owner)).unwrap_or_default(),
                milestone: text(vantage.milestone.as_ref()),
                due: vantage.milestone.as_ref().and_then(|milestone| due(milestone)),
                address: addresses.get(&id.value).cloned().unwrap_or_else(|| id.value.clone()),
            })
            .collect(),
        points,
        programs: manifest.programs(),
        secret_env: secrets.iter().filter(|one| !one.is_file).map(|one| one.place.clone()).collect(),
        engines,
        hash: manifest.hash.clone(),
    };
    Resolved { plan, findings: here.findings, marks: here.marks, secrets }
}

fn team_of(team: &model::Team) -> Team {
    Team {
        name: team.name.value.clone(),
        chat: text(team.chat.as_ref()),
        email: text(team.email.as_ref()),
        oncall: text(team.oncall.as_ref()),
        tickets: text(team.tickets.as_ref()),
        timezone: text(team.timezone.as_ref()),
    }
}

fn text(text: Option<&Text>) -> Option<String> {
    text.map(|text| text.value.clone())
}

/// The point's own value, else its template's, else the default's.
fn first<'a, T>(
    own: Option<&'a T>,
    template: Option<&'a model::Template>,
    of_template: fn(&model::Template) -> Option<&T>,
    default: Option<&'a T>,
) -> Option<&'a T> {
    own.or_else(|| template.and_then(of_template)).or(default)
}

/// The times of a point, each from the point, its template, the defaults, or built in.
pub struct Times {
    /// Time between runs.
    pub interval: Duration,
    /// After which a run is killed.
    pub timeout: Duration,
    /// Age at which a result is too old.
    pub ttl: Duration,
    /// How long it has to be OK.
    pub stable: Duration,
}

/// Works out the times of a point.
pub fn times(document: &model::Document, point: &model::Point) -> Times {
    type Field = Option<Spanned<Span>>;
    let template = template_of(document, point);
    let defaults = &document.defaults;
    let pick = |own: &Field, of_template: fn(&model::Template) -> Option<&Spanned<Span>>, default: &Field| {
        first(own.as_ref(), template, of_template, default.as_ref()).map(|span| span.value.0)
    };
    let interval = pick(&point.interval, |t| t.interval.as_ref(), &defaults.interval);
    let interval = interval.unwrap_or(Duration::from_mins(1));
    Times {
        interval,
        timeout: pick(&point.timeout, |t| t.timeout.as_ref(), &defaults.timeout)
            .unwrap_or(Duration::from_secs(10)),
        ttl: pick(&point.ttl, |t| t.ttl.as_ref(), &defaults.ttl).unwrap_or(interval * 3),
        stable: pick(&point.stable, |t| t.stable.as_ref(), &defaults.stable)
            .unwrap_or(Duration::from_mins(15)),
    }
}

/// The template that a point uses.
pub fn template_of<'a>(document: &'a model::Document, point: &model::Point) -> Option<&'a model::Template> {
    point.template.as_ref().and_then(|name| document.templates.get(name))
}

/// The vantage point that a point names, itself or by template or default.
pub fn vantage_of<'a>(document: &'a model::Document, point: &'a model::Point) -> Option<&'a Text> {
    let template = template_of(document, point);
    first(
        point.subscription.as_ref(),
        template,
        |t| t.subscription.as_ref(),
        document.defaults.subscription.as_ref(),
    )
}

/// A point's command as written: of its template or its own, then `extra`.
pub fn command_of<'a>(document: &'a model::Document, point: &'a model::Point) -> Vec<&'a Text> {
    let check = template_of(document, point).map_or(&point.check, |template| &template.check);
    check.iter().chain(&point.extra).collect()
}

/// Hexadecimal, lower case.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let written = write!(text, "{byte:02x}");
        debug_assert!(written.is_ok());
        text
    })
}

//! What does not depend on a datacenter's values: names that do not exist, fields that exclude each other.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::manifest::model::{self, Document, Point};
use crate::manifest::resolve::{command_of, times, vantage_of};
use crate::manifest::scalar::{Entries, Text, Variable};
use crate::manifest::source::Mark;
use crate::manifest::{Manifest, near, vars};
use crate::programs;

/// Names that every scope has already.
const RESERVED: [&str; 3] = ["dc", "platform", "secret"];
/// Environment by which another program could be slipped in.
const LOADERS: [&str; 4] = ["PATH", "IFS", "ENV", "BASH_ENV"];

/// Every such mistake.
pub fn references(manifest: &Manifest) -> Vec<Diagnostic> {
    let mut check = Check { manifest, document: &manifest.document, problems: Vec::new() };
    check.head();
    check.variables();
    check.secrets();
    check.owners();
    check.engines();
    check.datacenters();
    check.programs();
    check.templates();
    for (id, point) in manifest.document.points.iter() {
        check.point(id, point);
    }
    check.former_ids();
    check.waivers();
    crate::manifest::sorted(check.problems)
}

/// Whether a variable decides what a program starts or loads.
fn is_loader(name: &str) -> bool {
    name.starts_with("LD_") || LOADERS.contains(&name)
}

struct Check<'a> {
    manifest: &'a Manifest,
    document: &'a Document,
    problems: Vec<Diagnostic>,
}

impl<'a> Check<'a> {
    fn error(&mut self, mark: Mark, message: impl Into<String>, fix: impl Into<String>) {
        self.problems.push(Diagnostic::error(message).at(self.manifest.sources.place(mark)).fix(fix));
    }

    fn clash(&mut self, mark: Mark, other: Mark, message: impl Into<String>, fix: &str) {
        let sources = &self.manifest.sources;
        let problem = Diagnostic::error(message).at(sources.place(mark)).against(sources.place(other));
        self.problems.push(problem.fix(fix));
    }

    /// A name that has to exist.
    fn exists<T>(&mut self, what: &str, name: &Text, known: &'a Entries<T>) {
        if known.has(name) {
            return;
        }
        let fix = match near::suggest(name, known.names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("there are none yet: add `{what}s: {{{}: …}}`", name.value),
            None => format!("known: {}", known.names().collect::<Vec<_>>().join(", ")),
        };
        self.error(name.mark, format!("there is no {what} `{}`", name.value), fix);
    }

    /// Keys that become parts of names elsewhere.
    fn ids<T>(&mut self, what: &str, entries: &'a Entries<T>) {
        for (id, _) in entries.iter().filter(|(id, _)| !is_id(id)) {
            let message = format!("`{}` cannot be the id of a {what}", id.value);
            self.error(id.mark, message, "an id is lower-case letters, digits and -, a letter first");
        }
    }

    fn head(&mut self) {
        let version = &self.document.mdd;
        if version.value.0 != 1 {
            self.error(
                version.mark,
                format!("format {} is not known to this mdd", version.value.0),
                "write mdd: 1",
            );
        }
        let document = self.document;
        self.ids("team", &document.teams);
        self.ids("milestone", &document.milestones);
        self.ids("datacenter", &document.datacenters);
        self.ids("group", &document.groups);
        self.ids("vantage", &document.vantages);
        self.ids("template", &document.templates);
        self.ids("point", &document.points);
        if document.datacenters.is_empty() {
            let place = self.manifest.sources.place(Mark { file: 0, line: 0, column: 0 });
            let problem = Diagnostic::error("there is no datacenter").at(place);
            self.problems.push(problem.fix("add `datacenters: {name: {title: …}}`"));
        }
    }

    fn variables(&mut self) {
        let document = self.document;
        let of_datacenters = document.datacenters.iter().map(|(_, datacenter)| &datacenter.vars);
        let of_points = document
            .points
            .iter()
            .flat_map(|(_, point)| [Some(&point.vars), Some(&point.for_each), prove(point)]);
        let all = [&document.vars].into_iter().chain(of_datacenters).chain(of_points.flatten());
        for (name, _) in all.flat_map(Entries::iter) {
            if RESERVED.contains(&name.value.as_str()) {
                self.error(name.mark, format!("`{}` is set by mdd", name.value), "choose another name");
            } else if !vars::is_name(name) {
                let message = format!("`{}` cannot be the name of a variable", name.value);
                self.error(name.mark, message, "a name is letters, digits, _ and -, a letter first");
            }
        }
        for (name, _) in &self.manifest.sets {
            let known =
                document.vars.has(name) || document.datacenters.iter().any(|(_, dc)| dc.vars.has(name));
            if !known {
                let problem = Diagnostic::error(format!("--set {name}=…: there is no variable `{name}`"));
                self.problems.push(problem.fix("set one of `vars` of the manifest or of its datacenters"));
            }
        }
    }

    fn secrets(&mut self) {
        for (name, secret) in self.document.secrets.iter() {
            if !vars::is_name(name) {
                let message = format!("`{}` cannot be the name of a secret", name.value);
                self.error(name.mark, message, "a name is letters, digits, _ and -, a letter first");
            }
            match (&secret.file, &secret.env) {
                (None, Some(env)) if !is_env(env) && !env.contains("${") => {
                    let message = format!("`{}` cannot be the name of an environment variable", env.value);
                    self.error(env.mark, message, "letters, digits and _, a letter first");
                }
                (None, Some(env)) if is_loader(env) => {
                    let message = format!("`{}` could start something else than the check", env.value);
                    self.error(env.mark, message, "choose another name");
                }
                (Some(_), None) | (None, Some(_)) => {}
                (Some(_), Some(env)) => {
                    self.error(
                        env.mark,
                        format!("secret `{}` has both file and env", name.value),
                        "keep one",
                    );
                }
                (None, None) => {
                    let message = format!("secret `{}` has neither file nor env", name.value);
                    self.error(name.mark, message, "add file: /path, or env: NAME");
                }
            }
        }
    }

    fn owners(&mut self) {
        let document = self.document;
        if let Some(owner) = &document.platform.owner {
            self.exists("team", owner, &document.teams);
        }
        for (_, group) in document.groups.iter() {
            if let Some(owner) = &group.owner {
                self.exists("team", owner, &document.teams);
            }
        }
        for (id, vantage) in document.vantages.iter() {
            match &vantage.owner {
                Some(owner) => self.exists("team", owner, &document.teams),
                None if document.platform.owner.is_none() => {
                    let message = format!("vantage point {} has no owner", id.value);
                    self.error(id.mark, message, "add owner: TEAM, here or to the platform");
                }
                None => {}
            }
            if let Some(milestone) = &vantage.milestone {
                self.exists("milestone", milestone, &document.milestones);
            }
        }
    }

    fn engines(&mut self) {
        let document = self.document;
        let vantage = document.engines.nagios.as_ref().and_then(|nagios| nagios.vantage.as_ref());
        if let Some(vantage) = vantage.filter(|vantage| !vantage.contains("${")) {
            self.exists("vantage", vantage, &document.vantages);
        }
        let asset = document.engines.sensu_go.as_ref().filter(|sensu| sensu.asset.is_some());
        if let Some(model::SensuGo { install: None, asset: Some(asset), .. }) = asset {
            self.error(asset.mark, "sensu-go has an asset that nothing installs", "add install: asset");
        }
    }

    fn datacenters(&mut self) {
        for (_, datacenter) in self.document.datacenters.iter() {
            for (milestone, _) in datacenter.due.iter() {
                self.exists("milestone", milestone, &self.document.milestones);
            }
        }
    }

    fn programs(&mut self) {
        for program in self.document.programs.iter().flatten() {
            if let Some(why) = programs::refusal(program) {
                self.error(program.mark, format!("`{}` cannot be allowed", program.value), why);
            }
        }
    }

    fn templates(&mut self) {
        for (id, template) in self.document.templates.iter() {
            if template.check.is_empty() {
                let message = format!("template {} has an empty `check`", id.value);
                self.error(id.mark, message, "write the program and its arguments");
            }
            self.environment(&template.env);
        }
    }

    fn environment(&mut self, env: &'a Entries<Text>) {
        for (name, _) in env.iter() {
            if !is_env(name) {
                let message = format!("`{}` cannot be the name of an environment variable", name.value);
                self.error(name.mark, message, "letters, digits and _, a letter first");
            } else if is_loader(name) {
                let message = format!("`{}` in env could start something else than the check", name.value);
                self.error(name.mark, message, "remove it");
            }
        }
    }

    fn point(&mut self, id: &'a Text, point: &'a Point) {
        let document = self.document;
        self.exists("group", &point.group, &document.groups);
        let group = document.groups.get(&point.group);
        if let Some(owner) = &point.owner {
            self.exists("team", owner, &document.teams);
        } else if group.is_some_and(|group| group.owner.is_none()) {
            let message = format!("{} has no owner, nor has its group {}", id.value, point.group.value);
            self.error(id.mark, message, "add owner: the team that can turn it green");
        }
        match &point.milestone {
            Some(milestone) => self.exists("milestone", milestone, &document.milestones),
            None if point.expected_by.is_none() => {
                let message = format!("{} has neither milestone nor expected_by", id.value);
                self.error(id.mark, message, "add one: when it has to be green");
            }
            None => {}
        }
        for dc in point.only.iter().chain(&point.except) {
            self.exists("datacenter", dc, &document.datacenters);
        }
        if let ([_, ..], [except, ..]) = (point.only.as_slice(), point.except.as_slice()) {
            self.error(except.mark, format!("{} has both only and except", id.value), "keep one");
        }
        self.command(id, point);
        self.instances(id, point);
        if let Some(vantage) = vantage_of(document, point) {
            self.exists("vantage", vantage, &document.vantages);
        } else {
            let message = format!("{} does not say from where it is checked", id.value);
            self.error(id.mark, message, "add subscription: VANTAGE, here or in defaults");
        }
        self.times(id, point);
        self.environment(&point.env);
        self.prove(id, point);
    }

    /// What turns it red on purpose has to change something, and may start no more than a check.
    fn prove(&mut self, id: &'a Text, point: &'a Point) {
        let Some(prove) = &point.prove else { return };
        let document = self.document;
        let of_datacenters = document.datacenters.iter().map(|(_, datacenter)| &datacenter.vars);
        let known: Vec<_> =
            [&point.vars, &point.for_each, &document.vars].into_iter().chain(of_datacenters).collect();
        for (name, _) in prove.vars.iter().filter(|(name, _)| !known.iter().any(|vars| vars.has(name))) {
            let fix = near::suggest(name, known.iter().flat_map(|vars| vars.names())).map_or_else(
                || "change one that it uses".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.error(
                name.mark,
                format!("prove of {} changes `{}`, which is not set", id.value, name.value),
                fix,
            );
        }
        if prove.vars.is_empty() && prove.check.is_empty() {
            self.error(id.mark, format!("prove of {} changes nothing", id.value), "add vars or check to it");
        }
        if let Some(program) = prove.check.first()
            && !programs::allowed(&self.manifest.programs(), program)
        {
            let message = format!("prove of {}: `{}` is not in `programs`", id.value, program.value);
            self.error(program.mark, message, "name a program that a check may start");
        }
    }

    fn command(&mut self, id: &'a Text, point: &'a Point) {
        match (&point.template, point.check.first()) {
            (Some(template), None) => self.exists("template", template, &self.document.templates),
            (None, None) => {
                let message = format!("{} has no check", id.value);
                self.error(id.mark, message, "add check: [program, arguments], or use: TEMPLATE");
            }
            (Some(template), Some(check)) => {
                let message = format!("{} has both use and check", id.value);
                self.clash(
                    check.mark,
                    template.mark,
                    message,
                    "keep one; `extra` adds arguments to a template",
                );
            }
            (None, Some(_)) => {}
        }
        if let Some(program) = command_of(self.document, point).first()
            && program.value.contains("${")
        {
            let message = format!("{}: the program's name is a variable", id.value);
            self.error(program.mark, message, "write the name; two programs are two points with `only`");
        }
    }

    fn instances(&mut self, id: &'a Text, point: &'a Point) {
        let mut variables = point.for_each.iter();
        if let (Some(_), Some((second, _))) = (variables.next(), variables.next()) {
            self.error(second.mark, format!("{} has two variables in for_each", id.value), "keep one");
        }
        if let (true, Some(require)) = (point.for_each.is_empty(), &point.require) {
            let message = format!("{} has require without for_each", id.value);
            self.error(require.mark, message, "remove it: there is one instance");
        }
        for (name, variable) in point.for_each.iter() {
            if point.vars.has(name) {
                let message = format!("`{}` is in both vars and for_each of {}", name.value, id.value);
                self.error(name.mark, message, "choose another name");
            }
            if *variable == Variable::Unknown {
                let message = format!("for_each of {} has no list", id.value);
                self.error(name.mark, message, "name a variable: \"${list}\"; that one may be ~");
            }
        }
    }

    fn times(&mut self, id: &'a Text, point: &'a Point) {
        let times = times(self.document, point);
        let template = point.template.as_ref().and_then(|name| self.document.templates.get(name));
        let of_template = |field: fn(&model::Template) -> Option<Mark>| template.and_then(field);
        let interval = point.interval.as_ref().map(|span| span.mark);
        let interval = interval.or_else(|| of_template(|t| t.interval.as_ref().map(|span| span.mark)));
        let timeout = point.timeout.as_ref().map(|span| span.mark);
        let timeout = timeout.or_else(|| of_template(|t| t.timeout.as_ref().map(|span| span.mark)));
        let ttl = point.ttl.as_ref().map(|span| span.mark);
        let ttl = ttl.or_else(|| of_template(|t| t.ttl.as_ref().map(|span| span.mark)));
        if times.interval < Duration::from_secs(1) {
            let mark = interval.unwrap_or(id.mark);
            self.error(mark, format!("{}: interval is shorter than 1s", id.value), "write 1s or more");
        }
        if times.timeout.is_zero() {
            self.error(timeout.unwrap_or(id.mark), format!("{}: timeout is 0", id.value), "write 1s or more");
        }
        if times.ttl <= times.interval {
            let message =
                format!("{}: every result is too old before the next one: ttl ≤ interval", id.value);
            self.error(ttl.unwrap_or(id.mark), message, "write a longer ttl, or leave it out: 3 × interval");
        }
    }

    fn former_ids(&mut self) {
        let mut seen: BTreeMap<&str, Mark> = BTreeMap::new();
        for (_, point) in self.document.points.iter() {
            let Some(was) = &point.was else { continue };
            if let Some((id, _)) = self.document.points.entry(was) {
                let message = format!("`was: {}` names a point that still exists", was.value);
                self.clash(was.mark, id.mark, message, "remove it: a history belongs to one point");
            }
            if let Some(first) = seen.insert(&was.value, was.mark) {
                let message = format!("two points were `{}`", was.value);
                self.clash(was.mark, first, message, "keep one: a history belongs to one point");
            }
        }
    }

    fn waivers(&mut self) {
        let document = self.document;
        let mut seen: BTreeMap<(&str, &str), Mark> = BTreeMap::new();
        for waiver in &document.waivers {
            self.exists("point", &waiver.point, &document.points);
            self.exists("datacenter", &waiver.dc, &document.datacenters);
            if let Some(point) = document.points.get(&waiver.point)
                && document.datacenters.has(&waiver.dc)
                && !self.manifest.includes(&waiver.dc, point)
            {
                let message = format!("{} is not checked in {}", waiver.point.value, waiver.dc.value);
                self.error(waiver.point.mark, message, "remove the waiver");
            }
            if let Some(first) = seen.insert((&waiver.point.value, &waiver.dc.value), waiver.point.mark) {
                let message = format!("{} is waived twice in {}", waiver.point.value, waiver.dc.value);
                self.clash(waiver.point.mark, first, message, "keep one");
            }
        }
    }
}

fn prove(point: &Point) -> Option<&Entries<Variable>> {
    point.prove.as_ref().map(|prove| &prove.vars)
}

/// Whether a text can be an id: `^[a-z][a-z0-9-]*$`.
pub fn is_id(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_env(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

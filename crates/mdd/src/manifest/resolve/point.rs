//! One point of one datacenter: variables substituted, instances made, dependencies found.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::{Finding, Secret, command_of, first, hex, template_of, text, times, vantage_of};
use crate::manifest::scalar::Text;
use crate::manifest::source::Mark;
use crate::manifest::vars::{Finished, Problem, Scope, Value};
use crate::manifest::{Manifest, model, near};
use crate::plan::{Dependency, Instance, Point, Require, Severity, Waiver, WhenBlocked};
use crate::programs;

/// One datacenter on its way to a plan.
pub struct Here<'a> {
    manifest: &'a Manifest,
    dc: &'a str,
    datacenter: &'a model::Datacenter,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Where each dependency of each point stands.
    pub marks: BTreeMap<String, Vec<Mark>>,
}

impl<'a> Here<'a> {
    /// Begins.
    pub fn new(manifest: &'a Manifest, dc: &'a str, datacenter: &'a model::Datacenter) -> Self {
        Here { manifest, dc, datacenter, findings: Vec::new(), marks: BTreeMap::new() }
    }

    fn scope(&self) -> Scope<'a> {
        let document = &self.manifest.document;
        let fixed =
            BTreeMap::from([("dc", self.dc.to_owned()), ("platform", document.platform.id.value.clone())]);
        let secrets = document.secrets.iter().filter_map(|(name, secret)| {
            let place = secret.file.as_ref().or(secret.env.as_ref())?;
            Some((name.value.as_str(), place.value.as_str()))
        });
        Scope::new(fixed, secrets.collect())
    }

    /// Layers under a point's own: `--set`, datacenter, all.
    fn layers(&self, scope: Scope<'a>) -> Scope<'a> {
        let manifest = self.manifest;
        scope
            .below(manifest.sets.iter().map(|(name, value)| (name.as_str(), value)))
            .below(self.datacenter.vars.iter().map(|(name, value)| (name.value.as_str(), value)))
            .below(manifest.document.vars.iter().map(|(name, value)| (name.value.as_str(), value)))
    }

    fn find(&mut self, user: &str, part: impl Into<String>, mark: Mark, problem: Problem) {
        self.findings.push(Finding {
            dc: self.dc.to_owned(),
            user: user.to_owned(),
            part: part.into(),
            mark,
            problem,
        });
    }

    /// Where the secrets are. Paths have to be absolute: engines start checks in folders of their own.
    pub fn secrets(&mut self) -> Vec<Secret> {
        let scope = self.layers(self.scope());
        let mut all = Vec::new();
        for (name, secret) in self.manifest.document.secrets.iter() {
            let Some(text) = secret.file.as_ref().or(secret.env.as_ref()) else { continue };
            let is_file = secret.file.is_some();
            let user = format!("secret {}", name.value);
            match scope.text(text) {
                Ok(Finished::Value(path)) if is_file && !path.starts_with('/') => {
                    let problem = Problem::Other(
                        format!("{user} has the relative path `{path}`"),
                        "write an absolute path: engines start checks in folders of their own".into(),
                    );
                    self.find(&user, "file", text.mark, problem);
                }
                Ok(Finished::Value(place)) => {
                    all.push(Secret { name: name.value.clone(), mark: text.mark, is_file, place });
                }
                Ok(Finished::Waits(_)) => {}
                Err(problem) => self.find(&user, "its place", text.mark, problem),
            }
        }
        all
    }

    /// A text of `engines`; none when it is not given, or waits for a value.
    pub fn engine_text(&mut self, part: &str, text: Option<&Text>) -> Option<String> {
        let text = text?;
        match self.layers(self.scope()).text(text) {
            Ok(Finished::Value(value)) if value.contains(['\n', '\0']) => {
                let problem = Problem::Other(format!("{part} holds a newline"), "write one line".to_owned());
                self.engine_problem(part, text.mark, problem);
                None
            }
            Ok(Finished::Value(value)) => Some(value),
            Ok(Finished::Waits(_)) => None,
            Err(problem) => {
                self.engine_problem(part, text.mark, problem);
                None
            }
        }
    }

    /// Several texts of `engines`; those that wait for a value are left out.
    pub fn engine_texts(&mut self, part: &str, texts: &[Text]) -> Vec<String> {
        texts.iter().filter_map(|text| self.engine_text(part, Some(text))).collect()
    }

    /// An absolute path of `engines`, without a slash at its end.
    pub fn engine_path(&mut self, part: &str, text: Option<&Text>) -> Option<String> {
        let path = self.engine_text(part, text)?;
        if !path.starts_with('/') {
            let fix = "write an absolute path: engines start checks in folders of their own".to_owned();
            let problem = Problem::Other(format!("{part} is the relative path `{path}`"), fix);
            self.engine_problem(part, text?.mark, problem);
        }
        Some(path.trim_end_matches('/').to_owned())
    }

    /// Something wrong with `engines`.
    pub fn engine_problem(&mut self, part: &str, mark: Mark, problem: Problem) {
        self.find("engines", part, mark, problem);
    }

    /// Address of a machine at a vantage point; its id when the manifest gives none, or waits for it.
    pub fn address(&mut self, id: &Text, vantage: &model::Vantage) -> String {
        let Some(text) = &vantage.address else { return id.value.clone() };
        match self.layers(self.scope()).text(text) {
            Ok(Finished::Value(address)) => return address,
            Ok(Finished::Waits(_)) => {}
            Err(problem) => self.find(&id.value, "`address`", text.mark, problem),
        }
        id.value.clone()
    }

    /// One point with everything filled in.
    pub fn point(&mut self, id: &str, point: &'a model::Point) -> Point {
        let document = &self.manifest.document;
        let own = point.vars.iter().map(|(name, value)| (name.value.as_str(), value));
        let scope = self.layers(self.scope().below(own));
        let mut waits = BTreeSet::new();

        let env = self.env(id, point, &scope, &mut waits);
        let depends_on = self.dependencies(id, point, &scope, &mut waits);
        let vantage = text(vantage_of(document, point)).unwrap_or_default();
        let elements = self.elements(id, point, &scope, &mut waits);
        let mut instances = Vec::new();
        for (key, scope) in elements {
            let argv = self.argv(id, point, &scope, &mut waits);
            instances.push(Instance { key, hash: String::new(), argv });
        }
        if !waits.is_empty() || instances.is_empty() {
            instances = vec![Instance { key: String::new(), argv: Vec::new(), hash: String::new() }];
        }
        for instance in &mut instances {
            instance.hash = hash(&instance.argv, &env, &vantage);
        }
        let require = point.require.as_ref().map_or(Require::All, |require| require.value.0);
        if let (Require::AtLeast(count), Some(require)) = (require, &point.require)
            && waits.is_empty()
            && count > instances.len()
        {
            let problem = Problem::Other(
                format!("{id} requires {count} instances and has {} in {}", instances.len(), self.dc),
                "lower `require`, or lengthen the list".into(),
            );
            self.find(id, "require", require.mark, problem);
        }
        let times = times(document, point);
        let template = template_of(document, point);
        let severity = first(
            point.severity.as_ref(),
            template,
            |t| t.severity.as_ref(),
            document.defaults.severity.as_ref(),
        );
        let group = document.groups.get(&point.group);
        let owner = point.owner.as_ref().or_else(|| group.and_then(|group| group.owner.as_ref()));
        let milestone = text(point.milestone.as_ref());
        Point {
            was: text(point.was.as_ref()),
            title: self.prose(id, "title", Some(&point.title), &scope).unwrap_or_default(),
            why: self.prose(id, "why", Some(&point.why), &scope).unwrap_or_default(),
            need: self.prose(id, "need", point.need.as_ref(), &scope),
            for_users: self.prose(id, "for_users", point.for_users.as_ref(), &scope),
            runbook: self.prose(id, "runbook", point.runbook.as_ref(), &scope),
            runbook_command: self.runbook_command(id, point, &scope),
            links: point
                .links
                .iter()
                .filter_map(|link| self.prose(id, "links", Some(link), &scope))
                .collect(),
            group: point.group.value.clone(),
            owner: text(owner).unwrap_or_default(),
            due: self.due(point),
            milestone,
            depends_on,
            when_blocked: match point.when_blocked {
                model::WhenBlocked::Run => WhenBlocked::Run,
                model::WhenBlocked::Skip => WhenBlocked::Skip,
            },
            require,
            interval: times.interval,
            timeout: times.timeout,
            ttl: times.ttl,
            stable: times.stable,
            severity: match severity {
                None | Some(model::Severity::Critical) => Severity::Critical,
                Some(model::Severity::Major) => Severity::Major,
                Some(model::Severity::Minor) => Severity::Minor,
            },
            required: point.gate == model::Gate::Required,
            vantage,
            env,
            instances,
            missing: waits.into_iter().collect(),
            waiver: self.waiver(id),
            extensions: self.manifest.extensions.get(id).cloned().unwrap_or_default(),
            id: id.to_owned(),
        }
    }

    /// The command for whoever mends it; empty while a value that it needs is not known.
    fn runbook_command(&mut self, id: &str, point: &model::Point, scope: &Scope<'_>) -> Vec<String> {
        let mut argv = Vec::new();
        for (index, argument) in point.runbook_command.iter().enumerate() {
            match scope.argument(argument) {
                Ok(Finished::Value(values)) => argv.extend(values),
                Ok(Finished::Waits(_)) => return Vec::new(),
                Err(problem) => {
                    self.find(id, format!("`runbook_command`, argument {index}"), argument.mark, problem);
                }
            }
        }
        if let (Some(name), Some(text)) = (argv.first(), point.runbook_command.first())
            && let Some(problem) = self.refused(name)
        {
            self.find(id, "`runbook_command`", text.mark, problem);
        }
        argv
    }

    fn due(&self, point: &model::Point) -> Option<Date> {
        let of_milestone = |milestone: &Text| self.datacenter.due.get(milestone).and_then(|day| day.0);
        point.expected_by.map(|day| day.0).or_else(|| point.milestone.as_ref().and_then(of_milestone))
    }

    fn waiver(&self, id: &str) -> Option<Waiver> {
        let waivers = &self.manifest.document.waivers;
        let waiver = waivers.iter().find(|waiver| waiver.point.value == id && waiver.dc.value == self.dc)?;
        Some(Waiver {
            until: waiver.until.value.0,
            reason: waiver.reason.value.clone(),
            by: waiver.by.value.clone(),
            ticket: text(waiver.ticket.as_ref()),
        })
    }

    /// Text for people: as written while a value in it is not known.
    fn prose(&mut self, id: &str, field: &str, text: Option<&Text>, scope: &Scope<'_>) -> Option<String> {
        let text = text?;
        match scope.text(text) {
            Ok(Finished::Value(finished)) => return Some(finished),
            Ok(Finished::Waits(_)) => {}
            Err(problem) => self.find(id, format!("`{field}`"), text.mark, problem),
        }
        Some(text.value.clone())
    }

    fn env(
        &mut self,
        id: &str,
        point: &model::Point,
        scope: &Scope<'_>,
        waits: &mut BTreeSet<String>,
    ) -> BTreeMap<String, String> {
        let template = template_of(&self.manifest.document, point);
        let of_template = template.into_iter().flat_map(|template| template.env.iter());
        let mut env = BTreeMap::new();
        for (name, value) in of_template.chain(point.env.iter()) {
            match scope.text(value) {
                Ok(Finished::Value(value)) => {
                    env.insert(name.value.clone(), value);
                }
                Ok(Finished::Waits(names)) => waits.extend(names),
                Err(problem) => self.find(id, format!("`env`: {}", name.value), value.mark, problem),
            }
        }
        env
    }

    /// The elements of `for_each`, each with its scope; one without a key when there is none.
    fn elements(
        &mut self,
        id: &str,
        point: &'a model::Point,
        scope: &Scope<'a>,
        waits: &mut BTreeSet<String>,
    ) -> Vec<(String, Scope<'a>)> {
        let Some((name, variable)) = point.for_each.iter().next() else {
            return vec![(String::new(), scope.clone())];
        };
        // Stands in for an element, so that the rest of the check is looked at all the same.
        let stand_in = vec![(String::new(), scope.with(&name.value, String::new()))];
        let problem = match scope.value(variable, name) {
            Ok(Finished::Value(Value::List(items))) => {
                let twice = items.iter().enumerate().find(|(index, item)| items[..*index].contains(item));
                let Some((_, item)) = twice else {
                    let scoped = |item: String| (item.clone(), scope.with(&name.value, item));
                    return items.into_iter().map(scoped).collect();
                };
                Problem::Twice { name: name.value.clone(), item: item.clone() }
            }
            Ok(Finished::Value(Value::Text(_))) => Problem::NotList(name.value.clone()),
            Ok(Finished::Waits(names)) => {
                waits.extend(names);
                return stand_in;
            }
            Err(problem) => problem,
        };
        self.find(id, "`for_each`", name.mark, problem);
        stand_in
    }

    fn argv(
        &mut self,
        id: &str,
        point: &'a model::Point,
        scope: &Scope<'a>,
        waits: &mut BTreeSet<String>,
    ) -> Vec<String> {
        let document = &self.manifest.document;
        if point.template.is_some() && template_of(document, point).is_none() {
            // Reported already; what is left of the command says nothing.
            return Vec::new();
        }
        let command = command_of(document, point);
        let mut argv = Vec::new();
        for (index, argument) in command.iter().enumerate() {
            let problem = match scope.argument(argument) {
                Ok(Finished::Value(values)) => {
                    let nul = values.iter().any(|value| value.contains('\0'));
                    let refused =
                        (index == 0).then(|| values.first().and_then(|name| self.refused(name))).flatten();
                    argv.extend(values);
                    if nul {
                        let fix = "a command line cannot carry it".to_owned();
                        Some(Problem::Other(format!("{id}: a NUL byte in argument {index}"), fix))
                    } else {
                        refused
                    }
                }
                Ok(Finished::Waits(names)) => {
                    waits.extend(names);
                    None
                }
                Err(problem) => Some(problem),
            };
            if let Some(problem) = problem {
                self.find(id, label(&command, index), argument.mark, problem);
            }
        }
        argv
    }

    /// Why this program may not be started.
    fn refused(&self, name: &str) -> Option<Problem> {
        let patterns = self.manifest.programs();
        if programs::allowed(&patterns, name) {
            return None;
        }
        Some(match programs::refusal(name) {
            Some(why) => Problem::Other(format!("`{name}` cannot be started by a check"), why.to_owned()),
            None => Problem::Other(
                format!("`{name}` is not in `programs`"),
                format!("allowed are {}; add it there if checks may start it", patterns.join(", ")),
            ),
        })
    }

    fn dependencies(
        &mut self,
        id: &str,
        point: &model::Point,
        scope: &Scope<'_>,
        waits: &mut BTreeSet<String>,
    ) -> Vec<Dependency> {
        let mut all = Vec::new();
        let mut marks = Vec::new();
        for text in &point.depends_on {
            let found = match scope.text(text) {
                Ok(Finished::Value(name)) => self.dependency(&name),
                Ok(Finished::Waits(names)) => {
                    waits.extend(names);
                    continue;
                }
                Err(problem) => Err(problem),
            };
            match found {
                Ok(Some(dependency)) => {
                    all.push(dependency);
                    marks.push(text.mark);
                }
                Ok(None) => {}
                Err(problem) => self.find(id, "`depends_on`", text.mark, problem),
            }
        }
        self.marks.insert(id.to_owned(), marks);
        all
    }

    /// What a dependency names; `None` for a point that is not in this datacenter.
    fn dependency(&self, name: &str) -> Result<Option<Dependency>, Problem> {
        let document = &self.manifest.document;
        let unknown = |what: &str, name: &str, known: Vec<&str>| {
            let fix = near::suggest(name, known).map_or_else(
                || format!("add the {what}, or remove it here"),
                |near| format!("did you mean `{near}`?"),
            );
            Problem::Other(format!("there is no {what} `{name}`"), fix)
        };
        if let Some(group) = name.strip_prefix("group:") {
            if !document.groups.has(group) {
                return Err(unknown("group", group, document.groups.names().collect()));
            }
            return Ok(Some(Dependency::Group(group.to_owned())));
        }
        let (dc, id) = match name.split_once('/') {
            Some((dc, id)) => (dc, id),
            None => (self.dc, name),
        };
        if !document.datacenters.has(dc) {
            return Err(unknown("datacenter", dc, document.datacenters.names().collect()));
        }
        let Some(point) = document.points.get(id) else {
            return Err(unknown("point", id, document.points.names().collect()));
        };
        if dc == self.dc {
            return Ok(self.manifest.includes(dc, point).then(|| Dependency::Point(id.to_owned())));
        }
        if !self.manifest.includes(dc, point) {
            let fix = "depend on a point that is checked there".to_owned();
            return Err(Problem::Other(format!("{id} is not checked in {dc}"), fix));
        }
        Ok(Some(Dependency::Elsewhere(dc.to_owned(), id.to_owned())))
    }
}

/// `argument 4: --proxy "${proxy}"`: its number, the option before it, and itself.
fn label(command: &[&Text], index: usize) -> String {
    let option = index.checked_sub(1).and_then(|before| command.get(before));
    let option =
        option.filter(|option| option.value.starts_with('-')).map(|option| format!("{} ", option.value));
    match index {
        0 => "the program".to_owned(),
        _ => format!("argument {index}: {}\"{}\"", option.unwrap_or_default(), command[index].value),
    }
}

/// What makes a check another one: argv (secret paths stand in it), environment, vantage point.
fn hash(argv: &[String], env: &BTreeMap<String, String>, vantage: &str) -> String {
    let mut hasher = Sha256::new();
    let mut put = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    };
    put(&argv.len().to_string());
    for argument in argv {
        put(argument);
    }
    put(&env.len().to_string());
    for (name, value) in env {
        put(name);
        put(value);
    }
    put(vantage);
    let mut hash = hex(&hasher.finalize());
    hash.truncate(16);
    hash
}

//! Findings of the datacenters as diagnostics: one per cause, however many points and datacenters it touches.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::manifest::resolve::{Finding, Resolved};
use crate::manifest::source::Mark;
use crate::manifest::vars::Problem;
use crate::manifest::{Manifest, near};

/// Every finding, those with one cause as one.
pub fn problems(manifest: &Manifest, resolved: &[Resolved]) -> Vec<Diagnostic> {
    let findings = || resolved.iter().flat_map(|one| &one.findings);
    let mut problems = unset(manifest, findings());
    let mut seen = Vec::new();
    for finding in findings() {
        // The same text is wrong in the same way in every datacenter, and a circle is one wherever it is entered.
        let key = match &finding.problem {
            Problem::NotSet { .. } => continue,
            Problem::Cycle(names) => {
                (None, Problem::Cycle(names.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect()))
            }
            other => (Some(finding.mark), other.clone()),
        };
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let (message, fix) = describe(finding);
        let mark = match &finding.problem {
            Problem::Cycle(names) => defined(manifest, finding, &names[0]).unwrap_or(finding.mark),
            _ => finding.mark,
        };
        problems.push(Diagnostic::error(message).at(manifest.sources.place(mark)).fix(fix));
    }
    problems
}

/// Where the variable of a circle gets its value.
fn defined(manifest: &Manifest, finding: &Finding, name: &str) -> Option<Mark> {
    let document = &manifest.document;
    let own = document.points.get(&finding.user).and_then(|point| point.vars.entry(name));
    let of_datacenter =
        document.datacenters.get(&finding.dc).and_then(|datacenter| datacenter.vars.entry(name));
    own.or(of_datacenter).or_else(|| document.vars.entry(name)).map(|(name, _)| name.mark)
}

/// Variables that are not set: one diagnostic per variable that is set nowhere, else per datacenter without it.
fn unset<'a>(manifest: &Manifest, findings: impl Iterator<Item = &'a Finding>) -> Vec<Diagnostic> {
    let document = &manifest.document;
    let mut causes: BTreeMap<(&str, Option<&str>), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let Problem::NotSet { name, .. } = &finding.problem else { continue };
        let somewhere = document.datacenters.iter().any(|(_, datacenter)| datacenter.vars.has(name));
        let uses = causes.entry((name, somewhere.then_some(finding.dc.as_str()))).or_default();
        if !uses.iter().any(|one| one.mark == finding.mark && one.user == finding.user) {
            uses.push(finding);
        }
    }
    let mut problems = Vec::new();
    for ((name, dc), uses) in causes {
        let used = used_by(&uses);
        let place = manifest.sources.place(uses[0].mark);
        let entry = dc.and_then(|dc| document.datacenters.entry(dc));
        let problem = if let Some((dc, _)) = entry {
            Diagnostic::error(format!("`{name}` is not set in {} ({used})", dc.value))
                .at(manifest.sources.place(dc.mark))
                .against(place)
                .fix(format!("add `{name}: …` to its vars; ~ when it is not known yet"))
        } else {
            let user = document.points.get(&uses[0].user);
            let fix = match near::suggest(name, known_names(manifest, &uses[0].user)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if user.is_some_and(|point| point.template.is_some()) => {
                    format!("add it to vars of {}, or to the vars of every datacenter", uses[0].user)
                }
                None => "add it to vars, or to the vars of every datacenter".to_owned(),
            };
            Diagnostic::error(format!("`{name}` is not set in any datacenter ({used})")).at(place).fix(fix)
        };
        problems.push(problem);
    }
    problems
}

/// `used by net-egress, argument 4: --proxy "${proxy}", through `registry`; and 3 others`
fn used_by(uses: &[&Finding]) -> String {
    let first = uses[0];
    let mut text = format!("used by {}, {}", first.user, first.part);
    if let Problem::NotSet { via, .. } = &first.problem
        && !via.is_empty()
    {
        let names: Vec<String> = via.iter().map(|name| format!("`{name}`")).collect();
        text = format!("{text}, through {}", names.join(", "));
    }
    match uses.len() - 1 {
        0 => text,
        1 => format!("{text}; and 1 other"),
        more => format!("{text}; and {more} others"),
    }
}

fn known_names<'a>(manifest: &'a Manifest, point: &str) -> impl Iterator<Item = &'a str> {
    let document = &manifest.document;
    let own = document
        .points
        .get(point)
        .into_iter()
        .flat_map(|point| point.vars.names().chain(point.for_each.names()));
    own.chain(document.datacenters.iter().flat_map(|(_, dc)| dc.vars.names()))
        .chain(document.vars.names())
        .chain(["dc", "platform"])
}

/// What is wrong, and the fix.
fn describe(finding: &Finding) -> (String, String) {
    let Finding { dc, user, part, .. } = finding;
    let of = format!("{user}, {part}");
    match &finding.problem {
        Problem::Unclosed => {
            (format!("`${{` is never closed ({of})"), "close it with }; write $$ for a dollar".into())
        }
        Problem::BadName(name) => (
            format!("`{name}` is no name of a variable ({of})"),
            "a name is letters, digits, _ and -; there are no functions and no defaults".into(),
        ),
        Problem::Cycle(names) => (
            format!("variables go round in a circle: {} ({of})", names.join(" → ")),
            "give one of them a value of its own".into(),
        ),
        Problem::NoSecret(name) => {
            (format!("there is no secret `{name}` ({of})"), format!("add `{name}: {{file: …}}` to secrets"))
        }
        Problem::IsList(name) => (
            format!("`{name}` is a list, one text is wanted ({of})"),
            format!("use for_each, or ${{{name}...}} for one argument per element"),
        ),
        Problem::NotList(name) => {
            (format!("`{name}` is no list in {dc} ({of})"), format!("write `{name}: [a, b]`"))
        }
        Problem::Splice(name) => (
            format!("`${{{name}...}}` where one text is wanted ({of})"),
            "it stands in an argument of a check, once".into(),
        ),
        Problem::TooMuch(what) => (format!("{what} ({of})"), "write it out".into()),
        Problem::Twice { name, item } => {
            (format!("`{item}` is twice in `{name}` in {dc} ({of})"), "remove one".into())
        }
        Problem::NotSet { name, .. } => (format!("`{name}` is not set in {dc} ({of})"), "add it".into()),
        Problem::Other(what, fix) => (what.clone(), fix.clone()),
    }
}

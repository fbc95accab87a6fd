//! The manifest: what is read from YAML, and the plan it makes for one datacenter.

pub mod check;
mod files;
pub mod model;
pub(crate) mod near;
mod node;
mod read;
pub mod resolve;
pub mod scalar;
pub mod schema;
pub mod source;
mod vars;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, Level};
use crate::plan::Plan;
use node::{Kind, Node};
use scalar::Variable;
use source::Sources;

/// A manifest that was read. What it says has places; what it means for a datacenter is a [`Plan`].
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Its first file.
    pub path: PathBuf,
    /// All its files.
    pub sources: Sources,
    /// As written.
    pub document: model::Document,
    /// Variables of the command line.
    pub sets: Vec<(String, Variable)>,
    /// `x-…` keys of each point.
    pub extensions: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// SHA-256 over the files, hexadecimal.
    pub hash: String,
}

/// Reads a manifest and all it includes. `sets` are variables that beat the manifest's own.
///
/// # Errors
/// Every mistake that does not depend on a datacenter's values, each with its place.
pub fn load(path: &Path, sets: &[(String, String)]) -> Result<Manifest, Vec<Diagnostic>> {
    let (manifest, mut problems) = read(path, sets)?;
    problems.extend(check::references(&manifest));
    problems.retain(|problem| problem.level == Level::Error);
    if problems.is_empty() { Ok(manifest) } else { Err(sorted(problems)) }
}

/// Reads a manifest without asking whether its parts fit together. With it, mistakes that do not keep the rest from
/// being looked at: unknown keys, keys given twice, text without quotes.
///
/// # Errors
/// What is not YAML, and what leaves holes.
pub fn read(path: &Path, sets: &[(String, String)]) -> Result<(Manifest, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut sources = Sources::default();
    let mut problems = Vec::new();
    let (root, whole) = files::read(path, &mut sources, &mut problems);
    let Some(root) = root else { return Err(problems) };
    let report = read::Report { sources: &sources, problems: problems.into(), holes: Cell::new(!whole) };
    let document = model::Document::deserialize(read::Reader::new(&root, &report));
    let holes = report.holes.get();
    let mut problems = report.problems.into_inner();
    let document = match document {
        Ok(document) if !holes => document,
        Ok(_) => return Err(sorted(problems)),
        Err(fault) => {
            // The reader reports what it foresees; this is what it did not.
            problems.push(Diagnostic::error(format!("{}: {fault}", path.display())));
            return Err(sorted(problems));
        }
    };
    let sets = sets.iter().map(|(name, value)| (name.clone(), set(&document, name, value))).collect();
    let hash = hash(path, &sources);
    let extensions = extensions(&root);
    Ok((Manifest { path: path.to_path_buf(), sources, document, sets, extensions, hash }, problems))
}

/// In the order of the files, then of the lines.
pub(crate) fn sorted(mut problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let place = |problem: &Diagnostic| {
        problem.place.as_ref().map(|place| (place.file.clone(), place.line, place.column))
    };
    problems.sort_by_key(|problem| (problem.level, place(problem)));
    problems.dedup();
    problems
}

/// A variable of the command line: a list, cut at commas, where the manifest has a list.
fn set(document: &model::Document, name: &str, value: &str) -> Variable {
    let mut known =
        document.datacenters.iter().filter_map(|(_, dc)| dc.vars.get(name)).chain(document.vars.get(name));
    if known.any(|variable| matches!(variable, Variable::List(_))) {
        return Variable::List(value.split(',').map(str::to_owned).collect());
    }
    Variable::Text(value.to_owned())
}

/// Over names and contents of all files, so that a history can tell which manifest it was made with.
fn hash(path: &Path, sources: &Sources) -> String {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut hasher = Sha256::new();
    for (file, text) in sources.files() {
        let name = file.strip_prefix(folder).unwrap_or(file).to_string_lossy();
        for part in [name.as_ref(), text] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    resolve::hex(&hasher.finalize())
}

/// The `x-…` keys of every point.
fn extensions(root: &Node) -> BTreeMap<String, BTreeMap<String, serde_json::Value>> {
    let Some(Kind::Map(points)) = root.get("points").map(|node| &node.kind) else { return BTreeMap::new() };
    let of_point = |node: &Node| match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .filter(|entry| entry.key.starts_with("x-"))
            .map(|entry| (entry.key.clone(), entry.value.to_json()))
            .collect(),
        _ => BTreeMap::new(),
    };
    points.iter().map(|entry| (entry.key.clone(), of_point(&entry.value))).collect()
}

impl Manifest {
    /// The plan of one datacenter.
    ///
    /// # Errors
    /// An unknown datacenter, and every mistake that only its values show.
    pub fn plan(&self, dc: &str) -> Result<Plan, Vec<Diagnostic>> {
        let Some((_, datacenter)) = self.document.datacenters.entry(dc) else {
            let known: Vec<&str> = self.datacenters();
            let fix = near::suggest(dc, known.iter().copied()).map_or_else(
                || format!("known: {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(vec![Diagnostic::error(format!("there is no datacenter `{dc}`")).fix(fix)]);
        };
        let resolved = resolve::resolve(self, dc, datacenter);
        let problems = check::datacenters(self, std::slice::from_ref(&resolved));
        if problems.is_empty() { Ok(resolved.plan) } else { Err(sorted(problems)) }
    }

    /// Ids of the datacenters, in the manifest's order.
    pub fn datacenters(&self) -> Vec<&str> {
        self.document.datacenters.names().collect()
    }

    /// Points in the order of their groups, then of the manifest.
    pub fn in_order(&self) -> impl Iterator<Item = (&str, &model::Point)> {
        let points = &self.document.points;
        let of_group = |group: &'_ str| {
            let group = group.to_owned();
            points.iter().filter(move |(_, point)| point.group.value == group)
        };
        self.document.groups.names().flat_map(of_group).map(|(id, point)| (id.value.as_str(), point))
    }

    /// Whether a point is checked in a datacenter, by its `only` and `except`.
    pub fn includes(&self, dc: &str, point: &model::Point) -> bool {
        let named = |list: &[scalar::Text]| list.iter().any(|name| name.value == dc);
        (point.only.is_empty() || named(&point.only)) && !named(&point.except)
    }

    /// What a check may start: `programs`, or whatever the plugin folders hold.
    pub fn programs(&self) -> Vec<String> {
        match &self.document.programs {
            Some(programs) => programs.iter().map(|program| program.value.clone()).collect(),
            None => vec!["*".to_owned()],
        }
    }
}

//! An export on the disk: `OUT/DC/` with the engine's files, INDEX (what it holds) and PRUNE (what it no longer holds).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Draft, Object, Target};

/// What an export holds. No engine reads a file of that name.
pub const INDEX: &str = "INDEX";
/// What has gone, with the commands that delete it.
pub const PRUNE: &str = "PRUNE";

/// A datacenter's folder as it has to be.
#[derive(Debug, Clone)]
pub struct Folder {
    /// `OUT/DC`.
    pub path: PathBuf,
    /// Every file, INDEX and PRUNE among them.
    pub files: BTreeMap<String, String>,
    /// Files of the last export that this one does not have.
    pub leftover: BTreeSet<String>,
    /// What has gone since the last export, and what had gone before and is still to be deleted.
    pub gone: BTreeSet<Object>,
}

/// How a file is not as it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// There is none.
    Missing,
    /// It says something else.
    Differs,
    /// The export no longer has it.
    Leftover,
}

impl Difference {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Difference::Missing => "missing",
            Difference::Differs => "differs",
            Difference::Leftover => "left over",
        }
    }
}

/// What the last export left in a folder.
#[derive(Debug, Clone, Default)]
struct Before {
    files: BTreeSet<String>,
    objects: BTreeSet<Object>,
}

impl Folder {
    /// Works out a datacenter's folder from the draft and from what the last export left there.
    ///
    /// # Errors
    /// The folder cannot be read, or holds an export for another engine, in words.
    pub fn new(target: Target, out: &Path, dc: &str, draft: &Draft) -> Result<Self, String> {
        let path = out.join(dc);
        let before = before(target, &path)?;
        let gone: BTreeSet<Object> = before
            .objects
            .union(&gone_before(&path)?)
            .filter(|object| !draft.objects.contains(object))
            .cloned()
            .collect();
        let mut files = draft.files.clone();
        files.insert(INDEX.to_owned(), index(target, draft));
        if !gone.is_empty() {
            files.insert(PRUNE.to_owned(), prune(target, dc, &gone));
        }
        let leftover = before.files.into_iter().filter(|name| !files.contains_key(name)).collect();
        Ok(Folder { path, files, leftover, gone })
    }

    /// What on the disk is not as it has to be.
    ///
    /// # Errors
    /// A file cannot be read, in words.
    pub fn differences(&self) -> Result<Vec<(PathBuf, Difference)>, String> {
        let mut found = Vec::new();
        for (name, text) in &self.files {
            let path = self.path.join(name);
            match read(&path)? {
                None => found.push((path, Difference::Missing)),
                Some(there) if there != *text => found.push((path, Difference::Differs)),
                Some(_) => {}
            }
        }
        for name in &self.leftover {
            let path = self.path.join(name);
            if path.exists() {
                found.push((path, Difference::Leftover));
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }
}

/// First line: for which engine. Then the files, then the objects, sorted.
fn index(target: Target, draft: &Draft) -> String {
    let files = draft.files.keys().map(|name| format!("file {name}\n"));
    let objects = draft.objects.iter().map(|object| format!("{} {}\n", object.kind, object.name));
    [format!("mdd export {}\n", target.name())].into_iter().chain(files).chain(objects).collect()
}

/// A comment per object, and its commands.
fn prune(target: Target, dc: &str, gone: &BTreeSet<Object>) -> String {
    const HEAD: &str = "# No longer in the manifest. Run these commands, then delete this file: until then they are kept here.";
    let of = |object: &Object| {
        let comment = format!("# gone: {} {}", object.kind, object.name);
        [comment].into_iter().chain(target.delete(dc, object)).collect::<Vec<_>>()
    };
    let lines: Vec<String> = [HEAD.to_owned()].into_iter().chain(gone.iter().flat_map(of)).collect();
    lines.join("\n") + "\n"
}

fn before(target: Target, folder: &Path) -> Result<Before, String> {
    let path = folder.join(INDEX);
    let Some(text) = read(&path)? else { return Ok(Before::default()) };
    let mut lines = text.lines();
    let head = lines.next().and_then(|line| line.strip_prefix("mdd export "));
    match head {
        Some(engine) if engine == target.name() => {}
        Some(engine) => {
            return Err(format!(
                "{} holds an export for {engine}; give each engine a folder of its own",
                folder.display()
            ));
        }
        None => return Err(format!("{} is not mdd's; choose another folder", path.display())),
    }
    let mut before = Before::default();
    for (kind, name) in lines.filter_map(|line| line.split_once(' ')) {
        if kind == "file" {
            // What is deleted later is a file of this folder, whatever somebody wrote here.
            if is_plain(name) {
                before.files.insert(name.to_owned());
            }
        } else {
            before.objects.insert(Object { kind: kind.to_owned(), name: name.to_owned() });
        }
    }
    Ok(before)
}

fn gone_before(folder: &Path) -> Result<BTreeSet<Object>, String> {
    let text = read(&folder.join(PRUNE))?.unwrap_or_default();
    let gone = text.lines().filter_map(|line| line.strip_prefix("# gone: ")?.split_once(' '));
    Ok(gone.map(|(kind, name)| Object { kind: kind.to_owned(), name: name.to_owned() }).collect())
}

/// A name in this folder, or in a folder of it; not a path out of it.
fn is_plain(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    parts.len() <= 2 && parts.iter().all(|part| !part.is_empty() && *part != "." && *part != "..")
}

fn read(path: &Path) -> Result<Option<String>, String> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("read {}: {error}", path.display())),
    }
}

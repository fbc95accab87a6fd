//! Reading a manifest: the file, what it includes, and one tree of all of them.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::node::{self, Entry, Kind, Node};
use super::source::{Mark, Sources};
use crate::diagnostic::Diagnostic;
use crate::select::glob;

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 4 << 20;
/// Most files of one manifest.
const MAX_FILES: usize = 1000;
/// Sections that belong to one file; all others are merged by their keys.
const WHOLE: [&str; 5] = ["mdd", "include", "platform", "programs", "waivers"];

/// Reads a manifest and what it includes into one map; whether every file could be read.
pub fn read(path: &Path, sources: &mut Sources, problems: &mut Vec<Diagnostic>) -> (Option<Node>, bool) {
    let Some(mut root) = one(path, sources, problems) else { return (None, false) };
    let mut whole = true;
    let folder = path.parent().unwrap_or(Path::new(""));
    let before = problems.len();
    let included = includes(&root, folder, sources, problems);
    whole &= problems.len() == before;
    for included in included {
        if included == path {
            continue;
        }
        let Some(node) = one(&included, sources, problems) else {
            whole = false;
            continue;
        };
        merge(&mut root, node, sources, problems);
    }
    (Some(root), whole)
}

/// Reads one file; its root is a map.
fn one(path: &Path, sources: &mut Sources, problems: &mut Vec<Diagnostic>) -> Option<Node> {
    let text = match text(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(Diagnostic::error(format!("read {}: {error}", path.display())));
            return None;
        }
    };
    let file = sources.add(path.to_path_buf(), text);
    let before = problems.len();
    let node = node::parse(sources, file, problems);
    match node {
        Some(node) if matches!(node.kind, Kind::Map(_)) => Some(node),
        _ if problems.len() > before => None,
        _ => {
            let place = sources.place(Mark { file, line: 0, column: 0 });
            problems.push(Diagnostic::error("no map of sections in this file").at(place));
            None
        }
    }
}

fn text(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "no such file (`mdd init` writes a first manifest)".to_owned(),
        _ => error.to_string(),
    })?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("larger than {} MiB", MAX_FILE >> 20));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        format!("line {line} is not UTF-8")
    })
}

/// The files that `include` names, each once, in its order.
fn includes(root: &Node, folder: &Path, sources: &Sources, problems: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    // Anything else than a list of texts is reported when the document is read.
    let Some(Kind::List(items)) = root.get("include").map(|node| &node.kind) else { return files };
    for item in items {
        let Kind::Scalar { text: pattern, .. } = &item.kind else { continue };
        let place = sources.place(item.mark);
        let inside = Path::new(pattern)
            .components()
            .all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
        if !inside || pattern.is_empty() {
            let error =
                Diagnostic::error(format!("`{pattern}` leads out of the manifest's folder")).at(place);
            problems.push(error.fix("include files below the manifest"));
            continue;
        }
        let found = expand(folder, pattern);
        if found.is_empty() {
            let error = Diagnostic::error(format!("no file matches `{pattern}`")).at(place);
            problems.push(error.fix("add the file, or remove the entry"));
        }
        for file in found {
            if !files.contains(&file) && files.len() < MAX_FILES {
                files.push(file);
            }
        }
    }
    files
}

/// Files that match a pattern, sorted; `*` matches within one component, never a leading dot.
fn expand(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![folder.to_path_buf()];
    for component in Path::new(pattern).components() {
        let Component::Normal(part) = component else { continue };
        let Some(part) = part.to_str() else { return Vec::new() };
        let mut next = Vec::new();
        for base in found {
            if !part.contains('*') {
                next.push(base.join(part));
                continue;
            }
            let listed = if base.as_os_str().is_empty() { Path::new(".") } else { &base };
            let Ok(entries) = std::fs::read_dir(listed) else { continue };
            let mut names: Vec<String> =
                entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
            names.retain(|name| glob(part, name) && !name.starts_with('.'));
            names.sort();
            next.extend(names.into_iter().map(|name| base.join(name)));
        }
        found = next;
    }
    found.retain(|path| path.is_file());
    found
}

/// Adds the sections of an included file.
fn merge(root: &mut Node, included: Node, sources: &Sources, problems: &mut Vec<Diagnostic>) {
    let (Kind::Map(sections), Kind::Map(more)) = (&mut root.kind, included.kind) else { return };
    for section in more {
        if section.key == "include" {
            let error = Diagnostic::error("`include` in an included file").at(sources.place(section.mark));
            problems.push(error.fix("list the files in the first one"));
            continue;
        }
        let Some(known) = sections.iter_mut().find(|known| known.key == section.key) else {
            sections.push(section);
            continue;
        };
        if known.value.is_null() {
            *known = section;
            continue;
        }
        if section.value.is_null() {
            continue;
        }
        match (&mut known.value.kind, section.value.kind) {
            (Kind::Map(entries), Kind::Map(more)) if !WHOLE.contains(&section.key.as_str()) => {
                for entry in more {
                    match entries.iter().find(|known| known.key == entry.key) {
                        Some(first) => twice(&entry, first.mark, sources, problems),
                        None => entries.push(entry),
                    }
                }
            }
            (_, kind) => {
                let entry = Entry { value: Node { mark: section.value.mark, kind }, ..section };
                twice(&entry, known.mark, sources, problems);
            }
        }
    }
}

fn twice(entry: &Entry, first: Mark, sources: &Sources, problems: &mut Vec<Diagnostic>) {
    let first = sources.place(first);
    let message = format!("`{}` is given twice, here and at {first}", entry.key);
    problems.push(Diagnostic::error(message).at(sources.place(entry.mark)).against(first).fix("remove one"));
}

//! Which manifest it was: its hash, and the commit and cleanliness of the git tree it lies in.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::plan::Plan;

/// Where a plan comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// SHA-256 over the manifest's files, hexadecimal.
    pub hash: String,
    /// Commit of the git tree; none outside of one, or without git.
    pub git: Option<String>,
    /// Whether the manifest's folder has changes that are not committed.
    pub dirty: Option<bool>,
}

impl Provenance {
    /// Asks git about the folder that the manifest lies in.
    pub fn of(plan: &Plan, manifest: &Path) -> Self {
        let folder = manifest.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let git = ask(folder, &["rev-parse", "--verify", "HEAD"]).map(|text| text.trim().to_owned());
        // The history, lock files and records beside the manifest are no change of it.
        let dirty = git.as_ref().and_then(|_| {
            let changes = ask(folder, &["status", "--porcelain", "--untracked-files=all", "--", "."])?;
            Some(changes.lines().any(|line| is_manifest(line.get(3..).unwrap_or(""))))
        });
        Provenance { hash: plan.hash.clone(), git, dirty }
    }

    /// Short, for people: `3f9c2e1 (clean)`, or the manifest's own hash.
    pub fn short(&self) -> String {
        let short = |text: &str| text.chars().take(7).collect::<String>();
        match (&self.git, self.dirty) {
            (Some(commit), Some(true)) => format!("{} (changed since)", short(commit)),
            (Some(commit), _) => format!("{} (clean)", short(commit)),
            (None, _) => format!("sha256 {} (not in git)", short(&self.hash)),
        }
    }
}

fn is_manifest(path: &str) -> bool {
    let path = path.trim_matches('"');
    [".yaml", ".yml"].iter().any(|ending| path.ends_with(ending))
}

fn ask(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

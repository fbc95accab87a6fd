//! What only this machine knows: whether programs and secret files are there.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::manifest::resolve::{Resolved, Secret, command_of};
use crate::programs::Programs;

/// What these datacenters need and this machine does not have.
pub fn problems(manifest: &Manifest, resolved: &[Resolved], programs: &Programs) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for one in resolved {
        for point in &one.plan.points {
            let Some(name) = point.instances.first().and_then(|instance| instance.argv.first()) else {
                continue;
            };
            if !seen.insert(name.clone()) || programs.find(name).is_some() {
                continue;
            }
            let folders: Vec<String> =
                programs.folders().iter().map(|folder| folder.display().to_string()).collect();
            let problem = Diagnostic::error(format!("`{name}` is not installed here (used by {})", point.id))
                .fix(format!("looked in {}; --plugin-dir adds a folder", folders.join(", ")));
            let written = manifest.document.points.get(&point.id);
            let program = written.and_then(|point| command_of(&manifest.document, point).first().copied());
            problems.push(match program {
                Some(program) => problem.at(manifest.sources.place(program.mark)),
                None => problem,
            });
        }
    }
    let mut seen = BTreeSet::new();
    for one in resolved {
        for secret in one.secrets.iter().filter(|secret| used(one, secret)) {
            if let (true, Some((level, message, fix))) = (seen.insert(&secret.place), wrong(secret)) {
                let problem = Diagnostic { level, ..Diagnostic::error(message) };
                problems.push(problem.at(manifest.sources.place(secret.mark)).fix(fix));
            }
        }
    }
    problems
}

/// Whether a check of this datacenter is told where the secret is.
fn used(one: &Resolved, secret: &Secret) -> bool {
    one.plan.points.iter().any(|point| {
        let arguments = point.instances.iter().flat_map(|instance| &instance.argv);
        arguments.chain(point.env.values()).any(|text| text.contains(&secret.place))
    })
}

/// What is wrong with a secret on this machine.
fn wrong(secret: &Secret) -> Option<(crate::diagnostic::Level, String, String)> {
    use crate::diagnostic::Level;
    let Secret { name, place, .. } = secret;
    if !secret.is_file {
        let set = std::env::var_os(place).is_some();
        let message = format!("secret `{name}`: the environment has no {place}");
        return (!set).then(|| (Level::Warning, message, "set it where the checks run".to_owned()));
    }
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
    let user = user.map_or_else(|| format!("uid {}", nix::unistd::geteuid()), |user| user.name);
    let meta = match std::fs::metadata(place) {
        Ok(meta) => meta,
        Err(error) => {
            let message = format!("secret `{name}`: {place}: {}", reason(&error));
            return Some((Level::Error, message, format!("install it, readable by {user} and nobody else")));
        }
    };
    if !meta.is_file() {
        return Some((Level::Error, format!("secret `{name}`: {place} is no file"), "name a file".into()));
    }
    if let Err(error) = File::open(place) {
        let message = format!("secret `{name}`: open {place} as {user}: {}", reason(&error));
        return Some((Level::Error, message, format!("let {user} read it")));
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        let message = format!("secret `{name}`: {place} has mode {mode:04o}, others can use it");
        return Some((Level::Error, message, format!("chmod o= {place}")));
    }
    None
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

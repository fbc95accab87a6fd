//! All chosen file systems measured: local ones here, those that may never answer by a helper each.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use host::Root;
use host::mounts::{Mount, Mounts};
use plugin::{Call, Failure, Helper, Reason, Result};

use crate::CheckDisk;
use crate::locate::{Place, below, failure};
use crate::select::{Limits, Target};
use crate::space::{Space, read_answer};

/// A file system or a group of them, measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    /// Mount point, or the group's name.
    pub name: String,
    /// Device, or the group's name.
    pub source: String,
    /// Type; `group` for a group.
    pub kind: String,
    /// One, or those of a group.
    pub spaces: Vec<Space>,
    pub limits: Rc<Limits>,
}

/// What is known of a target: its space, or why it is not known.
pub(crate) type Fact = Result<Measured>;

/// A target on its way from question to answer.
struct Asked {
    target: Target,
    /// Only whether it answers is of interest.
    quiet: bool,
    answer: Answer,
}

enum Answer {
    /// A local file system, asked once all helpers are at work.
    ToCome(usize),
    Waiting(Helper, PathBuf),
    Known(Result<Found>),
}

/// A space and the mount it belongs to.
struct Found {
    space: Space,
    at: At,
}

enum At {
    /// This mount of the table.
    Mount(usize),
    /// Where a helper was led to.
    End(PathBuf),
}

/// Starts a helper for each file system that may never answer, asks the others meanwhile, then collects.
///
/// The helpers share nine tenths of the time; one that has not answered by then is a failure, and is left behind.
pub(crate) fn measure(
    options: &CheckDisk,
    call: &Call,
    mounts: &Mounts,
    targets: Vec<Target>,
) -> Result<Vec<Fact>> {
    let root = &options.root.root;
    let mut asked = start(options, call, mounts, targets);
    for one in &mut asked {
        if let Answer::ToCome(index) = one.answer {
            let found = ask_here(call, &mounts.all()[index].point, root);
            one.answer = Answer::Known(found.map(|space| Found { space, at: At::Mount(index) }));
        }
    }
    let on_autofs =
        |target: &Target| target.place.mount().is_some_and(|index| mounts.all()[index].kind == "autofs");
    // autofs may have mounted what the helpers were led to.
    let stale = asked.iter().any(|one| on_autofs(&one.target));
    let mut known = Vec::with_capacity(asked.len());
    for Asked { target, quiet, answer } in asked {
        let found = match answer {
            Answer::Known(found) => found,
            Answer::Waiting(helper, path) => collect(call, helper, &path, root),
            Answer::ToCome(_) => continue,
        };
        // A remote file system that answers is all that --stat-remote-fs wants.
        if !(quiet && found.is_ok()) {
            known.push((target, found));
        }
    }
    if stale {
        return Ok(facts(known, mounts, &Mounts::read(root)?));
    }
    Ok(facts(known, mounts, mounts))
}

fn start(options: &CheckDisk, call: &Call, mounts: &Mounts, targets: Vec<Target>) -> Vec<Asked> {
    let root = &options.root.root;
    let local_only = options.local || options.stat_remote_fs;
    let mut asked = Vec::with_capacity(targets.len());
    let mut seen = HashSet::new();
    for target in targets {
        let index = match &target.place {
            Place::Mount(index) | Place::Beyond { mount: index, .. } => *index,
            Place::Failed(failure) => {
                let answer = Answer::Known(Err(failure.clone()));
                asked.push(Asked { target, quiet: false, answer });
                continue;
            }
        };
        let mount = &mounts.all()[index];
        // Filters are not for groups, whose members are named one by one.
        let alone = target.group.is_none();
        let quiet = alone && local_only && mount.is_remote();
        if (quiet && !options.stat_remote_fs) || (alone && !options.wants(mount)) {
            continue;
        }
        let helper = |path: &Path| {
            let question = [below(root, path).into_os_string()];
            match Helper::ask(&call.name, &question, path.to_string_lossy()) {
                Ok(helper) => Answer::Waiting(helper, path.to_owned()),
                Err(failure) => Answer::Known(Err(failure)),
            }
        };
        let answer = match &target.place {
            Place::Beyond { path, .. } => helper(path),
            // autofs among them: nobody asked for what it would mount here.
            _ if mount.is_pseudo() => continue,
            // Two paths on one mount are one file system, and count once in a group.
            _ if !seen.insert((index, target.group.clone())) => continue,
            _ if mounts.can_stick(index) => helper(&mount.point),
            _ => Answer::ToCome(index),
        };
        asked.push(Asked { target, quiet, answer });
    }
    asked
}

fn ask_here(call: &Call, point: &Path, root: &Root) -> Result<Space> {
    call.deadline.step(format_args!("ask {} for its space", point.display()))?;
    Space::of(&below(root, point)).map_err(|error| failure(point, &error))
}

fn collect(call: &Call, helper: Helper, path: &Path, root: &Root) -> Result<Found> {
    let deadline = &call.deadline;
    let patience: Duration = (deadline.timeout() * 9 / 10).saturating_sub(deadline.elapsed());
    let text = helper.answer(deadline, patience)?;
    let (space, end) = read_answer(path, &text)?;
    let end = match end.strip_prefix(root.path("/")) {
        Ok(end) => Path::new("/").join(end),
        Err(_) => end,
    };
    Ok(Found { space, at: At::End(end) })
}

// Names what was found, sums up groups, leaves out what has no size. `now` is the table after the helpers' work.
fn facts(known: Vec<(Target, Result<Found>)>, before: &Mounts, now: &Mounts) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    let mut groups: HashMap<String, usize> = HashMap::new();
    let mut broken: HashSet<String> = HashSet::new();
    let mut seen = HashSet::new();
    for (target, found) in known {
        let Found { space, at } = match found {
            Ok(found) => found,
            Err(failure) => {
                broken.extend(target.group);
                facts.push(Err(failure));
                continue;
            }
        };
        let mount = match &at {
            At::Mount(index) => &before.all()[*index],
            At::End(end) => {
                let Some(index) = now.holding(end) else {
                    let message = format!("{}: it lies on no mount", end.display());
                    facts.push(Err(Failure::new(Reason::Missing, message)));
                    continue;
                };
                &now.all()[index]
            }
        };
        if space.total == 0 || !seen.insert((mount.point.clone(), target.group.clone())) {
            continue;
        }
        let Some(group) = target.group else {
            facts.push(Ok(alone(mount, space, target.limits)));
            continue;
        };
        if let Some(Ok(sum)) = groups.get(&group).map(|index| &mut facts[*index]) {
            sum.spaces.push(space);
            continue;
        }
        groups.insert(group.clone(), facts.len());
        let (source, kind) = (group.clone(), "group".to_owned());
        facts.push(Ok(Measured { name: group, source, kind, spaces: vec![space], limits: target.limits }));
    }
    // The sum of a group says nothing while a part of it is unknown.
    facts.retain(|fact| !matches!(fact, Ok(sum) if sum.kind == "group" && broken.contains(&sum.name)));
    facts
}

fn alone(mount: &Mount, space: Space, limits: Rc<Limits>) -> Measured {
    Measured {
        name: mount.point.to_string_lossy().into_owned(),
        source: mount.source.to_string_lossy().into_owned(),
        kind: mount.kind.clone(),
        spaces: vec![space],
        limits,
    }
}

//! `mdd export`: the manifest as configuration of a monitoring engine.

mod metrics;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::{Global, print};
use crate::commands::deliver::write;
use crate::exit::{Error, Exit};
use crate::export::folder::{Folder, PRUNE};
use crate::export::{Alerts, Draft, Request, Style, Target};

/// Command line of `mdd export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Engine
    #[arg(value_enum, value_name = "TARGET")]
    pub target: Target,
    /// Datacenters
    #[arg(value_name = "DC", required = true)]
    pub dcs: Vec<String>,
    /// Folder to write DC/… into; one for each engine
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How a check's command is written
    #[arg(long, value_enum, default_value = "direct", value_name = "STYLE")]
    pub style: Style,
    /// What may page somebody
    #[arg(long, value_enum, default_value = "owners", value_name = "WHAT")]
    pub alerts: Alerts,
    /// Write nothing; exit 1 when the folder is not what would be written
    #[arg(long)]
    pub check: bool,
    /// Waivers become silences of the engine
    #[arg(long)]
    pub with_silences: bool,
    /// Write nothing; print the commands that delete what has gone since the last export
    #[arg(long, conflicts_with = "check")]
    pub prune_list: bool,
}

/// Does it.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    let manifest = global.manifest()?;
    let mut folders = Vec::new();
    for dc in &args.dcs {
        let plan = manifest.plan(dc)?;
        let request =
            Request { plan: &plan, style: args.style, alerts: args.alerts, silences: args.with_silences };
        let draft = args.target.draft(&request);
        refuse(args.target, &draft)?;
        let folder = Folder::new(args.target, &args.out, dc, &draft).map_err(Error::usage)?;
        folders.push((folder, draft));
    }
    if args.prune_list {
        return prune_list(&folders);
    }
    if args.check {
        return check(args, &folders);
    }
    for (dc, (folder, draft)) in args.dcs.iter().zip(&folders) {
        for (name, text) in &folder.files {
            put(&folder.path.join(name), text)?;
        }
        for name in &folder.leftover {
            remove(&folder.path.join(name))?;
        }
        if args.target == Target::Prometheus {
            metrics::publish(&manifest, dc, &folder.path, global)?;
        }
        if !global.quiet {
            print(&summary(folder, draft))?;
        }
    }
    Ok(Exit::Done)
}

/// Nothing is written of an export that leaves something out in silence.
fn refuse(target: Target, draft: &Draft) -> Result<(), Error> {
    if draft.refusals.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = draft
        .refusals
        .iter()
        .map(|refused| {
            let way_out = match refused.why.way_out {
                "" => String::new(),
                way_out => format!(" (way out: {way_out})"),
            };
            format!("{}: {}{way_out}", refused.who, refused.why.what)
        })
        .collect();
    Err(Error::usage(format!("{} cannot be given this:\n  {}", target.name(), lines.join("\n  "))))
}

fn prune_list(folders: &[(Folder, Draft)]) -> Result<Exit, Error> {
    let lists = folders.iter().filter_map(|(folder, _)| folder.files.get(PRUNE));
    print(&lists.map(String::as_str).collect::<String>())?;
    Ok(Exit::Done)
}

fn check(args: &Args, folders: &[(Folder, Draft)]) -> Result<Exit, Error> {
    let mut lines = Vec::new();
    for (folder, _) in folders {
        let differences = folder.differences().map_err(Error::own)?;
        lines.extend(differences.iter().map(|(path, how)| format!("{}: {}\n", path.display(), how.word())));
    }
    if lines.is_empty() {
        return Ok(Exit::Done);
    }
    let (target, dcs) = (args.target.name(), args.dcs.join(" "));
    lines.push(format!("write it again with: mdd export {target} {dcs} --out {}\n", args.out.display()));
    print(&lines.concat())?;
    Ok(Exit::NotDone)
}

/// One line per file that the engine reads, what has gone, what to know, and how to apply it.
fn summary(folder: &Folder, draft: &Draft) -> String {
    let path = folder.path.display();
    let mut lines: Vec<String> = draft.files.keys().map(|name| format!("{path}/{name}")).collect();
    let mut kinds = BTreeMap::<&str, usize>::new();
    for object in &draft.objects {
        *kinds.entry(&object.kind).or_default() += 1;
    }
    let counts: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    lines.push(format!(
        "  holds: {}",
        if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
    ));
    if !folder.gone.is_empty() {
        let names: Vec<String> =
            folder.gone.iter().map(|gone| format!("{} {}", gone.kind, gone.name)).collect();
        lines.push(format!("  gone: {}; how to delete them: {path}/{PRUNE}", names.join(", ")));
    }
    lines.extend(draft.notices.iter().map(|notice| format!("  note: {notice}")));
    lines.extend(
        draft.apply.iter().map(|apply| format!("  apply: {}", apply.replace("{}", &path.to_string()))),
    );
    lines.join("\n") + "\n"
}

fn put(path: &Path, text: &str) -> Result<(), Error> {
    // What has not changed keeps its time: reloads look at it.
    if std::fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    write(path, text).map_err(|error| Error::own(format!("write {}: {error}", path.display())))
}

fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::own(format!("delete {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

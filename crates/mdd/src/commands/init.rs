//! `mdd init`: a first manifest, or a new datacenter for one that exists.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::{Global, print};
use crate::exit::{Error, Exit};
use crate::manifest::model::Datacenter;
use crate::manifest::scalar::Variable;
use crate::manifest::{self, Manifest};

const SMALL: &str = include_str!("init/small.yaml");
const EXAMPLE: &str = include_str!("init/example.yaml");

/// Command line of `mdd init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the manifest [default: this one, or that of --file]
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// A larger manifest that shows every feature
    #[arg(long, conflicts_with = "from")]
    pub example: bool,
    /// Add a datacenter: with the variable names of this one, all values not known yet
    #[arg(long, value_name = "DC", requires = "dc")]
    pub from: Option<String>,
    /// With --from: the new datacenter's id; written to dc/DC.yaml
    #[arg(long, value_name = "DC", requires = "from")]
    pub dc: Option<String>,
}

/// Does it. Never overwrites a file.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    let path = args.dir.as_ref().map_or_else(|| global.manifest_path(), |dir| dir.join("mdd.yaml"));
    if let (Some(from), Some(dc)) = (&args.from, &args.dc) {
        return datacenter(&path, from, dc, global);
    }
    create(&path, if args.example { EXAMPLE } else { SMALL })?;
    let file = path.display();
    if !global.quiet {
        print(&format!("{file}: written; next: edit it, then `mdd validate -f {file}`\n"))?;
    }
    Ok(Exit::Done)
}

/// Writes a file that must not exist yet, and its folder.
fn create(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Error::own(format!("make folder {}: {error}", folder.display())))?;
    }
    let file = std::fs::File::create_new(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Error::usage(format!("{} exists already; it is left as it is", path.display()))
        }
        _ => Error::own(format!("write {}: {error}", path.display())),
    })
}

/// Writes a new datacenter after an old one.
fn datacenter(path: &Path, from: &str, dc: &str, global: &Global) -> Result<Exit, Error> {
    let manifest = manifest::load(path, &[])?;
    let datacenters = &manifest.document.datacenters;
    let Some(old) = datacenters.get(from) else {
        let known = datacenters.names().collect::<Vec<_>>().join(", ");
        return Err(Error::usage(format!("--from {from}: there is no such datacenter; known: {known}")));
    };
    if datacenters.has(dc) {
        return Err(Error::usage(format!("--dc {dc}: there is such a datacenter already")));
    }
    if !manifest::check::is_id(dc) {
        return Err(Error::usage(format!(
            "--dc {dc}: an id is lower-case letters, digits and -, a letter first"
        )));
    }
    let folder = path.parent().unwrap_or(Path::new("")).join("dc");
    let file = folder.join(format!("{dc}.yaml"));
    create(&file, &draft(&manifest, from, old, dc))?;
    if !global.quiet {
        let included = manifest::load(path, &[]).is_ok_and(|manifest| manifest.document.datacenters.has(dc));
        let next = if included { "fill in its values" } else { "add `include: [dc/*.yaml]` to the manifest" };
        let (file, path) = (file.display(), path.display());
        print(&format!("{file}: written; next: {next}, then `mdd validate -f {path}`\n"))?;
    }
    Ok(Exit::Done)
}

/// The new datacenter's file: names without values, the old values beside them.
fn draft(manifest: &Manifest, from: &str, old: &Datacenter, dc: &str) -> String {
    let mut text = format!(
        "# After {from}. ~ means not known yet: points that need the value wait for it.\n\
         datacenters:\n  {dc}:\n    title: {dc}\n    stage: planned\n"
    );
    let line = |name: &str, old: &str| {
        let old: String = old.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let start = format!("      {name}: ~");
        if old.is_empty() { format!("{start}\n") } else { format!("{start:<30}  # {from}: {old}\n") }
    };
    let milestones = &manifest.document.milestones;
    if !milestones.is_empty() {
        text += "    due:\n";
        for milestone in milestones.names() {
            let date = old.due.get(milestone).and_then(|day| day.0);
            text += &line(milestone, &date.map(|date| date.to_string()).unwrap_or_default());
        }
    }
    if !old.vars.is_empty() {
        text += "    vars:\n";
        for (name, value) in old.vars.iter() {
            text += &line(
                name,
                &match value {
                    Variable::Unknown => String::new(),
                    Variable::Text(value) => value.clone(),
                    Variable::List(items) => format!("[{}]", items.join(", ")),
                },
            );
        }
    }
    text
}

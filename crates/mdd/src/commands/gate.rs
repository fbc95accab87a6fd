//! `mdd gate`: is the datacenter done?

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::context::{Context, duration, interrupted};
use super::run::Format;
use crate::cli::{Global, print};
use crate::engine::snapshot::FailOn;
use crate::engine::state::Options;
use crate::exit::{Error, Exit};
use crate::history::record::Gate as Kept;
use crate::plan::Point;
use crate::render::gate::{self as render, Gate};
use crate::render::json;

/// Command line of `mdd gate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Datacenter
    #[arg(value_name = "DC")]
    pub dc: String,
    /// Only what this milestone needs: its own points and those of all before it
    #[arg(long, value_name = "MILESTONE")]
    pub milestone: Option<String>,
    /// So long every point has to be green, instead of its own time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub stable: Option<Duration>,
    /// No result may be older than this, even if its point allows more
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub max_age: Option<Duration>,
    /// Warnings do not count as done
    #[arg(long)]
    pub strict: bool,
    /// Waivers do not count
    #[arg(long)]
    pub no_waivers: bool,
    /// Run the checks first; needs --as
    #[arg(long, requires = "as_vantage")]
    pub run: bool,
    /// With --run: this machine is that vantage point
    #[arg(long = "as", value_name = "VANTAGE", requires = "run")]
    pub as_vantage: Option<String>,
    /// Write the record of acceptance there, as JSON
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// What to print
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: Format,
}

/// Does it.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    if args.run && global.at.is_some() {
        return Err(Error::usage("checks run now: --at and --run do not go together"));
    }
    let context = Context::load(global, &args.dc)?;
    let plan = &context.plan;
    let needed = match &args.milestone {
        Some(milestone) => context.until_milestone(milestone)?,
        None => plan.points.iter().map(|point| point.id.clone()).collect::<BTreeSet<_>>(),
    };
    if needed.is_empty() {
        return Err(Error::usage(format!("{}: no point is needed for that", plan.dc)));
    }
    if let (true, Some(vantage)) = (args.run, &args.as_vantage)
        && !super::run::record(&context, vantage, &needed, global)?
    {
        return Ok(interrupted());
    }
    let options = Options {
        strict: args.strict,
        waivers: !args.no_waivers,
        stable: args.stable,
        max_age: args.max_age,
        ..Options::at(global.now())
    };
    let snapshot = context.snapshot(&options)?;
    let needs = |point: &Point| needed.contains(&point.id);
    let gate = Gate {
        milestone: plan.milestones.iter().find(|milestone| Some(&milestone.id) == args.milestone.as_ref()),
        needed: &needed,
        exit: snapshot.exit(FailOn::NotDone, needs),
        provenance: &context.provenance,
        state: &context.state,
        quiet: global.quiet,
        verbose: global.verbose,
    };
    let record = json::document(&render::record(&snapshot, &gate));
    let mut out = match args.format {
        Format::Text => render::text(&snapshot, &gate, global.style()),
        Format::Json => record.clone(),
    };
    if let Some(path) = &args.record {
        write(path, &record).map_err(|error| Error::own(format!("write {}: {error}", path.display())))?;
        context.history()?.gate(&Kept {
            dc: &plan.dc,
            milestone: args.milestone.as_deref(),
            verdict: json::verdict(gate.exit),
            at: options.now,
            record: &record,
        })?;
        if args.format == Format::Text {
            out = format!("{out}record {}\n", path.display());
        }
    }
    print(&out)?;
    Ok(gate.exit)
}

/// Writes a file as a whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().ok_or_else(|| std::io::Error::other("it names no file"))?;
    let draft = folder.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = (|| {
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, path)?;
        std::fs::File::open(folder)?.sync_all()
    })();
    if written.is_err() && draft.exists() {
        std::fs::remove_file(&draft)?;
    }
    written
}

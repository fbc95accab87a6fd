//! `mdd gate`: is the datacenter done?

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::context::{Context, duration, interrupted};
use super::deliver::{deliver, write};
use crate::cli::Global;
use crate::engine::facts::Sources;
use crate::engine::snapshot::FailOn;
use crate::engine::state::Options;
use crate::exit::{Error, Exit};
use crate::history::record::Gate as Kept;
use crate::plan::Point;
use crate::render::formats::{Format, Sheet, parse_out};
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
    /// Which results count
    #[arg(long, value_enum, default_value = "any", value_name = "SOURCE")]
    pub source: Sources,
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
    /// Write a file as well, in any of the formats (repeatable)
    #[arg(long, value_name = "FORMAT=FILE", value_parser = parse_out)]
    pub out: Vec<(Format, PathBuf)>,
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
        return interrupted(args.format);
    }
    let options = Options {
        strict: args.strict,
        waivers: !args.no_waivers,
        stable: args.stable,
        max_age: args.max_age,
        sources: args.source,
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
    if let Some(path) = &args.record {
        write(path, &record).map_err(|error| Error::own(format!("write {}: {error}", path.display())))?;
        context.history()?.gate(&Kept {
            dc: &plan.dc,
            milestone: args.milestone.as_deref(),
            verdict: json::verdict(gate.exit),
            at: options.now,
            record: &record,
        })?;
    }
    let recorded = args.record.as_ref().map(|path| format!("record {}\n", path.display()));
    let text = |style| render::text(&snapshot, &gate, style) + recorded.as_deref().unwrap_or("");
    let milestone = args.milestone.as_deref().unwrap_or("");
    let sheet = Sheet { snapshot: &snapshot, shown: &needed, exit: gate.exit, milestone };
    deliver(&sheet, (args.format, &args.out), &|| record.clone(), &text, global)
}

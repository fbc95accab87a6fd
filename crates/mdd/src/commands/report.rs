//! `mdd report`: a page for people, from the history; nothing is run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::context::Context;
use crate::cli::{Global, print};
use crate::engine::snapshot::{FailOn, Snapshot};
use crate::engine::state::Options;
use crate::exit::{Error, Exit};
use crate::history::History;
use crate::page::Page;
use crate::page::past::Past;
use crate::plan::Point;
use crate::quote;
use crate::render::json;
use crate::render::status::{self, By, Status};

/// Command line of `mdd report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Datacenters [default: all]
    #[arg(value_name = "DC")]
    pub dcs: Vec<String>,
    /// Folder to write DC.html into [default: report/ beside the history]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What to write
    #[arg(long, value_enum, default_value = "html", value_name = "FORMAT")]
    pub format: Format,
}

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A page that is complete in itself
    Html,
    /// The same for programs: DC.json
    Json,
}

/// Does it.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    let manifest = global.manifest()?;
    let options = Options::at(global.now());
    let state = global.state_path();
    // Misspelt ones are told before anything is written.
    for dc in &args.dcs {
        manifest.plan(dc)?;
    }
    let contexts = manifest
        .datacenters()
        .into_iter()
        .map(|dc| Context::of(&manifest, global, dc))
        .collect::<Result<Vec<Context>, Error>>()?;
    let grid = contexts.iter().map(|one| one.snapshot(&options)).collect::<Result<Vec<Snapshot<'_>>, _>>()?;
    let wanted = |dc: &str| args.dcs.is_empty() || args.dcs.iter().any(|one| one == dc);
    let beside: Vec<&str> =
        contexts.iter().map(|context| context.plan.dc.as_str()).filter(|dc| wanted(dc)).collect();
    let history = History::read(&state)?;
    let folder = args.out.clone().unwrap_or_else(|| match state.parent() {
        Some(folder) => folder.join("report"),
        None => PathBuf::from("report"),
    });
    for (context, snapshot) in contexts.iter().zip(&grid).filter(|(context, _)| wanted(&context.plan.dc)) {
        let plan = &context.plan;
        let past = match &history {
            Some(history) => Past::read(history, plan, options.now)?,
            None => Past::default(),
        };
        let page =
            Page { snapshot, grid: &grid, past: &past, provenance: &context.provenance, beside: &beside };
        let (ending, text) = match args.format {
            Format::Html => ("html", page.html()),
            Format::Json => ("json", json::document(&document(&page))),
        };
        let path = folder.join(format!("{}.{ending}", plan.dc));
        super::deliver::write(&path, &text)
            .map_err(|error| Error::own(format!("write {}: {error}", path.display())))?;
        if !global.quiet {
            print(&format!("{}\n", path.display()))?;
        }
    }
    Ok(Exit::Done)
}

/// What the page says, for programs: the datacenter as `mdd status` gives it, and what the manifest says of its points.
fn document(page: &Page<'_>) -> Value {
    let plan = page.snapshot.plan;
    let chosen: BTreeSet<String> = plan.points.iter().map(|point| point.id.clone()).collect();
    let status = Status {
        snapshot: page.snapshot.clone(),
        chosen,
        exit: page.snapshot.exit(FailOn::NotDone, |_| true),
        provenance: page.provenance,
        by: By::Group,
        waits: page.past.times.clone(),
        changes: page.past.changes.clone(),
    };
    let mut object = status::datacenter(&status);
    if let Some(Value::Array(points)) = object.get_mut("points") {
        for (entry, point) in points.iter_mut().zip(&plan.points) {
            if let Value::Object(entry) = entry {
                entry.extend(about(point));
            }
        }
    }
    Value::Object(object)
}

/// What the manifest says of a point, and its commands as a shell reads them.
fn about(point: &Point) -> Map<String, Value> {
    let commands: Vec<Value> = point
        .instances
        .iter()
        .filter(|_| point.missing.is_empty())
        .map(|instance| quote::line(&point.env, &instance.argv).map_or(Value::Null, Value::from))
        .collect();
    let object = json!({
        "why": point.why, "need": point.need, "for_users": point.for_users, "runbook": point.runbook,
        "links": point.links, "commands": commands,
    });
    match object {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

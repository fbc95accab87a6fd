//! `mdd run`: the checks of a datacenter, once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;

use super::context::{Context, interrupted, stop};
use super::deliver::deliver;
use crate::cli::Global;
use crate::engine::facts::Facts;
use crate::engine::pool::{self, Taken};
use crate::engine::reading::now;
use crate::engine::snapshot::{FailOn, Snapshot, snapshot};
use crate::engine::state::Options;
use crate::exit::{Error, Exit};
use crate::history::record::Run;
use crate::plan::{Plan, Point};
use crate::render::formats::{Format, Sheet, parse_out};
use crate::render::run::Summary;
use crate::render::{json, run as render};

/// Command line of `mdd run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Datacenter
    #[arg(value_name = "DC")]
    pub dc: String,
    /// Which points: group:dns owner:netops !severity:minor
    #[arg(value_name = "SELECT")]
    pub select: Vec<String>,
    /// This machine is that vantage point: run its checks and record what they say
    #[arg(long = "as", value_name = "VANTAGE")]
    pub as_vantage: Option<String>,
    /// With --as: run the checks of other vantage points too; shown and marked, never recorded. Implied without --as
    #[arg(long)]
    pub all_vantages: bool,
    /// So many checks at once [default: twice the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// What makes the exit code 1
    #[arg(long, value_enum, default_value = "not-done", value_name = "WHAT")]
    pub fail_on: FailOn,
    /// With --as: run its checks, record nothing
    #[arg(long)]
    pub no_record: bool,
    /// What to print
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: Format,
    /// Write a file as well, in any of the formats (repeatable)
    #[arg(long, value_name = "FORMAT=FILE", value_parser = parse_out)]
    pub out: Vec<(Format, PathBuf)>,
}

/// Does it.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    if global.at.is_some() {
        return Err(Error::usage("checks run now: --at is for `gate`, `history` and `show`"));
    }
    let context = Context::load(global, &args.dc)?;
    let chosen = context.choose(&args.select, &Options::at(now()))?;
    let (started, begun) = (now(), Instant::now());
    let order = Order {
        vantage: args.as_vantage.as_deref(),
        all_vantages: args.all_vantages,
        jobs: args.jobs,
        record: !args.no_record,
    };
    let Some(done) = perform(&order, &context, &chosen, global)? else {
        return interrupted(args.format);
    };
    let shows = |point: &Point| done.shown.contains(&point.id);
    let exit = done.snapshot.exit(args.fail_on, shows);
    let ran_here = |point: &Point| done.ran.contains(&point.id);
    let elsewhere = done.snapshot.entries.iter().filter(|e| shows(e.point) && !ran_here(e.point)).count();
    let is_borrowed =
        |point: &&Point| args.as_vantage.as_ref().is_some_and(|own| *own != point.vantage) && ran_here(point);
    let borrowed = context.plan.points.iter().filter(is_borrowed).map(|point| point.id.clone()).collect();
    let summary = Summary {
        took: begun.elapsed(),
        checks: done.checks,
        elsewhere,
        borrowed,
        unrecorded: done.unrecorded,
        exit,
        verbose: global.verbose,
        quiet: global.quiet,
    };
    let json = || {
        let mut object = json::head(&done.snapshot, exit, &context.provenance);
        object.insert("vantage".into(), args.as_vantage.clone().into());
        object.insert("recorded".into(), done.unrecorded.is_none().into());
        object.insert("started".into(), json::moment(started));
        object.insert("took_s".into(), json::seconds(summary.took));
        object.insert("counts".into(), json::counts(&done.snapshot, shows));
        object.insert("do_next".into(), done.snapshot.causes(shows).iter().map(json::cause).collect());
        object.insert("points".into(), json::entries(&done.snapshot, shows));
        json::document(&Value::Object(object))
    };
    let sheet = Sheet { snapshot: &done.snapshot, shown: &done.shown, exit, milestone: "" };
    let text = |style| render::text(&done.snapshot, shows, &summary, style);
    deliver(&sheet, (args.format, &args.out), &json, &text, global)
}

/// What to run, and as whom.
struct Order<'o> {
    vantage: Option<&'o str>,
    all_vantages: bool,
    jobs: Option<u16>,
    record: bool,
}

/// What a run has brought.
struct Done<'p> {
    snapshot: Snapshot<'p>,
    /// Points to show and to judge by.
    shown: BTreeSet<String>,
    /// Points that ran.
    ran: BTreeSet<String>,
    /// Checks that ran.
    checks: usize,
    /// Why nothing was recorded.
    unrecorded: Option<&'static str>,
}

/// Runs and records. None when interrupted.
fn perform<'p>(
    order: &Order<'_>,
    context: &'p Context,
    chosen: &BTreeSet<String>,
    global: &Global,
) -> Result<Option<Done<'p>>, Error> {
    let plan = &context.plan;
    let own = order.vantage.map(|id| context.vantage(id)).transpose()?;
    let is_own = |point: &Point| own.is_none_or(|vantage| vantage.id == point.vantage);
    let points: Vec<&Point> = plan
        .points
        .iter()
        .filter(|point| chosen.contains(&point.id) && (order.all_vantages || is_own(point)))
        .collect();
    if let (Some(vantage), false) = (own, points.iter().any(|point| is_own(point))) {
        return Err(Error::usage(format!("none of the chosen points is run from {}", vantage.id)));
    }
    // Opened first: results that could not be kept are not worth the wait.
    let mut history = match own {
        Some(_) if order.record => Some(context.history()?),
        _ => None,
    };
    let before = match &history {
        Some(history) => history.facts(plan, &Options::at(now()))?,
        None => Facts::none(),
    };
    let stop = stop()?;
    let launcher = context.launcher(global, &stop);
    let workers = order.jobs.map_or_else(pool::default_workers, usize::from);
    let started = now();
    let Some(taken) = pool::run(plan, &points, &launcher, workers, &before) else {
        return Ok(None);
    };
    let checks = taken.len();
    let (recorded, borrowed): (Vec<Taken<'_>>, Vec<Taken<'_>>) =
        taken.into_iter().partition(|one| history.is_some() && is_own(one.point));
    let judged = if let (Some(history), Some(vantage)) = (&mut history, own) {
        let run = Run { vantage: &vantage.id, started, provenance: &context.provenance };
        let (facts, judged) = history.record(plan, &run, &recorded)?;
        if borrowed.is_empty() { judged } else { with(plan, facts, borrowed) }
    } else {
        // A laptop stands in for every vantage point that it runs the points of.
        let mut facts = Facts::none();
        facts.vantages.extend(points.iter().map(|point| point.vantage.clone()));
        with(plan, facts, borrowed)
    };
    let ran: BTreeSet<String> = points.iter().map(|point| point.id.clone()).collect();
    Ok(Some(Done {
        snapshot: judged,
        shown: if history.is_some() { chosen.clone() } else { ran.clone() },
        ran,
        checks,
        unrecorded: match (own, &history) {
            (_, Some(_)) => None,
            (None, None) => Some("without --as VANTAGE this is no vantage point's truth"),
            (Some(_), None) => Some("--no-record"),
        },
    }))
}

/// The datacenter with results that are not kept.
fn with<'p>(plan: &'p Plan, mut facts: Facts, taken: Vec<Taken<'_>>) -> Snapshot<'p> {
    for one in taken {
        facts.apply(one.point, one.instance, one.reading);
    }
    snapshot(plan, &facts, &Options::at(now()))
}

/// Runs and records the points of one vantage point, for `mdd gate --run`. False when interrupted.
///
/// # Errors
/// As `mdd run`.
pub fn record(
    context: &Context,
    vantage: &str,
    chosen: &BTreeSet<String>,
    global: &Global,
) -> Result<bool, Error> {
    let order = Order { vantage: Some(vantage), all_vantages: false, jobs: None, record: true };
    Ok(perform(&order, context, chosen, global)?.is_some())
}

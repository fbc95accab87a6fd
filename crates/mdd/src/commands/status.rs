//! `mdd status`: how datacenters stand, from the history; nothing is run.

use std::collections::BTreeSet;

use super::context::{Context, known, plans};
use super::history::{Since, parse_since};
use crate::cli::{Global, print};
use crate::engine::alerts::alerts;
use crate::engine::snapshot::{FailOn, Snapshot, snapshot};
use crate::engine::state::Options;
use crate::exit::{Error, Exit};
use crate::history::History;
use crate::history::report::Scope;
use crate::manifest::{Manifest, near};
use crate::plan::Point;
use crate::render::alerts::{self as told, Board};
use crate::render::formats::{Sheet, nagios};
use crate::render::json;
use crate::render::status::{self as render, By, Status};
use crate::select::Selector;

/// Command line of `mdd status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Datacenters, then which points: iad2 group:dns owner:netops state:red [default: all of all]
    #[arg(value_name = "DC|SELECT")]
    pub what: Vec<String>,
    /// One row for each of these
    #[arg(long, value_enum, default_value = "group", value_name = "WHAT")]
    pub by: By,
    /// What has changed from then on: a time, or so long ago as 1d
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub since: Option<Since>,
    /// Only what may page somebody: causes in live datacenters, and failures after a gate was done. owner:X means
    /// whose turn it is
    #[arg(long, conflicts_with_all = ["by", "since"])]
    pub alerts: bool,
    /// Warnings do not count as done
    #[arg(long)]
    pub strict: bool,
    /// What to print
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: Format,
}

/// Format of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// As one check: a plugin's line and exit code
    Nagios,
}

/// Does it.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    let manifest = global.manifest()?;
    let (dcs, select) = split(&manifest, &args.what)?;
    let now = global.now();
    let options = Options { strict: args.strict, ..Options::at(now) };
    if args.alerts {
        return tell(&manifest, &dcs, &select, &options, args.format, global);
    }
    let history = History::read(&global.state_path())?;
    let contexts =
        dcs.iter().map(|dc| Context::of(&manifest, global, dc)).collect::<Result<Vec<Context>, Error>>()?;
    let mut statuses = Vec::new();
    let mut refused = None;
    for context in &contexts {
        let chosen = match context.choose(&select, &options) {
            Ok(chosen) => chosen,
            // Of several datacenters, one may have what is asked for and another may not.
            Err(error) => {
                refused.get_or_insert(error);
                continue;
            }
        };
        let snapshot = context.snapshot(&options)?;
        let exit = snapshot.exit(FailOn::NotDone, |point| chosen.contains(&point.id));
        let plan = &context.plan;
        let (waits, changes) = match &history {
            None => (Vec::new(), Vec::new()),
            Some(history) => {
                let points: Vec<&Point> = plan.points.iter().filter(|p| chosen.contains(&p.id)).collect();
                let waits = history.times_to_green(&plan.dc, &points, now)?;
                let mut changes = Vec::new();
                if let Some(since) = args.since {
                    let scope = Scope { dc: &plan.dc, point: None, from: since.before(now), to: now };
                    changes = history.changes(&scope)?;
                    changes.retain(|change| chosen.contains(&change.point));
                }
                (waits, changes)
            }
        };
        let provenance = &context.provenance;
        statuses.push(Status { snapshot, chosen, exit, provenance, by: args.by, waits, changes });
    }
    if let (true, Some(error)) = (statuses.is_empty(), refused) {
        return Err(error);
    }
    let exit = worst(&statuses);
    print(&match args.format {
        Format::Text => {
            render::text(&statuses, args.since.is_some(), global.style(), global.quiet, global.verbose)
        }
        Format::Json => json::document(&render::document(&statuses, exit, now)),
        Format::Nagios => {
            let sheets = statuses.iter().map(|status| Sheet {
                snapshot: &status.snapshot,
                shown: &status.chosen,
                exit: status.exit,
                milestone: "",
            });
            let sheets: Vec<Sheet<'_, '_>> = sheets.collect();
            print(&nagios::lines(&sheets, limit(global)))?;
            let worst = sheets.iter().map(nagios::status).max();
            return Ok(Exit::Plugin(worst.unwrap_or(plugin::State::Unknown)));
        }
    })?;
    Ok(exit)
}

/// What may page somebody, for the engine that routes it. Reads, and starts nothing.
fn tell(
    manifest: &Manifest,
    dcs: &[&str],
    words: &[String],
    options: &Options,
    format: Format,
    global: &Global,
) -> Result<Exit, Error> {
    let select = Selector::parse(words).map_err(Error::usage)?;
    let plans = dcs.iter().map(|dc| plans(manifest, dc)).collect::<Result<Vec<_>, Error>>()?;
    let mut all = Vec::new();
    for (plan, others) in &plans {
        let (facts, gates) = known(&global.state_path(), plan, others, options)?;
        all.push((snapshot(plan, &facts, options), gates, others));
    }
    let mut boards = Vec::new();
    for (snapshot, gates, others) in &all {
        if is_about(&select, snapshot) {
            let alerts = alerts(snapshot, gates, others, &select);
            boards.push(Board::new(snapshot, alerts, &select, words));
        }
    }
    if boards.is_empty() {
        let what = if words.is_empty() { String::new() } else { format!(" matches `{}`", words.join(" ")) };
        return Err(Error::usage(format!("no point of {}{what}", dcs.join(", "))));
    }
    print(&match format {
        Format::Text => told::text(&boards, global.style(), global.quiet),
        Format::Json => json::document(&told::document(&boards, options.now)),
        Format::Nagios => told::nagios(&boards, limit(global)),
    })?;
    Ok(match format {
        Format::Nagios => Exit::Plugin(told::status(&boards)),
        Format::Text | Format::Json => told::exit(&boards),
    })
}

/// Whether a datacenter has anything that this selection could ever be about: a point of the team's own, or one that
/// the team would answer for.
fn is_about(select: &Selector, snapshot: &Snapshot<'_>) -> bool {
    snapshot.plan.points.iter().any(|point| {
        let vantages = &snapshot.plan.vantages;
        let vantage = vantages.iter().find(|vantage| vantage.id == point.vantage);
        select.takes(point) || vantage.is_some_and(|vantage| select.takes_as(point, &vantage.owner))
    })
}

/// Longest output as one check; none with `-v`.
fn limit(global: &Global) -> Option<usize> {
    (global.verbose == 0).then_some(nagios::WHOLE)
}

/// Datacenters first, as far as words name them; the rest is a selection.
fn split<'m>(manifest: &'m Manifest, words: &[String]) -> Result<(Vec<&'m str>, Vec<String>), Error> {
    let all = manifest.datacenters();
    let mut dcs: Vec<&str> = Vec::new();
    let mut select = Vec::new();
    for word in words {
        match all.iter().find(|dc| *dc == word) {
            Some(dc) if select.is_empty() && !dcs.contains(dc) => dcs.push(dc),
            Some(_) if select.is_empty() => {}
            _ => select.push(word.clone()),
        }
    }
    // A datacenter's name with a mistake in it would be taken for a point's.
    if let Some(word) = select.first().filter(|word| !word.contains([':', '!', '*']))
        && manifest.in_order().all(|(id, _)| id != word.as_str())
    {
        let points: BTreeSet<&str> = manifest.in_order().map(|(id, _)| id).collect();
        let known = || all.iter().copied().chain(points.iter().copied());
        let fix = near::suggest(word, known()).map_or_else(
            || format!("datacenters: {}", all.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Error::usage(format!("`{word}` is neither a datacenter nor a point; {fix}")));
    }
    Ok((if dcs.is_empty() { all } else { dcs }, select))
}

/// What is wrong beats what is unknown.
fn worst(statuses: &[Status<'_>]) -> Exit {
    let any = |wanted: &Exit| statuses.iter().any(|status| status.exit == *wanted);
    [Exit::NotDone, Exit::Unknown].into_iter().find(any).unwrap_or(Exit::Done)
}

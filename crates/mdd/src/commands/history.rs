//! `mdd history`: what happened.

use jiff::Timestamp;

use super::context::duration;
use crate::cli::{Global, parse_time, print};
use crate::exit::{Error, Exit};
use crate::history::History;
use crate::history::report::Scope;
use crate::plan::{Plan, Point};
use crate::render::history::{self as render, Row};

/// Command line of `mdd history`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Datacenter, or one point of it [default: every datacenter]
    #[arg(value_name = "DC[/POINT]")]
    pub what: Option<String>,
    /// From then on: a time, or so long ago as 1d
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub since: Option<Since>,
    /// Changes of state instead of results
    #[arg(long, conflicts_with = "time_to_green")]
    pub transitions: bool,
    /// How long each point took to become green, waiting for others apart
    #[arg(long, conflicts_with = "since")]
    pub time_to_green: bool,
    /// What to print
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: Format,
}

/// Format of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
}

/// Where to begin.
#[derive(Debug, Clone, Copy)]
pub enum Since {
    /// A moment.
    At(Timestamp),
    /// So long ago.
    Ago(std::time::Duration),
}

impl Since {
    /// The moment that is meant, seen from `now`.
    pub fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Since::At(at) => at,
            Since::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
        }
    }
}

/// A moment, or how long ago.
pub(super) fn parse_since(text: &str) -> Result<Since, String> {
    duration(text).map(Since::Ago).or_else(|_| parse_time(text).map(Since::At)).map_err(|_| {
        "expected a time such as 2026-11-22 or 2026-11-22T21:40, or how long ago, such as 90m or 1d"
            .to_owned()
    })
}

/// Does it.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    let manifest = global.manifest()?;
    let (dcs, id) = match args.what.as_deref() {
        None => (manifest.datacenters(), None),
        Some(what) => match what.split_once('/') {
            None => (vec![what], None),
            Some((dc, id)) => (vec![dc], Some(id)),
        },
    };
    let plans = dcs.iter().map(|dc| manifest.plan(dc)).collect::<Result<Vec<Plan>, _>>()?;
    let history = History::read(&global.state_path())?;
    let Some(history) = history else {
        if let Some((plan, id)) = plans.first().zip(id) {
            point(plan, id).ok_or_else(|| unknown(plan, id))?;
        }
        print(&nothing(args.format))?;
        return Ok(Exit::Done);
    };
    let now = global.now();
    let from = args.since.map_or(Timestamp::MIN, |since| since.before(now));
    let scopes: Vec<Scope<'_>> = plans
        .iter()
        .map(|plan| {
            let was = id.and_then(|id| point(plan, id)).and_then(|point| point.was.as_deref());
            Scope { dc: &plan.dc, point: id.map(|id| (id, was.unwrap_or(id))), from, to: now }
        })
        .collect();
    if let Some((plan, id)) = plans.first().zip(id)
        && point(plan, id).is_none()
        && history.results(&Scope { from: Timestamp::MIN, ..scopes[0] })?.is_empty()
    {
        return Err(unknown(plan, id));
    }
    let text = if args.time_to_green {
        let mut rows = Vec::new();
        for plan in &plans {
            let points: Vec<&Point> =
                plan.points.iter().filter(|point| id.is_none_or(|id| id == point.id)).collect();
            let times = history.times_to_green(&plan.dc, &points, now)?;
            rows.extend(times.into_iter().map(|time| (plan.dc.clone(), time)));
        }
        let titles = ["point", "first red", "first green", "stable", "total", "blocked", "own"];
        format(rows, args, &titles, global)
    } else if args.transitions {
        format(gather(&scopes, |scope| history.changes(scope))?, args, &[], global)
    } else {
        format(gather(&scopes, |scope| history.results(scope))?, args, &[], global)
    };
    print(&text)?;
    Ok(Exit::Done)
}

fn gather<'s, R>(
    scopes: &[Scope<'s>],
    read: impl Fn(&Scope<'s>) -> Result<Vec<R>, Error>,
) -> Result<Vec<(String, R)>, Error> {
    let mut rows = Vec::new();
    for scope in scopes {
        rows.extend(read(scope)?.into_iter().map(|row| (scope.dc.to_owned(), row)));
    }
    Ok(rows)
}

fn format<R: Row>(rows: Vec<(String, R)>, args: &Args, titles: &[&str], global: &Global) -> String {
    let (style, verbose) = (global.style(), global.verbose > 0);
    match args.format {
        Format::Csv => render::csv(&rows),
        Format::Json => render::json(&rows),
        Format::Text if rows.is_empty() => nothing(args.format),
        Format::Text => {
            let several = rows.windows(2).any(|pair| pair[0].0 != pair[1].0);
            if !several {
                let rows: Vec<R> = rows.into_iter().map(|(_, row)| row).collect();
                return render::text(&rows, titles, style, verbose);
            }
            let mut out = String::new();
            let mut rows = rows.into_iter().peekable();
            while let Some((dc, first)) = rows.next() {
                let mut of_dc = vec![first];
                while let Some((_, row)) = rows.next_if(|(next, _)| *next == dc) {
                    of_dc.push(row);
                }
                out.extend([style.bold(&dc), "\n".to_owned(), render::text(&of_dc, titles, style, verbose)]);
            }
            out
        }
    }
}

fn nothing(format: Format) -> String {
    match format {
        Format::Text => "nothing has been recorded yet\n".to_owned(),
        Format::Csv => String::new(),
        Format::Json => "[]\n".to_owned(),
    }
}

fn point<'p>(plan: &'p Plan, id: &str) -> Option<&'p Point> {
    plan.points.iter().find(|point| point.id == id)
}

fn unknown(plan: &Plan, id: &str) -> Error {
    Error::usage(format!("{} has no point `{id}`, and the history knows none", plan.dc))
}

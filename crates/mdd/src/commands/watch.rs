//! `mdd watch`: the checks, again and again, until they are done.

mod keys;
mod lines;
mod schedule;
mod screen;
mod terminal;

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::context::{Context, duration, stop};
use crate::cli::{Global, print};
use crate::engine::facts::{Facts, Sources};
use crate::engine::reading::now;
use crate::engine::snapshot::{FailOn, Snapshot};
use crate::engine::state::Options;
use crate::engine::stop::Stop;
use crate::exit::{Error, Exit};
use crate::plan::Point;
use crate::render::run as render;
use crate::render::style::Style;
use crate::render::words::span_exact;
use schedule::{Schedule, Source, Update};

/// Most news that wait to be shown; when whoever reads is slower, some are left out.
const NEWS: usize = 64;

/// How long the beginning waits for points that have not reported yet.
const FIRST: Duration = Duration::from_secs(10);

/// Command line of `mdd watch`.
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
    /// Which results count; with `engine` nothing is run, and what is pulled is followed [default: local; with --as: any]
    #[arg(long, value_enum, value_name = "SOURCE")]
    pub source: Option<Sources>,
    /// When to stop: done, never, or a milestone with all before it
    #[arg(long, default_value = "done", value_name = "WHEN")]
    pub until: String,
    /// Give up after so long: exit code 4 [default: 6h; none with --until never]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Run every check this often, instead of at its own interval
    #[arg(long, value_name = "TIME", value_parser = pace)]
    pub every: Option<Duration>,
    /// So many checks at once [default: twice the number of cores; those that only wait count little]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// One line per change, on a terminal too
    #[arg(long)]
    pub plain: bool,
    /// Ring the terminal's bell at every change
    #[arg(long)]
    pub bell: bool,
}

/// A time span, but not so short that nothing else would be done.
fn pace(text: &str) -> Result<Duration, String> {
    let every = duration(text)?;
    if every < Duration::from_millis(100) { Err("at least 100ms".to_owned()) } else { Ok(every) }
}

/// Does it.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    if global.at.is_some() {
        return Err(Error::usage("checks run now: --at is for `gate`, `history` and `show`"));
    }
    if args.bell && !std::io::stdout().is_terminal() {
        return Err(Error::usage("--bell needs a terminal to ring on"));
    }
    let context = Context::load(global, &args.dc)?;
    let mut chosen = context.choose(&args.select, &Options::at(now()))?;
    let until = match args.until.as_str() {
        "done" | "never" => None,
        milestone => Some(context.until_milestone(milestone)?),
    };
    if let Some(needed) = &until {
        chosen.retain(|id| needed.contains(id));
        if chosen.is_empty() {
            return Err(Error::usage(format!("no chosen point is needed for milestone `{}`", args.until)));
        }
    }
    let follows = args.source == Some(Sources::Engine);
    match (args.source, &args.as_vantage) {
        (Some(Sources::Engine), Some(_)) => {
            return Err(Error::usage(
                "--source engine runs nothing, so that it is no vantage point: no --as",
            ));
        }
        (Some(Sources::Engine), None) if args.every.is_some() || args.jobs.is_some() => {
            return Err(Error::usage("--source engine runs nothing: no --every and no --jobs"));
        }
        (Some(Sources::Any), None) => {
            return Err(Error::usage(
                "without --as nothing is kept, so that only what runs here counts; --source any needs it",
            ));
        }
        _ => {}
    }
    let own = args.as_vantage.as_deref().map(|id| context.vantage(id)).transpose()?;
    let runs = |point: &Point| {
        !follows && chosen.contains(&point.id) && own.is_none_or(|vantage| vantage.id == point.vantage)
    };
    let points: Vec<&Point> = context.plan.points.iter().filter(|point| runs(point)).collect();
    if let (Some(vantage), true) = (own, points.is_empty()) {
        return Err(Error::usage(format!("none of the chosen points is run from {}", vantage.id)));
    }
    let timeout = args.timeout.or((args.until != "never").then_some(Duration::from_hours(6)));
    let stop = stop()?.until(timeout.and_then(|timeout| Instant::now().checked_add(timeout)));
    let source = match own {
        Some(vantage) => Source::History(Box::new(context.history()?), &vantage.id),
        None if follows => Source::History(Box::new(context.history()?), ""),
        None => Source::Memory(Facts::none()),
    };
    let watch = Watch {
        context: &context,
        args,
        global,
        points: points.len(),
        chosen: &chosen,
        stop: &stop,
        timeout,
        began: (Instant::now(), now()),
    };
    let launcher = context.launcher(global, &stop);
    let schedule = Schedule::new(&context, &launcher, &stop, source, points)
        .counting(args.source.unwrap_or_default())
        .every(args.every)
        .at_once(args.jobs.map(usize::from));
    let on_screen = !args.plain && terminal::is_there();
    // The checks and the history have threads of their own: neither a silent host nor a locked file holds up a key.
    std::thread::scope(|scope| {
        // However it ends, nothing goes on running.
        let _ends = Ends(&stop);
        let (news, updates) = sync_channel(NEWS);
        scope.spawn(move || schedule.follow(scope, &news));
        if on_screen { screen::follow(&watch, &updates) } else { lines::follow(&watch, &updates) }
    })
}

/// Stops what runs when it goes.
struct Ends<'s>(&'s Stop);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// What is watched, and how it was asked for.
struct Watch<'w> {
    context: &'w Context,
    args: &'w Args,
    global: &'w Global,
    /// How many points run here.
    points: usize,
    chosen: &'w BTreeSet<String>,
    stop: &'w Stop,
    timeout: Option<Duration>,
    began: (Instant, Timestamp),
}

/// What comes out of the schedule.
type News<'w> = Result<Update<'w>, Error>;

impl Watch<'_> {
    fn shows(&self) -> impl Fn(&Point) -> bool + Copy {
        |point| self.chosen.contains(&point.id)
    }

    /// How the chosen points stand.
    fn exit(&self, snapshot: &Snapshot<'_>) -> Exit {
        snapshot.exit(FailOn::NotDone, self.shows())
    }

    /// Whether enough is known for the beginning: what differs from then on is a change.
    fn has_begun(&self, update: &Update<'_>) -> bool {
        update.is_complete() || self.began.0.elapsed() >= FIRST
    }

    /// Whether it is over: everything has been looked at, and all that was asked for is done.
    fn is_over(&self, update: &Update<'_>) -> bool {
        self.args.until != "never" && update.is_complete() && self.exit(&update.snapshot) == Exit::Done
    }

    /// The last words after a signal or at the end of the time, and the exit code.
    fn stopped(&self, snapshot: &Snapshot<'_>, style: Style) -> (String, Exit) {
        let verdict = render::verdict(snapshot, self.shows(), self.exit(snapshot), style);
        match self.timeout.filter(|_| !self.stop.interrupted()) {
            Some(timeout) => (format!("gave up after {}: {verdict}", span_exact(timeout)), Exit::Timeout),
            None => (format!("interrupted: {verdict}"), Exit::Interrupted),
        }
    }

    /// The last words when all is done.
    fn done(&self, snapshot: &Snapshot<'_>, style: Style) -> (String, Exit) {
        let exit = self.exit(snapshot);
        (render::verdict(snapshot, self.shows(), exit, style), exit)
    }
}

/// Says the last words.
fn say((text, exit): (String, Exit)) -> Result<Exit, Error> {
    print(&text)?;
    Ok(exit)
}

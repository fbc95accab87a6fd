//! `mdd watch`: the checks, again and again, until they are done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::context::{Context, duration, stop};
use crate::cli::{Global, print};
use crate::engine::execute::Launcher;
use crate::engine::facts::Facts;
use crate::engine::pool;
use crate::engine::reading::now;
use crate::engine::snapshot::{FailOn, Snapshot, snapshot};
use crate::engine::state::{Options, State};
use crate::engine::stop::Stop;
use crate::exit::{Error, Exit};
use crate::history::History;
use crate::history::record::Run;
use crate::plan::Point;
use crate::render::style::Style;
use crate::render::words::{count, span_exact};
use crate::render::{run as render, watch as lines};

/// How often to look whether time alone has changed a state.
const TICK: Duration = Duration::from_millis(500);

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
    /// When to stop: done, never, or a milestone with all before it
    #[arg(long, default_value = "done", value_name = "WHEN")]
    pub until: String,
    /// Give up after so long: exit code 4 [default: 6h; none with --until never]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Run every check this often, instead of at its own interval
    #[arg(long, value_name = "TIME", value_parser = pace)]
    pub every: Option<Duration>,
    /// So many checks at once [default: twice the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
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
    let own = args.as_vantage.as_deref().map(|id| context.vantage(id)).transpose()?;
    let runs =
        |point: &Point| chosen.contains(&point.id) && own.is_none_or(|vantage| vantage.id == point.vantage);
    if let (Some(vantage), false) = (own, context.plan.points.iter().any(runs)) {
        return Err(Error::usage(format!("none of the chosen points is run from {}", vantage.id)));
    }
    let timeout = args.timeout.or((args.until != "never").then_some(Duration::from_hours(6)));
    let stop = stop()?.until(timeout.and_then(|timeout| Instant::now().checked_add(timeout)));
    let source = match own {
        Some(vantage) => Source::History(Box::new(context.history()?), &vantage.id),
        None => Source::Memory(Facts::none()),
    };
    let watch = Watch {
        due: context
            .plan
            .points
            .iter()
            .filter(|point| runs(point))
            .map(|point| (point, Instant::now()))
            .collect(),
        launcher: context.launcher(global, &stop),
        workers: args.jobs.map_or_else(pool::default_workers, usize::from),
        every: args.every,
        context: &context,
        chosen,
        source,
        stop,
        timeout,
    };
    watch.follow(args, global)
}

/// Where results go and states come from.
enum Source<'w> {
    /// The history, for one vantage point.
    History(Box<History>, &'w str),
    /// Nowhere: a laptop's watch ends with what it saw.
    Memory(Facts),
}

struct Watch<'w> {
    context: &'w Context,
    chosen: BTreeSet<String>,
    /// When each point runs next.
    due: Vec<(&'w Point, Instant)>,
    every: Option<Duration>,
    workers: usize,
    launcher: Launcher,
    source: Source<'w>,
    stop: Stop,
    timeout: Option<Duration>,
}

impl<'w> Watch<'w> {
    fn follow(mut self, args: &Args, global: &Global) -> Result<Exit, Error> {
        let style = global.style();
        let chosen = self.chosen.clone();
        let shows = |point: &Point| chosen.contains(&point.id);
        if !global.quiet {
            print(&self.opening(args, style.dot()))?;
        }
        let mut before: BTreeMap<String, (State, jiff::Timestamp)> = BTreeMap::new();
        let mut first = true;
        while let Some(judged) = self.round()? {
            let lines = lines::changes(&judged, shows, &mut before, style, global.verbose);
            print(&if first { lines::start(&judged, shows, style) } else { lines })?;
            first = false;
            let exit = judged.exit(FailOn::NotDone, shows);
            if args.until != "never" && exit == Exit::Done {
                print(&render::verdict(&judged, shows, exit, style))?;
                return Ok(Exit::Done);
            }
            self.pause();
            if self.stop.requested() {
                break;
            }
        }
        self.stopped(style)
    }

    fn opening(&self, args: &Args, dot: &str) -> String {
        let every = args.every.map_or_else(
            || "each at its own interval".to_owned(),
            |every| format!("every {}", span_exact(every)),
        );
        let mut parts = vec![
            self.context.plan.dc.clone(),
            format!("until {}", args.until),
            format!("{} here, {every}", count(self.due.len(), "point")),
        ];
        parts.extend(self.timeout.map(|timeout| format!("at most {}", span_exact(timeout))));
        if matches!(self.source, Source::Memory(_)) {
            parts.push("not recorded: no --as VANTAGE".to_owned());
        }
        format!("{}\n", parts.join(dot))
    }

    /// Runs what is due, and judges. None when it is time to stop.
    fn round(&mut self) -> Result<Option<Snapshot<'w>>, Error> {
        let begun = Instant::now();
        let points: Vec<&'w Point> =
            self.due.iter().filter(|(_, at)| *at <= begun).map(|(point, _)| *point).collect();
        let plan = &self.context.plan;
        let options = Options::at(now());
        if points.is_empty() {
            return Ok(Some(self.look(&options)?));
        }
        let facts = match &self.source {
            Source::History(history, _) => history.facts(plan, &options)?,
            Source::Memory(facts) => facts.clone(),
        };
        let started = now();
        let Some(taken) = pool::run(plan, &points, &self.launcher, self.workers, &facts) else {
            return Ok(None);
        };
        for (point, at) in self.due.iter_mut().filter(|(_, at)| *at <= begun) {
            *at = begun + self.every.unwrap_or(point.interval);
        }
        match &mut self.source {
            Source::History(history, vantage) => {
                let run = Run { vantage, started, provenance: &self.context.provenance };
                Ok(Some(history.record(plan, &run, &taken)?.1))
            }
            Source::Memory(facts) => {
                facts.vantages.extend(points.iter().map(|point| point.vantage.clone()));
                for one in taken {
                    facts.apply(one.point, one.instance, one.reading);
                }
                Ok(Some(self.look(&Options::at(now()))?))
            }
        }
    }

    /// Judges without running: time alone turns settling points green and old results unknown.
    fn look(&mut self, options: &Options) -> Result<Snapshot<'w>, Error> {
        let plan = &self.context.plan;
        match &mut self.source {
            Source::History(history, _) => {
                let facts = history.facts(plan, options)?;
                let judged = snapshot(plan, &facts, options);
                let changed = judged.states().any(|(id, state)| {
                    let known = facts.points.get(&id).and_then(|known| known.state);
                    known.is_none_or(|(known, _)| known != state)
                });
                if changed { Ok(history.mark(plan)?.1) } else { Ok(judged) }
            }
            Source::Memory(facts) => {
                let judged = snapshot(plan, facts, options);
                facts.note(judged.states(), options.now);
                Ok(judged)
            }
        }
    }

    /// Waits for the next run or for the end, but no longer than a moment.
    fn pause(&self) {
        let begun = Instant::now();
        let next = self.due.iter().map(|(_, at)| *at).min();
        let until = next.map_or(begun + TICK, |next| next.min(begun + TICK));
        while Instant::now() < until && !self.stop.requested() {
            std::thread::sleep(
                until.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)),
            );
        }
    }

    /// The last words, after a signal or at the end of the time.
    fn stopped(&mut self, style: Style) -> Result<Exit, Error> {
        let judged = self.look(&Options::at(now()))?;
        let chosen = &self.chosen;
        let shows = |point: &Point| chosen.contains(&point.id);
        let verdict = render::verdict(&judged, shows, judged.exit(FailOn::NotDone, shows), style);
        let (why, exit) = match self.timeout.filter(|_| !self.stop.interrupted()) {
            Some(timeout) => (format!("gave up after {}", span_exact(timeout)), Exit::Timeout),
            None => ("interrupted".to_owned(), Exit::Interrupted),
        };
        print(&format!("{why}: {verdict}"))?;
        Ok(exit)
    }
}

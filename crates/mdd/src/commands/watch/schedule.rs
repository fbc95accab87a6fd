//! When each check runs: every point at its own time, so that many silent hosts do not delay the others.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel};
use std::thread::Scope;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Context, News};
use crate::engine::execute::Launcher;
use crate::engine::facts::{Facts, Sources};
use crate::engine::graph::down_dependency;
use crate::engine::pool::{Taken, default_workers, skipped, waits_for};
use crate::engine::reading::{Reading, now};
use crate::engine::snapshot::{Snapshot, snapshot};
use crate::engine::state::Options;
use crate::engine::stop::Stop;
use crate::exit::Error;
use crate::history::History;
use crate::history::record::Run;
use crate::plan::{Instance, Point, WhenBlocked};

/// How often to look whether time alone has changed a state.
const TICK: Duration = Duration::from_millis(500);
/// Longest nap before looking again whether somebody wants to stop.
const SLICE: Duration = Duration::from_millis(50);
/// How long results wait for others that were started with them: what belongs together is judged together.
const TOGETHER: Duration = Duration::from_millis(250);
/// The same for the very first ones.
const FIRST: Duration = Duration::from_secs(1);
/// A check that has run for so long only waits: it takes nobody's place.
const WAITS: Duration = Duration::from_secs(1);
/// Most checks at once, those that wait included.
const MOST: usize = 64;

/// Where results go and states come from.
pub(super) enum Source<'w> {
    /// The history, for one vantage point.
    History(Box<History>, &'w str),
    /// Nowhere: a laptop's watch ends with what it saw.
    Memory(Facts),
}

/// The datacenter as it is now.
pub(super) struct Update<'w> {
    /// Every point.
    pub snapshot: Snapshot<'w>,
    /// When the next check starts.
    pub next: Option<Instant>,
    /// How many points have reported since the watch began, and how many there are to report.
    pub reported: (usize, usize),
}

impl Update<'_> {
    /// Whether every point has reported since the watch began.
    pub fn is_complete(&self) -> bool {
        self.reported.0 == self.reported.1
    }
}

/// A point and its turns.
struct Turn<'w> {
    point: &'w Point,
    /// When it runs next.
    due: Instant,
    /// Results that are still out.
    out: usize,
    /// Results that are in, not yet kept.
    taken: Vec<Taken<'w>>,
    /// When its last turn came.
    came: Instant,
    /// When it was started last.
    started: Option<Timestamp>,
    /// When its results were last kept.
    kept: Option<Instant>,
}

impl Turn<'_> {
    fn is_in(&self) -> bool {
        self.out == 0 && !self.taken.is_empty()
    }
}

/// One check to run.
type Job<'w> = (usize, &'w Instance);
/// Its result; none when it was stopped.
type Done<'w> = (usize, &'w Instance, Instant, Option<Reading>);

/// Runs checks, keeps results, judges.
pub(super) struct Schedule<'w> {
    context: &'w Context,
    launcher: &'w Launcher,
    stop: &'w Stop,
    source: Source<'w>,
    turns: Vec<Turn<'w>>,
    every: Option<Duration>,
    jobs: Option<usize>,
    sources: Sources,
    queue: VecDeque<Job<'w>>,
    /// When each running check was started.
    running: Vec<Instant>,
    /// What is known, for points that are left alone while they are blocked.
    facts: Facts,
    /// Since when a result waits to be kept.
    waiting: Option<Instant>,
}

impl<'w> Schedule<'w> {
    /// Every point is due at once.
    pub fn new(
        context: &'w Context,
        launcher: &'w Launcher,
        stop: &'w Stop,
        source: Source<'w>,
        points: Vec<&'w Point>,
    ) -> Self {
        let due = Instant::now();
        let turn =
            |point| Turn { point, due, out: 0, taken: Vec::new(), came: due, started: None, kept: None };
        let mut source = source;
        if let Source::Memory(facts) = &mut source {
            // A laptop stands in for every vantage point that it runs the points of.
            facts.vantages.extend(points.iter().map(|point| point.vantage.clone()));
        }
        Schedule {
            context,
            launcher,
            stop,
            source,
            turns: points.into_iter().map(turn).collect(),
            every: None,
            jobs: None,
            sources: Sources::Any,
            queue: VecDeque::new(),
            running: Vec::new(),
            facts: Facts::none(),
            waiting: None,
        }
    }

    /// Of what the history holds only this counts.
    pub fn counting(self, sources: Sources) -> Self {
        Schedule { sources, ..self }
    }

    /// One pace for all.
    pub fn every(self, every: Option<Duration>) -> Self {
        Schedule { every, ..self }
    }

    /// So many checks at once, those that wait included.
    pub fn at_once(self, jobs: Option<usize>) -> Self {
        Schedule { jobs, ..self }
    }

    /// Goes on until somebody wants to stop; what has gone wrong is the last news.
    pub fn follow<'scope>(mut self, scope: &'scope Scope<'scope, 'w>, news: &SyncSender<News<'w>>) {
        if let Err(error) = self.run(scope, news) {
            // Whoever listens is about to stop if this is not heard.
            match news.send(Err(error)) {
                Ok(()) | Err(_) => {}
            }
        }
    }

    fn run<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, 'w>,
        news: &SyncSender<News<'w>>,
    ) -> Result<(), Error> {
        let (send, results) = channel();
        let first = self.judge()?;
        let mut heard = self.tell(first, news);
        let mut looked = Instant::now();
        while heard && !self.stop.requested() {
            self.collect(&results);
            // What was waiting for these results belongs to them.
            self.enqueue();
            self.start(scope, &send);
            if self.is_time_to_keep() {
                let judged = self.keep()?;
                heard = self.tell(judged, news);
                looked = Instant::now();
            } else if looked.elapsed() >= TICK {
                let judged = self.look()?;
                heard = self.tell(judged, news);
                looked = Instant::now();
            }
        }
        // What is complete is kept; what has been cut short is nothing.
        if self.turns.iter().any(Turn::is_in) {
            let judged = self.keep()?;
            self.tell(judged, news);
        }
        Ok(())
    }

    /// Whether anybody still listens. One who is slow misses what is older than what comes next.
    fn tell(&self, snapshot: Snapshot<'w>, news: &SyncSender<News<'w>>) -> bool {
        let reported = self.turns.iter().filter(|turn| turn.kept.is_some()).count();
        // A point of which a value is not known yet has no check to wait for.
        let silent = self.turns.iter().filter(|turn| turn.kept.is_none() && !has_check(turn.point)).count();
        let next = self.turns.iter().filter(|turn| turn.out == 0).map(|turn| turn.due).min();
        let reported = (reported + silent, self.turns.len());
        !matches!(news.try_send(Ok(Update { snapshot, next, reported })), Err(TrySendError::Disconnected(_)))
    }

    /// Puts the checks of points whose time has come into the queue.
    fn enqueue(&mut self) {
        let at = Instant::now();
        for index in 0..self.turns.len() {
            let turn = &self.turns[index];
            if turn.due > at || turn.out > 0 || !turn.taken.is_empty() || self.is_held(turn, at) {
                continue;
            }
            let point = turn.point;
            let down = match point.when_blocked {
                WhenBlocked::Run => None,
                WhenBlocked::Skip => {
                    down_dependency(&self.context.plan, &self.newest(), &Options::at(now()), &point.id)
                }
            };
            let checks = point.instances.iter().filter(|instance| !instance.argv.is_empty());
            let came = self.round(turn, at);
            let turn = &mut self.turns[index];
            turn.came = came;
            turn.due = came + self.every.unwrap_or(point.interval);
            turn.started = Some(now());
            if let Some(root) = down {
                turn.taken =
                    checks.map(|instance| Taken { point, instance, reading: skipped(&root) }).collect();
                if turn.is_in() {
                    self.waiting.get_or_insert(at);
                }
            } else {
                for instance in checks {
                    turn.out += 1;
                    self.queue.push_back((index, instance));
                }
            }
        }
    }

    /// When a turn that comes now has come: a point that must not run while it is blocked belongs to the round of what it
    /// has waited for, or it would fall behind it by the time that takes, and be judged after it.
    fn round(&self, turn: &Turn<'w>, at: Instant) -> Instant {
        let careful = turn.point.when_blocked == WhenBlocked::Skip;
        let of_round = |other: &&Turn<'w>| careful && other.is_in() && waits_for(turn.point, other.point);
        self.turns.iter().filter(of_round).map(|other| other.came).min().unwrap_or(at)
    }

    /// What is known, with the results that are in and not yet kept.
    fn newest(&self) -> Facts {
        let mut facts = self.facts.clone();
        for one in self.turns.iter().filter(|turn| turn.is_in()).flat_map(|turn| &turn.taken) {
            facts.apply(one.point, one.instance, one.reading.clone());
        }
        facts
    }

    /// Whether a point that must not run while it is blocked has to wait for what it depends on.
    fn is_held(&self, turn: &Turn<'w>, at: Instant) -> bool {
        turn.point.when_blocked == WhenBlocked::Skip
            && self.turns.iter().any(|other| {
                waits_for(turn.point, other.point)
                    && has_check(other.point)
                    && !other.is_in()
                    && (other.out > 0 || other.due <= at)
                    && other.kept.is_none_or(|kept| kept < turn.due)
            })
    }

    /// Starts as many of the queue as there is room for.
    fn start<'scope>(&mut self, scope: &'scope Scope<'scope, 'w>, send: &Sender<Done<'w>>) {
        while let Some((index, instance)) = self.queue.pop_front() {
            let young = self.running.iter().filter(|started| started.elapsed() < WAITS).count();
            let full = match self.jobs {
                Some(jobs) => self.running.len() >= jobs,
                None => young >= default_workers() || self.running.len() >= MOST,
            };
            if full {
                self.queue.push_front((index, instance));
                return;
            }
            let started = Instant::now();
            self.running.push(started);
            let (launcher, send, point) = (self.launcher, send.clone(), self.turns[index].point);
            scope.spawn(move || {
                let reading = launcher.run(&instance.argv, &point.env, point.timeout);
                // Nobody waits for it when the watch is over.
                match send.send((index, instance, started, reading)) {
                    Ok(()) | Err(_) => {}
                }
            });
        }
    }

    /// Waits for results, but no longer than until there is something else to do.
    fn collect(&mut self, results: &Receiver<Done<'w>>) {
        let at = Instant::now();
        let idle = |turn: &&Turn<'w>| turn.out == 0 && turn.taken.is_empty() && !self.is_held(turn, at);
        let due = self.turns.iter().filter(idle);
        let next = due.map(|turn| turn.due.saturating_duration_since(at)).min();
        let mut wait = next.unwrap_or(SLICE).clamp(Duration::from_millis(1), SLICE);
        loop {
            match results.recv_timeout(wait) {
                Ok((index, instance, started, reading)) => {
                    if let Some(at) = self.running.iter().position(|one| *one == started) {
                        self.running.swap_remove(at);
                    }
                    let turn = &mut self.turns[index];
                    turn.out -= 1;
                    turn.taken.extend(reading.map(|reading| Taken { point: turn.point, instance, reading }));
                    if turn.is_in() {
                        self.waiting.get_or_insert(Instant::now());
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
            wait = Duration::ZERO;
        }
    }

    /// Once nothing is out, or the first result has waited long enough for the others.
    fn is_time_to_keep(&self) -> bool {
        let patience = if self.turns.iter().all(|turn| turn.kept.is_none()) { FIRST } else { TOGETHER };
        let idle = self.running.is_empty() && self.queue.is_empty();
        self.waiting.is_some_and(|since| idle || since.elapsed() >= patience)
    }

    /// Keeps the results of every point of which all are in, and judges.
    fn keep(&mut self) -> Result<Snapshot<'w>, Error> {
        let at = Instant::now();
        let mut taken = Vec::new();
        let mut started = now();
        for turn in self.turns.iter_mut().filter(|turn| turn.is_in()) {
            taken.append(&mut turn.taken);
            turn.kept = Some(at);
            started = turn.started.map_or(started, |own| own.min(started));
        }
        self.waiting = None;
        match &mut self.source {
            Source::History(history, vantage) => {
                let run = Run { vantage, started, provenance: &self.context.provenance };
                let (facts, judged) = history.record(&self.context.plan, &run, &taken)?;
                if self.sources != Sources::Any {
                    return self.judge();
                }
                self.facts = facts;
                Ok(judged)
            }
            Source::Memory(facts) => {
                for one in taken {
                    facts.apply(one.point, one.instance, one.reading);
                }
                self.judge()
            }
        }
    }

    /// Judges what is known, and changes nothing that is kept.
    fn judge(&mut self) -> Result<Snapshot<'w>, Error> {
        let options = Options { sources: self.sources, ..Options::at(now()) };
        let plan = &self.context.plan;
        match &mut self.source {
            Source::History(history, _) => self.facts = history.facts(plan, &options)?,
            Source::Memory(facts) => {
                let judged = snapshot(plan, facts, &options);
                facts.note(judged.states(), options.now);
                self.facts = facts.clone();
                return Ok(judged);
            }
        }
        Ok(snapshot(plan, &self.facts, &options))
    }

    /// Judges without running: time alone turns settling points green and old results unknown, and that is kept.
    fn look(&mut self) -> Result<Snapshot<'w>, Error> {
        let judged = self.judge()?;
        let Source::History(history, _) = &mut self.source else { return Ok(judged) };
        let changed = judged.states().any(|(id, state)| {
            let known = self.facts.points.get(&id).and_then(|known| known.state);
            known.is_none_or(|(known, _)| known != state)
        });
        // Before the first results there is nothing new to keep.
        if !changed || self.turns.iter().all(|turn| turn.kept.is_none()) {
            return Ok(judged);
        }
        let (facts, marked) = history.mark(&self.context.plan)?;
        if self.sources != Sources::Any {
            return Ok(judged);
        }
        let judged = marked;
        self.facts = facts;
        Ok(judged)
    }
}

/// Whether there is anything to run: without a value that is not known yet there is not.
fn has_check(point: &Point) -> bool {
    point.instances.iter().any(|instance| !instance.argv.is_empty())
}

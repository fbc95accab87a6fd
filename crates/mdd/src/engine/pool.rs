//! Running many checks: a bounded number at once, and last those that must not run while they are blocked.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::execute::Launcher;
use super::facts::Facts;
use super::graph::{Root, down_dependency};
use super::reading::{Reading, Verdict, now};
use super::state::Options;
use crate::plan::{Dependency, Instance, Plan, Point, WhenBlocked};

/// A result, and whose it is.
#[derive(Debug, Clone)]
pub struct Taken<'p> {
    /// The point.
    pub point: &'p Point,
    /// Its instance.
    pub instance: &'p Instance,
    /// What came back.
    pub reading: Reading,
}

/// Twice as many as cores: the best throughput, because checks mostly wait.
pub fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get() * 2)
}

/// Runs every instance of these points once. `facts` is what is known before; it decides, with the new results, which
/// points of `when_blocked: skip` are left alone. None when the launcher's stop was requested: nothing half.
pub fn run<'p>(
    plan: &Plan,
    points: &[&'p Point],
    launcher: &Launcher,
    workers: usize,
    facts: &Facts,
) -> Option<Vec<Taken<'p>>> {
    let (careful, plain): (Vec<&Point>, Vec<&Point>) =
        points.iter().copied().partition(|point| point.when_blocked == WhenBlocked::Skip);
    let mut taken = batch(&plain, launcher, workers)?;
    if careful.is_empty() {
        return Some(taken);
    }
    let mut facts = facts.clone();
    for one in &taken {
        facts.apply(one.point, one.instance, one.reading.clone());
    }
    // In waves: a point is decided once those of the remaining ones that it waits for are.
    let mut left = careful;
    while !left.is_empty() {
        let (mut wave, later): (Vec<&Point>, Vec<&Point>) =
            left.iter().copied().partition(|point| !left.iter().any(|other| waits_for(point, other)));
        left = later;
        if wave.is_empty() {
            // A cycle, which no valid manifest has.
            wave = std::mem::take(&mut left);
        }
        let options = Options::at(now());
        let mut results = Vec::new();
        let mut free = Vec::new();
        for point in wave {
            match down_dependency(plan, &facts, &options, &point.id) {
                None => free.push(point),
                Some(root) => results.extend(
                    point.instances.iter().filter(|one| !one.argv.is_empty()).map(|instance| Taken {
                        point,
                        instance,
                        reading: skipped(&root),
                    }),
                ),
            }
        }
        results.extend(batch(&free, launcher, workers)?);
        for one in &results {
            facts.apply(one.point, one.instance, one.reading.clone());
        }
        taken.extend(results);
    }
    Some(taken)
}

/// In place of a result: left alone, because this is down.
pub(crate) fn skipped(root: &Root) -> Reading {
    let output = format!("not run: {root} is down");
    Reading { verdict: Verdict::Skipped, ..Reading::none(output, now(), Duration::ZERO) }
}

/// Whether `point` names `other`, or a group that holds it, as a dependency.
pub(crate) fn waits_for(point: &Point, other: &Point) -> bool {
    point.id != other.id
        && point.depends_on.iter().any(|dependency| match dependency {
            Dependency::Point(id) => *id == other.id,
            Dependency::Group(group) => *group == other.group,
            Dependency::Elsewhere(..) => false,
        })
}

fn batch<'p>(points: &[&'p Point], launcher: &Launcher, workers: usize) -> Option<Vec<Taken<'p>>> {
    // Without an argv a value is missing: there is nothing to run.
    let jobs: Vec<(&Point, &Instance)> = points
        .iter()
        .flat_map(|point| point.instances.iter().map(move |instance| (*point, instance)))
        .filter(|(_, instance)| !instance.argv.is_empty())
        .collect();
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Reading>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let take = || {
        let at = next.fetch_add(1, Ordering::Relaxed);
        jobs.get(at).map(|job| (at, *job))
    };
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                while let Some((at, (point, instance))) = take() {
                    let reading = launcher.run(&instance.argv, &point.env, point.timeout);
                    if reading.is_none() {
                        return;
                    }
                    *done[at].lock().unwrap_or_else(std::sync::PoisonError::into_inner) = reading;
                }
            });
        }
    });
    jobs.into_iter()
        .zip(done)
        .map(|((point, instance), cell)| {
            let reading = cell.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)?;
            Some(Taken { point, instance, reading })
        })
        .collect()
}

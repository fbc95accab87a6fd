//! Dependencies: circles, and points that are due before something they wait for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::manifest::resolve::Resolved;
use crate::manifest::source::Mark;
use crate::plan::{Dependency, Point};

/// Datacenter and point.
type Id<'a> = (&'a str, &'a str);

/// Every circle and every contradiction of dates, each once.
pub fn problems(manifest: &Manifest, resolved: &[Resolved]) -> Vec<Diagnostic> {
    let graph = Graph::new(resolved);
    let mut problems = graph.circles(manifest);
    problems.extend(graph.dates(manifest, resolved));
    problems
}

struct Graph<'a> {
    points: BTreeMap<Id<'a>, &'a Point>,
    /// What each point waits for, and where it says so.
    edges: BTreeMap<Id<'a>, Vec<(Id<'a>, Mark)>>,
}

impl<'a> Graph<'a> {
    fn new(resolved: &'a [Resolved]) -> Self {
        let mut points = BTreeMap::new();
        let mut edges = BTreeMap::new();
        for one in resolved {
            let dc = one.plan.dc.as_str();
            for point in &one.plan.points {
                let mut targets = Vec::new();
                let marks = one.marks.get(&point.id).into_iter().flatten();
                for (dependency, mark) in point.depends_on.iter().zip(marks) {
                    match dependency {
                        Dependency::Point(id) => targets.push(((dc, id.as_str()), *mark)),
                        Dependency::Elsewhere(dc, id) => targets.push(((dc.as_str(), id.as_str()), *mark)),
                        Dependency::Group(group) => {
                            let members = one.plan.points.iter().filter(|member| member.group == *group);
                            targets.extend(members.map(|member| ((dc, member.id.as_str()), *mark)));
                        }
                    }
                }
                points.insert((dc, point.id.as_str()), point);
                edges.insert((dc, point.id.as_str()), targets);
            }
        }
        Graph { points, edges }
    }

    /// Depth first; each circle of points is told once, whatever the datacenter.
    fn circles(&self, manifest: &Manifest) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let mut told: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
        let mut done: BTreeSet<Id<'a>> = BTreeSet::new();
        for start in self.edges.keys() {
            // The way from the start to here, with how far each step's targets have been followed.
            let mut way: Vec<(Id<'a>, usize)> = vec![(*start, 0)];
            while let Some((here, next)) = way.last_mut() {
                let here = *here;
                let target = if done.contains(&here) {
                    None
                } else {
                    self.edges.get(&here).and_then(|t| t.get(*next))
                };
                *next += 1;
                let Some((target, mark)) = target else {
                    done.insert(here);
                    way.pop();
                    continue;
                };
                let Some(from) = way.iter().position(|(id, _)| id == target) else {
                    way.push((*target, 0));
                    continue;
                };
                let mut circle: Vec<&str> = way[from..].iter().map(|((_, id), _)| *id).collect();
                if told.insert(circle.iter().copied().collect()) {
                    circle.push(target.1);
                    let message = format!("points wait for each other: {}", circle.join(" → "));
                    let place = manifest.sources.place(*mark);
                    problems.push(Diagnostic::error(message).at(place).fix("one of them has to come first"));
                }
            }
        }
        problems
    }

    /// A point due before something it waits for, its vantage point included.
    fn dates(&self, manifest: &Manifest, resolved: &[Resolved]) -> Vec<Diagnostic> {
        // Told once, with all the datacenters where it is so.
        let mut found: BTreeMap<(Mark, String), Contradiction> = BTreeMap::new();
        for one in resolved {
            let dc = one.plan.dc.as_str();
            for point in &one.plan.points {
                let Some(due) = point.due else { continue };
                for ((target_dc, target), mark) in &self.edges[&(dc, point.id.as_str())] {
                    let Some(other) = self.points.get(&(*target_dc, *target)) else { continue };
                    let Some(later) = other.due.filter(|later| *later > due) else { continue };
                    let name =
                        if *target_dc == dc { (*target).to_owned() } else { format!("{target_dc}/{target}") };
                    let message = format!(
                        "{} is due {} but depends on {name}, due {}",
                        point.id,
                        when(point.milestone.as_deref(), due),
                        when(other.milestone.as_deref(), later)
                    );
                    found.entry((*mark, name)).or_insert_with(|| Contradiction::new(message)).add(dc);
                }
                let vantage = one.plan.vantages.iter().find(|vantage| vantage.id == point.vantage);
                if let Some(vantage) = vantage
                    && let Some(later) = vantage.due.filter(|later| *later > due)
                {
                    let message = format!(
                        "{} is due {} but its vantage point {} is due {}",
                        point.id,
                        when(point.milestone.as_deref(), due),
                        vantage.id,
                        when(vantage.milestone.as_deref(), later)
                    );
                    let entry = manifest.document.points.entry(&point.id);
                    let mark = entry.map(|(id, _)| id.mark).unwrap_or_default();
                    let key = (mark, vantage.id.clone());
                    found.entry(key).or_insert_with(|| Contradiction::new(message)).add(dc);
                }
            }
        }
        let told = found.into_iter().map(|((mark, _), contradiction)| {
            Diagnostic::error(contradiction.text())
                .at(manifest.sources.place(mark))
                .fix("move the one to a later milestone, or the other to an earlier one")
        });
        told.collect()
    }
}

/// `at core (2026-11-27)`, `on 2026-11-27`
fn when(milestone: Option<&str>, date: Date) -> String {
    milestone.map_or_else(|| format!("on {date}"), |milestone| format!("at {milestone} ({date})"))
}

struct Contradiction {
    message: String,
    datacenters: Vec<String>,
}

impl Contradiction {
    fn new(message: String) -> Self {
        Contradiction { message, datacenters: Vec::new() }
    }

    fn add(&mut self, dc: &str) {
        self.datacenters.push(dc.to_owned());
    }

    fn text(&self) -> String {
        let Some((first, others)) = self.datacenters.split_first() else { return self.message.clone() };
        let also =
            if others.is_empty() { String::new() } else { format!(" (also in {})", others.join(", ")) };
        format!("{first}: {}{also}", self.message)
    }
}

//! Who waits for whom: what is down, and the root causes behind a blocked point.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use super::facts::Facts;
use super::rollup::{self, Rolled};
use super::state::{Options, today};
use crate::plan::{Dependency, Plan};

/// What holds others up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// A point of this datacenter.
    Point(String),
    /// A vantage point that has never reported.
    Vantage(String),
    /// A point of another datacenter: datacenter, point.
    Elsewhere(String, String),
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Root::Point(id) | Root::Vantage(id) => f.write_str(id),
            Root::Elsewhere(dc, id) => write!(f, "{dc}/{id}"),
        }
    }
}

/// The points, judged by themselves, and their dependencies.
pub(super) struct Graph<'p> {
    plan: &'p Plan,
    facts: &'p Facts,
    index: BTreeMap<&'p str, usize>,
    /// Each point's instances, and what they amount to.
    pub(super) judged: Vec<(Vec<rollup::Judged>, Rolled)>,
    waived: Vec<bool>,
    /// Root causes found so far: many ways may lead through one point.
    found: RefCell<Vec<Option<Vec<Root>>>>,
    /// Likewise, which points that were not run are down.
    down: RefCell<Vec<Option<bool>>>,
}

/// A dependency that is down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Down {
    Here(usize),
    Elsewhere(String, String),
}

impl<'p> Graph<'p> {
    pub(super) fn new(plan: &'p Plan, facts: &'p Facts, options: &Options) -> Self {
        let index = plan.points.iter().enumerate().map(|(at, point)| (point.id.as_str(), at)).collect();
        let judged = plan.points.iter().map(|point| {
            let instances: Vec<_> = point
                .instances
                .iter()
                .map(|one| rollup::instance(point, one, facts.instance(&point.id, &one.key), options))
                .collect();
            let rolled = rollup::roll_up(point.require, &instances);
            (instances, rolled)
        });
        let today = today(options.now);
        let waived = plan
            .points
            .iter()
            .map(|point| options.waivers && point.waiver.as_ref().is_some_and(|w| w.until >= today));
        Graph {
            plan,
            facts,
            index,
            judged: judged.collect(),
            waived: waived.collect(),
            found: RefCell::new(vec![None; plan.points.len()]),
            down: RefCell::new(vec![None; plan.points.len()]),
        }
    }

    /// Points that this one waits for, in its order, and points of other datacenters that are down.
    fn dependencies(&self, of: usize) -> Vec<Down> {
        let mut all = Vec::new();
        for dependency in &self.plan.points[of].depends_on {
            match dependency {
                Dependency::Point(id) => all.extend(self.index.get(id.as_str()).copied().map(Down::Here)),
                Dependency::Group(group) => {
                    let members = self.plan.points.iter().enumerate();
                    all.extend(
                        members
                            .filter(|(at, p)| *at != of && p.group == *group)
                            .map(|(at, _)| Down::Here(at)),
                    );
                }
                Dependency::Elsewhere(dc, id) => {
                    let key = (dc.clone(), id.clone());
                    if self.facts.down_elsewhere.contains(&key) {
                        all.push(Down::Elsewhere(key.0, key.1));
                    }
                }
            }
        }
        all
    }

    /// Dependencies that are down, in the point's order.
    pub(super) fn down_dependencies(&self, of: usize) -> Vec<Down> {
        let mut down = self.dependencies(of);
        down.retain(|dependency| match dependency {
            Down::Here(at) => self.is_down(*at),
            Down::Elsewhere(..) => true,
        });
        down
    }

    /// Whether every instance is CRITICAL; one that was not run counts while what it waits for is down.
    fn is_down(&self, at: usize) -> bool {
        let rolled = &self.judged[at].1;
        if !rolled.down || !rolled.skipped {
            return rolled.down;
        }
        if let Some(known) = self.down.borrow()[at] {
            return known;
        }
        // Met again before it is known: a cycle, which no valid manifest has.
        self.down.borrow_mut()[at] = Some(false);
        let waits = !self.down_dependencies(at).is_empty();
        self.down.borrow_mut()[at] = Some(waits);
        waits
    }

    /// The first points on the way down that are down and not blocked themselves.
    pub(super) fn roots(&self, of: usize) -> Vec<Root> {
        if let Some(known) = &self.found.borrow()[of] {
            return known.clone();
        }
        // Met again before it is found: a cycle, which no valid manifest has.
        self.found.borrow_mut()[of] = Some(Vec::new());
        let mut roots: Vec<Root> = Vec::new();
        for dependency in self.down_dependencies(of) {
            let further = match &dependency {
                Down::Here(at) if !self.waived[*at] => self.roots(*at),
                _ => Vec::new(),
            };
            let found = if further.is_empty() { vec![self.root_of(&dependency)] } else { further };
            for root in found {
                if !roots.contains(&root) {
                    roots.push(root);
                }
            }
        }
        self.found.borrow_mut()[of] = Some(roots.clone());
        roots
    }

    pub(super) fn root_of(&self, dependency: &Down) -> Root {
        match dependency {
            Down::Here(at) => Root::Point(self.plan.points[*at].id.clone()),
            Down::Elsewhere(dc, id) => Root::Elsewhere(dc.clone(), id.clone()),
        }
    }
}

/// Ids of points whose every instance is CRITICAL, for the dependencies of other datacenters.
pub fn is_down(plan: &Plan, facts: &Facts, options: &Options, id: &str) -> bool {
    let graph = Graph::new(plan, facts, options);
    graph.index.get(id).is_some_and(|&at| graph.is_down(at))
}

/// The first dependency of a point that is down.
pub fn down_dependency(plan: &Plan, facts: &Facts, options: &Options, id: &str) -> Option<Root> {
    let graph = Graph::new(plan, facts, options);
    let at = *graph.index.get(id)?;
    graph.down_dependencies(at).first().map(|down| graph.root_of(down))
}

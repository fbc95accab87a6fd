//! Dependencies: who is not to be told while what a point waits for is down.

use std::collections::{BTreeMap, BTreeSet};

use super::block::Block;
use crate::export::Item;
use crate::plan::{Dependency, WhenBlocked};

/// One for each pair of instances. As in mdd, a point is down when every instance is CRITICAL: several instances stand in
/// for each other, and UNKNOWN is not down, lest a missing plugin silence all that wait for it.
pub fn dependencies(items: &[Item<'_>]) -> Vec<Block> {
    let mut points = BTreeMap::<&str, Vec<&Item<'_>>>::new();
    for item in items {
        points.entry(&item.point.id).or_default().push(item);
    }
    let mut blocks = Vec::new();
    for child in items {
        for parent in parents(child, items) {
            let instances = points.get(parent).map(Vec::as_slice).unwrap_or_default();
            blocks.extend(instances.iter().map(|instance| dependency(child, instance, instances.len())));
        }
    }
    blocks
}

/// The points of this datacenter that one waits for.
fn parents<'i>(child: &Item<'_>, items: &'i [Item<'_>]) -> BTreeSet<&'i str> {
    let waits_for = |parent: &Item<'_>| {
        parent.point.id != child.point.id
            && child.point.depends_on.iter().any(|on| match on {
                Dependency::Point(id) => *id == parent.point.id,
                Dependency::Group(group) => *group == parent.point.group,
                Dependency::Elsewhere(..) => false,
            })
    };
    items.iter().filter(|parent| waits_for(parent)).map(|parent| parent.point.id.as_str()).collect()
}

fn dependency(child: &Item<'_>, parent: &Item<'_>, instances: usize) -> Block {
    let dc = &child.plan.dc;
    let skips = child.point.when_blocked == WhenBlocked::Skip;
    Block::new("Dependency", parent.name.as_str())
        .of(&[dc, &child.name])
        .text("parent_host_name", dc)
        .text("parent_service_name", &parent.name)
        .text("child_host_name", dc)
        .text("child_service_name", &child.name)
        // Since 2.14. Before, nothing was unreachable until all that it waits for was down.
        .tried("redundancy_group", (instances > 1).then_some(parent.point.id.as_str()))
        .set("states", "[ OK, Warning, Unknown ]")
        .set("ignore_soft_states", "false")
        .set("disable_checks", skips.to_string())
        .set("disable_notifications", "true")
}

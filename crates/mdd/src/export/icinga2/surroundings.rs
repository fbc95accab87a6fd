//! What services are shown and run in: the datacenter as a host, groups, teams, zones, downtimes.

use jiff::ToSpan;

use super::block::{self, Block};
use super::{commands, endpoint, scoped};
use crate::export::Item;
use crate::export::encode::icinga2::{expanded, literal};
use crate::plan::{Plan, Stage, Vantage};

/// Days that a waiver may be long.
const LONGEST_WAIVER: i64 = 90;

/// The datacenter. It is no machine: nothing is asked of it, and it pages nobody.
pub fn host(plan: &Plan) -> Block {
    let stage = match plan.stage {
        Stage::Planned => "planned",
        Stage::Building => "building",
        Stage::Live => "live",
        Stage::Retired => "retired",
    };
    Block::new("Host", plan.dc.as_str())
        .import(plan.engines.icinga2.host_template.as_ref())
        .text("display_name", &plan.title)
        .text("check_command", &commands::host_name(plan))
        .maybe("zone", plan.engines.icinga2.parent_zone.as_ref().map(|zone| literal(zone)))
        .set("enable_notifications", "false")
        .set("notes", expanded(&plan.platform.title))
        .vars([("mdd_dc", plan.dc.as_str()), ("mdd_platform", &plan.platform.id), ("mdd_stage", stage)])
}

/// A group of services for each group of points.
pub fn service_groups(plan: &Plan) -> impl Iterator<Item = Block> {
    plan.groups.iter().map(|group| {
        Block::new("ServiceGroup", scoped(&plan.dc, &group.id))
            .text("display_name", &format!("{}: {}", plan.title, group.title))
    })
}

/// A group of users for each team, and the team as its first user.
pub fn teams(plan: &Plan) -> impl Iterator<Item = Block> {
    plan.teams.iter().flat_map(|(id, team)| {
        let name = scoped(&plan.dc, id);
        let contacts = [
            ("mdd_chat", &team.chat),
            ("mdd_oncall", &team.oncall),
            ("mdd_tickets", &team.tickets),
            ("mdd_timezone", &team.timezone),
        ];
        let contacts = contacts.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let group = Block::new("UserGroup", name.as_str()).text("display_name", &team.name);
        let user = Block::new("User", name.as_str())
            .text("display_name", &team.name)
            .maybe("email", team.email.as_ref().map(|email| literal(email)))
            .set("groups", block::array([literal(&name)]))
            .vars(contacts);
        [group, user]
    })
}

/// A waiver as a downtime. Its days are those of Icinga's time zone.
pub fn downtime(item: &Item<'_>) -> Option<Block> {
    let Item { plan, point, name, .. } = item;
    let waiver = point.waiver.as_ref()?;
    // The manifest says no beginning, and what is written depends on the manifest alone.
    let begin = waiver.until.saturating_sub(LONGEST_WAIVER.days());
    let ticket = waiver.ticket.as_ref().map(|ticket| format!(" ({ticket})")).unwrap_or_default();
    let block = Block::new("ScheduledDowntime", "mdd_waiver")
        .of(&[&plan.dc, name])
        .text("host_name", &plan.dc)
        .text("service_name", name)
        .text("author", &waiver.by)
        .text("comment", &format!("{}{ticket}", waiver.reason))
        .set("fixed", "true")
        .set("ranges", format!("{{ \"{begin} - {}\" = \"00:00-24:00\" }}", waiver.until));
    Some(block)
}

/// An endpoint in a zone of its own for each vantage point.
pub fn zones(plan: &Plan, parent: &str) -> Vec<Block> {
    let of = |vantage: &Vantage| {
        let name = endpoint(&plan.dc, &vantage.id);
        let endpoint = Block::new("Endpoint", name.as_str()).text("host", &vantage.address);
        let zone = Block::new("Zone", name.as_str())
            .set("endpoints", block::array([literal(&name)]))
            .text("parent", parent);
        [endpoint, zone]
    };
    plan.vantages.iter().flat_map(of).collect()
}

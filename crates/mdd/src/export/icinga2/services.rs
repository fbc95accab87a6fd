//! Services: one for each instance of a point, and one for each owner.

use super::block::{self, Block};
use super::{command_endpoint, commands, duration, notes, scoped};
use crate::export::encode::icinga2::{expanded, literal};
use crate::export::{Alerts, Item, Rollup, Style};
use crate::plan::{Plan, Stage};

/// Tries before a failure is a hard state, where no template says so.
const ATTEMPTS: &str = "3";

/// An instance of a point.
pub fn point(item: &Item<'_>, alerts: Alerts, style: Style) -> Block {
    let Item { plan, point, instance, name, .. } = item;
    let title = match instance.key.as_str() {
        "" => point.title.clone(),
        key => format!("{} ({key})", point.title),
    };
    let notifies = alerts == Alerts::Points && plan.stage == Stage::Live;
    let labels = item.labels();
    Block::new("Service", name.as_str())
        .of(&[&plan.dc])
        .import(plan.engines.icinga2.service_template.as_ref())
        .text("host_name", &plan.dc)
        .text("display_name", &title)
        .text("check_command", &scoped(&plan.dc, name))
        .maybe("zone", plan.engines.icinga2.parent_zone.as_ref().map(|zone| literal(zone)))
        .maybe("command_endpoint", command_endpoint(plan, &point.vantage).map(|name| literal(&name)))
        .set("check_interval", duration(point.interval))
        // No sooner than the manifest says: a failing attempt may do harm.
        .set("retry_interval", duration(point.interval))
        .maybe("max_check_attempts", attempts(plan))
        .set("check_timeout", duration(commands::timeout(item, style)))
        .set("enable_notifications", notifies.to_string())
        .set("groups", block::array([literal(&scoped(&plan.dc, &point.group))]))
        .set("notes", notes(item))
        .maybe("notes_url", point.runbook.as_ref().map(|url| expanded(url)))
        .maybe("action_url", point.links.first().map(|url| expanded(url)))
        .vars(labels.iter().map(|(name, value)| (*name, value.as_str())))
        .vars([("mdd_user_group", scoped(&plan.dc, &point.owner).as_str())])
}

/// The one of an owner that may page somebody.
pub fn rollup(plan: &Plan, rollup: &Rollup) -> Block {
    let team = plan.teams.get(&rollup.owner).map_or(rollup.owner.as_str(), |team| &team.name);
    let user_group = scoped(&plan.dc, &rollup.owner);
    Block::new("Service", rollup.name.as_str())
        .of(&[&plan.dc])
        .import(plan.engines.icinga2.service_template.as_ref())
        .text("host_name", &plan.dc)
        .text("display_name", &format!("What {team} has to mend"))
        .text("check_command", &scoped(&plan.dc, &rollup.name))
        .maybe("zone", plan.engines.icinga2.parent_zone.as_ref().map(|zone| literal(zone)))
        .maybe("command_endpoint", command_endpoint(plan, &rollup.vantage).map(|name| literal(&name)))
        .set("check_interval", duration(rollup.interval))
        .set("retry_interval", duration(rollup.interval))
        .maybe("max_check_attempts", attempts(plan))
        .set("check_timeout", duration(rollup.timeout))
        .set("enable_notifications", "true")
        .set("vars.mdd_rollup", "true")
        .vars([
            ("mdd_dc", plan.dc.as_str()),
            ("mdd_hash", &rollup.hash),
            ("mdd_owner", &rollup.owner),
            ("mdd_platform", &plan.platform.id),
            ("mdd_user_group", &user_group),
            ("mdd_vantage", &rollup.vantage),
        ])
}

fn attempts(plan: &Plan) -> Option<&'static str> {
    plan.engines.icinga2.service_template.is_none().then_some(ATTEMPTS)
}

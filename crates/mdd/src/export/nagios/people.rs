//! Teams as contacts and contact groups, and the time in which they are told.

use std::collections::BTreeSet;

use super::Name;
use super::object::{Definition, Writer};
use crate::export::encode::nagios::url;
use crate::plan::{Plan, Team};

/// Days of a timeperiod.
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Every team that owns something in this datacenter, sorted.
pub fn owners(plan: &Plan) -> BTreeSet<&str> {
    let points = plan.points.iter().map(|point| point.owner.as_str());
    let vantages = plan.vantages.iter().map(|vantage| vantage.owner.as_str());
    points.chain(vantages).filter(|owner| !owner.is_empty()).collect()
}

/// A timeperiod of the datacenter's own, so that nothing of the server's is needed; contacts; contact groups.
pub fn definitions(plan: &Plan, writer: &mut Writer<'_>) -> Vec<Definition> {
    let always = Name::of(plan).plain();
    unreachable(plan, writer);
    let mut all = vec![period(plan, &always, writer)];
    for owner in owners(plan) {
        let nobody = Team::default();
        let team = plan.teams.get(owner).unwrap_or(&nobody);
        let name = writer.name(owner, &Name::of(plan).with(owner));
        let title = if team.name.is_empty() { owner } else { &team.name };
        let alias = writer.text(owner, title);
        all.push(contact(plan, owner, team, writer).with("contact_name", &name).with("alias", &alias));
        all.push(
            Definition::new("contactgroup")
                .with("contactgroup_name", &name)
                .with("alias", &alias)
                .with("members", &name),
        );
        writer.draft.holds("contact", &name);
        writer.draft.holds("contactgroup", name);
    }
    all
}

/// An address that can be told. The stock command puts it into a line of a shell without quotes.
fn email(team: &Team) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._%+-".contains(c);
    team.email.as_deref().filter(|email| email.chars().all(plain))
}

/// Says which teams the stock commands cannot tell anything.
fn unreachable(plan: &Plan, writer: &mut Writer<'_>) {
    let of = |owner: &&str| plan.teams.get(*owner);
    let without = |owner: &&str| of(owner).is_none_or(|team| email(team).is_none());
    let owners: Vec<&str> = owners(plan).into_iter().filter(without).collect();
    if !owners.is_empty() {
        writer.draft.notices.push(format!(
            "without an email, which {} uses: {}; give them one, or name a command in engines.nagios.notify_service \
             that uses $CONTACTPAGER$, the page in oncall",
            plan.engines.nagios.notify_service,
            owners.join(", ")
        ));
    }
}

fn period(plan: &Plan, name: &str, writer: &mut Writer<'_>) -> Definition {
    writer.draft.holds("timeperiod", name);
    let head = Definition::new("timeperiod")
        .with("timeperiod_name", name)
        .with("alias", writer.text(&plan.dc, &format!("{}, always", plan.title)));
    DAYS.iter().fold(head, |definition, day| definition.with(day, "00:00-24:00"))
}

/// How a team is told. Stock commands know an address only; a pager's page is there for commands that can use it.
fn contact(plan: &Plan, owner: &str, team: &Team, writer: &mut Writer<'_>) -> Definition {
    let engine = &plan.engines.nagios;
    let email = email(team);
    let pager = team.oncall.as_deref().map(url);
    let told = if email.is_some() || pager.is_some() { "1" } else { "0" };
    let always = Name::of(plan).plain();
    Definition::new("contact")
        .with_some("email", email)
        .with_some("pager", pager)
        .with_some("address1", team.chat.as_deref().map(|chat| writer.text(owner, chat)))
        .with_some("address2", team.tickets.as_deref().map(url))
        .with("host_notifications_enabled", told)
        .with("service_notifications_enabled", told)
        .with("host_notification_period", &always)
        .with("service_notification_period", &always)
        .with("host_notification_options", "d,u,r")
        .with("service_notification_options", "w,u,c,r")
        .with("host_notification_commands", &engine.notify_host)
        .with("service_notification_commands", &engine.notify_service)
}

//! What a Nagios server is given of a datacenter: hosts, groups, services, commands, dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Name;
use super::object::{Definition, Writer, minutes};
use crate::export::encode::nagios::{Version, command_line, url};
use crate::export::{Alerts, Item, Refusal, Request, Rollup, Style};
use crate::plan::{Dependency, Plan, Point, Require, WhenBlocked};

/// After a point's own timeout, time for a plugin to end and for its result to be read.
pub const GRACE: Duration = Duration::from_secs(5);
/// A problem that lasts is told again after this time.
const AGAIN: Duration = Duration::from_hours(1);
/// Nagios' own `service_check_timeout`.
const SERVICE_CHECK_TIMEOUT: Duration = Duration::from_mins(1);

/// A host of the server.
#[derive(Debug, Clone)]
pub struct Host {
    /// `iad2`, or `iad2_paas-node`.
    pub name: String,
    /// For people.
    pub alias: String,
    /// Address that it is asked at.
    pub address: Option<String>,
    /// Teams that answer for it.
    pub owners: BTreeSet<String>,
    /// `command_line` that tells whether it is there; a host without one is taken to be up.
    pub alive: Option<String>,
}

/// A check that the server runs.
#[derive(Debug, Clone)]
pub struct Check<'p> {
    /// The instance.
    pub item: Item<'p>,
    /// Its host.
    pub host: String,
    /// What the server runs.
    pub command_line: String,
    /// How long that may take.
    pub timeout: Duration,
}

/// A roll-up check that the server runs.
#[derive(Debug, Clone)]
pub struct Page {
    /// The roll-up.
    pub rollup: Rollup,
    /// What the server runs.
    pub command_line: String,
}

/// All that a server is given.
#[derive(Debug)]
pub struct Side<'p> {
    /// The hosts, the datacenter's own first.
    pub hosts: Vec<Host>,
    /// The checks, sorted by name.
    pub checks: Vec<Check<'p>>,
    /// The roll-ups, sorted by name.
    pub pages: Vec<Page>,
}

impl Side<'_> {
    /// The definitions, in an order that depends on the names alone.
    pub fn definitions(&self, request: &Request<'_>, writer: &mut Writer<'_>) -> Vec<Definition> {
        let plan = request.plan;
        let mut all = self.hosts(request, writer);
        all.extend(self.groups(plan, writer));
        let guards = self.guards(plan, writer);
        for check in &self.checks {
            all.push(command(&check_command(plan, &check.item.name), &check.command_line, writer));
            all.push(service(request, check, guards.contains(check.item.point.id.as_str()), writer));
        }
        for page in &self.pages {
            all.push(command(&check_command(plan, &page.rollup.name), &page.command_line, writer));
            all.push(page_service(plan, page, writer));
        }
        all.extend(self.dependencies(plan, writer));
        self.timeouts(writer);
        all
    }

    fn hosts(&self, request: &Request<'_>, writer: &mut Writer<'_>) -> Vec<Definition> {
        let plan = request.plan;
        let mut all = Vec::new();
        for host in &self.hosts {
            let name = writer.name(&host.name, &host.name);
            let alive = host.alive.as_ref().map(|line| {
                // A point may have the vantage point's name.
                let check = format!("mdd-alive_{name}");
                all.push(command(&check, line, writer));
                check
            });
            // A datacenter without a check of its own is taken to be up, or notifications of its services would wait.
            let pages = alive.is_some() && request.alerts == Alerts::Points;
            all.push(
                Definition::new("host")
                    .with_some("use", plan.engines.nagios.host_template.clone())
                    .with("host_name", &name)
                    .with("alias", writer.text(&host.name, &host.alias))
                    .with_some("address", host.address.clone())
                    .with_some("check_command", alive)
                    .with("check_interval", "1")
                    .with("retry_interval", "1")
                    .with("max_check_attempts", "3")
                    .with("check_period", Name::of(plan).plain())
                    .with("notification_period", Name::of(plan).plain())
                    .with("contact_groups", groups_of(plan, &host.owners))
                    .with("notifications_enabled", if pages { "1" } else { "0" })
                    .with("passive_checks_enabled", "0")
                    .with("_MDD_PLATFORM", &plan.platform.id)
                    .with("_MDD_DC", &plan.dc),
            );
            writer.draft.holds("host", name);
        }
        all
    }

    /// A host group of the datacenter, and a service group for each group that has a check here.
    fn groups(&self, plan: &Plan, writer: &mut Writer<'_>) -> Vec<Definition> {
        let names: Vec<&str> = self.hosts.iter().map(|host| host.name.as_str()).collect();
        let own = Name::of(plan).plain();
        writer.draft.holds("hostgroup", &own);
        let mut all = vec![
            Definition::new("hostgroup")
                .with("hostgroup_name", own)
                .with("alias", writer.text(&plan.dc, &plan.title))
                .with("members", names.join(",")),
        ];
        for group in &plan.groups {
            if self.checks.iter().any(|check| check.item.point.group == group.id) {
                let name = writer.name(&group.id, &Name::of(plan).with(&group.id));
                all.push(
                    Definition::new("servicegroup")
                        .with("servicegroup_name", &name)
                        .with("alias", writer.text(&group.id, &format!("{}, {}", plan.title, group.title))),
                );
                writer.draft.holds("servicegroup", name);
            }
        }
        all
    }

    /// Ids of the points that something waits for which does harm when it fails.
    fn guards<'a>(&self, plan: &'a Plan, writer: &mut Writer<'_>) -> BTreeSet<&'a str> {
        let careful = self.checks.iter().filter(|check| check.item.point.when_blocked == WhenBlocked::Skip);
        careful
            .flat_map(|check| self.masters(plan, check.item.point, writer))
            .map(|point| point.id.as_str())
            .collect()
    }

    /// A failed check stops the notifications of those that wait for it. Only what does harm when it fails waits to be run.
    fn dependencies(&self, plan: &Plan, writer: &mut Writer<'_>) -> Vec<Definition> {
        let mut all = Vec::new();
        for check in &self.checks {
            let mut masters = BTreeMap::<&str, BTreeSet<&str>>::new();
            for point in self.masters(plan, check.item.point, writer) {
                for master in self.checks.iter().filter(|master| master.item.point.id == point.id) {
                    masters.entry(&master.host).or_default().insert(&master.item.name);
                }
            }
            let execution = match check.item.point.when_blocked {
                WhenBlocked::Run => "n",
                WhenBlocked::Skip => "u,c",
            };
            for (host, names) in masters {
                all.push(
                    Definition::new("servicedependency")
                        .with("host_name", host)
                        .with("service_description", names.into_iter().collect::<Vec<_>>().join(","))
                        .with("dependent_host_name", &check.host)
                        .with("dependent_service_description", &check.item.name)
                        .with("execution_failure_criteria", execution)
                        .with("notification_failure_criteria", "u,c"),
                );
            }
        }
        writer.draft.notices.sort();
        writer.draft.notices.dedup();
        all
    }

    /// The points of this datacenter that a point waits for, as far as Nagios can be told.
    fn masters<'a>(&self, plan: &'a Plan, point: &Point, writer: &mut Writer<'_>) -> Vec<&'a Point> {
        let mut found = Vec::new();
        for dependency in &point.depends_on {
            match dependency {
                Dependency::Point(id) => found.extend(plan.points.iter().filter(|one| one.id == *id)),
                Dependency::Group(id) => {
                    found.extend(plan.points.iter().filter(|one| one.group == *id && one.id != point.id));
                }
                Dependency::Elsewhere(dc, id) => writer.draft.notices.push(format!(
                    "{}: Nagios is not told that it waits for {dc}/{id}, so that each datacenter loads by itself",
                    point.id
                )),
            }
        }
        found.retain(|master| {
            let all = match master.require {
                Require::All => true,
                Require::Any => master.instances.len() == 1,
                Require::AtLeast(count) => count >= master.instances.len(),
            };
            if !all {
                writer.draft.notices.push(format!(
                    "{}: Nagios is not told that it waits for {}, of which not every instance has to be OK",
                    point.id, master.id
                ));
            }
            let here = self.checks.iter().any(|check| check.item.point.id == master.id);
            if all && !here && master.missing.is_empty() {
                writer.draft.notices.push(format!(
                    "{}: Nagios is not told that it waits for {}, which this server does not run",
                    point.id, master.id
                ));
            }
            all
        });
        found
    }

    /// There is one limit for all service checks of a server.
    fn timeouts(&self, writer: &mut Writer<'_>) {
        let Some(longest) = self.checks.iter().max_by_key(|check| check.timeout) else { return };
        if longest.timeout > SERVICE_CHECK_TIMEOUT {
            writer.draft.notices.push(format!(
                "nagios.cfg needs service_check_timeout={} or more: {} may take so long",
                longest.timeout.as_secs_f64().ceil(),
                longest.item.name
            ));
        }
    }
}

/// `check_command` of a check: it has no arguments, so that `!` means nothing.
pub fn check_command(plan: &Plan, name: &str) -> String {
    Name::of(plan).with(name)
}

fn command(name: &str, line: &str, writer: &mut Writer<'_>) -> Definition {
    let name = writer.name(name, name);
    writer.draft.holds("command", &name);
    Definition::new("command").with("command_name", name).with("command_line", line)
}

/// The service of a check. One that `guards` another counts as failed at the first failure, and before its first result:
/// Nagios looks at hard states only, and takes what it has not run yet for OK.
fn service(request: &Request<'_>, check: &Check<'_>, guards: bool, writer: &mut Writer<'_>) -> Definition {
    let (plan, item) = (request.plan, &check.item);
    let point = item.point;
    let name = writer.name(&item.name, &item.name);
    let every = minutes(point.interval);
    let pages = request.alerts == Alerts::Points;
    let mut definition = Definition::new("service")
        .with_some("use", plan.engines.nagios.service_template.clone())
        .with("host_name", &check.host)
        .with("service_description", &name)
        .with("display_name", writer.text(&point.id, &title(item)))
        .with("servicegroups", Name::of(plan).with(&point.group))
        .with("check_command", check_command(plan, &name))
        .with("check_interval", &every)
        // A failing attempt may do harm: it is not repeated any sooner.
        .with("retry_interval", every)
        .with("max_check_attempts", if pages && !guards { "3" } else { "1" })
        .with_some("initial_state", guards.then_some("u"))
        .with("check_period", Name::of(plan).plain())
        .with("notification_period", Name::of(plan).plain())
        // Nagios repeats it after a check only, and warns of an interval that is shorter.
        .with("notification_interval", minutes(point.interval.max(AGAIN)))
        .with("contact_groups", Name::of(plan).with(&point.owner))
        .with("notifications_enabled", if pages { "1" } else { "0" })
        .with("active_checks_enabled", "1")
        // What somebody submits is no result of the check.
        .with("passive_checks_enabled", "0")
        // `mdd pull` looks at the age of a result.
        .with("check_freshness", "0")
        .with("process_perf_data", "1")
        .with("notes", writer.notes(&point.id, &point.why))
        .with_some("notes_url", point.runbook.as_deref().map(url))
        .with_some("action_url", point.links.first().map(|link| url(link)));
    for (label, value) in item.labels() {
        let written = writer.text(&point.id, &value);
        // A value that Nagios would change says nothing; the service's name is enough for the instance.
        if written == value {
            definition = definition.with(&format!("_{}", label.to_uppercase()), written);
        }
    }
    writer.draft.holds("service", format!("{}/{name}", check.host));
    definition
}

fn title(item: &Item<'_>) -> String {
    match item.instance.key.as_str() {
        "" => item.point.title.clone(),
        key => format!("{}: {key}", item.point.title),
    }
}

fn page_service(plan: &Plan, page: &Page, writer: &mut Writer<'_>) -> Definition {
    let Page { rollup, .. } = page;
    let name = writer.name(&rollup.owner, &rollup.name);
    writer.draft.holds("service", format!("{}/{name}", plan.dc));
    let every = minutes(rollup.interval);
    Definition::new("service")
        .with_some("use", plan.engines.nagios.service_template.clone())
        .with("host_name", &plan.dc)
        .with("service_description", &name)
        .with(
            "display_name",
            writer.text(&rollup.owner, &format!("{} is needed in {}", rollup.owner, plan.title)),
        )
        .with("check_command", check_command(plan, &name))
        .with("check_interval", &every)
        .with("retry_interval", every)
        .with("max_check_attempts", "2")
        .with("check_period", Name::of(plan).plain())
        .with("notification_period", Name::of(plan).plain())
        .with("notification_interval", minutes(rollup.interval.max(AGAIN)))
        .with("notification_options", "w,u,c,r")
        .with("contact_groups", Name::of(plan).with(&rollup.owner))
        .with("notifications_enabled", "1")
        .with("active_checks_enabled", "1")
        .with("passive_checks_enabled", "0")
        .with("check_freshness", "0")
        // Flapping would hide it from whoever has to know.
        .with("flap_detection_enabled", "0")
        .with("process_perf_data", "1")
        .with("_MDD_DC", &plan.dc)
        .with("_MDD_HASH", &rollup.hash)
        .with("_MDD_OWNER", &rollup.owner)
        .with("_MDD_PLATFORM", &plan.platform.id)
}

fn groups_of(plan: &Plan, owners: &BTreeSet<String>) -> String {
    let names: Vec<String> = owners.iter().map(|owner| Name::of(plan).with(owner)).collect();
    names.join(",")
}

/// The datacenter's own host: nothing is asked of it.
pub fn datacenter(plan: &Plan) -> Host {
    Host {
        name: plan.dc.clone(),
        alias: plan.title.clone(),
        address: None,
        owners: super::people::owners(plan).into_iter().map(str::to_owned).collect(),
        alive: None,
    }
}

/// What a server runs by itself.
///
/// # Errors
/// Nagios cannot be given the command.
pub fn direct(item: &Item<'_>, style: Style, min: Option<Version>) -> Result<String, Refusal> {
    let command = item.command(style, Some(&item.plan.engines.nagios.plugin_dir));
    command_line(&command.prefix, &command.env, &command.argv, min)
}

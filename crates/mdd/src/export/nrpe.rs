//! NRPE: `agents/VANTAGE.cfg` for the machines that run the checks, and `server/` for the Nagios that asks them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::encode::nrpe as agent;
use super::nagios::side::{self, Check, GRACE, Host, Page, Side};
use super::nagios::{Name, min_version, pages, write};
use super::{Draft, Item, Object, Refusal, Request, Style, Target};
use crate::engine::output::clean;
use crate::plan::{Plan, Vantage};

/// NRPE's own `command_timeout`.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(1);
/// Between a check's end and that of its command on the agent.
const BETWEEN: Duration = Duration::from_secs(2);
/// How long an agent may take to say that it is there.
const ALIVE: Duration = Duration::from_secs(10);
/// The address of a service's own host, for a shell.
const ADDRESS: &str = "'$HOSTADDRESS$'";
/// Digits of the check's hash in the command's name.
const DIGITS: usize = 8;
/// Longest comment, in characters: NRPE refuses to start over a line that it cannot read at once.
const COMMENT: usize = 200;

/// The files of one datacenter.
pub fn draft(request: &Request<'_>) -> Draft {
    let plan = request.plan;
    let mut draft = Draft { notices: request.notices(), ..Draft::default() };
    let mut agents = BTreeMap::<&str, Vec<String>>::new();
    let mut checks = Vec::new();
    let mut longest = Duration::ZERO;
    for item in request.items() {
        let asked = match vantage(plan, &item.point.vantage) {
            // The server is this vantage point: it asks nobody.
            None => side::direct(&item, request.style, min_version(plan))
                .map(|line| (plan.dc.clone(), line, item.point.timeout + GRACE)),
            Some(vantage) => {
                let Some(line) = draft.accept(&item.name, line(&item, request.style)) else { continue };
                let comment = format!("# {}: {}", item.path(), item.point.title);
                let lines = agents.entry(&vantage.id).or_default();
                lines.push(clean(&comment).replace('\n', " ").chars().take(COMMENT).collect());
                lines.push(line);
                // Without the hash: a changed check is the same object.
                draft.holds("nrpe_command", format!("{}/{}", vantage.id, item.name));
                longest = longest.max(item.point.timeout);
                let asked = format!("{}/check_nrpe {}", plan.engines.nagios.plugin_dir, question(&item));
                Ok((host(plan, vantage), asked, item.point.timeout + GRACE + GRACE))
            }
        };
        if let Some((host, command_line, timeout)) = draft.accept(&item.name, asked) {
            checks.push(Check { item, host, command_line, timeout });
        }
    }
    let pages = rollups(request, &mut agents, &mut draft);
    let hosts = hosts(plan, &agents, &mut draft);
    for (vantage, lines) in &agents {
        let head = super::nagios::object::head(Target::Nrpe.name(), &plan.dc);
        draft.files.insert(format!("agents/{vantage}.cfg"), format!("{head}{}\n", lines.join("\n")));
        draft.apply.push(format!(
            "on {vantage}: copy {{}}/agents/{vantage}.cfg to /etc/nagios/nrpe.d/mdd-{}.cfg, then systemctl reload nagios-nrpe-server",
            plan.dc
        ));
    }
    if longest + BETWEEN > COMMAND_TIMEOUT {
        draft.notices.push(format!(
            "nrpe.cfg on the agents needs command_timeout={} or more",
            (longest + BETWEEN).as_secs_f64().ceil()
        ));
    }
    write(request, Target::Nrpe, "server/", &Side { hosts, checks, pages }, &mut draft);
    draft
}

/// The roll-ups: asked of the vantage point that keeps the history, or run by the server.
fn rollups<'p>(
    request: &Request<'p>,
    agents: &mut BTreeMap<&'p str, Vec<String>>,
    draft: &mut Draft,
) -> Vec<Page> {
    let plan = request.plan;
    let Some(vantage) = vantage(plan, &plan.engines.history) else { return pages(request, draft) };
    let mut all = Vec::new();
    for rollup in request.rollups() {
        let name = Name::of(plan).with(&rollup.name);
        let command = &rollup.command;
        let line = agent::line(&name, &command.prefix, &command.env, &command.argv);
        let Some(line) = draft.accept(&rollup.name, line) else { continue };
        // Its host is the datacenter, which has no address of its own.
        let command_line = ask(plan, &vantage.address, Some(&name), rollup.timeout + GRACE);
        let lines = agents.entry(&vantage.id).or_default();
        lines.push(format!("# {}: what {} has to know", plan.dc, rollup.owner));
        lines.push(line);
        draft.holds("nrpe_command", format!("{}/{}", vantage.id, rollup.name));
        all.push(Page { rollup, command_line });
    }
    all
}

/// The datacenter's own host, and one for each vantage point that is asked for something.
fn hosts(plan: &Plan, agents: &BTreeMap<&str, Vec<String>>, draft: &mut Draft) -> Vec<Host> {
    let mut all = vec![side::datacenter(plan)];
    for vantage in plan.vantages.iter().filter(|vantage| agents.contains_key(vantage.id.as_str())) {
        let Some(address) = draft.accept(&vantage.id, address(&vantage.address)) else { continue };
        all.push(Host {
            name: host(plan, vantage),
            alias: format!("{} of {}", vantage.id, plan.title),
            address: Some(address),
            owners: BTreeSet::from([vantage.owner.clone()]),
            alive: Some(ask(plan, ADDRESS, None, ALIVE)),
        });
    }
    all
}

/// A vantage point that is asked through NRPE: every one but the server itself.
fn vantage<'p>(plan: &'p Plan, id: &str) -> Option<&'p Vantage> {
    let server = plan.engines.nagios.vantage.as_deref();
    plan.vantages.iter().find(|vantage| vantage.id == id && Some(id) != server)
}

/// `iad2_paas-node`: host of a vantage point. No datacenter's id has an underscore.
fn host(plan: &Plan, vantage: &Vantage) -> String {
    format!("{}_{}", plan.dc, vantage.id)
}

/// Name of the command on the agent: `mdd_iad2_dns-external_9b1f04c2`, with the beginning of the check's hash. Nagios never
/// sees what an agent runs, so that an agent whose file is older than the server's must not know the name.
pub fn name(item: &Item<'_>) -> String {
    let hash: String = item.instance.hash.chars().take(DIGITS).collect();
    format!("{}_{hash}", Name::of(item.plan).with(&item.name))
}

/// The arguments of check_nrpe that ask for a check.
pub fn question(item: &Item<'_>) -> String {
    arguments(ADDRESS, Some(&name(item)), item.point.timeout + GRACE)
}

/// What the server runs to ask an agent: for a command, or whether it is there. `at` is an address, or a macro for it.
pub fn ask(plan: &Plan, at: &str, name: Option<&str>, wait: Duration) -> String {
    let folder = &plan.engines.nagios.plugin_dir;
    format!("{folder}/check_nrpe {}", arguments(at, name, wait))
}

fn arguments(at: &str, name: Option<&str>, wait: Duration) -> String {
    let command = name.map(|name| format!(" -c {name}")).unwrap_or_default();
    format!("-H {at} -t {}:UNKNOWN{command}", wait.as_secs_f64().ceil())
}

/// An address that stands in a line of a shell as it is.
fn address(address: &str) -> Result<String, Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".:_%-".contains(c);
    if address.is_empty() || address.starts_with('-') || !address.chars().all(plain) {
        let what = format!("`{address}` is no address that check_nrpe can be given");
        return Err(Refusal { what, way_out: "a name or an address" });
    }
    Ok(address.to_owned())
}

/// The one line of a check.
///
/// # Errors
/// It cannot be given.
pub fn line(item: &Item<'_>, style: Style) -> Result<String, Refusal> {
    let command = item.command(style, Some(&item.plan.engines.nrpe.plugin_dir));
    agent::line(&name(item), &command.prefix, &command.env, &command.argv)
}

/// The commands that delete an object and the events of it. An agent forgets a command when it is reloaded.
pub fn delete(dc: &str, object: &Object) -> Vec<String> {
    match (object.kind.as_str(), object.name.split_once('/')) {
        ("nrpe_command", Some((vantage, _))) => {
            vec![format!("systemctl reload nagios-nrpe-server   # on {vantage}, with its new file")]
        }
        _ => super::nagios::delete(dc, object),
    }
}

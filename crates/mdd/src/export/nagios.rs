//! Nagios Core 4: object files, each check run by the server itself.
//!
//! nagioscore 4.4 documentation, "Object Definitions" and "External Commands".

pub mod object;
pub mod people;
pub mod side;
pub mod silence;

use object::{Writer, file, head};
use side::{Check, GRACE, Page, Side};

use super::encode::nagios::{Version, command_line};
use super::{Draft, Item, Object, Refusal, Request, Style, Target};
use crate::plan::Plan;

/// File of the timeperiod, the contacts and the contact groups.
pub const CONTACTS: &str = "contacts.cfg";
/// File of everything else.
pub const SERVICES: &str = "services.cfg";
/// External commands, not read as configuration.
pub const SILENCES: &str = "silences.cmd";

/// Names of a datacenter's objects: those of two datacenters never meet.
#[derive(Debug, Clone, Copy)]
pub struct Name<'p> {
    dc: &'p str,
}

impl<'p> Name<'p> {
    /// Of this datacenter.
    pub fn of(plan: &'p Plan) -> Self {
        Name { dc: &plan.dc }
    }

    /// `mdd_iad2`: its timeperiod and its host group.
    pub fn plain(self) -> String {
        format!("mdd_{}", self.dc)
    }

    /// `mdd_iad2_dns`. No datacenter's id has an underscore.
    pub fn with(self, name: &str) -> String {
        format!("mdd_{}_{name}", self.dc)
    }
}

/// The oldest version that has to read the export.
pub fn min_version(plan: &Plan) -> Option<Version> {
    plan.engines.nagios.min_version.map(|(major, minor, patch)| Version(major, minor, patch))
}

/// The files of one datacenter.
pub fn draft(request: &Request<'_>) -> Draft {
    let plan = request.plan;
    let mut draft = Draft { notices: request.notices(), ..Draft::default() };
    let items = request.items();
    let mine = plan.engines.nagios.vantage.as_ref();
    let (items, others): (Vec<Item<'_>>, Vec<Item<'_>>) =
        items.into_iter().partition(|item| mine.is_none_or(|mine| *mine == item.point.vantage));
    if let (Some(mine), false) = (mine, others.is_empty()) {
        draft.notices.push(format!(
            "left out, because this server is {mine} and they are from elsewhere: {}; `mdd export nrpe {}` gives a server side with all",
            others.len(),
            plan.dc
        ));
    }
    let min = min_version(plan);
    let mut checks = Vec::new();
    for item in items {
        if let Some(command_line) = draft.accept(&item.name, side::direct(&item, request.style, min)) {
            let timeout = item.point.timeout + GRACE;
            checks.push(Check { host: plan.dc.clone(), command_line, timeout, item });
        }
    }
    let pages = pages(request, &mut draft);
    let side = Side { hosts: vec![side::datacenter(plan)], checks, pages };
    write(request, Target::Nagios, "", &side, &mut draft);
    draft
}

/// The roll-ups, run by the server itself.
pub fn pages(request: &Request<'_>, draft: &mut Draft) -> Vec<Page> {
    let min = min_version(request.plan);
    let mut pages = Vec::new();
    for rollup in request.rollups() {
        let command = &rollup.command;
        let tried = command_line(&command.prefix, &command.env, &command.argv, min);
        if let Some(command_line) = draft.accept(&rollup.name, tried) {
            pages.push(Page { rollup, command_line });
        }
    }
    if !pages.is_empty() {
        draft.notices.push(format!(
            "the roll-up checks need mdd, {} and the history {} on this server, and `mdd pull` into it every minute",
            request.plan.engines.manifest, request.plan.engines.state
        ));
    }
    pages
}

/// Writes a server's files below `folder`: nothing, or a name with its slash. A retired datacenter has none.
pub fn write(request: &Request<'_>, target: Target, folder: &str, side: &Side<'_>, draft: &mut Draft) {
    let plan = request.plan;
    if plan.stage == crate::plan::Stage::Retired {
        return;
    }
    let head = head(target.name(), &plan.dc);
    let mut writer = Writer { draft, min: min_version(plan) };
    let contacts = file(&head, &people::definitions(plan, &mut writer));
    let services = file(&head, &side.definitions(request, &mut writer));
    let silences =
        if request.silences { silence::commands(plan, &side.checks, &mut writer) } else { String::new() };
    draft.files.insert(format!("{folder}{CONTACTS}"), contacts);
    draft.files.insert(format!("{folder}{SERVICES}"), services);
    draft.apply.push(match folder.trim_end_matches('/') {
        "" => "once: write cfg_dir={} into nagios.cfg".to_owned(),
        folder => format!("once: write cfg_dir={{}}/{folder} into nagios.cfg"),
    });
    draft.apply.push("nagios4 -v /etc/nagios4/nagios.cfg && systemctl reload nagios4".to_owned());
    if !silences.is_empty() {
        draft.files.insert(format!("{folder}{SILENCES}"), silences);
        draft.apply.push(format!("cat {{}}/{folder}{SILENCES} > /var/lib/nagios4/rw/nagios.cmd"));
    }
}

/// The one line of a check.
///
/// # Errors
/// It cannot be given.
pub fn line(item: &Item<'_>, style: Style) -> Result<String, Refusal> {
    Ok(format!("command_line {}", side::direct(item, style, min_version(item.plan))?))
}

/// The commands that delete an object and the events of it. What the files no longer hold, a reload forgets, state and all:
/// `retention.dat` is written anew from what is there. Only a downtime is not in the files.
pub fn delete(_dc: &str, object: &Object) -> Vec<String> {
    const RELOAD: &str = "systemctl reload nagios4";
    match (object.kind.as_str(), object.name.split_once('/')) {
        ("downtime", Some((host, service))) => vec![format!(
            "printf '[%s] DEL_DOWNTIME_BY_HOST_NAME;{host};{service}\\n' \"$(date +%s)\" > /var/lib/nagios4/rw/nagios.cmd"
        )],
        _ => vec![RELOAD.to_owned()],
    }
}

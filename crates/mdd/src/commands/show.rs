//! `mdd show`: one point of one datacenter: what it means, the exact command, and why it is in its state.

use clap::ValueEnum;

use super::context::Context;
use super::list::dependency_word;
use crate::cli::{Global, print};
use crate::engine::explain::explain;
use crate::engine::state::Options;
use crate::exit::{Error, Exit};
use crate::export::{self, Item, Refusal, Style};
use crate::manifest::near;
use crate::manifest::scalar::format_duration;
use crate::plan::{Dependency, Instance, Plan, Point, Require, WhenBlocked};
use crate::quote;
use crate::select::severity_word;

/// Command line of `mdd show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which one: iad2/dns-internal, or one instance of it: iad2/dns-internal/10.20.0.53
    #[arg(value_name = "DC/POINT")]
    pub point: String,
    /// Only the command, as this target reads it; one line per instance
    #[arg(long = "as", value_enum, value_name = "TARGET", conflicts_with = "why")]
    pub target: Option<Target>,
    /// With --as: the plugin's own line, or mdd's that runs it
    #[arg(long, value_enum, default_value = "direct", value_name = "STYLE", requires = "target")]
    pub style: Style,
    /// Only the state: the rule that matched and the facts it looked at
    #[arg(long)]
    pub why: bool,
}

/// Who is to read the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// A POSIX shell
    Sh,
    /// `command` of a check of Sensu Go
    SensuGo,
    /// `command` of a check of Sensu Classic
    SensuClassic,
    /// `command_line` of a command of Nagios Core
    Nagios,
    /// A line of nrpe.cfg
    Nrpe,
    /// `command` of a CheckCommand of Icinga 2
    Icinga2,
    /// Refused: Prometheus runs nothing
    Prometheus,
}

impl Target {
    /// The engine; none for the shell.
    fn engine(self) -> Option<export::Target> {
        match self {
            Target::Sh => None,
            Target::SensuGo => Some(export::Target::SensuGo),
            Target::SensuClassic => Some(export::Target::SensuClassic),
            Target::Nagios => Some(export::Target::Nagios),
            Target::Nrpe => Some(export::Target::Nrpe),
            Target::Icinga2 => Some(export::Target::Icinga2),
            Target::Prometheus => Some(export::Target::Prometheus),
        }
    }
}

/// Does it.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    let mut names = args.point.splitn(3, '/');
    let (Some(dc), Some(id)) = (names.next(), names.next()) else {
        return Err(Error::usage(format!("`{}`: expected DC/POINT, such as iad2/dns-internal", args.point)));
    };
    let plan = global.manifest()?.plan(dc)?;
    let Some(point) = plan.points.iter().find(|point| point.id == id) else {
        let near = near::suggest(id, plan.points.iter().map(|point| point.id.as_str()));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Err(Error::usage(format!("there is no point `{id}` in {dc}{near}")));
    };
    let instances = instances(point, names.next(), &args.point)?;
    print(&match args.target {
        Some(target) => lines(&plan, point, &instances, target, args.style)?,
        None if args.why => why(global, dc, id)?,
        None => page(&plan, point, &instances, global.verbose > 0),
    })?;
    Ok(Exit::Done)
}

/// All instances, or the one that is named.
fn instances<'a>(point: &'a Point, key: Option<&str>, given: &str) -> Result<Vec<&'a Instance>, Error> {
    let Some(key) = key else { return Ok(point.instances.iter().collect()) };
    let one: Vec<&Instance> = point.instances.iter().filter(|instance| instance.key == key).collect();
    if one.is_empty() {
        let keys: Vec<&str> = point.instances.iter().map(|instance| instance.key.as_str()).collect();
        return Err(Error::usage(format!(
            "`{given}`: there is no such instance; known: {}",
            keys.join(", ")
        )));
    }
    Ok(one)
}

/// The exact lines, one for each instance.
fn lines(
    plan: &Plan,
    point: &Point,
    instances: &[&Instance],
    target: Target,
    style: Style,
) -> Result<String, Error> {
    if !point.missing.is_empty() {
        let missing = point.missing.join(", ");
        return Err(Error::usage(format!(
            "{} waits for the value of {missing}: there is no command yet",
            point.id
        )));
    }
    let line = |instance: &&Instance| {
        let item = Item::new(plan, point, instance);
        let line = match target.engine() {
            Some(engine) => engine.line(&item, style).map_err(|why| refused(engine.name(), &item, &why)),
            None => shell(&item, style).map_err(|what| Error::usage(format!("{}: {what}", item.path()))),
        };
        line.map(|line| line + "\n")
    };
    instances.iter().map(line).collect()
}

/// The line for a terminal, where the shell finds the plugin.
fn shell(item: &Item<'_>, style: Style) -> Result<String, String> {
    let mut command = item.command(style, None);
    if let Some(program) = command.argv.first_mut() {
        program.insert_str(0, &command.prefix);
    }
    quote::line(&command.env, &command.argv)
}

fn refused(engine: &str, item: &Item<'_>, why: &Refusal) -> Error {
    let way_out = match why.way_out {
        "" => String::new(),
        way_out => format!(" (way out: {way_out})"),
    };
    Error::usage(format!("{engine} cannot be given {}: {}{way_out}", item.path(), why.what))
}

/// The rule behind the state, from the history.
fn why(global: &Global, dc: &str, id: &str) -> Result<String, Error> {
    let context = Context::load(global, dc)?;
    let snapshot = context.snapshot(&Options::at(global.now()))?;
    explain(&snapshot, id).ok_or_else(|| Error::usage(format!("there is no point `{id}` in {dc}")))
}

/// What the manifest says about it; `all` adds notes and what identifies each check.
fn page(plan: &Plan, point: &Point, instances: &[&Instance], all: bool) -> String {
    let mut page = vec![format!("{}/{}  {}", plan.dc, point.id, point.title)];
    let mut line = |label: &str, text: String| {
        for (index, part) in text.lines().enumerate() {
            page.push(format!("  {:<12}{part}", if index == 0 { label } else { "" }));
        }
    };
    line("why", point.why.clone());
    line("need", point.need.clone().unwrap_or_default());
    line("for users", point.for_users.clone().unwrap_or_default());
    let group = plan.groups.iter().find(|group| group.id == point.group);
    line("group", group.map(|group| group.title.clone()).unwrap_or_default());
    line("owner", owner(plan, point));
    let milestone = point.milestone.clone().map(|id| format!("{id}, ")).unwrap_or_default();
    let due = point.due.map_or_else(|| "no date".to_owned(), |due| format!("due {due}"));
    line("milestone", format!("{milestone}{due}"));
    line("waits for", point.depends_on.iter().map(dependency_word).collect::<Vec<_>>().join(", "));
    line("holds up", holds_up(plan, point).join(", "));
    if point.when_blocked == WhenBlocked::Skip {
        line("blocked", "not run while it is blocked: a failing attempt does harm".into());
    }
    let times = [("timeout", point.timeout), ("ttl", point.ttl), ("stable", point.stable)];
    let times: Vec<String> =
        times.iter().map(|(name, time)| format!("{name} {}", format_duration(*time))).collect();
    line(
        "runs",
        format!("from {} every {}, {}", point.vantage, format_duration(point.interval), times.join(", ")),
    );
    let gate = if point.required { "required" } else { "advisory: shown, never blocks" };
    line("severity", severity_word(point.severity).to_owned());
    line("gate", gate.to_owned());
    line("runbook", point.runbook.clone().unwrap_or_default());
    line("links", point.links.join("\n"));
    if let Some(waiver) = &point.waiver {
        let ticket = waiver.ticket.as_ref().map(|ticket| format!(", {ticket}")).unwrap_or_default();
        line("waived", format!("to {} by {}{ticket}: {}", waiver.until, waiver.by, waiver.reason));
    }
    if all {
        line("was", point.was.clone().unwrap_or_default());
        for (key, value) in &point.extensions {
            line(key, value.to_string());
        }
    }
    if !point.missing.is_empty() {
        line("missing", format!("waits for the value of {}", point.missing.join(", ")));
        return page.join("\n") + "\n";
    }
    match point.require {
        Require::All if point.instances.len() == 1 => {}
        Require::All => line("require", "all instances".into()),
        Require::Any => line("require", "one instance".into()),
        Require::AtLeast(count) => line("require", format!("{count} instances")),
    }
    for instance in instances {
        let label = if instance.key.is_empty() { "check" } else { &instance.key };
        let command = quote::line(&point.env, &instance.argv);
        line(label, command.unwrap_or_else(|what| format!("no shell can be given this command: {what}")));
        if all {
            line("", format!("hash {}", instance.hash));
        }
    }
    page.join("\n") + "\n"
}

/// `DNS and time, #corenet, https://tickets…`
fn owner(plan: &Plan, point: &Point) -> String {
    let Some(team) = plan.teams.get(&point.owner) else { return point.owner.clone() };
    let contacts = [&team.chat, &team.email, &team.oncall, &team.tickets];
    let parts = [&team.name].into_iter().chain(contacts.into_iter().flatten());
    parts.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Points of this datacenter that wait for it.
fn holds_up<'a>(plan: &'a Plan, point: &Point) -> Vec<&'a str> {
    let waits = |other: &&Point| {
        other.depends_on.iter().any(|dependency| match dependency {
            Dependency::Point(id) => *id == point.id,
            Dependency::Group(group) => *group == point.group && other.id != point.id,
            Dependency::Elsewhere(..) => false,
        })
    };
    plan.points.iter().filter(waits).map(|other| other.id.as_str()).collect()
}

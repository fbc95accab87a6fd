//! The manifest as written: every key that exists, and the source of the published schema.
//!
//! Doc comments here are the schema's descriptions. Every map of keys also takes `x-…` keys.

use schemars::JsonSchema;
use serde::Deserialize;

pub use super::scalar::Spanned;
use super::scalar::{Day, Entries, MaybeDay, Number, Requirement, Span, Text, Variable};

/// A platform's integration points, from red to green.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Version of the format: 1.
    pub mdd: Spanned<Number>,
    /// Files to read with this one, relative to its folder; `*` matches within a name. Only in the first file.
    #[serde(default)]
    pub include: Vec<Text>,
    /// What the points are for.
    pub platform: Platform,
    /// Who can turn points green, by id.
    #[serde(default)]
    pub teams: Entries<Team>,
    /// Steps on the way to done, in order.
    #[serde(default)]
    pub milestones: Entries<Milestone>,
    /// Where the points have to be true, by id.
    pub datacenters: Entries<Datacenter>,
    /// Variables of every datacenter; a datacenter overrides by name.
    #[serde(default)]
    pub vars: Entries<Variable>,
    /// Files or environment variables that hold secrets. Only the path or the name ever reaches a command line.
    #[serde(default)]
    pub secrets: Entries<Secret>,
    /// What a check may start: names found in the plugin folders, `*` matches any rest. No paths, no shells.
    pub programs: Option<Vec<Text>>,
    /// Where checks run from, by the engine's subscription; each is an implicit point with an owner and a date.
    #[serde(default)]
    pub vantages: Entries<Vantage>,
    /// Monitoring engines that this manifest is exported to.
    #[serde(default)]
    pub engines: Engines,
    /// For points that do not say.
    #[serde(default)]
    pub defaults: Defaults,
    /// Checks that several points use with their own variables.
    #[serde(default)]
    pub templates: Entries<Template>,
    /// Chapters, in the order of the document.
    pub groups: Entries<Group>,
    /// Integration points. The key is the identity for ever.
    pub points: Entries<Point>,
    /// Failures that somebody has accepted for a while.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
}

/// What the points are for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// Short name.
    pub id: Text,
    /// For people.
    pub title: Text,
    /// Team that runs it.
    pub owner: Option<Text>,
    /// A paragraph.
    pub summary: Option<Text>,
    /// Page.
    pub docs: Option<Text>,
}

/// Who can turn a point green.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// For people.
    pub name: Text,
    /// Channel.
    pub chat: Option<Text>,
    /// Address.
    pub email: Option<Text>,
    /// Pager's page.
    pub oncall: Option<Text>,
    /// Ticket queue's page.
    pub tickets: Option<Text>,
    /// IANA name, Europe/Amsterdam.
    pub timezone: Option<Text>,
}

/// One step on the way to done.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Milestone {
    /// For people.
    pub title: Text,
}

/// Where the points have to be true.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Datacenter {
    /// For people.
    pub title: Text,
    /// How far its life has come; planned when not given.
    #[serde(default)]
    pub stage: Stage,
    /// First day in use.
    pub live_since: Option<Day>,
    /// Date per milestone, end of that day UTC; `~` when there is none yet.
    #[serde(default)]
    pub due: Entries<MaybeDay>,
    /// Variables of this datacenter; `~` for a value that is not known yet.
    #[serde(default)]
    pub vars: Entries<Variable>,
}

/// Life of a datacenter.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Not begun.
    #[default]
    Planned,
    /// Teams are deploying.
    Building,
    /// In use.
    Live,
    /// Gone.
    Retired,
}

/// Where a secret is: one of the two.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Absolute path of a file.
    pub file: Option<Text>,
    /// Name of an environment variable.
    pub env: Option<Text>,
}

/// Where checks run from.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vantage {
    /// Team that brings it up; the platform's owner when not given.
    pub owner: Option<Text>,
    /// When it has to be there.
    pub milestone: Option<Text>,
    /// Address of a machine there, for engines that ask machines by address; the vantage point's id when not given.
    pub address: Option<Text>,
}

/// Monitoring engines that this manifest is exported to.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Engines {
    /// Vantage point whose machine keeps the history and runs the roll-up checks; `mdd` when not given.
    pub history: Option<Text>,
    /// Where the manifest lies on that machine, and on agents that run `mdd exec`; /etc/mdd/mdd.yaml when not given.
    pub manifest: Option<Text>,
    /// Where the history lies on that machine; /var/lib/mdd/history.db when not given.
    pub state: Option<Text>,
    /// Sensu Go.
    pub sensu_go: Option<SensuGo>,
    /// Sensu Classic.
    pub sensu_classic: Option<SensuClassic>,
    /// Nagios Core.
    pub nagios: Option<Nagios>,
    /// NRPE.
    pub nrpe: Option<Nrpe>,
    /// Icinga 2.
    pub icinga2: Option<Icinga2>,
}

/// Sensu Go.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SensuGo {
    /// Namespace of a datacenter's checks; default when not given.
    pub namespace: Option<Text>,
    /// Pipelines that handle what may page somebody.
    #[serde(default)]
    pub pipelines: Vec<Text>,
    /// Handlers that do the same.
    #[serde(default)]
    pub handlers: Vec<Text>,
    /// Handlers of metrics.
    #[serde(default)]
    pub metric_handlers: Vec<Text>,
    /// How agents get the programs; a datacenter that is not live takes the package.
    pub install: Option<Spanned<Install>>,
    /// Name of the asset; verdigris-plugins when not given.
    pub asset: Option<Text>,
    /// Folder of the plugins from the package; /usr/lib/nagios/plugins when not given.
    pub plugin_dir: Option<Text>,
}

/// Sensu Classic.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SensuClassic {
    /// Handlers of what may page somebody.
    #[serde(default)]
    pub handlers: Vec<Text>,
    /// How agents get the programs: package.
    pub install: Option<Spanned<Install>>,
    /// Folder of the plugins; /usr/lib/nagios/plugins when not given.
    pub plugin_dir: Option<Text>,
}

/// Nagios Core.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nagios {
    /// The vantage point that the Nagios server itself is; only its points are run directly. All are when not given.
    pub vantage: Option<Text>,
    /// How the server gets the programs: package.
    pub install: Option<Spanned<Install>>,
    /// Folder of the plugins, or a macro; $USER1$ when not given.
    pub plugin_dir: Option<Text>,
    /// Oldest version that has to read the export; from 4.4.4 on `;` can be written.
    pub min_version: Option<Text>,
    /// Template that hosts use.
    pub host_template: Option<Text>,
    /// Template that services use.
    pub service_template: Option<Text>,
    /// Command that notifies a contact of a host; notify-host-by-email when not given.
    pub notify_host: Option<Text>,
    /// Command that notifies a contact of a service; notify-service-by-email when not given.
    pub notify_service: Option<Text>,
}

/// NRPE.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nrpe {
    /// How agents get the programs: package.
    pub install: Option<Spanned<Install>>,
    /// Folder of the plugins; /usr/lib/nagios/plugins when not given.
    pub plugin_dir: Option<Text>,
}

/// Icinga 2.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Icinga2 {
    /// How endpoints get the programs: package.
    pub install: Option<Spanned<Install>>,
    /// Folder of the plugins; /usr/lib/nagios/plugins when not given.
    pub plugin_dir: Option<Text>,
    /// Zone of the masters, parent of the vantage points' zones; no zones when not given.
    pub parent_zone: Option<Text>,
    /// Template that hosts import.
    pub host_template: Option<Text>,
    /// Template that services import.
    pub service_template: Option<Text>,
}

/// How agents get the programs.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Install {
    /// From the distribution's package.
    Package,
    /// From a Sensu asset.
    Asset,
}

/// For points that do not say.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Time between runs; 60s when not given.
    pub interval: Option<Spanned<Span>>,
    /// After which a run is killed; 10s when not given.
    pub timeout: Option<Spanned<Span>>,
    /// Age at which a result is too old; 3 × interval when not given.
    pub ttl: Option<Spanned<Span>>,
    /// How long it has to be OK to count; 15m when not given.
    pub stable: Option<Spanned<Span>>,
    /// For alert routing; critical when not given.
    pub severity: Option<Severity>,
    /// Vantage point that checks run from.
    pub subscription: Option<Text>,
}

/// A check that several points use.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Program's name, then its arguments.
    pub check: Vec<Text>,
    /// As of a point.
    pub interval: Option<Spanned<Span>>,
    /// As of a point.
    pub timeout: Option<Spanned<Span>>,
    /// As of a point.
    pub ttl: Option<Spanned<Span>>,
    /// As of a point.
    pub stable: Option<Spanned<Span>>,
    /// As of a point.
    pub severity: Option<Severity>,
    /// As of a point.
    pub subscription: Option<Text>,
    /// As of a point.
    #[serde(default)]
    pub env: Entries<Text>,
}

/// A chapter of the document.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// For people.
    pub title: Text,
    /// Team that owns points which name none.
    pub owner: Option<Text>,
}

/// An integration point.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Group's id.
    pub group: Text,
    /// Team that can turn it green; the group's owner when not given.
    pub owner: Option<Text>,
    /// The green condition as a sentence; reads right in red and in green.
    pub title: Text,
    /// What breaks for whom without it.
    pub why: Text,
    /// What is needed from the owner: the text of the ticket.
    pub need: Option<Text>,
    /// Sentence for the platform's users; shown on their page.
    pub for_users: Option<Text>,
    /// Page to open when it is red.
    pub runbook: Option<Text>,
    /// Command whose output helps whoever mends it; an engine runs it when the check fails. Program's name, then its
    /// arguments. No shell.
    #[serde(default)]
    pub runbook_command: Vec<Text>,
    /// Further pages.
    #[serde(default)]
    pub links: Vec<Text>,
    /// Milestone it belongs to; the datacenter gives the date. This or `expected_by`.
    pub milestone: Option<Text>,
    /// Date of its own.
    pub expected_by: Option<Day>,
    /// What it waits for: ids, group:id, or datacenter/id.
    #[serde(default)]
    pub depends_on: Vec<Text>,
    /// Whether it still runs while it is blocked; `skip` where a failing attempt does harm.
    #[serde(default)]
    pub when_blocked: WhenBlocked,
    /// One variable with a list: one instance of the check per element.
    #[serde(default)]
    pub for_each: Entries<Variable>,
    /// How instances roll up: all (default), any, or a number.
    pub require: Option<Spanned<Requirement>>,
    /// Only in these datacenters.
    #[serde(default)]
    pub only: Vec<Text>,
    /// Not in these datacenters.
    #[serde(default)]
    pub except: Vec<Text>,
    /// Template whose check it runs. This or `check`.
    #[serde(rename = "use")]
    pub template: Option<Text>,
    /// Variables of this point, the template's parameters.
    #[serde(default)]
    pub vars: Entries<Variable>,
    /// Program's name, then its arguments. No shell.
    #[serde(default)]
    pub check: Vec<Text>,
    /// Arguments appended to the check.
    #[serde(default)]
    pub extra: Vec<Text>,
    /// Time between runs.
    pub interval: Option<Spanned<Span>>,
    /// After which a run is killed.
    pub timeout: Option<Spanned<Span>>,
    /// Age at which a result is too old.
    pub ttl: Option<Spanned<Span>>,
    /// How long it has to be OK to count.
    pub stable: Option<Spanned<Span>>,
    /// For alert routing.
    pub severity: Option<Severity>,
    /// required (default), or advisory: shown, never blocks.
    #[serde(default)]
    pub gate: Gate,
    /// Vantage point: from where it must be true.
    pub subscription: Option<Text>,
    /// Extra environment of the check.
    #[serde(default)]
    pub env: Entries<Text>,
    /// How to turn it red on purpose.
    pub prove: Option<Prove>,
    /// Former id, whose history belongs to this point.
    pub was: Option<Text>,
}

/// For alert routing.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Page.
    Critical,
    /// Ticket today.
    Major,
    /// Ticket.
    Minor,
}

/// Whether a blocked point still runs.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WhenBlocked {
    /// Go on running.
    #[default]
    Run,
    /// Do not run: a failing attempt does harm.
    Skip,
}

/// Whether a point counts for the gate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// It has to be done.
    #[default]
    Required,
    /// Shown, never blocks.
    Advisory,
}

/// How to turn a point red on purpose.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prove {
    /// Variables to change.
    #[serde(default)]
    pub vars: Entries<Variable>,
    /// Another command.
    #[serde(default)]
    pub check: Vec<Text>,
}

/// A failure that somebody has accepted for a while.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Point's id.
    pub point: Text,
    /// Datacenter's id.
    pub dc: Text,
    /// Last day, UTC; at most 90 days ahead.
    pub until: Spanned<Day>,
    /// Why it is accepted.
    pub reason: Text,
    /// Who accepted it.
    pub by: Text,
    /// Where it is tracked.
    pub ticket: Option<Text>,
}

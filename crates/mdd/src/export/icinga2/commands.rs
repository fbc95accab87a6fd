//! CheckCommands: the whole argument list of one check, which Icinga starts without a shell.

use std::time::Duration;

use super::block::{self, Block};
use super::{duration, scoped};
use crate::export::encode::icinga2::{expanded, literal};
use crate::export::item::Command;
use crate::export::{Item, Rollup, Style};
use crate::plan::Plan;

/// How much longer Icinga waits for `mdd exec`, which ends the check by itself and then says so.
const GRACE: Duration = Duration::from_secs(2);

/// What a datacenter's host is checked with. Its state is in its services; a host that could fail would hide them.
pub fn host(plan: &Plan) -> Block {
    let words = ["/bin/echo".to_owned(), format!("{}: see its services", plan.dc)];
    Block::new("CheckCommand", host_name(plan))
        .set("command", block::array(words.iter().map(|word| expanded(word))))
}

/// Name of the host's. No item's name is empty, so that it is no check's.
pub fn host_name(plan: &Plan) -> String {
    format!("mdd_{}", plan.dc)
}

/// One check's.
pub fn check(item: &Item<'_>, style: Style) -> Block {
    let plan = item.plan;
    let command = item.command(style, Some(&plan.engines.icinga2.plugin_dir));
    let vars = [("mdd_check", item.instance.hash.as_str()), ("mdd_hash", &item.hash)];
    let timeout = timeout(item, style);
    block(&scoped(&plan.dc, &item.name), &command, timeout).vars(vars)
}

/// When Icinga ends one.
pub fn timeout(item: &Item<'_>, style: Style) -> Duration {
    match style {
        Style::Direct => item.point.timeout,
        Style::Exec => item.point.timeout + GRACE,
    }
}

/// A roll-up's.
pub fn rollup(plan: &Plan, rollup: &Rollup) -> Block {
    block(&scoped(&plan.dc, &rollup.name), &rollup.command, rollup.timeout)
        .vars([("mdd_hash", rollup.hash.as_str())])
}

fn block(name: &str, command: &Command, timeout: Duration) -> Block {
    Block::new("CheckCommand", name)
        .set("command", array(command))
        .maybe("env", env(command))
        .set("timeout", duration(timeout))
}

/// The argument list. Every element is a string: a number would be printed as 0.500000.
pub fn array(command: &Command) -> String {
    let words = command.argv.iter().enumerate();
    block::array(words.map(|(index, word)| match index {
        0 => expanded(&format!("{}{word}", command.prefix)),
        _ => expanded(word),
    }))
}

/// The environment, when the check has one of its own.
pub fn env(command: &Command) -> Option<String> {
    let pairs: Vec<String> =
        command.env.iter().map(|(name, value)| format!("{} = {}", literal(name), expanded(value))).collect();
    (!pairs.is_empty()).then(|| format!("{{ {} }}", pairs.join(", ")))
}

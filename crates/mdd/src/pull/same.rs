//! Whether an engine runs the very check that the manifest has now, wherever it keeps the programs.

use std::collections::BTreeMap;

use super::sighting::Kind;
use crate::export::encode::{self, Refusal};
use crate::export::{Item, Style, nrpe};

/// An engine's writing of prefix, environment and argument list.
type Encode = fn(&str, &BTreeMap<String, String>, &[String]) -> Result<String, Refusal>;

/// Whether a line of the engine is the check, in either style of export.
pub fn line(item: &Item<'_>, kind: Kind, line: &str) -> bool {
    let encode: Encode = match kind {
        Kind::SensuGo => encode::sensu_go::command,
        Kind::SensuClassic => encode::sensu_classic::command,
        Kind::Nagios => return nagios(item, line),
        // They give no lines of a shell.
        Kind::Icinga2 | Kind::Mdd => return false,
    };
    encoded(item, encode, line)
}

/// A line of Nagios' objects.cache: what the server runs itself, or how it asks an agent for the check's command, whose name
/// holds the check's hash. `;` stands there without its backslash.
fn nagios(item: &Item<'_>, line: &str) -> bool {
    let encode: Encode = |prefix, env, argv| {
        let newest = Some(encode::nagios::Version(u32::MAX, 0, 0));
        let line = encode::nagios::command_line(prefix, env, argv, newest)?;
        Ok(line.replace(r"\;", ";"))
    };
    let asked = folders(line, "check_nrpe").into_iter().any(|folder| {
        let rest = line.strip_prefix(folder).and_then(|rest| rest.strip_prefix("check_nrpe "));
        rest.is_some_and(|rest| rest == nrpe::question(item))
    });
    asked || encoded(item, encode, line)
}

/// Whether it is an engine's writing of the check, wherever it keeps the programs.
fn encoded(item: &Item<'_>, encode: Encode, line: &str) -> bool {
    [Style::Direct, Style::Exec].into_iter().any(|style| {
        let command = item.command(style, None);
        let Some(name) = command.argv.first() else { return false };
        // What the encoder cannot write, the engine cannot run.
        let is = |prefix: &str| encode(prefix, &command.env, &command.argv).is_ok_and(|own| own == line);
        folders(line, name).iter().any(|folder| is(folder))
    })
}

/// Whether these are the check's arguments, or `mdd exec` of it. The environment is not among them.
pub fn argv(item: &Item<'_>, argv: &[String]) -> bool {
    let Some((program, arguments)) = argv.split_first() else { return false };
    let name = program.rsplit('/').next().unwrap_or(program);
    [Style::Direct, Style::Exec].into_iter().any(|style| {
        let own = item.command(style, None).argv;
        own.split_first().is_some_and(|(own, rest)| own == name && rest == arguments)
    })
}

/// Every folder, with its slash, that stands before this name in a line; and none.
fn folders<'l>(line: &'l str, name: &str) -> Vec<&'l str> {
    let mut found = vec![""];
    for (at, _) in line.match_indices(name) {
        let before = &line[..at];
        let start = before.rfind(' ').map_or(0, |blank| blank + 1);
        let folder = &before[start..];
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-$".contains(c);
        if folder.ends_with('/') && folder.chars().all(plain) {
            found.push(folder);
        }
    }
    found
}

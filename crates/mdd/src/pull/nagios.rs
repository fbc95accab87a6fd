//! Nagios Core: services, from its `status.dat`, with `objects.cache` to tell what it runs, or from its CGIs.
//!
//! nagioscore 4.4 `xdata/xsddefault.c` (status.dat: blocks of `name=value`, custom variables as `_NAME=modified;value`),
//! `xdata/xodtemplate.c` (objects.cache: blocks of `name<tab>value`, `;` without its backslash), `common/shared.c` and
//! `base/utils.c` (only the long output is escaped: `\n` and `\\`).

pub mod json;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::client::{Client, Failed};
use super::document::moment;
use super::sighting::{Haul, Labels, Runs, Said, Sighting};
use crate::export::rollup::PREFIX;

/// Most blocks of one file.
const BLOCKS: usize = 1_000_000;
/// `check_type` of a result that no check of the server made.
const PASSIVE: &str = "1";
/// `entry_type` of the comment that an acknowledgement leaves.
const ACKNOWLEDGEMENT: &str = "4";

/// What a document says, before anything is made of it.
#[derive(Debug)]
pub struct Found {
    /// When Nagios made it.
    taken: Timestamp,
    /// When Nagios was started, or has last read its configuration; seconds since 1970.
    started: i64,
    /// `servicestatus`, and what may explain it.
    blocks: Vec<Block>,
    /// The line of each command, where it can be had.
    commands: Option<BTreeMap<String, String>>,
}

/// Reads a `status.dat`, and the `objects.cache` of the same Nagios where it can be had; or the answers of its CGIs.
///
/// # Errors
/// It is none, or not whole: Nagios replaces it at once, so that half a file is half a copy.
pub fn read(document: &[u8], objects: Option<&[u8]>) -> Result<Haul, String> {
    let found = if json::is(document) { json::read(document)? } else { files(document, objects)? };
    let of = |kind: &'static str| found.blocks.iter().filter(move |block| block.kind == kind);
    let notes: Vec<&Block> = of("servicedowntime").chain(of("servicecomment")).collect();
    let mut sightings = Vec::new();
    for block in of("servicestatus") {
        sightings.extend(sighting(block, found.started, &notes, found.commands.as_ref())?);
    }
    doubt(&mut sightings);
    Ok(Haul { taken: found.taken, sightings })
}

/// Gets what the CGIs say.
///
/// # Errors
/// They cannot be reached, do not let us in, or say something else.
pub fn fetch(client: &Client) -> Result<Haul, Failed> {
    read(&json::fetch(client)?, None).map_err(|what| client.failed("", &what))
}

fn files(status: &[u8], objects: Option<&[u8]>) -> Result<Found, String> {
    let blocks = blocks(status, '=')?;
    let first = |kind: &str| blocks.iter().find(|block| block.kind == kind);
    let info = first("info").ok_or("it is no status.dat: it has no block `info`")?;
    let taken = info.whole("created")?;
    let taken = moment(taken).ok_or_else(|| format!("it was created at {taken}, which is no time"))?;
    let started = first("programstatus").ok_or("it has no block `programstatus`")?.whole("program_start")?;
    let commands = objects.map(commands).transpose().map_err(|what| format!("objects.cache: {what}"))?;
    Ok(Found { taken, started, blocks, commands })
}

/// One service; none of a roll-up, which is about no point.
fn sighting(
    block: &Block,
    started: i64,
    notes: &[&Block],
    commands: Option<&BTreeMap<String, String>>,
) -> Result<Option<Sighting>, String> {
    let (place, name) = (block.text("host_name")?, block.text("service_description")?);
    let labels = Labels::find(|label| block.custom(label));
    if labels.point.is_none() && name.starts_with(PREFIX) {
        return Ok(None);
    }
    let last = block.whole("last_check")?;
    // What it remembers of the time before it last read its configuration, another command may have said. Both are whole
    // seconds.
    let checked = block.text("has_been_checked")? != "0" && last > started;
    let executed = if checked { moment(last) } else { None };
    let passive = block.text("check_type")? == PASSIVE;
    let seconds: f64 = block.text("check_execution_time")?.parse().unwrap_or(0.0);
    let long = unescaped(&block.text("long_plugin_output")?);
    let output = [block.text("plugin_output")?, long].join("\n");
    Ok(Some(Sighting {
        vantage: vantage(&place, block, &labels),
        runs: runs(block, &name, &labels, commands)?,
        said: Said {
            code: block.whole("current_state")?,
            output: output.trim_end().to_owned(),
            perf: Some(block.text("performance_data")?),
        },
        executed,
        took: Duration::try_from_secs_f64(seconds.min(1e9)).unwrap_or(Duration::ZERO),
        history: Vec::new(),
        not_run: passive.then(|| "a passive result: Nagios was given it and ran nothing".to_owned()),
        silenced: silenced(block, &place, &name, notes),
        host: filed_under(&place, &labels),
        by: Some(place),
        labels,
        name,
    }))
}

/// The vantage point in the name of a host that is asked through NRPE: `iad2_paas-node`.
fn asked<'h>(host: &'h str, labels: &Labels) -> Option<&'h str> {
    host.strip_prefix(labels.dc.as_deref()?)?.strip_prefix('_')
}

/// Where it ran: such a host, or the server itself, which was given it for a vantage point.
fn vantage(host: &str, block: &Block, labels: &Labels) -> Option<String> {
    asked(host, labels).map(str::to_owned).or_else(|| block.custom("mdd_vantage"))
}

/// The datacenter, of which such a host is a part; else the host's name.
fn filed_under(host: &str, labels: &Labels) -> String {
    match (asked(host, labels), &labels.dc) {
        (Some(_), Some(dc)) => dc.clone(),
        _ => host.to_owned(),
    }
}

/// What Nagios runs: the line of its command; without objects.cache at least the name of it, which anybody may change while it
/// runs.
fn runs(
    block: &Block,
    name: &str,
    labels: &Labels,
    commands: Option<&BTreeMap<String, String>>,
) -> Result<Runs, String> {
    let command = block.text("check_command")?;
    let Some(commands) = commands else {
        let own = labels.dc.as_ref().map(|dc| format!("mdd_{dc}_{name}"));
        return Ok(if own.is_none_or(|own| own == command) { Runs::Unknown } else { Runs::Command(command) });
    };
    // A command of the export has no arguments.
    let line = commands.get(&command).cloned().unwrap_or_else(|| command.clone());
    // The CGIs cut a line at its `;`, which an export has between quotes only: then its name and label have to do.
    let own = labels.dc.as_ref().map(|dc| format!("mdd_{dc}_{name}"));
    Ok(if is_cut(&line) && own.as_ref() == Some(&command) { Runs::Unknown } else { Runs::Command(line) })
}

/// Whether a line of POSIX words ends between single quotes.
fn is_cut(line: &str) -> bool {
    let mut quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => quoted = !quoted,
            '\\' if !quoted => drop(chars.next()),
            _ => {}
        }
    }
    quoted
}

/// That it is in a downtime or acknowledged, with whatever says so.
fn silenced(block: &Block, host: &str, name: &str, notes: &[&Block]) -> Option<String> {
    let is = |key: &str| block.get(key).is_some_and(|value| value != "0");
    let about =
        |note: &&&Block| note.get("host_name") == Some(host) && note.get("service_description") == Some(name);
    let say = |what: &str, note: Option<&&Block>| {
        let field = |key: &str| note.and_then(|note| note.get(key)).filter(|text| !text.is_empty());
        let by = field("author").map(|by| format!(" by {by}"));
        let end = field("end_time").and_then(|end| moment(end.parse().ok()?));
        let until = end.map(|end: Timestamp| format!(" until {end}"));
        let why = field("comment_data").or(field("comment")).map(|why| format!(": {why}"));
        [Some(what.to_owned()), by, until, why].into_iter().flatten().collect::<String>()
    };
    let mut said = Vec::new();
    if is("scheduled_downtime_depth") {
        let note = notes.iter().filter(about).find(|note| note.kind == "servicedowntime");
        said.push(say("in a downtime of Nagios", note));
    }
    if is("problem_has_been_acknowledged") {
        let acknowledgement = |note: &&&Block| note.get("entry_type") == Some(ACKNOWLEDGEMENT);
        let note = notes.iter().filter(about).find(acknowledgement);
        said.push(say("acknowledged in Nagios", note));
    }
    (!said.is_empty()).then(|| said.join("; "))
}

/// Of two services that claim to be the same check neither can be believed.
fn doubt(sightings: &mut [Sighting]) {
    let point = |one: &Sighting| Some((one.labels.dc.clone()?, one.labels.point.clone()?));
    // An instance whose key Nagios cannot keep has no label of it, and is told by its name: `POINT_KEY`.
    let is_named = |one: &Sighting| {
        let start = one.labels.point.as_ref().map(|point| format!("{point}_"));
        start.is_some_and(|start| one.name.starts_with(&start))
    };
    let keyless = sightings.iter().filter(|one| one.labels.instance.is_none() && !is_named(one));
    let single: BTreeSet<_> = keyless.filter_map(point).collect();
    let mut claims = BTreeMap::<_, Vec<usize>>::new();
    for (index, one) in sightings.iter().enumerate() {
        let claim = match (point(one), &one.labels.instance) {
            (Some(of), Some(key)) => (of, key.clone()),
            (Some(of), None) if single.contains(&of) => (of, String::new()),
            (Some(of), None) => (of, one.name.clone()),
            (None, _) => ((one.host.clone(), String::new()), one.name.clone()),
        };
        claims.entry(claim).or_default().push(index);
    }
    for twins in claims.into_values().filter(|twins| twins.len() > 1) {
        let names: Vec<String> = twins.iter().map(|&index| service(&sightings[index])).collect();
        for index in twins {
            sightings[index].not_run = Some(format!("several services are this check: {}", names.join(", ")));
        }
    }
}

/// `host/service`.
fn service(sighting: &Sighting) -> String {
    format!("{}/{}", sighting.by.as_ref().unwrap_or(&sighting.host), sighting.name)
}

/// The long output as the plugin wrote it.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('\\', Some('n')) => {
                chars.next();
                out.push('\n');
            }
            ('\\', Some('\\')) => {
                chars.next();
                out.push('\\');
            }
            _ => out.push(c),
        }
    }
    out
}

/// Every command of an objects.cache, by name.
fn commands(objects: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let blocks = blocks(objects, '\t')?;
    let commands = blocks.iter().filter(|block| block.kind == "define command");
    commands.map(|block| Ok((block.text("command_name")?, block.text("command_line")?))).collect()
}

/// `kind { … }`.
#[derive(Debug)]
pub struct Block {
    kind: String,
    values: Vec<(String, String)>,
}

impl Block {
    fn get(&self, key: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn text(&self, key: &str) -> Result<String, String> {
        let missing = || format!("a block `{}` has no {key}", self.kind);
        self.get(key).map(str::to_owned).ok_or_else(missing)
    }

    fn whole(&self, key: &str) -> Result<i64, String> {
        let text = self.text(key)?;
        text.parse().map_err(|_| format!("a block `{}` has {key}={text}, which is no number", self.kind))
    }

    /// The value of a custom variable. Nagios writes before it whether it was changed.
    fn custom(&self, name: &str) -> Option<String> {
        let value = self.get(&format!("_{}", name.to_uppercase()))?;
        value.split_once(';').map(|(_, value)| value.to_owned())
    }
}

/// Parts a file into its blocks; `between` stands between a name and its value.
fn blocks(text: &[u8], between: char) -> Result<Vec<Block>, String> {
    let text = String::from_utf8_lossy(text);
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("it is cut: its last line has no end".to_owned());
    }
    let mut all: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        let at = index + 1;
        let trimmed = line.trim_start();
        match open.take() {
            None if trimmed.is_empty() || trimmed.starts_with('#') => {}
            None => {
                let kind = trimmed.trim_end().strip_suffix('{').map(str::trim_end);
                let kind = kind.filter(|kind| !kind.is_empty() && !kind.contains(['=', '\t', '}']));
                let kind = kind.ok_or_else(|| format!("line {at} begins no block"))?;
                open = Some(Block { kind: kind.to_owned(), values: Vec::new() });
            }
            Some(block) if trimmed.trim_end() == "}" => all.push(block),
            Some(mut block) => {
                let (name, value) =
                    trimmed.split_once(between).ok_or_else(|| format!("line {at} has no value"))?;
                block.values.push((name.to_owned(), value.trim_end_matches('\r').to_owned()));
                open = Some(block);
            }
        }
        if all.len() > BLOCKS {
            return Err(format!("it has more than {BLOCKS} blocks"));
        }
    }
    match open {
        None => Ok(all),
        Some(block) => Err(format!("it is cut: its last block, `{}`, has no end", block.kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_line_ends_between_quotes() {
        for line in ["x", "x 'a b'", r"x 'it'\''s'", r"x 'C:\'", r"x \'"] {
            assert!(!is_cut(line), "{line}");
        }
        for line in ["x 'a", r"x 'it'\''", r"x 'C:\' 'b"] {
            assert!(is_cut(line), "{line}");
        }
    }
}

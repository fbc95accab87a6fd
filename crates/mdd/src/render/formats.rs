//! Formats of a run and of a gate for other programs: JUnit, TAP, a plugin's line, Prometheus; and where they go.

pub mod junit;
pub mod nagios;
pub mod prometheus;
pub mod tap;

use std::path::PathBuf;

use crate::engine::snapshot::{Entry, Snapshot};
use crate::engine::state::{Rule, State};
use crate::exit::Exit;
use crate::plan::Point;
use crate::render::run::notes;

/// Format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs: everything
    Json,
    /// JUnit's XML, for build servers: one suite per group
    Junit,
    /// Test Anything Protocol, version 14; what is not due is `# TODO`
    Tap,
    /// The whole datacenter as one check: a plugin's line and exit code
    Nagios,
    /// For node_exporter's textfile collector
    Prometheus,
}

/// Reads `FORMAT=FILE` of the command line.
///
/// # Errors
/// There is no such format, or no path, in words.
pub fn parse_out(text: &str) -> Result<(Format, PathBuf), String> {
    let names = <Format as clap::ValueEnum>::value_variants()
        .iter()
        .filter_map(clap::ValueEnum::to_possible_value)
        .map(|value| value.get_name().to_owned())
        .collect::<Vec<_>>()
        .join(", ");
    let (format, path) =
        text.split_once('=').ok_or_else(|| format!("expected FORMAT=PATH, FORMAT one of {names}"))?;
    let format = <Format as clap::ValueEnum>::from_str(format, false)
        .map_err(|_| format!("`{format}` is no format; one of {names}"))?;
    if path.is_empty() {
        return Err("the path after `=` is empty".to_owned());
    }
    Ok((format, path.into()))
}

/// What the formats say something about.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'s, 'p> {
    /// The datacenter.
    pub snapshot: &'s Snapshot<'p>,
    /// Ids of the points that are shown.
    pub shown: &'s std::collections::BTreeSet<String>,
    /// What the command comes to.
    pub exit: Exit,
    /// The milestone that was asked for; empty for all points.
    pub milestone: &'s str,
}

impl<'s, 'p> Sheet<'s, 'p> {
    /// The points that are shown, in the plan's order.
    pub fn entries(&self) -> impl Iterator<Item = &'s Entry<'p>> {
        let shown = self.shown;
        self.snapshot.entries.iter().filter(move |entry| shown.contains(&entry.point.id))
    }

    /// Whether a point is shown.
    pub fn shows(&self) -> impl Fn(&Point) -> bool + Copy {
        |point| self.shown.contains(&point.id)
    }
}

/// A point as a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It passes.
    Passes,
    /// It does not, and need not yet: why.
    Excused(String),
    /// It does not.
    Fails,
    /// Nobody can tell.
    Error,
}

/// What a point is as a test: waived, not due and advisory ones are excused; what is not done fails.
pub fn standing(entry: &Entry<'_>, snapshot: &Snapshot<'_>) -> Standing {
    let state = entry.judgement.state;
    let with_notes = |word: &str| {
        let notes = notes(entry, snapshot.options.now);
        let notes: Vec<&str> = notes.iter().map(String::as_str).filter(|note| *note != word).collect();
        match (notes.as_slice(), entry.judgement.rule) {
            ([], Rule::MissingValue) => format!("{word}: {}", entry.text),
            ([], _) => word.to_owned(),
            (notes, _) => format!("{word}: {}", notes.join(", ")),
        }
    };
    match state {
        State::Waived => Standing::Excused(with_notes("waived")),
        _ if entry.judgement.done => Standing::Passes,
        _ if !entry.point.required => Standing::Excused(format!("advisory, {}", state.word())),
        State::NotDue => Standing::Excused(with_notes("not due")),
        State::Unknown => Standing::Error,
        _ => Standing::Fails,
    }
}

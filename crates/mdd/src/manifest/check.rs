//! Whether a manifest holds together.

pub mod advice;
mod graph;
pub mod here;
mod references;
mod values;

pub use references::{is_id, references};

use super::Manifest;
use super::resolve::Resolved;
use crate::diagnostic::Diagnostic;

/// What only the values of these datacenters show: variables, programs, dependencies, dates.
pub fn datacenters(manifest: &Manifest, resolved: &[Resolved]) -> Vec<Diagnostic> {
    let mut problems = values::problems(manifest, resolved);
    problems.extend(graph::problems(manifest, resolved));
    problems
}

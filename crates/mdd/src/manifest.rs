//! The manifest: what is read from YAML, and the plan it makes for one datacenter.

use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::plan::Plan;

/// A manifest that was read and holds together.
#[derive(Debug, Clone)]
pub struct Manifest {}

/// Reads a manifest and all it includes. `sets` are variables that beat the manifest's own.
///
/// # Errors
/// Every mistake found, each with its place.
pub fn load(path: &Path, sets: &[(String, String)]) -> Result<Manifest, Vec<Diagnostic>> {
    Err(vec![Diagnostic::error(format!("read {}: being written {}", path.display(), sets.len()))])
}

impl Manifest {
    /// The plan of one datacenter.
    ///
    /// # Errors
    /// An unknown datacenter, and every mistake that only its values show.
    pub fn plan(&self, dc: &str) -> Result<Plan, Vec<Diagnostic>> {
        Err(vec![Diagnostic::error(format!("{dc}: being written"))])
    }

    /// Ids of the datacenters, in the manifest's order.
    pub fn datacenters(&self) -> Vec<&str> {
        Vec::new()
    }
}

//! The textfile of a datacenter's history, for Prometheus' node exporter.

use std::path::Path;

use crate::cli::Global;
use crate::commands::context::{known, plans};
use crate::commands::deliver;
use crate::engine::alerts::alerts;
use crate::engine::snapshot::{FailOn, snapshot};
use crate::engine::state::Options;
use crate::exit::Error;
use crate::export::prometheus::METRICS;
use crate::manifest::Manifest;
use crate::plan::Stage;
use crate::render::formats::{Sheet, prometheus};
use crate::select::Selector;

/// Writes it into the datacenter's folder, in one step and always: its time says how old the states are. That of a
/// retired datacenter is deleted.
///
/// # Errors
/// The history cannot be read, or the file not be written.
pub fn publish(manifest: &Manifest, dc: &str, folder: &Path, global: &Global) -> Result<(), Error> {
    let path = folder.join(METRICS);
    let (plan, others) = plans(manifest, dc)?;
    if plan.stage == Stage::Retired {
        return super::remove(&path);
    }
    let options = Options::at(global.now());
    let (facts, gates) = known(&global.state_path(), &plan, &others, &options)?;
    let snapshot = snapshot(&plan, &facts, &options);
    let alerts = alerts(&snapshot, &gates, &others, &Selector::default());
    let all = plan.points.iter().map(|point| point.id.clone()).collect();
    let exit = snapshot.exit(FailOn::NotDone, |_| true);
    let sheet = Sheet { snapshot: &snapshot, shown: &all, exit, milestone: "" };
    deliver::publish(&path, &prometheus::textfile(&sheet, &alerts))
        .map_err(|error| Error::own(format!("write {}: {error}", path.display())))
}

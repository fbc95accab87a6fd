//! The checks that may page somebody: one per owner, over all that the owner answers for.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::item::{Command, MDD};
use crate::manifest::resolve::hex;
use crate::plan::Plan;

/// How the names of roll-ups begin.
pub const PREFIX: &str = "mdd_alerts_";

/// `mdd status DC owner:X --alerts`, scheduled where the history is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollup {
    /// The team.
    pub owner: String,
    /// `mdd_alerts_corenet`; no point's name has an underscore before its first dash or dot.
    pub name: String,
    /// Vantage point or subscription that keeps the history.
    pub vantage: String,
    /// How it is started.
    pub command: Command,
    /// Time between runs.
    pub interval: Duration,
    /// After which it is killed.
    pub timeout: Duration,
    /// Age at which silence is a failure.
    pub ttl: Duration,
    /// SHA-256 over it, hexadecimal, 16 digits.
    pub hash: String,
}

/// One for each team that owns a point or a vantage point, sorted by name.
pub fn rollups(plan: &Plan) -> Vec<Rollup> {
    let points = plan.points.iter().map(|point| &point.owner);
    // What nobody can tell is answered for by whoever runs the vantage point.
    let owners: BTreeSet<&String> =
        points.chain(plan.vantages.iter().map(|vantage| &vantage.owner)).collect();
    owners.into_iter().filter(|owner| !owner.is_empty()).map(|owner| rollup(plan, owner)).collect()
}

fn rollup(plan: &Plan, owner: &str) -> Rollup {
    let engines = &plan.engines;
    let (folder, program) = MDD.rsplit_once('/').unwrap_or(("", MDD));
    let team = format!("owner:{owner}");
    let words = ["status", &plan.dc, &team, "--alerts", "--format", "nagios"];
    let places = ["--file", &engines.manifest, "--state", &engines.state];
    let argv: Vec<String> =
        [program].iter().chain(&words).chain(&places).map(|&word| word.to_owned()).collect();
    let mut hash = hex(&Sha256::digest(json!([plan.platform.id, argv, engines.history]).to_string()));
    hash.truncate(16);
    Rollup {
        owner: owner.to_owned(),
        name: format!("{PREFIX}{owner}"),
        vantage: engines.history.clone(),
        command: Command { prefix: format!("{folder}/"), argv, env: std::collections::BTreeMap::new() },
        interval: Duration::from_mins(1),
        timeout: Duration::from_secs(20),
        ttl: Duration::from_mins(3),
        hash,
    }
}

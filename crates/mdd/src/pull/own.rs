//! What `mdd run --as VANTAGE --format json` wrote on another machine.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::document::{objects, text};
use super::sighting::{Haul, Labels, Runs, Said, Sighting};
use crate::engine::{Status, Verdict};

/// Reads a run, or several in a row. Only results of the vantage point that the run was made as: what a laptop stands in
/// for is nobody's truth.
///
/// # Errors
/// It is no JSON, or not of a run made with `--as`.
pub fn read(document: &[u8]) -> Result<Haul, String> {
    let mut haul = Haul { taken: Timestamp::MIN, sightings: Vec::new() };
    for run in objects(document)? {
        let (Some(_), Some(dc)) = (text(&run, "mdd"), text(&run, "dc")) else {
            return Err("it is not what `mdd run --format json` writes".to_owned());
        };
        let Some(vantage) = text(&run, "vantage") else {
            return Err("its run was made without --as VANTAGE: no vantage point's truth".to_owned());
        };
        let at = text(&run, "at").and_then(|at| at.parse().ok());
        haul.taken = haul.taken.max(at.ok_or("it does not say when it was made")?);
        let platform = text(&run, "platform");
        for point in run.get("points").and_then(Value::as_array).into_iter().flatten() {
            let Some(point) = point.as_object() else { continue };
            let instances = point.get("instances").and_then(Value::as_array);
            for one in instances.into_iter().flatten().filter_map(Value::as_object) {
                if text(one, "vantage").is_none_or(|from| from == vantage) {
                    haul.sightings.push(sighting(point, one, &dc, platform.clone()));
                }
            }
        }
    }
    Ok(haul)
}

fn sighting(
    point: &Map<String, Value>,
    one: &Map<String, Value>,
    dc: &str,
    platform: Option<String>,
) -> Sighting {
    let took = one.get("took_ms").and_then(Value::as_f64).unwrap_or(0.0).clamp(0.0, 1e9);
    let id = text(point, "id");
    Sighting {
        host: dc.to_owned(),
        name: id.clone().unwrap_or_default(),
        labels: Labels {
            platform,
            dc: Some(dc.to_owned()),
            point: id,
            instance: text(one, "key"),
            check: text(one, "result_argv_hash"),
        },
        vantage: text(one, "vantage"),
        // The hash is of what ran; the list beside it is what the manifest there says now.
        runs: Runs::Unknown,
        said: Said {
            code: code(&text(one, "status").unwrap_or_default()),
            output: text(one, "output").unwrap_or_default(),
            perf: text(one, "perf"),
        },
        executed: text(one, "executed_at").and_then(|at| at.parse().ok()),
        took: Duration::try_from_secs_f64(took / 1000.0).unwrap_or(Duration::ZERO),
        history: Vec::new(),
        not_run: None,
        silenced: text(one, "silenced"),
        by: text(one, "source"),
    }
}

/// The exit code behind a word of the document.
fn code(word: &str) -> i64 {
    let all = [Status::Ok, Status::Warning, Status::Critical, Status::Unknown].map(Verdict::Plugin);
    let known = all.into_iter().chain([Verdict::Skipped]).find(|verdict| verdict.word() == word);
    known.unwrap_or(Verdict::None).code()
}

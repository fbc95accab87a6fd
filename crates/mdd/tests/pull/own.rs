//! Results of another `mdd`, through the JSON of its run.

use serde_json::{Value, json};

use crate::harness::Platform;

/// Two machines with the same manifest: the point's file lies in the first one's folder.
fn two() -> (Platform, Platform) {
    let (mut there, mut here) = (Platform::new().with_file_plugin(), Platform::new());
    let check = format!("[check-file, \"{}\"]", there.path("door").display());
    there.point("door", &check, &[]).point("roof", &check, &["subscription: builder"]);
    here.point("door", &check, &[]).point("roof", &check, &["subscription: builder"]);
    there.set("door", 0, "open | width=2");
    (there, here)
}

fn ran(there: &Platform, arguments: &[&str]) -> Value {
    let mut all = vec!["run", "iad2", "--format", "json"];
    all.extend(arguments);
    there.mdd(&all).json()
}

fn pull(here: &Platform, document: &Value) -> crate::harness::Outcome {
    std::fs::write(here.path("run.json"), document.to_string()).unwrap();
    here.mdd(&["pull", "mdd", "run.json"])
}

#[test]
fn a_run_made_elsewhere_is_the_truth_of_its_vantage_point() {
    let (there, here) = two();
    pull(&here, &ran(&there, &["--as", "node"])).exits(0).says("1 new result");
    here.mdd(&["gate", "iad2"]).exits(1).says("roof blocked waits for builder, which has never reported");
    pull(&here, &ran(&there, &["--as", "builder"])).exits(0);
    here.mdd(&["gate", "iad2"]).exits(0).says("source mdd run.json");
    let history = here.mdd(&["history", "iad2/door", "--format", "json"]).exits(0).json();
    assert_eq!((&history[0]["perf"], &history[0]["vantage"]), (&json!("width=2"), &json!("node")));
    there.set("door", 2, "shut");
    pull(&here, &ran(&there, &["--as", "node"])).exits(0);
    here.mdd(&["gate", "iad2"]).exits(1).says("shut");
}

#[test]
fn what_is_no_vantage_points_truth_is_refused() {
    let (there, here) = two();
    let laptop = pull(&here, &ran(&there, &[])).exits(5);
    assert!(laptop.stderr.contains("without --as VANTAGE"), "{}", laptop.stderr);
    // A vantage point that ran the others' checks too speaks for itself alone.
    pull(&here, &ran(&there, &["--as", "node", "--all-vantages"])).exits(0).says("1 new result");
    here.mdd(&["gate", "iad2"]).exits(1).says("roof blocked waits for builder");
    let gate = there.mdd(&["gate", "iad2", "--format", "json"]).json();
    pull(&here, &gate).exits(5);
    pull(&here, &json!({"a": 1})).exits(5);
}

#[test]
fn no_result_there_is_none_here() {
    let (there, here) = two();
    let good = ran(&there, &["--as", "node"]);
    pull(&here, &good).exits(0);
    let state = |document: &Value| {
        pull(&here, document).exits(0);
        Platform::state(&here.mdd(&["gate", "iad2", "--format", "json"]).json(), "door")
    };
    assert_eq!(state(&good), "green");
    there.set("door", 7, "strange");
    assert_eq!(state(&ran(&there, &["--as", "node"])), "unknown");
    there.set("door", 0, "open");
    assert_eq!(state(&ran(&there, &["--as", "node"])), "green");
    let mut changed = ran(&there, &["--as", "node"]);
    changed["points"][0]["instances"][0]["result_argv_hash"] = "0000000000000000".into();
    assert_eq!(state(&changed), "unknown");
}

//! The manifests under examples/ hold together, and the one for this machine tells the truth about it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::run;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

#[test]
fn every_example_is_valid() {
    for name in ["new-datacenter", "this-machine"] {
        let path = example(name);
        let ran = run(testkit::plugin("mdd"), ["validate".as_ref(), "--file".as_ref(), path.as_os_str()]);
        assert_eq!(ran.code, Some(0), "{name}\n{}\n{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn this_machine_is_seen_as_it_is() {
    let path = example("this-machine");
    let args = ["run", "local", "--format", "json", "--file"].map(AsRef::as_ref);
    let ran = run(testkit::plugin("mdd"), args.into_iter().chain([path.as_os_str()]));
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let points = json["points"].as_array().expect("points");
    assert_eq!(points.len(), 5);
    let state = |id: &str| {
        let point = points.iter().find(|point| point["id"] == id).unwrap_or_else(|| panic!("no point {id}"));
        (point["state"].as_str().expect("a state"), point["text"].as_str().expect("a text"))
    };
    for id in ["load", "memory", "processes", "root-disk"] {
        let (state, text) = state(id);
        assert!(
            ["green", "warning", "red"].contains(&state),
            "{id} is {state}: every machine can tell\n{text}"
        );
    }
    assert_eq!(state("localhost").0, "green", "{}", state("localhost").1);
    assert!(matches!(ran.code, Some(0 | 1)), "{:?}", ran.code);
    assert_eq!(json["recorded"], false, "no vantage point, no history");
}

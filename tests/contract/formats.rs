//! The other forms of the output say the same as the line, and each keeps to its own grammar.

use serde_json::Value;
use testkit::Ran;

use crate::lint;
use crate::world::{Called, Silence, World, called, checked, refusing_port};

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/outcome.schema.json");
    let text = std::fs::read_to_string(path).expect("read the schema");
    serde_json::from_str(&text).expect("the schema is JSON")
}

fn assert_json(called: &Called, schema: &Value, ran: &Ran) -> Value {
    let json: Value = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}: {}", called.name, ran.stdout));
    let violations = lint::violations(schema, &json);
    assert!(violations.is_empty(), "{}: {violations:#?}", called.name);
    assert_eq!(ran.stdout.lines().count(), 1, "{}", called.name);
    assert_eq!(json["code"].as_i64().map(i32::try_from), ran.code.map(Ok), "{}", called.name);
    assert_eq!(json["plugin"], called.name.as_str());
    json
}

#[test]
fn json_keeps_to_its_schema() {
    let (world, schema) = (World::new(), schema());
    for called in called() {
        for verbose in [&[][..], &["-vv"]] {
            let ran = world.run(&called, &[&["--output-format", "json"], verbose].concat());
            let json = assert_json(&called, &schema, &ran);
            assert_eq!((json["state"].as_str(), json["code"].as_u64()), (Some("OK"), Some(0)));
        }
    }
}

#[test]
fn failures_are_json_too_with_their_reason() {
    let (schema, silence) = (schema(), Silence::new());
    for called in called().iter().filter(|called| called.talks()) {
        let run = |port: u16| {
            let line = called.run().args(called.sample_at(port)).args(["-t", "1", "--output-format", "json"]);
            checked(called, line)
        };
        let json = assert_json(called, &schema, &run(silence.port()));
        assert_ne!(json["code"], 0, "{json}");
        let reason = json["findings"][0]["reason"].as_str();
        assert!(matches!(reason, Some("timed-out" | "resolver-silent")), "{}: {json}", called.name);
        let json = assert_json(called, &schema, &run(refusing_port()));
        assert_ne!(json["code"], 0, "{json}");
        assert!(json["findings"][0]["reason"].is_string(), "{}: {json}", called.name);
    }
}

/// The metrics of all four forms, of four runs: the same labels.
#[test]
fn metrics_are_the_same_in_every_form() {
    let world = World::new();
    for called in called() {
        let ran = world.run(&called, &["--output-format", "json"]);
        let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let metrics = json["metrics"].as_array().expect("a list of metrics");

        let ran = world.run(&called, &["--output-format", "prometheus"]);
        let samples =
            lint::prometheus(&ran.stdout).unwrap_or_else(|error| panic!("{}: {error}", called.name));
        assert_eq!(ran.code, Some(0));
        assert_eq!(samples[0].0, "verdigris_check_status");
        assert_eq!(
            (samples[0].1.as_str(), samples[0].2),
            (format!("check=\"{}\"", called.name).as_str(), 0.0)
        );
        assert_eq!(samples.len(), metrics.len() + 1, "{}: {}", called.name, ran.stdout);
        for (metric, (name, labels, _)) in metrics.iter().zip(&samples[1..]) {
            let label = format!("label=\"{}\"", metric["label"].as_str().expect("a label"));
            assert!(name == "verdigris_check_value" && labels.contains(&label), "{}: {labels}", called.name);
        }

        let ran = world.run(&called, &["--output-format", "graphite", "--scheme", "dc1.web"]);
        let lines = lint::graphite(&ran.stdout).unwrap_or_else(|error| panic!("{}: {error}", called.name));
        assert_eq!((lines[0].0.as_str(), lines[0].1), ("dc1.web.status", 0.0));
        assert_eq!(lines.len(), metrics.len() + 1, "{}: {}", called.name, ran.stdout);
        assert!(lines.iter().all(|(path, _)| path.starts_with("dc1.web.")), "{}", ran.stdout);
        let ran = world.run(&called, &["--output-format", "graphite"]);
        let check = called.label().to_lowercase();
        let status = lint::graphite(&ran.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}", called.name))
            .remove(0)
            .0;
        assert!(status.ends_with(&format!(".{check}.status")), "{status}");
    }
}

//! What the documents say of the contract is what the code does.

use std::collections::BTreeMap;

use plugin::{Dialect, Reason};
use serde_json::Value;

fn document(name: &str) -> String {
    let path = format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {path}: {error}"))
}

/// Rows of the table whose first cell is a word in backticks.
fn rows(text: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    text.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn every_reason_stands_in_the_table_with_its_states() {
    let text = document("states.md");
    let table = text.split("## Namesakes").next().expect("the first part");
    let documented: BTreeMap<String, (String, String)> = rows(table)
        .into_iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), (row[2].clone(), row[3].clone())))
        .collect();
    let expected: BTreeMap<String, (String, String)> = Reason::ALL
        .into_iter()
        .map(|reason| {
            let state = |dialect: Dialect| match reason {
                Reason::Threshold => "as the range says".to_owned(),
                _ => dialect.state(reason).to_string(),
            };
            (reason.word().to_owned(), (state(Dialect::Own), state(Dialect::C)))
        })
        .collect();
    assert_eq!(documented, expected);
}

#[test]
fn every_reason_stands_in_the_schema() {
    let schema: Value = serde_json::from_str(&document("outcome.schema.json")).expect("JSON");
    let listed = schema["$defs"]["reason"]["enum"].as_array().expect("the reasons");
    let listed: Vec<Option<&str>> = listed.iter().map(Value::as_str).collect();
    let expected: Vec<Option<&str>> =
        std::iter::once(None).chain(Reason::ALL.iter().map(|reason| Some(reason.word()))).collect();
    assert_eq!(listed, expected);
}

/// The example of JSON in docs/output.md has the fields of a real one, in their order.
#[test]
fn the_example_of_json_has_every_field() {
    let text = document("output.md");
    let example = text.split("```json\n").nth(1).and_then(|rest| rest.lines().next()).expect("an example");
    let example: Value = serde_json::from_str(example).expect("the example is JSON");
    let ran = testkit::run(testkit::plugin("check-dummy"), ["2", "--output-format", "json"]);
    let real: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&example), keys(&real));
    assert_eq!(keys(&example["findings"][0]), keys(&real["findings"][0]));
    assert_eq!(keys(&example["timing"]), keys(&real["timing"]));
}

//! Substitution through the whole way from YAML to argv: it never adds, drops, splits or changes an argument.

use proptest::prelude::*;

use super::load;

/// Pieces that shells, templates, YAML and monitoring engines give a meaning to; no `${`, that is ours.
fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "'",
        "\"",
        "\\",
        "$",
        "$$",
        "}",
        "$(",
        "`",
        "*",
        "~",
        "!",
        "#",
        " #",
        "&",
        "|",
        ";",
        ": ",
        " ",
        "\t",
        "\n",
        "{{",
        "}}",
        "$ARG1$",
        ":::",
        "%",
        "=",
        "-",
        "a",
        "é",
        "...",
        "null",
        "1.10",
        "(&(objectClass=group)(cn=q-*))",
        "up{dc=\"x\"}==1",
    ]);
    prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

/// As a YAML string whose substitution is the text itself.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.replace('$', "$$")).to_string()
}

/// The same without its quotes.
fn inside(text: &str) -> String {
    let quoted = quoted(text);
    quoted[1..quoted.len() - 1].to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_argument_is_what_its_variables_say(
        values in prop::collection::vec(nasty(), 1..4),
        list in prop::collection::vec(nasty(), 1..4),
        before in nasty(),
        after in nasty(),
    ) {
        let mut arguments = Vec::new();
        let mut expected = vec!["check-x".to_owned()];
        let mut vars = Vec::new();
        for (index, value) in values.iter().enumerate() {
            vars.push(format!("v{index}: {}", quoted(value)));
            arguments.push(format!("\"${{v{index}}}\""));
            expected.push(value.clone());
            arguments.push(format!("\"{}${{v{index}}}{}\"", inside(&before), inside(&after)));
            expected.push(format!("{before}{value}{after}"));
        }
        vars.push(format!("many: [{}]", list.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ")));
        arguments.push(format!("\"{}${{many...}}\"", inside(&before)));
        expected.extend(list.iter().map(|item| format!("{before}{item}")));
        arguments.push("--last".into());
        expected.push("--last".into());
        let text = format!(
            "mdd: 1\nplatform: {{id: p, title: P, owner: t}}\nteams: {{t: {{name: T}}}}\nmilestones: {{m: {{title: M}}}}\n\
             datacenters: {{d: {{title: D}}}}\nvantages: {{here: {{}}}}\ndefaults: {{subscription: here}}\n\
             groups: {{g: {{title: G, owner: t}}}}\nvars:\n  {}\npoints:\n  x:\n    group: g\n    milestone: m\n\
             \x20   title: T\n    why: W\n    check: [check-x, {}]\n",
            vars.join("\n  "),
            arguments.join(", ")
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mdd.yaml");
        std::fs::write(&path, &text).unwrap();
        let plan = load(&path, &[]).and_then(|manifest| manifest.plan("d"));
        let plan = plan.map_err(|problems| TestCaseError::fail(format!("{text}\n{problems:?}")))?;
        prop_assert_eq!(&plan.points[0].instances[0].argv, &expected);
    }
}

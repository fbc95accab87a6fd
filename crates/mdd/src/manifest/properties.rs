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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is cut from a manifest or put into it: it is read or refused in words, never a panic.
    #[test]
    fn any_text_is_read_or_refused(cut in 0usize..4000, length in 0usize..400, put in nasty(), at in 0usize..4000) {
        let mut text: Vec<char> = include_str!("../../tests/fixtures/reference.yaml").chars().take(9000).collect();
        text.drain(cut..cut + length);
        text.splice(at..at, put.chars());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mdd.yaml");
        std::fs::write(&path, text.into_iter().collect::<String>()).unwrap();
        match load(&path, &[]) {
            Ok(manifest) => for dc in manifest.datacenters() {
                if let Err(problems) = manifest.plan(dc) {
                    prop_assert!(!problems.is_empty());
                }
            },
            Err(problems) => prop_assert!(problems.iter().all(|problem| !problem.to_string().is_empty())),
        }
    }
}

#[test]
fn depth_and_aliases_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mdd.yaml");
    let laughs = (1..30).map(|i| format!("x-{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", ")));
    let laughs = format!("x-0: &a0 [a, a, a, a, a, a, a, a, a, a]\n{}", laughs.collect::<String>());
    for (text, expected) in [("[".repeat(100_000), "not YAML: "), (laughs, "more than 500000 values")] {
        std::fs::write(&path, text).unwrap();
        let said = load(&path, &[]).unwrap_err();
        assert!(said[0].message.starts_with(expected), "{said:?}");
    }
}

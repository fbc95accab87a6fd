//! Strict readers of the other forms: JSON under a schema, Prometheus text, Graphite lines.

use serde_json::{Map, Value};

use crate::grammar::decimal;

/// What a value breaks of a schema: the keywords of JSON Schema that docs/outcome.schema.json uses, and no others.
///
/// Errors name the place. Panics on a keyword that this reader does not know: an unread rule is no rule.
pub fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    judge(schema, schema, value, "$", &mut found);
    found
}

fn judge(root: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let rules = schema.as_object().unwrap_or_else(|| panic!("{place}: no schema: {schema}"));
    for (rule, argument) in rules {
        let holds = match rule.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" | "examples" => true,
            "$ref" => {
                let pointer =
                    argument.as_str().and_then(|text| text.strip_prefix('#')).expect("a local $ref");
                let target = root.pointer(pointer).unwrap_or_else(|| panic!("{argument} leads nowhere"));
                judge(root, target, value, place, found);
                true
            }
            "type" => match argument {
                Value::Array(kinds) => kinds.iter().any(|kind| is_of(kind, value)),
                kind => is_of(kind, value),
            },
            "enum" => argument.as_array().is_some_and(|values| values.contains(value)),
            "minimum" => value.as_f64().is_none_or(|number| Some(number) >= argument.as_f64()),
            "minLength" => value.as_str().is_none_or(|text| Some(text.len() as u64) >= argument.as_u64()),
            "required" => {
                let names = argument.as_array().expect("a list of names");
                names.iter().all(|name| name.as_str().is_some_and(|name| value.get(name).is_some()))
            }
            "properties" => {
                let properties = argument.as_object().expect("a table of properties");
                for (name, schema) in properties {
                    if let Some(member) = value.get(name) {
                        judge(root, schema, member, &format!("{place}.{name}"), found);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = rules.get("properties").and_then(Value::as_object);
                argument == &Value::Bool(true) || only_known(value.as_object(), known)
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    judge(root, argument, item, &format!("{place}[{n}]"), found);
                }
                true
            }
            unknown => panic!("{place}: this reader does not know `{unknown}`"),
        };
        if !holds {
            found.push(format!("{place}: {rule} {argument} does not hold of {value}"));
        }
    }
}

fn only_known(value: Option<&Map<String, Value>>, known: Option<&Map<String, Value>>) -> bool {
    value.is_none_or(|value| value.keys().all(|key| known.is_some_and(|known| known.contains_key(key))))
}

fn is_of(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        _ => panic!("no type: {kind}"),
    }
}

/// The samples of a Prometheus text, as `(name, labels, value)`; every line is read, comments too.
///
/// Errors quote what the exposition format does not allow: a sample without its `# TYPE`, a bad name, the same series twice.
pub fn prometheus(text: &str) -> Result<Vec<(String, String, f64)>, String> {
    let mut typed = Vec::new();
    let mut samples: Vec<(String, String, f64)> = Vec::new();
    let body = text.strip_suffix('\n').ok_or("no newline at the end")?;
    for line in body.split('\n') {
        let bad = |what: &str| format!("{what}: `{line}`");
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("HELP"), Some(name), Some(_)) if is_name(name) => {}
                (Some("TYPE"), Some(name), Some("gauge" | "counter")) if is_name(name) => {
                    if typed.contains(&name) {
                        return Err(bad("typed twice"));
                    }
                    typed.push(name);
                }
                _ => return Err(bad("no HELP or TYPE")),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').ok_or_else(|| bad("no value"))?;
        let value = decimal(value).ok_or_else(|| bad("no number"))?;
        let (name, labels) = match series.split_once('{') {
            Some((name, rest)) => (name, rest.strip_suffix('}').ok_or_else(|| bad("no `}`"))?),
            None => (series, ""),
        };
        if !typed.contains(&name) {
            return Err(bad("no TYPE before it"));
        }
        label_pairs(labels).map_err(|what| bad(&what))?;
        if samples.iter().any(|(n, l, _)| n == name && l == labels) {
            return Err(bad("the series is there twice"));
        }
        samples.push((name.to_owned(), labels.to_owned(), value));
    }
    Ok(samples)
}

fn is_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':');
    first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

fn label_pairs(mut rest: &str) -> Result<(), String> {
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or("no label")?;
        if !is_name(name) || name.contains(':') {
            return Err(format!("`{name}` is no label's name"));
        }
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next() {
                None => return Err(format!("`{name}` has no end")),
                Some((at, '"')) => break at,
                Some((_, '\\')) => match characters.next() {
                    Some((_, '\\' | '"' | 'n')) => {}
                    other => return Err(format!("`{name}` holds a bad escape: {other:?}")),
                },
                Some(_) => {}
            }
        };
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(next) if !next.is_empty() => rest = next,
            None if rest.is_empty() => {}
            _ => return Err("no comma between labels".into()),
        }
    }
    Ok(())
}

/// The paths and values of Graphite lines, which all carry the same time.
pub fn graphite(text: &str) -> Result<Vec<(String, f64)>, String> {
    let body = text.strip_suffix('\n').ok_or("no newline at the end")?;
    let mut time = None;
    let mut lines = Vec::new();
    for line in body.split('\n') {
        let fields: Vec<&str> = line.split(' ').collect();
        let [path, value, seconds] = fields[..] else { return Err(format!("not three fields: `{line}`")) };
        let segments_fit = path.split('.').all(|segment| {
            !segment.is_empty()
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        });
        let value =
            decimal(value).filter(|_| segments_fit).ok_or_else(|| format!("path or value: `{line}`"))?;
        let seconds: u64 = seconds.parse().map_err(|_| format!("no time: `{line}`"))?;
        if *time.get_or_insert(seconds) != seconds {
            return Err(format!("another time: `{line}`"));
        }
        lines.push((path.to_owned(), value));
    }
    Ok(lines)
}

#[test]
fn the_readers_refuse_what_is_wrong() {
    let schema = serde_json::json!({
        "type": "object",
        "required": ["a"],
        "additionalProperties": false,
        "properties": {"a": {"$ref": "#/$defs/word"}, "b": {"type": "array", "items": {"type": ["integer", "null"], "minimum": 1}}},
        "$defs": {"word": {"enum": ["x", "y"]}}
    });
    assert!(violations(&schema, &serde_json::json!({"a": "x", "b": [1, null]})).is_empty());
    for bad in [
        serde_json::json!([]),
        serde_json::json!({}),
        serde_json::json!({"a": "z"}),
        serde_json::json!({"a": "x", "c": 1}),
        serde_json::json!({"a": "x", "b": [0]}),
        serde_json::json!({"a": "x", "b": [1.5]}),
    ] {
        assert!(!violations(&schema, &bad).is_empty(), "{bad}");
    }

    let head = "# HELP a Help.\n# TYPE a gauge\n";
    assert_eq!(
        prometheus(&format!("{head}a{{b=\"c\\\"\",d=\"\"}} 1.5\n")).map(|samples| samples.len()),
        Ok(1)
    );
    for bad in
        ["a 1", "a{} 1\nb 1\n", "a 1e5\n", "a{b=c} 1\n", "a{b=\"\\x\"} 1\n", "a 1\na 2\n", "TCP OK - fine\n"]
    {
        assert!(prometheus(&format!("{head}{bad}")).is_err(), "{bad}");
    }
    assert_eq!(graphite("a.b 1 1700\na.c 2.5 1700\n").map(|lines| lines.len()), Ok(2));
    for bad in
        ["a.b 1\n", "a b 1 1700\n", "a..b 1 1700\n", "a 1,5 1700\n", "a 1 now\n", "a 1 1\na 1 2\n", "a 1 1"]
    {
        assert!(graphite(bad).is_err(), "{bad}");
    }
}

//! Sensu Go's tokens: Go's `text/template` with `default` and `assetPath`, as far as a check may use it.

/// What a template may look at.
pub type Data<'d> = &'d dyn Fn(&str) -> Option<String>;

/// Nothing at all: a text that needs no entity.
pub fn nothing(_: &str) -> Option<String> {
    None
}

/// What Sensu makes of a string.
///
/// # Errors
/// Why Sensu would not run the check.
pub fn expand(text: &str, data: Data<'_>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, action)) = rest.split_once("{{") {
        out.push_str(before);
        let (words, behind) = words(action)?;
        out.push_str(&evaluate(&words, data)?);
        rest = behind;
    }
    out.push_str(rest);
    if out.contains("<no value>") {
        return Err("unmatched token: <no value>".into());
    }
    Ok(out)
}

#[derive(Debug, PartialEq)]
enum Word {
    Text(String),
    /// `.labels.url`
    Field(String),
    /// A function's name.
    Name(String),
    Pipe,
}

/// The words of an action, and what follows its `}}`.
fn words(action: &str) -> Result<(Vec<Word>, &str), String> {
    let mut found = Vec::new();
    let mut rest = action;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if let Some(behind) = rest.strip_prefix("}}") {
            return if found.is_empty() {
                Err("missing value for command".into())
            } else {
                Ok((found, behind))
            };
        }
        let Some(first) = rest.chars().next() else { return Err("unclosed action".into()) };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let end = match first {
            '`' => rest[1..].find('`').map(|end| end + 2).ok_or("unterminated raw quoted string")?,
            '"' => quote_end(rest).ok_or("unterminated quoted string")?,
            '|' => 1,
            c if plain(c) => rest.find(|c| !plain(c)).unwrap_or(rest.len()),
            c => return Err(format!("unexpected {c:?} in command")),
        };
        let word = &rest[..end];
        found.push(match first {
            '`' => Word::Text(word[1..end - 1].to_owned()),
            // Go's escapes are JSON's, as far as these templates use them.
            '"' => Word::Text(serde_json::from_str(word).map_err(|error| format!("{word}: {error}"))?),
            '|' => Word::Pipe,
            '.' => Word::Field(word[1..].to_owned()),
            c if c.is_ascii_digit() => return Err(format!("a number: {word}")),
            _ => Word::Name(word.to_owned()),
        });
        rest = &rest[end..];
    }
}

fn quote_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn evaluate(words: &[Word], data: Data<'_>) -> Result<String, String> {
    let mut value: Option<Option<String>> = None;
    for command in words.split(|word| *word == Word::Pipe) {
        value = Some(match (command, value) {
            ([Word::Text(text)], None) => Some(text.clone()),
            ([Word::Field(field)], None) => data(field),
            ([Word::Name(name), Word::Field(map), Word::Text(key)], None) if name == "index" => {
                data(&format!("{map}.{key}"))
            }
            ([Word::Name(name), Word::Text(asset)], None) if name == "assetPath" => {
                let upper = asset.to_ascii_uppercase();
                let parts: Vec<&str> = upper
                    .split(|c: char| !c.is_ascii_alphanumeric())
                    .filter(|part| !part.is_empty())
                    .collect();
                Some(format!("{}_PATH", parts.join("_")))
            }
            ([Word::Name(name), Word::Text(fallback)], Some(piped)) if name == "default" => {
                Some(piped.unwrap_or_else(|| fallback.clone()))
            }
            ([Word::Name(name), ..], _) if !["index", "assetPath", "default"].contains(&name.as_str()) => {
                return Err(format!("function {name:?} not defined"));
            }
            (other, _) => return Err(format!("no command: {other:?}")),
        });
    }
    value.flatten().ok_or_else(|| "unmatched token: found an undefined value".into())
}

#[test]
fn tokens_as_sensu_reads_them() {
    let data = |field: &str| (field == "labels.url" || field == "labels.a-b").then(|| "U".to_owned());
    for (text, wanted) in [
        ("plain }} text { {x}", "plain }} text { {x}"),
        (r#"{{"{{"}}"#, "{{"),
        (r#"{{ "{{" }} .name }}"#, "{{ .name }}"),
        (r#"{{"{{"}}{"#, "{{{"),
        ("{{`{{`}}x", "{{x"),
        (r#"{{"a\"}}b"}}"#, r#"a"}}b"#),
        ("-u {{ .labels.url }}!", "-u U!"),
        (r#"{{ index .labels "a-b" }}"#, "U"),
        (r#"{{ .labels.x | default "80" }}"#, "80"),
        (r#"{{ .labels.url | default "80" }}"#, "U"),
        (r#"${{assetPath "sensu/my--plugins"}}/bin"#, "$SENSU_MY_PLUGINS_PATH/bin"),
    ] {
        assert_eq!(expand(text, &data), Ok(wanted.into()), "{text}");
    }
    for (text, why) in [
        ("{{ .labels.x }}", "unmatched token"),
        ("a {{ b", "unclosed action"),
        ("{{}}", "missing value"),
        ("{{{x}}", "unexpected"),
        ("{{ foo }}", "function \"foo\" not defined"),
        ("{{ env \"HOME\" }}", "function \"env\" not defined"),
        ("{{ \"x }}", "unterminated"),
        ("{{ `x }}", "unterminated"),
        ("is <no value> here", "<no value>"),
    ] {
        let refused = expand(text, &data).unwrap_err();
        assert!(refused.contains(why), "{text}: {refused}");
    }
}

//! A reader of block YAML 1.1, stricter than real ones: what it does not know for certain it refuses.

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Keys in their order.
    Map(Vec<(String, Node)>),
    /// Values in their order.
    List(Vec<Node>),
    /// Quoted, or plain and nothing else in YAML 1.1.
    Text(String),
    /// Plain digits.
    Number(i64),
    /// Plain `true` or `false`.
    Flag(bool),
    /// Nothing, `null` or `~`.
    Null,
    /// What YAML 1.1 reads as something that no field of an export wants: `yes`, `1_000`, `1:30`, a date, a float.
    Odd(String),
}

/// One line: its number from 1, its indent, its content.
#[derive(Clone, Copy)]
struct Line<'t> {
    number: usize,
    indent: usize,
    text: &'t str,
}

/// Reads one document without separators.
pub fn parse(text: &str) -> Result<Node, String> {
    let mut lines = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let content = line.trim_start_matches(' ');
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if let Some(bad) = line.chars().find(|&c| !printable(c)) {
            return Err(format!("line {}: U+{:04X} is not allowed", index + 1, u32::from(bad)));
        }
        if content.starts_with('\t') || content.ends_with([' ', '\t']) {
            return Err(format!("line {}: a blank at its begin or end", index + 1));
        }
        lines.push(Line { number: index + 1, indent: line.len() - content.len(), text: content });
    }
    let mut rest = lines.as_slice();
    let node = block(&mut rest, 0)?;
    match rest.first() {
        None => Ok(node),
        Some(line) => Err(format!("line {}: its indent fits nowhere", line.number)),
    }
}

/// What a reader of YAML takes unescaped, line ends left out.
fn printable(c: char) -> bool {
    matches!(c, '\t' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

fn block(rest: &mut &[Line<'_>], indent: usize) -> Result<Node, String> {
    match rest.first() {
        Some(line) if line.indent == indent && is_item(line.text) => list(rest, indent),
        Some(line) if line.indent == indent => map(rest, indent),
        Some(line) => Err(format!("line {}: its indent fits nowhere", line.number)),
        None => Ok(Node::Null),
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

fn list(rest: &mut &[Line<'_>], indent: usize) -> Result<Node, String> {
    let mut all = Vec::new();
    while let Some(line) = rest.first().copied().filter(|line| line.indent == indent && is_item(line.text)) {
        let inner = line.text.get(2..).unwrap_or_default();
        if key(inner).is_some() {
            // `- a: b` begins a map that is indented by two more.
            let mut own = vec![Line { indent: indent + 2, text: inner, ..line }];
            let more = rest[1..].iter().take_while(|line| line.indent >= indent + 2);
            own.extend(more);
            let taken = own.len();
            let mut own = own.as_slice();
            all.push(map(&mut own, indent + 2)?);
            if let Some(line) = own.first() {
                return Err(format!("line {}: its indent fits nowhere", line.number));
            }
            *rest = &rest[taken..];
        } else {
            all.push(scalar(inner).map_err(|what| format!("line {}: {what}", line.number))?);
            *rest = &rest[1..];
        }
    }
    Ok(Node::List(all))
}

fn map(rest: &mut &[Line<'_>], indent: usize) -> Result<Node, String> {
    let mut all: Vec<(String, Node)> = Vec::new();
    while let Some(line) = rest.first().copied().filter(|line| line.indent == indent && !is_item(line.text)) {
        let at = |what: String| format!("line {}: {what}", line.number);
        let (name, value) = key(line.text).ok_or_else(|| at("no `key: value`".to_owned()))?;
        let Node::Text(name) = scalar(name).map_err(at)? else {
            return Err(at(format!("the key {name} is no text")));
        };
        if all.iter().any(|(other, _)| *other == name) {
            return Err(at(format!("duplicate key {name}")));
        }
        *rest = &rest[1..];
        let node = if value.is_empty() {
            match rest.first() {
                Some(next) if next.indent > indent => block(rest, next.indent)?,
                Some(next) if next.indent == indent && is_item(next.text) => list(rest, indent)?,
                _ => Node::Null,
            }
        } else {
            scalar(value).map_err(at)?
        };
        all.push((name, node));
    }
    if let Some(line) = rest.first().filter(|line| line.indent > indent) {
        return Err(format!("line {}: its indent fits nowhere", line.number));
    }
    Ok(Node::Map(all))
}

/// Splits `key: value` and `key:`.
fn key(text: &str) -> Option<(&str, &str)> {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let end = text[1..].find(quote)? + 2;
        let after = text[end..].strip_prefix(':')?;
        return Some((&text[..end], after.trim_start_matches(' ')))
            .filter(|_| after.is_empty() || after.starts_with(' '));
    }
    if let Some((name, value)) = text.split_once(": ") {
        return Some((name, value.trim_start_matches(' ')));
    }
    text.strip_suffix(':').map(|name| (name, ""))
}

fn scalar(text: &str) -> Result<Node, String> {
    match text {
        "[]" => return Ok(Node::List(Vec::new())),
        "{}" => return Ok(Node::Map(Vec::new())),
        _ => {}
    }
    if let Some(inner) = text.strip_prefix('"') {
        return double(inner).map(Node::Text);
    }
    if let Some(inner) = text.strip_prefix('\'') {
        let inner = inner.strip_suffix('\'').ok_or("a quote that does not end on its line")?;
        let pairs = inner.replace("''", "");
        return if pairs.contains('\'') {
            Err("text behind a quote".into())
        } else {
            Ok(Node::Text(inner.replace("''", "'")))
        };
    }
    plain(text)
}

fn double(inner: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = inner.chars();
    loop {
        match chars.next().ok_or("a quote that does not end on its line")? {
            '"' if chars.as_str().is_empty() => return Ok(out),
            '"' => return Err("text behind a quote".into()),
            '\\' => {
                let digits = match chars.next() {
                    Some('n') => Ok('\n'),
                    Some('t') => Ok('\t'),
                    Some('r') => Ok('\r'),
                    Some('"') => Ok('"'),
                    Some('\\') => Ok('\\'),
                    Some('x') => Err(2),
                    Some('u') => Err(4),
                    Some('U') => Err(8),
                    other => return Err(format!("the escape {other:?}")),
                };
                out.push(match digits {
                    Ok(c) => c,
                    Err(count) => {
                        let text: String = chars.by_ref().take(count).collect();
                        let code = u32::from_str_radix(&text, 16).ok().filter(|_| text.len() == count);
                        code.and_then(char::from_u32).ok_or_else(|| format!("the escape of {text}"))?
                    }
                });
            }
            c => out.push(c),
        }
    }
}

fn plain(text: &str) -> Result<Node, String> {
    let first = text.chars().next().unwrap_or(' ');
    // Block scalars, flow, anchors, aliases, tags, directives, reserved.
    if "|>[]{}&*!%@`,#?:".contains(first)
        || (first == '-' && !text[1..].starts_with(|c: char| c.is_ascii_alphanumeric()))
    {
        return Err(format!("a plain text that begins with `{first}`"));
    }
    if text.contains(": ") || text.contains(" #") || text.ends_with(':') {
        return Err("a plain text with `: ` or ` #`".into());
    }
    let lower = text.to_ascii_lowercase();
    Ok(match lower.as_str() {
        "true" => Node::Flag(true),
        "false" => Node::Flag(false),
        "null" | "~" => Node::Null,
        "y" | "n" | "yes" | "no" | "on" | "off" | ".nan" | ".inf" | "-.inf" | "+.inf" | "<<" | "=" => {
            Node::Odd(text.into())
        }
        _ => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let decimal = digits == "0"
                || (!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()));
            if decimal {
                text.parse().map_or_else(|_| Node::Odd(text.into()), Node::Number)
            } else if is_numeric(&lower) {
                // Octal, hexadecimal, `1_000`, sexagesimal, floats, dates: some reader takes it for no text.
                Node::Odd(text.into())
            } else {
                Node::Text(text.into())
            }
        }
    })
}

/// Whether some reader of YAML takes it for a number or a time.
fn is_numeric(lower: &str) -> bool {
    let digits = lower.trim_start_matches(['+', '-', '.']);
    let number = digits.chars().all(|c| c.is_ascii_digit() || "_.:e+-".contains(c));
    let based = ["0x", "0o", "0b"].iter().any(|base| digits.starts_with(base));
    let year = digits.len() > 5
        && digits.as_bytes()[4] == b'-'
        && digits[..4].bytes().all(|byte| byte.is_ascii_digit());
    digits.starts_with(|c: char| c.is_ascii_digit()) && (number || based || year)
}

#[test]
fn yaml_as_its_version_1_1_reads_it() {
    let of = |text: &str| parse(text).unwrap();
    let text = |text: &str| Node::Text(text.into());
    assert_eq!(
        of("a: \"x\\ty\"\nb:\n- c: 1\n  d: true\n- e: ''\nf:\n  g: 'it''s'\n  # note\n  h: x y\ni: []\nj:\n"),
        Node::Map(vec![
            ("a".into(), text("x\ty")),
            (
                "b".into(),
                Node::List(vec![
                    Node::Map(vec![("c".into(), Node::Number(1)), ("d".into(), Node::Flag(true))]),
                    Node::Map(vec![("e".into(), text(""))]),
                ])
            ),
            ("f".into(), Node::Map(vec![("g".into(), text("it's")), ("h".into(), text("x y"))])),
            ("i".into(), Node::List(Vec::new())),
            ("j".into(), Node::Null),
        ])
    );
    for odd in [
        "yes",
        "No",
        "ON",
        "off",
        "y",
        "1_000",
        "0o17",
        "017",
        "0x1f",
        "1:30",
        "1.5",
        "1e3",
        ".5",
        "2026-11-20",
        "2026-11-20T01:02:03Z",
        ".inf",
        "<<",
    ] {
        assert_eq!(of(&format!("a: {odd}")), Node::Map(vec![("a".into(), Node::Odd(odd.into()))]), "{odd}");
        assert_eq!(of(&format!("a: \"{odd}\"")), Node::Map(vec![("a".into(), text(odd))]), "{odd}");
    }
    assert_eq!(of("a: 4f92e"), Node::Map(vec![("a".into(), text("4f92e"))]));
    for bad in [
        "a: |\n  x",
        "a: >\n  x",
        "a: *x",
        "a: &x y",
        "a: @x",
        "a: {{ .x }}",
        "a: [x]",
        "a: `x`",
        "a: !x y",
        "a: b: c",
        "a: b #c",
        "a: \"x",
        "a: \"x\" y",
        "a: 'x'y'",
        "a: \"\\q\"",
        "a: 1\na: 2",
        "a: 1\n  b: 2",
        "\ta: 1",
        "a:\n    b: 1\n  c: 2",
        "a: \u{85}",
        "a: \u{feff}",
        "a: \u{2028}",
        "a: \"\\ud800\"",
        "x",
    ] {
        assert!(parse(bad).is_err(), "{bad}: {:?}", parse(bad));
    }
}

//! YAML for `sensuctl create`: every text from the manifest in double quotes, on one line, so that no reader of YAML
//! takes it for anything else and no line of it can begin with `---`.

use std::fmt::Write as _;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A word of the format itself, unquoted: `CheckConfig`.
    Word(&'static str),
    /// Any text, in double quotes.
    Text(String),
    /// A whole number.
    Number(u64),
    /// `true` or `false`.
    Flag(bool),
    /// In the order given.
    List(Vec<Node>),
    /// In the order given.
    Map(Vec<(&'static str, Node)>),
}

impl Node {
    /// A list of texts.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Node {
        Node::List(texts.into_iter().map(|text| Node::Text(text.into())).collect())
    }

    /// A document with its separator. The comment stands behind it: a chunk of comments alone is refused.
    pub fn document(&self, comment: &str) -> String {
        let mut text = format!("---\n# {comment}\n");
        for line in self.lines() {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// What fits behind `key:`.
    fn inline(&self) -> Option<String> {
        match self {
            Node::Word(word) => Some((*word).to_owned()),
            Node::Text(text) => Some(quoted(text)),
            Node::Number(number) => Some(number.to_string()),
            Node::Flag(flag) => Some(flag.to_string()),
            Node::List(list) if list.is_empty() => Some("[]".to_owned()),
            Node::Map(map) if map.is_empty() => Some("{}".to_owned()),
            Node::List(_) | Node::Map(_) => None,
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        match self {
            Node::Map(map) => {
                for (key, value) in map {
                    if let Some(text) = value.inline() {
                        lines.push(format!("{key}: {text}"));
                        continue;
                    }
                    lines.push(format!("{key}:"));
                    let indent = if matches!(value, Node::List(_)) { "" } else { "  " };
                    lines.extend(value.lines().iter().map(|line| format!("{indent}{line}")));
                }
            }
            Node::List(list) => {
                for value in list {
                    if let Some(text) = value.inline() {
                        lines.push(format!("- {text}"));
                        continue;
                    }
                    let indents = std::iter::once("- ").chain(std::iter::repeat("  "));
                    lines.extend(
                        value.lines().iter().zip(indents).map(|(line, indent)| format!("{indent}{line}")),
                    );
                }
            }
            _ => lines.extend(self.inline()),
        }
        lines
    }
}

/// A double-quoted scalar, escaping what a reader of YAML 1.1 refuses or folds.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        let written = match c {
            '"' => out.write_str("\\\""),
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\t' => out.write_str("\\t"),
            ' '..='~'
            | '\u{a0}'..='\u{2027}'
            | '\u{202a}'..='\u{fefe}'
            | '\u{ff00}'..='\u{fffd}'
            | '\u{10000}'.. => out.write_char(c),
            _ if u32::from(c) <= 0xff => write!(out, "\\x{:02x}", u32::from(c)),
            _ => write!(out, "\\u{:04x}", u32::from(c)),
        };
        // Writing to a String does not fail.
        debug_assert!(written.is_ok());
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document() {
        let node = Node::Map(vec![
            ("type", Node::Word("CheckConfig")),
            (
                "metadata",
                Node::Map(vec![("name", Node::Text("yes".into())), ("labels", Node::Map(Vec::new()))]),
            ),
            (
                "spec",
                Node::Map(vec![
                    ("interval", Node::Number(60)),
                    ("publish", Node::Flag(true)),
                    ("handlers", Node::List(Vec::new())),
                    ("subscriptions", Node::texts(["a", "b: c"])),
                    (
                        "tags",
                        Node::List(vec![Node::Map(vec![
                            ("name", Node::Text("dc".into())),
                            ("more", Node::texts(["x"])),
                        ])]),
                    ),
                ]),
            ),
        ]);
        assert_eq!(
            node.document("by hand"),
            r#"---
# by hand
type: CheckConfig
metadata:
  name: "yes"
  labels: {}
spec:
  interval: 60
  publish: true
  handlers: []
  subscriptions:
  - "a"
  - "b: c"
  tags:
  - name: "dc"
    more:
    - "x"
"#
        );
    }

    #[test]
    fn texts_stay_on_one_line_and_come_back() {
        let of = quoted;
        assert_eq!(of("plain é 日本 🙂"), "\"plain é 日本 🙂\"");
        assert_eq!(of("a\"b\\c\n---\td"), r#""a\"b\\c\n---\td""#);
        assert_eq!(
            of("\u{0}\u{7f}\u{85}\u{2028}\u{2029}\u{feff}\u{ffff}"),
            r#""\x00\x7f\x85\u2028\u2029\ufeff\uffff""#
        );
        let nasty = "{{ .name }} 'x' \"y\" \\n \r\n\u{85}\u{2028}\u{feff}\u{1}é 1_000 ~ :::";
        let back: String = serde_saphyr::from_str(&of(nasty)).unwrap();
        assert_eq!(back, nasty);
    }
}

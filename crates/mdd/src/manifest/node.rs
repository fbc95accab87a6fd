//! YAML as a tree that remembers where each value stands and how it was written.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Marker, Parser, ScalarStyle};

use super::source::{Mark, Sources};
use crate::diagnostic::Diagnostic;

/// More nodes than any manifest has; stops aliases that multiply.
const MAX_NODES: usize = 500_000;

/// One value.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub mark: Mark,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Text as written, after YAML's escapes.
    Scalar {
        /// The text.
        text: String,
        /// Neither quoted nor a block: YAML may take it for something else than text.
        plain: bool,
    },
    /// `[a, b]`.
    List(Vec<Node>),
    /// `{a: b}`, in order, each key once.
    Map(Vec<Entry>),
    /// Stands in for a value that was missing or wrong, which has been reported already.
    Hole,
}

/// One key with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub mark: Mark,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// Whether it is `~`, `null` or nothing.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The value of a key of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// As JSON, for `x-…` keys: plain numbers and booleans as such, all else as text.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.kind {
            Kind::Hole => Value::Null,
            Kind::Scalar { .. } if self.is_null() => Value::Null,
            Kind::Scalar { text, plain: true } => match text.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => text
                    .parse::<serde_json::Number>()
                    .map_or_else(|_| Value::String(text.clone()), Value::Number),
            },
            Kind::Scalar { text, .. } => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect())
            }
        }
    }

    fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::List(items) => items.iter().map(Node::size).sum(),
            Kind::Map(entries) => entries.iter().map(|entry| entry.value.size()).sum(),
            _ => 0,
        }
    }
}

/// What YAML would make of a plain scalar that is no text: `a number`, `true or false`, `nothing`.
pub fn not_text(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "" | "~" | "null" => return Some("nothing"),
        // YAML 1.1, which many readers still are, takes all of these for booleans.
        "true" | "false" | "yes" | "no" | "on" | "off" => return Some("true or false"),
        ".nan" => return Some("a number"),
        _ => {}
    }
    let digits = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    let radix = |prefix: &str, valid: fn(char) -> bool| {
        digits
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c == '_' || valid(c)))
    };
    let number = digits == ".inf"
        || radix("0x", |c| c.is_ascii_hexdigit())
        || radix("0o", |c| c.is_digit(8))
        || radix("0b", |c| c.is_digit(2))
        || decimal(digits);
    number.then_some("a number")
}

/// `12`, `1_000`, `1.5`, `.5`, `1e3`.
fn decimal(text: &str) -> bool {
    let starts = text.chars().next().is_some_and(|c| c.is_ascii_digit() || c == '.');
    let digit = text.chars().any(|c| c.is_ascii_digit());
    starts && digit && text.replace('_', "").parse::<f64>().is_ok()
}

/// Reads one document. Mistakes in it are added to `problems`; a tree is returned as far as there is one.
pub fn parse(sources: &Sources, file: u16, problems: &mut Vec<Diagnostic>) -> Option<Node> {
    let mut builder = Builder {
        sources,
        file,
        problems,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        documents: 0,
        nodes: 0,
    };
    for event in Parser::new_from_str(sources.text(file)) {
        match event {
            Ok((event, span)) => {
                if !builder.event(event, span.start) {
                    return None;
                }
            }
            Err(error) => {
                let mark = builder.mark(*error.marker());
                let place = sources.place(mark);
                builder.problems.push(Diagnostic::error(format!("not YAML: {}", error.kind())).at(place));
                return None;
            }
        }
    }
    builder.root
}

/// A collection that is still open.
enum Frame {
    List { mark: Mark, anchor: usize, items: Vec<Node> },
    Map { mark: Mark, anchor: usize, entries: Vec<Entry>, key: Option<(String, Mark)> },
}

struct Builder<'a> {
    sources: &'a Sources,
    file: u16,
    problems: &'a mut Vec<Diagnostic>,
    open: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
}

impl Builder<'_> {
    fn mark(&self, marker: Marker) -> Mark {
        Mark {
            file: self.file,
            line: u32::try_from(marker.line()).unwrap_or(u32::MAX),
            column: u16::try_from(marker.col() + 1).unwrap_or(u16::MAX),
        }
    }

    fn problem(&mut self, mark: Mark, message: impl Into<String>, fix: &str) {
        self.problems.push(Diagnostic::error(message).at(self.sources.place(mark)).fix(fix));
    }

    /// Takes one event; `false` ends the reading.
    fn event(&mut self, event: Event<'_>, at: Marker) -> bool {
        let mark = self.mark(at);
        if event.tag().is_some() {
            self.problem(
                mark,
                "a YAML tag (`!…`) has no meaning here",
                "remove it; quote what is meant as text",
            );
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.problem(
                        mark,
                        "a second document in one file",
                        "give it a file of its own and `include` that",
                    );
                    return false;
                }
                true
            }
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                self.value(Node { mark, kind: Kind::Scalar { text: text.into_owned(), plain } }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open.push(Frame::List { mark, anchor, items: Vec::new() });
                true
            }
            Event::MappingStart(_, anchor, _) => {
                self.open.push(Frame::Map { mark, anchor, entries: Vec::new(), key: None });
                true
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Frame::List { mark, anchor, items }) => {
                    self.value(Node { mark, kind: Kind::List(items) }, anchor)
                }
                Some(Frame::Map { mark, anchor, entries, .. }) => {
                    self.value(Node { mark, kind: Kind::Map(entries) }, anchor)
                }
                None => false,
            },
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    self.problem(mark, "an alias of a value that is not complete", "write the value out");
                    return false;
                };
                self.nodes += node.size();
                self.value(node, 0)
            }
            _ => true,
        }
    }

    /// Puts a finished value where it belongs: as a key, into its collection, or as the whole.
    fn value(&mut self, node: Node, anchor: usize) -> bool {
        self.nodes += if anchor == 0 { 1 } else { 1 + node.size() };
        if self.nodes > MAX_NODES {
            self.problem(node.mark, format!("more than {MAX_NODES} values"), "aliases multiply; write fewer");
            return false;
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { entries, key, .. }) => match key.take() {
                Some((name, mark)) => {
                    let first = entries.iter().find(|entry| entry.key == name).map(|entry| entry.mark);
                    if let Some(first) = first {
                        self.problems.push(
                            Diagnostic::error(format!("`{name}` is given twice"))
                                .at(self.sources.place(mark))
                                .against(self.sources.place(first))
                                .fix("remove one"),
                        );
                    } else {
                        entries.push(Entry { key: name, mark, value: node });
                    }
                }
                None => match node.kind {
                    Kind::Scalar { text, plain: true } if text == "<<" => {
                        self.problem(
                            node.mark,
                            "merge keys (`<<`) are not supported",
                            "use a template, or write the keys out",
                        );
                        return false;
                    }
                    Kind::Scalar { text, .. } => *key = Some((text, node.mark)),
                    _ => {
                        self.problem(node.mark, "a list or map as a key", "a key is a name");
                        return false;
                    }
                },
            },
        }
        true
    }
}

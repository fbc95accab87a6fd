//! From the tree to the types of [`super::model`]: a serde deserializer that reports every mistake and reads on.
//!
//! A wrong or missing value is reported at its place and replaced by a hole, which reads as an empty value of any
//! type, so that one mistake never hides the next. The result counts only when nothing was reported.

mod access;

use std::cell::{Cell, RefCell};
use std::fmt;

use access::{Fields, Items, Spanning};
use serde::de::value::StrDeserializer;
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::near;
use super::node::{self, Entry, Kind, Node};
use super::source::{Mark, Sources};
use crate::diagnostic::Diagnostic;

/// Names by which the types of the model ask for more than serde knows.
pub mod special {
    /// The value, then its mark as a packed number.
    pub const SPANNED: &str = "mdd spanned";
    /// A duration in milliseconds.
    pub const DURATION: &str = "mdd duration";
    /// A date, `2026-11-20`.
    pub const DATE: &str = "mdd date";
    /// A date or `~`.
    pub const DATE_OR_UNKNOWN: &str = "mdd date or unknown";
    /// A variable's value: none, text or a list.
    pub const VARIABLE: &str = "mdd variable";
    /// `all`, `any` or a number.
    pub const REQUIRE: &str = "mdd require";
    /// A whole number from 0.
    pub const NUMBER: &str = "mdd number";
}

/// Keys without which a struct of the model does not read; held to the published schema by a test.
pub(super) const REQUIRED: [(&str, &[&str]); 9] = [
    ("Document", &["mdd", "platform", "datacenters", "groups", "points"]),
    ("Platform", &["id", "title"]),
    ("Team", &["name"]),
    ("Milestone", &["title"]),
    ("Datacenter", &["title"]),
    ("Template", &["check"]),
    ("Group", &["title"]),
    ("Point", &["group", "title", "why"]),
    ("Waiver", &["point", "dc", "until", "reason", "by"]),
];

/// Keys whose absence, once reported, makes no other check wrong: text for people.
const PROSE: [&str; 5] = ["title", "why", "name", "reason", "by"];

/// What an error of serde is here: everything foreseeable is reported, not returned.
#[derive(Debug)]
pub struct Fault(pub String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Fault(message.to_string())
    }
}

/// Where mistakes are reported.
pub struct Report<'a> {
    /// For places.
    pub sources: &'a Sources,
    /// What was found.
    pub problems: RefCell<Vec<Diagnostic>>,
    /// Whether a hole was left that would mislead later checks.
    pub holes: Cell<bool>,
}

impl Report<'_> {
    fn error(&self, mark: Mark, message: impl Into<String>, fix: impl Into<String>) {
        let diagnostic = Diagnostic::error(message).at(self.sources.place(mark)).fix(fix);
        self.problems.borrow_mut().push(diagnostic);
    }
}

/// Reads one node.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    node: &'a Node,
    /// The key it is the value of.
    key: Option<&'a Entry>,
    report: &'a Report<'a>,
}

impl<'a> Reader<'a> {
    /// A reader of a tree.
    pub fn new(node: &'a Node, report: &'a Report<'a>) -> Self {
        Reader { node, key: None, report }
    }

    fn error(&self, message: impl Into<String>, fix: impl Into<String>) {
        self.report.error(self.node.mark, message, fix);
    }

    /// Reports what leaves a hole.
    fn hole(&self, message: impl Into<String>, fix: impl Into<String>) {
        self.report.holes.set(true);
        self.error(message, fix);
    }

    /// Reports that the node is not what is wanted; `None`, to be replaced by an empty value.
    fn unfit<T>(&self, wanted: &str) -> Option<T> {
        match &self.node.kind {
            Kind::Hole => {}
            _ if self.node.is_null() => {
                self.hole(format!("no value where {wanted} is wanted"), "write one, or remove the key");
            }
            Kind::Scalar { text, .. } => {
                self.hole(format!("`{text}` where {wanted} is wanted"), format!("write {wanted}"));
            }
            Kind::List(_) => self.hole(format!("a list where {wanted} is wanted"), format!("write {wanted}")),
            Kind::Map(_) => self.hole(format!("a map where {wanted} is wanted"), format!("write {wanted}")),
        }
        None
    }

    /// Reports a key that a struct has to have.
    fn missing(&self, key: &str) {
        if !PROSE.contains(&key) {
            self.report.holes.set(true);
        }
        let fix = format!("add {key}: …");
        match self.key {
            Some(entry) => self.report.error(entry.mark, format!("{} has no `{key}`", entry.key), fix),
            None => self.error(format!("`{key}` is missing"), fix),
        }
    }

    /// A scalar as written, quoted or not.
    fn raw(&self, wanted: &str) -> Option<&'a str> {
        match &self.node.kind {
            Kind::Scalar { text, .. } if !self.node.is_null() => Some(text),
            _ => self.unfit(wanted),
        }
    }

    /// A scalar that YAML takes for text too.
    fn text(&self) -> Option<&'a str> {
        let text = match &self.node.kind {
            Kind::Scalar { text, .. } if !self.node.is_null() => text,
            _ => return self.unfit("text"),
        };
        if let Kind::Scalar { plain: true, .. } = self.node.kind
            && let Some(what) = node::not_text(text)
        {
            self.error(
                format!("unquoted `{text}` is {what} to YAML, text is wanted"),
                format!("write \"{text}\""),
            );
        }
        Some(text)
    }

    fn map(&self, wanted: &str) -> &'a [Entry] {
        match &self.node.kind {
            Kind::Map(entries) => entries,
            _ => self.unfit(wanted).unwrap_or(&[]),
        }
    }

    fn list(&self) -> &'a [Node] {
        match &self.node.kind {
            Kind::List(items) => items,
            _ => self.unfit("a list").unwrap_or(&[]),
        }
    }

    fn variable<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            _ if self.node.is_null() => visitor.visit_none(),
            Kind::List(items) if items.is_empty() => {
                self.error("an empty list", "write ~ when the values are not known yet");
                visitor.visit_none()
            }
            Kind::List(_) => self.deserialize_seq(visitor),
            Kind::Scalar { text, plain: true } if whole(text) => visitor.visit_str(text),
            Kind::Scalar { .. } => visitor.visit_str(self.text().unwrap_or("")),
            Kind::Map(_) => {
                self.unfit::<()>("text, a list of texts, a whole number or ~");
                visitor.visit_none()
            }
            Kind::Hole => visitor.visit_none(),
        }
    }
}

/// A decimal integer as written.
fn whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::List(_) => self.deserialize_seq(visitor),
            Kind::Map(_) => self.deserialize_map(visitor),
            _ => self.deserialize_str(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.text().unwrap_or(""))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Items { items: self.list().iter(), report: self.report })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let entries = self.map("a map (`name: …`)");
        visitor.visit_map(Fields { entries: entries.iter(), missing: &[], value: None, report: self.report })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let entries = self.map("a map (`key: value`)");
        for entry in entries.iter().filter(|entry| !known(&entry.key, fields)) {
            let fix = near::suggest(&entry.key, fields.iter().copied()).map_or_else(
                || format!("known: {}", fields.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.report.error(entry.mark, format!("unknown key `{}`", entry.key), fix);
        }
        let required = REQUIRED.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, keys)| keys);
        let mut missing = Vec::new();
        for key in required.iter().filter(|key| !entries.iter().any(|entry| entry.key == **key)) {
            if matches!(self.node.kind, Kind::Map(_)) {
                self.missing(key);
            }
            missing.push(Entry {
                key: (*key).to_owned(),
                mark: self.node.mark,
                value: Node { mark: self.node.mark, kind: Kind::Hole },
            });
        }
        let entries: Vec<Entry> = entries
            .iter()
            // A section whose lines are all commented out is an empty section.
            .filter(|entry| !(name == "Document" && entry.value.is_null()))
            .filter(|entry| fields.contains(&entry.key.as_str()))
            .cloned()
            .collect();
        visitor.visit_map(Fields {
            entries: entries.iter(),
            missing: &missing,
            value: None,
            report: self.report,
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let first = variants.first().copied().unwrap_or("");
        let wanted = format!("one of {}", variants.join(", "));
        let given = self.raw(&wanted).unwrap_or(first);
        let word = if variants.contains(&given) {
            given
        } else {
            let fix = near::suggest(given, variants.iter().copied())
                .map_or_else(|| format!("write {wanted}"), |near| format!("did you mean `{near}`?"));
            self.error(format!("`{given}` is not known here"), fix);
            first
        };
        let word: StrDeserializer<'_, Fault> = word.into_deserializer();
        visitor.visit_enum(word)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match name {
            special::DURATION => {
                let millis = match self.raw("a duration such as 60s").map(super::scalar::parse_duration) {
                    Some(Ok(millis)) => millis,
                    Some(Err(fix)) => {
                        let text = self.raw("").unwrap_or("");
                        self.hole(format!("`{text}` is no duration"), fix);
                        0
                    }
                    None => 0,
                };
                visitor.visit_u64(millis)
            }
            special::DATE | special::DATE_OR_UNKNOWN => {
                if name == special::DATE_OR_UNKNOWN && self.node.is_null() {
                    return visitor.visit_none();
                }
                let text = self.raw("a date such as 2026-11-20").unwrap_or("1970-01-01");
                if super::scalar::parse_date(text).is_some() {
                    return visitor.visit_str(text);
                }
                self.hole(format!("`{text}` is no date"), "write year-month-day: 2026-11-20");
                visitor.visit_str("1970-01-01")
            }
            special::NUMBER => {
                let number = self.raw("a number").map(|text| (text, text.parse::<u64>()));
                if let Some((text, Err(_))) = number {
                    self.hole(format!("`{text}` is no whole number"), "write a whole number");
                }
                visitor.visit_u64(number.and_then(|(_, parsed)| parsed.ok()).unwrap_or(0))
            }
            special::REQUIRE => {
                let text = self.raw("`all`, `any` or a number").unwrap_or("all");
                let fits = matches!(text, "all" | "any") || text.parse::<u32>().is_ok_and(|count| count > 0);
                if !fits {
                    self.error(
                        format!("`{text}` is not known here"),
                        "write `all`, `any` or a number from 1",
                    );
                }
                visitor.visit_str(if fits { text } else { "all" })
            }
            special::VARIABLE => self.variable(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match name {
            special::SPANNED => visitor.visit_seq(Spanning { reader: self, step: 0 }),
            _ => self.deserialize_seq(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple identifier
    }
}

fn known(key: &str, fields: &[&str]) -> bool {
    fields.contains(&key) || key.starts_with("x-")
}

//! One object of Icinga's configuration language.

use crate::export::encode::icinga2::literal;

/// `object KIND "NAME" { … }`.
pub struct Block {
    /// Type of the object.
    pub kind: &'static str,
    /// What its full name begins with, when others' names are part of it: `iad2!dns-internal!`.
    owner: String,
    /// Its name.
    name: String,
    /// Lines between the braces.
    lines: Vec<String>,
}

impl Block {
    /// An object without attributes.
    pub fn new(kind: &'static str, name: impl Into<String>) -> Self {
        Block { kind, owner: String::new(), name: name.into(), lines: Vec::new() }
    }

    /// Says whose it is: its full name begins with this.
    pub fn of(mut self, owners: &[&str]) -> Self {
        self.owner = owners.iter().flat_map(|owner| [*owner, "!"]).collect();
        self
    }

    /// Takes over a template, before all attributes.
    pub fn import(mut self, template: Option<&String>) -> Self {
        self.lines.extend(template.map(|name| format!("import {}", literal(name))));
        self
    }

    /// An attribute whose value is an expression already.
    pub fn set(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.lines.push(format!("{name} = {}", value.as_ref()));
        self
    }

    /// The same, when there is a value.
    pub fn maybe(self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// An attribute that older versions do not have, and do without.
    pub fn tried(mut self, name: &str, value: Option<&str>) -> Self {
        self.lines.extend(value.map(|value| format!("try {{ {name} = {} }} except {{ }}", literal(value))));
        self
    }

    /// An attribute that is a text without macros.
    pub fn text(self, name: &str, value: &str) -> Self {
        self.set(name, literal(value))
    }

    /// Custom variables that are texts without macros.
    pub fn vars<'v>(self, vars: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        vars.into_iter().fold(self, |block, (name, value)| block.text(&format!("vars.{name}"), value))
    }

    /// As Icinga calls it: `iad2!dns-internal`.
    pub fn full_name(&self) -> String {
        format!("{}{}", self.owner, self.name)
    }

    /// As a file has it.
    pub fn render(&self) -> String {
        let lines: String = self.lines.iter().flat_map(|line| ["  ", line, "\n"]).collect();
        format!("object {} {} {{\n{lines}}}\n", self.kind, literal(&self.name))
    }
}

/// An array of expressions.
pub fn array(values: impl IntoIterator<Item = String>) -> String {
    format!("[ {} ]", values.into_iter().collect::<Vec<_>>().join(", "))
}

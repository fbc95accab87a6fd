//! One object definition of Nagios, and the file of many.

use std::fmt::Write as _;

use crate::export::encode::nagios::{self, Version};
use crate::export::{Draft, Refusal};

/// `define service { … }`, directive by directive.
#[derive(Debug, Clone)]
pub struct Definition {
    kind: &'static str,
    lines: Vec<(String, String)>,
}

impl Definition {
    /// `host`, `service`, `command`, …
    pub fn new(kind: &'static str) -> Self {
        Definition { kind, lines: Vec::new() }
    }

    /// A directive whose value is a name, a number or a list of names. An empty value leaves it out.
    #[must_use]
    pub fn with(mut self, directive: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.lines.push((directive.to_owned(), value));
        }
        self
    }

    /// A directive whose value may be missing.
    #[must_use]
    pub fn with_some(self, directive: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(directive, value),
            None => self,
        }
    }
}

/// The head of every file.
pub fn head(target: &str, dc: &str) -> String {
    format!("# Made by `mdd export {target} {dc}` from the manifest. What is changed here is lost.\n")
}

/// Definitions as a file, one blank line before each.
pub fn file(head: &str, definitions: &[Definition]) -> String {
    let mut text = head.to_owned();
    for definition in definitions {
        let width = definition.lines.iter().map(|(directive, _)| directive.len()).max().unwrap_or(0);
        let mut block = format!("\ndefine {} {{\n", definition.kind);
        for (directive, value) in &definition.lines {
            let written = writeln!(block, "  {directive:width$}  {value}");
            debug_assert!(written.is_ok(), "writing to a String does not fail");
        }
        text += &block;
        text += "}\n";
    }
    text
}

/// Texts for the oldest version that has to read them, and refusals that name whose they are.
#[derive(Debug)]
pub struct Writer<'d> {
    /// Where refusals and notices go.
    pub draft: &'d mut Draft,
    /// That version.
    pub min: Option<Version>,
}

impl Writer<'_> {
    /// An alias or another text that Nagios shows as it is.
    pub fn text(&mut self, who: &str, text: &str) -> String {
        let tried = nagios::text(text, self.min);
        self.draft.accept(who, tried).unwrap_or_default()
    }

    /// A text that Nagios looks for macros in.
    pub fn notes(&mut self, who: &str, text: &str) -> String {
        let tried = nagios::notes(text, self.min);
        self.draft.accept(who, tried).unwrap_or_default()
    }

    /// A name, or the refusal of one.
    pub fn name(&mut self, who: &str, name: &str) -> String {
        if !nagios::name_ok(name) {
            let what = format!("`{name}` cannot be a name in Nagios");
            self.draft.accept::<()>(who, Err(Refusal { what, way_out: "another id in the manifest" }));
        }
        name.to_owned()
    }
}

/// Seconds in Nagios' unit, minutes: `1`, `0.5`.
pub fn minutes(time: std::time::Duration) -> String {
    let text = format!("{:.6}", time.as_secs_f64() / 60.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn definitions_are_aligned_and_leave_out_what_is_empty() {
        let definition =
            Definition::new("host").with("host_name", "a").with("use", "").with_some("x", None::<&str>);
        assert_eq!(
            file("# head\n", &[definition.with("max_check_attempts", "1")]),
            "# head\n\ndefine host {\n  host_name           a\n  max_check_attempts  1\n}\n"
        );
    }

    #[test]
    fn intervals_are_minutes() {
        let of = |seconds| minutes(Duration::from_secs(seconds));
        assert_eq!([of(60), of(30), of(7), of(3600), of(1)], ["1", "0.5", "0.116667", "60", "0.016667"]);
    }
}

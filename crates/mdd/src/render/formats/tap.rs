//! The Test Anything Protocol, version 14 (testanything.org): one test per point.

use super::{Sheet, Standing, standing};
use crate::engine::snapshot::Entry;
use crate::render::ticket;

/// The whole stream.
pub fn text(sheet: &Sheet<'_, '_>) -> String {
    let mut out = format!("TAP version 14\n1..{}\n", sheet.entries().count());
    for (at, entry) in sheet.entries().enumerate() {
        let (word, directive) = match standing(entry, sheet.snapshot) {
            Standing::Passes => ("ok", String::new()),
            Standing::Excused(why) => ("not ok", format!(" # TODO {}", escape(&why))),
            Standing::Fails | Standing::Error => ("not ok", String::new()),
        };
        let title = escape(&format!("{}: {}", entry.point.id, entry.point.title));
        out.extend([format!("{word} {} - {title}{directive}\n", at + 1)]);
        if word != "ok" {
            out.push_str(&diagnostics(sheet, entry));
        }
    }
    out
}

/// Text on a test's line: `#` would begin a directive there.
fn escape(text: &str) -> String {
    plugin::text::clean(text).replace('\\', r"\\").replace('#', r"\#")
}

/// The YAML block below a test. Its values are JSON strings, which YAML reads as they are.
fn diagnostics(sheet: &Sheet<'_, '_>, entry: &Entry<'_>) -> String {
    let mut out = String::from("  ---\n");
    let mut line = |key: &str, text: &str| {
        if !text.is_empty() {
            let text = serde_json::Value::from(text).to_string();
            out.extend(["  ", key, ": ", &text, "\n"]);
        }
    };
    line("message", &entry.text);
    line("state", entry.judgement.state.key());
    line("group", &entry.point.group);
    line("owner", sheet.snapshot.answers_for(entry));
    line("due", &entry.point.due.map(|due| due.to_string()).unwrap_or_default());
    line("why", &entry.point.why);
    line("need", entry.point.need.as_deref().unwrap_or(""));
    for (key, text) in ticket::tries(entry) {
        line(&if key.is_empty() { "try".to_owned() } else { format!("try {key}") }, &text);
    }
    out.push_str("  ...\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_title_begins_a_directive_or_a_line() {
        assert_eq!(escape("a # SKIP b\\c\nd"), r"a \# SKIP b\\c d");
    }
}

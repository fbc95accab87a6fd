//! Icinga 2: strings of its configuration language. Commands are arrays of them, run without a shell.
//!
//! Icinga 2 documentation, "Language Reference", string literals and escape sequences; "Monitoring Basics", runtime macros.

/// A string literal with its quotes, for what Icinga does not look for macros in: names, `display_name`, `vars` of no command.
pub fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Nothing that Icinga runs can be given one.
            '\0' => {}
            c if c.is_ascii_control() => out.extend([format!("\\{:03o}", u32::from(c))]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A string literal for what Icinga fills macros into: `command`, `env`, `notes`, URLs. The text itself holds none.
pub fn expanded(text: &str) -> String {
    literal(&text.replace('$', "$$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_backslashes_controls_and_macros() {
        assert_eq!(literal(r#"a "b" \c $d$"#), r#""a \"b\" \\c $d$""#);
        assert_eq!(literal("a\nb\tc\rd\u{1}2\u{7f}\0é"), r#""a\nb\tc\rd\0012\177é""#);
        assert_eq!(expanded("$.a \"$ARG1$\""), r#""$$.a \"$$ARG1$$\"""#);
        assert_eq!(expanded(""), "\"\"");
    }
}

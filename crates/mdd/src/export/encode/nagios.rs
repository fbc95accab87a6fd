//! Nagios Core 4: values of object files, and command lines that it splits itself or gives to `/bin/sh -c`.
//!
//! nagioscore 4.4 `lib/runcmd.c` `runcmd_cmd2strv` (single quotes and `\'` as in a shell; assignments are no words of it),
//! `common/macros.c` `process_macros_r` (`$$` is `$`), `xdata/xodtemplate.c` (`;` begins a comment, `\;` does not; before 4.4.4
//! the backslash stays), `common/shared.c` `mmap_fgets_multiline` (a backslash at a line's end joins the next).
//! A command line has no limit of 8192 bytes; only an argument of `check_command` has.

use std::collections::BTreeMap;

use super::{EXEC, Env, Refusal, holder, posix};
use crate::engine::output::clean;

/// A version of Nagios Core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

/// The first version that reads `\;` as `;`.
const SEMICOLON: Version = Version(4, 4, 4);
/// Longest command line, in bytes: Linux gives a program at most 128 KiB in one argument, and `/bin/sh -c` is given it whole.
pub const LINE: usize = 100_000;
/// `illegal_object_name_chars` as the sample configuration and Debian set it, and what object files and external commands
/// take for their own.
const IN_NO_NAME: &str = "`~!$%^&*|'\"<>?,()=;\\";
/// Longest name, in bytes.
const NAME: usize = 255;

/// `command_line` of a command without arguments of its own; `min` is the oldest version that has to read it.
///
/// # Errors
/// A newline, a NUL byte, `;` where the version does not read it, a line that is too long.
pub fn command_line(
    prefix: &str,
    env: &BTreeMap<String, String>,
    argv: &[String],
    min: Option<Version>,
) -> Result<String, Refusal> {
    let line = posix(prefix, Env::Program, env, argv, |word| word.replace('$', "$$").replace(';', r"\;"))?;
    if min < Some(SEMICOLON) && line.contains(';') {
        let what = format!("{}, which begins a comment in Nagios before 4.4.4", holder(env, argv, ";"));
        return Err(Refusal::new(what, "min_version: \"4.4.4\" under engines.nagios, or --style exec"));
    }
    if line.len() > LINE {
        let what = format!(
            "the command line has {} bytes, and Linux starts a program with at most {LINE} safely",
            line.len()
        );
        return Err(Refusal::new(what, EXEC));
    }
    Ok(line)
}

/// A text for people on one line: an alias. Line ends and runs of blanks become one blank; where the version may not read
/// `;`, a comma stands for it.
///
/// # Errors
/// `null` alone, which takes an inherited value away.
pub fn text(text: &str, min: Option<Version>) -> Result<String, Refusal> {
    let semicolon = if min < Some(SEMICOLON) { "," } else { r"\;" };
    let line = clean(text).split_whitespace().collect::<Vec<_>>().join(" ").replace(';', semicolon);
    if line == "null" {
        return Err(Refusal::new("`null` takes a value away in Nagios", "write it in other words"));
    }
    // A line that ends in a backslash goes on in the next; the blank is cut when the line is read.
    Ok(if line.ends_with('\\') { line + " " } else { line })
}

/// [`text`] for what Nagios fills macros into: `notes`. The text itself holds none.
///
/// # Errors
/// As [`text`].
pub fn notes(given: &str, min: Option<Version>) -> Result<String, Refusal> {
    text(&given.replace('$', "$$"), min)
}

/// `notes_url`, `action_url`: what Nagios gives a meaning to is percent-encoded (RFC 3986), which means the same to a browser.
pub fn url(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.trim().chars() {
        match c {
            ';' | '$' | '\\' | '"' | '\'' | '<' | '>' | '`' | ' ' | '|' => {
                out.extend([format!("%{:02X}", u32::from(c))]);
            }
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Whether it can be the name of a host, a service, a command, a contact or a group.
pub fn name_ok(name: &str) -> bool {
    let bad = |c: char| c.is_control() || IN_NO_NAME.contains(c);
    !name.is_empty()
        && name.len() <= NAME
        && name.trim() == name
        && name != "null"
        && !name.starts_with(['+', '#'])
        && !name.chars().any(bad)
}

#[cfg(test)]
mod tests {
    use super::super::{argv, env};
    use super::*;

    const NEW: Option<Version> = Some(Version(4, 4, 4));

    #[test]
    fn words_with_doubled_dollars_and_semicolons() {
        let of = |words: &[&str]| command_line("$USER1$/", &BTreeMap::new(), &argv(words), NEW).unwrap();
        assert_eq!(
            of(&["check-http", "$.a", "$ARG1$", "a;b"]),
            r"$USER1$/check-http '$$.a' '$$ARG1$$' 'a\;b'"
        );
        assert_eq!(of(&["x", r"C:\", r"\;", "it's"]), r"$USER1$/x 'C:\' '\\;' 'it'\''s'");
        assert_eq!(
            command_line("$USER1$/", &env(&[("A", "$ b")]), &argv(&["x"]), None).unwrap(),
            "/usr/bin/env A='$$ b' $USER1$/x"
        );
    }

    #[test]
    fn what_it_cannot_be_given() {
        let of = |words: &[&str], min| command_line("", &BTreeMap::new(), &argv(words), min).unwrap_err();
        for min in [None, Some(Version(4, 4, 3)), Some(Version(3, 5, 1))] {
            let refusal = of(&["x", "a", "b;c"], min);
            assert_eq!(refusal.what, "argument 2 holds `;`, which begins a comment in Nagios before 4.4.4");
            assert_eq!(refusal.way_out, "min_version: \"4.4.4\" under engines.nagios, or --style exec");
        }
        assert_eq!(of(&["x", "a\nb"], NEW).what, "argument 1 holds a newline");
        assert!(of(&["x", &"y".repeat(LINE)], NEW).what.contains("100002 bytes"));
        for min in [NEW, Some(Version(4, 5, 0)), Some(Version(5, 0, 0))] {
            assert!(command_line("", &BTreeMap::new(), &argv(&["x", ";"]), min).is_ok());
        }
    }

    #[test]
    fn texts_are_one_line() {
        assert_eq!(text(" a;\n  b\tc\r\n", None), Ok("a, b c".into()));
        assert_eq!(text("a;b", NEW), Ok(r"a\;b".into()));
        assert_eq!(text("ends in \\", NEW), Ok("ends in \\ ".into()));
        assert_eq!(text("price $5", NEW), Ok("price $5".into()));
        assert_eq!(notes("price $5", NEW), Ok("price $$5".into()));
        assert!(text("null", NEW).is_err());
        assert_eq!(url("https://x/a;b?c=$d e#f"), "https://x/a%3Bb?c=%24d%20e#f");
    }

    #[test]
    fn names() {
        for name in ["iad2", "dns-internal_10.20.0.53", "a b", "é", "a/b:c[d]", "{x}"] {
            assert!(name_ok(name), "{name}");
        }
        for name in ["", " a", "a ", "a;b", "a,b", "a (b)", "a\\", "a\tb", "+a", "#a", "null", "$a", "a=b"] {
            assert!(!name_ok(name), "{name}");
        }
        assert!(!name_ok(&"a".repeat(256)));
    }
}

//! NRPE: one line of its configuration, given to `/bin/sh -c`.
//!
//! nrpe 4.1 `src/nrpe.c`: `read_config_file` (lines of at most 2047 bytes, no continuation), `process_macros` (`$$` is `$`),
//! `validate_request` (a request that holds a nasty character is refused), `my_system` (`popen`). A `command_prefix` such as
//! sudo stands before the line, so variables are set by `env(1)`, not by the shell.

use std::collections::BTreeMap;

use super::{EXEC, Env, Refusal, posix};

/// Longest line, in bytes: some room below the 2047 that nrpe reads at once.
pub const LINE: usize = 2000;

/// `command[NAME]=…`, without its end.
///
/// # Errors
/// A newline, a NUL byte, a name that check_nrpe cannot ask for, a line that is too long.
pub fn line(
    name: &str,
    prefix: &str,
    env: &BTreeMap<String, String>,
    argv: &[String],
) -> Result<String, Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        let what = format!("`{name}` cannot be the name of an NRPE command");
        return Err(Refusal::new(what, "letters, digits and `_.-`"));
    }
    let command = posix(prefix, Env::Program, env, argv, |word| word.replace('$', "$$"))?;
    let line = format!("command[{name}]={command}");
    if line.len() > LINE {
        let what = format!("the line has {} bytes, and NRPE reads at most {LINE} safely", line.len());
        return Err(Refusal::new(what, EXEC));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::super::{argv, env};
    use super::*;

    const FOLDER: &str = "/usr/lib/nagios/plugins/";

    #[test]
    fn one_line_with_doubled_dollars() {
        assert_eq!(
            line("mdd_q", FOLDER, &BTreeMap::new(), &argv(&["check-http", "--json-path", "$.a", "$ARG1$"]))
                .unwrap(),
            "command[mdd_q]=/usr/lib/nagios/plugins/check-http --json-path '$$.a' '$$ARG1$$'"
        );
        assert_eq!(
            line("q", FOLDER, &env(&[("A", "$x y")]), &argv(&["x"])).unwrap(),
            "command[q]=/usr/bin/env A='$$x y' /usr/lib/nagios/plugins/x"
        );
    }

    #[test]
    fn what_it_cannot_be_given() {
        let of =
            |name: &str, words: &[&str]| line(name, "", &BTreeMap::new(), &argv(words)).unwrap_err().what;
        assert_eq!(of("a b", &["x"]), "`a b` cannot be the name of an NRPE command");
        assert_eq!(of("a", &["x", "a\nb"]), "argument 1 holds a newline");
        let long = "y".repeat(LINE);
        assert_eq!(of("a", &["x", &long]), "the line has 2013 bytes, and NRPE reads at most 2000 safely");
        let fits = "y".repeat(LINE - "command[a]=x ".len());
        assert!(line("a", "", &BTreeMap::new(), &argv(&["x", &fits])).is_ok());
        let env = env(&[("A", "b")]);
        assert!(line("a", "", &env, &argv(&["x=y"])).unwrap_err().what.contains("env(1)"));
    }
}

//! Sensu Classic: `:::name:::` is a token in every string, then the command goes to `sh -c`.
//!
//! Sensu 1.9, checks reference, "Token substitution". There is no escape.

use std::collections::BTreeMap;

use super::{EXEC, Env, Refusal, holder, posix};

const TOKEN: &str = ":::";

/// `command` of a check.
///
/// # Errors
/// A newline, a NUL byte, `:::`.
pub fn command(prefix: &str, env: &BTreeMap<String, String>, argv: &[String]) -> Result<String, Refusal> {
    let command = posix(prefix, Env::Shell, env, argv, str::to_owned)?;
    if command.contains(TOKEN) {
        let what = format!("{}, which Sensu Classic takes for a token", holder(env, argv, TOKEN));
        return Err(Refusal::new(what, EXEC));
    }
    Ok(command)
}

/// Any other string of a check.
///
/// # Errors
/// `:::`.
pub fn text(text: &str) -> Result<String, Refusal> {
    if text.contains(TOKEN) {
        let what = "the text holds `:::`, which Sensu Classic takes for a token";
        return Err(Refusal::new(what, "write it in other words"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{argv, env};
    use super::*;

    #[test]
    fn words_for_a_shell_without_tokens() {
        let prefix = "/usr/lib/nagios/plugins/";
        assert_eq!(
            command(prefix, &env(&[("A", "b")]), &argv(&["check-dns", "::1", "a::b", "~:10", "{{"])).unwrap(),
            "A=b /usr/lib/nagios/plugins/check-dns ::1 a::b '~:10' '{{'"
        );
        let refusal = command("", &BTreeMap::new(), &argv(&["x", "a", "b", ":::name:::"])).unwrap_err();
        assert_eq!(refusal.what, "argument 3 holds `:::`, which Sensu Classic takes for a token");
        assert_eq!(refusal.way_out, "--style exec");
        assert!(text("a ::: b").is_err());
        assert_eq!(text("a :: b"), Ok("a :: b".into()));
    }
}

//! Sensu Go: every string is a Go template, then the command goes to `sh -c`.
//!
//! sensu-go 6: `command/proc_unix.go`, `token/token.go`. What a template leaves open shows as `<no value>`, and a check that
//! holds this text after substitution is not run.

use std::collections::BTreeMap;

use super::{EXEC, Env, Refusal, holder, posix};

/// What Sensu takes for a token without a value.
const NO_VALUE: &str = "<no value>";

/// `command` of a check.
///
/// # Errors
/// A newline, a NUL byte, `<no value>`.
pub fn command(prefix: &str, env: &BTreeMap<String, String>, argv: &[String]) -> Result<String, Refusal> {
    let command = posix(prefix, Env::Shell, env, argv, braces)?;
    if command.contains(NO_VALUE) {
        let what =
            format!("{}, which Sensu Go takes for a token without a value", holder(env, argv, NO_VALUE));
        return Err(Refusal::new(what, EXEC));
    }
    Ok(command)
}

/// A label's or an annotation's value.
///
/// # Errors
/// `<no value>`.
pub fn text(text: &str) -> Result<String, Refusal> {
    if text.contains(NO_VALUE) {
        let what = "the text holds `<no value>`, which Sensu Go takes for a token without a value";
        return Err(Refusal::new(what, "write it in other words"));
    }
    Ok(braces(text))
}

/// `{{` opens an action; an action that prints it stands for it.
fn braces(text: &str) -> String {
    text.replace("{{", r#"{{"{{"}}"#)
}

#[cfg(test)]
mod tests {
    use super::super::{argv, env};
    use super::*;

    #[test]
    fn words_for_a_shell_in_a_template() {
        let of = |words: &[&str]| command("", &BTreeMap::new(), &argv(words)).unwrap();
        assert_eq!(
            of(&["check-http", "--critical", "~:10", "it's"]),
            r"check-http --critical '~:10' 'it'\''s'"
        );
        assert_eq!(of(&["x", "{{ .name }}", "{{{", "}}"]), r#"x '{{"{{"}} .name }}' '{{"{{"}}{' '}}'"#);
        let env = env(&[("A", "b c"), ("B", "{{")]);
        assert_eq!(
            command("/opt/", &env, &argv(&["x", "$a"])).unwrap(),
            r#"A='b c' B='{{"{{"}}' /opt/x '$a'"#
        );
    }

    #[test]
    fn what_it_cannot_be_given() {
        let of = |words: &[&str]| command("", &BTreeMap::new(), &argv(words)).unwrap_err().what;
        assert_eq!(
            of(&["x", "a", "<no value>"]),
            "argument 2 holds `<no value>`, which Sensu Go takes for a token without a value"
        );
        assert_eq!(of(&["x", "a\nb"]), "argument 1 holds a newline");
        assert_eq!(of(&[]), "there is no program to run");
        let secret = env(&[("A", "<no value>")]);
        assert!(command("", &secret, &argv(&["x"])).unwrap_err().what.starts_with("A holds `<no value>`"));
        assert_eq!(text("use {{ .x }}"), Ok(r#"use {{"{{"}} .x }}"#.into()));
        assert_eq!(text("<no value>").unwrap_err().way_out, "write it in other words");
    }
}

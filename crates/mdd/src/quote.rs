//! Quoting for a POSIX shell: the line that a shell reads back as exactly these arguments.

use std::collections::BTreeMap;

/// Words that a shell takes for its own when they stand first: POSIX's, then those of bash, ksh and zsh.
const RESERVED: [&str; 17] = [
    "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then", "until", "while", "time",
    "coproc", "function", "select",
];

/// One command line: assignments, the program, its arguments.
///
/// # Errors
/// A newline or a NUL byte, which no engine's command line carries: which argument holds it.
pub fn line(env: &BTreeMap<String, String>, argv: &[String]) -> Result<String, String> {
    let mut words = assignments(env)?;
    words.extend(arguments(argv)?);
    Ok(words.join(" "))
}

/// `NAME=value` for each variable, in their order.
///
/// # Errors
/// As [`line`].
pub fn assignments(env: &BTreeMap<String, String>) -> Result<Vec<String>, String> {
    let one = |(name, value): (&String, &String)| match word(value) {
        Ok(value) => Ok(format!("{name}={value}")),
        Err(what) => Err(format!("{name} holds {what}")),
    };
    env.iter().map(one).collect()
}

/// The program and its arguments, each as one word.
///
/// # Errors
/// As [`line`].
pub fn arguments(argv: &[String]) -> Result<Vec<String>, String> {
    let one = |(index, argument): (usize, &String)| {
        let quoted = word(argument).map_err(|what| format!("argument {index} holds {what}"))?;
        // `a=b` and `if` mean something else to a shell when they stand first.
        let special = argument.contains('=') || RESERVED.contains(&argument.as_str());
        Ok(if index == 0 && special && quoted == *argument { format!("'{quoted}'") } else { quoted })
    };
    argv.iter().enumerate().map(one).collect()
}

/// One word, quoted only where it has to be: a threshold such as `~:10` has to, or bash reads a home directory.
fn word(text: &str) -> Result<String, &'static str> {
    if text.contains('\n') {
        return Err("a newline");
    }
    if text.contains('\0') {
        return Err("a NUL byte");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    // zsh takes `=name` for the path of a program.
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn quoted(argv: &[&str]) -> String {
        let argv: Vec<String> = argv.iter().map(|&argument| argument.to_owned()).collect();
        line(&BTreeMap::new(), &argv).unwrap_or_else(|error| error)
    }

    #[test]
    fn only_what_needs_quotes_gets_them() {
        assert_eq!(
            quoted(&["check-dns", "--warning", "40ms", "a@b:c,d/e%=+_.-"]),
            "check-dns --warning 40ms a@b:c,d/e%=+_.-"
        );
        assert_eq!(quoted(&["x", "", "it's", "~:10", "$.a", "a*"]), r"x '' 'it'\''s' '~:10' '$.a' 'a*'");
        assert_eq!(quoted(&["x", "~", "a:~", "a=~/b", "=a", "a="]), "x '~' 'a:~' 'a=~/b' '=a' a=");
        assert_eq!(quoted(&["if", "if"]), "'if' if");
        assert_eq!(quoted(&["a=b", "a=b"]), "'a=b' a=b");
        assert_eq!(quoted(&["x", "a\nb"]), "argument 1 holds a newline");
        let env = BTreeMap::from([("A".to_owned(), "x y".to_owned())]);
        assert_eq!(line(&env, &["x".to_owned()]), Ok("A='x y' x".into()));
    }

    /// Characters that shells, templates and monitoring engines give a meaning to.
    fn nasty() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "'",
            "\"",
            "\\",
            "$",
            "${",
            "}",
            "$(",
            ")",
            "`",
            "*",
            "?",
            "[",
            "]",
            "~",
            "!",
            "#",
            "&",
            "|",
            ";",
            "<",
            ">",
            " ",
            "  ",
            "\t",
            "\r",
            "{{",
            "}}",
            "$ARG1$",
            ":::",
            "%",
            "=",
            "--",
            "-",
            "a",
            "é",
            "\u{1}",
            "{a,b}",
            "(&(objectClass=group)(cn=q-*))",
            "up{dc=\"x\"}==1",
        ]);
        prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_real_shell_reads_back_the_same_arguments(arguments in prop::collection::vec(nasty(), 0..12)) {
            let mut argv = vec!["printf".to_owned(), "%s\\0".to_owned(), "first".to_owned()];
            argv.extend(arguments);
            let line = line(&BTreeMap::new(), &argv).unwrap();
            let output = Command::new("sh").arg("-c").arg(&line).output().unwrap();
            let expected: Vec<u8> = argv[2..].iter().flat_map(|argument| [argument.as_bytes(), b"\0"].concat()).collect();
            prop_assert_eq!(output.stdout, expected, "{}", line);
        }
    }
}

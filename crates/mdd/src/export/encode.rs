//! Argument lists as each engine reads them, so that the program gets exactly the arguments of the manifest.
//!
//! In every encoder `prefix` stands as it is before the program's name (nothing, `/usr/lib/nagios/plugins/`, `$USER1$/`), and
//! `env` is what the program finds in its environment beside what the engine puts there.

pub mod icinga2;
pub mod nagios;
pub mod nrpe;
pub mod sensu_classic;
pub mod sensu_go;

use std::collections::BTreeMap;
use std::fmt;

use crate::quote;

/// Export through `mdd exec`: the engine never sees the arguments.
const EXEC: &str = "--style exec";

/// Why an engine cannot be given a command or a text, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is in the way: "argument 3 holds a newline".
    pub what: String,
    /// What helps: `--style exec`, or something to change.
    pub way_out: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; way out: {}", self.what, self.way_out)
    }
}

impl Refusal {
    fn new(what: impl Into<String>, way_out: &'static str) -> Self {
        Refusal { what: what.into(), way_out }
    }
}

/// Who puts the variables into the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Env {
    /// The shell: `A=b program`.
    Shell,
    /// `env(1)`: `/usr/bin/env A=b program`, where the command may be run without a shell or behind a prefix.
    Program,
}

/// A command line of POSIX words; `escape` is what the engine needs besides, for everything but `prefix`.
fn posix(
    prefix: &str,
    how: Env,
    env: &BTreeMap<String, String>,
    argv: &[String],
    escape: impl Fn(&str) -> String,
) -> Result<String, Refusal> {
    let refuse = |what: String| Refusal::new(what, EXEC);
    let Some(name) = argv.first().filter(|name| !name.is_empty()) else {
        return Err(Refusal::new("there is no program to run", "a check with a program's name"));
    };
    let mut words: Vec<String> =
        quote::assignments(env).map_err(refuse)?.iter().map(|word| escape(word)).collect();
    if how == Env::Program && !words.is_empty() {
        if name.contains('=') {
            let what = format!("the program's name `{name}` holds `=`, which env(1) takes for a variable");
            return Err(Refusal::new(what, EXEC));
        }
        words.insert(0, "/usr/bin/env".to_owned());
    }
    for (index, word) in quote::arguments(argv).map_err(refuse)?.iter().enumerate() {
        let word = escape(word);
        words.push(if index == 0 { format!("{prefix}{word}") } else { word });
    }
    Ok(words.join(" "))
}

/// Which argument, or else which variable, holds `text`; for a refusal.
fn holder(env: &BTreeMap<String, String>, argv: &[String], text: &str) -> String {
    match (
        argv.iter().position(|argument| argument.contains(text)),
        env.iter().find(|(_, v)| v.contains(text)),
    ) {
        (Some(index), _) => format!("argument {index} holds `{text}`"),
        (None, Some((name, _))) => format!("{name} holds `{text}`"),
        (None, None) => format!("the command holds `{text}`"),
    }
}

#[cfg(test)]
fn argv(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

//! The first service that somebody makes of a check: options that are sensible on most machines.

use catalog::Entry;
use clap::{Arg, Command};

use crate::offer::{Known, offered, short_name, spelled, target, variable};

/// What a check asks beside the host's address: an option and its value, `""` where none follows. A word without an option
/// has the name of its value.
const FIRST: &[(&str, &[(&str, &str)])] = &[
    // Remote file systems belong to their server.
    ("check-disk", &[("--warning", "10%"), ("--critical", "5%"), ("--local", "")]),
    ("check-dns", &[("--hostname", "www.example.org")]),
    ("check-dummy", &[("STATE", "ok")]),
    ("check-http", &[("--warning", "2"), ("--critical", "5")]),
    ("check-load", &[("--percpu", ""), ("--warning", "1.5,1.2,1"), ("--critical", "3,2.5,2")]),
    ("check-memory", &[("--warning", "90"), ("--critical", "95")]),
    // How many processes are too many differs from machine to machine; how many are dead does not.
    ("check-procs", &[("--state", "Z"), ("--warning", "5"), ("--critical", "20")]),
    ("check-tcp", &[("--port", "22")]),
];

/// A word of a command line.
#[derive(Debug, PartialEq, Eq)]
pub enum Word {
    /// An option, as it is written.
    Option(String),
    /// A value, the label under which it may be changed, and what it is without one.
    Value { label: String, default: String },
}

/// The words behind the plugin's name.
///
/// Errors when the check has no such option, or its options do not read them: its row above is wrong, or missing.
pub fn words(entry: &Entry) -> Result<Vec<Word>, String> {
    let name = entry.name();
    let command = (entry.command)(&name);
    let row = FIRST.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, row)| row);
    let mut words = Vec::new();
    if let Some((arg, Known::Address)) = target(&command) {
        words.push(Word::Option(spelled(arg)));
        words.push(Word::Value { label: "address".into(), default: "127.0.0.1".into() });
    }
    for (option, value) in row {
        let arg = find(&command, option).ok_or_else(|| format!("{name} has no option {option}"))?;
        if !arg.is_positional() {
            words.push(Word::Option(spelled(arg)));
        }
        if !value.is_empty() {
            let label = format!("{}_{}", short_name(entry).replace('-', "_"), variable(arg));
            words.push(Word::Value { label, default: (*value).into() });
        }
    }
    let plain = words.iter().map(|word| match word {
        Word::Option(word) | Word::Value { default: word, .. } => word.as_str(),
    });
    let line: Vec<&str> = std::iter::once(name.as_str()).chain(plain).collect();
    match command.clone().try_get_matches_from(&line) {
        Ok(_) => Ok(words),
        Err(error) => Err(format!("the first service of {name} ({}): {}", line.join(" "), error.kind())),
    }
}

fn find<'a>(command: &'a Command, option: &str) -> Option<&'a Arg> {
    offered(command).find(|arg| {
        let named = arg.is_positional() && arg.get_id().as_str().eq_ignore_ascii_case(option);
        named || spelled(arg) == option
    })
}

#[cfg(test)]
mod tests {
    use super::{FIRST, Word, words};
    use catalog::{PLUGINS, find};

    #[test]
    fn every_check_has_a_first_service() {
        for entry in PLUGINS {
            let words = words(entry).unwrap_or_else(|error| panic!("{error}"));
            assert!(!words.is_empty(), "{}", entry.name());
        }
        assert!(FIRST.iter().all(|(name, _)| find(name).is_some()), "a row is of no check");
    }

    #[test]
    fn values_have_labels() {
        let words = words(find("check-tcp").expect("it is there")).expect("a service");
        let value = |label: &str, default: &str| Word::Value { label: label.into(), default: default.into() };
        let expected = [
            Word::Option("--hostname".into()),
            value("address", "127.0.0.1"),
            Word::Option("--port".into()),
            value("tcp_port", "22"),
        ];
        assert_eq!(words, expected);
    }
}

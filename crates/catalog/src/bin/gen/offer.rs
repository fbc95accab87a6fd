//! Which options an agent's objects offer, and how they write them.

use catalog::Entry;
use clap::{Arg, ArgAction, Command};

use crate::tables::{COMMON, takes_value};

/// Where the plugins are installed.
pub const FOLDER: &str = "/usr/lib/nagios/plugins";

/// What an agent waits beyond the plugin's own timeout, seconds: the plugin shall be the one that says what was late.
pub const PATIENCE: u64 = 5;

/// Options of every plugin that are for a person or for another reader than an agent.
const NOT_FOR_AGENTS: &[&str] = &["help", "version", "color", "output_format", "scheme"];

/// What an agent knows of the host that a check is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Its address.
    Address,
    /// Its name.
    Name,
}

/// The plugin's name without the word that all have: `tcp`.
pub fn short_name(entry: &Entry) -> String {
    entry.name().trim_start_matches("check-").to_owned()
}

/// Options of the plugin's own name that make sense in an object: no secrets, no old spellings, nothing for terminals.
pub fn offered(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| {
        let common = is_common(arg);
        !(arg.is_hide_set()
            || is_secret(arg)
            || is_old_spelling(arg)
            || common && NOT_FOR_AGENTS.contains(&arg.get_id().as_str()))
    })
}

/// Whether every plugin has it.
pub fn is_common(arg: &Arg) -> bool {
    arg.get_help_heading() == Some(COMMON)
}

/// A password in the process list, where the plugin takes one from a file or the environment too; and a descriptor, which
/// no agent passes on.
fn is_secret(arg: &Arg) -> bool {
    let descriptor = arg.get_long().is_some_and(|long| long.ends_with("-fd"));
    descriptor || value_name(arg).contains("PASSWORD")
}

/// Words without an option, for command lines that exist already.
fn is_old_spelling(arg: &Arg) -> bool {
    let help = help(arg);
    arg.is_positional()
        && ["Old spelling", "oldest spelling", "old command line"].iter().any(|it| help.contains(it))
}

/// The option that names an environment variable with a secret in it: `--password-env NAME`.
pub fn is_from_environment(arg: &Arg) -> bool {
    takes_value(arg) && arg.get_long().is_some_and(|long| long.ends_with("-env"))
}

/// Whether a value may follow, and need not.
pub fn is_value_optional(arg: &Arg) -> bool {
    takes_value(arg)
        && !arg.is_positional()
        && arg.get_num_args().is_some_and(|number| number.min_values() == 0)
}

/// Whether each of several values counts.
pub fn repeats(arg: &Arg) -> bool {
    takes_value(arg) && matches!(arg.get_action(), ArgAction::Append)
}

/// Whether the order of the options counts: a flag that keeps its place is declared as an option without a value.
pub fn is_ordered(command: &Command) -> bool {
    command.get_arguments().any(|arg| matches!(arg.get_action(), ArgAction::Append) && !takes_value(arg))
}

/// The option that gets what the agent knows of the host, and what that is.
///
/// `-H NAME` asks about a name, `-H HOST` says where to connect, unless another option does.
pub fn target(command: &Command) -> Option<(&Arg, Known)> {
    let address = command.get_arguments().find(|arg| arg.get_id() == "ip_address");
    let host = || command.get_arguments().find(|arg| arg.get_short() == Some('H'));
    let target = address.or_else(host)?;
    let known = if value_name(target).starts_with("HOST") { Known::Address } else { Known::Name };
    Some((target, known))
}

/// Options beside which this one must not stand.
pub fn conflicts<'a>(command: &'a Command, arg: &'a Arg) -> impl Iterator<Item = &'a Arg> {
    offered(command).filter(move |other| {
        let against = |one, other: &Arg| {
            command.get_arg_conflicts_with(one).iter().any(|arg| arg.get_id() == other.get_id())
        };
        // It is declared at one of the two.
        against(arg, other) || against(other, arg)
    })
}

/// How it is written: `--warning`, `-4`.
pub fn spelled(arg: &Arg) -> String {
    let short = || arg.get_short().map(|short| format!("-{short}"));
    arg.get_long().map(|long| format!("--{long}")).or_else(short).unwrap_or_default()
}

/// Its part of a variable's name: `exclude_device`.
pub fn variable(arg: &Arg) -> String {
    let name = arg.get_long().unwrap_or(arg.get_id().as_str());
    name.to_lowercase().replace('-', "_")
}

/// The first word of the name of its value, for a variable: `section`.
pub fn value_word(arg: &Arg) -> String {
    let name = value_name(arg);
    let letters = |c: char| c.is_ascii_alphanumeric();
    let word = name.trim_start_matches(|c| !letters(c)).split(|c| !letters(c)).next().unwrap_or_default();
    word.to_lowercase()
}

fn value_name(arg: &Arg) -> &str {
    arg.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str())
}

/// What it does, and its values and default where it has such.
pub fn help(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('\n', " ");
    // Units and examples have dots too.
    help.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// [`help`], and the values and the default of an option that has such.
pub fn description(arg: &Arg) -> String {
    let mut text = help(arg);
    if !takes_value(arg) {
        return text;
    }
    let shown = arg.get_possible_values();
    let values: Vec<&str> = shown
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(clap::builder::PossibleValue::get_name)
        .collect();
    if !values.is_empty() {
        text = format!("{text}: {}", values.join(", "));
    }
    match arg.get_default_values() {
        [default] if !text.contains("default:") => format!("{text}; default: {}", default.display()),
        _ => text,
    }
}

/// The plugin's own timeout, seconds.
pub fn timeout(command: &Command) -> Result<u64, String> {
    let arg = command.get_arguments().find(|arg| arg.get_id() == "timeout" && is_common(arg));
    let default = arg.and_then(|arg| arg.get_default_values().first()).and_then(|value| value.to_str());
    let seconds = default.and_then(|value| value.parse().ok());
    seconds.ok_or_else(|| format!("{}: its timeout is no number of seconds", command.get_name()))
}

/// A word for `sh`, quoted where it has to be.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Known, conflicts, description, is_ordered, offered, repeats, shell_word, spelled, target, value_word,
    };
    use catalog::{PLUGINS, find};

    fn command(name: &str) -> clap::Command {
        (find(name).expect("it is in the catalogue").command)(name)
    }

    fn offers(name: &str) -> Vec<String> {
        offered(&command(name)).map(spelled).collect()
    }

    #[test]
    fn secrets_old_spellings_and_terminals_are_left_out() {
        let http = offers("check-http");
        for offered in ["--header-file", "--password-file", "--password-env", "--bearer-file", "--timeout"] {
            assert!(http.iter().any(|it| it == offered), "{offered} is not in {http:?}");
        }
        for left_out in [
            "--authorization",
            "--proxy-authorization",
            "--password-fd",
            "--bearer-fd",
            "--color",
            "--help",
            "",
        ] {
            assert!(!http.iter().any(|it| it == left_out), "{left_out} is in {http:?}");
        }
        for name in ["check-disk", "check-dns", "check-tcp"] {
            assert!(!offers(name).contains(&String::new()), "{name} has words without an option");
        }
        assert_eq!(offers("check-dummy")[..2], ["", ""], "its state and text");
    }

    #[test]
    fn targets_are_addresses_but_where_a_name_is_asked_about() {
        let of = |name: &str| target(&command(name)).map(|(arg, known)| (spelled(arg), known));
        let told = |option: &str, known| Some((option.to_owned(), known));
        assert_eq!(of("check-tcp"), told("--hostname", Known::Address));
        assert_eq!(of("check-http"), told("--IP-address", Known::Address));
        assert_eq!(of("check-ntp"), told("--host", Known::Address));
        assert_eq!(of("check-dns"), told("--hostname", Known::Name));
        assert_eq!(of("check-load"), None);
    }

    #[test]
    fn conflicts_count_on_both_sides() {
        let command = command("check-http");
        let (target, _) = target(&command).expect("it has one");
        let others: Vec<String> = conflicts(&command, target).map(spelled).collect();
        assert_eq!(others, ["--connect-to", "--resolve", "--unix-socket"]);
    }

    #[test]
    fn what_repeats_and_what_keeps_its_place() {
        let tls = command("check-tls");
        let names: Vec<String> = offered(&tls).filter(|arg| repeats(arg)).map(spelled).collect();
        assert!(names.contains(&"--name".into()) && !names.contains(&"--port".into()), "{names:?}");
        assert!(is_ordered(&command("check-disk")) && !is_ordered(&command("check-dns")));
    }

    #[test]
    fn every_option_is_described() {
        for entry in PLUGINS {
            for arg in offered(&(entry.command)(&entry.name())) {
                let text = description(arg);
                assert!(
                    text.len() > 5 && !text.contains('\n'),
                    "{} {}: `{text}`",
                    entry.name(),
                    spelled(arg)
                );
            }
        }
        let load = command("check-load");
        let show = load.get_arguments().find(|arg| arg.get_id() == "procs_to_show").expect("an option");
        assert!(description(show).ends_with("; default: 0"), "{}", description(show));
        let extra = load.get_arguments().find(|arg| arg.get_id() == "extra_opts").expect("an option");
        assert_eq!(value_word(extra), "section");
    }

    #[test]
    fn words_for_the_shell() {
        assert_eq!(shell_word("90%"), "90%");
        assert_eq!(shell_word("~:10"), "'~:10'");
        assert_eq!(shell_word("a'b"), r"'a'\''b'");
        assert_eq!(shell_word(""), "''");
    }
}

//! The tables in the documents: options, checks, states that differ.

use std::fmt::Write as _;

use catalog::{Entry, PLUGINS};
use clap::Arg;
use plugin::{Dialect, Reason};

/// The heading under which the runner puts the options that every plugin has.
pub const COMMON: &str = "Options of every plugin";

/// The options of a plugin, under its own name and under those that have others.
pub fn own_options(entry: &Entry) -> String {
    let of_name = |name: &str| {
        let command = (entry.command)(name);
        let own: Vec<&Arg> =
            command.get_arguments().filter(|arg| arg.get_help_heading() != Some(COMMON)).collect();
        table(&own)
    };
    let own = of_name(&entry.name());
    let mut text = own.clone();
    // A namesake whose options could not stand in one table with these.
    let mut others: Vec<(String, String)> = Vec::new();
    for name in entry.namesakes {
        let table = of_name(name);
        match others.iter_mut().find(|(_, other)| *other == table) {
            Some((names, _)) => *names = format!("{names}, `{name}`"),
            None if table != own => others.push((format!("`{name}`"), table)),
            None => {}
        }
    }
    for (names, table) in others {
        let _written = write!(text, "\nAs {names}:\n\n{table}");
    }
    format!("{text}\nAnd the [options of every plugin](../../docs/options.md).\n")
}

/// The options that the runner adds to every plugin.
pub fn common_options() -> String {
    let command = (PLUGINS[0].command)(&PLUGINS[0].name());
    let common: Vec<&Arg> =
        command.get_arguments().filter(|arg| arg.get_help_heading() == Some(COMMON)).collect();
    table(&common)
}

/// Where a namesake's states differ from those of the other C plugins.
pub fn exceptions() -> String {
    let mut text = "| check | reason | C |\n|---|---|---|\n".to_owned();
    for entry in PLUGINS {
        // Thresholds have no state of their own.
        for reason in Reason::ALL.into_iter().filter(|reason| *reason != Reason::Threshold) {
            let state = (entry.c_state)(reason);
            if state != Dialect::C.state(reason) {
                let _written = writeln!(text, "| {} | `{reason}` | {state} |", entry.name());
            }
        }
    }
    text
}

/// All checks, one a row.
pub fn checks() -> String {
    let mut text = "| check | what it checks | stands in for |\n|---|---|---|\n".to_owned();
    for entry in PLUGINS {
        let namesakes: Vec<String> = entry.namesakes.iter().map(|name| format!("`{name}`")).collect();
        let (name, about) = (entry.name(), cell(&entry.about()));
        let _written =
            writeln!(text, "| [{name}](plugins/{name}/README.md) | {about} | {} |", namesakes.join(", "));
    }
    text
}

fn table(args: &[&Arg]) -> String {
    let mut text = "| option | meaning | default |\n|---|---|---|\n".to_owned();
    for arg in args.iter().filter(|arg| !arg.is_hide_set()) {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let values: Vec<String> = arg
            .get_possible_values()
            .iter()
            .filter(|value| takes_value(arg) && !value.is_hide_set())
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        let values = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
        let defaults: Vec<String> = arg
            .get_default_values()
            .iter()
            .filter(|_| takes_value(arg))
            .map(|value| format!("`{}`", value.to_string_lossy()))
            .collect();
        let _written = writeln!(
            text,
            "| {} | {}{values} | {} |",
            cell(&spelling(arg)),
            cell(&help),
            cell(&defaults.join(" "))
        );
    }
    text
}

/// Whether a value follows; a flag may be declared as an option with no values, to keep its place among the others.
pub fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values() && arg.get_num_args().is_none_or(|number| number.max_values() > 0)
}

/// `-w`, `--warning RANGE`.
fn spelling(arg: &Arg) -> String {
    let names: Vec<&str> =
        arg.get_value_names().unwrap_or_default().iter().map(clap::builder::Str::as_str).collect();
    let value = if takes_value(arg) { format!(" {}", names.join(" ")) } else { String::new() };
    let spellings: Vec<String> = arg
        .get_short()
        .map(|short| format!("-{short}"))
        .into_iter()
        .chain(arg.get_long().map(|long| format!("--{long}")))
        .collect();
    if spellings.is_empty() {
        return format!("`{}`", value.trim_start());
    }
    let last = spellings.len() - 1;
    let shown = spellings.iter().enumerate().map(|(n, spelling)| {
        if n == last { format!("`{spelling}{value}`") } else { format!("`{spelling}`") }
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// Text that stays within a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::{cell, spelling};
    use clap::Arg;

    #[test]
    fn options_as_they_are_written() {
        let arg = Arg::new("warning").short('w').long("warning").value_name("RANGE");
        assert_eq!(spelling(&arg), "`-w`, `--warning RANGE`");
        assert_eq!(spelling(&Arg::new("state").value_name("STATE")), "`STATE`");
        let flag = Arg::new("quick").long("quick").action(clap::ArgAction::SetTrue);
        assert_eq!(spelling(&flag), "`--quick`");
        let placed = Arg::new("escape").short('E').long("escape").action(clap::ArgAction::Append).num_args(0);
        assert_eq!(spelling(&placed), "`-E`, `--escape`");
        assert_eq!(cell("a|b\nc"), "a\\|b c");
    }
}

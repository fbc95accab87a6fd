//! Commands of NRPE for the plugins that look at their own machine.

use std::fmt::Write as _;

use catalog::{Entry, PLUGINS};

use crate::HEADER;
use crate::offer::{FOLDER, shell_word, short_name};
use crate::service::{Word, words};

const HEAD: &str = "#
# Checks of the machine that NRPE runs on, for /etc/nagios/nrpe.d. Ask for one with
#
#     check_nrpe -H ADDRESS -t 30:UNKNOWN -c verdigris_load
#
# The thresholds are where to begin. Copy a line to a file of your own, under another name, to change them: of two lines
# with one name the last one counts. Arguments of check_nrpe are not taken (Debian's NRPE refuses them all).
";

/// Longest line that NRPE reads whole, bytes.
const LINE: usize = 2000;

/// All commands.
pub fn commands() -> Result<String, String> {
    let mut text = format!("# {HEADER}\n{HEAD}");
    for entry in PLUGINS.iter().filter(|entry| is_of_machine(entry)) {
        let words = words(entry)?.into_iter().map(|word| match word {
            Word::Option(word) | Word::Value { default: word, .. } => shell_word(&word),
        });
        let words: Vec<String> = words.collect();
        // A `$` begins a macro.
        let line = format!("{FOLDER}/{} {}", entry.name(), words.join(" ")).replace('$', "$$");
        if line.len() > LINE {
            return Err(format!("{}: its line for NRPE is too long", entry.name()));
        }
        let _written =
            writeln!(text, "\n# {}\ncommand[verdigris_{}]={line}", entry.about(), short_name(entry));
    }
    Ok(text)
}

/// Whether it looks at its own machine: it can be told where that one's files are.
fn is_of_machine(entry: &Entry) -> bool {
    (entry.command)(&entry.name()).get_arguments().any(|arg| arg.get_id() == "root")
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn checks_of_the_machine_with_absolute_paths_and_no_arguments() {
        let text = commands().expect("it can be made");
        let lines: Vec<&str> =
            text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let names: Vec<&str> = lines
            .iter()
            .map(|line| {
                line.strip_prefix("command[verdigris_")
                    .and_then(|rest| rest.split(']').next())
                    .expect("a name")
            })
            .collect();
        assert_eq!(names, ["disk", "load", "memory", "procs"]);
        assert!(
            lines.iter().all(|line| line.contains("]=/usr/lib/nagios/plugins/check-") && !line.contains('$'))
        );
        assert_eq!(
            lines[1],
            "command[verdigris_load]=/usr/lib/nagios/plugins/check-load --percpu --warning 1.5,1.2,1 --critical 3,2.5,2"
        );
    }
}

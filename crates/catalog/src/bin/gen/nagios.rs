//! Commands of Nagios Core for each plugin.

use std::fmt::Write as _;

use catalog::PLUGINS;

use crate::HEADER;
use crate::offer::{Known, short_name, spelled, target};

const HEAD: &str = r"#
# Commands beside those of the distribution: `verdigris_tcp` starts check-tcp. $USER1$ is the folder of the plugins (resource.cfg).
#
# What stands behind the `!` of a check_command are more options, as the shell reads them:
#
#     check_command  verdigris_tcp!--port 443 --warning '~:0.5'
#
# - Quote, with single quotes, every value that holds anything but letters, digits and _ @ % + = : , . / -
# - Write `$$` for `$`, `\;` for `;`, `\!` for `!`. Macros are put in between the quotes: '$_HOSTPORT$'
# - An option given twice counts once, with its last value: another --hostname there replaces the host's. Of a check that
#   asks several hosts (--host) it adds one. `verdigris_tcp_bare` has no host to begin with.
# - Passwords stand in files (--password-file): command lines are shown in the process list and on the web page.
# - Checks of a machine (disk, load, memory, procs) are of the one that Nagios runs on; ask others through NRPE.
";

/// All commands.
pub fn commands() -> String {
    let mut text = format!("# {HEADER}\n{HEAD}");
    for entry in PLUGINS {
        let name = entry.name();
        let command = (entry.command)(&name);
        let short = short_name(entry);
        let _written = writeln!(text, "\n# {}", entry.about());
        let mut bare = format!("verdigris_{short}");
        if let Some((arg, known)) = target(&command) {
            let value = match known {
                Known::Address => "$HOSTADDRESS$",
                Known::Name => "$HOSTNAME$",
            };
            define(&mut text, &bare, &format!("$USER1$/{name} {} '{value}' $ARG1$", spelled(arg)));
            bare.push_str("_bare");
            text.push('\n');
        }
        define(&mut text, &bare, &format!("$USER1$/{name} $ARG1$"));
    }
    text
}

fn define(text: &mut String, name: &str, line: &str) {
    let _written = writeln!(text, "define command {{\n  command_name  {name}\n  command_line  {line}\n}}");
}

#[cfg(test)]
mod tests {
    use super::commands;
    use catalog::PLUGINS;

    #[test]
    fn a_command_for_each_check() {
        let text = commands();
        for entry in PLUGINS {
            let name = entry.name();
            let short = name.trim_start_matches("check-");
            assert!(text.contains(&format!("  command_name  verdigris_{short}\n")), "{text}");
        }
        let tcp = "define command {\n  command_name  verdigris_tcp\n  command_line  $USER1$/check-tcp --hostname '$HOSTADDRESS$' $ARG1$\n}\n";
        assert!(text.contains(tcp), "{text}");
        let load = "define command {\n  command_name  verdigris_load\n  command_line  $USER1$/check-load $ARG1$\n}\n";
        assert!(text.contains(load), "{text}");
        // Behind a `;` Nagios reads nothing.
        assert!(text.lines().all(|line| line.starts_with('#') || !line.contains(';')), "{text}");
    }
}

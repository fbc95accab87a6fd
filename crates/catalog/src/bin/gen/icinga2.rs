//! A CheckCommand of Icinga 2 for each plugin.

use std::fmt::Write as _;

use catalog::{Entry, PLUGINS};
use clap::{Arg, Command};

use crate::HEADER;
use crate::offer::{
    self, FOLDER, Known, PATIENCE, conflicts, description, is_common, is_from_environment, is_ordered,
    is_value_optional, offered, repeats, short_name, spelled, target, value_word, variable,
};
use crate::tables::takes_value;

const HEAD: &str = r#"//
// CheckCommands beside those of the Icinga Template Library: `verdigris_tcp` starts check-tcp.
//
// Each option is a variable: `--warning` of check-tcp is `vars.verdigris_tcp_warning`. Numbers are written as strings
// ("0.5"): Icinga prints a number as 0.500000. An option that may be repeated takes an array. Where a value may follow an
// option and need not, there are two variables: `= true` for the option alone, another for the value.
//
// The plugins end by themselves, after `vars.verdigris_…_timeout`. Where that is longer, the service needs a `check_timeout`
// that is longer still.
//
// Passwords come from files, or from `vars.verdigris_…_password` through the environment, never on the command line.

if (!globals.contains("VerdigrisPluginDir")) {
  const VerdigrisPluginDir = globals.contains("PluginDir") ? PluginDir : "@FOLDER@"
}

template CheckCommand "verdigris" {
  vars.verdigris_address = {{ macro("$address$") || macro("$address6$") }}
}
"#;

/// The whole library.
pub fn library() -> Result<String, String> {
    let mut text = format!("// {HEADER}\n{}", HEAD.replace("@FOLDER@", FOLDER));
    for entry in PLUGINS {
        text.push_str(&command(entry)?);
    }
    Ok(text)
}

fn command(entry: &Entry) -> Result<String, String> {
    let name = entry.name();
    let command = (entry.command)(&name);
    let prefix = format!("verdigris_{}", short_name(entry).replace('-', "_"));
    let timeout = offer::timeout(&command)? + PATIENCE;
    let target = target(&command);

    let mut arguments = String::new();
    let mut environment = String::new();
    let ordered = is_ordered(&command);
    for (place, arg) in offered(&command).enumerate() {
        // Icinga sorts by name what has no order.
        let order = (arg.is_positional() || ordered && !is_common(arg)).then_some(place + 1);
        let mut argument = Argument { variable: format!("{prefix}_{}", variable(arg)), order, set_if: None };
        if is_from_environment(arg) {
            let secret = argument.variable.trim_end_matches("_env");
            let passed = format!("VERDIGRIS_{}", variable(arg).trim_end_matches("_env").to_uppercase());
            let _written =
                writeln!(environment, "    {} = {}", string(&passed), string(&format!("${secret}$")));
            argument.set_if = Some(format!("{{{{ macro(\"${secret}$\") ? true : false }}}}"));
            argument.write(&mut arguments, arg, &passed);
            continue;
        }
        if target.is_some_and(|(target, _)| target.get_id() == arg.get_id()) {
            argument.set_if = unless(&command, arg, &prefix);
        }
        let value = format!("${}$", argument.variable);
        argument.write(&mut arguments, arg, &value);
    }

    let mut text = format!("\n// {}\nobject CheckCommand {} {{\n", entry.about(), string(&prefix));
    let _written =
        writeln!(text, "  import \"verdigris\"\n\n  command = [ VerdigrisPluginDir + \"/{name}\" ]");
    let _written = writeln!(text, "  arguments = {{\n{arguments}  }}");
    if !environment.is_empty() {
        let _written = writeln!(text, "  env = {{\n{environment}  }}");
    }
    let _written = writeln!(text, "  timeout = {timeout}s");
    if let Some((arg, known)) = target {
        let known = match known {
            Known::Address => "$verdigris_address$",
            Known::Name => "$host.name$",
        };
        let _written = writeln!(text, "\n  vars.{prefix}_{} = {}", variable(arg), string(known));
    }
    text.push_str("}\n");
    Ok(text)
}

/// How the target is left out where another option says whom to ask.
fn unless(command: &Command, target: &Arg, prefix: &str) -> Option<String> {
    let others: Vec<String> =
        conflicts(command, target).map(|arg| format!("macro(\"${prefix}_{}$\")", variable(arg))).collect();
    (!others.is_empty()).then(|| format!("{{{{ !({}) }}}}", others.join(" || ")))
}

/// What is common to the one or two entries of an option.
struct Argument {
    variable: String,
    order: Option<usize>,
    set_if: Option<String>,
}

impl Argument {
    fn write(&self, text: &mut String, arg: &Arg, value: &str) {
        let description = description(arg);
        let spelled = spelled(arg);
        if arg.is_positional() {
            let key = format!("({})", self.variable);
            self.entry(text, &key, &description, &[("value", string(value)), ("skip_key", "true".into())]);
            return;
        }
        let mut flag = spelled.clone();
        if takes_value(arg) {
            let mut lines = vec![("value", string(value)), ("separator", string("="))];
            let mut key = spelled.clone();
            if is_value_optional(arg) {
                key = format!("{spelled}=");
                lines = vec![
                    ("key", string(&spelled)),
                    ("value", string(&format!("${}_{}$", self.variable, value_word(arg)))),
                    ("separator", string("=")),
                ];
                flag.clone_from(&spelled);
            }
            if repeats(arg) {
                lines.push(("repeat_key", "true".into()));
            }
            self.entry(text, &key, &description, &lines);
        }
        if !takes_value(arg) || is_value_optional(arg) {
            self.entry(text, &flag, &description, &[("set_if", string(&format!("${}$", self.variable)))]);
        }
    }

    fn entry(&self, text: &mut String, key: &str, description: &str, lines: &[(&str, String)]) {
        let _written = writeln!(text, "    {} = {{", string(key));
        for (name, value) in lines {
            let _written = writeln!(text, "      {name} = {value}");
        }
        if let Some(set_if) = &self.set_if {
            let _written = writeln!(text, "      set_if = {set_if}");
        }
        if let Some(order) = self.order {
            let _written = writeln!(text, "      order = {order}");
        }
        let _written = writeln!(text, "      description = {}\n    }}", string(description));
    }
}

/// A string of its configuration language.
fn string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::{library, string};
    use std::collections::HashSet;

    #[test]
    fn strings() {
        assert_eq!(string(r#"a "b" \n"#), r#""a \"b\" \\n""#);
    }

    #[test]
    fn no_variable_belongs_to_two_options() {
        let library = library().expect("it can be made");
        for object in library.split("\nobject CheckCommand ").skip(1) {
            let own = object.lines().filter_map(|line| {
                let line = line.trim();
                let value = line.strip_prefix("value = ").or_else(|| line.strip_prefix("set_if = "))?;
                (value.starts_with("\"$")).then_some(value)
            });
            let own: Vec<&str> = own.collect();
            let distinct: HashSet<&str> = own.iter().copied().collect();
            assert_eq!(own.len(), distinct.len(), "{own:?}");
        }
    }

    #[test]
    fn options_become_arguments() {
        let library = library().expect("it can be made");
        let object = |name: &str| {
            let start = format!("object CheckCommand \"{name}\" {{");
            let rest = library.split_once(&start).unwrap_or_else(|| panic!("no {name}")).1;
            rest.split_once("\n}\n").expect("it ends").0.to_owned()
        };
        let tcp = object("verdigris_tcp");
        assert!(tcp.contains("\"--all\" = {\n      set_if = \"$verdigris_tcp_all$\"\n"), "{tcp}");
        let repeated = "\"--expect\" = {\n      value = \"$verdigris_tcp_expect$\"\n      separator = \"=\"\n      repeat_key = true\n";
        assert!(tcp.contains(repeated), "{tcp}");
        assert!(
            tcp.contains("timeout = 15s\n\n  vars.verdigris_tcp_hostname = \"$verdigris_address$\""),
            "{tcp}"
        );
        let dummy = object("verdigris_dummy");
        assert!(
            dummy.contains("value = \"$verdigris_dummy_text$\"\n      skip_key = true\n      order = 2\n"),
            "{dummy}"
        );
        let http = object("verdigris_http");
        assert!(http.contains("\"VERDIGRIS_PASSWORD\" = \"$verdigris_http_password$\""), "{http}");
        assert!(http.contains("set_if = {{ !(macro(\"$verdigris_http_connect_to$\") || "), "{http}");
        assert!(!http.contains("authorization$"), "{http}");
    }
}

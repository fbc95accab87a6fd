//! Every plugin in one program: called by a plugin's name, or with that name as its first argument.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use catalog::{Entry, PLUGINS, find};

/// UNKNOWN, as for the help, the version and the usage errors of the plugins themselves.
const UNKNOWN: u8 = 3;

const HELP: &str = "\
Every check of Verdigris in one program

usage: verdigris CHECK [OPTION...]    run a check: verdigris check-load --help
       CHECK [OPTION...]              the same through a link of that name
       verdigris --list               name the checks, and the C plugins they stand in for
       verdigris --help | --version   this text, or the version
";

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let called = args.first().map(Path::new).and_then(Path::file_name).and_then(|name| name.to_str());
    if let Some(entry) = called.and_then(find) {
        return (entry.run)(&args);
    }
    let first = args.get(1).map(|arg| arg.to_string_lossy().into_owned());
    match first.as_deref() {
        None | Some("--help" | "-h" | "help") => say(HELP),
        Some("--version" | "-V") => say(concat!("verdigris ", env!("CARGO_PKG_VERSION"), "\n")),
        Some("--list") => {
            say(&PLUGINS.iter().map(line).collect::<String>());
            return ExitCode::SUCCESS;
        }
        Some(name) => {
            if let Some(entry) = find(name) {
                return (entry.run)(&args[1..]);
            }
            let name: String = name.chars().filter(|c| !c.is_control() && *c != '|').take(60).collect();
            say(&format!("VERDIGRIS UNKNOWN - no check is named `{name}`; --list names them [usage]\n"));
        }
    }
    ExitCode::from(UNKNOWN)
}

fn line(entry: &Entry) -> String {
    let namesakes = entry.namesakes.join(" ");
    format!("{:<16} {}\n", entry.name(), namesakes).trim_end().to_owned() + "\n"
}

fn say(text: &str) {
    // A closed output changes nothing: the exit code is the answer.
    let _closed = std::io::stdout().write_all(text.as_bytes());
}

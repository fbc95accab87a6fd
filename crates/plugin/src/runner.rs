//! Reads the command line, runs the check, prints once, exits with the state's code.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args as _, FromArgMatches as _};

use crate::call::Call;
use crate::dialect::{label_of, program_name, rewrite_old_spellings};
use crate::format::{Frame, render};
use crate::options::{Color, Common};
use crate::watchdog::{self, Emergency};
use crate::{Deadline, Dialect, Outcome, Reason, Result, State, dialect, extra_opts, helper, text};

/// A check: its options are a clap struct, its work is [`Check::run`].
pub trait Check: clap::Parser {
    /// The C plugins that it stands in for, by the names under which it speaks their dialect: `check_tcp`, `check_ftp`.
    const NAMESAKES: &'static [&'static str] = &[];

    /// Arguments of a run that is OK on any Linux host: the shortest example, and what the contract tests start.
    ///
    /// `{port}` stands for a TCP port of 127.0.0.1 where something listens and greets as the name expects, `{dns}` for
    /// one where a name server knows `www.example` as 192.0.2.1.
    const SAMPLE: &'static [&'static str] = &[];

    /// Measures, then judges. Never prints, never exits.
    ///
    /// A [`crate::Failure`] becomes the outcome, with the state that the dialect's table gives its reason.
    fn run(&self, call: &Call) -> Result<Outcome>;

    /// Turns spellings that clap cannot read into ones that it can, before it sees them. `args` holds the program's name
    /// first. What it changes is shown with `-v`.
    fn rewrite(_name: &str, _dialect: Dialect, _args: &mut Vec<OsString>) {}

    /// The state of a failure in the C dialect, where the namesake differs from its siblings.
    fn c_state(reason: Reason) -> State {
        dialect::c_state(reason)
    }

    /// Answers a question of [`crate::Helper`], in a process of its own.
    fn answer(_question: &[OsString]) -> String {
        String::new()
    }
}

/// `main` of a plugin: the whole program, from the command line to the exit code.
pub fn main<C: Check>() -> ExitCode {
    run::<C>(std::env::args_os().collect())
}

/// [`main`] with a given command line, the program's name first: for a program that holds several plugins.
pub fn run<C: Check>(args: Vec<OsString>) -> ExitCode {
    let own = C::command();
    let called = program_name(args.first(), own.get_name());
    let name = if label_of(&called).len() < called.len() { called } else { own.get_name().to_owned() };
    if args.get(1).is_some_and(|arg| arg == helper::FLAG) {
        watchdog::write_out(&C::answer(&args[2..]));
        return ExitCode::SUCCESS;
    }
    let dialect = dialect_asked_for(&args).unwrap_or_else(|| Dialect::of_name(&name));
    match read::<C>(own, args, &name, dialect) {
        Ok(parsed) => check(&parsed, name, dialect),
        Err(text) => {
            // A usage error, the help or the version: on standard output, and never OK.
            watchdog::write_out(&text);
            ExitCode::from(State::Unknown.code())
        }
    }
}

/// The plugin's whole command line, as the runner reads it: its own options, then those of every plugin.
///
/// The generated documents are made of this.
pub fn command<C: Check>(name: &str) -> clap::Command {
    complete(C::command(), name)
}

fn complete(own: clap::Command, name: &str) -> clap::Command {
    // Asked before the options of every plugin come in: theirs is `--help`, and `-h` where nobody else has it.
    let h_is_free = own.get_arguments().all(|arg| arg.get_short() != Some('h'));
    let (about, long_about) = (own.get_about().cloned(), own.get_long_about().cloned());
    let version = version_of(&own);
    let command = own
        .name(name.to_owned())
        .bin_name(name.to_owned())
        .version(version)
        .infer_long_args(true)
        .args_override_self(true)
        .disable_help_flag(true)
        .disable_version_flag(true);
    let mut command = Common::augment_args(command);
    if let Some(about) = about {
        command = command.about(about);
    }
    if let Some(long_about) = long_about {
        command = command.long_about(long_about);
    }
    if h_is_free { command.mut_arg("help", |arg| arg.short('h')) } else { command }
}

// A plugin from elsewhere has its own version (`#[command(version)]`); the suite's plugins share this crate's.
fn version_of(own: &clap::Command) -> String {
    own.get_version().unwrap_or(env!("CARGO_PKG_VERSION")).to_owned()
}

struct Parsed<C> {
    check: C,
    common: Common,
    version: String,
    /// The line as it was read, where it was spelled in another way.
    read_as: Option<String>,
}

/// The options, or the text to print instead of a result.
fn read<C: Check>(
    own: clap::Command,
    args: Vec<OsString>,
    name: &str,
    dialect: Dialect,
) -> std::result::Result<Parsed<C>, String> {
    let label = label_of(name);
    let usage = |message: &str, rest: &str| {
        let first = text::clean(message);
        format!("{label} UNKNOWN - {} [{}]\n{rest}", text::shorten(&first, 300), Reason::Usage)
    };
    let given = args.clone();
    let mut args = extra_opts::expand(args, name).map_err(|message| usage(&message, ""))?;
    if dialect == Dialect::C {
        rewrite_old_spellings(&mut args);
    }
    C::rewrite(name, dialect, &mut args);
    let read_as = (args != given).then(|| {
        let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
        format!("read as: {}", words.join(" "))
    });

    let version = version_of(&own);
    let matches = complete(own, name).try_get_matches_from(args).map_err(|error| {
        let text = error.to_string();
        match error.kind() {
            ErrorKind::DisplayHelp => text,
            ErrorKind::DisplayVersion => format!("{} (Verdigris)\n", text.trim_end()),
            _ => {
                let text = text.strip_prefix("error: ").unwrap_or(&text);
                let (first, rest) = text.split_once("\n\n").unwrap_or((text, ""));
                usage(first, rest.trim_start())
            }
        }
    })?;
    let unread = |error: clap::Error| usage(&error.to_string(), "");
    let check = C::from_arg_matches(&matches).map_err(unread)?;
    let common = Common::from_arg_matches(&matches).map_err(unread)?;
    Ok(Parsed { check, common, version, read_as })
}

fn check<C: Check>(parsed: &Parsed<C>, name: String, dialect: Dialect) -> ExitCode {
    let common = &parsed.common;
    let colored = match common.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::io::stdout().is_terminal()
        }
    };
    let mut frame = Frame {
        label: label_of(&name),
        plugin: name.clone(),
        version: parsed.version.clone(),
        dialect,
        verbosity: common.verbose,
        colored,
        scheme: common.scheme.clone(),
        elapsed: std::time::Duration::ZERO,
        timeout: common.timeout.after,
    };
    watchdog::prepare(Emergency {
        frame: frame.clone(),
        format: common.output_format,
        exit_ok: common.exit_ok,
        timeout_state: common.timeout.state,
    });
    let call = Call {
        name,
        dialect,
        verbosity: common.verbose,
        deadline: Deadline::guarded(common.timeout.after, watchdog::start),
        timeout_state: common.timeout.state,
        c_state: C::c_state,
    };

    let mut outcome = parsed.check.run(&call).unwrap_or_else(|failure| call.failed(&failure));
    if let Some(line) = &parsed.read_as {
        outcome = outcome.detail(line.clone());
    }
    frame.elapsed = call.deadline.elapsed();
    let text = render(common.output_format, &outcome, &frame);
    if watchdog::claim() {
        watchdog::write_out(&text);
    } else {
        // The watchdog prints; it ends the process in a moment.
        std::thread::park_timeout(std::time::Duration::from_secs(5));
    }
    ExitCode::from(if common.exit_ok { 0 } else { outcome.state().code() })
}

// Needed before clap reads the line: it decides how the line is spelled.
fn dialect_asked_for(args: &[OsString]) -> Option<Dialect> {
    let mut asked = None;
    let mut args = args.iter().skip(1).take_while(|arg| *arg != "--").filter_map(|arg| arg.to_str());
    while let Some(arg) = args.next() {
        let value = match arg.strip_prefix("--dialect") {
            Some("") => args.next(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        match value {
            Some("c") => asked = Some(Dialect::C),
            Some("own") => asked = Some(Dialect::Own),
            _ => {}
        }
    }
    asked
}

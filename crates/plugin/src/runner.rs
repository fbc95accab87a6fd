//! Reads the command line, runs the check, prints once, exits with the state's code.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::mem::ManuallyDrop;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::error::ErrorKind;
use clap::{Args as _, FromArgMatches as _};

use crate::call::Call;
use crate::dialect::{label_of, program_name, rewrite_old_spellings};
use crate::format::{Frame, render};
use crate::options::{Color, Common, OutputFormat};
use crate::watchdog::{self, Emergency};
use crate::{Deadline, Dialect, Outcome, Reason, Result, State, dialect, extra_opts, helper, text};

/// A check: its options are a clap struct, its work is [`Check::run`].
pub trait Check: clap::Parser {
    /// The C plugins that it stands in for, by the names under which it speaks their dialect: `check_tcp`, `check_ftp`.
    const NAMESAKES: &'static [&'static str] = &[];

    /// Arguments of a run that is OK on any Linux host: the shortest example, and what the contract tests start.
    ///
    /// `{port}` stands for a TCP port of 127.0.0.1 where something listens and greets as the name expects, `{dns}` for
    /// one where a name server knows `www.example` as 192.0.2.1, `{http}` for one where a web server answers 200,
    /// `{ntp}` for a UDP port where a time server is, `{tls}` for one where TLS begins, with a certificate that nobody trusts.
    const SAMPLE: &'static [&'static str] = &[];

    /// The options of its own under this name, where those of the namesakes are too different for one definition.
    ///
    /// [`Check::from_line`] reads what was parsed with it.
    fn command_as(_name: &str) -> clap::Command {
        Self::command()
    }

    /// The check, from a line parsed with [`Check::command_as`] of the same name.
    fn from_line(_name: &str, line: &clap::ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches(line)
    }

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
    run::<C>(&std::env::args_os().collect::<Vec<_>>())
}

/// [`main`] with a given command line, the program's name first: for a program that holds several plugins.
///
/// Once in a process: whoever prints ends it.
pub fn run<C: Check>(args: &[OsString]) -> ExitCode {
    let started = Instant::now();
    let mut name = program_name(args.first(), "");
    if name.is_empty() {
        C::command().get_name().clone_into(&mut name);
    }
    let own = C::command_as(&name);
    if args.get(1).is_some_and(|arg| arg == helper::FLAG) {
        helper::begin();
        watchdog::write_out(&C::answer(&args[2..]));
        return ExitCode::SUCCESS;
    }
    let frame = Frame {
        label: label_of(&name),
        version: version_of(&own),
        dialect: Dialect::of_name(&name),
        plugin: name,
        verbosity: 0,
        colored: false,
        scheme: None,
        elapsed: Duration::ZERO,
        timeout: Duration::ZERO,
    };
    // Until the options are read, for a panic in reading them.
    let mut emergency =
        Emergency { frame, format: OutputFormat::Nagios, exit_ok: false, timeout_state: None, started };
    watchdog::prepare(emergency.clone());

    let parsed = match read::<C>(own, args, &emergency.frame.plugin) {
        Ok(parsed) => parsed,
        Err(text) => {
            // A usage error, the help or the version: on standard output, and never OK.
            watchdog::write_out(&text);
            return ExitCode::from(State::Unknown.code());
        }
    };
    let common = &parsed.common;
    emergency.format = common.output_format;
    emergency.exit_ok = common.exit_ok;
    emergency.timeout_state = common.timeout.state;
    emergency.frame.dialect = parsed.dialect;
    emergency.frame.verbosity = common.verbose;
    emergency.frame.colored = is_colored(common.color);
    emergency.frame.scheme.clone_from(&common.scheme);
    emergency.frame.timeout = common.timeout.after;
    watchdog::prepare(emergency.clone());
    check(&parsed, emergency)
}

/// The plugin's whole command line, as the runner reads it: its own options, then those of every plugin.
///
/// The generated documents are made of this.
pub fn command<C: Check>(name: &str) -> clap::Command {
    complete(C::command_as(name), name)
}

fn complete(own: clap::Command, name: &str) -> clap::Command {
    // Asked before the options of every plugin come in: theirs is `--help`, and `-h` where nobody else has it.
    let h_is_free = own.get_arguments().all(|arg| arg.get_short() != Some('h'));
    let (about, long_about) = (own.get_about().cloned(), own.get_long_about().cloned());
    let version = match own.get_version() {
        Some(version) => version.to_owned(),
        None => concat!(env!("CARGO_PKG_VERSION"), " (Verdigris)").to_owned(),
    };
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
    dialect: Dialect,
    /// The line as it was read, where it was spelled in another way.
    read_as: Option<String>,
}

/// The options, or the text to print instead of a result.
fn read<C: Check>(own: clap::Command, args: &[OsString], name: &str) -> Result<Parsed<C>, String> {
    // Never taken apart again: that would cost a fifth of a short run, and the process is about to end.
    let mut command = ManuallyDrop::new(complete(own, name));
    let expanded = extra_opts::expand(args, name).map_err(|message| usage(name, &message, ""))?;
    let words = expanded.as_deref().unwrap_or(args);
    let by_name = Dialect::of_name(name);
    let guess = dialect_asked_for(words).unwrap_or(by_name);
    let mut parsed = read_in::<C>(guess, &mut command, words, name)?;
    // Only clap knows which words are options: should it disagree, its answer counts.
    let meant = parsed.common.dialect.unwrap_or(by_name);
    if meant != guess {
        parsed = read_in::<C>(meant, &mut command, words, name)?;
    }
    if expanded.is_some() {
        // An INI file is where a password hides from the process list: what it says is not shown.
        parsed.read_as = None;
    }
    Ok(parsed)
}

fn read_in<C: Check>(
    dialect: Dialect,
    command: &mut clap::Command,
    words: &[OsString],
    name: &str,
) -> Result<Parsed<C>, String> {
    let mut args = words.to_vec();
    if dialect == Dialect::C {
        rewrite_old_spellings(&mut args);
    }
    C::rewrite(name, dialect, &mut args);
    let read_as = (args != words).then(|| {
        let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
        format!("read as: {}", words.join(" "))
    });
    let told = |error: clap::Error| instead_of_result(name, &error);
    let mut matches = ManuallyDrop::new(command.try_get_matches_from_mut(args).map_err(told)?);
    let check = C::from_line(name, &matches).map_err(told)?;
    // Taken out, not copied: a copy of all matches costs a tenth of a short run.
    let common = Common::from_arg_matches_mut(&mut matches).map_err(told)?;
    if common.extra_opts.is_some() {
        return Err(usage(name, "--extra-opts has to be written out, and cannot stand in an INI file", ""));
    }
    Ok(Parsed { check, common, dialect, read_as })
}

/// What is printed when clap does not give options: the help, the version or a usage error.
fn instead_of_result(name: &str, error: &clap::Error) -> String {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => text,
        _ => {
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            let (first, rest) = text.split_once("\n\n").unwrap_or((text, ""));
            usage(name, first, rest)
        }
    }
}

/// The text of a usage error: a first line as of a result, and `rest` below it.
fn usage(name: &str, message: &str, rest: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = text::clean(&message);
    let reason = Reason::Usage;
    let mut out =
        format!("{} {} - {} [{reason}]\n", label_of(name), State::Unknown, text::shorten(&message, 300));
    // It quotes what the user wrote: cleaned too, but for its indentation.
    for line in rest.trim_start_matches('\n').lines().take(40) {
        let words = line.trim_start_matches(' ');
        out.push_str(&line[..line.len() - words.len()]);
        out.push_str(&text::shorten(&text::clean(words), 200));
        out.push('\n');
    }
    out
}

fn is_colored(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && std::io::stdout().is_terminal()
        }
    }
}

fn check<C: Check>(parsed: &Parsed<C>, emergency: Emergency) -> ExitCode {
    let mut frame = emergency.frame;
    let call = Call {
        name: frame.plugin.clone(),
        dialect: parsed.dialect,
        verbosity: frame.verbosity,
        deadline: Deadline::guarded(frame.timeout, watchdog::start),
        shows_facts: emergency.format == OutputFormat::Json,
        timeout_state: emergency.timeout_state,
        c_state: C::c_state,
    };
    let mut outcome = parsed.check.run(&call).unwrap_or_else(|failure| call.failed(&failure));
    if let Some(line) = &parsed.read_as {
        outcome = outcome.detail(line.clone());
    }
    frame.elapsed = call.deadline.elapsed();
    let text = render(emergency.format, &outcome, &frame);
    let code = if emergency.exit_ok { 0 } else { outcome.state().code() };
    if watchdog::claim(code) {
        watchdog::write_out(&text);
    } else {
        // The watchdog prints; it ends the process in a moment.
        std::thread::park_timeout(Duration::from_secs(5));
    }
    ExitCode::from(code)
}

// A guess before clap reads the line, which depends on it: rewriting comes first.
fn dialect_asked_for(args: &[OsString]) -> Option<Dialect> {
    let mut asked = None;
    let mut args = args.iter().skip(1).take_while(|arg| *arg != "--").filter_map(|arg| arg.to_str());
    while let Some(arg) = args.next() {
        // Abbreviated as clap allows it.
        let is_option = |option: &str| option.len() > "--d".len() && "--dialect".starts_with(option);
        let value = match arg.split_once('=') {
            Some((option, value)) => Some(value).filter(|_| is_option(option)),
            None if is_option(arg) => args.next(),
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

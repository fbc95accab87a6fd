//! The command line: global flags, commands, and where results and errors go.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::commands;
use crate::exit::{Error, Exit};
use crate::programs::Programs;
use crate::render::formats::nagios;

/// Monitoring Driven Deployment: integration points from red to green.
#[derive(Debug, Parser)]
#[command(name = "mdd", version, propagate_version = true, infer_long_args = false, max_term_width = 100)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Manifest: a file, or a folder that holds mdd.yaml [default: $MDD_FILE, else mdd.yaml]
    #[arg(short, long, global = true, value_name = "PATH")]
    pub file: Option<PathBuf>,
    /// History [default: $MDD_STATE, else .mdd/history.db beside the manifest]
    #[arg(long, global = true, value_name = "PATH")]
    pub state: Option<PathBuf>,
    /// Evaluate as of then: 2026-11-22, 2026-11-22T21:40, 2026-11-22T21:40:00Z; UTC unless it says otherwise
    #[arg(long, global = true, value_name = "TIME", value_parser = parse_time)]
    pub at: Option<Timestamp>,
    /// Set a variable; beats the manifest's own (repeatable)
    #[arg(long = "set", global = true, value_name = "NAME=VALUE", value_parser = parse_set)]
    pub sets: Vec<(String, String)>,
    /// Look here for the programs of checks first (repeatable; then $MDD_PLUGIN_PATH, colon-separated)
    #[arg(long = "plugin-dir", global = true, value_name = "DIR")]
    pub plugin_dirs: Vec<PathBuf>,
    /// When to colour; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Color,
    /// ASCII signs instead of Unicode ones
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Say less
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more (repeatable)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl Global {
    /// The manifest's file: `--file`, `$MDD_FILE`, `mdd.yaml`; a folder means its `mdd.yaml`.
    pub fn manifest_path(&self) -> PathBuf {
        let given = self.file.clone().or_else(|| from_env("MDD_FILE")).unwrap_or_else(|| "mdd.yaml".into());
        if given.is_dir() { given.join("mdd.yaml") } else { given }
    }

    /// The history's file: `--state`, `$MDD_STATE`, `.mdd/history.db` beside the manifest.
    pub fn state_path(&self) -> PathBuf {
        self.state.clone().or_else(|| from_env("MDD_STATE")).unwrap_or_else(|| {
            self.manifest_path().parent().unwrap_or(Path::new("")).join(".mdd").join("history.db")
        })
    }

    /// The time to evaluate at: `--at`, else now.
    pub fn now(&self) -> Timestamp {
        self.at.unwrap_or_else(Timestamp::now)
    }

    /// Whether standard output gets colours.
    pub fn colored(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::io::stdout().is_terminal()
            }
        }
    }

    /// Where programs of checks are looked for.
    pub fn programs(&self) -> Programs {
        Programs::new(&self.plugin_dirs)
    }

    /// Reads the manifest.
    pub fn manifest(&self) -> Result<crate::manifest::Manifest, Error> {
        Ok(crate::manifest::load(&self.manifest_path(), &self.sets)?)
    }
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a first manifest
    Init(commands::init::Args),
    /// Check the manifest: every mistake, with its place and its fix
    Validate(commands::validate::Args),
    /// Print the JSON schema of the manifest
    Schema(commands::schema::Args),
    /// List the points
    List(commands::list::Args),
    /// Show one point of one datacenter
    Show(commands::show::Args),
    /// Run the checks of a datacenter once
    Run(commands::run::Args),
    /// Run them again and again until they are done
    Watch(commands::watch::Args),
    /// Is the datacenter done?
    Gate(commands::gate::Args),
    /// How do the datacenters stand?
    Status(commands::status::Args),
    /// Write a page for people: one file, one datacenter
    Report(commands::report::Args),
    /// Write the configuration of a monitoring engine
    Export(commands::export::Args),
    /// Run one check as a plugin: its output, its exit code; for exports with --style exec
    Exec(commands::exec::Args),
    /// What happened, from the history
    History(commands::history::Args),
    /// Read back what a monitoring engine has seen
    Pull(commands::pull::Args),
}

/// Runs the process's own command line.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os()).code())
}

/// Runs one command line; results go to standard output, errors to standard error.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    let as_plugin = nagios::is_asked_for(&args) || is_exec(&args);
    if as_plugin {
        nagios::panic_as_unknown();
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            if as_plugin && error.use_stderr() {
                let text = error.to_string();
                return unknown(text.lines().next().unwrap_or("wrong usage"));
            }
            let usage = error.use_stderr();
            return match (error.print(), usage) {
                (Err(_), _) => Exit::Failure,
                (Ok(()), true) => Exit::Usage,
                (Ok(()), false) => Exit::Done,
            };
        }
    };
    let global = &cli.global;
    let result = match &cli.command {
        Command::Init(args) => commands::init::execute(args, global),
        Command::Validate(args) => commands::validate::execute(args, global),
        Command::Schema(args) => commands::schema::execute(args, global),
        Command::List(args) => commands::list::execute(args, global),
        Command::Show(args) => commands::show::execute(args, global),
        Command::Run(args) => commands::run::execute(args, global),
        Command::Watch(args) => commands::watch::execute(args, global),
        Command::Gate(args) => commands::gate::execute(args, global),
        Command::Status(args) => commands::status::execute(args, global),
        Command::Report(args) => commands::report::execute(args, global),
        Command::Export(args) => commands::export::execute(args, global),
        Command::Exec(args) => commands::exec::execute(args, global),
        Command::History(args) => commands::history::execute(args, global),
        Command::Pull(args) => commands::pull::execute(args, global),
    };
    result.unwrap_or_else(|error| {
        if as_plugin {
            return unknown(&error.to_string());
        }
        // Standard error may be closed; the exit code still tells.
        if writeln!(std::io::stderr(), "{error}").is_err() {
            return error.exit();
        }
        error.exit()
    })
}

/// What went wrong, as a plugin says it: one line on standard output, nothing on standard error.
fn unknown(text: &str) -> Exit {
    let line = nagios::failure(text.strip_prefix("error: ").unwrap_or(text));
    match print(&line) {
        // Whoever started it reads the exit code.
        Ok(()) | Err(_) => Exit::Plugin(plugin::State::Unknown),
    }
}

/// Writes a result to standard output. A reader that has gone (`mdd list | head`) is no failure.
pub fn print(text: &str) -> Result<(), Error> {
    print_bytes(text.as_bytes())
}

/// [`print`] for what somebody else has written.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::own(format!("write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Whether the command is `mdd exec`, which an engine runs as a plugin, however wrong the rest of the line is.
fn is_exec(args: &[OsString]) -> bool {
    const VALUED: [&str; 7] = ["-f", "--file", "--state", "--at", "--set", "--plugin-dir", "--color"];
    let mut words = args.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if VALUED.contains(&word.as_ref()) {
            words.next();
        } else if !word.starts_with('-') {
            return word == "exec";
        }
    }
    false
}

fn from_env(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn parse_set(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    if name.is_empty() {
        return Err("the name before `=` is empty".into());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// A moment: RFC 3339, or a date or civil time in UTC. A date means its first instant.
pub fn parse_time(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let civil = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|date| date.at(0, 0, 0, 0)));
    let civil =
        civil.map_err(|_| "expected a time such as 2026-11-22, 2026-11-22T21:40 or 2026-11-22T21:40:00Z")?;
    civil.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|error| error.to_string())
}

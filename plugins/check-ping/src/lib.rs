//! Pings hosts and checks round-trip time, loss and jitter.

mod judge;
mod limits;
mod measure;
mod options;
mod task;

use std::ffi::OsString;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};
use plugin::{Call, Check, Dialect, Outcome, Result};

use options::{FpingLine, IcmpLine, OwnLine, PingLine};
use task::{Manner, Task};

/// The check, under any of its names. Their letters conflict, so each has a command line of its own.
#[derive(Debug, Clone)]
pub struct CheckPing(Task);

impl Check for CheckPing {
    const NAMESAKES: &'static [&'static str] =
        &["check_ping", "check_icmp", "check_host", "check_rta_multi", "check_fping"];

    const SAMPLE: &'static [&'static str] = &["-H", "127.0.0.1"];

    fn command_as(name: &str) -> Command {
        match Manner::of(name) {
            Manner::Own => OwnLine::command(),
            Manner::Ping => PingLine::command(),
            Manner::Icmp | Manner::Host | Manner::Multi => IcmpLine::command(),
            Manner::Fping => FpingLine::command(),
        }
    }

    fn from_line(name: &str, line: &ArgMatches) -> Result<CheckPing, clap::Error> {
        let manner = Manner::of(name);
        let task = match manner {
            Manner::Own => OwnLine::from_arg_matches(line)?.into(),
            Manner::Ping => PingLine::from_arg_matches(line)?.into_task()?,
            Manner::Icmp | Manner::Host | Manner::Multi => {
                IcmpLine::from_arg_matches(line)?.into_task(manner)
            }
            Manner::Fping => FpingLine::from_arg_matches(line)?.into_task()?,
        };
        Ok(CheckPing(task))
    }

    fn run(&self, call: &Call) -> Result<Outcome> {
        self.0.validate(call.dialect)?;
        let facts = measure::measure(&self.0, call)?;
        Ok(judge::judge(&self.0, &facts, call))
    }

    fn rewrite(name: &str, _dialect: Dialect, args: &mut Vec<OsString>) {
        if Manner::of(name) == Manner::Ping {
            for arg in args.iter_mut().skip(1).take_while(|arg| *arg != "--") {
                if arg == "-nohtml" {
                    *arg = "-n".into();
                }
            }
        }
    }
}

// A parser as clap knows it is the suite's own line.
impl CommandFactory for CheckPing {
    fn command() -> Command {
        OwnLine::command()
    }

    fn command_for_update() -> Command {
        OwnLine::command_for_update()
    }
}

impl FromArgMatches for CheckPing {
    fn from_arg_matches(line: &ArgMatches) -> Result<CheckPing, clap::Error> {
        OwnLine::from_arg_matches(line).map(|line| CheckPing(line.into()))
    }

    fn update_from_arg_matches(&mut self, line: &ArgMatches) -> Result<(), clap::Error> {
        *self = CheckPing::from_arg_matches(line)?;
        Ok(())
    }
}

impl clap::Parser for CheckPing {}

//! Checks the time that NTP servers tell, or the sources that a server has.

mod client;
mod control;
mod judge;
mod judge_peer;
mod options;
mod packet;
mod peer;
mod reach;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};
use plugin::{Call, Check, Outcome, Result};

use options::{OwnLine, PeerLine, Task, TimeLine};

/// The check, under any of its names: each has a command line of its own.
#[derive(Debug, Clone)]
pub struct CheckNtp(Task);

/// Whose command line a name has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Own,
    Time,
    Peer,
}

impl Line {
    fn of(name: &str) -> Line {
        match name {
            "check_ntp_time" | "check-ntp-time" => Line::Time,
            "check_ntp_peer" | "check-ntp-peer" => Line::Peer,
            _ => Line::Own,
        }
    }
}

impl Check for CheckNtp {
    const NAMESAKES: &'static [&'static str] = &["check_ntp_time", "check_ntp_peer"];
    const SAMPLE: &'static [&'static str] = &["-H", "127.0.0.1", "-p", "{ntp}"];

    fn command_as(name: &str) -> Command {
        match Line::of(name) {
            Line::Own => OwnLine::command(),
            Line::Time => TimeLine::command(),
            Line::Peer => PeerLine::command(),
        }
    }

    fn from_line(name: &str, line: &ArgMatches) -> Result<CheckNtp, clap::Error> {
        let task = match Line::of(name) {
            Line::Own => OwnLine::from_arg_matches(line)?.into(),
            Line::Time => TimeLine::from_arg_matches(line)?.into(),
            Line::Peer => PeerLine::from_arg_matches(line)?.into(),
        };
        Ok(CheckNtp(task))
    }

    fn run(&self, call: &Call) -> Result<Outcome> {
        match &self.0 {
            Task::Time(time) => {
                time.validate()?;
                let asked = client::ask_all(&time.hosts, &time.ask, &call.deadline)?;
                Ok(judge::judge(time, &asked, call))
            }
            Task::Peer(peer) => Ok(judge_peer::judge(peer, &peer::ask(peer, &call.deadline)?, call)),
        }
    }
}

// A parser as clap knows it is the suite's own line.
impl CommandFactory for CheckNtp {
    fn command() -> Command {
        OwnLine::command()
    }

    fn command_for_update() -> Command {
        OwnLine::command_for_update()
    }
}

impl FromArgMatches for CheckNtp {
    fn from_arg_matches(line: &ArgMatches) -> Result<CheckNtp, clap::Error> {
        OwnLine::from_arg_matches(line).map(|line| CheckNtp(line.into()))
    }

    fn update_from_arg_matches(&mut self, line: &ArgMatches) -> Result<(), clap::Error> {
        *self = CheckNtp::from_arg_matches(line)?;
        Ok(())
    }
}

impl clap::Parser for CheckNtp {}

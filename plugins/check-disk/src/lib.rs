//! Checks the free space of mounted file systems, dead ones included: none of them can hold up the others.

mod figures;
mod judge;
mod locate;
mod measure;
mod options;
mod select;
mod space;

use std::ffi::OsString;

use host::RootArgs;
use host::mounts::Mounts;
use plugin::{Call, Check, Outcome, Reason, Result, State};

use options::{SizeUnit, Steps};

/// Checks the free space of mounted file systems
///
/// Thresholds count for the paths, regular expressions and groups that follow them. Without any of those, every mounted
/// file system is checked.
#[derive(Debug, clap::Parser)]
#[command(name = "check-disk")]
pub struct CheckDisk {
    #[command(flatten)]
    steps: Steps,
    /// Leave out the file system with this device or mount point; may be repeated
    #[arg(
        short = 'x',
        long = "exclude_device",
        alias = "exclude-device",
        value_name = "PATH",
        allow_hyphen_values = true
    )]
    exclude: Vec<OsString>,
    /// Leave out file systems of this type; may be repeated
    #[arg(short = 'X', long = "exclude-type", value_name = "TYPE", allow_hyphen_values = true)]
    exclude_type: Vec<String>,
    /// Check only file systems of this type; may be repeated
    #[arg(short = 'N', long = "include-type", value_name = "TYPE", allow_hyphen_values = true)]
    include_type: Vec<String>,
    /// Leave out remote file systems
    #[arg(short = 'l', long)]
    local: bool,
    /// Ask remote file systems only whether they answer
    #[arg(short = 'L', long)]
    stat_remote_fs: bool,
    /// Leave out what is in order
    #[arg(short = 'e', long, short_alias = 'q', alias = "quiet")]
    errors_only: bool,
    /// Leave blocks reserved for root out of the size in perfdata
    #[arg(short = 'f', long)]
    freespace_ignore_reserved: bool,
    /// Show inodes in perfdata
    #[arg(short = 'P', long)]
    iperfdata: bool,
    /// Show the device instead of the mount point
    #[arg(short = 'M', long)]
    mountpoint: bool,
    /// Unit of thresholds: bytes, kB, MB, GB, TB, PB or KiB to PiB, all in 1024s; default: MiB
    #[arg(short = 'u', long, value_name = "UNIT", value_parser = SizeUnit::parse, overrides_with_all = ["kilobytes", "megabytes"])]
    units: Option<SizeUnit>,
    /// Short for --units KiB
    #[arg(short = 'k', long, overrides_with_all = ["units", "megabytes"])]
    kilobytes: bool,
    /// Short for --units MiB
    #[arg(short = 'm', long, overrides_with_all = ["units", "kilobytes"])]
    megabytes: bool,
    #[command(flatten)]
    root: RootArgs,
    /// The oldest spelling: WARNING and CRITICAL above so many percent used, then a path
    #[arg(value_name = "USED_WARNING USED_CRITICAL PATH", num_args = 0..=3)]
    positional: Vec<OsString>,
}

impl Check for CheckDisk {
    const NAMESAKES: &'static [&'static str] = &["check_disk"];
    const SAMPLE: &'static [&'static str] = &["-w", "0", "-c", "0", "-p", "/"];

    fn run(&self, call: &Call) -> Result<Outcome> {
        let mounts = Mounts::read(&self.root.root)?;
        call.deadline.step("look for the paths")?;
        let locate = |path: &std::path::Path| locate::locate(path, &mounts, &self.root.root);
        let targets = select::select(self, &mounts, &locate)?;
        let facts = measure::measure(self, call, &mounts, targets)?;
        Ok(self.judge(call, &facts))
    }

    /// The namesake says CRITICAL "is not accessible" of whatever it cannot stat.
    fn c_state(reason: Reason) -> State {
        match reason {
            Reason::Permission | Reason::Stuck => State::Critical,
            reason => plugin::c_state(reason),
        }
    }

    fn answer(question: &[OsString]) -> String {
        space::answer(question)
    }
}

impl CheckDisk {
    fn unit(&self) -> SizeUnit {
        match self.units {
            Some(unit) => unit,
            None if self.kilobytes => SizeUnit::KIB,
            None => SizeUnit::MIB,
        }
    }
}

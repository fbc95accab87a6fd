//! The contract of a check plugin: states, ranges, metrics, one deadline, one exit.
//!
//! A plugin is a clap struct that implements [`Check`]: it measures, judges, and returns an [`Outcome`] or a [`Failure`].
//! The runner reads the command line, adds the options that every plugin has, prints once and exits with 0 to 3, whatever
//! happens: bad usage, a panic, a signal, a call that never returns, a closed output.
//!
//! ```no_run
//! //! Counts the entries of a folder.
//! use plugin::{Call, Check, Failure, Metric, Outcome, Range, Result, Thresholds};
//!
//! /// Counts the entries of a folder
//! #[derive(clap::Parser)]
//! #[command(name = "check-entries")]
//! struct CheckEntries {
//!     /// Folder to look into
//!     #[arg(long, value_name = "DIR")]
//!     path: std::path::PathBuf,
//!     /// WARNING when the count is outside this range
//!     #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
//!     warning: Option<Range>,
//!     /// CRITICAL when the count is outside this range
//!     #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
//!     critical: Option<Range>,
//! }
//!
//! impl Check for CheckEntries {
//!     fn run(&self, call: &Call) -> Result<Outcome> {
//!         call.deadline.step(format_args!("read {}", self.path.display()))?;
//!         let entries = std::fs::read_dir(&self.path)
//!             .map_err(|error| Failure::io(format_args!("open {}", self.path.display()), &error))?;
//!         Ok(self.judge(entries.count()))
//!     }
//! }
//!
//! impl CheckEntries {
//!     fn judge(&self, count: usize) -> Outcome {
//!         let limits = Thresholds::new(self.warning.clone(), self.critical.clone());
//!         let metric = Metric::new("entries", count as f64).thresholds(&limits).min(0.0);
//!         Outcome::new().measured(metric, format!("{}: {count} entries", self.path.display()))
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     plugin::main::<CheckEntries>()
//! }
//! ```
//!
//! The rules behind it are those of the [Monitoring Plugins guidelines](https://www.monitoring-plugins.org/doc/guidelines.html).

// musl's own allocator costs a short run a tenth of its time: it asks the kernel for little and often.
#[cfg(all(target_env = "musl", feature = "small-allocator"))]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

mod call;
mod deadline;
mod dialect;
mod extra_opts;
mod failure;
mod format;
mod helper;
mod metric;
mod options;
mod outcome;
mod range;
mod runner;
mod secret;
mod state;
pub mod text;
pub mod units;
mod watchdog;

pub use call::Call;
pub use deadline::Deadline;
pub use dialect::{Dialect, c_state};
pub use failure::{Context, Failure, Reason, Result, io_text};
pub use helper::Helper;
pub use metric::{Metric, Unit};
pub use outcome::{Finding, Outcome};
pub use range::{Range, Thresholds};
pub use runner::{Check, command, main, run};
pub use secret::{Secret, SecretArgs};
pub use state::State;

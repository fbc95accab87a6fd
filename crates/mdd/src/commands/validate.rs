//! `mdd validate`: every mistake of a manifest.

use crate::cli::Global;
use crate::exit::{Error, Exit};

/// Command line of `mdd validate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Missing `need` and `runbook` are errors
    #[arg(long)]
    pub strict: bool,
}

/// Does it.
pub fn execute(args: &Args, _global: &Global) -> Result<Exit, Error> {
    Err(Error::own(format!("{args:?}: being written")))
}

//! `mdd history`: what happened.

use crate::cli::Global;
use crate::exit::{Error, Exit};

/// Command line of `mdd history`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Datacenter, or one point of it
    #[arg(value_name = "DC[/POINT]")]
    pub what: Option<String>,
}

/// Does it.
pub fn execute(args: &Args, _global: &Global) -> Result<Exit, Error> {
    Err(Error::own(format!("{args:?}: being written")))
}

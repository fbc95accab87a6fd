//! `mdd watch`: the checks, again and again.

use crate::cli::Global;
use crate::exit::{Error, Exit};

/// Command line of `mdd watch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Datacenter
    #[arg(value_name = "DC")]
    pub dc: String,
    /// Which points: group:dns owner:netops !severity:minor
    #[arg(value_name = "SELECT")]
    pub select: Vec<String>,
}

/// Does it.
pub fn execute(args: &Args, _global: &Global) -> Result<Exit, Error> {
    Err(Error::own(format!("{args:?}: being written")))
}

//! `mdd show`: one point.

use crate::cli::Global;
use crate::exit::{Error, Exit};

/// Command line of `mdd show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which one
    #[arg(value_name = "DC/POINT")]
    pub point: String,
}

/// Does it.
pub fn execute(args: &Args, _global: &Global) -> Result<Exit, Error> {
    Err(Error::own(format!("{args:?}: being written")))
}

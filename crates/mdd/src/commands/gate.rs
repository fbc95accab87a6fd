//! `mdd gate`: is the datacenter done?

use crate::cli::Global;
use crate::exit::{Error, Exit};

/// Command line of `mdd gate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Datacenter
    #[arg(value_name = "DC")]
    pub dc: String,
}

/// Does it.
pub fn execute(args: &Args, _global: &Global) -> Result<Exit, Error> {
    Err(Error::own(format!("{args:?}: being written")))
}

//! `mdd schema`: the JSON schema of the manifest.

use crate::cli::Global;
use crate::exit::{Error, Exit};

/// Command line of `mdd schema`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Does it.
pub fn execute(args: &Args, _global: &Global) -> Result<Exit, Error> {
    Err(Error::own(format!("{args:?}: being written")))
}

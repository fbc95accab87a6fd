//! `mdd init`: a first manifest.

use crate::cli::Global;
use crate::exit::{Error, Exit};

/// Command line of `mdd init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to write into
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: std::path::PathBuf,
}

/// Does it.
pub fn execute(args: &Args, _global: &Global) -> Result<Exit, Error> {
    Err(Error::own(format!("{args:?}: being written")))
}

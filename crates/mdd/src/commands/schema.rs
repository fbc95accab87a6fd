//! `mdd schema`: the JSON schema of the manifest, for editors and reviews.

use crate::cli::{Global, print};
use crate::exit::{Error, Exit};
use crate::manifest::schema;

/// Command line of `mdd schema`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Does it.
pub fn execute(_args: &Args, _global: &Global) -> Result<Exit, Error> {
    print(&format!("{:#}\n", schema::manifest()))?;
    Ok(Exit::Done)
}

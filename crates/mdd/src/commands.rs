//! The commands, one file each: `Args` is its command line, `execute` does it.

pub mod context;
mod deliver;
pub mod exec;
pub mod export;
pub mod gate;
pub mod history;
pub mod init;
pub mod list;
pub mod pull;
pub mod report;
pub mod run;
pub mod schema;
pub mod show;
pub mod status;
pub mod validate;
pub mod watch;

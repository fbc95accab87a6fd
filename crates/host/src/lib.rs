//! Facts of this machine from /proc and /sys, every reader under a [`Root`].
//!
//! What cannot be read or understood is UNKNOWN, never CRITICAL: it says nothing about the machine. So every failure of
//! this crate has [`plugin::Reason::Permission`], [`plugin::Reason::Stuck`] or [`plugin::Reason::Internal`], and names
//! its file.

pub mod cgroup;
pub mod load;
pub mod memory;
pub mod mounts;
pub mod processes;
mod root;
pub mod users;

pub use root::{Root, RootArgs, read_small, step};

//! Facts of this machine from /proc and /sys, every reader under a [`Root`].
//!
//! What cannot be read or understood is UNKNOWN, never CRITICAL: it says nothing about the machine. So every failure of
//! this crate has [`plugin::Reason::Permission`] or [`plugin::Reason::Internal`], and names its file.

pub mod mounts;
mod root;

pub use root::{Root, RootArgs, read_small};

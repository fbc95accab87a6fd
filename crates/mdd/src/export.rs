//! A manifest as the configuration of a monitoring engine: the same argument lists, written the way each engine reads them.

pub mod encode;

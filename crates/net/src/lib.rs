//! Names, addresses and connections, each call under the run's deadline.

pub mod family;
pub mod resolve;

pub use family::Family;

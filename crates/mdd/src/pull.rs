//! Results that come back from a monitoring engine.
//!
//! Each engine has a reader: a pure function `read` from one document (an answer of its API, a saved one, its status
//! file) to a [`Haul`] of [`Sighting`]s, one for each check that the engine has, ours or not; and, where it has an API, a
//! function that fetches them. [`judge`] makes a result of a sighting, or says why it is none: no reader decides what counts.
//!
//! A new engine needs a name in [`Kind`], its reader, and its lines in [`engine_output`].

pub mod client;
pub mod document;
pub mod engine_output;
pub mod icinga2;
pub mod nagios;
pub mod own;
pub mod rules;
pub mod same;
pub mod sensu_classic;
pub mod sensu_go;
pub mod sighting;

pub use rules::{Ignored, Pulled, judge};
pub use sighting::{Haul, Kind, Labels, Runs, Said, Sighting, Source};

//! What every plugin in the catalogue has to do, under its own name and under those of its namesakes.
//!
//! A new plugin is held to all of it as soon as it stands in the catalogue; it brings a command line that is OK on any
//! host ([`plugin::Check::SAMPLE`]) and nothing else.

mod ends;
mod formats;
mod grammar;
mod lint;
mod multicall;
mod options;
mod output;
mod world;

//! `mdd status` and the page, on three weeks of an invented past of the reference manifest.

mod browser;
mod document;
mod foreign;
mod past;
mod status;

//! What people and programs read: text for terminals and logs, JSON.

pub mod alerts;
pub mod formats;
pub mod gate;
pub mod history;
pub mod json;
pub mod pull;
pub mod run;
pub mod status;
pub mod style;
pub mod ticket;
pub mod watch;
pub mod words;

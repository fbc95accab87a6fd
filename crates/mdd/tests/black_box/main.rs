//! The program itself, as a user runs it: real checks, real sockets, real signals.

mod alerts;
mod exec;
mod export;
mod formats;
mod gate;
mod harness;
mod history;
mod run;
mod screen;
mod show;
mod watch;

//! The program itself, as a user runs it: real checks, real sockets, real signals.

mod gate;
mod harness;
mod history;
mod run;
mod watch;

//! `mdd pull`: a dead agent never passes a gate, what is kept and shown, and the live API.

mod dead_agent;
#[path = "../black_box/harness.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod harness;
mod icinga2;
mod kept;
mod live;
mod nagios;
mod own;
mod sensu;

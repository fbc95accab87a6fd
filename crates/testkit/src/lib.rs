//! What the tests share: programs run under a bound, real servers on free ports, peers that misbehave, perfdata.
//!
//! Everything here panics with the reason when it cannot do its work: a test that cannot start has failed.

pub mod agents;
mod fixture;
mod misbehave;
mod netns;
pub mod ntp;
mod perfdata;
pub mod pki;
mod port;
mod programs;
mod run;
mod server;
mod servers;
mod udp;

pub use fixture::Fixture;
pub use misbehave::Peer;
pub use netns::Netns;
pub use perfdata::perfdata;
pub use port::free_port;
pub use programs::{TempAlias, alias, example, plugin};
pub use run::{Ran, Run, run};
pub use server::{Server, poll_until};
pub use servers::{chronyd, nginx, nginx_with, sshd, tinyproxy, unbound};
pub use udp::UdpPeer;

//! TLS for probes: a handshake under a deadline that tells everything it saw, trusted or not.
//!
//! A handshake goes on when verification fails, so that a check can say *what* is wrong with *which* certificate; the
//! verdict stands in [`Session::trust`]. Nothing is sent over a connection whose verdict a check has not looked at:
//! [`connect`] turns a bad verdict into a failure, [`inspect`] hands it over.

mod ber;
mod certificate;
mod expiry;
mod facts;
mod handshake;
mod offers;
mod options;
mod roots;
pub mod starttls;
mod trust;

pub use certificate::{Certificate, Key, date, now};
pub use expiry::Days;
pub use handshake::{Judge, Session, TlsStream, connect, failed, inspect, open, prepare};
pub use offers::accepts;
pub use options::{TlsArgs, TlsOptions, Verify, Version};
pub use starttls::StartTls;
pub use trust::Distrust;

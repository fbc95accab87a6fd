//! Names, addresses and connections, each call under the run's deadline.
//!
//! ```no_run
//! use net::{Dialogue, Family, Target};
//!
//! fn greeting(deadline: &plugin::Deadline) -> plugin::Result<String> {
//!     let target = Target::new("mail.example.net", Some(25))?;
//!     let mut conn = target.resolve(Family::Any, deadline)?.connect(deadline)?;
//!     let mut talk = Dialogue::new(&mut conn);
//!     let greeting = talk.line()?;
//!     talk.send(b"QUIT\r\n")?;
//!     Ok(greeting)
//! }
//! ```

mod conn;
mod connect;
mod dialogue;
pub mod family;
pub mod icmp;
pub mod resolve;
mod target;

pub use conn::{Conn, Socket, Stream};
pub use connect::Attempt;
pub use dialogue::{Answer, Dialogue, End, Expect, Place};
pub use family::Family;
pub use target::{Endpoint, Target};

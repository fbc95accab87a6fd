//! HTTP for monitoring: a prober that shows every part of one request, and a client for services' APIs.
//!
//! The prober is hyper over a connection of our own: it knows the phases, every hop's certificate, the PROXY protocol, an SNI
//! that differs from the Host, HTTP/1.0. A plain `http://` request initialises no TLS.
//!
//! ```no_run
//! use http::{Request, probe};
//!
//! fn status(deadline: &plugin::Deadline) -> plugin::Result<u16> {
//!     let hop = probe(&Request::get("https://www.example.net/health")?, deadline);
//!     Ok(hop.answer?.status)
//! }
//! ```

mod api;
mod body;
mod cookies;
pub mod date;
mod dial;
mod head;
mod prober;
mod proxy;
mod redirect;
mod request;
mod response;
mod wire;

pub use api::{Api, Call, Reply};
pub use cookies::Jar;
pub use prober::{handshake, probe};
pub use proxy::{Proxies, Proxy};
pub use redirect::{Redirects, Stick, Stop, StopKind, Walk, walk};
pub use request::{BODY_LIMIT, Header, ProxyProtocol, Request, Route, Version, basic, without_login};
pub use response::{Hop, Phases, Response};
pub use url::Url;

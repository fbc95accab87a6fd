//! HTTP for monitoring: a prober that shows every part of one request, and a client for services' APIs.
//!
//! The prober is hyper over a connection of our own: it knows the phases, every hop's certificate, the PROXY protocol, an SNI
//! that differs from the Host, HTTP/1.0. A plain `http://` request initialises no TLS.

mod api;
mod body;
mod dial;
mod prober;
mod redirect;
mod request;
mod response;
mod wire;

pub use api::Api;
pub use dial::basic;
pub use prober::probe;
pub use redirect::{Hop, Stick, follow};
pub use request::{BODY_LIMIT, Proxy, ProxyProtocol, Request, Route, Version, without_login};
pub use response::{Phases, Response};
pub use url::Url;

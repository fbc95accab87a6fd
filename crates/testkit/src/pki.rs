//! Throw-away certificate authorities and the certificates they issue: the crate `pki`.

pub use ::pki::*;

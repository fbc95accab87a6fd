//! Which versions of the protocol a server takes part in.

use net::Conn;
use plugin::{Reason, Result};

use crate::{TlsOptions, Verify, Version, handshake};

/// Whether the server makes a handshake of this version, and of no other.
///
/// The client offers what OpenSSL has for it, down to security level 0: what is asked is what the server would take, not
/// what a client should. A refusal and a connection closed in mid-handshake are a no. Whether there is a server at all, a
/// handshake of any version has to show before.
///
/// Errors where it could not be told: with [`Reason::TimedOut`] when the server fell silent, for example.
pub fn accepts(conn: Conn, host: &str, version: Version, options: &TlsOptions) -> Result<bool> {
    let options = TlsOptions {
        verify: Verify::Nothing,
        min_version: Some(version),
        max_version: Some(version),
        legacy: true,
        ..options.clone()
    };
    match handshake::open(conn, host, &options) {
        Ok(stream) => {
            stream.close();
            Ok(true)
        }
        Err(failure) if matches!(failure.reason, Reason::TlsHandshake | Reason::Closed) => Ok(false),
        Err(failure) => Err(failure),
    }
}

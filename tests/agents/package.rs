//! The Debian package, installed in a scratch root.

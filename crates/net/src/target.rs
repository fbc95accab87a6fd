//! What to connect to, and the addresses that it resolves to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use plugin::{Deadline, Failure, Reason, Result};

use crate::{Family, resolve};

/// What to connect to: a port of a host, or a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A host name or an address literal, and a port.
    Host {
        /// As given, without the brackets of an IPv6 literal.
        name: String,
        /// 1 to 65535.
        port: u16,
    },
    /// The path of a Unix stream socket.
    Unix(PathBuf),
}

impl Target {
    /// Reads what the C plugins take for a host: a name, an address (`10.0.0.5`, `::1`, `[::1]`, `fe80::1%eth0`), or the
    /// absolute path of a Unix socket, which needs no port.
    ///
    /// Errors with [`Reason::Usage`] when it is empty or lacks a port.
    pub fn new(host: &str, port: Option<u16>) -> Result<Target> {
        if host.starts_with('/') {
            return Ok(Target::Unix(host.into()));
        }
        let name = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if name.is_empty() {
            return Err(Failure::new(Reason::Usage, "the host name is empty"));
        }
        match port {
            Some(port) if port > 0 => Ok(Target::Host { name: name.to_owned(), port }),
            _ => Err(Failure::new(Reason::Usage, format!("{name}: no port given"))),
        }
    }

    /// Looks its name up, if it has one.
    pub fn resolve(&self, family: Family, deadline: &Deadline) -> Result<Endpoint> {
        let (addresses, lookup, details) = match self {
            Target::Unix(_) => (Vec::new(), Duration::ZERO, Vec::new()),
            Target::Host { name, port } => {
                let lookup = resolve::lookup(name, family, deadline)?;
                (lookup.sockets(*port), lookup.took, lookup.details)
            }
        };
        Ok(Endpoint { target: self.clone(), addresses, lookup, details })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Host { name, port } if name.contains(':') => write!(f, "[{name}]:{port}"),
            Target::Host { name, port } => write!(f, "{name}:{port}"),
            Target::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A target with its addresses, ready to be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What was asked for.
    pub target: Target,
    /// Where it is, in the order in which they are tried; empty for a Unix socket.
    pub addresses: Vec<SocketAddr>,
    /// How long the lookup took.
    pub lookup: Duration,
    /// Lines for `-v`: what went wrong on the way, and a lookup of more than a second.
    pub details: Vec<String>,
}

impl Endpoint {
    /// A target whose address is known already; its name is not looked up.
    pub fn known(target: Target, address: SocketAddr) -> Endpoint {
        Endpoint { target, addresses: vec![address], lookup: Duration::ZERO, details: Vec::new() }
    }

    /// How a message names one of its addresses: `mail.example.net:25 (10.0.0.5)`, or only the target where that is an
    /// address itself.
    pub fn at(&self, address: IpAddr) -> String {
        match &self.target {
            Target::Host { name, .. } if name.parse::<IpAddr>().is_err() && !name.contains('%') => {
                format!("{} ({address})", self.target)
            }
            target => target.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Target;
    use crate::Family;
    use plugin::{Deadline, Reason};
    use std::time::Duration;

    fn shown(host: &str, port: Option<u16>) -> Result<String, Reason> {
        Target::new(host, port).map(|target| target.to_string()).map_err(|failure| failure.reason)
    }

    #[test]
    fn hosts_addresses_paths() {
        assert_eq!(shown("mail.example.net", Some(25)), Ok("mail.example.net:25".into()));
        assert_eq!(shown("10.0.0.5", Some(25)), Ok("10.0.0.5:25".into()));
        assert_eq!(shown("::1", Some(25)), Ok("[::1]:25".into()));
        assert_eq!(shown("[::1]", Some(25)), Ok("[::1]:25".into()));
        assert_eq!(shown("/run/a.sock", None), Ok("/run/a.sock".into()));
        assert_eq!(shown("mail", None), Err(Reason::Usage));
        assert_eq!(shown("mail", Some(0)), Err(Reason::Usage));
        assert_eq!(shown("", Some(25)), Err(Reason::Usage));
        assert_eq!(shown("[]", Some(25)), Err(Reason::Usage));
    }

    #[test]
    fn a_message_names_the_address_where_it_says_more() {
        let deadline = Deadline::after(Duration::from_secs(1));
        let at = |host| {
            let endpoint =
                Target::new(host, Some(25)).and_then(|target| target.resolve(Family::Any, &deadline));
            let endpoint = endpoint.expect("a literal");
            endpoint.at(endpoint.addresses[0].ip())
        };
        assert_eq!(at("10.0.0.5"), "10.0.0.5:25");
        assert_eq!(at("127.1"), "127.1:25 (127.0.0.1)");
        assert_eq!(at("fe80::1%lo"), "[fe80::1%lo]:25");
    }

    #[test]
    fn a_path_needs_no_lookup() {
        let endpoint = Target::new("/run/a.sock", None)
            .and_then(|target| target.resolve(Family::V6, &Deadline::after(Duration::ZERO)))
            .expect("nothing to wait for");
        assert!(endpoint.addresses.is_empty());
        assert_eq!(endpoint.target, Target::Unix("/run/a.sock".into()));
    }
}

//! The addresses of a server, each with a socket.

use net::{Conn, Endpoint, Family, Target};
use plugin::{Deadline, Failure, Reason, Result};

/// A server whose name is known to have these addresses; nothing has been sent yet.
#[derive(Debug)]
pub(crate) struct Reach {
    /// For messages: `ntp.example.net:123 (10.0.0.5)`, with all its addresses.
    pub name: String,
    /// One for each address that there is a route to, in the order in which they are to be asked; never empty.
    pub conns: Vec<Conn>,
    /// Lines for `-v`.
    pub details: Vec<String>,
}

/// Looks a server up. Errors as [`Target::resolve`], and where there is no route to any of its addresses.
pub(crate) fn reach(host: &str, port: u16, family: Family, deadline: &Deadline) -> Result<Reach> {
    let target = Target::new(host, Some(port))?;
    if let Target::Unix(path) = &target {
        let message = format!("{} is a path; a time server has a name or an address", path.display());
        return Err(Failure::new(Reason::Usage, message));
    }
    let Endpoint { addresses, mut details, .. } = target.resolve(family, deadline)?;
    let (mut conns, mut failure) = (Vec::new(), None);
    for address in addresses {
        match Endpoint::known(target.clone(), address).connect_udp(deadline) {
            Ok(conn) => conns.push(conn),
            Err(error) => {
                details.push(error.message.clone());
                failure.get_or_insert(error);
            }
        }
    }
    let name = match conns.as_slice() {
        [] => {
            let nowhere = || Failure::new(Reason::Internal, format!("{target}: no address"));
            return Err(failure.unwrap_or_else(nowhere));
        }
        [conn] => conn.peer().to_owned(),
        more => format!("{target} ({} addresses)", more.len()),
    };
    Ok(Reach { name, conns, details })
}

//! Names to addresses, then the pings.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use net::icmp::{self, Heard, Means};
use net::{Family, resolve};
use plugin::{Call, Dialect, Failure, Reason, Result};

use crate::task::{Manner, Task};

/// What a run found out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub targets: Vec<Target>,
    /// None where no name could be looked up, and nothing was sent.
    pub means: Option<Means>,
    /// From one packet to the next, as it was planned.
    pub interval: Duration,
    /// From the first packet to the end.
    pub took: Duration,
    pub details: Vec<String>,
}

/// One address, or a name without one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// As it was given.
    pub name: String,
    pub state: Pinged,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Pinged {
    /// Asked at this address.
    Asked(IpAddr, Heard),
    /// Not even looked up.
    Unknown(Failure),
}

impl Target {
    /// How a message names it: `gw.example.net (10.0.0.1)`, or the address alone where that was given.
    pub fn shown(&self) -> String {
        match &self.state {
            Pinged::Asked(address, _) if !is_literal(&self.name) => format!("{} ({address})", self.name),
            _ => self.name.clone(),
        }
    }
}

fn is_literal(name: &str) -> bool {
    name.contains('%') || name.parse::<IpAddr>().is_ok()
}

/// Errors: see [`icmp::ping`]; in the C dialect also those of the lookups, which there end the run.
pub(crate) fn measure(task: &Task, call: &Call) -> Result<Facts> {
    let mut found: Vec<(String, Result<SocketAddr>)> = Vec::new();
    let mut details = Vec::new();
    for name in &task.hosts {
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        match resolve::lookup(bare, task.family, &call.deadline) {
            Ok(lookup) => {
                details.extend(lookup.details.iter().cloned());
                let most = if task.every_address { lookup.addresses.len() } else { 1 };
                for socket in lookup.sockets(0).into_iter().take(most) {
                    let double = found.iter().any(|(_, known)| known.as_ref() == Ok(&socket));
                    if double {
                        details.push(format!("{name} is {}, which is asked already", socket.ip()));
                    } else {
                        found.push((name.clone(), Ok(socket)));
                    }
                }
            }
            Err(failure) if call.dialect == Dialect::Own && task.hosts.len() > 1 => {
                found.push((name.clone(), Err(failure)));
            }
            Err(failure) => return Err(failure),
        }
    }
    let addresses: Vec<SocketAddr> = found.iter().filter_map(|(_, socket)| socket.clone().ok()).collect();
    let mut facts = Facts {
        targets: Vec::new(),
        means: None,
        interval: task.interval.time(),
        took: Duration::ZERO,
        details,
    };
    let mut heard = Vec::new();
    if !addresses.is_empty() {
        let mut plan = task.plan(call.deadline.left())?;
        plan.source = source(task, &addresses, call)?;
        facts.interval = plan.interval;
        let started = Instant::now();
        let echoes = icmp::ping(&addresses, &plan, &call.deadline)?;
        facts.took = started.elapsed();
        facts.means = Some(echoes.means);
        heard = echoes.hosts;
    }
    let mut heard = heard.into_iter();
    for (name, socket) in found {
        let state = match socket {
            Ok(socket) => Pinged::Asked(socket.ip(), heard.next().unwrap_or_default()),
            Err(failure) => Pinged::Unknown(failure),
        };
        facts.targets.push(Target { name, state });
    }
    Ok(facts)
}

/// The address to send from. It has to be of the hosts' family, or it would be passed over for some.
fn source(task: &Task, hosts: &[SocketAddr], call: &Call) -> Result<Option<IpAddr>> {
    let Some(source) = &task.source else { return Ok(None) };
    let v6 = hosts.iter().any(SocketAddr::is_ipv6);
    let address = match source.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) if task.manner == Manner::Fping => {
            let family = if v6 { Family::V6 } else { Family::V4 };
            resolve::lookup(source, family, &call.deadline)?.addresses[0]
        }
        Err(_) => icmp::address_of_interface(source, v6)?,
    };
    if let Some(host) = hosts.iter().find(|host| host.is_ipv6() != address.is_ipv6()) {
        let message = format!("{} cannot be asked from {address}: one is IPv4, one IPv6", host.ip());
        return Err(Failure::new(Reason::Usage, message));
    }
    Ok(Some(address))
}

#[cfg(test)]
mod tests {
    use super::{measure, source};
    use crate::options::OwnLine;
    use crate::task::Task;
    use clap::Parser as _;
    use plugin::{Call, Deadline, Reason};
    use std::net::SocketAddr;
    use std::time::Duration;

    fn task(args: &[&str]) -> Task {
        OwnLine::try_parse_from([&["check-ping"], args].concat()).expect("readable").into()
    }

    fn call() -> Call {
        Call::own("check-ping", Deadline::after(Duration::from_secs(5)))
    }

    #[test]
    fn a_source_is_an_address_or_an_interface() {
        let hosts: Vec<SocketAddr> = vec![([127, 0, 0, 1], 0).into()];
        let of = |text: &str| source(&task(&["-H", "a", "-S", text]), &hosts, &call());
        assert_eq!(of("127.0.0.9"), Ok("127.0.0.9".parse().ok()));
        assert_eq!(of("lo"), Ok("127.0.0.1".parse().ok()));
        assert_eq!(of("::1").map_err(|failure| failure.reason), Err(Reason::Usage));
        let failure = of("nosuch0").expect_err("no interface");
        assert_eq!(failure.message, "nosuch0 is neither an address nor an interface of this host");
    }

    #[test]
    fn the_only_name_has_to_be_known() {
        let failure = measure(&task(&["-H", "::1", "-4"]), &call()).expect_err("another family");
        assert_eq!(failure.reason, Reason::NameNotFound);
    }
}

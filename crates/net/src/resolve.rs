//! Names to addresses, as an application on this host would see them: `docs/names.md`.

mod dns;
mod hosts;
mod literal;
mod nsswitch;
mod order;
mod resolv_conf;

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hickory_resolver::proto::rr::{Name, RecordType};
use plugin::{Context as _, Deadline, Failure, Reason, Result, units};

pub use self::resolv_conf::ResolvConf;

use self::dns::Answer;
use self::nsswitch::Status;
use crate::Family;

/// Most bytes read of one of the files; a hosts file of a block list has a few million.
const MOST_BYTES: u64 = 16 << 20;
/// A lookup that takes longer is worth a line with `-v`.
const SLOW: Duration = Duration::from_secs(1);

/// What a name resolved to.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// Addresses in the order in which they are to be tried; never empty.
    pub addresses: Vec<IpAddr>,
    /// How long it took.
    pub took: Duration,
    /// Index of the interface that a link-local address belongs to (`fe80::1%eth0`); zero without one.
    pub zone: u32,
    /// Lines for `-v`: servers that did not answer, and a lookup that took longer than a second.
    pub details: Vec<String>,
}

impl Lookup {
    /// The addresses with a port, and with the zone where one is needed.
    pub fn sockets(&self, port: u16) -> Vec<SocketAddr> {
        let socket = |address: &IpAddr| match address {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => SocketAddrV6::new(*v6, port, 0, self.zone).into(),
            address => SocketAddr::new(*address, port),
        };
        self.addresses.iter().map(socket).collect()
    }
}

/// Resolves a host name or an address literal with this host's own files.
///
/// Errors: [`Reason::NameNotFound`], [`Reason::ResolverFailed`], [`Reason::ResolverSilent`] (also where the deadline cut
/// the wait for a server), [`Reason::TimedOut`] where the deadline had passed before any was asked.
pub fn lookup(name: &str, family: Family, deadline: &Deadline) -> Result<Lookup> {
    Resolver::system().lookup(name, family, deadline)
}

/// The files and settings that decide what a name means on this host.
#[derive(Debug, Clone)]
pub struct Resolver {
    /// `hosts(5)`.
    pub hosts: PathBuf,
    /// `resolv.conf(5)`.
    pub resolv_conf: PathBuf,
    /// `nsswitch.conf(5)`.
    pub nsswitch: PathBuf,
    /// The environment's `LOCALDOMAIN`.
    pub local_domain: Option<String>,
    /// The environment's `RES_OPTIONS`.
    pub res_options: Option<String>,
    /// This host's name, whose domain is the search list where nothing else names one.
    pub host_name: String,
    /// Where servers listen.
    pub port: u16,
}

impl Resolver {
    /// This host's: `/etc` and the environment.
    pub fn system() -> Resolver {
        Resolver {
            hosts: "/etc/hosts".into(),
            resolv_conf: "/etc/resolv.conf".into(),
            nsswitch: "/etc/nsswitch.conf".into(),
            local_domain: std::env::var("LOCALDOMAIN").ok(),
            res_options: std::env::var("RES_OPTIONS").ok(),
            host_name: nix::unistd::gethostname()
                .ok()
                .and_then(|name| name.into_string().ok())
                .unwrap_or_default(),
            port: 53,
        }
    }

    /// `resolv.conf` with the environment's changes. A file that cannot be read is an empty one, as for glibc.
    pub fn resolv_conf(&self) -> ResolvConf {
        ResolvConf::parse(
            &read(&self.resolv_conf).unwrap_or_default(),
            self.local_domain.as_deref(),
            self.res_options.as_deref(),
            &self.host_name,
            self.port,
        )
    }

    /// Resolves a host name or an address literal; [`lookup`] says how it fails.
    pub fn lookup(&self, name: &str, family: Family, deadline: &Deadline) -> Result<Lookup> {
        if let Some((address, zone)) = literal::parse(name) {
            if !family.allows(address) {
                let wanted = if address.is_ipv4() { "IPv6" } else { "IPv4" };
                return Err(Failure::new(Reason::NameNotFound, format!("{name} is no {wanted} address")));
            }
            return Ok(Lookup { addresses: vec![address], took: Duration::ZERO, zone, details: Vec::new() });
        }
        let started = deadline.elapsed();
        let mut asked = self.ask_sources(name, family, deadline)?;
        order::sort(&mut asked.addresses, |address| order::routable(address, asked.zone));
        let took = deadline.elapsed().saturating_sub(started);
        let mut details = asked.details;
        if took > SLOW {
            details.push(format!("the lookup of {name} took {}", units::show_seconds(took.as_secs_f64())));
        }
        Ok(Lookup { addresses: asked.addresses, took, zone: asked.zone, details })
    }

    fn ask_sources(&self, name: &str, family: Family, deadline: &Deadline) -> Result<Found> {
        let mut failure = None;
        let mut not_served = Vec::new();
        let mut details = Vec::new();
        for source in nsswitch::sources(&read(&self.nsswitch).unwrap_or_default()) {
            let status = match source.name.as_str() {
                "files" => match self.ask_files(name, family) {
                    Ok(found) => return Ok(found),
                    Err(status) => status,
                },
                "dns" => match self.ask_dns(name, family, deadline, &mut details) {
                    Ok(addresses) => return Ok(Found { addresses, zone: 0, details }),
                    Err(problem) => {
                        let status = match problem.reason {
                            Reason::NameNotFound => Status::NotFound,
                            _ => Status::TryAgain,
                        };
                        failure = Some(problem);
                        status
                    }
                },
                _ => {
                    // Passed over with its brackets: its answer is not known.
                    not_served.push(source.name);
                    continue;
                }
            };
            if source.ends_with(status) {
                break;
            }
        }
        let mut failure = failure.unwrap_or_else(|| {
            Failure::new(Reason::NameNotFound, format!("look up {name}: not in the hosts file"))
        });
        if failure.reason == Reason::NameNotFound && !not_served.is_empty() {
            failure.message = format!("{}; not asked: {}", failure.message, not_served.join(", "));
        }
        Err(failure)
    }

    fn ask_files(&self, name: &str, family: Family) -> std::result::Result<Found, Status> {
        let text = read(&self.hosts);
        let (mut addresses, zone) = text.as_deref().map(|text| hosts::find(text, name)).unwrap_or_default();
        if addresses.is_empty() && is_localhost(name) {
            // RFC 6761, section 6.3: these names are this host, and no server is asked.
            addresses = vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
        }
        addresses.retain(|address| family.allows(*address));
        match (addresses.is_empty(), text) {
            (false, _) => Ok(Found { addresses, zone, details: Vec::new() }),
            (true, Some(_)) => Err(Status::NotFound),
            (true, None) => Err(Status::Unavailable),
        }
    }

    fn ask_dns(
        &self,
        name: &str,
        family: Family,
        deadline: &Deadline,
        details: &mut Vec<String>,
    ) -> Result<Vec<IpAddr>> {
        let conf = self.resolv_conf();
        let types: &[RecordType] = match family {
            Family::V4 => &[RecordType::A],
            Family::V6 => &[RecordType::AAAA],
            Family::Any if conf.no_aaaa => &[RecordType::A],
            Family::Any => &[RecordType::A, RecordType::AAAA],
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .because(Reason::Internal, "start the resolver")?;
        let names = conf.names(name);
        let mut outcome = Failure::new(Reason::NameNotFound, format!("look up {name}: no such name"));
        let mut certain = false;
        for (index, full) in names.iter().enumerate() {
            let as_it_is = full == name || names.len() == 1;
            let Some(query) = query(full) else { continue };
            let round = Round { name, conf: &conf, deadline, types };
            let failure = match runtime.block_on(round.ask(&query, details))? {
                Ok(addresses) => return Ok(addresses),
                Err(failure) => failure,
            };
            let ends = matches!(failure.reason, Reason::ResolverSilent)
                && !(as_it_is && index == 0 && names.len() > 1);
            // The answer for the name as it was given says most; without one, the last.
            if as_it_is || !certain {
                certain = as_it_is;
                outcome = failure;
            }
            if ends || deadline.left().is_zero() {
                break;
            }
        }
        Err(outcome)
    }
}

struct Found {
    addresses: Vec<IpAddr>,
    zone: u32,
    details: Vec<String>,
}

/// One name of the search list, through the servers.
struct Round<'a> {
    /// As it was given, for messages.
    name: &'a str,
    conf: &'a ResolvConf,
    deadline: &'a Deadline,
    types: &'a [RecordType],
}

impl Round<'_> {
    async fn ask(&self, query: &Name, details: &mut Vec<String>) -> Result<Result<Vec<IpAddr>>> {
        let name = self.name;
        // Not the name's own fault as long as a server may still know it.
        let mut failed = None;
        let mut silent = Vec::new();
        let start = self.deadline.elapsed();
        for (server, wait) in self.conf.tries(random_start()) {
            let shown = server_text(server);
            let left = match self.deadline.step(format_args!("look up {name} at {shown}")) {
                Ok(left) => left,
                // Somebody was asked before, and that is what there is to say.
                Err(_) if !silent.is_empty() => break,
                Err(passed) => return Err(passed),
            };
            let wait = wait.min(left);
            match dns::ask(server, query, self.types, wait, self.conf).await? {
                Answer::Found(addresses) => return Ok(Ok(addresses)),
                Answer::NoName => {
                    let message = format!("look up {name}: no such name, says {shown}");
                    return Ok(Err(Failure::new(Reason::NameNotFound, message)));
                }
                Answer::NoAddress => {
                    let wanted = match self.types {
                        [RecordType::A] => "IPv4 address",
                        [RecordType::AAAA] => "IPv6 address",
                        _ => "address",
                    };
                    let message = format!("look up {name}: no {wanted}, says {shown}");
                    return Ok(Err(Failure::new(Reason::NameNotFound, message)));
                }
                Answer::Failed(what) => {
                    details.push(format!("look up {query}: {shown} says {what}"));
                    failed = Some(format!("look up {name}: {shown} says {what}"));
                }
                Answer::Silent => {
                    let wait = units::show_seconds(wait.as_secs_f64());
                    details.push(format!("look up {query}: no answer from {shown} within {wait}"));
                    remember(&mut silent, shown);
                }
                Answer::Unreachable(what) => {
                    details.push(format!("look up {query}: {shown}: {what}"));
                    remember(&mut silent, format!("{shown} ({what})"));
                }
            }
        }
        if let Some(message) = failed {
            return Ok(Err(Failure::new(Reason::ResolverFailed, message)));
        }
        let after = units::show_seconds(self.deadline.elapsed().saturating_sub(start).as_secs_f64());
        let message = format!("look up {name}: no answer from {} after {after}", silent.join(", "));
        Ok(Err(Failure::new(Reason::ResolverSilent, message)))
    }
}

/// A complete name; none where no server could know it.
fn query(name: &str) -> Option<Name> {
    // IDNA refuses labels that DNS takes, such as `_sip`: for ASCII it is not needed.
    let parsed = if name.is_ascii() { Name::from_ascii(name) } else { Name::from_utf8(name) };
    let mut query = parsed.ok()?;
    query.set_fqdn(true);
    Some(query)
}

fn remember(list: &mut Vec<String>, item: String) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn server_text(server: SocketAddr) -> String {
    if server.port() == 53 { server.ip().to_string() } else { server.to_string() }
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

// Only where to begin with `options rotate`: spreads the load, hides nothing.
fn random_start() -> usize {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.subsec_micros() as usize
}

fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;

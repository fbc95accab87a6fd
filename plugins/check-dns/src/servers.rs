//! Which servers are asked, and in which order.

use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};
use net::Family;
use net::resolve::{self, ResolvConf, Resolver};
use plugin::{Deadline, Failure, Reason, Result, units};

use crate::exchange::{Answer, exchange, shown};
use crate::question::message;

/// Most addresses of one server's name that are tried.
const MOST_ADDRESSES: usize = 3;

/// The servers of a run.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    /// With their waits, attempts and search list: those of `resolv.conf`, also for a server named on the command line.
    pub conf: ResolvConf,
    /// As it was given; none where `resolv.conf` names the servers.
    pub given: Option<String>,
    /// Lines for `-v` about finding it.
    pub details: Vec<String>,
}

impl Servers {
    /// Finds them: resolves the name given, or reads `resolv.conf`.
    pub(crate) fn find(
        given: Option<&str>,
        port: u16,
        family: Family,
        deadline: &Deadline,
    ) -> Result<Servers> {
        let mut conf = Resolver { port, ..Resolver::system() }.resolv_conf();
        let Some(name) = given else {
            conf.servers.retain(|server| family.allows(server.ip()));
            if conf.servers.is_empty() {
                let message = "resolv.conf names no server of the family asked for";
                return Err(Failure::new(Reason::Missing, message));
            }
            return Ok(Servers { conf, given: None, details: Vec::new() });
        };
        let lookup = resolve::lookup(name, family, deadline)?;
        conf.servers = lookup.sockets(port);
        conf.servers.truncate(MOST_ADDRESSES);
        conf.rotate = false;
        Ok(Servers { conf, given: Some(name.to_owned()), details: lookup.details })
    }

    /// A server in messages: as it was given, its address behind a name, its port unless it is 53.
    pub(crate) fn text(&self, server: SocketAddr) -> String {
        match &self.given {
            Some(name) if name.parse::<IpAddr>().is_err() => format!("{name} ({})", shown(server)),
            _ => shown(server),
        }
    }

    /// Asks one server after the other until one has an answer, as an application's resolver does.
    ///
    /// An answer with an error code (SERVFAIL, REFUSED, NOTIMP, FORMERR) counts only if no other server has a better one.
    pub(crate) fn ask(
        &self,
        ask: &Ask,
        deadline: &Deadline,
        details: &mut Vec<String>,
    ) -> Result<(SocketAddr, Answer)> {
        let query = message(ask.name, ask.kind, ask.dnssec);
        let mut finished: Vec<SocketAddr> = Vec::new();
        let mut refused = None;
        let mut failure: Option<Failure> = None;
        let started = deadline.elapsed();
        for (server, wait) in self.conf.tries(0) {
            if finished.contains(&server) {
                continue;
            }
            let left = match deadline.step(format_args!("ask {} for {}", shown(server), ask.what)) {
                Ok(left) => left,
                Err(passed) => {
                    failure = failure.or(Some(passed));
                    break;
                }
            };
            match exchange(server, &query, ask.tcp, wait.min(left), &ask.what) {
                Ok(answer) if !is_error(answer.message.response_code) => return Ok((server, answer)),
                Ok(answer) => {
                    let code = code_word(answer.message.response_code);
                    details.push(format!("{} answers {} with {code}", shown(server), ask.what));
                    finished.push(server);
                    refused = Some((server, answer));
                }
                Err(problem) => {
                    details.push(problem.message.clone());
                    if problem.reason != Reason::TimedOut {
                        finished.push(server);
                    }
                    failure = Some(problem);
                }
            }
        }
        if let Some(answer) = refused {
            return Ok(answer);
        }
        let failure =
            failure.unwrap_or_else(|| Failure::new(Reason::TimedOut, "resolv.conf allows no attempt"));
        if failure.reason != Reason::TimedOut {
            return Err(failure);
        }
        let servers: Vec<String> = self.conf.servers.iter().map(|server| shown(*server)).collect();
        let took = units::show_seconds(deadline.elapsed().saturating_sub(started).as_secs_f64());
        let reason = if self.given.is_some() { Reason::TimedOut } else { Reason::ResolverSilent };
        Err(Failure::new(
            reason,
            format!("ask {} for {}: no answer within {took}", servers.join(", "), ask.what),
        ))
    }
}

/// One question, and how to put it.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub name: &'a Name,
    pub kind: RecordType,
    pub dnssec: bool,
    pub tcp: bool,
    /// For messages: `www.example A`.
    pub what: String,
}

/// Whether another server may know better.
pub(crate) fn is_error(code: ResponseCode) -> bool {
    !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain)
}

/// The mnemonic of RFC 6895, as `dig` shows it.
pub(crate) fn code_word(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".into(),
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::NXDomain => "NXDOMAIN".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        ResponseCode::Refused => "REFUSED".into(),
        ResponseCode::NotAuth => "NOTAUTH".into(),
        ResponseCode::BADVERS => "BADVERS".into(),
        other => format!("RCODE{}", u16::from(other)),
    }
}

//! What a server shows: one handshake in full, and one more for each version that is asked about.

use std::time::{Duration, Instant};

use net::{Conn, Endpoint, Target};
use plugin::{Call, Failure, Result, units};
use tls::{Session, StartTls, TlsOptions, Verify, Version};

use crate::options::CheckTls;

/// What a run found out of a server.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub target: String,
    /// The target, with the address that answered.
    pub peer: String,
    pub addresses: Vec<String>,
    pub address: Option<String>,
    /// How long each step took, in the order in which they were taken.
    pub phases: Vec<(&'static str, Duration)>,
    pub session: Option<Session>,
    pub versions: Vec<Asked>,
    pub failure: Option<Failure>,
    /// From the start to the end of the handshake.
    pub time: Duration,
    pub details: Vec<String>,
    /// Seconds since 1970.
    pub now: i64,
}

/// A version that the server was asked about.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub version: Version,
    /// Whether it has to be accepted; else it must not be.
    pub wanted: bool,
    pub accepted: Result<bool>,
}

/// How to come to a handshake with the server.
struct Way {
    endpoint: Endpoint,
    host: String,
    starttls: Option<StartTls>,
    options: TlsOptions,
}

/// Errors with [`plugin::Reason::Usage`] only; what the server does is a fact.
pub(crate) fn measure(check: &CheckTls, call: &Call) -> Result<Facts> {
    let host = check.host.as_deref().unwrap_or_default();
    let port = check.port.or(check.starttls.map(StartTls::port)).unwrap_or(443);
    let target = Target::new(host, Some(port))?;
    let mut facts = Facts {
        target: target.to_string(),
        peer: target.to_string(),
        addresses: Vec::new(),
        address: None,
        phases: Vec::new(),
        session: None,
        versions: Vec::new(),
        failure: None,
        time: Duration::ZERO,
        details: Vec::new(),
        now: tls::now(),
    };
    let started = Instant::now();
    match look(check, &target, host, call, &mut facts) {
        Ok(way) => {
            facts.time = started.elapsed();
            facts.versions = versions(check, &way, call);
        }
        Err(failure) => {
            facts.time = started.elapsed();
            facts.failure = Some(failure);
        }
    }
    Ok(facts)
}

fn look(check: &CheckTls, target: &Target, host: &str, call: &Call, facts: &mut Facts) -> Result<Way> {
    let endpoint = target.resolve(check.family.into(), &call.deadline)?;
    facts.phases.push(("lookup", endpoint.lookup));
    facts.details.clone_from(&endpoint.details);
    facts.addresses = endpoint.addresses.iter().map(|address| address.ip().to_string()).collect();
    let mut options = TlsOptions::from(&check.tls);
    options.alpn.clone_from(&check.alpn);
    if check.any_name && options.verify == Verify::Full {
        options.verify = Verify::Chain;
    }
    let way = Way { endpoint, host: host.to_owned(), starttls: check.starttls, options };

    let mut conn = way.endpoint.connect(&call.deadline)?;
    conn.peer().clone_into(&mut facts.peer);
    facts.address = conn.address().map(|address| address.ip().to_string());
    facts.phases.push(("connect", conn.took()));
    let failed = |attempt: &net::Attempt| {
        let after = units::show_seconds(attempt.after.as_secs_f64());
        format!("tried before: {} {} after {after}", attempt.address, attempt.error)
    };
    facts.details.extend(conn.failed().iter().map(failed));
    if way.starttls.is_some() {
        let started = Instant::now();
        way.ask_for_tls(&mut conn)?;
        facts.phases.push(("starttls", started.elapsed()));
    }
    let stream = tls::open(conn, &way.host, &way.options)?;
    facts.phases.push(("handshake", stream.took()));
    facts.session = Some(stream.session().clone());
    stream.close();
    Ok(way)
}

impl Way {
    fn ask_for_tls(&self, conn: &mut Conn) -> Result<()> {
        let domain = self.options.server_name.as_ref().unwrap_or(&self.host);
        self.starttls.map_or(Ok(()), |protocol| protocol.start(conn, domain))
    }

    fn accepts(&self, version: Version, call: &Call) -> Result<bool> {
        let mut conn = self.endpoint.connect(&call.deadline)?;
        self.ask_for_tls(&mut conn)?;
        tls::accepts(conn, &self.host, version, &self.options)
    }
}

fn versions(check: &CheckTls, way: &Way, call: &Call) -> Vec<Asked> {
    let wanted = check.require_version.iter().map(|version| (*version, true));
    let unwanted = check.refuse_version.iter().map(|version| (*version, false));
    let ask = |(version, wanted)| Asked { version, wanted, accepted: way.accepts(version, call) };
    wanted.chain(unwanted).map(ask).collect()
}

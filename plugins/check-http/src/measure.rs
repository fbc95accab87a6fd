//! Asks as planned, and keeps what came back.

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::{Jar, Request, Walk};
use net::Target;
use plugin::{Deadline, Failure, Result};

use crate::options::Addresses;
use crate::plan::Plan;

/// What a run found out.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub found: Found,
    /// When, seconds since 1970.
    pub now: i64,
}

#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// The other side's name and its handshake, or why there is none; nothing was asked.
    Handshake(std::result::Result<(String, tls::Session), Failure>),
    /// One for each address that was to be asked.
    Visits(Vec<Visit>),
}

/// A walk from one address.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    /// The address that was to be asked; none where any would do.
    pub address: Option<IpAddr>,
    pub walk: Walk,
    pub time: Duration,
}

/// Errors where nothing could be asked: a name without addresses, a file of cookies that cannot be used.
pub(crate) fn measure(plan: &Plan, deadline: &Deadline) -> Result<Facts> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
    if plan.certificate_only {
        return Ok(Facts { found: Found::Handshake(http::handshake(&plan.request, deadline)), now });
    }
    let mut jar = match &plan.cookie_jar {
        Some(path) => Jar::read(path)?,
        None => Jar::default(),
    };
    let visits = match plan.addresses {
        Addresses::Any => vec![visit(plan, None, &mut jar, deadline)],
        Addresses::All | Addresses::AtLeast(_) => visit_all(plan, &mut jar, deadline)?,
    };
    if let Some(path) = &plan.cookie_jar {
        jar.write(path)?;
    }
    Ok(Facts { found: Found::Visits(visits), now })
}

fn visit_all(plan: &Plan, jar: &mut Jar, deadline: &Deadline) -> Result<Vec<Visit>> {
    let Request { route, .. } = &plan.request;
    let (host, port) = match &route.connect_to {
        Some((host, port)) => (host.as_str(), *port),
        None => (plan.request.host(), plan.request.port()),
    };
    let addresses = Target::new(host, Some(port))?.resolve(route.family, deadline)?.addresses;
    let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    let mut visits = Vec::new();
    for (address, left) in addresses.iter().zip((1..=count).rev()) {
        // One that is silent must not keep the others from being asked.
        let share = deadline.at_most(deadline.left() / left);
        visits.push(visit(plan, Some(address.ip()), jar, &share));
    }
    Ok(visits)
}

fn visit(plan: &Plan, address: Option<IpAddr>, jar: &mut Jar, deadline: &Deadline) -> Visit {
    let started = Instant::now();
    let mut request = plan.request.clone();
    request.route.address = address.or(request.route.address);
    let walk = http::walk(&request, plan.redirects.as_ref(), jar, deadline);
    Visit { address, walk, time: started.elapsed() }
}

//! A chain of answers: each hop is asked, kept and judged.

use plugin::{Context as _, Deadline, Failure, Reason, Result};

use crate::prober::probe;
use crate::request::{Request, without_login};
use crate::response::Response;

/// What may change from hop to hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stick {
    /// Go where the answer says.
    #[default]
    Nothing,
    /// Stay on the address of the first hop.
    Address,
    /// Stay on its address and port.
    AddressAndPort,
}

/// One hop.
#[derive(Debug, Clone)]
pub struct Hop {
    /// Where it was asked, without a login.
    pub url: String,
    /// What it answered.
    pub response: Response,
}

/// Asks, and follows redirects, at most `most` of them. The last hop is the answer; there is at least one.
///
/// Credentials go to the first host only. Errors with [`Reason::Content`] for a redirect without a usable target, with
/// [`Reason::Status`] when there are more than `most`.
pub fn follow(request: &Request, most: usize, stick: Stick, deadline: &Deadline) -> Result<Vec<Hop>> {
    let mut request = request.clone();
    let first_host = request.host();
    let first_port = request.port();
    let mut hops = Vec::new();
    loop {
        let response = probe(&request, deadline)?;
        let next = next(&response, &request)?;
        hops.push(Hop { url: without_login(&request.url), response });
        let Some(url) = next else { return Ok(hops) };
        if hops.len() > most {
            let to = without_login(&url);
            return Err(Failure::new(
                Reason::Status,
                format!("more than {most} redirects, the last to {to}"),
            ));
        }
        let same_host = url.host_str().map(|host| host.trim_matches(['[', ']'])) == Some(first_host.as_str());
        if !same_host {
            request.headers.retain(|(name, _)| {
                !["authorization", "cookie", "host"].iter().any(|secret| name.eq_ignore_ascii_case(secret))
            });
        }
        // RFC 9110 15.4: 303 asks with GET, and so does every client after 301 and 302 of a POST.
        let status = hops.last().map_or(0, |hop| hop.response.status);
        if status == 303 || (matches!(status, 301 | 302) && request.method == "POST") {
            "GET".clone_into(&mut request.method);
            request.body = bytes::Bytes::new();
        }
        request.url = url;
        match stick {
            Stick::Nothing if !same_host => {
                request.route.address = None;
                request.route.connect_to = None;
            }
            Stick::Nothing => {}
            Stick::Address => request.route.connect_to = Some((first_host.clone(), request.port())),
            Stick::AddressAndPort => request.route.connect_to = Some((first_host.clone(), first_port)),
        }
    }
}

/// Where an answer sends us, if it does (RFC 9110 15.4).
fn next(response: &Response, request: &Request) -> Result<Option<url::Url>> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let from = without_login(&request.url);
    let location = response.header("location").because(
        Reason::Content,
        format_args!("{from} redirects ({}) without a Location", response.status),
    )?;
    let shown = plugin::text::clean(location);
    let url =
        request.url.join(location).because(Reason::Content, format_args!("{from} redirects to `{shown}`"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(Failure::new(Reason::Content, format!("{from} redirects to `{shown}`")));
    }
    Ok(Some(url))
}

//! A chain of answers: each hop is asked, kept and judged.

use plugin::{Deadline, Failure, Reason};
use url::Url;

use crate::cookies::Jar;
use crate::prober::probe;
use crate::request::{Header, Request, host_of, without_login};
use crate::response::{Hop, Response};

/// What a redirect may change of where the connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stick {
    /// All of it: the connection goes where the answer says, whatever the first one was told.
    Nothing,
    /// As it, but an address given for a host is kept while the host stays the same.
    #[default]
    SameHost,
    /// Not the address that was asked first.
    Address,
    /// Neither the address nor the port.
    AddressAndPort,
}

/// How redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirects {
    /// At most so many.
    pub most: usize,
    /// What they may change.
    pub stick: Stick,
    /// Ask with the same method and body again, where a browser would change a POST to a GET.
    pub keep_method: bool,
}

/// A request and all that it led to.
#[derive(Debug, Clone)]
pub struct Walk {
    /// At least one; the last one is the answer.
    pub hops: Vec<Hop>,
    /// Why the last one's redirect was not followed, though it was to be.
    pub stop: Option<Stop>,
}

impl Walk {
    /// The answer of the last hop, or the failure that ended the walk.
    pub fn last(&self) -> Option<&Hop> {
        self.hops.last()
    }
}

/// A redirect that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Kind.
    pub kind: StopKind,
    /// Reason and sentence.
    pub failure: Failure,
}

/// Why a redirect leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopKind {
    /// There were too many before it.
    TooMany,
    /// It leads to itself.
    Loop,
    /// It does not say where to.
    NoTarget,
    /// Where it leads to is no HTTP URL.
    BadTarget,
}

/// Asks, and follows redirects where it is told how. Cookies go from hop to hop; logins and private headers stay with the
/// first server (scheme, host and port, but for a change from http to https on the same host).
pub fn walk(request: &Request, redirects: Option<&Redirects>, jar: &mut Jar, deadline: &Deadline) -> Walk {
    let mut request = request.clone();
    let first = request.clone();
    let mut walk = Walk { hops: Vec::new(), stop: None };
    loop {
        let hop = probe(&with_cookies(&request, jar), deadline);
        let mut fresh = false;
        let next = hop.answer.as_ref().ok().and_then(|response| {
            for cookie in response.all("set-cookie") {
                fresh |= jar.take(&request.url, cookie);
            }
            redirects.and_then(|redirects| Some((redirects, next(response, &request)?)))
        });
        walk.hops.push(hop);
        let Some((redirects, next)) = next else { return walk };
        let status =
            walk.hops.last().and_then(|hop| hop.answer.as_ref().ok()).map_or(0, |answer| answer.status);
        let stop = match next {
            Err(stop) => Some(stop),
            Ok(url) if walk.hops.len() > redirects.most => {
                let message =
                    format!("more than {} redirects, the last to {}", redirects.most, without_login(&url));
                Some(Stop { kind: StopKind::TooMany, failure: Failure::new(Reason::Status, message) })
            }
            // A login page that sets a cookie and comes back is no loop.
            Ok(url) if url == request.url && !fresh && request.method == first.method => {
                let message = format!("{} redirects to itself", without_login(&url));
                Some(Stop { kind: StopKind::Loop, failure: Failure::new(Reason::Status, message) })
            }
            Ok(url) => {
                change(&mut request, &first, url, status, redirects);
                None
            }
        };
        if stop.is_some() {
            walk.stop = stop;
            return walk;
        }
    }
}

fn with_cookies(request: &Request, jar: &Jar) -> Request {
    let mut request = request.clone();
    if let Some(cookies) = jar.header(&request.url)
        && !request.has_header("cookie")
    {
        request.headers.push(Header::new("Cookie", cookies));
    }
    request
}

// Makes it the request of the next hop.
fn change(request: &mut Request, first: &Request, url: Url, status: u16, redirects: &Redirects) {
    let same_host = host_of(&url) == first.host();
    let same_server = same_host
        && (url.port_or_known_default() == first.url.port_or_known_default()
            && url.scheme() == first.url.scheme()
            || (is_default(&first.url, "http") && is_default(&url, "https")));
    if !same_server {
        request.headers.retain(|header| !header.private);
    }
    if !same_host {
        request.tls.server_name = None;
    }
    // RFC 9110 15.4: 303 asks with GET, and so does every client after 301 and 302 of a POST.
    let change_method = (status == 303 && request.method != "HEAD")
        || (matches!(status, 301 | 302) && request.method == "POST");
    if change_method && !redirects.keep_method {
        "GET".clone_into(&mut request.method);
        request.body = bytes::Bytes::new();
        request.headers.retain(|header| !header.name.eq_ignore_ascii_case("content-type"));
    }
    request.target = None;
    request.send_host = true;
    request.url = url;
    let given = first.route.connect_to.clone().unwrap_or_else(|| (first.host().to_owned(), first.port()));
    match redirects.stick {
        Stick::Address => request.route.connect_to = Some((given.0, request.port())),
        Stick::AddressAndPort => request.route.connect_to = Some(given),
        Stick::SameHost if same_host => {
            // What was given for a port holds for that port.
            let same_port = request.port() == first.port();
            request.route.address = first.route.address;
            request.route.connect_to = first.route.connect_to.clone().filter(|_| same_port);
            request.route.unix.clone_from(&first.route.unix);
        }
        Stick::SameHost | Stick::Nothing => {
            request.route.address = None;
            request.route.connect_to = None;
            request.route.unix = None;
        }
    }
}

fn is_default(url: &Url, scheme: &str) -> bool {
    url.scheme() == scheme && url.port().is_none()
}

/// Where an answer sends us, if it does (RFC 9110 15.4).
fn next(response: &Response, request: &Request) -> Option<Result<Url, Stop>> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let from = without_login(&request.url);
    let stop = |kind, message| Stop { kind, failure: Failure::new(Reason::Content, message) };
    let Some(location) = response.header("location").filter(|location| !location.trim().is_empty()) else {
        let message = format!("{from} redirects ({}) without a Location", response.status);
        return Some(Err(stop(StopKind::NoTarget, message)));
    };
    let bad = || {
        // A login in it is nobody's business.
        let shown = Url::parse(location).map_or_else(|_| location.to_owned(), |url| without_login(&url));
        let shown = plugin::text::clean(&shown);
        stop(StopKind::BadTarget, format!("{from} redirects to `{}`", plugin::text::shorten(&shown, 60)))
    };
    let Ok(mut url) = request.url.join(location) else { return Some(Err(bad())) };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Some(Err(bad()));
    }
    url.set_fragment(None);
    // A login that a server makes up is not sent.
    let _has_none = url.set_password(None);
    let _has_none = url.set_username("");
    Some(Ok(url))
}

//! What is to be asked, and of whom: the command line over both dialects' defaults.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use http::{Header, Proxies, Proxy, Redirects, Request, Stick, Version, basic};
use plugin::{Call, Deadline, Failure, Reason, Result, Secret, SecretArgs, State};

use crate::c::Flavour;
use crate::expect::{Expect, Status};
use crate::options::{Addresses, CheckHttp, OnRedirect, RequestArgs, TargetArgs};
use crate::place::Place;

/// Most bytes of a file to send.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub flavour: Flavour,
    pub request: Request,
    pub redirects: Option<Redirects>,
    /// State of a redirect that is not followed.
    pub redirect_state: State,
    pub cookie_jar: Option<PathBuf>,
    pub addresses: Addresses,
    /// As `check_http`: look at the certificate and ask nothing.
    pub certificate_only: bool,
    pub expect: Expect,
    pub extended_perfdata: bool,
    pub show_body: bool,
    pub link: bool,
    /// Lines for `-v`.
    pub details: Vec<String>,
}

impl Plan {
    /// Errors with [`Reason::Usage`] for options that contradict each other, and for files that cannot be read.
    pub fn new(options: &CheckHttp, call: &Call) -> Result<Plan> {
        let flavour = Flavour::of(call);
        let CheckHttp { target, request: args, security, .. } = options;
        let place = Place::new(target, security.wants_tls(flavour), flavour, args.method.as_deref())?;
        let mut plan = Plan {
            flavour,
            request: Request::get(place.url.as_str())?,
            redirects: None,
            redirect_state: target.onredirect.state().unwrap_or_default(),
            cookie_jar: target.cookie_jar.clone(),
            addresses: target.addresses,
            certificate_only: flavour != Flavour::Own
                && security.certificate.is_some()
                && !security.continue_after_certificate,
            expect: Expect::new(&options.expect, security.certificate, call.dialect)?,
            extended_perfdata: options.extended_perfdata,
            show_body: options.show_body,
            link: options.link,
            details: Vec::new(),
        };
        plan.request.tls = security.options(flavour)?;
        if let Some(host) = &place.host_header {
            plan.request.headers.push(Header::new("Host", host.clone()));
            let name = crate::place::split_port(host).0;
            plan.request.tls.server_name.get_or_insert_with(|| name.to_owned());
        }
        plan.set_request(args, &place, &call.deadline)?;
        plan.set_route(target, args, place, &call.deadline)?;
        plan.set_redirects(target);
        if plan.expect.needs_body() && plan.request.headers_only && flavour == Flavour::Own {
            return Err(usage("--no-body and HEAD leave nothing for what is expected of the body"));
        }
        Ok(plan)
    }

    fn set_request(&mut self, args: &RequestArgs, place: &Place, deadline: &Deadline) -> Result<()> {
        let request = &mut self.request;
        request.target.clone_from(&place.target);
        request.send_host = place.named || self.flavour != Flavour::Http;
        (request.version, request.or_older) = self.flavour.version(args.http_version, place);
        let body = match (&args.post, &args.body_file) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(file)) => Some(read_file(file, deadline)?),
            (None, None) => None,
        };
        let method = args.method.as_deref().map(|method| method.strip_prefix("CONNECT:").unwrap_or(method));
        request.method = match method {
            Some("CONNECT") if place.through_proxy => "GET".to_owned(),
            Some(method) => method.to_owned(),
            None if body.is_some() => "POST".to_owned(),
            None => "GET".to_owned(),
        };
        if let Some(body) = body {
            let kind = args.content_type.as_deref().unwrap_or("application/x-www-form-urlencoded");
            request.headers.push(Header::new("Content-Type", kind));
            request.body = body.into();
        } else if let Some(kind) = &args.content_type {
            request.headers.push(Header::new("Content-Type", kind.clone()));
        }
        let agent = args.useragent.clone().unwrap_or_else(|| self.flavour.user_agent());
        request.headers.push(Header::new("User-Agent", agent));
        for line in &args.header {
            let header = Header::parse(line)?;
            if header.private && !header.name.eq_ignore_ascii_case("host") {
                Secret::new(header.value.clone());
            }
            request.headers.push(header);
        }
        if let Some(file) = &args.header_file {
            request.headers.extend(secret_headers(file, deadline)?);
        }
        let (login, warning) = login(args, deadline)?;
        request.headers.extend(login.map(|value| Header::new("Authorization", value.expose())));
        self.details.extend(warning);
        // The last one counts, as everywhere; a Host given here is the one to say.
        if request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host")).count() > 1 {
            let first = request.headers.iter().position(|header| header.name.eq_ignore_ascii_case("host"));
            first.map(|at| request.headers.remove(at));
        }
        request.headers_only = args.no_body || request.method == "HEAD";
        request.compressed = args.compressed;
        request.body_limit = args.max_body;
        Ok(())
    }

    fn set_route(
        &mut self,
        target: &TargetArgs,
        args: &RequestArgs,
        place: Place,
        deadline: &Deadline,
    ) -> Result<()> {
        let proxy_login = match (&args.proxy_authorization, &args.proxy_authorization_file) {
            (Some(login), _) => Some(login_value(login)),
            (None, Some(file)) => {
                Some(login_value(&read_secret("proxy login", Some(file), None, None, deadline)?.0))
            }
            (None, None) => None,
        };
        let route = &mut self.request.route;
        route.family = target.family.into();
        route.address = target.resolve;
        route.unix.clone_from(&target.unix_socket);
        let v1 = target.haproxy_protocol.then_some(http::ProxyProtocol::V1);
        route.proxy_protocol = target.proxy_protocol.or(v1);
        route.connect_to = target.connect_to.clone().or(place.connect_to);
        route.proxies = match (&target.proxy, self.flavour) {
            (Some(text), _) if text == "env" => environment(target.no_proxy.as_deref())?,
            (Some(text), _) => {
                Proxies::one(Proxy::parse(text)?, target.no_proxy.as_deref().unwrap_or_default())
            }
            (None, Flavour::Curl) => environment(None)?,
            (None, _) => Proxies::default(),
        };
        if place.through_proxy {
            let (host, port) = route.connect_to.take().unwrap_or_default();
            route.proxies = Proxies::one(Proxy { host, port, authorization: None }, "");
        }
        if let Some(login) = proxy_login {
            if route.proxies.of_url(&self.request.url).is_some() {
                route.proxies.log_in(&login);
            } else {
                // As the C plugins: what is asked may be a proxy itself.
                self.request.headers.push(Header::new("Proxy-Authorization", login.expose()));
            }
        }
        let route = &self.request.route;
        let many = self.addresses != Addresses::Any;
        if many
            && (route.address.is_some()
                || route.unix.is_some()
                || route.proxies.of_url(&self.request.url).is_some())
        {
            return Err(usage(
                "--addresses asks the addresses of a name: no --resolve, --unix-socket or --proxy",
            ));
        }
        if route.unix.is_some() && target.proxy.is_some() {
            return Err(usage("a Unix socket is not reached through a proxy"));
        }
        Ok(())
    }

    fn set_redirects(&mut self, target: &TargetArgs) {
        let own = self.flavour == Flavour::Own;
        let stick = match target.onredirect {
            OnRedirect::Follow if own => Stick::SameHost,
            OnRedirect::Follow => Stick::Nothing,
            OnRedirect::Sticky => Stick::Address,
            OnRedirect::StickyPort => Stick::AddressAndPort,
            OnRedirect::Curl => Stick::SameHost,
            _ => return,
        };
        // With a status line to expect the C plugins take the first answer for the one that is meant.
        if !own && matches!(self.expect.status, Status::Texts(_)) {
            return;
        }
        let keep_method = !own && target.onredirect != OnRedirect::Curl;
        self.redirects = Some(Redirects { most: usize::from(target.max_redirs), stick, keep_method });
    }
}

impl Flavour {
    // check_http asks in HTTP/1.0 where it has no name to say; curl prefers HTTP/2 where TLS can offer it.
    fn version(self, asked: Option<Version>, place: &Place) -> (Version, bool) {
        match (self, asked) {
            (Flavour::Own, asked) => (asked.unwrap_or_default(), false),
            (Flavour::Http, asked) => {
                let usual = if place.named { Version::Http11 } else { Version::Http10 };
                (asked.unwrap_or(usual), false)
            }
            (Flavour::Curl, asked) => {
                let usual = if place.url.scheme() == "https" { Version::Http2 } else { Version::Http11 };
                (asked.unwrap_or(usual), true)
            }
        }
    }

    // Servers tell checks from visitors by the start of it.
    fn user_agent(self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        match self {
            Flavour::Own => format!("check-http/{version} (Verdigris)"),
            Flavour::Http => format!("check_http/v{version} (Verdigris)"),
            Flavour::Curl => format!("check_curl/v{version} (Verdigris)"),
        }
    }
}

fn environment(except: Option<&str>) -> Result<Proxies> {
    Proxies::of(|name| match (name, except) {
        ("no_proxy" | "NO_PROXY", Some(except)) => Some(except.to_owned()),
        _ => std::env::var(name).ok(),
    })
}

fn usage(message: &str) -> Failure {
    Failure::new(Reason::Usage, message)
}

fn login_value(login: &str) -> Secret {
    let password = login.split_once(':').map_or(login, |(_, password)| password);
    Secret::new(password);
    basic(login)
}

// The value of the Authorization header, and a warning for -v.
fn login(args: &RequestArgs, deadline: &Deadline) -> Result<(Option<Secret>, Option<String>)> {
    if let Some(login) = &args.authorization {
        return Ok((Some(login_value(login)), None));
    }
    if args.bearer_file.is_some() || args.bearer_env.is_some() || args.bearer_fd.is_some() {
        let (file, variable) = (args.bearer_file.as_ref(), args.bearer_env.as_ref());
        let (token, warning) = read_secret("bearer token", file, variable, args.bearer_fd, deadline)?;
        return Ok((Some(Secret::new(format!("Bearer {token}"))), warning));
    }
    let Some((password, warning)) = args.password.read(deadline)? else { return Ok((None, None)) };
    let user = args.user.as_deref().ok_or_else(|| usage("a password, but no --user that it belongs to"))?;
    Ok((Some(basic(&format!("{user}:{}", password.expose()))), warning))
}

fn read_secret(
    what: &str,
    file: Option<&PathBuf>,
    variable: Option<&String>,
    descriptor: Option<u32>,
    deadline: &Deadline,
) -> Result<(String, Option<String>)> {
    let args =
        SecretArgs { password_file: file.cloned(), password_env: variable.cloned(), password_fd: descriptor };
    // The same rules as for a password, under another name.
    let named = |text: String| text.replacen("password", what, 1);
    let read =
        args.read(deadline).map_err(|failure| Failure { message: named(failure.message), ..failure })?;
    let (secret, warning) = read.ok_or_else(|| usage("no secret is asked for"))?;
    Ok((secret.expose().to_owned(), warning.map(named)))
}

fn read_file(path: &Path, deadline: &Deadline) -> Result<Vec<u8>> {
    let what = format!("read {}", path.display());
    let failed = |error: std::io::Error| Failure { reason: Reason::Usage, ..Failure::io(&what, &error) };
    deadline.step(&what)?;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(usage(&format!("{what}: more than 16 MiB")));
    }
    Ok(bytes)
}

fn secret_headers(path: &Path, deadline: &Deadline) -> Result<Vec<Header>> {
    let text = String::from_utf8(read_file(path, deadline)?)
        .map_err(|_| usage(&format!("read {}: no UTF-8 text", path.display())))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let header = |line: &str| {
        let header = Header::parse(line)?;
        Secret::new(header.value.clone());
        Ok(Header { private: true, ..header })
    };
    lines.map(header).collect()
}

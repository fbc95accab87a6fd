//! Which host, port, path and scheme are meant: a whole URL, or the C plugins' options.

use http::{Request, Url};
use plugin::{Failure, Reason, Result};

use crate::c::Flavour;
use crate::options::TargetArgs;

/// Where to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub url: Url,
    /// Path and query as written, or a whole URL for a proxy that is spoken to as if it were the server.
    pub target: Option<String>,
    /// Where to connect to, if not where the URL says.
    pub connect_to: Option<(String, u16)>,
    /// Whether a name was given to say to the server.
    pub named: bool,
    /// A Host header other than the URL's.
    pub host_header: Option<String>,
    /// Whether `connect_to` is a proxy to tunnel through.
    pub through_proxy: bool,
}

impl Place {
    /// Errors with [`Reason::Usage`] where nothing says whom to ask, or two options say it differently.
    pub fn new(args: &TargetArgs, tls: bool, flavour: Flavour, method: Option<&str>) -> Result<Place> {
        let mut words = args.words.iter();
        let is_url = |text: &String| {
            let start: String = text.chars().take(8).collect::<String>().to_ascii_lowercase();
            start.starts_with("http://") || start.starts_with("https://")
        };
        let mut url = args.url.clone();
        if url.is_none() && args.words.first().is_some_and(is_url) {
            url = words.next().cloned();
        }
        let address = args.ip_address.as_ref().or_else(|| words.next()).cloned();
        let host = args.hostname.as_ref().or_else(|| words.next()).cloned();
        if let Some(word) = words.next() {
            return Err(usage(format!("`{word}`: host and address are given already")));
        }
        if [&address, &host].into_iter().flatten().any(|name| name.trim().is_empty()) {
            return Err(usage("the host name is empty"));
        }
        let asks_proxy = flavour != Flavour::Own && (address.is_some() || host.is_some());
        match url {
            Some(url) if is_url(&url) && !asks_proxy => of_url(args, &url, tls, address.as_deref(), host),
            url => of_parts(args, url, tls, address.as_deref(), host, method),
        }
    }
}

fn of_url(
    args: &TargetArgs,
    text: &str,
    tls: bool,
    address: Option<&str>,
    host: Option<String>,
) -> Result<Place> {
    let request = Request::get(text)?;
    let mut url = request.url.clone();
    url.set_fragment(None);
    if args.port.is_some_and(|port| port != request.port()) {
        return Err(usage(format!("--url says port {}, --port another one", request.port())));
    }
    if tls && !request.is_https() {
        return Err(usage("options of TLS with an http URL"));
    }
    let connect_to = address.map(|address| (unbracketed(address).to_owned(), request.port()));
    // The parser changes a path; what was written is what is asked for.
    let written =
        text.find("://").and_then(|at| text[at + 3..].find('/').map(|slash| &text[at + 3 + slash..]));
    let target = written.map(|path| path.split('#').next().unwrap_or_default().to_owned());
    Ok(Place { url, target, connect_to, named: true, host_header: host, through_proxy: false })
}

fn of_parts(
    args: &TargetArgs,
    path: Option<String>,
    tls: bool,
    address: Option<&str>,
    host: Option<String>,
    method: Option<&str>,
) -> Result<Place> {
    let scheme = if tls { "https" } else { "http" };
    let default_port = if tls { 443 } else { 80 };
    let named = host.is_some();
    let Some(said) = host
        .or_else(|| address.map(str::to_owned))
        .or_else(|| args.unix_socket.as_ref().map(|_| "localhost".to_owned()))
    else {
        return Err(usage("nothing says whom to ask: --url, -H or -I"));
    };
    let (name, said_port) = if named { split_port(&said) } else { (unbracketed(&said), None) };
    let port = args.port.or(said_port).unwrap_or(default_port);
    let bracketed = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    let mut request = Request::get(&format!("{scheme}://{bracketed}:{}/", said_port.unwrap_or(port)))
        .map_err(|failure| Failure {
            message: format!("host `{}`: no name and no address", plugin::text::clean(name)),
            ..failure
        })?;
    let connects = (address.map_or(name, unbracketed).to_owned(), port);
    let path = path.unwrap_or_else(|| "/".to_owned());
    let through_proxy =
        tls && named && method.is_some_and(|method| method.split(':').next() == Some("CONNECT"));
    let is_whole = path.starts_with("http://") || path.starts_with("https://");
    if through_proxy {
        // The proxy has the port; the server behind it has the scheme's own.
        request = Request::get(&format!("{scheme}://{bracketed}:{}/", said_port.unwrap_or(default_port)))?;
    }
    let target = if path.starts_with('/') || is_whole || path == "*" { path } else { format!("/{path}") };
    let elsewhere = connects != (request.host().to_owned(), request.port());
    // Redirects and cookies go by the path; where the parser changes it, what is sent is still what was written.
    if target.starts_with('/')
        && let Ok(mut url) = Url::parse(&format!("{}{target}", request.url.as_str().trim_end_matches('/')))
    {
        url.set_fragment(None);
        request.url = url;
    }
    Ok(Place {
        connect_to: (elsewhere || through_proxy).then_some(connects),
        url: request.url,
        target: Some(target),
        named,
        host_header: None,
        through_proxy,
    })
}

/// `name:port` in its parts; an IPv6 address has a port only behind its brackets.
pub(crate) fn split_port(text: &str) -> (&str, Option<u16>) {
    if let Some(rest) = text.strip_prefix('[') {
        let (name, rest) = rest.split_once(']').unwrap_or((rest, ""));
        return (name, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match text.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, port.parse().ok().filter(|port| *port > 0)),
        _ => (text, None),
    }
}

fn unbracketed(text: &str) -> &str {
    text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text)
}

fn usage(message: impl Into<String>) -> Failure {
    Failure::new(Reason::Usage, message)
}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::c::Flavour;
    use crate::options::CheckHttp;
    use clap::Parser as _;
    use plugin::{Reason, Result};

    fn place(flavour: Flavour, line: &str) -> Result<Place> {
        let options =
            CheckHttp::try_parse_from(std::iter::once("x").chain(line.split(' '))).expect("readable");
        let tls = options.security.wants_tls(flavour);
        Place::new(&options.target, tls, flavour, options.request.method.as_deref())
    }

    /// URL, target, where to connect to, whether a name is said.
    fn shown(flavour: Flavour, line: &str) -> (String, String, String, bool) {
        let place = place(flavour, line).expect("complete");
        let connect_to = place.connect_to.map_or(String::new(), |(host, port)| format!("{host} {port}"));
        (place.url.to_string(), place.target.unwrap_or_default(), connect_to, place.named)
    }

    fn is(url: &str, target: &str, connect_to: &str, named: bool) -> (String, String, String, bool) {
        (url.into(), target.into(), connect_to.into(), named)
    }

    #[test]
    fn the_c_plugins_options() {
        let c = |line| shown(Flavour::Http, line);
        assert_eq!(c("-H a.example"), is("http://a.example/", "/", "", true));
        assert_eq!(c("-H a.example -S -u x?y"), is("https://a.example/x?y", "/x?y", "", true));
        assert_eq!(c("-H a.example:8080"), is("http://a.example:8080/", "/", "", true));
        assert_eq!(c("-H a.example:8080 -p 81"), is("http://a.example:8080/", "/", "a.example 81", true));
        assert_eq!(c("-H a.example -I 192.0.2.1"), is("http://a.example/", "/", "192.0.2.1 80", true));
        assert_eq!(c("-I 192.0.2.1 -p 81"), is("http://192.0.2.1:81/", "/", "", false));
        assert_eq!(c("192.0.2.1 a.example"), is("http://a.example/", "/", "192.0.2.1 80", true));
        assert_eq!(c("-H [::1]:81"), is("http://[::1]:81/", "/", "", true));
        assert_eq!(c("-H ::1"), is("http://[::1]/", "/", "", true));
        let whole = is("http://b:3128/", "http://a/x", "192.0.2.1 3128", true);
        assert_eq!(c("-I 192.0.2.1 -p 3128 -H b -u http://a/x"), whole);
        let tunnel = place(Flavour::Http, "-I 192.0.2.1 -p 3128 -H b -S -j CONNECT:POST").expect("complete");
        assert!(tunnel.through_proxy && tunnel.url.as_str() == "https://b/", "{tunnel:?}");
    }

    #[test]
    fn whole_urls() {
        for flavour in [Flavour::Own, Flavour::Http] {
            let whole = is("http://a:81/c?d", "/b/../c?d", "", true);
            assert_eq!(shown(flavour, "-u http://a:81/b/../c?d#e"), whole);
            assert_eq!(shown(flavour, "HTTPS://a"), is("https://a/", "", "", true));
        }
        let own = |line| place(Flavour::Own, line);
        let place = own("--url https://a/ -H b:8443 -I ::1").expect("complete");
        assert_eq!(place.host_header.as_deref(), Some("b:8443"));
        assert_eq!(place.connect_to, Some(("::1".into(), 443)));
        for bad in [
            "-S",
            "-u /x",
            "-u http://a -p 81",
            "-u http://a -S",
            "-u ftp://a",
            "-H a b c",
            "-u http://a:b@c/",
        ] {
            assert_eq!(own(bad).map_err(|failure| failure.reason), Err(Reason::Usage), "{bad}");
        }
        assert!(
            own("--unix-socket /run/a.sock -u /info")
                .is_ok_and(|place| place.url.host_str() == Some("localhost"))
        );
    }
}

//! Proxies, and which of them a URL goes through.

use std::net::IpAddr;

use plugin::{Context as _, Failure, Reason, Result, Secret};
use url::Url;

use crate::request::{basic, host_of};

/// An HTTP proxy between us and the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Value of the `Proxy-Authorization` header.
    pub authorization: Option<Secret>,
}

impl Proxy {
    /// Reads `http://proxy:3128`, `proxy:3128` or `http://user:password@proxy`; without a port it is 3128 (1080 is for SOCKS).
    ///
    /// Errors with [`Reason::Usage`] for another kind of proxy, never quoting a login.
    pub fn parse(text: &str) -> Result<Proxy> {
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&whole).because(Reason::Usage, "URL of the proxy")?;
        if url.scheme() != "http" {
            let message = format!("a proxy is spoken to over http, not {}", url.scheme());
            return Err(Failure::new(Reason::Usage, message));
        }
        // The parser drops a port that is the scheme's own.
        let authority = whole["http://".len()..].split(['/', '?', '#']).next().unwrap_or_default();
        let port = url.port().or_else(|| authority.ends_with(":80").then_some(80)).unwrap_or(3128);
        let authorization = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let (user, password) = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
            if !password.is_empty() {
                Secret::new(password.clone());
                Secret::new(url.password().unwrap_or_default());
            }
            basic(&format!("{user}:{password}"))
        });
        Ok(Proxy { host: host_of(&url).to_owned(), port, authorization })
    }
}

/// Which proxy, by the scheme of the URL that is asked for; none for the hosts on the list of exceptions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    except: Vec<String>,
}

impl Proxies {
    /// One for all, but for the hosts that `except` names (comma separated, as in `no_proxy`).
    pub fn one(proxy: Proxy, except: &str) -> Proxies {
        Proxies { http: Some(proxy.clone()), https: Some(proxy), except: names(except) }
    }

    /// Those of the environment, read as curl does: `http_proxy` in lower case only (a CGI program's visitor sets the other
    /// one), `https_proxy` or `HTTPS_PROXY`, `all_proxy` or `ALL_PROXY`, `no_proxy` or `NO_PROXY`.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Proxies> {
        let first =
            |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
        let proxy = |names: &[&str]| first(names).map(|value| Proxy::parse(&value)).transpose();
        let except = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Ok(Proxies {
            http: proxy(&["http_proxy", "all_proxy", "ALL_PROXY"])?,
            https: proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
            except: names(&except),
        })
    }

    /// Gives every proxy that has none this login.
    pub fn log_in(&mut self, authorization: &Secret) {
        for proxy in [&mut self.http, &mut self.https].into_iter().flatten() {
            proxy.authorization.get_or_insert_with(|| authorization.clone());
        }
    }

    /// The proxy that a URL goes through.
    pub fn of_url(&self, url: &Url) -> Option<&Proxy> {
        let host = host_of(url);
        let port = url.port_or_known_default();
        if self.except.iter().any(|entry| is_excepted(entry, host, port)) {
            return None;
        }
        if url.scheme() == "https" { self.https.as_ref() } else { self.http.as_ref() }
    }
}

fn names(list: &str) -> Vec<String> {
    let entries = list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(str::to_ascii_lowercase).collect()
}

// `*`, `example.net` and `.example.net` with all below them, `10.0.0.0/8`, each with a port or without.
fn is_excepted(entry: &str, host: &str, port: Option<u16>) -> bool {
    if entry == "*" {
        return true;
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let (name, entry_port) = match entry.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') => (name, digits.parse::<u16>().ok()),
        _ => (entry, None),
    };
    if entry_port.is_some() && entry_port != port {
        return false;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return match name.split_once('/') {
            Some((network, bits)) => is_within(address, network, bits),
            None => name.trim_matches(['[', ']']).parse() == Ok(address),
        };
    }
    let name = name.trim_start_matches('.').trim_end_matches('.');
    host == name || host.strip_suffix(name).is_some_and(|rest| !name.is_empty() && rest.ends_with('.'))
}

fn is_within(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let shift = 32 - bits;
            u64::from(address.to_bits()) >> shift == u64::from(network.to_bits()) >> shift
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let differ = address.to_bits() ^ network.to_bits();
            bits == 0 || differ >> (128 - bits) == 0
        }
        _ => false,
    }
}

// Percent-encoding undone (RFC 3986, 2.1).
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if byte == b'%' => {
                out.push(value);
                rest = &after[2..];
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Proxies, Proxy};
    use url::Url;

    fn through(proxies: &Proxies, url: &str) -> Option<String> {
        let url = Url::parse(url).expect("a URL");
        proxies.of_url(&url).map(|proxy| format!("{}:{}", proxy.host, proxy.port))
    }

    #[test]
    fn proxies_are_read() {
        let read = |text| Proxy::parse(text).map(|proxy| (proxy.host, proxy.port));
        assert_eq!(read("http://proxy:8080/"), Ok(("proxy".into(), 8080)));
        assert_eq!(read("http://proxy:80"), Ok(("proxy".into(), 80)));
        assert_eq!(read("proxy"), Ok(("proxy".into(), 3128)));
        assert_eq!(read("10.0.0.1:81"), Ok(("10.0.0.1".into(), 81)));
        assert_eq!(read("http://[::1]:3128"), Ok(("::1".into(), 3128)));
        let login = Proxy::parse("http://Aladdin:open%20sesame@proxy").expect("a proxy").authorization;
        assert_eq!(login.expect("a login").expose(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        for bad in ["socks5://proxy", "https://proxy", "http://", "http://a b"] {
            assert!(Proxy::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn some_hosts_are_excepted() {
        let list = "localhost,.example.net, other.org:8443,10.0.0.0/8,fd00::/8,192.0.2.7";
        let proxies = Proxies::one(Proxy::parse("proxy:1").expect("a proxy"), list);
        for url in [
            "http://localhost/",
            "http://example.net/",
            "https://a.EXAMPLE.net./",
            "https://other.org:8443/",
            "http://10.9.8.7/",
            "http://[fd00::1]/",
            "http://192.0.2.7:8080/",
        ] {
            assert_eq!(through(&proxies, url), None, "{url}");
        }
        for url in ["http://badexample.net/", "https://other.org/", "http://11.0.0.1/", "http://192.0.2.70/"]
        {
            assert_eq!(through(&proxies, url).as_deref(), Some("proxy:1"), "{url}");
        }
        let all = Proxies::one(Proxy::parse("proxy").expect("a proxy"), "*");
        assert_eq!(through(&all, "http://a/"), None);
    }

    #[test]
    fn the_environment_is_read_as_curl_does() {
        let of = |pairs: &[(&str, &str)]| {
            let find =
                |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
            Proxies::of(find).expect("proxies")
        };
        let upper = of(&[("HTTP_PROXY", "a:1"), ("HTTPS_PROXY", "b:2"), ("NO_PROXY", "c")]);
        assert_eq!(through(&upper, "http://x/"), None);
        assert_eq!(through(&upper, "https://x/").as_deref(), Some("b:2"));
        assert_eq!(through(&upper, "https://c/"), None);
        let all = of(&[("all_proxy", "a:1"), ("https_proxy", "")]);
        assert_eq!(through(&all, "http://x/").as_deref(), Some("a:1"));
        assert_eq!(through(&all, "https://x/").as_deref(), Some("a:1"));
    }
}

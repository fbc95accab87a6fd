//! What to ask, of whom, and how far to go.

use std::net::IpAddr;
use std::path::PathBuf;

use base64::Engine as _;
use bytes::Bytes;
use plugin::{Context as _, Failure, Reason, Result, Secret};
use tls::TlsOptions;
use url::Url;

use crate::proxy::Proxies;

/// Version of the protocol to ask in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Version {
    /// HTTP/1.0, RFC 1945: no chunks, one request a connection.
    #[value(name = "1.0")]
    Http10,
    /// HTTP/1.1, RFC 9112.
    #[default]
    #[value(name = "1.1")]
    Http11,
    /// HTTP/2, RFC 9113: over TLS by ALPN, without TLS with prior knowledge.
    #[value(name = "2", alias = "2.0")]
    Http2,
}

/// Header that tells a server behind a proxy who is asking (the PROXY protocol of HAProxy).
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ProxyProtocol {
    /// The line of text.
    V1,
    /// The binary form.
    V2,
}

/// Where the connection goes, when it is not to where the URL says.
#[derive(Debug, Clone, Default)]
pub struct Route {
    /// Connect to this address, whatever the name resolves to.
    pub address: Option<IpAddr>,
    /// Connect to this host and port in place of the URL's.
    pub connect_to: Option<(String, u16)>,
    /// Connect to this socket of the file system.
    pub unix: Option<PathBuf>,
    /// Proxies to go through.
    pub proxies: Proxies,
    /// Begin the connection with this header.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Addresses that may be used.
    pub family: net::Family,
}

/// One header of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `Accept`.
    pub name: String,
    /// What is sent. The runner strikes secrets from output; a debug print is the caller's care.
    pub value: String,
    /// Whether it is for the first server only, and not for another one that this one redirects to.
    pub private: bool,
}

impl Header {
    /// A header for every hop, unless it is a login or a cookie.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Header {
        let name = name.into();
        let private = ["authorization", "cookie", "host", "proxy-authorization"]
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other));
        Header { name, value: value.into(), private }
    }

    /// Reads `Name: value`.
    ///
    /// Errors with [`Reason::Usage`] where there is no name, quoting at most that.
    pub fn parse(line: &str) -> Result<Header> {
        match line.split_once(':') {
            Some((name, value)) if !name.trim().is_empty() => Ok(Header::new(name.trim(), value.trim())),
            // All of it may be a secret.
            _ => Err(Failure::new(Reason::Usage, "a header without `Name:` before its value")),
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `http` or `https`; user and password in it are refused.
    pub url: Url,
    /// Path and query as they were written; without it, as [`Url`] writes them. A whole URL where a proxy is spoken to as if
    /// it were the server.
    pub target: Option<String>,
    /// `GET`.
    pub method: String,
    /// In order; a `Host` here replaces the URL's.
    pub headers: Vec<Header>,
    /// Whether to say which host is meant. HTTP/1.0 does not have to.
    pub send_host: bool,
    /// What to send.
    pub body: Bytes,
    /// Version to ask in.
    pub version: Version,
    /// Whether an older version will do where the server does not speak HTTP/2.
    pub or_older: bool,
    /// Where the connection goes.
    pub route: Route,
    /// How to speak TLS.
    pub tls: TlsOptions,
    /// Most bytes of the body, after decompression; the rest is not read.
    pub body_limit: usize,
    /// Stop after the headers.
    pub headers_only: bool,
    /// Offer gzip and deflate, and undo them.
    pub compressed: bool,
}

/// Most bytes of a body unless a check says otherwise: with its compressed form beside it, still a small process.
pub const BODY_LIMIT: usize = 4 * 1024 * 1024;

impl Request {
    /// A GET of a URL.
    ///
    /// Errors with [`Reason::Usage`] for anything but `http` and `https`, without a host, or with a password in it.
    pub fn get(url: &str) -> Result<Request> {
        Ok(Request {
            url: parse_url(url)?,
            target: None,
            method: "GET".to_owned(),
            headers: Vec::new(),
            send_host: true,
            body: Bytes::new(),
            version: Version::default(),
            or_older: false,
            route: Route::default(),
            tls: TlsOptions::default(),
            body_limit: BODY_LIMIT,
            headers_only: false,
            compressed: false,
        })
    }

    /// The host that the URL names, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        host_of(&self.url)
    }

    /// The port that the URL names, or its scheme's.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(80)
    }

    /// Whether it goes over TLS.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// `host:port`, for messages.
    pub fn peer(&self) -> String {
        match &self.route.unix {
            Some(path) => path.display().to_string(),
            None => format!("{}:{}", self.url.host_str().unwrap_or_default(), self.port()),
        }
    }

    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name))
    }

    /// Path and query, in characters that a request line can hold.
    pub(crate) fn path(&self) -> String {
        match (&self.target, self.url.query()) {
            (Some(written), _) => escaped(written),
            (None, Some(query)) => format!("{}?{query}", self.url.path()),
            (None, None) => self.url.path().to_owned(),
        }
    }

    /// `host`, with the port where it is not the scheme's own.
    pub(crate) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

pub(crate) fn parse_url(text: &str) -> Result<Url> {
    let refuse = |what: &str| Err(Failure::new(Reason::Usage, format!("URL `{}`: {what}", shown(text))));
    let url = Url::parse(text).because(Reason::Usage, format_args!("URL `{}`", shown(text)))?;
    if !matches!(url.scheme(), "http" | "https") {
        return refuse("neither http nor https");
    }
    if url.host().is_none() {
        return refuse("no host");
    }
    if url.password().is_some() || !url.username().is_empty() {
        return refuse("a login in a URL ends in logs; use the options for it");
    }
    Ok(url)
}

// A text that may be a URL, without what may be its login: all between the scheme and the last `@` of the authority.
fn shown(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
    let text = match text[start..end].rfind('@') {
        Some(at) => format!("{}{}", &text[..start], &text[start + at + 1..]),
        None => text.to_owned(),
    };
    plugin::text::shorten(&plugin::text::clean(&text), 100).into_owned()
}

/// A URL fit for messages: without user and password.
pub fn without_login(url: &Url) -> String {
    let mut shown = url.clone();
    // Fails for URLs that cannot have a login, and so have none.
    let _has_none = shown.set_password(None);
    let _has_none = shown.set_username("");
    shown.to_string()
}

pub(crate) fn host_of(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

/// A basic login as the value of an `Authorization` header (RFC 7617).
pub fn basic(login: &str) -> Secret {
    let encoded = base64::engine::general_purpose::STANDARD.encode(login);
    let value = Secret::new(format!("Basic {encoded}"));
    // Every form is secret: a server may echo any.
    Secret::new(encoded);
    value
}

// Blanks, controls and what is not ASCII cannot stand in a request line (RFC 3986, 2.1).
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'`' | b'#') {
            out.push(char::from(byte));
        } else {
            let _written = write!(out, "%{byte:02X}");
        }
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::{Header, Request, basic};
    use plugin::Reason;

    #[test]
    fn a_login_in_a_url_is_refused_and_not_shown() {
        for url in ["http://me:hunter2@127.0.0.1/", "http://hunter2@[::1/", "ftp://a:hunter2@b/"] {
            let failure = Request::get(url).expect_err("a login");
            assert_eq!(failure.reason, Reason::Usage);
            assert!(!failure.message.contains("hunter2"), "{failure}");
        }
    }

    #[test]
    fn a_login_is_encoded_and_secret() {
        assert_eq!(basic("Aladdin:open sesame").expose(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn paths_are_kept_as_written() {
        let mut request = Request::get("http://[::1]:8080/a/../b?c=d#e").expect("a URL");
        assert_eq!((request.path().as_str(), request.host(), request.port()), ("/b?c=d", "::1", 8080));
        assert_eq!((request.authority(), request.peer()), ("[::1]:8080".into(), "[::1]:8080".into()));
        for (written, sent) in [("/a/../b", "/a/../b"), ("/a b\u{e9}\r\n", "/a%20b%C3%A9%0D%0A"), ("", "/")] {
            request.target = Some(written.to_owned());
            assert_eq!(request.path(), sent);
        }
    }

    #[test]
    fn headers_are_read_and_logins_stay_private() {
        let header = Header::parse("X-A:  b: c ").expect("a header");
        assert_eq!((header.name.as_str(), header.value.as_str(), header.private), ("X-A", "b: c", false));
        assert!(Header::parse("authorization: x").is_ok_and(|header| header.private));
        let failure = Header::parse("hunter2").expect_err("no name");
        assert!(!failure.message.contains("hunter2"));
        assert!(Header::parse(": x").is_err());
    }
}

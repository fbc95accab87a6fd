//! What to ask, of whom, and how far to go.

use std::net::IpAddr;
use std::path::PathBuf;

use bytes::Bytes;
use plugin::{Context as _, Failure, Reason, Result, Secret};
use tls::TlsOptions;
use url::Url;

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
    #[value(name = "2")]
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

/// A proxy between us and the target.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// `http://proxy:3128`.
    pub url: Url,
    /// Value of the `Proxy-Authorization` header.
    pub authorization: Option<Secret>,
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
    /// Go through this proxy.
    pub proxy: Option<Proxy>,
    /// Begin the connection with this header.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Addresses that may be used.
    pub family: net::Family,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `http` or `https`; user and password in it are refused.
    pub url: Url,
    /// `GET`.
    pub method: String,
    /// In order; a `Host` here replaces the URL's. Values may hold secrets, which the runner strikes from output.
    pub headers: Vec<(String, String)>,
    /// What to send.
    pub body: Bytes,
    /// Version to ask in.
    pub version: Version,
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

/// Most bytes of a body unless a check says otherwise.
pub const BODY_LIMIT: usize = 10 * 1024 * 1024;

impl Request {
    /// A GET of a URL.
    ///
    /// Errors with [`Reason::Usage`] for anything but `http` and `https`, without a host, or with a password in it.
    pub fn get(url: &str) -> Result<Request> {
        let url =
            Url::parse(url).because(Reason::Usage, format_args!("URL `{}`", plugin::text::clean(url)))?;
        let refuse =
            |what: &str| Err(Failure::new(Reason::Usage, format!("URL `{}`: {what}", without_login(&url))));
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("neither http nor https");
        }
        if url.host().is_none() {
            return refuse("no host");
        }
        if url.password().is_some() || !url.username().is_empty() {
            return refuse("a login in a URL ends in logs; use the options for it");
        }
        Ok(Request {
            url,
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
            version: Version::default(),
            route: Route::default(),
            tls: TlsOptions::default(),
            body_limit: BODY_LIMIT,
            headers_only: false,
            compressed: false,
        })
    }

    /// The host that the URL names, an IPv6 address without brackets.
    pub fn host(&self) -> String {
        self.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned()
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
    pub fn target(&self) -> String {
        match &self.route.unix {
            Some(path) => path.display().to_string(),
            None => format!("{}:{}", self.url.host_str().unwrap_or_default(), self.port()),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A URL fit for messages: without user and password.
pub fn without_login(url: &Url) -> String {
    let mut shown = url.clone();
    // Fails for URLs that cannot have a login, and so have none.
    let _has_none = shown.set_password(None);
    let _has_none = shown.set_username("");
    shown.to_string()
}

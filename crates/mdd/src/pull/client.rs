//! Engines' APIs: one address, one login, a time limit for every answer.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use http::{Api, Call, Reply};
use plugin::{Deadline, Secret};
use tls::TlsOptions;

use crate::exit::Error;

/// An engine's API.
#[derive(Debug)]
pub struct Client {
    api: Api,
    base: String,
    timeout: Duration,
}

/// Why the engine's data could not be had this time; the next time may be better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed(pub String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Client {
    /// A client of the API at `base`: `https://sensu.example.net:8080`, perhaps with a path in front of its own.
    /// `authorization` is the whole header.
    ///
    /// # Errors
    /// The address is none, holds a login or a query; a certificate file cannot be read.
    pub fn new(
        base: &str,
        tls: &TlsOptions,
        authorization: Option<Secret>,
        timeout: Duration,
    ) -> Result<Self, Error> {
        // The text is not repeated: what is wrong with it may be a password.
        let url =
            http::Url::parse(base).map_err(|error| Error::usage(format!("the source's URL: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            let fix = "give the login with --user and --password-file, or --key-file";
            return Err(Error::usage(format!("the source's URL holds a login, which anyone can see: {fix}")));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Error::usage("the source's URL is the API's address, without `?` and `#`"));
        }
        let api = Api::without_redirects(tls, authorization)
            .map_err(|failure| Error::usage(failure.to_string()))?;
        Ok(Client { api, base: url.as_str().trim_end_matches('/').to_owned(), timeout })
    }

    /// Its address, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What is at a path, with its headers.
    ///
    /// # Errors
    /// No answer in time, or none with a status of 2xx.
    pub fn get(&self, path: &str) -> Result<Reply, Failed> {
        self.call(path, &[], None)
    }

    /// A request with headers of its own, and with a body as POST.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn call(&self, path: &str, headers: &[(&str, &str)], post: Option<&[u8]>) -> Result<Reply, Failed> {
        let url = format!("{}{path}", self.base);
        let reply = self.api.call(&Call { url: &url, headers, post }, &Deadline::after(self.timeout));
        reply.map_err(|failure| Failed(failure.to_string()))
    }

    /// That an answer makes no sense.
    pub fn failed(&self, path: &str, what: &str) -> Failed {
        Failed(format!("{}{path}: {what}", self.base))
    }
}

/// A text as one part of a URL's path or query (RFC 3986, 2.1).
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let written = write!(out, "%{byte:02X}");
            debug_assert!(written.is_ok());
        }
    }
    out
}

//! A client for the APIs of services: JSON over HTTP, with pools and redirects, where a probe's details do not matter.

use std::path::{Path, PathBuf};

use plugin::{Context as _, Deadline, Failure, Reason, Result, Secret};
use tls::{TlsOptions, Verify};

use crate::prober::within;
use crate::request::parse_url;

/// Most bytes of an answer.
const LIMIT: usize = 64 * 1024 * 1024;

/// One request to a service.
#[derive(Debug, Clone, Copy)]
pub struct Call<'c> {
    /// Where to; a login in it is refused.
    pub url: &'c str,
    /// Headers beside `Accept: application/json` and the client's own `Authorization`.
    pub headers: &'c [(&'c str, &'c str)],
    /// What to POST, as `application/json`; a GET when none.
    pub post: Option<&'c [u8]>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The body.
    pub body: Vec<u8>,
    headers: reqwest::header::HeaderMap,
}

impl Reply {
    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A client of one service. Building it reads the system's roots, whatever the URL: do it once.
#[derive(Debug)]
pub struct Api {
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    authorization: Option<Secret>,
}

impl Api {
    /// A client that speaks TLS as the options say.
    ///
    /// Errors with [`Reason::Usage`] for a CA or client certificate that cannot be read, and for what native-tls cannot do:
    /// another server name than the URL's, protocols by ALPN, security level 0.
    pub fn new(options: &TlsOptions, authorization: Option<Secret>) -> Result<Api> {
        Api::build(options, authorization, reqwest::redirect::Policy::default())
    }

    /// The same, but a redirect is a failure ([`Reason::Status`]): what is sent goes to this service or nowhere.
    ///
    /// Errors as [`Api::new`].
    pub fn without_redirects(options: &TlsOptions, authorization: Option<Secret>) -> Result<Api> {
        Api::build(options, authorization, reqwest::redirect::Policy::none())
    }

    fn build(
        options: &TlsOptions,
        authorization: Option<Secret>,
        redirects: reqwest::redirect::Policy,
    ) -> Result<Api> {
        if options.server_name.is_some() || !options.alpn.is_empty() || options.legacy {
            let what = "an API client has no server name, ALPN or legacy protocol of its own";
            return Err(Failure::new(Reason::Usage, what));
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("verdigris/", env!("CARGO_PKG_VERSION")))
            .redirect(redirects)
            .tls_danger_accept_invalid_certs(options.verify == Verify::Nothing)
            .tls_danger_accept_invalid_hostnames(options.verify != Verify::Full)
            .tls_sni(!options.without_sni);
        if let Some(version) = options.min_version {
            builder = builder.tls_version_min(version_of(version));
        }
        if let Some(version) = options.max_version {
            builder = builder.tls_version_max(version_of(version));
        }
        let files = ca_files(options)?;
        if !files.is_empty() {
            let mut roots = Vec::new();
            for file in &files {
                let what = format!("read CA file {}", file.display());
                let found = reqwest::Certificate::from_pem_bundle(&read(file, &what)?);
                roots.extend(found.because(Reason::Usage, what)?);
            }
            builder = builder.tls_certs_only(roots);
        }
        if let Some(file) = &options.client_cert {
            let what = || format!("read client certificate {}", file.display());
            let key = options.client_key.as_ref().unwrap_or(file);
            let identity = reqwest::Identity::from_pkcs8_pem(&read(file, &what())?, &read(key, &what())?);
            builder = builder.identity(identity.because(Reason::Usage, what())?);
        }
        let client = builder.build().because(Reason::Internal, "make an API client")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Api { client, runtime, authorization })
    }

    /// The body of a GET, 64 MiB at most. A URL with a login is refused ([`Reason::Usage`]); a status other than 2xx is a
    /// failure: 401 and 403 with [`Reason::Auth`], others with [`Reason::Status`].
    pub fn get(&self, url: &str, deadline: &Deadline) -> Result<Vec<u8>> {
        Ok(self.call(&Call { url, headers: &[], post: None }, deadline)?.body)
    }

    /// A GET or a POST, with headers. Errors as [`Api::get`].
    pub fn call(&self, call: &Call<'_>, deadline: &Deadline) -> Result<Reply> {
        let url = parse_url(call.url)?;
        let what = format!("{} {url}", if call.post.is_some() { "POST" } else { "GET" });
        self.runtime.block_on(async {
            let mut request = match call.post {
                None => self.client.get(url),
                Some(body) => {
                    self.client.post(url).header("Content-Type", "application/json").body(body.to_vec())
                }
            };
            request = request.header("Accept", "application/json");
            for (name, value) in call.headers {
                request = request.header(*name, *value);
            }
            if let Some(authorization) = &self.authorization {
                request = request.header("Authorization", authorization.expose());
            }
            let mut response =
                within(deadline, &what, request.send()).await?.map_err(|e| failure(&what, &e))?;
            let status = response.status();
            if !status.is_success() {
                let reason = if matches!(status.as_u16(), 401 | 403) { Reason::Auth } else { Reason::Status };
                return Err(Failure::new(reason, format!("{what}: {status}")));
            }
            let mut body = Vec::new();
            while let Some(part) =
                within(deadline, &what, response.chunk()).await?.map_err(|e| failure(&what, &e))?
            {
                if body.len() + part.len() > LIMIT {
                    return Err(Failure::new(Reason::Content, format!("{what}: more than 64 MiB")));
                }
                body.extend_from_slice(&part);
            }
            Ok(Reply { body, headers: std::mem::take(response.headers_mut()) })
        })
    }
}

/// The PEM files that hold the trusted roots; none where the system's are meant.
fn ca_files(options: &TlsOptions) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = options.ca_file.iter().cloned().collect();
    if let Some(folder) = &options.ca_dir {
        let what = format!("read CA folder {}", folder.display());
        let failed = |error| Failure { reason: Reason::Usage, ..Failure::io(&what, &error) };
        let entries = std::fs::read_dir(folder).map_err(failed)?;
        let before = files.len();
        // The hashed names, which are what OpenSSL reads of such a folder; a key beside them is none of them.
        let hashed = |path: &Path| {
            path.extension()
                .and_then(|end| end.to_str())
                .is_some_and(|end| end.bytes().all(|b| b.is_ascii_digit()))
        };
        files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| hashed(path)));
        if files.len() == before {
            return Err(Failure::new(Reason::Usage, format!("{what}: no certificate under a hashed name")));
        }
    }
    Ok(files)
}

fn version_of(version: tls::Version) -> reqwest::tls::Version {
    match version {
        tls::Version::Tls10 => reqwest::tls::Version::TLS_1_0,
        tls::Version::Tls11 => reqwest::tls::Version::TLS_1_1,
        tls::Version::Tls12 => reqwest::tls::Version::TLS_1_2,
        tls::Version::Tls13 => reqwest::tls::Version::TLS_1_3,
    }
}

fn read(file: &Path, what: &str) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|error| Failure { reason: Reason::Usage, ..Failure::io(what, &error) })
}

fn failure(what: &str, error: &reqwest::Error) -> Failure {
    let mut words = error.to_string();
    let mut reason = if error.is_decode() { Reason::Protocol } else { Reason::Closed };
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        words = inner.to_string();
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            reason = Reason::of_io(io);
            words = plugin::io_text(io);
        }
        if words.contains("certificate") {
            reason = Reason::TlsUntrusted;
        }
        source = inner.source();
    }
    Failure::new(reason, format!("{what}: {words}"))
}

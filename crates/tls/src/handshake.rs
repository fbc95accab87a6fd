//! The handshake, and what it showed.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use openssl::error::ErrorStack;
use openssl::ssl::{
    ErrorCode, HandshakeError, Ssl, SslContext, SslFiletype, SslMethod, SslRef, SslStream, SslVerifyMode,
};
use openssl::x509::X509Ref;
use openssl::x509::verify::X509CheckFlags;

use net::{Conn, Stream};
use plugin::{Context as _, Failure, Reason, Result};

use crate::{Certificate, Distrust, TlsOptions, Verify, roots};

/// What a handshake showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// `TLSv1.3`.
    pub protocol: String,
    /// `TLS_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The application protocol that both agreed on.
    pub alpn: Option<String>,
    /// The chain as the server sent it, its own certificate first.
    pub chain: Vec<Certificate>,
    /// The chain as it was verified: from the server's own certificate to the root that is trusted here, or as far as
    /// issuers were found. What was sent beside it does not count; a root counts although nobody sends it.
    pub path: Vec<Certificate>,
    /// Whether the chain, validity and name hold, as far as the options ask for it.
    pub trust: std::result::Result<(), Distrust>,
    /// Everything that does not hold, the worst first; `trust` has the first of them.
    pub problems: Vec<Distrust>,
}

/// An encrypted connection over `S`.
#[derive(Debug)]
pub struct TlsStream<S> {
    stream: SslStream<S>,
    session: Session,
    took: Duration,
}

impl<S> TlsStream<S> {
    /// What the handshake showed.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// How long the handshake took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The connection below.
    pub fn get_ref(&self) -> &S {
        self.stream.get_ref()
    }

    /// The connection below, for its deadline; bytes on it are TLS records.
    pub fn get_mut(&mut self) -> &mut S {
        self.stream.get_mut()
    }
}

impl<S: Read + Write> TlsStream<S> {
    /// Tells the other side that no more comes (RFC 8446, 6.1), and does not wait for its answer.
    pub fn close(mut self) {
        // A courtesy: the other side may have gone already.
        let _gone = self.stream.shutdown();
    }
}

impl<S: Read + Write> Read for TlsStream<S> {
    /// As of any stream. An end without a good-bye is [`io::ErrorKind::UnexpectedEof`]: it may be cut.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer).map_err(|error| match tls_words(&error) {
            Some(words) if words.contains("unexpected eof") => io::ErrorKind::UnexpectedEof.into(),
            _ => error,
        })
    }
}

impl<S: Read + Write> Write for TlsStream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A handshake over a connection, under its deadline, that tells what it saw: see [`Session::trust`].
///
/// `host` is the name or address that the target was asked for, or the path of a Unix socket.
pub fn open(conn: Conn, host: &str, options: &TlsOptions) -> Result<TlsStream<Conn>> {
    let (deadline, peer) = (conn.deadline().clone(), conn.peer().to_owned());
    let what = format!("TLS handshake with {peer}");
    deadline.step(&what)?;
    inspect(conn, &peer, host, options).map_err(|failure| match failure.reason {
        Reason::TimedOut => deadline.expired(&what),
        _ => failure,
    })
}

/// A handshake whose certificate holds; otherwise a failure with its reason, naming `target`.
///
/// `stream` ends its own calls in time. `host` is the name or address that the target was asked for.
pub fn connect<S: Read + Write>(
    stream: S,
    target: &str,
    host: &str,
    options: &TlsOptions,
) -> Result<TlsStream<S>> {
    let stream = inspect(stream, target, host, options)?;
    match &stream.session.trust {
        Ok(()) => Ok(stream),
        Err(distrust) => Err(stream.session.failure(target, distrust)),
    }
}

/// A handshake that tells what it saw, whether the certificate holds or not: see [`Session::trust`].
pub fn inspect<S: Read + Write>(
    stream: S,
    target: &str,
    host: &str,
    options: &TlsOptions,
) -> Result<TlsStream<S>> {
    let (ssl, judge) = prepare(host, options)?;
    let started = Instant::now();
    let stream = ssl.connect(stream).map_err(|error| match error {
        HandshakeError::SetupFailure(stack) => Failure::from(stack),
        HandshakeError::Failure(stream) | HandshakeError::WouldBlock(stream) => {
            failed(target, stream.error())
        }
    })?;
    let took = started.elapsed();
    let session = judge.session(stream.ssl())?;
    Ok(TlsStream { stream, session, took })
}

/// A handshake to be made by somebody else (an async stream), and the judge of it.
pub fn prepare(host: &str, options: &TlsOptions) -> Result<(Ssl, Judge)> {
    let name = options.server_name.as_deref().unwrap_or(host).trim_end_matches('.');
    let found = Found::default();
    let (context, bundle) = context(options, &found)?;
    let mut ssl = Ssl::new(&context)?;
    match name.split('%').next().unwrap_or(name).parse::<IpAddr>() {
        // RFC 6066 knows no addresses in SNI.
        Ok(address) if options.verify == Verify::Full => ssl.param_mut().set_ip(address)?,
        Ok(_) => {}
        // The path of a socket is a name that no certificate is for; who may open it decides what is behind it.
        Err(_) if name.starts_with('/') => {}
        Err(_) => {
            if !options.without_sni {
                ssl.set_hostname(name).because(Reason::Usage, format_args!("ask for the name {name}"))?;
            }
            if options.verify == Verify::Full {
                ssl.param_mut().set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
                ssl.param_mut().set_host(name)?;
            }
        }
    }
    Ok((ssl, Judge { found, bundle, verify: options.verify }))
}

/// Turns a finished handshake into a [`Session`].
#[derive(Debug)]
pub struct Judge {
    found: Found,
    /// Roots to look at when the lazily read ones did not lead to one.
    bundle: Option<PathBuf>,
    verify: Verify,
}

type Found = Arc<Mutex<Vec<Distrust>>>;

fn context(options: &TlsOptions, found: &Found) -> Result<(SslContext, Option<PathBuf>)> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    let bundle = if options.verify == Verify::Nothing { None } else { roots::add(&mut context, options)? };
    let found = Arc::clone(found);
    // Goes on whatever it finds, and keeps it: the verdict is ours, after the facts.
    context.set_verify_callback(SslVerifyMode::PEER, move |good, store| {
        if !good {
            let distrust = Distrust::new(store.error(), store.error_depth());
            found.lock().unwrap_or_else(PoisonError::into_inner).push(distrust);
        }
        true
    });
    if options.legacy {
        context.set_security_level(0);
        context.set_cipher_list("ALL:COMPLEMENTOFDEFAULT:@SECLEVEL=0")?;
    }
    // What is not asked for is OpenSSL's own default, which the distribution's openssl.cnf may have narrowed.
    if options.min_version.is_some() || options.legacy {
        context.set_min_proto_version(options.min_version.map(crate::Version::openssl))?;
    }
    if options.max_version.is_some() || options.legacy {
        context.set_max_proto_version(options.max_version.map(crate::Version::openssl))?;
    }
    if !options.alpn.is_empty() {
        let wire: Vec<u8> = options
            .alpn
            .iter()
            .flat_map(|name| u8::try_from(name.len()).into_iter().chain(name.bytes()))
            .collect();
        context.set_alpn_protos(&wire)?;
    }
    if let Some(cert) = &options.client_cert {
        let key = options.client_key.as_ref().unwrap_or(cert);
        let what = |part: &str, file: &Path| format!("read client {part} {}", file.display());
        context
            .set_certificate_chain_file(cert)
            .map_err(|error| first_words(&error))
            .because(Reason::Usage, what("certificate", cert))?;
        context
            .set_private_key_file(key, SslFiletype::PEM)
            .map_err(|error| first_words(&error))
            .because(Reason::Usage, what("key", key))?;
    }
    Ok((context.build(), bundle))
}

impl Judge {
    /// What the handshake showed, and whether the certificate holds.
    pub fn session(self, ssl: &SslRef) -> Result<Session> {
        let mut found = std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner));
        let sent: Vec<&X509Ref> = ssl.peer_cert_chain().into_iter().flatten().collect();
        let verified: Vec<&X509Ref> = ssl.verified_chain().into_iter().flatten().collect();
        let (chain, mut path) = (facts(&sent)?, facts(&verified)?);
        if self.verify == Verify::Nothing {
            found.clear();
        }
        if let Some(bundle) = &self.bundle
            && found.iter().any(Distrust::is_unknown_issuer)
            && let Some(verified) = roots::verify_in(bundle, &sent)?
        {
            found.retain(|distrust| !distrust.is_unknown_issuer());
            found.extend(verified.found);
            path = verified.path;
        }
        found.sort_by_key(|distrust| (distrust.rank(), distrust.depth));
        found.dedup();
        Ok(Session {
            protocol: ssl.version_str().to_owned(),
            cipher: ssl.current_cipher().map_or_else(String::new, |cipher| cipher.name().to_owned()),
            alpn: ssl.selected_alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            chain,
            path,
            trust: found.first().cloned().map_or(Ok(()), Err),
            problems: found,
        })
    }
}

fn facts(certificates: &[&X509Ref]) -> Result<Vec<Certificate>> {
    certificates.iter().map(|x509| Certificate::of(x509)).collect()
}

impl Session {
    /// The failure of a certificate that does not hold, in one sentence.
    pub fn failure(&self, target: &str, distrust: &Distrust) -> Failure {
        let leaf = self.chain.first();
        let bad = self.path.get(distrust.depth as usize).or(leaf);
        let message = match (distrust.reason, leaf, bad) {
            (Reason::TlsName, Some(leaf), _) => {
                format!(
                    "{target}: certificate is for {}, not for this name",
                    plugin::text::shorten(&leaf.names.join(", "), 60)
                )
            }
            (Reason::TlsUntrusted, Some(leaf), _) if self.chain.len() == 1 && !leaf.self_issued => {
                format!("{target}: issuer {} is not trusted, or its certificate was not sent", leaf.issuer)
            }
            (_, _, Some(bad)) => format!("{target}: {} ({})", distrust.text, bad.subject),
            (_, _, None) => format!("{target}: {}", distrust.text),
        };
        Failure::new(distrust.reason, message)
    }
}

/// The failure of a handshake that did not come to its end.
pub fn failed(target: &str, error: &openssl::ssl::Error) -> Failure {
    let what = format!("TLS handshake with {target}");
    if let Some(io) = error.io_error() {
        return Failure::io(what, io);
    }
    if error.code() == ErrorCode::SYSCALL || error.code() == ErrorCode::ZERO_RETURN {
        return Failure::new(Reason::Closed, format!("{what}: closed by the other side"));
    }
    let words = error.ssl_error().map_or_else(|| error.to_string(), first_words);
    if NO_TLS.contains(&words.as_str()) {
        return Failure::new(Reason::TlsHandshake, format!("{what}: the answer is no TLS ({words})"));
    }
    // OpenSSL 3 reports an end of the stream in mid-handshake as an error of its own.
    let reason = if words.contains("unexpected eof") { Reason::Closed } else { Reason::TlsHandshake };
    Failure::new(reason, format!("{what}: {words}"))
}

/// What OpenSSL calls bytes that are no TLS record.
const NO_TLS: [&str; 4] =
    ["wrong version number", "http request", "packet length too long", "record layer failure"];

/// The reason of OpenSSL's first error, without its numbers and functions.
fn first_words(stack: &ErrorStack) -> String {
    let first = stack.errors().first();
    first.and_then(openssl::error::Error::reason).unwrap_or("unknown error").to_owned()
}

/// OpenSSL's words in an error of a stream, where it is one of TLS and not of the connection below.
fn tls_words(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<openssl::ssl::Error>()?;
    error.ssl_error().map(first_words)
}

impl Stream for TlsStream<Conn> {
    fn conn(&mut self) -> &mut Conn {
        self.stream.get_mut()
    }

    /// What TLS says of a broken session, such as a certificate that the server misses, is a failure of the handshake.
    fn failure(&mut self, what: &str, error: &io::Error) -> Failure {
        match tls_words(error) {
            Some(words) => {
                Failure::new(Reason::TlsHandshake, format!("{what} {}: {words}", self.conn().peer()))
            }
            None => Conn::failure(self.conn(), what, error),
        }
    }
}

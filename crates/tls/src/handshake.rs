//! The handshake, and what it showed.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use openssl::error::ErrorStack;
use openssl::ssl::{
    ErrorCode, HandshakeError, Ssl, SslContext, SslFiletype, SslMethod, SslRef, SslStream, SslVerifyMode,
};
use openssl::x509::{X509, X509Ref, X509StoreContext};

use plugin::{Context as _, Failure, Reason, Result};

use crate::{Certificate, Distrust, TlsOptions, Verify, roots};

/// What a handshake showed.
#[derive(Debug, Clone)]
pub struct Session {
    /// `TLSv1.3`.
    pub protocol: String,
    /// `TLS_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The application protocol that both agreed on.
    pub alpn: Option<String>,
    /// The chain as the server sent it, its own certificate first.
    pub chain: Vec<Certificate>,
    /// Whether the chain, validity and name hold, as far as the options ask for it.
    pub trust: std::result::Result<(), Distrust>,
}

/// An encrypted connection over `S`.
#[derive(Debug)]
pub struct TlsStream<S> {
    stream: SslStream<S>,
    session: Session,
}

impl<S> TlsStream<S> {
    /// What the handshake showed.
    pub fn session(&self) -> &Session {
        &self.session
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

impl<S: Read + Write> Read for TlsStream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
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
    let stream = ssl.connect(stream).map_err(|error| match error {
        HandshakeError::SetupFailure(stack) => Failure::from(stack),
        HandshakeError::Failure(stream) | HandshakeError::WouldBlock(stream) => {
            failed(target, stream.error())
        }
    })?;
    let session = judge.session(stream.ssl())?;
    Ok(TlsStream { stream, session })
}

/// A handshake to be made by somebody else (an async stream), and the judge of it.
pub fn prepare(host: &str, options: &TlsOptions) -> Result<(Ssl, Judge)> {
    let name = options.server_name.as_deref().unwrap_or(host).trim_end_matches('.');
    let found = Found::default();
    let (context, bundle) = context(options, &found)?;
    let mut ssl = Ssl::new(&context)?;
    match name.parse::<IpAddr>() {
        // RFC 6066 knows no addresses in SNI.
        Ok(address) if options.verify == Verify::Full => ssl.param_mut().set_ip(address)?,
        Ok(_) => {}
        Err(_) => {
            if !options.without_sni {
                ssl.set_hostname(name)?;
            }
            if options.verify == Verify::Full {
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
        let chain = sent.iter().map(|x509| Certificate::of(x509)).collect::<Result<Vec<_>>>()?;
        if self.verify == Verify::Nothing {
            found.clear();
        }
        if let Some(bundle) = &self.bundle
            && found.iter().any(Distrust::is_unknown_issuer)
            && is_in_bundle(&sent, bundle)?
        {
            found.retain(|distrust| !distrust.is_unknown_issuer());
        }
        found.sort_by_key(Distrust::rank);
        Ok(Session {
            protocol: ssl.version_str().to_owned(),
            cipher: ssl.current_cipher().map_or_else(String::new, |cipher| cipher.name().to_owned()),
            alpn: ssl.selected_alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            chain,
            trust: found.into_iter().next().map_or(Ok(()), Err),
        })
    }
}

/// Whether the chain leads to a root that stands in the bundle only.
fn is_in_bundle(sent: &[&X509Ref], bundle: &Path) -> Result<bool> {
    let Some((leaf, rest)) = sent.split_first() else { return Ok(false) };
    let store = roots::bundle_store(bundle)?;
    let mut others = openssl::stack::Stack::<X509>::new()?;
    for x509 in rest {
        others.push((*x509).to_owned())?;
    }
    let mut context = X509StoreContext::new()?;
    // Expiry is judged by the handshake already: here only the way to a root matters.
    Ok(context.init(&store, leaf, &others, |context| {
        let verified = context.verify_cert()?;
        let error = Distrust::new(context.error(), 0);
        Ok(verified || !error.is_unknown_issuer())
    })?)
}

impl Session {
    /// The failure of a certificate that does not hold, in one sentence.
    pub fn failure(&self, target: &str, distrust: &Distrust) -> Failure {
        let leaf = self.chain.first();
        let bad = self.chain.get(distrust.depth as usize).or(leaf);
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
    // OpenSSL 3 reports an end of the stream in mid-handshake as an error of its own.
    let reason = if words.contains("unexpected eof") { Reason::Closed } else { Reason::TlsHandshake };
    Failure::new(reason, format!("{what}: {words}"))
}

/// The reason of OpenSSL's first error, without its numbers and functions.
fn first_words(stack: &ErrorStack) -> String {
    let first = stack.errors().first();
    first.and_then(openssl::error::Error::reason).unwrap_or("unknown error").to_owned()
}

impl net::Stream for TlsStream<net::Conn> {
    fn conn(&mut self) -> &mut net::Conn {
        self.stream.get_mut()
    }
}

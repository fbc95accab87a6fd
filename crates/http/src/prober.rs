//! One request over one connection of our own, each part of it under the deadline and timed.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper_util::rt::{TokioExecutor, TokioIo};
use plugin::{Context as _, Deadline, Failure, Reason, Result};

use crate::request::{Request, Version};
use crate::response::{Phases, Response};
use crate::wire::{Socket, Wire};
use crate::{body, dial};

/// Most bytes of the headers, and of a chunk's line: more is a protocol error.
const HEADER_LIMIT: usize = 64 * 1024;
/// Most headers.
const HEADERS: usize = 256;

/// Asks once, and follows nothing.
///
/// A certificate that does not hold is no failure here: it stands in [`Response::session`], so that a check can judge it and
/// the content together. Nothing of the request, its credentials least of all, is sent over such a connection unless
/// `TlsOptions::verify` says so: then the failure is the certificate's.
pub fn probe(request: &Request, deadline: &Deadline) -> Result<Response> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(ask(request, deadline));
    // A task that still reads must not hold the exit.
    runtime.shutdown_background();
    answer
}

async fn ask(request: &Request, deadline: &Deadline) -> Result<Response> {
    let target = request.target();
    let mut phases = Phases::default();
    let dialled = dial::dial(request, deadline).await?;
    phases.resolve = dialled.resolve;
    phases.connect = dialled.connect;
    let counter = Arc::new(AtomicU64::new(0));

    let (wire, session) = if request.is_https() {
        let started = Instant::now();
        let what = format!("TLS handshake with {target}");
        let (stream, session) =
            within(deadline, &what, handshake(dialled.socket, request, &target)).await??;
        phases.tls = started.elapsed();
        if let Err(distrust) = &session.trust {
            return Err(session.failure(&target, distrust));
        }
        (Wire::Tls(Box::new(stream), Arc::clone(&counter)), Some(session))
    } else {
        (Wire::Plain(dialled.socket, Arc::clone(&counter)), None)
    };

    let started = Instant::now();
    let what = format!("{} {}", request.method, crate::request::without_login(&request.url));
    let over_http2 = match &session {
        Some(session) => session.alpn.as_deref() == Some("h2"),
        None => request.version == Version::Http2,
    };
    if request.version == Version::Http2 && !over_http2 {
        return Err(Failure::new(Reason::Protocol, format!("{target} does not speak HTTP/2")));
    }
    let message = message(request, over_http2, dialled.through_proxy)?;
    let response =
        within(deadline, &what, send(wire, message, over_http2)).await?.map_err(|e| failure(&what, &e))?;
    phases.first_byte = started.elapsed();

    let started = Instant::now();
    let (parts, incoming) = response.into_parts();
    let mut answer = Response {
        version: version_name(parts.version),
        status: parts.status.as_u16(),
        reason: reason_phrase(&parts),
        headers: headers(&parts.headers),
        body: Vec::new(),
        truncated: false,
        received: 0,
        phases,
        session,
        address: dialled.address,
    };
    if !request.headers_only {
        let what = format!("read the answer of {target}");
        let read = within(deadline, &what, read_body(incoming, request.body_limit)).await?;
        let (bytes, cut) = read.map_err(|error| failure(&what, &error))?;
        let encoding = answer.header("content-encoding").unwrap_or_default().to_owned();
        // What was cut is no whole stream, and nothing can be said of its rest.
        let (bytes, more) = if cut && !encoding.is_empty() {
            (Vec::new(), true)
        } else {
            body::decompress(bytes, &encoding, request.body_limit, &target)?
        };
        answer.body = bytes;
        answer.truncated = cut || more;
    }
    answer.phases.transfer = started.elapsed();
    answer.received = counter.load(Ordering::Relaxed);
    Ok(answer)
}

async fn handshake(
    socket: Socket,
    request: &Request,
    target: &str,
) -> Result<(tokio_openssl::SslStream<Socket>, tls::Session)> {
    let mut options = request.tls.clone();
    if options.alpn.is_empty() {
        options.alpn = match request.version {
            Version::Http2 => vec!["h2".to_owned(), "http/1.1".to_owned()],
            Version::Http10 | Version::Http11 => vec!["http/1.1".to_owned()],
        };
    }
    let (ssl, judge) = tls::prepare(&request.host(), &options)?;
    let mut stream = tokio_openssl::SslStream::new(ssl, socket)?;
    std::pin::Pin::new(&mut stream).connect().await.map_err(|error| tls::failed(target, &error))?;
    let session = judge.session(stream.ssl())?;
    Ok((stream, session))
}

type Sent = std::result::Result<hyper::Response<Incoming>, hyper::Error>;

async fn send(wire: Wire, message: hyper::Request<Full<Bytes>>, over_http2: bool) -> Sent {
    let io = TokioIo::new(wire);
    if over_http2 {
        let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(u32::try_from(HEADER_LIMIT).unwrap_or(u32::MAX))
            .handshake(io)
            .await?;
        tokio::spawn(connection);
        return sender.send_request(message).await;
    }
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(HEADER_LIMIT)
        .max_headers(HEADERS)
        .preserve_header_case(true)
        .handshake(io)
        .await?;
    tokio::spawn(connection);
    sender.send_request(message).await
}

fn message(request: &Request, over_http2: bool, through_proxy: bool) -> Result<hyper::Request<Full<Bytes>>> {
    let url = &request.url;
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let authority = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    // RFC 9112 3.2.2: a proxy gets the absolute form; HTTP/2 makes its pseudo-headers of it.
    let uri =
        if over_http2 || through_proxy { format!("{}://{authority}{path}", url.scheme()) } else { path };
    let version = match request.version {
        Version::Http10 => hyper::Version::HTTP_10,
        _ if over_http2 => hyper::Version::HTTP_2,
        _ => hyper::Version::HTTP_11,
    };
    let mut message = hyper::Request::builder().method(request.method.as_str()).uri(uri).version(version);
    if !over_http2 && request.header("host").is_none() {
        message = message.header("Host", authority);
    }
    if request.header("user-agent").is_none() {
        message = message.header("User-Agent", concat!("verdigris/", env!("CARGO_PKG_VERSION")));
    }
    if !over_http2 && request.header("connection").is_none() {
        message = message.header("Connection", "close");
    }
    if request.compressed && request.header("accept-encoding").is_none() {
        message = message.header("Accept-Encoding", "gzip, deflate");
    }
    for (name, value) in &request.headers {
        let bad = |what: &str| {
            Failure::new(Reason::Usage, format!("header `{}`: {what}", plugin::text::clean(name)))
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("no name of a header"))?;
        let value =
            HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad("a value with control characters"))?;
        message = message.header(name, value);
    }
    message.body(Full::new(request.body.clone())).because(Reason::Usage, "the request")
}

type ReadBody = std::result::Result<(Vec<u8>, bool), hyper::Error>;

async fn read_body(mut incoming: Incoming, limit: usize) -> ReadBody {
    let mut bytes = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = limit.saturating_sub(bytes.len());
        if data.len() > room {
            bytes.extend_from_slice(&data[..room]);
            return Ok((bytes, true));
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, false))
}

/// What a future gives, or the failure of the deadline that cut it short.
pub(crate) async fn within<T>(deadline: &Deadline, what: &str, future: impl Future<Output = T>) -> Result<T> {
    let left = deadline.step(what)?;
    tokio::time::timeout(left.max(Duration::from_millis(1)), future).await.map_err(|_| deadline.expired(what))
}

fn failure(what: &str, error: &hyper::Error) -> Failure {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            let failure = Failure::io(what, io);
            // hyper reports a chunk that makes no sense as an error of the operating system.
            let reason = if failure.reason == Reason::Internal { Reason::Protocol } else { failure.reason };
            return Failure { reason, ..failure };
        }
        source = inner.source();
    }
    let reason = if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        Reason::Closed
    } else {
        Reason::Protocol
    };
    let words = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    Failure::new(reason, format!("{what}: {words}"))
}

fn version_name(version: hyper::Version) -> &'static str {
    match version {
        hyper::Version::HTTP_09 => "HTTP/0.9",
        hyper::Version::HTTP_10 => "HTTP/1.0",
        hyper::Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

// hyper keeps the words only where they are not the usual ones.
fn reason_phrase(parts: &hyper::http::response::Parts) -> String {
    match parts.extensions.get::<hyper::ext::ReasonPhrase>() {
        Some(words) => plugin::text::clean_bytes(words.as_bytes()),
        None => parts.status.canonical_reason().unwrap_or_default().to_owned(),
    }
}

fn headers(map: &hyper::HeaderMap) -> Vec<(String, String)> {
    map.iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

//! One request over one connection of our own, each part of it under the deadline and timed.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::response::Parts;
use hyper_util::rt::{TokioExecutor, TokioIo};
use plugin::{Context as _, Deadline, Failure, Reason, Result};

use crate::proxy::Proxy;
use crate::request::{Header, Request, Version, without_login};
use crate::response::{Hop, Phases, Response};
use crate::wire::{Meter, Socket, Wire};
use crate::{body, dial, head};

/// Most bytes of the headers, and of a chunk's line: more is a protocol error.
const HEADER_LIMIT: usize = 64 * 1024;
/// Most headers.
const HEADERS: usize = 256;

/// What was seen of a hop until it ended, one way or the other.
#[derive(Debug)]
pub(crate) struct Seen {
    pub peer: String,
    pub address: Option<SocketAddr>,
    pub phases: Phases,
    pub session: Option<tls::Session>,
}

/// Asks once, and follows nothing.
///
/// A certificate that does not hold, as far as `TlsOptions::verify` asks for it, is a failure before anything of the request,
/// its credentials least of all, is sent; [`Hop::session`] shows the certificate all the same.
pub fn probe(request: &Request, deadline: &Deadline) -> Hop {
    let mut seen = Seen { peer: request.peer(), address: None, phases: Phases::default(), session: None };
    let answer = ask(request, deadline, &mut seen);
    let Seen { peer, address, phases, session } = seen;
    Hop { url: without_login(&request.url), peer, address, phases, session, answer }
}

/// The name of the other side and what its handshake shows; nothing is asked.
///
/// Errors as [`probe`] does, also for a certificate that does not hold.
pub fn handshake(request: &Request, deadline: &Deadline) -> Result<(String, tls::Session)> {
    let mut seen = Seen { peer: request.peer(), address: None, phases: Phases::default(), session: None };
    let conn = dial::dial(request, request.route.proxies.of_url(&request.url), deadline, &mut seen)?;
    deadline.step(format_args!("TLS handshake with {}", seen.peer))?;
    let stream = tls::connect(conn, &seen.peer, request.host(), &request.tls)?;
    Ok((seen.peer, stream.session().clone()))
}

fn ask(request: &Request, deadline: &Deadline, seen: &mut Seen) -> Result<Response> {
    let proxy = request.route.proxies.of_url(&request.url);
    // Names are looked up on a runtime of their own: this has to stand before ours.
    let conn = dial::dial(request, proxy, deadline, seen)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async {
        let socket = match conn.into_socket() {
            net::Socket::Tcp(stream) => Socket::Tcp(tokio::net::TcpStream::from_std(stream)?),
            net::Socket::Unix(stream) => Socket::Unix(tokio::net::UnixStream::from_std(stream)?),
            net::Socket::Udp(_) => return Err(Failure::new(Reason::Internal, "HTTP over UDP")),
        };
        let plain_proxy = proxy.filter(|_| !request.is_https());
        talk(socket, request, plain_proxy, deadline, seen).await
    });
    // A task that still reads must not hold the exit.
    runtime.shutdown_background();
    answer
}

async fn talk(
    socket: Socket,
    request: &Request,
    proxy: Option<&Proxy>,
    deadline: &Deadline,
    seen: &mut Seen,
) -> Result<Response> {
    let peer = seen.peer.clone();
    let meter = Meter::new(deadline);
    let wire = if request.is_https() {
        let started = Instant::now();
        let what = format!("TLS handshake with {peer}");
        let shaken = within(deadline, &what, shake_hands(socket, request, &peer)).await;
        seen.phases.tls = started.elapsed();
        let (stream, session) = shaken??;
        let session = seen.session.insert(session);
        if let Err(distrust) = &session.trust {
            return Err(session.failure(&peer, distrust));
        }
        Wire::Tls(Box::new(stream), meter.clone())
    } else {
        Wire::Plain(socket, meter.clone())
    };
    let over_http2 = match &seen.session {
        Some(session) => session.alpn.as_deref() == Some("h2"),
        None => request.version == Version::Http2 && !request.or_older,
    };
    if request.version == Version::Http2 && !over_http2 && !request.or_older {
        return Err(Failure::new(Reason::Protocol, format!("{peer} does not speak HTTP/2")));
    }
    let message = message(request, over_http2, proxy)?;
    let what = format!("{} {}", request.method, without_login(&request.url));
    let started = Instant::now();
    let answer = within(deadline, &what, send(wire, message, over_http2)).await;
    let notes = |phases: &mut Phases| {
        let notes = meter.notes();
        let sent = notes.sent_at.unwrap_or(started);
        phases.send = sent.duration_since(started);
        phases.wait = notes.came_at.unwrap_or_else(Instant::now).saturating_duration_since(sent);
        notes.came_at.unwrap_or_else(Instant::now)
    };
    let came = notes(&mut seen.phases);
    let (parts, incoming) = answer?.map_err(|error| failure(&what, &error))?.into_parts();
    let mut response = response(&parts, over_http2, &meter);
    if !request.headers_only {
        let what = format!("read the answer of {peer}");
        read_body(incoming, request, deadline, &what, &mut response).await;
    }
    seen.phases.transfer = came.elapsed();
    let framed = (response.head.len() + response.body.len()) as u64;
    response.received = if over_http2 { framed } else { meter.notes().received };
    undo_encoding(&mut response, request, &peer);
    Ok(response)
}

fn response(parts: &Parts, over_http2: bool, meter: &Meter) -> Response {
    let headers = headers(&parts.headers);
    let raw = if over_http2 { None } else { head::split(&meter.notes().start) };
    let (status_line, head) = raw.unwrap_or_else(|| {
        let lines: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", plugin::text::clean(value))).collect();
        (format!("{} {}", version_name(parts.version), parts.status.as_u16()), lines.join("\n"))
    });
    Response {
        status_line,
        status: parts.status.as_u16(),
        head,
        headers,
        body: Vec::new(),
        truncated: false,
        broken: None,
        received: 0,
    }
}

// What was cut is no whole stream, and nothing can be said of its rest.
fn undo_encoding(response: &mut Response, request: &Request, peer: &str) {
    let encoding = response.header("content-encoding").unwrap_or_default().to_owned();
    if !request.compressed || encoding.is_empty() || response.body.is_empty() {
        return;
    }
    let packed = std::mem::take(&mut response.body);
    if response.truncated || response.broken.is_some() {
        return;
    }
    match body::decompress(packed, &encoding, request.body_limit, peer) {
        Ok((bytes, more)) => (response.body, response.truncated) = (bytes, more),
        Err(failure) => response.broken = Some(failure),
    }
}

async fn shake_hands(
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
    let (ssl, judge) = tls::prepare(request.host(), &options)?;
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
        .title_case_headers(true)
        .handshake(io)
        .await?;
    tokio::spawn(connection);
    sender.send_request(message).await
}

fn message(
    request: &Request,
    over_http2: bool,
    proxy: Option<&Proxy>,
) -> Result<hyper::Request<Full<Bytes>>> {
    let path = request.path();
    let host = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"));
    let authority = host.map_or_else(|| request.authority(), |host| host.value.clone());
    let is_absolute = path.starts_with("http://") || path.starts_with("https://");
    // RFC 9112 3.2.2: a proxy gets the absolute form; HTTP/2 makes its pseudo-headers of it.
    let uri = if is_absolute || !(over_http2 || proxy.is_some()) {
        path
    } else {
        format!("{}://{authority}{path}", request.url.scheme())
    };
    let version = match request.version {
        Version::Http10 => hyper::Version::HTTP_10,
        _ if over_http2 => hyper::Version::HTTP_2,
        _ => hyper::Version::HTTP_11,
    };
    let mut message = hyper::Request::builder().method(request.method.as_str()).uri(uri).version(version);
    if !over_http2 && request.send_host && !request.has_header("host") {
        message = message.header("Host", authority);
    }
    if !request.has_header("user-agent") {
        message = message.header("User-Agent", concat!("verdigris/", env!("CARGO_PKG_VERSION")));
    }
    if !over_http2 && !request.has_header("connection") {
        message = message.header("Connection", "close");
    }
    if request.compressed && !request.has_header("accept-encoding") {
        message = message.header("Accept-Encoding", "gzip, deflate");
    }
    if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
        message = message.header("Proxy-Authorization", authorization.expose());
    }
    for Header { name, value, .. } in &request.headers {
        let bad = |what: &str| {
            Failure::new(Reason::Usage, format!("header `{}`: {what}", plugin::text::clean(name)))
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("no name of a header"))?;
        let value =
            HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad("a value with control characters"))?;
        // HTTP/2 has no connections to close (RFC 9113, 8.2.2), and its host stands in the pseudo-header.
        if !(over_http2 && ["connection", "host"].contains(&name.as_str())) {
            message = message.header(name, value);
        }
    }
    message.body(Full::new(request.body.clone())).because(Reason::Usage, "make the request")
}

// Keeps what came until the end, whichever it is.
async fn read_body(
    mut incoming: Incoming,
    request: &Request,
    deadline: &Deadline,
    what: &str,
    response: &mut Response,
) {
    loop {
        let data = match within(deadline, what, incoming.frame()).await {
            Ok(None) => return,
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            Ok(Some(Err(error))) => {
                response.broken = Some(failure(what, &error));
                return;
            }
            Err(expired) => {
                response.broken = Some(expired);
                return;
            }
        };
        let room = request.body_limit.saturating_sub(response.body.len());
        response.body.extend_from_slice(&data[..room.min(data.len())]);
        if data.len() > room {
            response.truncated = true;
            return;
        }
    }
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

fn headers(map: &hyper::HeaderMap) -> Vec<(String, String)> {
    map.iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

//! The connection below HTTP: to the target, its stand-in, a proxy, or a socket of the file system.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use base64::Engine as _;
use net::{Endpoint, Target};
use plugin::{Deadline, Failure, Reason, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::prober::within;
use crate::request::{Proxy, ProxyProtocol, Request};
use crate::wire::Socket;

/// Most bytes of a proxy's answer to CONNECT.
const PROXY_ANSWER: usize = 16 * 1024;

pub(crate) struct Dialled {
    pub socket: Socket,
    pub address: Option<SocketAddr>,
    pub resolve: Duration,
    pub connect: Duration,
    /// Plain HTTP to a proxy, which wants the whole URL.
    pub through_proxy: bool,
}

/// Connects; a proxy's CONNECT and the PROXY header are part of it.
pub(crate) async fn dial(request: &Request, deadline: &Deadline) -> Result<Dialled> {
    let target = peer(request)?;
    let endpoint = match (request.route.address, &target) {
        (Some(address), Target::Host { port, .. }) if request.route.proxy.is_none() => {
            let address = SocketAddr::new(address, *port);
            Endpoint::known(target, address)
        }
        _ => target.resolve(request.route.family, deadline)?,
    };
    let started = Instant::now();
    let conn = endpoint.connect(deadline)?;
    let (address, proxy_name) = (conn.address(), conn.peer().to_owned());
    let mut socket = match conn.into_socket() {
        net::Socket::Tcp(stream) => Socket::Tcp(tokio::net::TcpStream::from_std(stream)?),
        net::Socket::Unix(stream) => Socket::Unix(tokio::net::UnixStream::from_std(stream)?),
        net::Socket::Udp(_) => return Err(Failure::new(Reason::Internal, "HTTP over UDP")),
    };
    if let (Some(version), Socket::Tcp(stream), Some(address)) =
        (request.route.proxy_protocol, &mut socket, address)
    {
        let header = proxy_header(version, stream.local_addr()?, address);
        let what = format!("send the PROXY header to {address}");
        within(deadline, &what, stream.write_all(&header))
            .await?
            .map_err(|error| Failure::io(&what, &error))?;
    }
    let mut through_proxy = false;
    if let Some(proxy) = &request.route.proxy {
        if request.is_https() {
            let what = format!("CONNECT {} through {proxy_name}", request.target());
            within(deadline, &what, tunnel(&mut socket, request, proxy, &what)).await??;
        } else {
            through_proxy = true;
        }
    }
    Ok(Dialled { socket, address, resolve: endpoint.lookup, connect: started.elapsed(), through_proxy })
}

/// Whom the connection goes to.
fn peer(request: &Request) -> Result<Target> {
    if let Some(path) = &request.route.unix {
        return Ok(Target::Unix(path.clone()));
    }
    if let Some(proxy) = &request.route.proxy {
        let host = proxy.url.host_str().unwrap_or_default();
        return Target::new(host, Some(proxy.url.port_or_known_default().unwrap_or(3128)));
    }
    match &request.route.connect_to {
        Some((host, port)) => Target::new(host, Some(*port)),
        None => Target::new(&request.host(), Some(request.port())),
    }
}

/// RFC 9110 9.3.6: after a 2xx the connection is the target's.
async fn tunnel(stream: &mut Socket, request: &Request, proxy: &Proxy, what: &str) -> Result<()> {
    let target = format!("{}:{}", request.url.host_str().unwrap_or_default(), request.port());
    let mut ask = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(authorization) = &proxy.authorization {
        ask.push_str("Proxy-Authorization: ");
        ask.push_str(authorization.expose());
        ask.push_str("\r\n");
    }
    ask.push_str("\r\n");
    let io = |error: std::io::Error| Failure::io(what, &error);
    stream.write_all(ask.as_bytes()).await.map_err(io)?;
    let mut answer = Vec::new();
    // Byte by byte, so that nothing of the target's own first words is taken.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= PROXY_ANSWER {
            return Err(Failure::new(Reason::Protocol, format!("{what}: its headers are endless")));
        }
        let byte = stream.read_u8().await.map_err(io)?;
        answer.push(byte);
    }
    let first = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = plugin::text::clean_bytes(first);
    let status = line.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
    match status {
        Some(200..=299) => Ok(()),
        Some(407) => Err(Failure::new(Reason::Auth, format!("{what}: {line}"))),
        Some(_) => Err(Failure::new(Reason::Status, format!("{what}: {line}"))),
        None => {
            Err(Failure::new(Reason::Protocol, format!("{what}: `{}`", plugin::text::shorten(&line, 60))))
        }
    }
}

/// A basic login as the value of an `Authorization` header (RFC 7617).
pub fn basic(login: &str) -> plugin::Secret {
    let encoded = base64::engine::general_purpose::STANDARD.encode(login);
    // Both forms are secret: a server may echo either.
    plugin::Secret::new(encoded.clone());
    plugin::Secret::new(format!("Basic {encoded}"))
}

/// The header of the PROXY protocol, <https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>.
fn proxy_header(version: ProxyProtocol, from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    match version {
        ProxyProtocol::V1 => {
            let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
            format!("PROXY {family} {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port()).into_bytes()
        }
        ProxyProtocol::V2 => {
            let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
            let mut addresses = Vec::new();
            let family = match (from.ip(), to.ip()) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    addresses.extend(from.octets());
                    addresses.extend(to.octets());
                    0x11
                }
                (from, to) => {
                    addresses.extend(v6(from));
                    addresses.extend(v6(to));
                    0x21
                }
            };
            addresses.extend(from.port().to_be_bytes());
            addresses.extend(to.port().to_be_bytes());
            header.extend([0x21, family]);
            header.extend(u16::try_from(addresses.len()).unwrap_or_default().to_be_bytes());
            header.extend(addresses);
            header
        }
    }
}

fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::{ProxyProtocol, basic, proxy_header};

    #[test]
    fn the_proxy_header_in_both_forms() {
        let (from, to) = (([10, 0, 0, 1], 4000).into(), ([10, 0, 0, 2], 443).into());
        assert_eq!(proxy_header(ProxyProtocol::V1, from, to), b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 443\r\n");
        let binary = proxy_header(ProxyProtocol::V2, from, to);
        assert_eq!(&binary[..16], b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c");
        assert_eq!(&binary[16..], [10, 0, 0, 1, 10, 0, 0, 2, 0x0f, 0xa0, 0x01, 0xbb]);
    }

    #[test]
    fn a_login_is_encoded_and_secret() {
        assert_eq!(basic("Aladdin:open sesame").expose(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}

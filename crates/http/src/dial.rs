//! The connection below HTTP: to the target, its stand-in, a proxy, or a socket of the file system.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use net::{Conn, Endpoint, Target};
use plugin::{Deadline, Failure, Reason, Result};

use crate::prober::Seen;
use crate::proxy::Proxy;
use crate::request::{ProxyProtocol, Request};

/// Most bytes of a proxy's answer to CONNECT.
const PROXY_ANSWER: usize = 16 * 1024;

/// Connects; a proxy's CONNECT and the PROXY header are part of it. Blocks, but never beyond the deadline.
pub(crate) fn dial(
    request: &Request,
    proxy: Option<&Proxy>,
    deadline: &Deadline,
    seen: &mut Seen,
) -> Result<Conn> {
    let target = peer(request, proxy)?;
    let endpoint = match (request.route.address, &target) {
        (Some(address), Target::Host { port, .. }) if proxy.is_none() => {
            let address = SocketAddr::new(address, *port);
            Endpoint::known(target, address)
        }
        _ => target.resolve(request.route.family, deadline)?,
    };
    seen.phases.resolve = endpoint.lookup;
    let started = Instant::now();
    let conn = endpoint.connect(deadline);
    seen.phases.connect = started.elapsed();
    let mut conn = conn?;
    conn.peer().clone_into(&mut seen.peer);
    seen.address = conn.address();
    if let Some(version) = request.route.proxy_protocol {
        deadline.step(format_args!("send the PROXY header to {}", seen.peer))?;
        let header = match conn.address() {
            Some(to) => proxy_header(version, conn.local_address()?, to),
            None => unknown_header(version),
        };
        conn.write_all(&header).map_err(|error| conn.failure("send the PROXY header to", &error))?;
    }
    if let Some(proxy) = proxy.filter(|_| request.is_https()) {
        tunnel(&mut conn, request, proxy)?;
    }
    seen.phases.connect = started.elapsed();
    Ok(conn)
}

/// Whom the connection goes to.
fn peer(request: &Request, proxy: Option<&Proxy>) -> Result<Target> {
    if let Some(path) = &request.route.unix {
        return Ok(Target::Unix(path.clone()));
    }
    if let Some(proxy) = proxy {
        return Target::new(&proxy.host, Some(proxy.port));
    }
    match &request.route.connect_to {
        Some((host, port)) => Target::new(host, Some(*port)),
        None => Target::new(request.host(), Some(request.port())),
    }
}

/// RFC 9110 9.3.6: after a 2xx the connection is the target's.
fn tunnel(conn: &mut Conn, request: &Request, proxy: &Proxy) -> Result<()> {
    let target = format!("{}:{}", request.url.host_str().unwrap_or_default(), request.port());
    let what = format!("CONNECT {target} through {}", conn.peer());
    conn.deadline().step(&what)?;
    let mut ask = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(authorization) = &proxy.authorization {
        ask.push_str("Proxy-Authorization: ");
        ask.push_str(authorization.expose());
        ask.push_str("\r\n");
    }
    ask.push_str("\r\n");
    conn.write_all(ask.as_bytes()).map_err(|error| io(conn, &what, &error))?;
    let mut answer = Vec::new();
    let mut byte = [0];
    // Byte by byte, so that nothing of the target's own first words is taken.
    while !(answer.ends_with(b"\r\n\r\n") || answer.ends_with(b"\n\n")) {
        if answer.len() >= PROXY_ANSWER {
            return Err(Failure::new(Reason::Protocol, format!("{what}: its headers are endless")));
        }
        match conn.read(&mut byte) {
            Ok(0) => return Err(Failure::new(Reason::Closed, format!("{what}: closed by the proxy"))),
            Ok(_) => answer.push(byte[0]),
            Err(error) => return Err(io(conn, &what, &error)),
        }
    }
    let first = answer.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let line = plugin::text::clean_bytes(first);
    let status = line.strip_prefix("HTTP/1.").and_then(|_| line.split(' ').nth(1)?.parse::<u16>().ok());
    let line = plugin::text::shorten(&line, 60);
    match status {
        Some(200..=299) => Ok(()),
        Some(407) => Err(Failure::new(Reason::Auth, format!("{what}: {line}"))),
        Some(_) => Err(Failure::new(Reason::Status, format!("{what}: {line}"))),
        None => Err(Failure::new(Reason::Protocol, format!("{what}: answered `{line}`"))),
    }
}

fn io(conn: &Conn, what: &str, error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::TimedOut => conn.deadline().expired(what),
        _ => Failure::io(what, error),
    }
}

/// The first 12 bytes of version 2, and then its version and command PROXY.
const V2_START: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21";

/// The header of the PROXY protocol, <https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>.
fn proxy_header(version: ProxyProtocol, from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    match version {
        ProxyProtocol::V1 => {
            let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
            format!("PROXY {family} {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port()).into_bytes()
        }
        ProxyProtocol::V2 => {
            let mut addresses = Vec::new();
            let (family, length) = match (from.ip(), to.ip()) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    addresses.extend(from.octets());
                    addresses.extend(to.octets());
                    (0x11, 12)
                }
                (from, to) => {
                    addresses.extend(v6(from));
                    addresses.extend(v6(to));
                    (0x21, 36)
                }
            };
            addresses.extend(from.port().to_be_bytes());
            addresses.extend(to.port().to_be_bytes());
            [V2_START, &[family, 0, length], &addresses].concat()
        }
    }
}

/// The same where the connection has no addresses.
fn unknown_header(version: ProxyProtocol) -> Vec<u8> {
    match version {
        ProxyProtocol::V1 => b"PROXY UNKNOWN\r\n".to_vec(),
        ProxyProtocol::V2 => [V2_START, &[0, 0, 0]].concat(),
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
    use super::{ProxyProtocol, proxy_header, unknown_header};

    #[test]
    fn the_proxy_header_in_both_forms() {
        let (from, to) = (([10, 0, 0, 1], 4000).into(), ([10, 0, 0, 2], 443).into());
        assert_eq!(proxy_header(ProxyProtocol::V1, from, to), b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 443\r\n");
        let binary = proxy_header(ProxyProtocol::V2, from, to);
        assert_eq!(&binary[..16], b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c");
        assert_eq!(&binary[16..], [10, 0, 0, 1, 10, 0, 0, 2, 0x0f, 0xa0, 0x01, 0xbb]);
        let (from, to) =
            ("[::1]:4000".parse().expect("an address"), "[::2]:443".parse().expect("an address"));
        let binary = proxy_header(ProxyProtocol::V2, from, to);
        assert_eq!((binary.len(), &binary[12..16]), (16 + 36, &b"\x21\x21\0\x24"[..]));
        assert_eq!(unknown_header(ProxyProtocol::V2), b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0");
    }
}

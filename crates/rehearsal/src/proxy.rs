//! An HTTP proxy that connects its clients to hosts on its allow list (CONNECT, RFC 9110, section 9.3.6).

use crate::services::{SERVICES, Service};
use crate::talk::{PATIENCE, patient, read_until};
use std::io::{self, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

const METHOD_NOT_ALLOWED: &str = "405 Method Not Allowed\r\nAllow: CONNECT";
const FORBIDDEN: &str = "403 Forbidden";
const BAD_GATEWAY: &str = "502 Bad Gateway";

/// One client: a tunnel to what it asks for, or the reason why not.
pub fn serve(client: &mut TcpStream, port: u16) -> io::Result<()> {
    let head = read_until(client, b"\r\n\r\n")?;
    match open(&String::from_utf8_lossy(&head), port) {
        Ok(server) => {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            relay(client, server)
        }
        Err(status) => {
            write!(client, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
    }
}

/// The connection that the client asks for, or the status that tells it why there is none.
fn open(head: &str, port: u16) -> Result<TcpStream, &'static str> {
    let target = target(head).ok_or(METHOD_NOT_ALLOWED)?;
    let service = allowed(target, port).ok_or(FORBIDDEN)?;
    let address = SocketAddr::from((service.address, port));
    let connect = || {
        let server = TcpStream::connect_timeout(&address, PATIENCE)?;
        patient(&server)?;
        Ok(server)
    };
    connect().map_err(|_: io::Error| BAD_GATEWAY)
}

/// The `host:port` of a CONNECT.
fn target(head: &str) -> Option<&str> {
    head.strip_prefix("CONNECT ")?.split(' ').next()
}

/// The allow list: the services that speak TLS, by name.
fn allowed(target: &str, port: u16) -> Option<&'static Service> {
    let host = target.strip_suffix(&port.to_string())?.strip_suffix(':')?;
    SERVICES
        .iter()
        .find(|service| service.talk.is_encrypted() && service.full_name().eq_ignore_ascii_case(host))
}

/// Both ways at once, until both sides have said all.
fn relay(client: &mut TcpStream, mut server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    std::thread::scope(|scope| {
        scope.spawn(move || pass(&mut from_client, &mut to_server));
        pass(&mut server, client);
    });
    Ok(())
}

fn pass(from: &mut TcpStream, to: &mut TcpStream) {
    // One that breaks off has said all too; the other side learns it by the end.
    io::copy(from, to).unwrap_or(0);
    to.shutdown(Shutdown::Write).unwrap_or(());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_the_list_is_connected() {
        let name = |target| allowed(target, 443).map(|service| service.name);
        assert_eq!(name("mirror.iad2.example.net:443"), Some("mirror"));
        assert_eq!(name("Mirror.IAD2.example.net:443"), Some("mirror"));
        assert_eq!(name("mirror.iad2.example.net:22"), None, "another port");
        assert_eq!(name("mirror.iad2.example.net443"), None);
        assert_eq!(name("pg-rw.iad2.example.net:443"), None, "no TLS there");
        assert_eq!(name("example.com:443"), None);
    }

    #[test]
    fn who_is_not_connected_is_told_why() {
        let status = |head| open(head, 443).map(|_| ()).unwrap_err();
        assert_eq!(status("GET http://mirror.iad2.example.net/ HTTP/1.1\r\n\r\n"), METHOD_NOT_ALLOWED);
        assert_eq!(status("CONNECT example.com:443 HTTP/1.1\r\n\r\n"), FORBIDDEN);
        assert_eq!(status(""), METHOD_NOT_ALLOWED);
    }
}

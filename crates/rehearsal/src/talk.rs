//! What a service says to one client over TCP.

use crate::services::{Service, Talk};
use crate::{dns, proxy};
use openssl::ssl::SslAcceptor;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A client that says nothing for so long is hung up on.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// No request that is answered here is longer.
pub const LIMIT: usize = 4096;

/// A service with what it needs to talk to its clients.
pub struct Speaker {
    /// Which.
    pub service: &'static Service,
    /// The one port of all services.
    pub port: u16,
    /// For a service that speaks TLS.
    pub acceptor: Option<SslAcceptor>,
}

impl Speaker {
    /// Talks to a client, to the end.
    pub fn talk(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        patient(&stream)?;
        match (&self.service.talk, &self.acceptor) {
            (Talk::Proxy, _) => proxy::serve(&mut stream, self.port),
            (talk, None) => say(talk, &mut stream),
            (talk, Some(acceptor)) => {
                let mut stream = acceptor.accept(stream).map_err(io::Error::other)?;
                say(talk, &mut stream)?;
                // The end is said too (RFC 8446, section 6.1), so that nobody takes it for a cut.
                stream.shutdown().map(drop).map_err(io::Error::other)
            }
        }
    }
}

/// Waits for this connection so long and no longer.
pub fn patient(stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}

fn say(talk: &Talk, stream: &mut (impl Read + Write)) -> io::Result<()> {
    match talk {
        Talk::Dns => {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut query)?;
            let Some(response) = dns::answer(&query) else { return Ok(()) };
            let length = u16::try_from(response.len()).map_err(io::Error::other)?;
            stream.write_all(&[&length.to_be_bytes()[..], &response].concat())
        }
        // Nobody listens for streams of the first; the second is another module's.
        Talk::Ntp | Talk::Proxy => Ok(()),
        Talk::Listen => {
            let mut buffer = [0; LIMIT];
            while stream.read(&mut buffer)? > 0 {}
            Ok(())
        }
        Talk::Https { request, status, header, body } => {
            let head = read_until(stream, b"\r\n\r\n")?;
            let found = head.starts_with(request.as_bytes());
            let (status, header, body) = if found {
                (*status, *header, *body)
            } else {
                ("404 Not Found", "Content-Type: text/plain", "")
            };
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {length}\r\nConnection: close");
            stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes())
        }
        Talk::Smtp => smtp(stream),
        Talk::Postgres => {
            // Length 8, code 1234 5679: SSLRequest.
            let mut request = [0; 8];
            stream.read_exact(&mut request)?;
            if request == [0, 0, 0, 8, 4, 210, 22, 47] { stream.write_all(b"N") } else { Ok(()) }
        }
        Talk::Amqp => {
            let mut header = [0; 8];
            stream.read_exact(&mut header)?;
            stream.write_all(b"AMQP\x00\x00\x09\x01")
        }
    }
}

fn smtp(stream: &mut (impl Read + Write)) -> io::Result<()> {
    write!(stream, "220 smtp.iad2.example.net ESMTP\r\n")?;
    loop {
        let line = read_until(stream, b"\r\n")?;
        let verb: Vec<u8> = line.iter().take(4).map(u8::to_ascii_uppercase).collect();
        match verb.as_slice() {
            b"QUIT" => return write!(stream, "221 2.0.0 Bye\r\n"),
            b"EHLO" | b"HELO" => write!(stream, "250 smtp.iad2.example.net\r\n")?,
            b"NOOP" | b"RSET" => write!(stream, "250 2.0.0 OK\r\n")?,
            b"" => return Ok(()),
            _ => write!(stream, "502 5.5.1 Command not implemented\r\n")?,
        }
    }
}

/// Reads up to and with `end`, or until the client stops or has sent more than is sensible.
pub fn read_until(stream: &mut impl Read, end: &[u8]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut byte = [0];
    while text.len() < LIMIT && !text.ends_with(end) && stream.read(&mut byte)? > 0 {
        text.push(byte[0]);
    }
    Ok(text)
}

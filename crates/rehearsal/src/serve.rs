//! One service: answers on its address until standard input ends.
//!
//! The director holds the other end of standard input. When the director is gone, however it ended, the service
//! ends too, unless it was told `keep` before. A service that loses what it needs is out of service until that is back.

use crate::dns;
use crate::services::{Service, Talk};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What the director writes to leave a service up.
pub const KEEP: &str = "keep";
/// What a service prints when it listens.
pub const READY: &str = "ready";

/// A client that says nothing for so long is hung up on.
const PATIENCE: Duration = Duration::from_secs(5);
/// No request that is answered here is longer.
const LIMIT: usize = 4096;

/// Between two looks at whether somebody connects, or whether a lost service is back.
const TICK: Duration = Duration::from_millis(5);

/// Listens, says so, and answers until told to end.
pub fn serve(service: &'static Service, port: u16) -> Result<(), String> {
    let address = SocketAddr::from((service.address, port));
    let failed = |error| format!("{}: listen on {address}: {error}", service.name);
    let listener = listen(address).map_err(failed)?;
    if matches!(service.talk, Talk::Dns) {
        let socket = UdpSocket::bind(address).map_err(failed)?;
        std::thread::spawn(move || answer_datagrams(&socket));
    }
    let away = Arc::new(AtomicUsize::new(0));
    for need in service.all_needs() {
        let (address, away) = (SocketAddr::from((need.address, port)), Arc::clone(&away));
        std::thread::spawn(move || watch(address, &away));
    }
    std::thread::spawn(move || accept(service, address, listener, &away));
    let mut out = io::stdout();
    writeln!(out, "{READY}").and_then(|()| out.flush()).map_err(|error| format!("say {READY}: {error}"))?;
    let mut told = String::new();
    io::stdin().read_to_string(&mut told).map_err(|error| format!("read standard input: {error}"))?;
    while told.trim_end() == KEEP {
        std::thread::park();
    }
    Ok(())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Holds a connection to a service that is needed. When it breaks and there is no other to be had, that service is
/// away until there is.
fn watch(address: SocketAddr, away: &AtomicUsize) {
    loop {
        let Ok(mut stream) = TcpStream::connect(address) else {
            away.fetch_add(1, Ordering::Relaxed);
            while TcpStream::connect(address).is_err() {
                std::thread::sleep(TICK);
            }
            away.fetch_sub(1, Ordering::Relaxed);
            continue;
        };
        // Whatever it says first; then until it hangs up, which it also does on clients that say nothing.
        while stream.read(&mut [0; 64]).is_ok_and(|length| length > 0) {}
    }
}

/// Answers clients; while something that is needed is away, nobody listens.
fn accept(service: &'static Service, address: SocketAddr, first: TcpListener, away: &AtomicUsize) {
    let mut listener = Some(first);
    loop {
        if away.load(Ordering::Relaxed) > 0 {
            listener = None;
        } else if listener.is_none() {
            // The port may be in use for a moment; the next round tries again.
            listener = listen(address).ok();
        }
        match listener.as_ref().map(TcpListener::accept) {
            Some(Ok((stream, _))) => {
                // A client that goes away in the middle is its own affair.
                std::thread::spawn(move || talk(&service.talk, stream).unwrap_or(()));
            }
            _ => std::thread::sleep(TICK),
        }
    }
}

fn answer_datagrams(socket: &UdpSocket) {
    let mut buffer = [0; LIMIT];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
        if let Some(response) = dns::answer(&buffer[..length]) {
            // One lost answer is what UDP is; the client asks again.
            socket.send_to(&response, peer).unwrap_or(0);
        }
    }
}

fn talk(talk: &Talk, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
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
        Talk::Listen => {
            let mut buffer = [0; LIMIT];
            while stream.read(&mut buffer)? > 0 {}
            Ok(())
        }
        Talk::Http { request, status, header, body } => {
            let head = read_until(&mut stream, b"\r\n\r\n")?;
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
        Talk::Proxy => {
            let head = read_until(&mut stream, b"\r\n\r\n")?;
            let status = if head.starts_with(b"CONNECT ") {
                "200 Connection established\r\n\r\n"
            } else {
                "405 Method Not Allowed\r\nAllow: CONNECT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            };
            stream.write_all(format!("HTTP/1.1 {status}").as_bytes())
        }
        Talk::Smtp => smtp(&mut stream),
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

fn smtp(stream: &mut TcpStream) -> io::Result<()> {
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
fn read_until(stream: &mut TcpStream, end: &[u8]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut byte = [0];
    while text.len() < LIMIT && !text.ends_with(end) && stream.read(&mut byte)? > 0 {
        text.push(byte[0]);
    }
    Ok(text)
}

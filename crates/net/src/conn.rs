//! A connection under a deadline: TCP, UDP or a Unix socket, read and written like any stream.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use plugin::{Deadline, Failure, Result};

use crate::connect::Attempt;
use crate::target::{Endpoint, Target};

/// A connected socket.
///
/// [`Read`] and [`Write`] take what is left of the deadline, however slowly the other side talks: when it has passed they
/// fail with [`io::ErrorKind::TimedOut`]. So a TLS session or a protocol that knows nothing of deadlines can sit on it.
#[derive(Debug)]
pub struct Conn {
    socket: Socket,
    peer: String,
    address: Option<SocketAddr>,
    took: Duration,
    failed: Vec<Attempt>,
    deadline: Deadline,
    patience: Option<Duration>,
}

/// A connected socket as such. None of them ever blocks: [`Conn`] waits with poll.
#[derive(Debug)]
pub enum Socket {
    /// A TCP connection.
    Tcp(TcpStream),
    /// A stream socket of the file system.
    Unix(UnixStream),
    /// A UDP socket that hears from one address only.
    Udp(UdpSocket),
}

impl Conn {
    pub(crate) fn new(socket: Socket, peer: String, deadline: &Deadline) -> Conn {
        Conn {
            socket,
            peer,
            address: None,
            took: Duration::ZERO,
            failed: Vec::new(),
            deadline: deadline.clone(),
            patience: None,
        }
    }

    pub(crate) fn connected(self, address: Option<SocketAddr>, took: Duration, failed: Vec<Attempt>) -> Conn {
        Conn { address, took, failed, ..self }
    }

    /// The other side, for messages: `mail.example.net:25 (10.0.0.5)`.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The address that answered; none for a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// This side's address.
    ///
    /// Errors where there is none: over a Unix socket.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        match &self.socket {
            Socket::Tcp(stream) => stream.local_addr(),
            Socket::Udp(socket) => socket.local_addr(),
            Socket::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// How long it took to connect, without the lookup of the name.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The addresses that failed before this one connected.
    pub fn failed(&self) -> &[Attempt] {
        &self.failed
    }

    /// The end of all reading and writing.
    pub fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// How long one read may wait before it fails with [`io::ErrorKind::WouldBlock`]; without one it waits for the deadline.
    pub fn set_patience(&mut self, patience: Option<Duration>) {
        self.patience = patience;
    }

    /// The failure of reading from it or writing to it: `failure("read from", &error)` is
    /// `read from 10.0.0.5:25: no answer within 10 s`.
    pub fn failure(&self, what: &str, error: &io::Error) -> Failure {
        let what = format!("{what} {}", self.peer);
        match error.kind() {
            io::ErrorKind::TimedOut => self.deadline.expired(&what),
            _ => Failure::io(what, error),
        }
    }

    /// The socket itself, non-blocking, for those who wait in their own way.
    pub fn into_socket(self) -> Socket {
        self.socket
    }

    fn wait(&self, events: PollFlags) -> io::Result<()> {
        let left = self.deadline.left();
        let patience = self.patience.filter(|patience| events == PollFlags::POLLIN && *patience < left);
        let mut polled = [PollFd::new(self.as_fd(), events)];
        match poll(&mut polled, round_up(patience.unwrap_or(left))) {
            Ok(0) if patience.is_some() => Err(io::ErrorKind::WouldBlock.into()),
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    // Tries before it waits: most of the time the bytes, or the room for them, are there.
    fn retry(
        &mut self,
        events: PollFlags,
        mut call: impl FnMut(&mut Socket) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            // Asked every time: an endless stream never makes us wait.
            if self.deadline.left().is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match call(&mut self.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(events)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

impl Read for Conn {
    /// As many bytes as have come; 0 at the end of the stream. Of UDP: one datagram, cut to the buffer; empty ones are
    /// passed over.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.retry(PollFlags::POLLIN, |socket| match socket {
            Socket::Tcp(stream) => stream.read(buffer),
            Socket::Unix(stream) => stream.read(buffer),
            Socket::Udp(socket) => match socket.recv(buffer) {
                Ok(0) if !buffer.is_empty() => Err(io::ErrorKind::Interrupted.into()),
                other => other,
            },
        })
    }
}

impl Write for Conn {
    /// As many bytes as there is room for. Of UDP: one datagram.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.retry(PollFlags::POLLOUT, |socket| match socket {
            Socket::Tcp(stream) => stream.write(bytes),
            Socket::Unix(stream) => stream.write(bytes),
            Socket::Udp(socket) => socket.send(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Conn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Tcp(stream) => stream.as_fd(),
            Socket::Unix(stream) => stream.as_fd(),
            Socket::Udp(socket) => socket.as_fd(),
        }
    }
}

/// A [`Conn`], or what wraps one: a TLS session.
pub trait Stream: Read + Write {
    /// The connection below.
    fn conn(&mut self) -> &mut Conn;

    /// The failure of reading from it or writing to it, as [`Conn::failure`]; a layer above knows more of its own errors.
    fn failure(&mut self, what: &str, error: &io::Error) -> Failure {
        Conn::failure(self.conn(), what, error)
    }
}

impl Stream for Conn {
    fn conn(&mut self) -> &mut Conn {
        self
    }
}

impl Endpoint {
    /// A UDP socket that sends to, and hears from, the first address that this host has a route to. Nothing is sent yet.
    ///
    /// A Unix socket has no datagrams here: it is connected to as by [`Endpoint::connect`], as the C plugins do.
    pub fn connect_udp(&self, deadline: &Deadline) -> Result<Conn> {
        if let Target::Unix(_) = self.target {
            return self.connect(deadline);
        }
        deadline.step(format_args!("send to {}", self.target))?;
        let mut failed = Vec::new();
        for &address in &self.addresses {
            match udp_socket(address) {
                Ok(socket) => {
                    let conn = Conn::new(Socket::Udp(socket), self.at(address.ip()), deadline);
                    return Ok(conn.connected(Some(address), Duration::ZERO, failed));
                }
                Err(error) => failed.push(Attempt::new(address, Duration::ZERO, &error)),
            }
        }
        Err(self.unconnected(&failed, deadline))
    }
}

fn udp_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let local: SocketAddr =
        if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(local)?;
    socket.connect(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// For poll, which counts whole milliseconds: rounded up, so that the last one is not spent asking again and again.
pub(crate) fn round_up(wait: Duration) -> PollTimeout {
    PollTimeout::try_from(wait + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Conn, Stream};
    use crate::{Family, Target};
    use plugin::{Deadline, Reason};
    use std::io::{ErrorKind, Read, Write};
    use std::net::{SocketAddr, UdpSocket};
    use std::time::{Duration, Instant};
    use testkit::Peer;

    fn connect(peer: &Peer, timeout: Duration) -> Conn {
        let deadline = Deadline::after(timeout);
        let target = Target::new("127.0.0.1", Some(peer.port())).expect("a target");
        let endpoint = target.resolve(Family::Any, &deadline).expect("a literal");
        endpoint.connect(&deadline).expect("it listens")
    }

    #[test]
    fn a_silent_peer_ends_at_the_deadline() {
        let peer = Peer::silent();
        let mut conn = connect(&peer, Duration::from_millis(200));
        let started = Instant::now();
        let error = conn.read(&mut [0; 10]).expect_err("silence");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(2));
        let failure = conn.failure("read from", &error);
        assert_eq!(failure.reason, Reason::TimedOut);
        assert_eq!(failure.message, format!("read from {}: no answer within 200 ms", peer.address()));
    }

    #[test]
    fn an_endless_peer_ends_at_the_deadline() {
        let peer = Peer::endless("x");
        let mut conn = connect(&peer, Duration::from_millis(200));
        let error = loop {
            match conn.read(&mut [0; 1000]) {
                Ok(count) => assert!(count > 0),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn patience_is_shorter_than_the_deadline_and_starts_anew() {
        let peer = Peer::says("hello");
        let mut conn = connect(&peer, Duration::from_secs(20));
        conn.set_patience(Some(Duration::from_secs(5)));
        let mut read = [0; 5];
        conn.read_exact(&mut read).expect("the greeting");
        conn.conn().set_patience(Some(Duration::from_millis(20)));
        let error = conn.read(&mut read).expect_err("nothing more");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn a_peer_that_does_not_read_ends_at_the_deadline() {
        let peer = Peer::silent();
        let mut conn = connect(&peer, Duration::from_millis(300));
        let error = loop {
            match conn.write(&[b'x'; 8192]) {
                Ok(count) => assert!(count > 0),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn datagrams() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let address = server.local_addr().expect("its address");
        let deadline = Deadline::after(Duration::from_secs(5));
        let target = Target::new("127.0.0.1", Some(address.port())).expect("a target");
        let endpoint = target.resolve(Family::Any, &deadline).expect("a literal");
        let mut conn = endpoint.connect_udp(&deadline).expect("a route");
        assert_eq!(conn.write(b"ping").expect("room"), 4);
        let mut asked = [0; 10];
        let (count, from): (usize, SocketAddr) = server.recv_from(&mut asked).expect("the question");
        assert_eq!(&asked[..count], b"ping");
        server.send_to(b"", from).expect("say nothing");
        server.send_to(b"pong", from).expect("answer");
        let mut answer = [0; 10];
        let count = conn.read(&mut answer).expect("the answer");
        assert_eq!(&answer[..count], b"pong");

        drop(server);
        conn.write_all(b"ping").expect("sent into the void");
        let error = conn.read(&mut answer).expect_err("nobody is there");
        assert_eq!(conn.failure("read from", &error).reason, Reason::Refused);
    }
}

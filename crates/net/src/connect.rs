//! Connecting: every address of a name in turn, soon side by side; the first that answers wins (RFC 8305).

use std::fmt::Write as _;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, UnixAddr, connect, getsockopt, socket, sockopt,
};
use plugin::{Deadline, Failure, Reason, Result, units};

use crate::conn::{Conn, Socket, round_up};
use crate::target::{Endpoint, Target};

/// How long an address may be silent before the next one is tried beside it: the Connection Attempt Delay of RFC 8305, 5.
const STAGGER: Duration = Duration::from_millis(250);
/// How often a Unix socket whose queue is full is tried again.
const RETRY: Duration = Duration::from_millis(10);
/// Most attempts that a message names.
const NAMED: usize = 8;

/// An address that did not connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// Kind of its failure.
    pub reason: Reason,
    /// The failure in words, such as `refused`.
    pub error: String,
    /// How long it was tried.
    pub after: Duration,
}

impl Attempt {
    pub(crate) fn new(address: SocketAddr, after: Duration, error: &io::Error) -> Attempt {
        let reason = Reason::of_io(error);
        let error = match reason {
            Reason::TimedOut => "timed out".to_owned(),
            _ => plugin::io_text(error),
        };
        Attempt { address, reason, error, after }
    }
}

impl Endpoint {
    /// Connects to the first address that answers; a Unix socket has only itself.
    ///
    /// Errors with [`Reason::Refused`], [`Reason::TimedOut`], [`Reason::Unreachable`] or what else the kernel said; where
    /// addresses fail in different ways, the one that says most about the target. The message names every address.
    pub fn connect(&self, deadline: &Deadline) -> Result<Conn> {
        deadline.step(format_args!("connect to {}", self.target))?;
        let started = Instant::now();
        let (socket, address, failed) = match &self.target {
            Target::Unix(path) => (Socket::Unix(connect_unix(path, deadline)?.into()), None, Vec::new()),
            Target::Host { .. } => {
                let (socket, address, failed) = race(&interleaved(&self.addresses), deadline)
                    .map_err(|attempts| self.unconnected(&attempts, deadline))?;
                (Socket::Tcp(socket), Some(address), failed)
            }
        };
        let peer = address.map_or_else(|| self.target.to_string(), |address| self.at(address.ip()));
        Ok(Conn::new(socket, peer, deadline).connected(address, started.elapsed(), failed))
    }

    pub(crate) fn unconnected(&self, attempts: &[Attempt], deadline: &Deadline) -> Failure {
        let Some(worst) = attempts.iter().max_by_key(|attempt| weight(attempt.reason)) else {
            return Failure::new(Reason::Internal, format!("connect to {}: no address", self.target));
        };
        let message = if let [attempt] = attempts {
            let peer = self.at(attempt.address.ip());
            let show = |time: Duration| units::show_seconds(time.as_secs_f64());
            match attempt.reason {
                Reason::Refused => format!("{peer} refused the connection after {}", show(attempt.after)),
                Reason::TimedOut => format!("{peer} did not connect within {}", show(deadline.timeout())),
                Reason::Unreachable => format!("{peer} is unreachable: {}", attempt.error),
                _ => format!("connect to {peer}: {}", attempt.error),
            }
        } else {
            let mut text = format!("{}: none of {} addresses connects", self.target, attempts.len());
            for (index, attempt) in attempts.iter().take(NAMED).enumerate() {
                let joint = if index == 0 { ':' } else { ',' };
                let _written = write!(text, "{joint} {} {}", attempt.address.ip(), attempt.error);
            }
            if attempts.len() > NAMED {
                let _written = write!(text, ", and {} more", attempts.len() - NAMED);
            }
            text
        };
        Failure::new(worst.reason, message)
    }
}

// How much a reason says about the target: silence is worse than a refusal, and an address family that this host cannot
// use says nothing.
fn weight(reason: Reason) -> u8 {
    match reason {
        Reason::TimedOut => 4,
        Reason::Refused => 3,
        Reason::Closed => 2,
        Reason::Unreachable => 0,
        _ => 1,
    }
}

/// The address families in turn, each in its own order, beginning with the first one's (RFC 8305, 4).
fn interleaved(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<SocketAddr>, Vec<_>) =
        addresses.iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::with_capacity(addresses.len());
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return order;
        }
        order.extend(pair.into_iter().flatten());
    }
}

/// An attempt that is under way.
struct Running {
    address: SocketAddr,
    socket: OwnedFd,
    since: Instant,
}

/// The socket that connected first, its address, and the addresses that failed until then; all of them when none connects.
fn race(
    addresses: &[SocketAddr],
    deadline: &Deadline,
) -> std::result::Result<(TcpStream, SocketAddr, Vec<Attempt>), Vec<Attempt>> {
    let mut waiting = addresses.iter().copied();
    let mut running: Vec<Running> = Vec::new();
    let mut lost = Vec::new();
    let mut next_at = Instant::now();
    loop {
        if deadline.left().is_zero() {
            let late = io::Error::from(io::ErrorKind::TimedOut);
            lost.extend(running.iter().map(|it| Attempt::new(it.address, it.since.elapsed(), &late)));
            lost.extend(waiting.map(|address| Attempt {
                error: "not tried".to_owned(),
                ..Attempt::new(address, Duration::ZERO, &late)
            }));
            return Err(lost);
        }
        if running.is_empty() || Instant::now() >= next_at {
            match waiting.next() {
                Some(address) => {
                    let since = Instant::now();
                    next_at = since + STAGGER;
                    match start(address) {
                        Ok(socket) => running.push(Running { address, socket, since }),
                        Err(error) => {
                            lost.push(Attempt::new(address, since.elapsed(), &error.into()));
                            next_at = since;
                            continue;
                        }
                    }
                }
                None if running.is_empty() => return Err(lost),
                None => {}
            }
        }
        let mut wait = deadline.left();
        if waiting.len() > 0 {
            wait = wait.min(next_at.saturating_duration_since(Instant::now()));
        }
        let mut polled: Vec<PollFd<'_>> =
            running.iter().map(|attempt| PollFd::new(attempt.socket.as_fd(), PollFlags::POLLOUT)).collect();
        // An error here is EINTR, or a lack of memory that the next round meets again until the deadline.
        if !poll(&mut polled, round_up(wait)).is_ok_and(|count| count > 0) {
            continue;
        }
        let Some(ready) = polled.iter().position(|polled| polled.any() == Some(true)) else { continue };
        let Running { address, socket, since } = running.remove(ready);
        match finish(socket) {
            Ok(stream) => return Ok((stream, address, lost)),
            Err(error) => {
                lost.push(Attempt::new(address, since.elapsed(), &error));
                // No reason to wait for the next one's turn.
                next_at = Instant::now();
            }
        }
    }
}

fn start(address: SocketAddr) -> nix::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = stream_socket(family)?;
    match connect(socket.as_raw_fd(), &SockaddrStorage::from(address)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}

fn stream_socket(family: AddressFamily) -> nix::Result<OwnedFd> {
    socket(family, SockType::Stream, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, None)
}

fn finish(socket: OwnedFd) -> io::Result<TcpStream> {
    match getsockopt(&socket, sockopt::SocketError)? {
        0 => {}
        number => return Err(io::Error::from_raw_os_error(number)),
    }
    let stream = TcpStream::from(socket);
    // A connection to a port from which outgoing ones come may meet itself (simultaneous open, RFC 9293, 3.5).
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

fn connect_unix(path: &Path, deadline: &Deadline) -> Result<OwnedFd> {
    let started = Instant::now();
    let what = || format!("connect to {}", path.display());
    let fail = |error: Errno| Failure::io(what(), &error.into());
    let address =
        UnixAddr::new(path).map_err(|error| Failure::new(Reason::Usage, format!("{}: {error}", what())))?;
    let socket = stream_socket(AddressFamily::Unix).map_err(fail)?;
    loop {
        match connect(socket.as_raw_fd(), &address) {
            Ok(()) => return Ok(socket),
            // The queue is full; the kernel tells nobody when it is not any more.
            Err(Errno::EAGAIN) => match deadline.left() {
                Duration::ZERO => return Err(deadline.expired(&what())),
                left => std::thread::sleep(RETRY.min(left)),
            },
            Err(Errno::EINTR) => {}
            Err(Errno::ECONNREFUSED) => {
                let after = units::show_seconds(started.elapsed().as_secs_f64());
                let message = format!("{} refused the connection after {after}", path.display());
                return Err(Failure::new(Reason::Refused, message));
            }
            Err(error) => return Err(fail(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{STAGGER, interleaved};
    use crate::{Endpoint, Target};
    use plugin::{Deadline, Reason};
    use std::net::SocketAddr;
    use std::os::unix::net::UnixListener;
    use std::time::{Duration, Instant};
    use testkit::Peer;

    fn deadline(millis: u64) -> Deadline {
        Deadline::after(Duration::from_millis(millis))
    }

    fn endpoint(addresses: &[SocketAddr]) -> Endpoint {
        let target = Target::Host { name: "mail.example.net".into(), port: 25 };
        Endpoint { target, addresses: addresses.to_vec(), lookup: Duration::ZERO, details: Vec::new() }
    }

    // Nobody listens there: the listener is gone.
    fn refusing(host: &str) -> SocketAddr {
        let port = testkit::free_port();
        format!("{host}:{port}").parse().expect("an address")
    }

    #[test]
    fn families_take_turns() {
        let parse = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().expect("an address")).collect()
        };
        let given = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1", "10.0.0.2:1"]);
        let order = parse(&["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "[::3]:1"]);
        assert_eq!(interleaved(&given), order);
        assert_eq!(interleaved(&given[3..]), given[3..]);
        assert!(interleaved(&[]).is_empty());
    }

    #[test]
    fn a_refusal_is_followed_by_the_next_address_at_once() {
        let peer = Peer::says("hello");
        let first = refusing("[::1]");
        let started = Instant::now();
        let conn = endpoint(&[first, peer.address()]).connect(&deadline(20_000)).expect("the second one");
        assert!(started.elapsed() < STAGGER, "{:?}", started.elapsed());
        assert_eq!(conn.address(), Some(peer.address()));
        assert_eq!(conn.peer(), "mail.example.net:25 (127.0.0.1)");
        assert_eq!(conn.failed().len(), 1);
        assert_eq!(conn.failed()[0].address, first);
    }

    #[test]
    fn a_silent_address_is_overtaken() {
        let (hole, peer) = (Peer::black_hole(), Peer::says("hello"));
        let started = Instant::now();
        let addresses = [hole.address(), hole.address(), peer.address()];
        let conn = endpoint(&addresses).connect(&deadline(20_000)).expect("the third one");
        assert_eq!(conn.address(), Some(peer.address()));
        let took = started.elapsed();
        assert!(took >= STAGGER * 2 && took < Duration::from_secs(10), "{took:?}");
        assert!(conn.failed().is_empty(), "they are silent still");
    }

    #[test]
    fn one_refused_address() {
        let failure = endpoint(&[refusing("127.0.0.1")]).connect(&deadline(20_000)).expect_err("refused");
        assert_eq!(failure.reason, Reason::Refused);
        let start = "mail.example.net:25 (127.0.0.1) refused the connection after ";
        assert!(failure.message.starts_with(start), "{}", failure.message);
    }

    #[test]
    fn all_failures_are_named() {
        let hole = Peer::black_hole();
        let refused = endpoint(&[refusing("[::1]"), refusing("127.0.0.1")]);
        let failure = refused.connect(&deadline(20_000)).expect_err("refused");
        assert_eq!(failure.reason, Reason::Refused);
        assert_eq!(
            failure.message,
            "mail.example.net:25: none of 2 addresses connects: ::1 refused, 127.0.0.1 refused"
        );
        let mixed = endpoint(&[refusing("[::1]"), hole.address(), hole.address()]);
        let failure = mixed.connect(&deadline(200)).expect_err("refused and silent");
        assert_eq!(failure.reason, Reason::TimedOut);
        assert_eq!(
            failure.message,
            "mail.example.net:25: none of 3 addresses connects: \
             ::1 refused, 127.0.0.1 timed out, 127.0.0.1 not tried"
        );
        let many = endpoint(&[refusing("127.0.0.1"); 10]).connect(&deadline(20_000)).expect_err("refused");
        assert!(many.message.ends_with("127.0.0.1 refused, and 2 more"), "{}", many.message);
    }

    #[test]
    fn a_silent_address_ends_at_the_deadline() {
        let failure = endpoint(&[Peer::black_hole().address()]).connect(&deadline(200)).expect_err("silent");
        assert_eq!(failure.reason, Reason::TimedOut);
        assert_eq!(failure.message, "mail.example.net:25 (127.0.0.1) did not connect within 200 ms");
    }

    #[test]
    fn unix_sockets() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let shown = path.display().to_string();
        let connect = |millis| {
            let target = Target::Unix(path.clone());
            Endpoint { target, addresses: Vec::new(), lookup: Duration::ZERO, details: Vec::new() }
                .connect(&deadline(millis))
        };
        let missing = connect(20_000).expect_err("no such file");
        assert_eq!(missing.reason, Reason::Missing);
        assert_eq!(missing.message, format!("connect to {shown}: no such file or directory"));

        let listener = UnixListener::bind(&path).expect("listen");
        assert_eq!(connect(20_000).expect("it listens").peer(), shown);
        // Nobody accepts: the queue fills, and a full one is waited for.
        let mut held = Vec::new();
        let full = loop {
            match connect(200) {
                Ok(conn) => held.push(conn),
                Err(failure) => break failure,
            }
            assert!(held.len() < 10_000, "the queue does not fill");
        };
        assert_eq!(full.reason, Reason::TimedOut);
        assert_eq!(full.message, format!("connect to {shown}: no answer within 200 ms"));

        drop((listener, held));
        let refused = connect(20_000).expect_err("nobody listens");
        assert_eq!(refused.reason, Reason::Refused);
    }

    #[test]
    fn a_connection_with_itself_is_none() {
        // Bound to the port that it connects to: a simultaneous open with itself, which the kernel accepts.
        let socket = super::stream_socket(nix::sys::socket::AddressFamily::Inet).expect("a socket");
        let own = nix::sys::socket::SockaddrIn::new(127, 0, 0, 1, testkit::free_port());
        let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
        nix::sys::socket::bind(fd, &own).expect("bind");
        let connected = nix::sys::socket::connect(fd, &own);
        assert!(matches!(connected, Ok(()) | Err(nix::errno::Errno::EINPROGRESS)), "{connected:?}");
        let error = super::finish(socket).expect_err("it met itself");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}

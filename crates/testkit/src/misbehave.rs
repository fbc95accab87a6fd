//! Peers that do what no good server does, on 127.0.0.1.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrIn};

/// How often a peer looks whether its test is over.
const TICK: Duration = Duration::from_millis(20);

/// A TCP peer of a test: a listener whose connections are each answered by a thread. Ended on drop.
#[derive(Debug)]
pub struct Peer {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    // Of a peer that never accepts: the listener, and what fills its queue.
    _held: Vec<Held>,
}

#[derive(Debug)]
enum Held {
    Listener { _fd: std::os::fd::OwnedFd },
    Stream { _stream: TcpStream },
}

impl Peer {
    /// Answers each connection with `talk`, which also gets told when the test is over. The connection is closed after it.
    pub fn new(talk: impl Fn(TcpStream, &AtomicBool) + Send + Sync + 'static) -> Peer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen on 127.0.0.1");
        let address = listener.local_addr().expect("the listener's address");
        let over = Arc::new(AtomicBool::new(false));
        let (talk, over_there) = (Arc::new(talk), Arc::clone(&over));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over_there.load(Ordering::SeqCst) {
                    return;
                }
                let (talk, over) = (Arc::clone(&talk), Arc::clone(&over_there));
                std::thread::spawn(move || talk(stream, &over));
            }
        });
        Peer { address, over, _held: Vec::new() }
    }

    /// Accepts, and never says a word.
    pub fn silent() -> Peer {
        Peer::new(|_stream, over| wait(over))
    }

    /// Accepts, and closes at once.
    pub fn closes() -> Peer {
        Peer::new(|stream, _| drop(stream))
    }

    /// Says one thing, then nothing more; the connection stays open.
    pub fn says(bytes: impl Into<Vec<u8>>) -> Peer {
        let bytes = bytes.into();
        Peer::new(move |mut stream, over| {
            if stream.write_all(&bytes).is_ok() {
                wait(over);
            }
        })
    }

    /// Says `bytes` again and again, one byte every `pause`.
    pub fn drips(bytes: impl Into<Vec<u8>>, pause: Duration) -> Peer {
        let bytes = bytes.into();
        Peer::new(move |mut stream, over| {
            for byte in bytes.iter().cycle() {
                if over.load(Ordering::SeqCst) || stream.write_all(&[*byte]).is_err() {
                    return;
                }
                std::thread::sleep(pause);
            }
        })
    }

    /// Says `bytes` again and again, as fast as the other side reads.
    pub fn endless(bytes: impl Into<Vec<u8>>) -> Peer {
        let bytes = bytes.into().repeat(64);
        Peer::new(
            move |mut stream, over| while !over.load(Ordering::SeqCst) && stream.write_all(&bytes).is_ok() {},
        )
    }

    /// Makes TLS handshakes as `identity`, says one thing in each session, then takes whatever comes.
    pub fn tls(identity: &crate::pki::Identity, greeting: impl Into<Vec<u8>>) -> Peer {
        let (acceptor, greeting) = (identity.acceptor(), greeting.into());
        Peer::new(move |stream, over| {
            let Ok(mut stream) = acceptor.accept(stream) else { return };
            if stream.write_all(&greeting).is_err() || stream.get_ref().set_read_timeout(Some(TICK)).is_err()
            {
                return;
            }
            let mut unread = [0; 512];
            while !over.load(Ordering::SeqCst) {
                match stream.ssl_read(&mut unread) {
                    Err(error) if error.code() != openssl::ssl::ErrorCode::WANT_READ => return,
                    _ => {}
                }
            }
        })
    }

    /// Says bytes that are no text and no protocol, controls and broken UTF-8 among them, then closes when the other side
    /// does.
    pub fn garbage() -> Peer {
        let bytes: Vec<u8> = (0..4096_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
        Peer::new(move |mut stream, over| {
            if stream.write_all(&bytes).is_err() || stream.set_read_timeout(Some(TICK)).is_err() {
                return;
            }
            let mut unread = [0; 512];
            while !over.load(Ordering::SeqCst) {
                match stream.read(&mut unread) {
                    Ok(0) => return,
                    Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return,
                    _ => {}
                }
            }
        })
    }

    /// Does not even finish the handshake of a connection: its queue is full, and Linux drops the packets.
    pub fn black_hole() -> Peer {
        let listener =
            nix::sys::socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)
                .expect("make a socket");
        nix::sys::socket::bind(listener.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).expect("bind it");
        nix::sys::socket::listen(&listener, Backlog::new(0).expect("a backlog of none")).expect("listen");
        let bound: SockaddrIn =
            nix::sys::socket::getsockname(listener.as_raw_fd()).expect("the listener's address");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, bound.port()));
        let mut held = vec![Held::Listener { _fd: listener }];
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            assert!(held.len() < 64, "the queue of {address} does not fill");
            held.push(Held::Stream { _stream: stream });
        }
        Peer { address, over: Arc::new(AtomicBool::new(false)), _held: held }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, so that it sees that all is over; a full queue has no such thread.
        let _woken = TcpStream::connect_timeout(&self.address, TICK);
    }
}

fn wait(over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        std::thread::sleep(TICK);
    }
}

#[cfg(test)]
mod tests {
    use super::Peer;
    use std::io::Read;
    use std::net::TcpStream;
    use std::time::Duration;

    #[test]
    fn a_black_hole_never_connects() {
        let peer = Peer::black_hole();
        let error = TcpStream::connect_timeout(&peer.address(), Duration::from_millis(200))
            .expect_err("no handshake");
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }

    #[test]
    fn peers_misbehave_as_named() {
        let read = |peer: &Peer, count: usize| {
            let mut stream = TcpStream::connect(peer.address()).expect("connect");
            stream.set_read_timeout(Some(Duration::from_millis(300))).expect("set the timeout");
            let mut bytes = vec![0; count];
            stream.read_exact(&mut bytes).map(|()| bytes).map_err(|error| error.kind())
        };
        assert_eq!(read(&Peer::silent(), 1), Err(std::io::ErrorKind::WouldBlock));
        assert_eq!(read(&Peer::closes(), 1), Err(std::io::ErrorKind::UnexpectedEof));
        assert_eq!(read(&Peer::says("hello"), 5), Ok(b"hello".to_vec()));
        assert_eq!(read(&Peer::drips("ab", Duration::from_millis(1)), 5), Ok(b"ababa".to_vec()));
        assert!(read(&Peer::endless("x"), 1 << 20).is_ok_and(|bytes| bytes.iter().all(|b| *b == b'x')));
        assert!(read(&Peer::garbage(), 4096).is_ok_and(|bytes| std::str::from_utf8(&bytes).is_err()));
    }
}

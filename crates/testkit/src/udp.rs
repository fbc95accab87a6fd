//! UDP peers of the tests' own making.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often a peer looks whether its test is over.
const TICK: Duration = Duration::from_millis(50);

/// A UDP peer of a test: what comes is answered with the datagrams that a function makes of it. Ended on drop.
#[derive(Debug)]
pub struct UdpPeer {
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl UdpPeer {
    /// A peer on a free port of 127.0.0.1.
    pub fn new(answer: impl FnMut(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> UdpPeer {
        UdpPeer::at((Ipv4Addr::LOCALHOST, 0).into(), answer)
    }

    /// A peer at an address of this host. Panics when it is taken.
    pub fn at(
        address: SocketAddr,
        mut answer: impl FnMut(&[u8]) -> Vec<Vec<u8>> + Send + 'static,
    ) -> UdpPeer {
        let socket = UdpSocket::bind(address).unwrap_or_else(|error| panic!("listen on {address}: {error}"));
        let address = socket.local_addr().expect("the socket's address");
        socket.set_read_timeout(Some(TICK)).expect("set the timeout");
        let over = Arc::new(AtomicBool::new(false));
        let over_there = Arc::clone(&over);
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !over_there.load(Ordering::SeqCst) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                for datagram in answer(&buffer[..length]) {
                    // Who asked may be gone.
                    let _gone = socket.send_to(&datagram, from);
                }
            }
        });
        UdpPeer { address, over }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for UdpPeer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::UdpPeer;
    use std::net::UdpSocket;

    #[test]
    fn it_answers_with_what_the_function_says() {
        let peer = UdpPeer::new(|question| vec![question.to_vec(), b"more".to_vec()]);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
        socket.send_to(b"hello", peer.address()).expect("ask");
        let mut buffer = [0; 16];
        let mut hear =
            || socket.recv(&mut buffer).map(|length| buffer[..length].to_vec()).expect("an answer");
        assert_eq!((hear(), hear()), (b"hello".to_vec(), b"more".to_vec()));
    }
}

//! Ports for the servers of the tests.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which Linux takes the ports of outgoing connections, so that none of these takes one away.
const FIRST: u16 = 15_000;
const COUNT: u16 = 17_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that is free on 127.0.0.1 for TCP and UDP; no two calls in one process get the same.
pub fn free_port() -> u16 {
    // Test processes run side by side: each begins elsewhere.
    let [.., high, low] = std::process::id().wrapping_mul(331).to_be_bytes();
    let start = u16::from_be_bytes([high, low]) % COUNT;
    for _ in 0..COUNT {
        let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        let address = (Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return port;
        }
    }
    panic!("no free port from {FIRST} to {}", FIRST + COUNT);
}

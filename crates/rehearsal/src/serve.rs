//! One service: answers on its address until standard input ends.
//!
//! The director holds the other end of standard input. When the director is gone, however it ended, the service
//! ends too, unless it was told `keep` before. A service that loses what it needs is out of service until that is back.

use crate::certificates;
use crate::services::{Answer, Service};
use crate::talk::{LIMIT, Speaker};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What the director writes to leave a service up.
pub const KEEP: &str = "keep";
/// What a service prints when it listens.
pub const READY: &str = "ready";

/// Between two looks at whether somebody asks, or whether a lost service is back.
const TICK: Duration = Duration::from_millis(5);

/// Listens, says so, and answers until told to end. The folder holds the certificate of a service that speaks TLS.
pub fn serve(service: &'static Service, port: u16, folder: Option<&Path>) -> Result<(), String> {
    let acceptor = match (service.talk.is_encrypted(), folder) {
        (false, _) => None,
        (true, Some(folder)) => Some(certificates::acceptor(service, folder)?),
        (true, None) => return Err(format!("{} needs the folder of its certificate", service.name)),
    };
    let speaker = Arc::new(Speaker { service, port, acceptor });
    let address = SocketAddr::from((service.address, port));
    let away = Arc::new(AtomicUsize::new(0));
    let failed = |error| format!("{}: listen on {address}: {error}", service.name);
    if service.talk.is_stream() {
        let (first, away) = (listen(address).map_err(failed)?, Arc::clone(&away));
        std::thread::spawn(move || accept(&speaker, address, first, &away));
    }
    if let Some(answer) = service.talk.datagrams() {
        let (first, away) = (bind(address).map_err(failed)?, Arc::clone(&away));
        std::thread::spawn(move || answer_datagrams(answer, address, first, &away));
    }
    for need in service.all_needs() {
        let (address, away) = (SocketAddr::from((need.address, port)), Arc::clone(&away));
        std::thread::spawn(move || watch(address, &away));
    }
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

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_read_timeout(Some(TICK))?;
    Ok(socket)
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

/// Lets go of a socket while something that is needed is away, and opens it again afterwards.
fn attend<T>(socket: &mut Option<T>, away: &AtomicUsize, open: impl FnOnce() -> io::Result<T>) {
    if away.load(Ordering::Relaxed) > 0 {
        *socket = None;
    } else if socket.is_none() {
        // The port may be in use for a moment; the next round tries again.
        *socket = open().ok();
    }
}

/// Answers clients that connect.
fn accept(speaker: &Arc<Speaker>, address: SocketAddr, first: TcpListener, away: &AtomicUsize) {
    let mut listener = Some(first);
    loop {
        attend(&mut listener, away, || listen(address));
        match listener.as_ref().map(TcpListener::accept) {
            Some(Ok((stream, _))) => {
                let speaker = Arc::clone(speaker);
                // A client that goes away in the middle is its own affair.
                std::thread::spawn(move || speaker.talk(stream).unwrap_or(()));
            }
            _ => std::thread::sleep(TICK),
        }
    }
}

/// Answers datagrams.
fn answer_datagrams(answer: Answer, address: SocketAddr, first: UdpSocket, away: &AtomicUsize) {
    let mut socket = Some(first);
    let mut buffer = [0; LIMIT];
    loop {
        attend(&mut socket, away, || bind(address));
        let Some(socket) = &socket else {
            std::thread::sleep(TICK);
            continue;
        };
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
        if let Some(response) = answer(&buffer[..length]) {
            // One lost answer is what UDP is; the client asks again.
            socket.send_to(&response, peer).unwrap_or(0);
        }
    }
}

//! One connection, encrypted or not, that notes what goes over it and when.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use plugin::Deadline;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_openssl::SslStream;

/// A socket before any protocol.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Most bytes of the start of an answer that are kept as they came.
const KEPT: usize = 64 * 1024;

/// What went over a connection, after TLS, and the end of it all.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    notes: Arc<Mutex<Notes>>,
    deadline: Deadline,
}

#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Bytes that came.
    pub received: u64,
    /// The first of them.
    pub start: Vec<u8>,
    /// When the last byte went out before anything came.
    pub sent_at: Option<Instant>,
    /// When the first byte came.
    pub came_at: Option<Instant>,
}

impl Meter {
    pub fn new(deadline: &Deadline) -> Meter {
        Meter { notes: Arc::default(), deadline: deadline.clone() }
    }

    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Who reads what never ends, such as interim answers, may never look at a clock.
    fn in_time(&self) -> io::Result<()> {
        if self.deadline.left().is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    fn came(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut notes = self.notes();
        notes.received += bytes.len() as u64;
        notes.came_at.get_or_insert_with(Instant::now);
        let room = KEPT.saturating_sub(notes.start.len()).min(bytes.len());
        notes.start.extend_from_slice(&bytes[..room]);
    }

    fn went(&self, poll: &Poll<io::Result<usize>>) {
        if matches!(poll, Poll::Ready(Ok(_))) {
            let mut notes = self.notes();
            if notes.came_at.is_none() {
                notes.sent_at = Some(Instant::now());
            }
        }
    }
}

/// What HTTP is spoken over.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(Socket, Meter),
    Tls(Box<SslStream<Socket>>, Meter),
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Socket::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Socket::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Socket::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Socket::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl Wire {
    fn meter(&self) -> &Meter {
        match self {
            Wire::Plain(_, meter) | Wire::Tls(_, meter) => meter,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        self.meter().in_time()?;
        let (poll, meter) = match self.get_mut() {
            Wire::Plain(socket, meter) => (Pin::new(socket).poll_read(cx, buffer), meter),
            Wire::Tls(stream, meter) => (Pin::new(stream.as_mut()).poll_read(cx, buffer), meter),
        };
        meter.came(buffer.filled().get(before..).unwrap_or_default());
        poll
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let (poll, meter) = match self.get_mut() {
            Wire::Plain(socket, meter) => (Pin::new(socket).poll_write(cx, bytes), meter),
            Wire::Tls(stream, meter) => (Pin::new(stream.as_mut()).poll_write(cx, bytes), meter),
        };
        meter.went(&poll);
        poll
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(socket, _) => Pin::new(socket).poll_flush(cx),
            Wire::Tls(stream, _) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(socket, _) => Pin::new(socket).poll_shutdown(cx),
            Wire::Tls(stream, _) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

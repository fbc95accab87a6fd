//! What came back, and how long each part of it took.

use std::net::SocketAddr;
use std::time::Duration;

/// How long each part took; zero where there was none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// The name to addresses.
    pub resolve: Duration,
    /// TCP, through a proxy its answer too.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the request to the last of the headers.
    pub first_byte: Duration,
    /// The body.
    pub transfer: Duration,
}

impl Phases {
    /// All of them.
    pub fn total(&self) -> Duration {
        self.resolve + self.connect + self.tls + self.first_byte + self.transfer
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// `HTTP/1.1`.
    pub version: &'static str,
    /// Its code.
    pub status: u16,
    /// Its words, which HTTP/2 does not have.
    pub reason: String,
    /// In the order in which they came; values that are no UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// After decompression.
    pub body: Vec<u8>,
    /// Whether the body went on beyond the limit.
    pub truncated: bool,
    /// Bytes that came over the connection, after TLS: status line, headers and body as sent.
    pub received: u64,
    /// How long it took.
    pub phases: Phases,
    /// What the handshake showed.
    pub session: Option<tls::Session>,
    /// Who answered; none over a socket of the file system.
    pub address: Option<SocketAddr>,
}

impl Response {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// `HTTP/1.1 200 OK`.
    pub fn status_line(&self) -> String {
        format!("{} {} {}", self.version, self.status, self.reason).trim_end().to_owned()
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

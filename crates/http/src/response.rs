//! What came back, and how long each part of it took.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::ops::AddAssign;
use std::time::Duration;

use plugin::{Failure, Result};

/// How long each part took; zero where there was none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// The name to addresses.
    pub resolve: Duration,
    /// TCP, through a proxy its answer too.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// Sending the request.
    pub send: Duration,
    /// From the last byte of the request to the first of the answer.
    pub wait: Duration,
    /// From there to the end of the body.
    pub transfer: Duration,
}

impl Phases {
    /// All of them.
    pub fn total(&self) -> Duration {
        self.resolve + self.connect + self.tls + self.send + self.wait + self.transfer
    }

    /// From the start of the request to the first byte of the answer.
    pub fn first_byte(&self) -> Duration {
        self.send + self.wait
    }
}

impl AddAssign for Phases {
    fn add_assign(&mut self, other: Phases) {
        self.resolve += other.resolve;
        self.connect += other.connect;
        self.tls += other.tls;
        self.send += other.send;
        self.wait += other.wait;
        self.transfer += other.transfer;
    }
}

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Hop {
    /// Where it was asked, without a login.
    pub url: String,
    /// Who was asked: `www.example.net:443 (192.0.2.1)`.
    pub peer: String,
    /// Who answered; none over a socket of the file system, or without a connection.
    pub address: Option<SocketAddr>,
    /// How long it took, as far as it came.
    pub phases: Phases,
    /// What the handshake showed; also where the certificate does not hold.
    pub session: Option<tls::Session>,
    /// The answer, or why there is none.
    pub answer: Result<Response>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// `HTTP/1.1 200 OK`, as it was sent; HTTP/2 has no words.
    pub status_line: String,
    /// Its code.
    pub status: u16,
    /// The headers as they were sent, a line each; of HTTP/2 in the order in which they came.
    pub head: String,
    /// In the order in which they came, names in lower case; values that are no UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// After decompression.
    pub body: Vec<u8>,
    /// Whether the body went on beyond the limit.
    pub truncated: bool,
    /// Why the body is not whole: it ended before its announced end, or did not end in time, or makes no sense.
    pub broken: Option<Failure>,
    /// Bytes that came over the connection, after TLS: status line, headers and body as sent.
    pub received: u64,
}

impl Response {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every value of a header.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| value.as_str())
    }

    /// `200 OK`, or `200` where the server sends no words.
    pub fn status_text(&self) -> &str {
        self.status_line.split_once(' ').map_or("", |(_, text)| text)
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

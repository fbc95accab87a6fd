//! Why a run could not say what it was asked: a typed reason and one sentence.

use std::fmt;
use std::io;

/// Kind of a failure or finding. Its word ends the first line of a problem and stands in the JSON output, so that results
/// read back from an engine keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A resolver said that the name or record does not exist.
    NameNotFound,
    /// No resolver answered.
    ResolverSilent,
    /// A resolver answered with an error (SERVFAIL, REFUSED).
    ResolverFailed,
    /// The target refused the connection.
    Refused,
    /// The target did not answer in time.
    TimedOut,
    /// No route to the target, or a router said so.
    Unreachable,
    /// The target closed the connection in the middle.
    Closed,
    /// The certificate is for another name.
    TlsName,
    /// The certificate has expired.
    TlsExpired,
    /// The certificate is not valid yet.
    TlsNotYetValid,
    /// The certificate is its own issuer.
    TlsSelfSigned,
    /// The certificate's issuer is not trusted.
    TlsUntrusted,
    /// The handshake failed.
    TlsHandshake,
    /// The login was refused.
    Auth,
    /// The target answered with another status than the one asked for.
    Status,
    /// The target answered with other content than the one asked for.
    Content,
    /// A measured number is outside its range.
    Threshold,
    /// The target does not speak the protocol.
    Protocol,
    /// A thing that has to exist does not: a file, a mount, a process.
    Missing,
    /// This user may not look.
    Permission,
    /// A call to this machine's own kernel did not return in time.
    Stuck,
    /// The command line is wrong.
    Usage,
    /// A bug, or a fact of this machine that nobody expected.
    Internal,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Reason; 23] = [
        Reason::NameNotFound,
        Reason::ResolverSilent,
        Reason::ResolverFailed,
        Reason::Refused,
        Reason::TimedOut,
        Reason::Unreachable,
        Reason::Closed,
        Reason::TlsName,
        Reason::TlsExpired,
        Reason::TlsNotYetValid,
        Reason::TlsSelfSigned,
        Reason::TlsUntrusted,
        Reason::TlsHandshake,
        Reason::Auth,
        Reason::Status,
        Reason::Content,
        Reason::Threshold,
        Reason::Protocol,
        Reason::Missing,
        Reason::Permission,
        Reason::Stuck,
        Reason::Usage,
        Reason::Internal,
    ];

    /// The stable word, as in `[refused]`.
    pub const fn word(self) -> &'static str {
        match self {
            Reason::NameNotFound => "name-not-found",
            Reason::ResolverSilent => "resolver-silent",
            Reason::ResolverFailed => "resolver-failed",
            Reason::Refused => "refused",
            Reason::TimedOut => "timed-out",
            Reason::Unreachable => "unreachable",
            Reason::Closed => "closed",
            Reason::TlsName => "tls-name",
            Reason::TlsExpired => "tls-expired",
            Reason::TlsNotYetValid => "tls-not-yet-valid",
            Reason::TlsSelfSigned => "tls-self-signed",
            Reason::TlsUntrusted => "tls-untrusted",
            Reason::TlsHandshake => "tls-handshake",
            Reason::Auth => "auth",
            Reason::Status => "status",
            Reason::Content => "content",
            Reason::Threshold => "threshold",
            Reason::Protocol => "protocol",
            Reason::Missing => "missing",
            Reason::Permission => "permission",
            Reason::Stuck => "stuck",
            Reason::Usage => "usage",
            Reason::Internal => "internal",
        }
    }

    /// The reason behind an error of the operating system.
    pub fn of_io(error: &io::Error) -> Reason {
        if error.raw_os_error() == Some(nix::errno::Errno::EHOSTDOWN as i32) {
            return Reason::Unreachable;
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Reason::Refused,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Reason::TimedOut,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable => Reason::Unreachable,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Reason::Closed,
            io::ErrorKind::NotFound => Reason::Missing,
            io::ErrorKind::PermissionDenied => Reason::Permission,
            _ => Reason::Internal,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A run that ends early: why, and one sentence that names what was tried, on what, and what came back.
///
/// Its state comes from the dialect's table. It is no `std::error::Error`, so that a bare `?` on a foreign error can turn
/// it into [`Reason::Internal`]: "we could not tell".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Kind.
    pub reason: Reason,
    /// Sentence, such as `connect to 10.0.0.5:443: refused`.
    pub message: String,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(reason: Reason, message: impl Into<String>) -> Failure {
        Failure { reason, message: message.into() }
    }

    /// A failure of the operating system, its reason taken from the error: `Failure::io("open /proc/stat", &error)`.
    pub fn io(what: impl fmt::Display, error: &io::Error) -> Failure {
        Failure::new(Reason::of_io(error), format!("{what}: {}", io_text(error)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.reason)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::new(Reason::Internal, error.to_string())
    }
}

/// The words of an operating system error, short and without its number.
pub fn io_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused".into(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer in time".into(),
        _ => {
            let text = error.to_string();
            let end = text.find(" (os error").unwrap_or(text.len());
            let mut text = text[..end].to_owned();
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            text
        }
    }
}

/// Result of anything that can end a run.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Names the reason of an error at the place where it is known.
pub trait Context<T> {
    /// Turns an error, or nothing, into a [`Failure`]: `what` says what was tried and on what, what came back is added.
    fn because(self, reason: Reason, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn because(self, reason: Reason, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Failure::new(reason, format!("{what}: {error}")))
    }
}

impl<T> Context<T> for Option<T> {
    fn because(self, reason: Reason, what: impl fmt::Display) -> Result<T> {
        self.ok_or_else(|| Failure::new(reason, what.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Context, Failure, Reason};
    use std::io;

    #[test]
    fn reasons_have_distinct_words() {
        let mut words: Vec<_> = Reason::ALL.iter().map(|r| r.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Reason::ALL.len());
    }

    #[test]
    fn a_failure_names_what_was_tried_and_what_came_back() {
        let error = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(
            Failure::io("connect to 10.0.0.5:443", &error).to_string(),
            "connect to 10.0.0.5:443: refused [refused]"
        );
        let parsed = "x".parse::<u8>().because(Reason::Protocol, "read the port");
        assert_eq!(parsed.map_err(|f| f.reason), Err(Reason::Protocol));
    }

    #[test]
    fn a_bare_question_mark_is_internal() {
        fn parse() -> super::Result<u8> {
            Ok("x".parse::<u8>()?)
        }
        assert_eq!(parse().map_err(|f| f.reason), Err(Reason::Internal));
    }

    #[test]
    fn the_number_of_an_error_is_left_out() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(
            Failure::io("open /nowhere", &error),
            Failure::new(Reason::Missing, "open /nowhere: no such file or directory")
        );
    }
}

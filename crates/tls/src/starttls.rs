//! STARTTLS: the words of a protocol that turn a plain connection into one on which TLS begins.

mod binary;
mod talk;
mod text;
mod xmpp;

use net::{Conn, Dialogue};
use plugin::{Failure, Reason, Result};

use talk::Talk;

/// Protocols that begin in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum StartTls {
    /// SMTP, RFC 3207.
    Smtp,
    /// LMTP, RFC 2033 and 3207.
    Lmtp,
    /// IMAP, RFC 9051.
    Imap,
    /// POP3, RFC 2595.
    #[value(alias = "pop")]
    Pop3,
    /// FTP, RFC 4217.
    Ftp,
    /// NNTP, RFC 4642.
    Nntp,
    /// ManageSieve, RFC 5804.
    Sieve,
    /// LDAP, RFC 4511, 4.14.
    Ldap,
    /// PostgreSQL, "SSL Session Encryption" of its protocol.
    #[value(alias = "pgsql", alias = "postgresql")]
    Postgres,
    /// MySQL and MariaDB, "SSLRequest" of their protocol.
    #[value(alias = "mariadb")]
    Mysql,
    /// XMPP of clients, RFC 6120, 5.
    Xmpp,
    /// XMPP between servers.
    XmppServer,
}

impl StartTls {
    /// The port that IANA gave it.
    pub const fn port(self) -> u16 {
        match self {
            StartTls::Smtp => 25,
            StartTls::Lmtp => 24,
            StartTls::Imap => 143,
            StartTls::Pop3 => 110,
            StartTls::Ftp => 21,
            StartTls::Nntp => 119,
            StartTls::Sieve => 4190,
            StartTls::Ldap => 389,
            StartTls::Postgres => 5432,
            StartTls::Mysql => 3306,
            StartTls::Xmpp => 5222,
            StartTls::XmppServer => 5269,
        }
    }

    /// Leads the dialogue up to the point where TLS begins; `domain` is whom an XMPP server is asked for.
    ///
    /// Errors with [`Reason::Protocol`] where the server does not offer TLS, refuses it, speaks another protocol, or sends
    /// more in the clear behind its go-ahead (RFC 3207, 6); else as [`Dialogue`].
    pub fn start(self, conn: &mut Conn, domain: &str) -> Result<()> {
        let peer = conn.peer().to_owned();
        let mut dialogue = Dialogue::new(conn);
        let mut talk = Talk::new(&mut dialogue, &peer);
        match self {
            StartTls::Smtp => text::smtp(&mut talk, "EHLO"),
            StartTls::Lmtp => text::smtp(&mut talk, "LHLO"),
            StartTls::Imap => text::imap(&mut talk),
            StartTls::Pop3 => text::pop3(&mut talk),
            StartTls::Ftp => text::ftp(&mut talk),
            StartTls::Nntp => text::nntp(&mut talk),
            StartTls::Sieve => text::sieve(&mut talk),
            StartTls::Ldap => binary::ldap(&mut talk),
            StartTls::Postgres => binary::postgres(&mut talk),
            StartTls::Mysql => binary::mysql(&mut talk),
            StartTls::Xmpp => xmpp::start(&mut talk, "jabber:client", domain),
            StartTls::XmppServer => xmpp::start(&mut talk, "jabber:server", domain),
        }?;
        let surplus = dialogue.unread().len();
        if surplus > 0 {
            let message = format!("{peer} sent {surplus} B in the clear behind its go-ahead to TLS");
            return Err(Failure::new(Reason::Protocol, message));
        }
        conn.set_patience(None);
        Ok(())
    }
}

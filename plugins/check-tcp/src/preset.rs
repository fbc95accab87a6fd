//! What the plugin's names stand for: `check_ftp` asks an FTP server.

use plugin::{Failure, Reason, Result};

/// How bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// Port, words and good-bye of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Preset {
    pub transport: Transport,
    pub port: Option<u16>,
    pub send: Option<&'static str>,
    /// One of them has to stand at the start of the answer.
    pub expect: &'static [&'static str],
    pub quit: Option<&'static str>,
    /// Keep what the server says out of the output.
    pub jail: bool,
    /// Begin with a TLS handshake.
    pub tls: bool,
}

const PLAIN: Preset = Preset {
    transport: Transport::Tcp,
    port: None,
    send: None,
    expect: &[],
    quit: None,
    jail: false,
    tls: false,
};
/// What a service says whether TLS comes first or not.
const IMAP: Preset = Preset { port: Some(143), expect: &["* OK"], quit: Some("a1 LOGOUT\r\n"), ..PLAIN };
const POP: Preset = Preset { port: Some(110), expect: &["+OK"], quit: Some("QUIT\r\n"), ..PLAIN };
const SMTP: Preset = Preset { port: Some(25), expect: &["220"], quit: Some("QUIT\r\n"), ..PLAIN };
const NNTP: Preset = Preset { port: Some(119), expect: &["200", "201"], quit: Some("QUIT\r\n"), ..PLAIN };

const XMPP_OPEN: &str = "<stream:stream to='host' xmlns='jabber:client' \
                         xmlns:stream='http://etherx.jabber.org/streams'>\n";

/// The presets of the C plugin; a name matches that starts so, such as `pop3`.
const PRESETS: &[(&str, Preset)] = &[
    ("udp", Preset { transport: Transport::Udp, ..PLAIN }),
    ("ftp", Preset { port: Some(21), expect: &["220"], quit: Some("QUIT\r\n"), ..PLAIN }),
    ("pop", POP),
    ("smtp", SMTP),
    ("imap", IMAP),
    ("simap", Preset { port: Some(993), tls: true, ..IMAP }),
    ("spop", Preset { port: Some(995), tls: true, ..POP }),
    ("ssmtp", Preset { port: Some(465), tls: true, ..SMTP }),
    (
        "jabber",
        Preset {
            port: Some(5222),
            send: Some(XMPP_OPEN),
            expect: &["<?xml version='1.0'"],
            quit: Some("</stream:stream>\n"),
            jail: true,
            ..PLAIN
        },
    ),
    // Before the name that it begins with.
    ("nntps", Preset { port: Some(563), tls: true, ..NNTP }),
    ("nntp", NNTP),
    ("clamd", Preset { port: Some(3310), send: Some("PING"), expect: &["PONG"], ..PLAIN }),
];

impl Preset {
    /// The preset of a program's name, such as `check_ftp` or `check-ftp`.
    ///
    /// Errors with [`Reason::Usage`] for a name that stands for nothing.
    pub fn of_name(name: &str) -> Result<Preset> {
        let service = name.strip_prefix("check_").or_else(|| name.strip_prefix("check-")).unwrap_or(name);
        if service == "tcp" {
            return Ok(PLAIN);
        }
        let preset = PRESETS.iter().find(|(start, _)| service.starts_with(start));
        preset.map(|(_, preset)| *preset).ok_or_else(|| {
            Failure::new(
                Reason::Usage,
                format!("called as {name}, which stands for no service; check-tcp does"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Preset, Transport};
    use plugin::Reason;

    fn of(name: &str) -> Preset {
        Preset::of_name(name).expect("a preset")
    }

    #[test]
    fn names_stand_for_services() {
        assert_eq!(of("check_ftp").port, Some(21));
        assert_eq!(of("check-ftp"), of("check_ftp"));
        assert_eq!(of("check_pop3").expect, ["+OK"]);
        assert_eq!(of("check_nntp").expect, ["200", "201"]);
        assert_eq!(of("check_udp").transport, Transport::Udp);
        assert_eq!(of("check_tcp").port, None);
        assert!(of("check_jabber").jail);
        assert!(
            of("check_jabber").send.is_some_and(|text| text.starts_with("<stream:stream to='host' xmlns="))
        );
    }

    #[test]
    fn names_that_begin_with_tls() {
        for (name, port, plain) in [
            ("check_simap", 993, "check_imap"),
            ("check-spop", 995, "check-pop"),
            ("check_ssmtp", 465, "check_smtp"),
            ("check_nntps", 563, "check_nntp"),
        ] {
            assert_eq!(of(name), Preset { port: Some(port), tls: true, ..of(plain) }, "{name}");
            assert!(!of(plain).tls, "{plain}");
        }
    }

    #[test]
    fn other_names_are_refused() {
        let refused = |name| Preset::of_name(name).expect_err("no preset");
        assert_eq!(refused("check_foo").reason, Reason::Usage);
        assert_eq!(refused("check_tcpx").reason, Reason::Usage);
    }
}

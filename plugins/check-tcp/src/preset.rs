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
}

const PLAIN: Preset =
    Preset { transport: Transport::Tcp, port: None, send: None, expect: &[], quit: None, jail: false };

const XMPP_OPEN: &str = "<stream:stream to='host' xmlns='jabber:client' \
                         xmlns:stream='http://etherx.jabber.org/streams'>\n";

/// The presets of the C plugin; a name matches that starts so, such as `pop3`.
const PRESETS: &[(&str, Preset)] = &[
    ("udp", Preset { transport: Transport::Udp, ..PLAIN }),
    ("ftp", Preset { port: Some(21), expect: &["220"], quit: Some("QUIT\r\n"), ..PLAIN }),
    ("pop", Preset { port: Some(110), expect: &["+OK"], quit: Some("QUIT\r\n"), ..PLAIN }),
    ("smtp", Preset { port: Some(25), expect: &["220"], quit: Some("QUIT\r\n"), ..PLAIN }),
    ("imap", Preset { port: Some(143), expect: &["* OK"], quit: Some("a1 LOGOUT\r\n"), ..PLAIN }),
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
    ("nntp", Preset { port: Some(119), expect: &["200", "201"], quit: Some("QUIT\r\n"), ..PLAIN }),
    ("clamd", Preset { port: Some(3310), send: Some("PING"), expect: &["PONG"], ..PLAIN }),
];

/// Services of the C plugin that begin with a TLS handshake.
const TLS: [&str; 4] = ["simap", "spop", "ssmtp", "nntps"];

impl Preset {
    /// The preset of a program's name, such as `check_ftp` or `check-ftp`.
    ///
    /// Errors with [`Reason::Usage`] for a name that stands for nothing, or for TLS.
    pub fn of_name(name: &str) -> Result<Preset> {
        let service = name.strip_prefix("check_").or_else(|| name.strip_prefix("check-")).unwrap_or(name);
        if service == "tcp" {
            return Ok(PLAIN);
        }
        if TLS.iter().any(|tls| service.starts_with(tls)) {
            return Err(no_tls(name));
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

/// The failure of anything that needs TLS.
pub(crate) fn no_tls(what: &str) -> Failure {
    Failure::new(Reason::Usage, format!("TLS is not in this build yet: {what}"))
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
    fn other_names_are_refused() {
        let refused = |name| Preset::of_name(name).expect_err("no preset");
        assert_eq!(refused("check_foo").reason, Reason::Usage);
        assert_eq!(refused("check_tcpx").reason, Reason::Usage);
        for name in ["check_simap", "check_spop", "check_ssmtp", "check_nntps"] {
            assert_eq!(refused(name).message, format!("TLS is not in this build yet: {name}"));
        }
    }
}

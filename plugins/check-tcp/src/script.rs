//! What is to be done: the command line over the preset of the program's name.

use std::time::Duration;

use net::{Expect, Family, Place, Target};
use plugin::{Call, Dialect, Failure, Reason, Result};
use tls::{Days, TlsArgs, TlsOptions, Verify};

use crate::options::{CheckTcp, Text};
use crate::preset::{Preset, Transport};

/// How long the answer may pause before it counts as whole; as the C plugin.
const QUIET: Duration = Duration::from_secs(2);
/// Most bytes that are read where `-m` does not say: no greeting is longer, and an endless one is not kept.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

/// One conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    pub transport: Transport,
    pub target: Target,
    pub family: Family,
    pub tls: Option<Tls>,
    pub send: Option<Vec<u8>>,
    pub delay: Option<Duration>,
    pub expect: Option<Expect>,
    pub quit: Option<Vec<u8>>,
    pub jail: bool,
}

/// How the conversation is to be encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    pub options: TlsOptions,
    /// The name that was asked for, to be verified.
    pub host: String,
    /// How long the certificate has to be valid.
    pub days: Option<Days>,
}

impl Script {
    /// Errors with [`Reason::Usage`] where something that is needed was not said.
    pub fn new(options: &CheckTcp, call: &Call) -> Result<Script> {
        let preset = Preset::of_name(&call.name)?;
        let host = options.hostname.as_ref().or(options.host.as_ref()).map_or("127.0.0.1", String::as_str);
        // In our own dialect the place of -E does not matter, and bytes can be written in hexadecimal.
        let own = call.dialect == Dialect::Own;
        let escaped = |text: &Text| if own { options.words.escape } else { text.after_escape };
        let send = options.words.send.as_ref().map(|text| {
            if escaped(text) { unescaped(&text.text, own) } else { text.text.clone().into_bytes() }
        });
        let quit = options.words.quit.as_ref().map(|text| {
            if escaped(text) { unescaped(&text.text, own) } else { format!("{}\r\n", text.text).into_bytes() }
        });
        let script = Script {
            transport: preset.transport,
            target: Target::new(host, options.port.or(preset.port))?,
            family: options.family.into(),
            tls: tls(options, &preset, host, call.dialect),
            send: send.or_else(|| preset.send.map(|text| text.as_bytes().to_vec())),
            delay: options.delay,
            expect: expect(options, &preset),
            quit: quit.or_else(|| preset.quit.map(|text| text.as_bytes().to_vec())),
            jail: options.jail || preset.jail,
        };
        if script.transport == Transport::Udp && (script.send.is_none() || script.expect.is_none()) {
            let message = "UDP has no connection: -s and -e have to say what is asked and answered";
            return Err(Failure::new(Reason::Usage, message));
        }
        if script.transport == Transport::Udp && script.tls.is_some() {
            return Err(Failure::new(Reason::Usage, "there is no TLS over UDP"));
        }
        Ok(script)
    }
}

fn tls(options: &CheckTcp, preset: &Preset, host: &str, dialect: Dialect) -> Option<Tls> {
    let asked = preset.tls
        || options.ssl
        || options.certificate.is_some()
        || options.sni.is_some()
        || options.tls != TlsArgs::default();
    if !asked {
        return None;
    }
    let mut tls = TlsOptions::from(&options.tls);
    if options.sni.is_some() {
        tls.server_name.clone_from(&options.sni);
    }
    // The C plugin asks for no name unless told which, and verifies nothing. Whoever names roots wants them to count.
    if dialect == Dialect::C {
        tls.without_sni |= tls.server_name.is_none();
        if tls.ca_file.is_none() && tls.ca_dir.is_none() {
            tls.verify = Verify::Nothing;
        }
    }
    Some(Tls { options: tls, host: host.to_owned(), days: options.certificate })
}

fn expect(options: &CheckTcp, preset: &Preset) -> Option<Expect> {
    let own = !options.expect.is_empty();
    let texts: Vec<Vec<u8>> = if own {
        options.expect.iter().map(|text| text.as_bytes().to_vec()).collect()
    } else {
        preset.expect.iter().map(|text| text.as_bytes().to_vec()).collect()
    };
    (!texts.is_empty()).then_some(Expect {
        texts,
        all: options.all,
        place: if own { Place::Anywhere } else { Place::Start },
        limit: options.maxbytes.unwrap_or(MOST_BYTES),
        quiet: QUIET,
    })
}

/// `\n`, `\r`, `\t` and `\\` as the characters they stand for, with `hex` also `\x2f` as that byte; any other character
/// after a backslash as itself.
fn unescaped(text: &str, hex: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (b'\\', [b'x', high, low, after @ ..]) if hex && let Some(byte) = hexadecimal(*high, *low) => {
                (byte, after)
            }
            (b'\\', [b'n', after @ ..]) => (b'\n', after),
            (b'\\', [b'r', after @ ..]) => (b'\r', after),
            (b'\\', [b't', after @ ..]) => (b'\t', after),
            (b'\\', [other, after @ ..]) => (*other, after),
            (byte, after) => (byte, after),
        };
        out.push(byte);
        rest = after;
    }
    out
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::{MOST_BYTES, Script, unescaped};
    use crate::options::CheckTcp;
    use clap::Parser as _;
    use net::Place;
    use plugin::{Call, Deadline, Dialect, Reason, Result};
    use std::time::Duration;
    use tls::{TlsOptions, Verify};

    fn script(name: &str, args: &[&str]) -> Result<Script> {
        let options = CheckTcp::try_parse_from([&[name], args].concat()).expect("readable");
        let mut call = Call::own(name, Deadline::after(Duration::from_secs(10)));
        call.dialect = Dialect::of_name(name);
        Script::new(&options, &call)
    }

    fn sent(name: &str, args: &[&str]) -> (Option<String>, Option<String>) {
        let script = script(name, &[&["-p", "25"], args].concat()).expect("complete");
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
        (text(script.send), text(script.quit))
    }

    #[test]
    fn escapes() {
        assert_eq!(unescaped(r"a\n\r\t\\\x\", true), b"a\n\r\t\\x\\");
        assert_eq!(unescaped(r"\x00\xd2\x+f\xé", true), b"\x00\xd2x+fx\xc3\xa9");
        assert_eq!(unescaped(r"\x41", false), b"x41", "as the C plugin reads it");
        let both = |send: &str, quit: &str| (Some(send.to_owned()), Some(quit.to_owned()));
        assert_eq!(sent("check_tcp", &["-s", r"a\n", "-q", "b"]), both(r"a\n", "b\r\n"));
        assert_eq!(sent("check_tcp", &["-E", "-s", r"a\n", "-q", r"b\n"]), both("a\n", "b\n"));
        assert_eq!(sent("check_tcp", &["-s", r"a\n", "-E", "-q", r"b\n"]), both(r"a\n", "b\n"));
        assert_eq!(sent("check-tcp", &["-s", r"a\n", "-q", r"b\n", "-E"]), both("a\n", "b\n"));
    }

    #[test]
    fn options_win_over_presets() {
        let preset = script("check_ftp", &[]).expect("complete");
        assert_eq!(preset.target.to_string(), "127.0.0.1:21");
        assert_eq!(preset.quit.as_deref(), Some(&b"QUIT\r\n"[..]));
        let expect = preset.expect.expect("the preset's");
        assert_eq!(
            (expect.place, expect.texts, expect.limit),
            (Place::Start, vec![b"220".to_vec()], MOST_BYTES)
        );

        let own = script("check_nntp", &["-H", "::1", "-p", "1119", "-e", "posting", "-m", "9", "-q", "BYE"]);
        let own = own.expect("complete");
        assert_eq!(own.target.to_string(), "[::1]:1119");
        assert_eq!(own.quit.as_deref(), Some(&b"BYE\r\n"[..]));
        let expect = own.expect.expect("one");
        assert_eq!(
            (expect.place, expect.texts, expect.limit),
            (Place::Anywhere, vec![b"posting".to_vec()], 9)
        );
    }

    #[test]
    fn what_is_needed_has_to_be_said() {
        let refused =
            |name, args: &[&str]| script(name, args).map_err(|failure| (failure.reason, failure.message));
        let usage = |message: &str| Err((Reason::Usage, message.to_owned()));
        assert_eq!(refused("check_tcp", &["-H", "mail"]), usage("mail: no port given"));
        let udp = usage("UDP has no connection: -s and -e have to say what is asked and answered");
        assert_eq!(refused("check_udp", &["-p", "53", "-s", "x"]), udp);
        assert_eq!(refused("check_udp", &["-p", "53", "-e", "x"]), udp);
        let udp = usage("there is no TLS over UDP");
        assert_eq!(refused("check_udp", &["-p", "53", "-s", "x", "-e", "x", "-S"]), udp);
        assert!(refused("check_tcp", &["-H", "/run/a.sock"]).is_ok());
    }

    #[test]
    fn every_option_of_tls_asks_for_it() {
        let tls = |name: &str, args: &[&str]| {
            script(name, &[&["-H", "mail.example", "-p", "6514"], args].concat()).expect("complete").tls
        };
        assert_eq!(tls("check-tcp", &[]), None);
        for asks in
            [&["-S"][..], &["--tls"], &["-D", "30"], &["--sni", "a"], &["--ca-file", "a"], &["--insecure"]]
        {
            assert!(tls("check-tcp", asks).is_some() && tls("check_tcp", asks).is_some(), "{asks:?}");
        }
        let own = tls("check-tcp", &["-S"]).expect("TLS");
        assert_eq!((own.options, own.host), (TlsOptions::default(), "mail.example".to_owned()));
        let theirs = tls("check_tcp", &["-S"]).expect("TLS").options;
        assert_eq!((theirs.verify, theirs.without_sni), (Verify::Nothing, true));
        let named = tls("check_tcp", &["--sni", "web.example"]).expect("TLS").options;
        assert_eq!((named.server_name.as_deref(), named.without_sni), (Some("web.example"), false));
        let trusting = tls("check_tcp", &["-S", "--ca-file", "root.pem"]).expect("TLS").options;
        assert_eq!((trusting.verify, trusting.without_sni), (Verify::Full, true));
        assert!(tls("check-imap", &[]).is_none() && tls("check-simap", &[]).is_some());
    }
}

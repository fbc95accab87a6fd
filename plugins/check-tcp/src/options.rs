//! The command line.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use net::family::FamilyArgs;
use plugin::{Range, State, units};
use tls::{Days, TlsArgs};

/// Connects to a TCP or UDP port or a Unix socket and checks what it says
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "check-tcp")]
pub struct CheckTcp {
    /// Host name, address, or absolute path of a Unix socket; default: 127.0.0.1
    #[arg(short = 'H', long, visible_alias = "host", value_name = "HOST")]
    pub(crate) hostname: Option<String>,
    /// Port; default: the one of the service that the program's name says
    #[arg(short, long, value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    #[command(flatten)]
    pub(crate) family: FamilyArgs,
    #[command(flatten)]
    pub(crate) words: Words,
    /// Text that has to be in the answer; of several, one is enough
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true, action = ArgAction::Append)]
    pub(crate) expect: Vec<String>,
    /// All expected texts have to be in the answer
    #[arg(short = 'A', long)]
    pub(crate) all: bool,
    /// State of a refused connection: ok, warn, crit; default: crit
    #[arg(short, long, value_name = "STATE", value_parser = state)]
    pub(crate) refuse: Option<State>,
    /// State of an answer without the expected text: ok, warn, crit; default: crit, and warn as check_NAME
    #[arg(short = 'M', long, value_name = "STATE", value_parser = state)]
    pub(crate) mismatch: Option<State>,
    /// Keep what the server says out of the output
    #[arg(short, long)]
    pub(crate) jail: bool,
    /// Stop reading once so many bytes have come
    #[arg(short, long, value_name = "BYTES", value_parser = maxbytes)]
    pub(crate) maxbytes: Option<usize>,
    /// Wait between sending and reading; not counted as response time
    #[arg(short, long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) delay: Option<Duration>,
    /// WARNING when the response time is outside this range: seconds, or 250ms
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    pub(crate) warning: Option<Range>,
    /// CRITICAL when the response time is outside this range: seconds, or 250ms
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    pub(crate) critical: Option<Range>,
    /// Begin with a TLS handshake; every other option of TLS asks for it too
    #[arg(short = 'S', long, visible_alias = "tls", help_heading = "TLS")]
    pub(crate) ssl: bool,
    /// Days for which the certificate has to be valid: WARNING, and CRITICAL behind the comma; default: 0
    #[arg(short = 'D', long, value_name = "DAYS[,DAYS]", help_heading = "TLS")]
    pub(crate) certificate: Option<Days>,
    /// The same as --server-name; check_NAME sends no name without it
    #[arg(long, value_name = "NAME", conflicts_with = "server_name", help_heading = "TLS")]
    pub(crate) sni: Option<String>,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    /// Old spelling of --hostname
    #[arg(value_name = "HOST", conflicts_with = "hostname")]
    pub(crate) host: Option<String>,
}

/// What is said to the server. The C plugin reads escapes only in texts that come after `-E`, so places matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words {
    pub send: Option<Text>,
    pub quit: Option<Text>,
    pub escape: bool,
}

/// A text of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub text: String,
    /// Whether `-E` stood before it.
    pub after_escape: bool,
}

impl clap::Args for Words {
    fn augment_args(command: Command) -> Command {
        let text = |id: &'static str, short, help| {
            let arg = Arg::new(id).short(short).long(id).value_name("TEXT").help(help);
            arg.allow_hyphen_values(true)
        };
        let escape = Arg::new("escape").short('E').long("escape");
        command
            .arg(
                // Every one keeps its place, which a flag that overrides itself would lose.
                escape.num_args(0).action(ArgAction::Append).default_missing_value("").help(
                    r"Read \n, \r, \t, \\ and \xHH in --send and --quit; as check_NAME, only in those that follow, and no \xHH",
                ),
            )
            // What getopt took for it before there was --server-name.
            .arg(text("send", 's', "Text to send").alias("se"))
            .arg(text("quit", 'q', r"Text to send at the end; \r\n is added unless --escape is given"))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Words {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Words, clap::Error> {
        let escape = matches.indices_of("escape").and_then(|mut places| places.next());
        let text = |id: &str| {
            let place = matches.indices_of(id)?.next_back()?;
            let after_escape = escape.is_some_and(|escape| escape < place);
            matches.get_one::<String>(id).map(|text| Text { text: text.clone(), after_escape })
        };
        Ok(Words { send: text("send"), quit: text("quit"), escape: escape.is_some() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Words::from_arg_matches(matches)?;
        Ok(())
    }
}

fn state(text: &str) -> Result<State, String> {
    match text {
        "ok" => Ok(State::Ok),
        "warn" | "warning" => Ok(State::Warning),
        "crit" | "critical" => Ok(State::Critical),
        _ => Err("one of ok, warn, crit".into()),
    }
}

// All of it is kept until the end, so there is a limit to the limit.
fn maxbytes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=64 * 1024 * 1024).contains(&count) => Ok(count),
        _ => Err("a number of bytes from 1 to 67108864".into()),
    }
}

fn seconds(text: &str) -> Result<Range, String> {
    Range::parse_with(text, units::seconds)
}

#[cfg(test)]
mod tests {
    use super::{CheckTcp, Text, Words};
    use clap::Parser as _;

    fn words(args: &[&str]) -> Words {
        // As the runner reads a command line.
        let command = plugin::command::<CheckTcp>("check-tcp");
        let matches = command.try_get_matches_from([&["check-tcp"], args].concat()).expect("readable");
        <CheckTcp as clap::FromArgMatches>::from_arg_matches(&matches).expect("complete").words
    }

    fn text(text: &str, after_escape: bool) -> Text {
        Text { text: text.into(), after_escape }
    }

    #[test]
    fn escapes_know_their_place() {
        let read = words(&["-s", "a", "-E", "-q", "b"]);
        assert_eq!(read, Words { send: Some(text("a", false)), quit: Some(text("b", true)), escape: true });
        let read = words(&["-Es", "a", "-q", "b", "-E"]);
        assert_eq!(read, Words { send: Some(text("a", true)), quit: Some(text("b", true)), escape: true });
        let read = words(&["-s", "a", "--escape", "--send=-b"]);
        assert_eq!(read, Words { send: Some(text("-b", true)), quit: None, escape: true });
        assert_eq!(words(&[]), Words::default());
    }

    #[test]
    fn wrong_values_are_refused() {
        for args in [
            &["-p", "0"][..],
            &["-p", "65536"],
            &["-p", "ssh"],
            &["-r", "unknown"],
            &["-M", "fine"],
            &["-m", "0"],
            &["-d", "0"],
            &["-w", "5:1"],
            &["-c", "x"],
            &["-H", "a", "b"],
            &["--escape=1"],
            &["-D", "x"],
            &["-D", "10,"],
            &["--sni", "a", "--server-name", "b"],
        ] {
            assert!(CheckTcp::try_parse_from([&["check-tcp"], args].concat()).is_err(), "{args:?}");
        }
    }
}

//! The command line.

use clap::{ArgAction, value_parser};
use hickory_proto::rr::RecordType;
use net::family::FamilyArgs;
use plugin::{Dialect, Failure, Range, Reason, Result, units};

use crate::expect::Expected;

/// Asks a DNS server for a name, and checks what it answers and how long that takes
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "check-dns")]
pub struct CheckDns {
    /// Name to ask for; an address is asked for its name
    #[arg(short = 'H', long, visible_alias = "name", value_name = "NAME")]
    pub(crate) hostname: Option<String>,
    /// Server to ask, by name or address; default: those of /etc/resolv.conf, in its order
    #[arg(short, long, value_name = "HOST")]
    pub(crate) server: Option<String>,
    /// Port of the server
    #[arg(long, value_name = "PORT", default_value = "53", value_parser = value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) family: FamilyArgs,
    /// Type of record: A, AAAA, NS, MX, TXT, SOA, SRV, PTR, CAA, CNAME, DNSKEY, DS, TLSA, NAPTR, ANY …; default: A and
    /// AAAA, for an address PTR
    #[arg(short, long, visible_alias = "type", value_name = "TYPE", value_parser = record_type)]
    pub(crate) querytype: Option<RecordType>,
    /// Value to be in the answer: address, network (10.0.0.0/24), or host name; a list or repeated, one is enough
    #[arg(short = 'a', long, value_name = "VALUE[,VALUE]", action = ArgAction::Append, value_delimiter = ',', value_parser = expected)]
    pub(crate) expected_address: Vec<Expected>,
    /// The same for a record of any type, as dig shows it: "10 mx.example.net."; commas are part of it
    #[arg(long, value_name = "VALUE", action = ArgAction::Append, value_parser = expected)]
    pub(crate) expect: Vec<Expected>,
    /// The answer has to hold all that is expected, and nothing else
    #[arg(short = 'L', long)]
    pub(crate) all: bool,
    /// Least number of records in the answer
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..))]
    pub(crate) min_answers: Option<u32>,
    /// The name has to be one that does not exist
    #[arg(short = 'n', long, conflicts_with_all = ["expected_address", "expect", "min_answers"])]
    pub(crate) expect_nxdomain: bool,
    /// The server has to be an authority for the name (flag AA)
    #[arg(short = 'A', long)]
    pub(crate) expect_authority: bool,
    /// The server has to have validated the answer (flag AD of DNSSEC)
    #[arg(long)]
    pub(crate) dnssec: bool,
    /// Ask over TCP; without it UDP is used, and TCP for an answer that UDP cuts
    #[arg(long)]
    pub(crate) tcp: bool,
    /// WARNING when the answer takes longer, or is outside this range: seconds, or 250ms
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    pub(crate) warning: Option<Range>,
    /// CRITICAL when the answer takes longer, or is outside this range: seconds, or 250ms
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true, value_parser = seconds)]
    pub(crate) critical: Option<Range>,
    /// Old spelling of --hostname and --server
    #[arg(value_names = ["NAME", "SERVER"], num_args = 0..=2)]
    pub(crate) positional: Vec<String>,
}

/// What is asked for and of whom, wherever it stood on the command line.
pub(crate) struct Asked<'a> {
    pub name: &'a str,
    pub server: Option<&'a str>,
}

impl CheckDns {
    /// Sorts the words without an option into the places that are free, as the C plugin does.
    pub(crate) fn asked(&self, dialect: Dialect) -> Result<Asked<'_>> {
        let usage = |message: String| Failure::new(Reason::Usage, message);
        let mut words = self.positional.iter().map(String::as_str);
        let name = self.hostname.as_deref().or_else(|| words.next()).filter(|name| !name.is_empty());
        let server = self.server.as_deref().or_else(|| words.next());
        let name = name.ok_or_else(|| usage("no name to ask for: --hostname".into()))?;
        if let Some(word) = words.next() {
            return Err(usage(format!("`{word}`: the name and the server are there already")));
        }
        if server == Some("") {
            return Err(usage("the server's name is empty".into()));
        }
        if dialect == Dialect::Own && self.all && self.expected().next().is_none() {
            return Err(usage("--all needs --expected-address or --expect".into()));
        }
        Ok(Asked { name, server })
    }

    /// Everything expected, in order.
    pub(crate) fn expected(&self) -> impl Iterator<Item = &Expected> {
        self.expected_address.iter().chain(&self.expect)
    }
}

fn seconds(text: &str) -> Result<Range, String> {
    Range::parse_with(text, units::seconds)
}

fn expected(text: &str) -> Result<Expected, String> {
    text.parse()
}

fn record_type(text: &str) -> Result<RecordType, String> {
    let upper = text.to_ascii_uppercase();
    let number = |text: &str| text.parse::<u16>().ok().map(RecordType::from);
    let known = upper.parse().ok().or_else(|| upper.strip_prefix("TYPE").and_then(number));
    match known {
        Some(RecordType::AXFR | RecordType::IXFR | RecordType::OPT | RecordType::TSIG | RecordType::ZERO) => {
            Err(format!("{upper} is no type of a record that one can ask for here"))
        }
        Some(known) => Ok(known),
        None => Err("no such type; A, AAAA, MX … or TYPE257".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::CheckDns;
    use clap::Parser as _;
    use plugin::Dialect;

    fn asked(args: &[&str]) -> Result<(String, Option<String>), String> {
        let check =
            CheckDns::try_parse_from([&["check-dns"], args].concat()).map_err(|error| error.to_string())?;
        let asked = check.asked(Dialect::Own).map_err(|failure| failure.message)?;
        Ok((asked.name.to_owned(), asked.server.map(str::to_owned)))
    }

    #[test]
    fn words_go_where_there_is_room() {
        let want = |name: &str, server: Option<&str>| Ok((name.to_owned(), server.map(str::to_owned)));
        assert_eq!(asked(&["www.example"]), want("www.example", None));
        assert_eq!(asked(&["www.example", "10.0.0.53"]), want("www.example", Some("10.0.0.53")));
        assert_eq!(asked(&["-H", "www.example", "10.0.0.53"]), want("www.example", Some("10.0.0.53")));
        assert_eq!(asked(&["--name", "a", "--server", "b", "--type", "mx"]), want("a", Some("b")));
        assert_eq!(asked(&[]), Err("no name to ask for: --hostname".into()));
        assert_eq!(asked(&["-H", ""]), Err("no name to ask for: --hostname".into()));
        assert_eq!(
            asked(&["-H", "a", "b", "c"]),
            Err("`c`: the name and the server are there already".into())
        );
        assert_eq!(asked(&["-H", "a", "-L"]), Err("--all needs --expected-address or --expect".into()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for bad in [
            &["-H", "a", "-n", "-a", "10.0.0.1"][..],
            &["-H", "a", "-q", "AXFR"],
            &["-H", "a", "-q", "nope"],
            &["-H", "a", "-w", "soon"],
            &["-H", "a", "-a", "10.0.0.0/33"],
            &["-H", "a", "--port", "0"],
            &["-H", "a", "--min-answers", "0"],
        ] {
            assert!(asked(bad).is_err(), "{bad:?}");
        }
        assert!(asked(&["-H", "a", "-q", "type257", "-w", "40ms", "-c", "@1:2"]).is_ok());
    }
}

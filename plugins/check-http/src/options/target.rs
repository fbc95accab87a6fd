//! Options that say whom to ask, and which way.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::value_parser;
use net::family::FamilyArgs;
use plugin::State;

/// Whom to ask.
#[derive(Debug, Clone, clap::Args)]
#[command(about = None, long_about = None)]
pub(crate) struct TargetArgs {
    /// Whole URL, which says host, port and scheme too; or, beside -H or -I, the path; default: /
    #[arg(short, long, value_name = "URL", allow_hyphen_values = true)]
    pub url: Option<String>,
    /// Name of the host, with a port to say in the Host header if need be
    #[arg(short = 'H', long, value_name = "HOST[:PORT]")]
    pub hostname: Option<String>,
    /// Address or name to connect to, in place of the host's
    #[arg(short = 'I', long = "IP-address", value_name = "HOST")]
    pub ip_address: Option<String>,
    /// Port; default: 80, with TLS 443
    #[arg(short, long, value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    #[command(flatten)]
    pub family: FamilyArgs,
    /// Connect to this host and port, whatever the URL says
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port, conflicts_with = "ip_address", help_heading = "Way")]
    pub connect_to: Option<(String, u16)>,
    /// Connect to this address, whatever the name resolves to
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["ip_address", "connect_to"], help_heading = "Way")]
    pub resolve: Option<IpAddr>,
    /// Ask all addresses of the name: all of them, or so many, have to be good; any: the first that connects
    #[arg(long, value_name = "any|all|N", default_value = "any", value_parser = addresses, help_heading = "Way")]
    pub addresses: Addresses,
    /// Connect to this socket of the file system
    #[arg(long, value_name = "PATH", conflicts_with_all = ["ip_address", "connect_to", "resolve"], help_heading = "Way")]
    pub unix_socket: Option<PathBuf>,
    /// Go through this proxy; env: the one that the environment names, as curl reads it
    #[arg(long, value_name = "URL|env", help_heading = "Way")]
    pub proxy: Option<String>,
    /// Hosts, domains and networks that --proxy is not for, separated by commas
    #[arg(long, value_name = "LIST", requires = "proxy", help_heading = "Way")]
    pub no_proxy: Option<String>,
    /// Begin with a header of the PROXY protocol, as a load balancer does
    #[arg(long, value_name = "VERSION", help_heading = "Way")]
    pub proxy_protocol: Option<http::ProxyProtocol>,
    /// The same as --proxy-protocol v1
    #[arg(long, conflicts_with = "proxy_protocol", help_heading = "Way")]
    pub haproxy_protocol: bool,
    /// What a redirect means: a state, or to go there; sticky: on the same address, stickyport: and the same port
    #[arg(short = 'f', long, value_name = "WHAT", default_value = "ok", help_heading = "Way")]
    pub onredirect: OnRedirect,
    /// Most redirects that are followed
    #[arg(long, value_name = "N", default_value = "15", help_heading = "Way")]
    pub max_redirs: u16,
    /// Take cookies from this file, and keep them there for the next run
    #[arg(long, value_name = "FILE", help_heading = "Way")]
    pub cookie_jar: Option<PathBuf>,
    /// Old spelling of -I and -H, in this order; or a URL
    #[arg(value_name = "HOST", num_args = 0..=2)]
    pub words: Vec<String>,
}

/// `--addresses`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    Any,
    All,
    AtLeast(usize),
}

/// `--onredirect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OnRedirect {
    Ok,
    Warning,
    Critical,
    Unknown,
    /// Go there
    Follow,
    /// Go there, but on the same address
    Sticky,
    /// Go there, but on the same address and port
    #[value(name = "stickyport")]
    StickyPort,
    /// Go there as curl does: a POST becomes a GET
    Curl,
}

impl OnRedirect {
    /// The state of a redirect that is not followed.
    pub fn state(self) -> Option<State> {
        match self {
            OnRedirect::Ok => Some(State::Ok),
            OnRedirect::Warning => Some(State::Warning),
            OnRedirect::Critical => Some(State::Critical),
            OnRedirect::Unknown => Some(State::Unknown),
            _ => None,
        }
    }
}

fn addresses(text: &str) -> Result<Addresses, String> {
    match text {
        "any" => Ok(Addresses::Any),
        "all" => Ok(Addresses::All),
        _ => match text.parse() {
            Ok(count) if count > 0 => Ok(Addresses::AtLeast(count)),
            _ => Err("any, all, or a number above zero".into()),
        },
    }
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let (host, port) = text.rsplit_once(':').ok_or("no port")?;
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match port.parse() {
        Ok(port) if port > 0 && !host.is_empty() => Ok((host.to_owned(), port)),
        _ => Err("a host, a colon and a port".into()),
    }
}

//! Options that say what to ask.

use std::path::PathBuf;

use plugin::{SecretArgs, units};

/// What to ask.
#[derive(Debug, Clone, clap::Args)]
#[command(about = None, long_about = None, next_help_heading = "Request")]
pub(crate) struct RequestArgs {
    /// Method; default: GET, with a body POST. CONNECT: the host given is a proxy; CONNECT:POST asks with POST through it
    #[arg(short = 'j', long, value_name = "METHOD")]
    pub method: Option<String>,
    /// Send this as body
    #[arg(short = 'P', long, value_name = "TEXT", allow_hyphen_values = true)]
    pub post: Option<String>,
    /// Send the content of this file as body
    #[arg(long, value_name = "FILE", conflicts_with = "post")]
    pub body_file: Option<PathBuf>,
    /// Type of the body; default: application/x-www-form-urlencoded
    #[arg(short = 'T', long, value_name = "TYPE")]
    pub content_type: Option<String>,
    /// What to say in the User-Agent header
    #[arg(short = 'A', long, value_name = "TEXT")]
    pub useragent: Option<String>,
    /// Send this header: `Name: value`; may be repeated
    #[arg(short = 'k', long, value_name = "HEADER", action = clap::ArgAction::Append)]
    pub header: Vec<String>,
    /// Send the headers in this file, one a line; they are secret
    #[arg(long, value_name = "FILE")]
    pub header_file: Option<PathBuf>,
    /// Log in with this (basic); better --user with --password-file: this stands in the process list
    #[arg(short = 'a', long, value_name = "USER:PASSWORD")]
    pub authorization: Option<String>,
    /// Log in as this user, with the password from --password-file, -env or -fd (basic)
    #[arg(long, value_name = "USER", conflicts_with = "authorization", requires = "password_source")]
    pub user: Option<String>,
    #[command(flatten)]
    pub password: SecretArgs,
    /// Log in with the token in the first line of this file (bearer)
    #[arg(long, value_name = "FILE", group = "bearer", conflicts_with_all = ["authorization", "user"])]
    pub bearer_file: Option<PathBuf>,
    /// Log in with the token in this environment variable
    #[arg(long, value_name = "NAME", group = "bearer", conflicts_with_all = ["authorization", "user"])]
    pub bearer_env: Option<String>,
    /// Log in with the token from this open file descriptor
    #[arg(long, value_name = "N", group = "bearer", conflicts_with_all = ["authorization", "user"])]
    pub bearer_fd: Option<u32>,
    /// Log in at the proxy with this; better --proxy-authorization-file
    #[arg(short = 'b', long, value_name = "USER:PASSWORD")]
    pub proxy_authorization: Option<String>,
    /// Log in at the proxy with the USER:PASSWORD in the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "proxy_authorization")]
    pub proxy_authorization_file: Option<PathBuf>,
    /// Version of HTTP; 2 needs a server that speaks it
    #[arg(long, value_name = "VERSION")]
    pub http_version: Option<http::Version>,
    /// Offer compression, and undo it
    #[arg(long, visible_alias = "enable-automatic-decompression")]
    pub compressed: bool,
    /// Do not read the body
    #[arg(short = 'N', long)]
    pub no_body: bool,
    /// Most bytes of a body; one that goes on is a problem
    #[arg(long, value_name = "SIZE", default_value = "4M", value_parser = body_size)]
    pub max_body: usize,
}

// All of it is kept, so there is a limit to the limit.
fn body_size(text: &str) -> Result<usize, String> {
    let size = units::bytes(text)?;
    if !(1.0..=256.0 * 1024.0 * 1024.0).contains(&size) {
        return Err("from 1 byte to 256 MiB".into());
    }
    // In range, and a fraction of a byte is none.
    format!("{:.0}", size.floor()).parse().map_err(|_| format!("`{text}` is no size"))
}

//! Options of TLS: the C plugin's, and those that every check of this suite has.

use std::path::PathBuf;

use tls::TlsArgs;

/// How to speak TLS.
#[derive(Debug, Clone, clap::Args)]
#[command(about = None, long_about = None, next_help_heading = "TLS")]
pub(crate) struct SecurityArgs {
    /// Speak TLS; VERSION is the only one to offer, with + the oldest: 1, 1.1, 1.2, 1.3
    #[arg(short = 'S', long, value_name = "VERSION[+]", num_args = 0..=1, require_equals = true, default_missing_value = "", value_parser = crate::security::version_text)]
    pub ssl: Option<String>,
    /// Send the host's name in the handshake; the default but as check_http
    #[arg(long, conflicts_with = "no_sni")]
    pub sni: bool,
    /// Least days that each certificate has to be valid for: WARNING, and CRITICAL behind the comma (default: 0)
    #[arg(short = 'C', long, value_name = "DAYS[,DAYS]", value_parser = days)]
    pub certificate: Option<Days>,
    /// As check_NAME: judge the content too after -C; check-http always does
    #[arg(long)]
    pub continue_after_certificate: bool,
    /// Present the certificate in this PEM file, as --tls-cert
    #[arg(short = 'J', long, value_name = "FILE", conflicts_with = "tls_cert")]
    pub client_cert: Option<PathBuf>,
    /// Key of the certificate to present, as --tls-key
    #[arg(short = 'K', long, value_name = "FILE", conflicts_with = "tls_key")]
    pub private_key: Option<PathBuf>,
    /// Trust the roots in this PEM file, as --ca-file; as check_NAME it verifies the certificate too
    #[arg(long, value_name = "FILE", conflicts_with = "ca_file")]
    pub ca_cert: Option<PathBuf>,
    /// Verify chain and name of the certificate; the default but as check_NAME
    #[arg(short = 'D', long, visible_alias = "verify-host", conflicts_with = "insecure")]
    pub verify_cert: bool,
    #[command(flatten)]
    pub tls: TlsArgs,
}

/// `--certificate`: least days of validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days {
    pub warning: u32,
    pub critical: u32,
}

fn days(text: &str) -> Result<Days, String> {
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number of days"));
    match text.split_once(',') {
        Some((warning, critical)) => Ok(Days { warning: number(warning)?, critical: number(critical)? }),
        None => Ok(Days { warning: number(text)?, critical: 0 }),
    }
}

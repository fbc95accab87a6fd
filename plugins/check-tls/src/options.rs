//! The command line.

use clap::{ArgAction, value_parser};
use net::family::FamilyArgs;
use plugin::{Failure, Reason, Result};
use regex_lite::Regex;
use tls::{StartTls, TlsArgs, Version};

use crate::limit::Limit;

/// Checks the certificates and the protocol of a TLS server, or certificate files
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "check-tls")]
pub struct CheckTls {
    /// Host name, address, or absolute path of a Unix socket
    #[arg(
        short = 'H',
        long,
        visible_alias = "hostname",
        value_name = "HOST",
        required_unless_present = "file",
        conflicts_with = "file"
    )]
    pub(crate) host: Option<String>,
    /// Port; default: 443, or the one of the protocol of --starttls
    #[arg(short, long, value_name = "PORT", value_parser = value_parser!(u16).range(1..), conflicts_with = "file")]
    pub(crate) port: Option<u16>,
    /// Begin in the clear, in this protocol, and ask for TLS
    #[arg(long, value_name = "PROTOCOL", conflicts_with = "file")]
    pub(crate) starttls: Option<StartTls>,
    /// Check the certificates in these files, PEM or DER, in place of a server; * and ? in the last part of the path
    #[arg(long, value_name = "GLOB", action = ArgAction::Append)]
    pub(crate) file: Vec<String>,
    #[command(flatten)]
    pub(crate) family: FamilyArgs,
    /// WARNING when less validity is left: 30 or 30d, 12h, or 20% of the lifetime; default: 20d, 20% where that is less
    #[arg(short, long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) warning: Option<Limit>,
    /// CRITICAL when less validity is left; default: 7d, 10% where that is less
    #[arg(short, long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) critical: Option<Limit>,
    /// Judge the server's own certificate only, not its issuers
    #[arg(long)]
    pub(crate) leaf_only: bool,
    /// The certificate has to be for this name or address; may be given several times
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    pub(crate) name: Vec<String>,
    /// Accept a certificate for any name; its chain is verified all the same
    #[arg(long, conflicts_with = "file")]
    pub(crate) any_name: bool,
    /// One of the issuers has to match this regular expression: CN=Example CA
    #[arg(long, value_name = "REGEX")]
    pub(crate) issuer: Option<Regex>,
    /// The subject has to match this regular expression: CN=web.example.net, O=Example
    #[arg(long, value_name = "REGEX")]
    pub(crate) subject: Option<Regex>,
    /// One of the public keys has to have this pin: sha256//BASE64; of several, one is enough
    #[arg(long, value_name = "PIN", value_parser = pin, action = ArgAction::Append)]
    pub(crate) pin: Vec<String>,
    /// Least size of RSA and DSA keys
    #[arg(long, value_name = "BITS", default_value_t = 2048)]
    pub(crate) min_key_bits: u32,
    /// Least size of keys on elliptic curves
    #[arg(long, value_name = "BITS", default_value_t = 224)]
    pub(crate) min_ec_bits: u32,
    /// Accept signatures with MD5 and SHA-1
    #[arg(long)]
    pub(crate) allow_weak_signature: bool,
    /// The server has to take part in this version: 1.2; may be given several times
    #[arg(long, value_name = "VERSION", action = ArgAction::Append, conflicts_with = "file")]
    pub(crate) require_version: Vec<Version>,
    /// The server must not take part in this version: 1.0; may be given several times
    #[arg(long, value_name = "VERSION", action = ArgAction::Append, conflicts_with = "file")]
    pub(crate) refuse_version: Vec<Version>,
    /// Offer this application protocol (ALPN); one of those offered has to be agreed on: h2
    #[arg(long, value_name = "PROTOCOL", value_parser = alpn, action = ArgAction::Append, conflicts_with = "file")]
    pub(crate) alpn: Vec<String>,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
}

impl CheckTls {
    /// What clap cannot say.
    pub(crate) fn validate(&self) -> Result<()> {
        if !self.file.is_empty() && self.tls != TlsArgs::default() {
            let message = "--file makes no connection: the options of TLS do not go with it";
            return Err(Failure::new(Reason::Usage, message));
        }
        if let (Some(min), Some(max)) = (self.tls.tls_min, self.tls.tls_max)
            && min > max
        {
            let message = format!("--tls-min {} is above --tls-max {}", min.name(), max.name());
            return Err(Failure::new(Reason::Usage, message));
        }
        let both = self.require_version.iter().find(|version| self.refuse_version.contains(version));
        match both {
            Some(both) => {
                Err(Failure::new(Reason::Usage, format!("{} is both required and refused", both.name())))
            }
            None => Ok(()),
        }
    }
}

fn pin(text: &str) -> Result<String, String> {
    let digest = text.strip_prefix("sha256//").ok_or("it does not begin with sha256//")?;
    // 32 bytes in Base64 are 43 characters and one `=`.
    let fits = digest.len() == 44
        && digest.ends_with('=')
        && digest[..43].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err("behind sha256// stand 44 characters of Base64".into()) }
}

fn alpn(text: &str) -> Result<String, String> {
    if (1..=255).contains(&text.len()) { Ok(text.to_owned()) } else { Err("1 to 255 bytes".into()) }
}

#[cfg(test)]
mod tests {
    use super::CheckTls;
    use clap::Parser as _;

    fn read(args: &[&str]) -> Result<CheckTls, String> {
        let read =
            CheckTls::try_parse_from([&["check-tls"], args].concat()).map_err(|error| error.to_string())?;
        read.validate().map_err(|failure| failure.message).map(|()| read)
    }

    #[test]
    fn contradictions_are_refused() {
        let pin = format!("sha256//{}=", "A".repeat(43));
        assert!(read(&["-H", "a", "--pin", &pin, "--require-version", "1.3", "--alpn", "h2"]).is_ok());
        assert!(read(&["--file", "a", "--file", "b*.pem", "--name", "web"]).is_ok());
        for args in [
            &[][..],
            &["-H", "a", "--file", "b"],
            &["--file", "b", "-p", "443"],
            &["--file", "b", "--insecure"],
            &["--file", "b", "--starttls", "smtp"],
            &["-H", "a", "--starttls", "gopher"],
            &["-H", "a", "--pin", "sha256//x"],
            &["-H", "a", "--pin", "md5//x"],
            &["-H", "a", "--issuer", "("],
            &["-H", "a", "--require-version", "1.3", "--refuse-version", "1.3"],
            &["-H", "a", "--tls-min", "1.3", "--tls-max", "1.2"],
            &["-H", "a", "-w", "20:10"],
            &["-H", "a", "--alpn", ""],
            &["-H", "a", "-p", "0"],
        ] {
            assert!(read(args).is_err(), "{args:?}");
        }
    }
}

//! How to speak TLS: whom to trust, which versions, which name, as whom.

use std::path::PathBuf;

/// What of the other side's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// Chain, validity and name.
    #[default]
    Full,
    /// Chain and validity, whatever the name.
    Chain,
    /// Nothing: facts only.
    Nothing,
}

/// Version of the protocol, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Version {
    /// TLS 1.0, RFC 2246.
    #[value(name = "1.0", alias = "1")]
    Tls10,
    /// TLS 1.1, RFC 4346.
    #[value(name = "1.1")]
    Tls11,
    /// TLS 1.2, RFC 5246.
    #[value(name = "1.2")]
    Tls12,
    /// TLS 1.3, RFC 8446.
    #[value(name = "1.3")]
    Tls13,
}

impl Version {
    /// `TLSv1.2`, as OpenSSL writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Version::Tls10 => "TLSv1",
            Version::Tls11 => "TLSv1.1",
            Version::Tls12 => "TLSv1.2",
            Version::Tls13 => "TLSv1.3",
        }
    }

    pub(crate) fn openssl(self) -> openssl::ssl::SslVersion {
        match self {
            Version::Tls10 => openssl::ssl::SslVersion::TLS1,
            Version::Tls11 => openssl::ssl::SslVersion::TLS1_1,
            Version::Tls12 => openssl::ssl::SslVersion::TLS1_2,
            Version::Tls13 => openssl::ssl::SslVersion::TLS1_3,
        }
    }
}

/// Everything that a handshake can be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// What is verified.
    pub verify: Verify,
    /// PEM file of trusted roots, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Hashed folder of trusted roots, in place of the system's.
    pub ca_dir: Option<PathBuf>,
    /// PEM file with this side's certificate and its chain.
    pub client_cert: Option<PathBuf>,
    /// PEM file with its key; without it the key stands in `client_cert`.
    pub client_key: Option<PathBuf>,
    /// Name to send (SNI) and to verify, in place of the target's.
    pub server_name: Option<String>,
    /// Leave the name out of the handshake (no SNI); it is verified all the same.
    pub without_sni: bool,
    /// Oldest version to offer.
    pub min_version: Option<Version>,
    /// Newest version to offer.
    pub max_version: Option<Version>,
    /// Application protocols to offer, best first: `h2`, `http/1.1`.
    pub alpn: Vec<String>,
    /// Offer what OpenSSL no longer would (security level 0), to find servers that still accept it.
    pub legacy: bool,
}

/// The options that every check with TLS has.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(about = None, long_about = None)]
pub struct TlsArgs {
    /// Trust the roots in this PEM file, in place of the system's
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub ca_file: Option<PathBuf>,
    /// Trust the roots in this hashed folder, in place of the system's
    #[arg(long, value_name = "DIR", help_heading = "TLS")]
    pub ca_dir: Option<PathBuf>,
    /// Present the certificate in this PEM file
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub tls_cert: Option<PathBuf>,
    /// Key of --tls-cert, where it is not in the same file
    #[arg(long, value_name = "FILE", help_heading = "TLS", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Name to send (SNI) and to verify, in place of the host's
    #[arg(long, value_name = "NAME", help_heading = "TLS")]
    pub server_name: Option<String>,
    /// Send no server name
    #[arg(long, help_heading = "TLS")]
    pub no_sni: bool,
    /// Accept any certificate
    #[arg(long, help_heading = "TLS")]
    pub insecure: bool,
    /// Oldest version to offer
    #[arg(long, value_name = "VERSION", help_heading = "TLS")]
    pub tls_min: Option<Version>,
    /// Newest version to offer
    #[arg(long, value_name = "VERSION", help_heading = "TLS")]
    pub tls_max: Option<Version>,
}

impl From<&TlsArgs> for TlsOptions {
    fn from(args: &TlsArgs) -> TlsOptions {
        TlsOptions {
            verify: if args.insecure { Verify::Nothing } else { Verify::Full },
            ca_file: args.ca_file.clone(),
            ca_dir: args.ca_dir.clone(),
            client_cert: args.tls_cert.clone(),
            client_key: args.tls_key.clone(),
            server_name: args.server_name.clone(),
            without_sni: args.no_sni,
            min_version: args.tls_min,
            max_version: args.tls_max,
            alpn: Vec::new(),
            legacy: false,
        }
    }
}

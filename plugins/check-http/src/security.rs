//! The options of TLS over both dialects' defaults.

use plugin::{Failure, Reason, Result};
use tls::{TlsOptions, Verify, Version};

use crate::c::Flavour;
use crate::options::SecurityArgs;

/// For clap: `1.2`, `1.2+`, or nothing.
pub(crate) fn version_text(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    match text.strip_suffix('+').unwrap_or(text) {
        "2" | "3" => Err("SSL 2 and SSL 3 are in no OpenSSL of today".into()),
        name => version(name)
            .map(|_| text.to_owned())
            .ok_or_else(|| "one of 1, 1.1, 1.2, 1.3, each with + or without".into()),
    }
}

fn version(name: &str) -> Option<Version> {
    match name {
        "1" | "1.0" => Some(Version::Tls10),
        "1.1" => Some(Version::Tls11),
        "1.2" => Some(Version::Tls12),
        "1.3" => Some(Version::Tls13),
        _ => None,
    }
}

impl SecurityArgs {
    /// Whether any of them asks for TLS, as in the C plugins.
    pub fn wants_tls(&self, flavour: Flavour) -> bool {
        let asked = self.ssl.is_some() || self.certificate.is_some();
        let presents = self.client_cert.is_some() || self.private_key.is_some();
        asked || presents || (self.ca_cert.is_some() && flavour != Flavour::Http)
    }

    /// Errors with [`Reason::Usage`] for what is missing.
    pub fn options(&self, flavour: Flavour) -> Result<TlsOptions> {
        if self.client_cert.is_some() && self.private_key.is_none() && flavour != Flavour::Own {
            let message = "-J needs -K, the file with the key of the certificate";
            return Err(Failure::new(Reason::Usage, message));
        }
        let mut options = TlsOptions::from(&self.tls);
        options.client_cert = options.client_cert.or_else(|| self.client_cert.clone());
        options.client_key = options.client_key.or_else(|| self.private_key.clone());
        options.ca_file = options.ca_file.or_else(|| self.ca_cert.clone());
        if options.client_key.is_some() && options.client_cert.is_none() {
            return Err(Failure::new(Reason::Usage, "a key to present, but no certificate (-J, --tls-cert)"));
        }
        // The C plugins accept any certificate unless they are told otherwise.
        let trusts = options.ca_file.is_some() || options.ca_dir.is_some();
        if flavour != Flavour::Own && !self.verify_cert && !trusts {
            options.verify = Verify::Nothing;
        }
        if flavour == Flavour::Http && !self.sni {
            options.without_sni = true;
        }
        if let Some(text) = self.ssl.as_deref().filter(|text| !text.is_empty()) {
            let only = version(text.strip_suffix('+').unwrap_or(text));
            options.min_version = options.min_version.or(only);
            if !text.ends_with('+') {
                options.max_version = options.max_version.or(only);
            }
        }
        Ok(options)
    }
}

//! What a certificate says of itself.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::x509::{X509NameRef, X509Ref};

use plugin::Result;

/// Facts of one certificate (RFC 5280).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// `CN=web.example.net, O=Example`.
    pub subject: String,
    /// The same of the issuer.
    pub issuer: String,
    /// Names and addresses it is for: the subject's alternative names, or the common name where there are none.
    pub names: Vec<String>,
    /// Start of its validity, seconds since 1970.
    pub not_before: i64,
    /// End of its validity, seconds since 1970.
    pub not_after: i64,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Its public key.
    pub key: Key,
    /// `sha256WithRSAEncryption`.
    pub signature: String,
    /// SHA-256 over the whole certificate, hexadecimal.
    pub sha256: String,
    /// SHA-256 over the public key (SPKI), hexadecimal: what pins hold (RFC 7469).
    pub spki_sha256: String,
    /// Whether subject and issuer are the same.
    pub self_issued: bool,
}

/// A public key's kind and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `RSA`, `EC`, `ED25519` …
    pub kind: &'static str,
    /// Size, bits.
    pub bits: u32,
}

impl Certificate {
    /// Reads a certificate's facts.
    pub fn of(x509: &X509Ref) -> Result<Certificate> {
        let key = x509.public_key()?;
        let kind = match key.id() {
            Id::RSA | Id::RSA_PSS => "RSA",
            Id::EC => "EC",
            Id::DSA => "DSA",
            Id::ED25519 => "ED25519",
            Id::ED448 => "ED448",
            _ => "other",
        };
        Ok(Certificate {
            subject: name(x509.subject_name()),
            issuer: name(x509.issuer_name()),
            names: names(x509),
            not_before: unix_seconds(x509.not_before())?,
            not_after: unix_seconds(x509.not_after())?,
            serial: x509.serial_number().to_bn()?.to_hex_str()?.to_ascii_lowercase(),
            key: Key { kind, bits: key.bits() },
            signature: x509.signature_algorithm().object().nid().long_name().unwrap_or("unknown").to_owned(),
            sha256: hex(&x509.digest(MessageDigest::sha256())?),
            spki_sha256: hex(&openssl::sha::sha256(&key.public_key_to_der()?)),
            self_issued: name(x509.subject_name()) == name(x509.issuer_name()),
        })
    }

    /// Seconds of validity left at `now`; negative once it has expired.
    pub fn left(&self, now: i64) -> i64 {
        self.not_after - now
    }

    /// How long it is valid in all, seconds.
    pub fn lifetime(&self) -> i64 {
        self.not_after - self.not_before
    }
}

fn name(name: &X509NameRef) -> String {
    let mut text = String::new();
    for entry in name.entries() {
        let key = entry.object().nid().short_name().unwrap_or("?");
        let value = entry.data().to_string().unwrap_or_else(|_| "?".to_owned());
        let comma = if text.is_empty() { "" } else { ", " };
        let _written = write!(text, "{comma}{key}={value}");
    }
    plugin::text::clean(&text).into_owned()
}

fn names(x509: &X509Ref) -> Vec<String> {
    let mut names = Vec::new();
    for alternative in x509.subject_alt_names().iter().flatten() {
        if let Some(dns) = alternative.dnsname() {
            names.push(plugin::text::clean(dns).into_owned());
        } else if let Some(bytes) = alternative.ipaddress() {
            if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
                names.push(Ipv4Addr::from(v4).to_string());
            } else if let Ok(v6) = <[u8; 16]>::try_from(bytes) {
                names.push(Ipv6Addr::from(v6).to_string());
            }
        }
    }
    if names.is_empty() {
        let common = x509.subject_name().entries_by_nid(Nid::COMMONNAME);
        names.extend(
            common
                .filter_map(|entry| entry.data().to_string().ok())
                .map(|name| plugin::text::clean(&name).into_owned()),
        );
    }
    names
}

fn unix_seconds(time: &Asn1TimeRef) -> Result<i64> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(i64::from(since.days) * 86_400 + i64::from(since.secs))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    })
}

//! What a certificate says of itself.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::x509::{X509, X509NameRef, X509Ref};

use plugin::{Failure, Reason, Result};

use crate::ber;

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
    ///
    /// Errors with [`Reason::Protocol`] where it holds what cannot be read, such as a date that is none.
    pub fn of(x509: &X509Ref) -> Result<Certificate> {
        Self::read(x509).map_err(|failure| {
            let whose = name(x509.subject_name());
            Failure::new(Reason::Protocol, format!("read the certificate of {whose}: {}", failure.message))
        })
    }

    /// The certificates of a file: PEM, one or several among whatever else it holds, or one in DER.
    ///
    /// Errors with [`Reason::Content`] where there is none.
    pub fn of_file(bytes: &[u8]) -> Result<Vec<Certificate>> {
        let is_pem = bytes.windows(10).any(|window| window == b"-----BEGIN");
        let found =
            if is_pem { X509::stack_from_pem(bytes) } else { X509::from_der(bytes).map(|one| vec![one]) };
        match found {
            Ok(found) if !found.is_empty() => found.iter().map(|x509| Certificate::of(x509)).collect(),
            _ => Err(Failure::new(Reason::Content, "no certificate that can be read")),
        }
    }

    fn read(x509: &X509Ref) -> Result<Certificate> {
        let der = x509.to_der()?;
        let spki = ber::public_key(&der).ok_or_else(|| Failure::new(Reason::Protocol, "no public key"))?;
        Ok(Certificate {
            subject: name(x509.subject_name()),
            issuer: name(x509.issuer_name()),
            names: names(x509),
            not_before: unix_seconds(x509.not_before())?,
            not_after: unix_seconds(x509.not_after())?,
            serial: x509.serial_number().to_bn()?.to_hex_str()?.to_ascii_lowercase(),
            key: Key::of(x509),
            signature: x509.signature_algorithm().object().nid().long_name().unwrap_or("unknown").to_owned(),
            sha256: hex(&x509.digest(MessageDigest::sha256())?),
            spki_sha256: hex(&openssl::sha::sha256(spki)),
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

    /// Whether it is for this name or address (RFC 9525): a `*` stands for one whole label, the first.
    pub fn is_for(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.');
        if let Ok(address) = name.parse::<IpAddr>() {
            return self.names.iter().any(|own| own.parse() == Ok(address));
        }
        let below = name.split_once('.').filter(|(label, _)| !label.is_empty()).map(|(_, rest)| rest);
        self.names.iter().any(|own| match (own.strip_prefix("*."), below) {
            (Some(zone), Some(below)) => zone.eq_ignore_ascii_case(below),
            (Some(_), None) => false,
            (None, _) => own.eq_ignore_ascii_case(name),
        })
    }

    /// Its pin, as curl and RFC 7469 write it: `sha256//` and the SHA-256 of its public key in Base64.
    pub fn pin(&self) -> String {
        let digits = self.spki_sha256.as_bytes().chunks_exact(2);
        let byte =
            |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        format!("sha256//{}", openssl::base64::encode_block(&digits.filter_map(byte).collect::<Vec<u8>>()))
    }

    /// Whether its signature rests on a hash that can be forged: MD2, MD4, MD5 and SHA-1.
    ///
    /// That of a root says nothing: it is trusted because it is here.
    pub fn is_weakly_signed(&self) -> bool {
        let algorithm = self.signature.to_ascii_lowercase();
        let weak = ["md2", "md4", "md5", "sha1", "sha-1"].iter().any(|hash| algorithm.contains(hash));
        // `dsaWithSHA` is SHA-0 or SHA-1.
        weak || algorithm.ends_with("withsha")
    }

    /// `CN=web.example.net` of the subject, or all of it where it has no common name.
    pub fn title(&self) -> &str {
        self.subject.split(", ").find(|part| part.starts_with("CN=")).unwrap_or(&self.subject)
    }
}

impl Key {
    // A kind that this OpenSSL does not know is no reason to see nothing of the rest.
    fn of(x509: &X509Ref) -> Key {
        let Ok(key) = x509.public_key() else { return Key { kind: "unknown", bits: 0 } };
        let kind = match key.id() {
            Id::RSA | Id::RSA_PSS => "RSA",
            Id::EC => "EC",
            Id::DSA => "DSA",
            Id::ED25519 => "ED25519",
            Id::ED448 => "ED448",
            _ => "other",
        };
        Key { kind, bits: key.bits() }
    }
}

/// The day of a point in time, UTC: `2026-12-01`.
pub fn date(unix: i64) -> String {
    // Days to a civil date, in eras of 400 years that begin on 1 March.
    let day = unix.div_euclid(86_400) + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + 400 * era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Seconds since 1970, now.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
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

#[cfg(test)]
mod tests {
    use super::{Certificate, date};
    use plugin::Reason;
    use testkit::pki::{Identity, Wish};

    fn certificate(names: &[&str]) -> Certificate {
        Certificate::of(&Identity::self_signed(&Wish::names(names)).cert).expect("readable")
    }

    #[test]
    fn names_are_matched_by_whole_labels() {
        let cert = certificate(&["web.example", "*.apps.example", "10.0.0.5", "::1"]);
        for name in ["web.example", "WEB.example.", "a.apps.example", "10.0.0.5", "0:0::1"] {
            assert!(cert.is_for(name), "{name}");
        }
        for name in
            ["example", "a.web.example", "apps.example", "a.b.apps.example", ".apps.example", "10.0.0.6", ""]
        {
            assert!(!cert.is_for(name), "{name}");
        }
    }

    #[test]
    fn files() {
        let (one, two) = (Identity::root("One"), Identity::root("Two"));
        let key = one.key.private_key_to_pem_pkcs8().expect("PEM");
        let pem = [key.clone(), one.cert.to_pem().expect("PEM"), two.cert.to_pem().expect("PEM")].concat();
        let titles = |bytes: &[u8]| {
            let found = Certificate::of_file(bytes).map_err(|failure| failure.reason);
            found.map(|found| found.iter().map(|one| one.title().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(titles(&pem), Ok(vec!["CN=One".to_owned(), "CN=Two".to_owned()]));
        let der = one.cert.to_der().expect("DER");
        assert_eq!(titles(&der), Ok(vec!["CN=One".to_owned()]));
        for none in [&b""[..], b"hello", &key, &der[..50], &pem[..key.len() + 100]] {
            assert_eq!(titles(none), Err(Reason::Content));
        }
    }

    #[test]
    fn pins_and_titles() {
        let identity = Identity::self_signed(&Wish::names(&["web.example"]));
        let cert = Certificate::of(&identity.cert).expect("readable");
        let key = identity.cert.public_key().and_then(|key| key.public_key_to_der()).expect("a key");
        let pin = openssl::base64::encode_block(&openssl::sha::sha256(&key));
        assert_eq!(cert.pin(), format!("sha256//{pin}"));
        assert_eq!(cert.title(), "CN=web.example");
        assert_eq!(Certificate { subject: "O=Example".into(), ..cert }.title(), "O=Example");
    }

    #[test]
    fn weak_signatures() {
        let cert = certificate(&["web.example"]);
        let weak = |name: &str| Certificate { signature: name.into(), ..cert.clone() }.is_weakly_signed();
        for name in
            ["sha1WithRSAEncryption", "md5WithRSAEncryption", "ecdsa-with-SHA1", "dsaWithSHA", "dsaWithSHA1"]
        {
            assert!(weak(name), "{name}");
        }
        for name in
            ["sha256WithRSAEncryption", "ecdsa-with-SHA512", "ED25519", "rsassaPss", "dsa_with_SHA256"]
        {
            assert!(!weak(name), "{name}");
        }
    }

    #[test]
    fn days() {
        let expected = [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_798_761_599, "2026-12-31"),
            (253_402_300_799, "9999-12-31"),
        ];
        for (unix, day) in expected {
            assert_eq!(date(unix), day);
        }
    }
}

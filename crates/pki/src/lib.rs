//! Throw-away certificate authorities and the certificates they issue, for tests and rehearsals: failures panic.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};

const DAY: i64 = 86_400;

/// A certificate with its key, and the chain that leads to its root.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub cert: X509,
    /// Its key.
    pub key: PKey<Private>,
    /// Certificates of the issuers, the nearest first, without the root.
    pub chain: Vec<X509>,
}

/// How a certificate is to be made.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// DNS names and addresses; the first is the common name.
    pub names: &'a [&'a str],
    /// Start of its validity, days from now.
    pub from_day: i64,
    /// End of its validity, days from now.
    pub to_day: i64,
    /// RSA of so many bits; none for an EC key on P-256.
    pub rsa_bits: Option<u32>,
    /// Signed with SHA-1, as nobody should any more.
    pub sha1: bool,
}

impl<'a> Wish<'a> {
    /// Valid since yesterday, for ninety days, with an EC key.
    pub fn names(names: &'a [&'a str]) -> Wish<'a> {
        Wish { names, from_day: -1, to_day: 90, rsa_bits: None, sha1: false }
    }

    /// Valid from and to these days.
    pub fn days(self, from_day: i64, to_day: i64) -> Wish<'a> {
        Wish { from_day, to_day, ..self }
    }
}

impl Wish<'_> {
    /// With an RSA key of so many bits.
    pub fn rsa(self, bits: u32) -> Self {
        Wish { rsa_bits: Some(bits), ..self }
    }
}

impl Identity {
    /// A root.
    pub fn root(name: &str) -> Identity {
        Identity::root_as(&Wish::names(&[name]).days(-30, 3650))
    }

    /// A root as wished.
    pub fn root_as(wish: &Wish<'_>) -> Identity {
        make(wish, None, true)
    }

    /// An authority below this one.
    pub fn intermediate(&self, name: &str) -> Identity {
        self.authority(&Wish::names(&[name]).days(-30, 1825))
    }

    /// An authority below this one, as wished.
    pub fn authority(&self, wish: &Wish<'_>) -> Identity {
        make(wish, Some(self), true)
    }

    /// A certificate below this one.
    pub fn issue(&self, wish: &Wish<'_>) -> Identity {
        make(wish, Some(self), false)
    }

    /// A certificate that is its own issuer.
    pub fn self_signed(wish: &Wish<'_>) -> Identity {
        make(wish, None, false)
    }

    /// A TLS server in this process that shows this certificate and its chain.
    pub fn acceptor(&self) -> SslAcceptor {
        let mut acceptor =
            SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("an acceptor");
        acceptor.set_certificate(&self.cert).expect("its certificate");
        acceptor.set_private_key(&self.key).expect("its key");
        for issuer in &self.chain {
            acceptor.add_extra_chain_cert(issuer.clone()).expect("an issuer");
        }
        acceptor.build()
    }

    /// Writes `NAME.crt` (with the chain, if asked for) and `NAME.key` into a folder, and returns both paths.
    pub fn write(&self, folder: &Path, name: &str, with_chain: bool) -> (PathBuf, PathBuf) {
        let (cert, key) = (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
        let mut pem = self.cert.to_pem().expect("a certificate as PEM");
        if with_chain {
            for issuer in &self.chain {
                pem.extend(issuer.to_pem().expect("a certificate as PEM"));
            }
        }
        std::fs::write(&cert, pem).expect("write the certificate");
        std::fs::write(&key, self.key.private_key_to_pem_pkcs8().expect("a key as PEM"))
            .expect("write the key");
        (cert, key)
    }
}

fn make(wish: &Wish<'_>, issuer: Option<&Identity>, authority: bool) -> Identity {
    let key = wish
        .rsa_bits
        .map_or_else(ec_key, |bits| PKey::from_rsa(Rsa::generate(bits).expect("an RSA key")).expect("a key"));
    let cert = build(wish, issuer, authority, &key).expect("a certificate");
    let chain = issuer.map(|issuer| {
        let itself = (!is_root(issuer)).then(|| issuer.cert.clone());
        itself.into_iter().chain(issuer.chain.iter().cloned()).collect()
    });
    Identity { cert, key, chain: chain.unwrap_or_default() }
}

fn ec_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
    PKey::from_ec_key(EcKey::generate(&group).expect("an EC key")).expect("a key")
}

fn is_root(identity: &Identity) -> bool {
    identity.cert.subject_name().try_cmp(identity.cert.issuer_name()).is_ok_and(std::cmp::Ordering::is_eq)
}

fn build(
    wish: &Wish<'_>,
    issuer: Option<&Identity>,
    authority: bool,
    key: &PKey<Private>,
) -> Result<X509, openssl::error::ErrorStack> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, wish.names.first().copied().unwrap_or("nameless"))?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(120, MsbOption::MAYBE_ZERO, false)?;
    let serial = serial.to_asn1_integer()?;
    let mut builder: X509Builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(issuer.map_or(&name, |issuer| issuer.cert.subject_name()))?;
    let (from, to) =
        (Asn1Time::from_unix(now + wish.from_day * DAY)?, Asn1Time::from_unix(now + wish.to_day * DAY)?);
    builder.set_not_before(&from)?;
    builder.set_not_after(&to)?;
    builder.set_pubkey(key)?;
    if authority {
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    } else {
        builder.append_extension(ExtendedKeyUsage::new().server_auth().client_auth().build()?)?;
        let mut names = SubjectAlternativeName::new();
        for name in wish.names {
            if name.parse::<std::net::IpAddr>().is_ok() {
                names.ip(name)
            } else {
                names.dns(name)
            };
        }
        let context = builder.x509v3_context(issuer.map(|issuer| &*issuer.cert), None);
        let names = names.build(&context)?;
        builder.append_extension(names)?;
    }
    let digest = if wish.sha1 { MessageDigest::sha1() } else { MessageDigest::sha256() };
    builder.sign(issuer.map_or(key, |issuer| &issuer.key), digest)?;
    Ok(builder.build())
}

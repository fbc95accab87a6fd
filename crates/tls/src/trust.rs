//! OpenSSL's verdict on a chain, as a typed reason and a sentence.

use openssl::x509::X509VerifyResult;

use plugin::Reason;

use crate::Certificate;

/// Why a certificate is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distrust {
    /// Kind.
    pub reason: Reason,
    /// OpenSSL's words for it.
    pub text: String,
    /// Which element of the chain, 0 is the server's own.
    pub depth: u32,
    code: i32,
}

impl Distrust {
    pub(crate) fn new(error: X509VerifyResult, depth: u32) -> Distrust {
        let code = error.as_raw();
        Distrust { reason: reason_of(code), text: error.error_string().to_owned(), depth, code }
    }

    /// What the dates of an element say at `now`.
    pub(crate) fn of_dates(certificate: &Certificate, depth: usize, now: i64) -> Option<Distrust> {
        let code = if certificate.not_after < now {
            HAS_EXPIRED
        } else if certificate.not_before > now {
            NOT_YET_VALID
        } else {
            return None;
        };
        let text =
            if code == HAS_EXPIRED { "certificate has expired" } else { "certificate is not yet valid" };
        let depth = u32::try_from(depth).unwrap_or(u32::MAX);
        Some(Distrust { reason: reason_of(code), text: text.to_owned(), depth, code })
    }

    pub(crate) fn is_about_dates(&self) -> bool {
        matches!(self.code, HAS_EXPIRED | NOT_YET_VALID)
    }

    /// Whether it is a key or a hash that OpenSSL's security level finds too weak.
    pub fn is_weakness(&self) -> bool {
        matches!(self.code, EE_KEY_TOO_SMALL | CA_KEY_TOO_SMALL | CA_MD_TOO_WEAK)
    }

    /// Whether more roots could mend it.
    pub(crate) fn is_unknown_issuer(&self) -> bool {
        matches!(
            self.code,
            UNABLE_TO_GET_ISSUER
                | SELF_SIGNED_LEAF
                | SELF_SIGNED_IN_CHAIN
                | UNABLE_TO_GET_LOCAL_ISSUER
                | UNABLE_TO_VERIFY_LEAF
        )
    }

    // What an operator wants to hear first: a wrong name or an expired certificate says more than an unknown root.
    pub(crate) fn rank(&self) -> u8 {
        match self.reason {
            Reason::TlsExpired => 0,
            Reason::TlsNotYetValid => 1,
            Reason::TlsName => 2,
            Reason::TlsSelfSigned => 3,
            _ => 4,
        }
    }
}

// openssl/x509_vfy.h
const UNABLE_TO_GET_ISSUER: i32 = 2;
const NOT_YET_VALID: i32 = 9;
const HAS_EXPIRED: i32 = 10;
const SELF_SIGNED_LEAF: i32 = 18;
const SELF_SIGNED_IN_CHAIN: i32 = 19;
const UNABLE_TO_GET_LOCAL_ISSUER: i32 = 20;
const UNABLE_TO_VERIFY_LEAF: i32 = 21;
const EE_KEY_TOO_SMALL: i32 = 66;
const CA_KEY_TOO_SMALL: i32 = 67;
const CA_MD_TOO_WEAK: i32 = 68;
const HOSTNAME_MISMATCH: i32 = 62;
const IP_ADDRESS_MISMATCH: i32 = 64;

fn reason_of(code: i32) -> Reason {
    match code {
        HAS_EXPIRED => Reason::TlsExpired,
        NOT_YET_VALID => Reason::TlsNotYetValid,
        SELF_SIGNED_LEAF => Reason::TlsSelfSigned,
        HOSTNAME_MISMATCH | IP_ADDRESS_MISMATCH => Reason::TlsName,
        _ => Reason::TlsUntrusted,
    }
}

//! OpenSSL's verdict on a chain, as a typed reason and a sentence.

use openssl::x509::X509VerifyResult;

use plugin::Reason;

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

    /// Whether more roots could mend it.
    pub(crate) fn is_unknown_issuer(&self) -> bool {
        matches!(
            self.code,
            UNABLE_TO_GET_ISSUER | SELF_SIGNED_IN_CHAIN | UNABLE_TO_GET_LOCAL_ISSUER | UNABLE_TO_VERIFY_LEAF
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

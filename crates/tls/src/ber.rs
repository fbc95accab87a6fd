//! The little of BER (X.690) that is read by hand: one element after the other.

/// An element: its tag, its content, and what follows it. None where it is cut, or its length has no end.
pub(crate) fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

/// The `SubjectPublicKeyInfo` of a certificate in DER (RFC 5280, 4.1), as it stands there.
pub(crate) fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    // Version, where it is said.
    if let Some((0xa0, _, rest)) = element(fields) {
        fields = rest;
    }
    // Serial number, signature, issuer, validity, subject.
    for _ in 0..5 {
        (_, _, fields) = element(fields)?;
    }
    let (_, _, after) = element(fields)?;
    Some(&fields[..fields.len() - after.len()])
}

#[cfg(test)]
mod tests {
    use super::{element, public_key};
    use testkit::pki::{Identity, Wish};

    #[test]
    fn elements() {
        assert_eq!(element(b"\x02\x01\x05rest"), Some((2, &b"\x05"[..], &b"rest"[..])));
        assert_eq!(element(b"\x04\x82\x00\x02abc"), Some((4, &b"ab"[..], &b"c"[..])));
        assert_eq!(element(b"\x05\x00"), Some((5, &b""[..], &b""[..])));
        for cut in
            [&b""[..], b"\x02", b"\x02\x02a", b"\x04\x80abc", b"\x04\x82\x01", b"\x04\x84\xff\xff\xff\xffx"]
        {
            assert_eq!(element(cut), None, "{cut:?}");
        }
    }

    #[test]
    fn the_key_is_the_one_that_openssl_finds() {
        for bits in [None, Some(2048)] {
            let cert = Identity::self_signed(&Wish { rsa_bits: bits, ..Wish::names(&["a.example"]) }).cert;
            let der = cert.to_der().expect("DER");
            let key = cert.public_key().and_then(|key| key.public_key_to_der()).expect("a key");
            assert_eq!(public_key(&der), Some(&key[..]));
            assert_eq!(public_key(&der[..100]), None);
        }
    }
}

//! Records as text, as `dig` shows them.

use std::fmt::Write as _;
use std::net::IpAddr;

use hickory_proto::rr::{RData, Record, RecordType};

/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Owner, with its last dot.
    pub name: String,
    /// Type: `A`.
    pub kind: String,
    /// Seconds.
    pub ttl: u32,
    /// The record's data in presentation form.
    pub data: String,
    /// What it is compared by.
    pub value: Value,
}

/// What a record is compared by, where its presentation form is not enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Address(IpAddr),
    /// The strings of a TXT record, joined.
    Text(Vec<u8>),
    Other,
}

impl From<&Record> for Row {
    fn from(record: &Record) -> Row {
        let value = match &record.data {
            RData::A(a) => Value::Address(a.0.into()),
            RData::AAAA(aaaa) => Value::Address(aaaa.0.into()),
            RData::TXT(txt) => Value::Text(txt.txt_data.concat()),
            _ => Value::Other,
        };
        Row {
            name: record.name.to_ascii(),
            kind: type_word(record.record_type()),
            ttl: record.ttl,
            data: data(&record.data),
            value,
        }
    }
}

impl Row {
    /// By address, then by the number that the data begins with (a preference, a priority), then by text.
    pub(crate) fn order(&self) -> (Option<IpAddr>, u16, String) {
        let address = match self.value {
            Value::Address(address) => Some(address),
            _ => None,
        };
        let number = self.data.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default();
        (address, number, self.data.clone())
    }
}

/// `A`, `MX`, or `TYPE65280` (RFC 3597) where it has no name.
pub(crate) fn type_word(kind: RecordType) -> String {
    match kind {
        RecordType::Unknown(number) => format!("TYPE{number}"),
        known => known.to_string(),
    }
}

fn data(data: &RData) -> String {
    match data {
        RData::CNAME(name) => name.0.to_ascii(),
        RData::NS(name) => name.0.to_ascii(),
        RData::PTR(name) => name.0.to_ascii(),
        RData::MX(mx) => format!("{} {}", mx.preference, mx.exchange.to_ascii()),
        RData::SRV(srv) => format!("{} {} {} {}", srv.priority, srv.weight, srv.port, srv.target.to_ascii()),
        RData::TXT(txt) => txt.txt_data.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(" "),
        RData::HINFO(hinfo) => format!("{} {}", quoted(&hinfo.cpu), quoted(&hinfo.os)),
        RData::CAA(caa) => format!("{} {} {}", caa.flags(), caa.tag, quoted(&caa.value)),
        RData::Unknown { code, rdata } => unknown(*code, &rdata.anything),
        // An option record is no answer, and hickory cannot show it.
        RData::OPT(_) => String::new(),
        other => other.to_string(),
    }
}

/// RFC 1035, section 5.1: quotes and backslashes escaped, what is no printable ASCII as `\DDD`.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(*byte));
            }
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                let _written = write!(text, "\\{byte:03}");
            }
        }
    }
    text + "\""
}

// Without its DNSSEC feature, which needs a cryptographic library, hickory hands on the bytes of these.
fn unknown(kind: RecordType, bytes: &[u8]) -> String {
    match (kind, bytes) {
        // RFC 4034, section 5.3.
        (RecordType::DS | RecordType::CDS, [tag_high, tag_low, algorithm, digest_type, digest @ ..]) => {
            format!("{} {algorithm} {digest_type} {}", u16::from_be_bytes([*tag_high, *tag_low]), hex(digest))
        }
        // RFC 4034, section 2.2.
        (
            RecordType::DNSKEY | RecordType::CDNSKEY,
            [flags_high, flags_low, protocol, algorithm, key @ ..],
        ) => {
            format!(
                "{} {protocol} {algorithm} {}",
                u16::from_be_bytes([*flags_high, *flags_low]),
                base64(key)
            )
        }
        // RFC 3597, section 5.
        (_, []) => "\\# 0".into(),
        (_, bytes) => format!("\\# {} {}", bytes.len(), hex(bytes)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _written = write!(text, "{byte:02X}");
        text
    })
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().chain([&0, &0]).take(3).fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        for index in 0..4 {
            let digit = char::from(DIGITS[number >> (18 - 6 * index) & 63]);
            text.push(if index <= chunk.len() { digit } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{base64, quoted, unknown};
    use hickory_proto::rr::RecordType;

    #[test]
    fn base64_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn strings_are_escaped_as_dig_does() {
        assert_eq!(quoted(b"a \"b\" \\ \xc3\xa9\n"), r#""a \"b\" \\ \195\169\010""#);
    }

    #[test]
    fn what_hickory_does_not_read() {
        assert_eq!(unknown(RecordType::DS, &[0x10, 0x01, 8, 2, 0xab, 0xcd]), "4097 8 2 ABCD");
        assert_eq!(unknown(RecordType::DNSKEY, b"\x01\x01\x03\x08foo"), "257 3 8 Zm9v");
        assert_eq!(unknown(RecordType::Unknown(65_280), b"\x01\xff"), "\\# 2 01FF");
        assert_eq!(unknown(RecordType::DS, b""), "\\# 0");
    }
}

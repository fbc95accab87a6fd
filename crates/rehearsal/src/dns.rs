//! An authoritative name server for one zone and its reverse (RFC 1035), without extensions.

use crate::services::{SERVICES, ZONE};
use std::net::Ipv4Addr;

const A: u16 = 1;
const NS: u16 = 2;
const SOA: u16 = 6;
const PTR: u16 = 12;
const ANY: u16 = 255;
const IN: u16 = 1;

const NO_ERROR: u8 = 0;
const FORMAT_ERROR: u8 = 1;
const NAME_ERROR: u8 = 3;
const NOT_IMPLEMENTED: u8 = 4;
const REFUSED: u8 = 5;

/// Seconds that an answer may be kept: short, for a datacenter that changes every moment.
const TTL: u32 = 5;
const HEADER: usize = 12;
/// Applications live under the wildcard `*.apps`, at the address of the platform's entry.
const WILDCARD: &str = ".apps";
const ENTRY: Ipv4Addr = Ipv4Addr::new(127, 20, 8, 10);
const REVERSE: &str = "20.127.in-addr.arpa";

struct Question {
    /// Lower case, dots between labels, none at the end.
    name: String,
    kind: u16,
    class: u16,
    /// Where the question ends in the message.
    end: usize,
}

/// The response to a message; `None` when it is too short to answer, or a response itself.
pub fn answer(query: &[u8]) -> Option<Vec<u8>> {
    if query.len() < HEADER || query[2] & 0x80 != 0 {
        return None;
    }
    let opcode = query[2] & 0x78;
    let Some(question) = question(query).filter(|_| query[4..6] == [0, 1]) else {
        return Some(response(query, HEADER, FORMAT_ERROR, &[], &[]));
    };
    if opcode != 0 || question.class != IN {
        return Some(response(query, question.end, NOT_IMPLEMENTED, &[], &[]));
    }
    let Some(zone) = zone_of(&question.name) else {
        return Some(response(query, question.end, REFUSED, &[], &[]));
    };
    let Some(records) = records(&question.name) else {
        return Some(response(query, question.end, NAME_ERROR, &[], &[soa(zone)]));
    };
    let asked = |kind: u16| question.kind == kind || question.kind == ANY;
    let answers: Vec<_> = records.into_iter().filter(|record| asked(record.kind)).collect();
    // No data of that type: the zone's SOA says how long that holds (RFC 2308).
    let authority = if answers.is_empty() { vec![soa(zone)] } else { Vec::new() };
    Some(response(query, question.end, NO_ERROR, &answers, &authority))
}

struct Record {
    owner: String,
    kind: u16,
    data: Vec<u8>,
}

fn zone_of(name: &str) -> Option<&'static str> {
    let within = |zone: &str| name == zone || name.ends_with(&format!(".{zone}"));
    [ZONE, REVERSE].into_iter().find(|zone| within(zone))
}

/// All records of a name; `None` when the name does not exist.
fn records(name: &str) -> Option<Vec<Record>> {
    let record = |kind, data| Record { owner: name.to_owned(), kind, data };
    if name == ZONE || name == REVERSE {
        let server = record(NS, encoded(&format!("ns1.{ZONE}")));
        return Some(vec![record(SOA, soa(name).data), server]);
    }
    if let Some(host) = name.strip_suffix(ZONE).and_then(|host| host.strip_suffix('.')) {
        let service = SERVICES.iter().find(|service| service.host == host).map(|service| service.address);
        let wildcard = host.strip_suffix(WILDCARD).filter(|label| !label.is_empty()).map(|_| ENTRY);
        let address = service.or(wildcard)?;
        return Some(vec![record(A, address.octets().to_vec())]);
    }
    let reversed = |address: Ipv4Addr| {
        let [a, b, c, d] = address.octets();
        format!("{d}.{c}.{b}.{a}.in-addr.arpa")
    };
    let service = SERVICES.iter().find(|service| reversed(service.address) == name)?;
    Some(vec![record(PTR, encoded(&service.full_name()))])
}

fn soa(zone: &str) -> Record {
    let mut data = encoded(&format!("ns1.{ZONE}"));
    data.extend(encoded(&format!("hostmaster.{ZONE}")));
    // serial, refresh, retry, expire, negative caching
    for number in [1, 3600, 600, 86_400, TTL] {
        data.extend(number.to_be_bytes());
    }
    Record { owner: zone.to_owned(), kind: SOA, data }
}

fn question(query: &[u8]) -> Option<Question> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        match length {
            0 => break,
            1..=63 => labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_ascii_lowercase()),
            // Compression makes no sense in the first name of a message.
            _ => return None,
        }
        at += length;
    }
    let &[kind_high, kind_low, class_high, class_low] = query.get(at..at + 4)? else { return None };
    let kind = u16::from_be_bytes([kind_high, kind_low]);
    let class = u16::from_be_bytes([class_high, class_low]);
    Some(Question { name: labels.join("."), kind, class, end: at + 4 })
}

fn response(
    query: &[u8],
    question_end: usize,
    code: u8,
    answers: &[Record],
    authority: &[Record],
) -> Vec<u8> {
    let mut message = query[..question_end].to_vec();
    let recursion_desired = query[2] & 0x01;
    let opcode = query[2] & 0x78;
    let authoritative = if code == REFUSED { 0 } else { 0x04 };
    message[2] = 0x80 | opcode | authoritative | recursion_desired;
    message[3] = code;
    let questions = u8::from(question_end > HEADER);
    let count = |records: &[Record]| u8::try_from(records.len()).unwrap_or(u8::MAX);
    message[4..HEADER].copy_from_slice(&[0, questions, 0, count(answers), 0, count(authority), 0, 0]);
    for record in answers.iter().chain(authority) {
        message.extend(encoded(&record.owner));
        message.extend(record.kind.to_be_bytes());
        message.extend(IN.to_be_bytes());
        message.extend(TTL.to_be_bytes());
        let length = u16::try_from(record.data.len()).unwrap_or(u16::MAX);
        message.extend(length.to_be_bytes());
        message.extend(&record.data);
    }
    message
}

/// A name on the wire, without compression.
fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len() + 2);
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(name: &str, kind: u16) -> Vec<u8> {
        let mut query = vec![0xab, 0xcd, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend(encoded(name));
        query.extend(kind.to_be_bytes());
        query.extend(IN.to_be_bytes());
        answer(&query).expect("a response")
    }

    fn code(message: &[u8]) -> u8 {
        message[3] & 0x0f
    }

    #[test]
    fn a_host_has_its_address_whatever_the_case() {
        let message = ask("API.iad2.Example.NET", A);
        assert_eq!(message[..4], [0xab, 0xcd, 0x85, NO_ERROR], "same id, an authoritative answer");
        assert_eq!(message[6..8], [0, 1], "one answer");
        assert_eq!(message[message.len() - 4..], [127, 20, 8, 10]);
    }

    #[test]
    fn an_application_has_the_address_of_the_entry() {
        assert!(ask("shop.apps.iad2.example.net", A).ends_with(&ENTRY.octets()));
        assert_eq!(code(&ask("apps.iad2.example.net", A)), NAME_ERROR);
    }

    #[test]
    fn an_address_has_its_name() {
        let message = ask("25.7.20.127.in-addr.arpa", PTR);
        assert!(message.ends_with(&encoded("smtp.iad2.example.net")));
    }

    #[test]
    fn what_is_not_there_is_said_in_three_ways() {
        let no_data = ask("api.iad2.example.net", 28);
        assert_eq!((code(&no_data), no_data[7], no_data[9]), (NO_ERROR, 0, 1), "no AAAA, but the SOA");
        assert_eq!(code(&ask("nowhere.iad2.example.net", A)), NAME_ERROR);
        assert_eq!(code(&ask("example.org", A)), REFUSED);
        assert_eq!(code(&ask("notiad2.example.net", A)), REFUSED);
    }

    #[test]
    fn broken_messages_are_format_errors_or_dropped() {
        assert_eq!(answer(&[0; 11]), None);
        assert_eq!(answer(&[0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0]), None, "a response");
        let cut = answer(&[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9, b'a']).expect("a response");
        assert_eq!((code(&cut), cut.len(), cut[5]), (FORMAT_ERROR, HEADER, 0));
        let pointer =
            answer(&[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1]).expect("a response");
        assert_eq!(code(&pointer), FORMAT_ERROR);
    }
}

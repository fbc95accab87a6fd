//! Protocols of bytes: LDAP, PostgreSQL, MySQL.

use plugin::Result;

use super::talk::Talk;
use crate::ber;

/// Longest LDAP answer and MySQL greeting that is read, bytes.
const MOST_BYTES: usize = 4096;

/// LDAPMessage 1 with an ExtendedRequest named 1.3.6.1.4.1.1466.20037 (RFC 4511, 4.14.1).
const LDAP_START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

pub(super) fn ldap(talk: &mut Talk<'_, '_>) -> Result<()> {
    talk.send(LDAP_START_TLS)?;
    let message = ldap_message(talk)?;
    let result = ldap_result(&message);
    match result {
        Some((0, _)) => Ok(()),
        // protocolError is what RFC 4511 has a server say that knows no such operation.
        Some((2, _)) => Err(talk.does_not_offer()),
        Some((code, text)) => Err(talk.refused("StartTLS", format!("result {code} {text}").trim_end())),
        None => Err(talk.not_the("LDAP", "its answer is no ExtendedResponse")),
    }
}

// A whole LDAPMessage, its head included.
fn ldap_message(talk: &mut Talk<'_, '_>) -> Result<Vec<u8>> {
    let mut message = talk.take(2)?;
    if message[0] != 0x30 {
        return Err(talk.not_the("LDAP", &String::from_utf8_lossy(&message)));
    }
    let length = match message[1] {
        short @ 0..=0x7f => usize::from(short),
        long @ 0x81..=0x84 => {
            let bytes = talk.take(usize::from(long & 0x7f))?;
            message.extend(&bytes);
            bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
        }
        _ => return Err(talk.not_the("LDAP", "a message without a length")),
    };
    if length > MOST_BYTES {
        return Err(talk.failure(format_args!("announces an LDAP message of {length} B")));
    }
    message.extend(talk.take(length)?);
    Ok(message)
}

/// Result code and diagnostic message of an ExtendedResponse.
fn ldap_result(message: &[u8]) -> Option<(u8, String)> {
    let (_, message, _) = ber::element(message)?;
    let (_, _id, operation) = ber::element(message)?;
    let (0x78, response, _) = ber::element(operation)? else { return None };
    let (0x0a, &[code], rest) = ber::element(response)? else { return None };
    let text = ber::element(rest).and_then(|(_, _matched, rest)| ber::element(rest));
    Some((code, text.map_or_else(String::new, |(_, text, _)| String::from_utf8_lossy(text).into_owned())))
}

/// Length 8 and the code 1234, 5679; the answer is one byte.
pub(super) fn postgres(talk: &mut Talk<'_, '_>) -> Result<()> {
    talk.send(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")?;
    match talk.take(1)?[0] {
        b'S' => Ok(()),
        b'N' => Err(talk.does_not_offer()),
        // An ErrorResponse of a server that is full, or older than TLS.
        b'E' => Err(talk.refused("SSLRequest", "with an error")),
        other => Err(talk.not_the("PostgreSQL", &char::from(other).to_string())),
    }
}

const CLIENT_PROTOCOL_41: u32 = 0x0200;
const CLIENT_SSL: u32 = 0x0800;
const CLIENT_SECURE_CONNECTION: u32 = 0x8000;
/// utf8mb4_general_ci.
const CHARSET: u8 = 45;

pub(super) fn mysql(talk: &mut Talk<'_, '_>) -> Result<()> {
    // A packet: length in three bytes, lowest first, and a number.
    let head = talk.take(4)?;
    let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
    if length == 0 || length > MOST_BYTES {
        return Err(talk.not_the("MySQL", &String::from_utf8_lossy(&head)));
    }
    let greeting = talk.take(length)?;
    if greeting[0] == 0xff {
        // An error: its number in two bytes, then its text.
        let text = greeting.get(3..).unwrap_or_default();
        return Err(talk.refused("the connection", &String::from_utf8_lossy(text)));
    }
    let Some(offers) = mysql_capabilities(&greeting) else {
        return Err(talk.not_the("MySQL", "its greeting is none of protocol 10"));
    };
    if u32::from(offers) & CLIENT_SSL == 0 {
        return Err(talk.does_not_offer());
    }
    let wanted = CLIENT_PROTOCOL_41 | CLIENT_SSL | CLIENT_SECURE_CONNECTION;
    let mut request = vec![32, 0, 0, 1];
    request.extend(wanted.to_le_bytes());
    request.extend((1_u32 << 24).to_le_bytes());
    request.push(CHARSET);
    request.resize(4 + 32, 0);
    talk.send(request)
}

/// The lower half of the capabilities in a greeting of protocol 10: behind its version, a thread's number, eight bytes of
/// salt and a filler.
fn mysql_capabilities(greeting: &[u8]) -> Option<u16> {
    let rest = greeting.strip_prefix(&[10])?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let flags = rest.get(end + 1 + 4 + 8 + 1..)?;
    Some(u16::from_le_bytes([*flags.first()?, *flags.get(1)?]))
}

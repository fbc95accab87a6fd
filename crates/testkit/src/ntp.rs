//! Answers of a time server, made byte by byte: right ones, which a test then spoils.

use std::time::{Duration, SystemTime};

/// Seconds from 1900 to 1970.
const ERA_0: u64 = 2_208_988_800;
/// The control message's bits and codes (RFC 9327).
const RESPONSE: u8 = 0x80;
const ERROR: u8 = 0x40;
const READ_STATUS: u8 = 1;
const UNKNOWN_ASSOCIATION: u8 = 4;
const UNKNOWN_VARIABLE: u8 = 5;

/// The reply of a server of stratum 2 to a request, its clock `ahead` seconds ahead of this host's. Its fields: leap,
/// version and mode in byte 0, stratum in 1, root delay from 4, root dispersion from 8, reference from 12, origin from 24,
/// receive from 32, transmit from 40.
pub fn time(request: &[u8], ahead: f64) -> Vec<u8> {
    let shift = Duration::from_secs_f64(ahead.abs());
    let now = SystemTime::now();
    let now = if ahead < 0.0 { now - shift } else { now + shift };
    let since = now.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let stamp = ((since.as_secs() + ERA_0) << 32)
        .wrapping_add((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000);
    let mut reply = vec![0x24, 2, 6, 0xe9, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0, 0, 5];
    reply.extend(stamp.wrapping_sub(64 << 32).to_be_bytes());
    reply.extend(request.get(40..48).unwrap_or(&[0; 8]));
    reply.extend(stamp.to_be_bytes());
    reply.extend(stamp.to_be_bytes());
    reply
}

/// A source of a time server: what the selection made of it (6: followed, 4: candidate, 2: credible), and its variables:
/// `stratum=3, offset=-0.5, jitter=0.1`.
pub type Source<'a> = (u8, &'a str);

/// The answer to a control query (mode 6) of a server that has these sources. One whose variables lack a name that is asked
/// for refuses it, as ntpd does.
pub fn control(query: &[u8], leap: u8, sources: &[Source<'_>]) -> Vec<u8> {
    let word = |at: usize| u16::from_be_bytes([query[at], query[at + 1]]);
    let (opcode, association, count) = (query[1] & 0x1f, word(6), usize::from(word(10)));
    let answer = |error: u8, data: &[u8]| {
        let flags = RESPONSE | opcode | if error > 0 { ERROR } else { 0 };
        let mut answer = vec![leap << 6 | 0x16, flags, query[2], query[3], error, 0];
        for word in [association, 0, u16::try_from(data.len()).expect("one packet")] {
            answer.extend(word.to_be_bytes());
        }
        answer.extend(data);
        answer.resize(answer.len().next_multiple_of(4), 0);
        answer
    };
    if opcode == READ_STATUS {
        let ids = 1_u16..;
        let status = |(id, (selection, _)): (u16, &Source<'_>)| {
            [(id >> 8) as u8, (id & 0xff) as u8, 0x90 | selection, 0x14]
        };
        return answer(0, &ids.zip(sources).flat_map(status).collect::<Vec<u8>>());
    }
    let Some((_, variables)) = usize::from(association).checked_sub(1).and_then(|n| sources.get(n)) else {
        return answer(UNKNOWN_ASSOCIATION, &[]);
    };
    let asked = String::from_utf8_lossy(&query[12..12 + count]).into_owned();
    let known = |name: &str| variables.split(", ").any(|variable| variable.split('=').next() == Some(name));
    if asked.split(',').filter(|name| !name.is_empty()).all(known) {
        answer(0, format!("{variables}\r\n").as_bytes())
    } else {
        answer(UNKNOWN_VARIABLE, &[])
    }
}

/// A server that tells the right time, and about these sources.
pub fn server(request: &[u8], sources: &[Source<'_>]) -> Vec<u8> {
    if request.first().is_some_and(|flags| flags & 7 == 6) && request.len() >= 12 {
        control(request, 0, sources)
    } else {
        time(request, 0.0)
    }
}

//! A time server that answers clients from this machine's clock (RFC 5905, mode 4), as one that follows another.

use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};

const HEADER: usize = 48;
const CLIENT: u8 = 3;
const SERVER: u8 = 4;
/// Versions whose packets look alike (RFC 5905, section 7.3; RFC 1305).
const VERSIONS: std::ops::RangeInclusive<u8> = 3..=4;
/// From 1900, where NTP begins, to 1970.
const TO_UNIX: u64 = 2_208_988_800;
const STRATUM: u8 = 2;
/// The clock is read to the microsecond: 2^-20 s.
const PRECISION: i8 = -20;
/// Root delay and dispersion, in 2^-16 s: about a millisecond each.
const ROOT: [u8; 4] = 66_u32.to_be_bytes();
/// The server that it follows: the clock of this machine.
const SOURCE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// The response to a packet that came just now; `None` where it is no client's.
pub fn answer(query: &[u8]) -> Option<Vec<u8>> {
    respond(query, SystemTime::now())
}

fn respond(query: &[u8], now: SystemTime) -> Option<Vec<u8>> {
    let (first, version) = (*query.first()?, query[0] >> 3 & 7);
    if query.len() < HEADER || first & 7 != CLIENT || !VERSIONS.contains(&version) {
        return None;
    }
    let time = timestamp(now);
    let mut packet = Vec::with_capacity(HEADER);
    // Leap indicator 0: no warning. The client's own poll interval comes back.
    packet.extend([version << 3 | SERVER, STRATUM, query[2], PRECISION.to_be_bytes()[0]]);
    packet.extend(ROOT);
    packet.extend(ROOT);
    packet.extend(SOURCE.octets());
    packet.extend(time);
    // What the client sent as its transmit time is how it knows the answer for its own.
    packet.extend(&query[40..HEADER]);
    packet.extend(time);
    packet.extend(time);
    Some(packet)
}

/// Seconds since 1900 and their fraction, 32 bits each; the seconds of a later era wrap around.
fn timestamp(time: SystemTime) -> [u8; 8] {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    ((since.as_secs() + TO_UNIX) << 32 | fraction).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn query(first: u8) -> Vec<u8> {
        let mut query = vec![0; HEADER];
        (query[0], query[2]) = (first, 6);
        query[40..].copy_from_slice(b"whenever");
        query
    }

    #[test]
    fn a_client_is_told_the_time() {
        // 2036-02-07 06:28:16.5 UTC: the seconds of era 1 begin.
        let now = UNIX_EPOCH + Duration::from_millis(2_085_978_496_500);
        let packet = respond(&query(0x23), now).expect("a response");
        assert_eq!(packet.len(), HEADER);
        assert_eq!(packet[..4], [0x24, 2, 6, 0xec], "no leap, version 4, server; stratum, poll, precision");
        assert_eq!(packet[12..16], [127, 0, 0, 1]);
        assert_eq!(packet[24..32], *b"whenever", "the client's own time comes back");
        assert_eq!(packet[32..40], [0, 0, 0, 0, 0x80, 0, 0, 0]);
        assert_eq!(packet[40..48], packet[32..40]);
        assert_eq!(respond(&query(0x1b), now).expect("version 3")[0], 0x1c);
    }

    #[test]
    fn others_are_not_answered() {
        assert_eq!(answer(&[]), None);
        assert_eq!(answer(&query(0x23)[..HEADER - 1]), None, "too short");
        assert_eq!(answer(&query(0x24)), None, "a server");
        assert_eq!(answer(&query(0x26)), None, "mode 6");
        assert_eq!(answer(&query(0x0b)), None, "version 1");
    }
}

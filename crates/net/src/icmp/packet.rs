//! Echo requests and what may come back, as bytes.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

/// Most bytes behind the ICMP header: 65535 of an IPv4 packet without its own header and that one.
pub const MOST_PAYLOAD: usize = 65_507;
/// ICMP header of an echo: type, code, checksum, identifier, sequence number.
pub(super) const HEADER: usize = 8;
/// Longest IPv4 header.
const IP_HEADER: usize = 60;
/// Bytes of the token.
const TOKEN: usize = 8;

/// What a socket hands over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub v6: bool,
    /// The kernel sees to identifiers, and drops what is for others.
    pub datagram: bool,
}

/// Meaning of something received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// The answer to the request with this sequence number.
    Answer(u16),
    /// It claims to be that, but its payload is not the one that was sent.
    Damaged(u16),
    /// Not for this run, or no echo reply at all.
    Foreign,
}

/// What the requests of a run have in common.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Echo {
    id: u16,
    payload: Vec<u8>,
}

impl Echo {
    /// A random identifier, and a payload that nobody can guess.
    pub fn new(payload: usize) -> Echo {
        // Keyed from the system's randomness, and so as hard to guess.
        let state = RandomState::new();
        let random = |salt: u64| {
            let mut hasher = state.build_hasher();
            hasher.write_u64(salt);
            hasher.finish()
        };
        let [low, high, ..] = random(0).to_ne_bytes();
        Echo::with(u16::from_ne_bytes([low, high]), random(1).to_ne_bytes(), payload)
    }

    fn with(id: u16, token: [u8; TOKEN], payload: usize) -> Echo {
        // Behind the token the bytes count up, so that any that is changed or missing shows.
        let counting = (0..=u8::MAX).cycle();
        Echo { id, payload: token.into_iter().chain(counting).take(payload).collect() }
    }

    /// The whole packet. Over IPv6 the kernel writes the checksum, which covers addresses.
    pub fn request(&self, v6: bool, seq: u16) -> Vec<u8> {
        let mut packet = Vec::with_capacity(HEADER + self.payload.len());
        packet.extend([if v6 { 128 } else { 8 }, 0, 0, 0]);
        packet.extend(self.id.to_be_bytes());
        packet.extend(seq.to_be_bytes());
        packet.extend(&self.payload);
        if !v6 {
            let sum = checksum(&packet).to_be_bytes();
            packet[2..4].copy_from_slice(&sum);
        }
        packet
    }

    /// What the bytes of a datagram mean.
    pub fn read(&self, format: Format, bytes: &[u8]) -> Read {
        let raw_v4 = !format.v6 && !format.datagram;
        let Some(icmp) = (if raw_v4 { behind_ip_header(bytes) } else { Some(bytes) }) else {
            return Read::Foreign;
        };
        let Some((header, payload)) = icmp.split_first_chunk::<HEADER>() else { return Read::Foreign };
        let [kind, code, _, _, id @ .., seq_high, seq_low] = *header;
        let reply = if format.v6 { 129 } else { 0 };
        let ours = format.datagram || u16::from_be_bytes(id) == self.id;
        if kind != reply || code != 0 || !ours {
            return Read::Foreign;
        }
        let seq = u16::from_be_bytes([seq_high, seq_low]);
        if payload == self.payload {
            // Raw sockets get what the kernel itself would drop. Over IPv6 it checks in any case.
            return if raw_v4 && checksum(icmp) != 0 { Read::Damaged(seq) } else { Read::Answer(seq) };
        }
        // Without the token it is the answer to somebody else's request.
        let token = self.payload.len().min(TOKEN);
        let has_token =
            token > 0 && payload.get(..token).is_some_and(|start| start == &self.payload[..token]);
        if has_token { Read::Damaged(seq) } else { Read::Foreign }
    }

    /// The sequence number of the request that an ICMP error quotes, if it is one of this run.
    pub fn quoted(&self, format: Format, icmp: &[u8]) -> Option<u16> {
        let (header, payload) = icmp.split_first_chunk::<HEADER>()?;
        let [kind, code, _, _, id @ .., seq_high, seq_low] = *header;
        let request = if format.v6 { 128 } else { 8 };
        let ours = format.datagram || u16::from_be_bytes(id) == self.id;
        // How much of the payload is quoted is up to the router.
        let same = payload.iter().zip(&self.payload).all(|(quoted, sent)| quoted == sent);
        (kind == request && code == 0 && ours && same).then(|| u16::from_be_bytes([seq_high, seq_low]))
    }
}

/// Room for an answer, and for one byte too many: a longer one is noticed.
pub(super) fn buffer_size(payload: usize) -> usize {
    // An ICMP error quotes a few hundred bytes.
    (IP_HEADER + HEADER + payload + 1).max(1024)
}

fn behind_ip_header(bytes: &[u8]) -> Option<&[u8]> {
    let first = *bytes.first()?;
    let header = usize::from(first & 15) * 4;
    let is_icmp = bytes.get(9) == Some(&1);
    if first >> 4 == 4 && header >= 20 && is_icmp { bytes.get(header..) } else { None }
}

/// RFC 1071. Zero over a packet that holds its own.
fn checksum(bytes: &[u8]) -> u16 {
    let (pairs, last) = bytes.as_chunks::<2>();
    let sum: u32 = pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum();
    let mut sum = sum + last.first().map_or(0, |byte| u32::from(*byte) << 8);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    // Folded: it fits.
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Echo, Format, HEADER, Read, checksum};
    use proptest::prelude::*;

    const RAW: Format = Format { v6: false, datagram: false };
    const DATAGRAM: Format = Format { v6: false, datagram: true };
    const RAW6: Format = Format { v6: true, datagram: false };

    fn echo(payload: usize) -> Echo {
        Echo::with(0x1234, *b"tokentok", payload)
    }

    /// An honest answer to a request, as a socket of this format hands it over.
    fn answer(echo: &Echo, format: Format, seq: u16) -> Vec<u8> {
        let mut packet = echo.request(format.v6, seq);
        packet[0] = if format.v6 { 129 } else { 0 };
        if !format.v6 {
            packet[2..4].fill(0);
            let sum = checksum(&packet).to_be_bytes();
            packet[2..4].copy_from_slice(&sum);
        }
        if format == RAW {
            let mut ip = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
            ip.append(&mut packet);
            return ip;
        }
        packet
    }

    #[test]
    fn a_request_in_bytes() {
        assert_eq!(
            echo(10).request(false, 0x0102),
            [&[8, 0, 0x27, 0x14, 0x12, 0x34, 1, 2][..], b"tokentok", &[0, 1]].concat()
        );
        assert_eq!(echo(2).request(true, 7), [128, 0, 0, 0, 0x12, 0x34, 0, 7, b't', b'o']);
        assert_eq!(checksum(&echo(11).request(false, 9)), 0);
        // The example of RFC 1071, section 3.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    #[test]
    fn answers_are_told_from_the_rest() {
        let echo = echo(56);
        for format in [RAW, DATAGRAM, RAW6] {
            let good = answer(&echo, format, 258);
            assert_eq!(echo.read(format, &good), Read::Answer(258), "{format:?}");
            assert_eq!(echo.read(format, &good[..good.len() - 1]), Read::Damaged(258), "truncated");
            let longer = [&good[..], &[0]].concat();
            assert_eq!(echo.read(format, &longer), Read::Damaged(258), "too long");
            let mut changed = good.clone();
            *changed.last_mut().expect("a payload") ^= 1;
            assert_eq!(echo.read(format, &changed), Read::Damaged(258), "a changed byte");
            let other = answer(&Echo::with(0x1234, *b"anothert", 56), format, 258);
            assert_eq!(echo.read(format, &other), Read::Foreign, "another token");
            let request = echo.request(format.v6, 258);
            let ip = good.len() - request.len();
            let own = [&good[..ip], &request].concat();
            assert_eq!(echo.read(format, &own), Read::Foreign, "our own request, as loopback shows it");
        }
        let other = answer(&Echo::with(0x4321, *b"tokentok", 56), RAW, 258);
        assert_eq!(echo.read(RAW, &other), Read::Foreign, "another identifier");
        let mut broken = answer(&echo, RAW, 258);
        broken[22] ^= 1;
        assert_eq!(echo.read(RAW, &broken), Read::Damaged(258), "a wrong checksum");
    }

    #[test]
    fn a_payload_may_be_empty_or_shorter_than_the_token() {
        for payload in [0, 1, 7, 8, 9] {
            let echo = echo(payload);
            assert_eq!(echo.request(false, 3).len(), HEADER + payload);
            assert_eq!(echo.read(DATAGRAM, &answer(&echo, DATAGRAM, 3)), Read::Answer(3));
        }
        let none = echo(0);
        assert_eq!(none.read(DATAGRAM, &answer(&echo(4), DATAGRAM, 3)), Read::Foreign);
    }

    #[test]
    fn errors_quote_as_much_as_they_like() {
        let echo = echo(56);
        let request = echo.request(false, 77);
        for length in [HEADER, HEADER + 5, request.len()] {
            assert_eq!(echo.quoted(RAW, &request[..length]), Some(77), "{length} bytes");
        }
        assert_eq!(echo.quoted(RAW, &request[..HEADER - 1]), None);
        assert_eq!(echo.quoted(RAW, &Echo::with(1, *b"tokentok", 56).request(false, 77)), None);
        assert_eq!(echo.quoted(RAW, &Echo::with(0x1234, *b"anothert", 56).request(false, 77)), None);
        assert_eq!(echo.quoted(RAW6, &request), None);
    }

    #[test]
    fn tokens_differ_from_run_to_run() {
        assert_ne!(Echo::new(64).payload, Echo::new(64).payload);
    }

    proptest! {
        #[test]
        fn rubbish_is_foreign(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let echo = echo(56);
            for format in [RAW, DATAGRAM, RAW6] {
                prop_assert_eq!(echo.read(format, &bytes), Read::Foreign);
            }
        }

        #[test]
        fn every_answer_is_recognised(seq: u16, payload in 0_usize..2000) {
            let echo = Echo::new(payload);
            for format in [RAW, DATAGRAM, RAW6] {
                prop_assert_eq!(echo.read(format, &answer(&echo, format, seq)), Read::Answer(seq));
            }
        }

        #[test]
        fn no_flipped_bit_passes(seq: u16, payload in 8_usize..100, bit in 0_usize..800) {
            let echo = Echo::new(payload);
            let mut bytes = answer(&echo, RAW, seq);
            let bit = 20 * 8 + bit % ((bytes.len() - 20) * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(echo.read(RAW, &bytes), Read::Answer(seq));
        }
    }
}

//! Time requests and replies: the 48-byte header of RFC 5905, section 7.3, and its timestamps.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes of the header; extension fields and a MAC may follow.
pub(crate) const HEADER: usize = 48;
/// Version of RFC 5905.
const VERSION: u8 = 4;
const MODE_CLIENT: u8 = 3;
const MODE_SERVER: u8 = 4;
/// Seconds from 1900, where NTP's era 0 begins, to 1970.
const ERA_0: u64 = 2_208_988_800;

/// A point in time: seconds since the beginning of an era, 32 bits of them and 32 bits of fraction. Which era is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timestamp(pub u64);

impl Timestamp {
    /// The timestamp of a clock's reading; eras, those before 1900 too, wrap around.
    pub(crate) fn of(time: SystemTime) -> Timestamp {
        let fixed = |time: Duration| {
            let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
            (time.as_secs() << 32) | fraction
        };
        let since = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => fixed(since),
            Err(before) => fixed(before.duration()).wrapping_neg(),
        };
        Timestamp(since.wrapping_add(ERA_0 << 32))
    }

    /// Seconds from `earlier` to this one, within 68 years of it: right across the end of an era, such as that of
    /// February 2036 (RFC 5905, section 6).
    pub(crate) fn since(self, earlier: Timestamp) -> f64 {
        self.0.wrapping_sub(earlier.0).cast_signed() as f64 / 4_294_967_296.0
    }
}

/// The leap indicator: what the last minute of the day will have, or that the clock is not synchronised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leap {
    /// Nothing announced.
    None,
    /// 61 seconds.
    Insert,
    /// 59 seconds.
    Delete,
    /// The clock is not synchronised.
    Alarm,
}

impl Leap {
    pub(crate) fn of(flags: u8) -> Leap {
        match flags >> 6 {
            0 => Leap::None,
            1 => Leap::Insert,
            2 => Leap::Delete,
            _ => Leap::Alarm,
        }
    }

    /// As the JSON output names it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Leap::None => "none",
            Leap::Insert => "insert",
            Leap::Delete => "delete",
            Leap::Alarm => "alarm",
        }
    }
}

/// A reply of a server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub leap: Leap,
    /// 0 for a kiss code, 1 for a reference clock, 2 to 15 below it, 16 and more for a clock that is not synchronised.
    pub stratum: u8,
    /// Way to the reference clock and back, seconds.
    pub root_delay: f64,
    /// Error collected on that way, seconds.
    pub root_dispersion: f64,
    /// What it is synchronised to: an address, a name such as `GPS`, or a kiss code.
    pub reference: [u8; 4],
    /// The transmit timestamp of the request.
    pub origin: Timestamp,
    /// When the request arrived.
    pub received: Timestamp,
    /// When the reply left.
    pub sent: Timestamp,
}

/// A request with nothing in it but a number that the reply will bring back: all else would be of no use to the server
/// (draft-ietf-ntp-data-minimization).
pub(crate) fn request(nonce: u64) -> [u8; HEADER] {
    let mut packet = [0; HEADER];
    packet[0] = VERSION << 3 | MODE_CLIENT;
    packet[40..].copy_from_slice(&nonce.to_be_bytes());
    packet
}

impl Reply {
    /// Reads a server's packet. The error says what is wrong with it.
    pub(crate) fn read(packet: &[u8]) -> Result<Reply, String> {
        let Some(header) = packet.first_chunk::<HEADER>() else {
            return Err(format!("{} bytes instead of {HEADER}", packet.len()));
        };
        let (version, mode) = (header[0] >> 3 & 7, header[0] & 7);
        if mode != MODE_SERVER {
            return Err(format!("a packet of mode {mode} instead of {MODE_SERVER}"));
        }
        if !(1..=VERSION).contains(&version) {
            return Err(format!("version {version} of NTP"));
        }
        let word =
            |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let short = |at| f64::from(word(at)) / 65_536.0;
        let stamp = |at| Timestamp(u64::from(word(at)) << 32 | u64::from(word(at + 4)));
        Ok(Reply {
            leap: Leap::of(header[0]),
            stratum: header[1],
            root_delay: short(4),
            root_dispersion: short(8),
            reference: [header[12], header[13], header[14], header[15]],
            origin: stamp(24),
            received: stamp(32),
            sent: stamp(40),
        })
    }

    /// The kiss code of a server that does not want to be asked, or has no time to tell: `RATE`, `DENY`, `INIT` (RFC 5905,
    /// section 7.4). What is no four letters or digits is a number in hexadecimal digits.
    pub(crate) fn kiss(&self) -> Option<String> {
        (self.stratum == 0).then(|| self.name())
    }

    /// What it is synchronised to, as `ntpq` shows it: a name for a reference clock, else an address (for IPv6 the start of
    /// a digest of it).
    pub(crate) fn reference(&self) -> String {
        let [a, b, c, d] = self.reference;
        if self.stratum <= 1 { self.name() } else { format!("{a}.{b}.{c}.{d}") }
    }

    fn name(&self) -> String {
        let text = self.reference.split(|byte| *byte == 0).next().unwrap_or_default();
        if !text.is_empty() && text.iter().all(u8::is_ascii_alphanumeric) {
            String::from_utf8_lossy(text).into_owned()
        } else {
            format!("{:08x}", u32::from_be_bytes(self.reference))
        }
    }

    /// Whether the server says that its own clock is right.
    pub(crate) fn is_synchronised(&self) -> bool {
        self.is_timed() && self.stratum < 16
    }

    /// Whether its timestamps mean something: no kiss code, and a clock that was set at least once.
    pub(crate) fn is_timed(&self) -> bool {
        self.leap != Leap::Alarm && self.stratum != 0
    }

    /// Offset and delay of the exchange, seconds, of the local clock's readings when the request left and the reply came
    /// (RFC 5905, section 8). The offset is above zero where the server's clock is ahead of the local one; the delay never
    /// is below zero.
    pub(crate) fn offset_and_delay(&self, left: Timestamp, came: Timestamp) -> (f64, f64) {
        let offset = f64::midpoint(self.received.since(left), self.sent.since(came));
        let delay = came.since(left) - self.sent.since(self.received);
        (offset, delay.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADER, Leap, Reply, Timestamp, request};
    use proptest::prelude::{any, prop_assert, proptest};
    use std::time::{Duration, UNIX_EPOCH};

    fn packet() -> Vec<u8> {
        let mut packet = vec![0x24, 2, 3, 0xe8];
        for word in [0x0000_8000_u32, 0x0001_0000, 0x0a00_0005, 9, 9, 1, 2, 3, 4, 5, 6] {
            packet.extend(word.to_be_bytes());
        }
        packet
    }

    #[test]
    fn a_reply_is_read() {
        let reply = Reply::read(&packet()).expect("a reply");
        assert_eq!((reply.leap, reply.stratum), (Leap::None, 2));
        assert_eq!(
            (reply.root_delay.to_string(), reply.root_dispersion.to_string()),
            ("0.5".into(), "1".into())
        );
        assert_eq!(reply.reference(), "10.0.0.5");
        assert_eq!((reply.origin.0, reply.received.0, reply.sent.0), (1 << 32 | 2, 3 << 32 | 4, 5 << 32 | 6));
        let with_mac = [packet(), vec![0; 20]].concat();
        assert_eq!(Reply::read(&with_mac), Ok(reply));
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        let bad = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut packet = packet();
            change(&mut packet);
            Reply::read(&packet).expect_err("no reply")
        };
        assert_eq!(bad(&|packet| packet.truncate(47)), "47 bytes instead of 48");
        assert_eq!(bad(&Vec::clear), "0 bytes instead of 48");
        assert_eq!(bad(&|packet| packet[0] = 0x23), "a packet of mode 3 instead of 4");
        assert_eq!(bad(&|packet| packet[0] = 0x04), "version 0 of NTP");
        assert_eq!(bad(&|packet| packet[0] = 0x3c), "version 7 of NTP");
    }

    #[test]
    fn kiss_codes_and_names() {
        let mut reply = Reply::read(&packet()).expect("a reply");
        assert_eq!(reply.kiss(), None);
        (reply.stratum, reply.reference) = (0, *b"RATE");
        assert_eq!(reply.kiss().as_deref(), Some("RATE"));
        (reply.stratum, reply.reference) = (1, *b"GPS\0");
        assert_eq!((reply.kiss(), reply.reference().as_str()), (None, "GPS"));
        reply.reference = *b"\x1b[1m";
        assert_eq!(reply.reference(), "1b5b316d");
        reply.reference = [0; 4];
        assert_eq!(reply.reference(), "00000000");
    }

    #[test]
    fn who_is_synchronised() {
        let is = |flags: u8, stratum| {
            let mut packet = packet();
            (packet[0], packet[1]) = (flags, stratum);
            Reply::read(&packet).expect("a reply").is_synchronised()
        };
        assert!(is(0x24, 1) && is(0x24, 15) && is(0x64, 2) && is(0xa4, 2));
        assert!(!is(0xe4, 2) && !is(0x24, 0) && !is(0x24, 16) && !is(0x24, 255));
    }

    // RFC 5905, figure 4: eras begin in 1900 and on 7 February 2036, 06:28:16.
    #[test]
    fn eras() {
        let at = |unix: u64| Timestamp::of(UNIX_EPOCH + Duration::from_secs(unix));
        assert_eq!(at(0).0, 2_208_988_800 << 32);
        assert_eq!(at(2_085_978_496).0, 0);
        assert_eq!(Timestamp::of(UNIX_EPOCH - Duration::from_hours(613_608)).0, 0);
        let half = Timestamp::of(UNIX_EPOCH + Duration::from_millis(500));
        assert_eq!(half.0, 2_208_988_800 << 32 | 1 << 31);
        for unix in [0, 1_790_000_000, 2_085_978_495, 2_085_978_496, 4_000_000_000] {
            assert_eq!(at(unix + 5).since(at(unix)).to_string(), "5", "{unix}");
            assert_eq!(at(unix).since(at(unix + 5)).to_string(), "-5", "{unix}");
        }
        assert!((at(2_085_978_496).since(half) - 2_085_978_495.5).abs() < 1e-6);
    }

    #[test]
    fn offset_and_delay_of_an_exchange() {
        let at = |millis: u64| Timestamp::of(UNIX_EPOCH + Duration::from_millis(1_790_000_000_000 + millis));
        let mut reply = Reply::read(&packet()).expect("a reply");
        // Half a second ahead, 10 ms on the way there, 20 ms at the server, 30 ms on the way back.
        (reply.received, reply.sent) = (at(510), at(530));
        let (offset, delay) = reply.offset_and_delay(at(0), at(60));
        assert!((offset - 0.490).abs() < 1e-6 && (delay - 0.040).abs() < 1e-6, "{offset} {delay}");
        // A server that claims to have taken longer than the whole exchange.
        (reply.received, reply.sent) = (at(0), at(900));
        assert_eq!(reply.offset_and_delay(at(0), at(60)).1.to_string(), "0");
    }

    #[test]
    fn a_request_is_a_client_of_version_4_with_a_number() {
        let packet = request(0x0102_0304_0506_0708);
        assert_eq!(
            (packet[0], &packet[1..40], &packet[40..]),
            (0x23, &[0; 39][..], &[1, 2, 3, 4, 5, 6, 7, 8][..])
        );
        assert!(Reply::read(&packet).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(packet: Vec<u8>, left: u64, came: u64) {
            if let Ok(reply) = Reply::read(&packet) {
                prop_assert!(packet.len() >= HEADER);
                let (offset, delay) = reply.offset_and_delay(Timestamp(left), Timestamp(came));
                prop_assert!(offset.is_finite() && delay.is_finite() && delay >= 0.0);
                prop_assert!(reply.root_delay >= 0.0 && reply.root_dispersion >= 0.0);
                prop_assert!(reply.reference().bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }

        #[test]
        fn any_header_of_a_server_is_read(mut packet in proptest::collection::vec(any::<u8>(), HEADER..100)) {
            packet[0] = packet[0] & 0xc0 | 0x24;
            let reply = Reply::read(&packet);
            prop_assert!(reply.is_ok_and(|reply| reply.kiss().is_none_or(|kiss| !kiss.is_empty())));
        }
    }
}

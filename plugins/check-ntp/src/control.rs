//! Control queries and answers of mode 6: RFC 9327, once RFC 1305, appendix B.

use crate::packet::Leap;

/// Bytes of the header.
const HEADER: usize = 12;
/// Most bytes of data in one packet.
const DATA: usize = 468;
/// Bytes that hold any packet, with what some servers append.
pub(crate) const PACKET: usize = 1024;
/// Most bytes of data of one answer: a server with some thousand associations.
const ANSWER: usize = 32 << 10;
/// Most parts of one answer.
const PARTS: usize = 256;
/// Version that every server answers to.
const VERSION: u8 = 2;
const MODE_CONTROL: u8 = 6;
const RESPONSE: u8 = 0x80;
const ERROR: u8 = 0x40;
const MORE: u8 = 0x20;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    /// The associations of the server, with their status words.
    ReadStatus = 1,
    /// Variables of an association.
    ReadVariables = 2,
}

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Query<'a> {
    pub opcode: Opcode,
    /// Comes back in the answer.
    pub sequence: u16,
    /// Zero is the server itself.
    pub association: u16,
    /// Names of variables, with commas between; at most 468 bytes.
    pub data: &'a str,
}

impl Query<'_> {
    /// The packet to send, filled up to a multiple of four bytes.
    pub(crate) fn packet(&self) -> Vec<u8> {
        let data = &self.data.as_bytes()[..self.data.len().min(DATA)];
        let mut packet = vec![VERSION << 3 | MODE_CONTROL, self.opcode as u8];
        let count = u16::try_from(data.len()).unwrap_or(0);
        for word in [self.sequence, 0, self.association, 0, count] {
            packet.extend(word.to_be_bytes());
        }
        packet.extend(data);
        packet.resize(packet.len().next_multiple_of(4), 0);
        packet
    }
}

/// An answer, put together from its fragments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub leap: Leap,
    /// Code of an error, from the status word: 5 is an unknown variable.
    pub error: Option<u8>,
    pub data: Vec<u8>,
}

/// The fragments of an answer to one query, in whatever order they come.
#[derive(Debug)]
pub(crate) struct Fragments<'a> {
    query: Query<'a>,
    leap: Leap,
    parts: Vec<(usize, Vec<u8>)>,
    /// Where the last fragment ends, once it has come.
    end: Option<usize>,
}

impl<'a> Fragments<'a> {
    pub(crate) fn of(query: Query<'a>) -> Fragments<'a> {
        Fragments { query, leap: Leap::None, parts: Vec::new(), end: None }
    }

    /// Takes a packet. The answer, once it is whole; the error says why a packet does not belong to it.
    pub(crate) fn take(&mut self, packet: &[u8]) -> Result<Option<Answer>, String> {
        let Some(header) = packet.first_chunk::<HEADER>() else {
            return Err(format!("{} bytes instead of {HEADER} at least", packet.len()));
        };
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let (mode, flags) = (header[0] & 7, header[1]);
        if mode != MODE_CONTROL {
            return Err(format!("a packet of mode {mode} instead of {MODE_CONTROL}"));
        }
        if flags & RESPONSE == 0 || flags & 0x1f != self.query.opcode as u8 {
            return Err("an answer to another question".into());
        }
        if word(2) != self.query.sequence || word(6) != self.query.association {
            return Err("an answer to another query".into());
        }
        let leap = Leap::of(header[0]);
        if flags & ERROR != 0 {
            return Ok(Some(Answer { leap, error: Some(header[4]), data: Vec::new() }));
        }
        let (offset, count) = (usize::from(word(8)), usize::from(word(10)));
        let Some(data) = packet[HEADER..].get(..count) else {
            return Err(format!("{count} bytes of data announced, {} sent", packet.len() - HEADER));
        };
        if offset + count > ANSWER {
            return Err(format!("an answer of more than {ANSWER} bytes"));
        }
        if count == 0 && flags & MORE != 0 {
            return Err("an empty part of an answer".into());
        }
        if self.parts.len() >= PARTS {
            return Err(format!("an answer of more than {PARTS} parts"));
        }
        if self.parts.iter().all(|(start, part)| *start != offset || part.len() != count) {
            self.parts.push((offset, data.to_vec()));
        }
        if leap == Leap::Alarm || self.parts.len() == 1 {
            self.leap = leap;
        }
        if flags & MORE == 0 {
            self.end = Some(offset + count);
        }
        Ok(self.whole())
    }

    fn whole(&mut self) -> Option<Answer> {
        let end = self.end?;
        self.parts.sort_by_key(|(offset, _)| *offset);
        let mut data = Vec::new();
        for (offset, part) in &self.parts {
            // A gap. Parts that overlap bring nothing new where they do.
            let fresh = part.get(data.len().checked_sub(*offset)?..).unwrap_or_default();
            data.extend(fresh);
        }
        (data.len() == end).then_some(Answer { leap: self.leap, error: None, data })
    }
}

/// One of a server's sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Association {
    pub id: u16,
    /// What the server's selection made of it, 0 to 7.
    pub selection: u8,
}

/// It survived the intersection: its time is credible.
pub(crate) const TRUECHIMER: u8 = 2;
/// It is one of those that the server's time is combined of.
pub(crate) const CANDIDATE: u8 = 4;
/// It is the one that the server is synchronised to.
pub(crate) const SYNC_SOURCE: u8 = 6;

/// The associations in the answer to [`Opcode::ReadStatus`]; a half one at the end is left out.
pub(crate) fn associations(data: &[u8]) -> Vec<Association> {
    data.as_chunks::<4>()
        .0
        .iter()
        .map(|[high, low, status, _]| Association {
            id: u16::from_be_bytes([*high, *low]),
            selection: status & 7,
        })
        .collect()
}

/// The number of a variable in the answer to [`Opcode::ReadVariables`]: `stratum=3, offset=-0.012, jitter="1"`.
pub(crate) fn variable(data: &[u8], name: &str) -> Option<f64> {
    let text = std::str::from_utf8(data).ok()?;
    let value = text.split(',').find_map(|item| {
        let (key, value) = item.trim_matches(['\r', '\n', ' ', '\0']).split_once('=')?;
        (key.trim() == name).then_some(value.trim())
    })?;
    value.trim_matches('"').parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::{Answer, Association, Fragments, Opcode, Query, associations, variable};
    use crate::packet::Leap;
    use proptest::prelude::{prop_assert, proptest};

    const QUERY: Query<'_> =
        Query { opcode: Opcode::ReadVariables, sequence: 7, association: 0x1234, data: "stratum,offset" };

    fn packet(flags: u8, sequence: u16, offset: u16, count: u16, data: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x16, flags];
        for word in [sequence, 0x0500, 0x1234, offset, count] {
            packet.extend(word.to_be_bytes());
        }
        packet.extend(data);
        packet
    }

    fn whole(data: &[u8]) -> Answer {
        Answer { leap: Leap::None, error: None, data: data.to_vec() }
    }

    #[test]
    fn a_query_is_padded() {
        let packet = QUERY.packet();
        assert_eq!(packet[..12], [0x16, 2, 0, 7, 0, 0, 0x12, 0x34, 0, 0, 0, 14]);
        assert_eq!(&packet[12..], b"stratum,offset\0\0");
        let status = Query { opcode: Opcode::ReadStatus, sequence: 1, association: 0, data: "" };
        assert_eq!(status.packet(), [0x16, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn fragments_in_any_order_and_twice() {
        let parts =
            [packet(0xa2, 7, 0, 4, b"abcd"), packet(0xa2, 7, 4, 4, b"efgh"), packet(0x82, 7, 8, 2, b"ij")];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let mut fragments = Fragments::of(QUERY);
            assert_eq!(fragments.take(&parts[order[0]]), Ok(None));
            assert_eq!(fragments.take(&parts[order[0]]), Ok(None));
            assert_eq!(fragments.take(&parts[order[1]]), Ok(None));
            assert_eq!(fragments.take(&parts[order[2]]), Ok(Some(whole(b"abcdefghij"))), "{order:?}");
        }
        assert_eq!(Fragments::of(QUERY).take(&packet(0x82, 7, 0, 0, b"")), Ok(Some(whole(b""))));
        // What follows the data fills the packet up.
        assert_eq!(Fragments::of(QUERY).take(&packet(0x82, 7, 0, 2, b"ab\0\0")), Ok(Some(whole(b"ab"))));
    }

    #[test]
    fn what_does_not_belong_is_refused() {
        let refused = |packet: &[u8]| Fragments::of(QUERY).take(packet).expect_err("refused");
        assert_eq!(refused(b"\x16\x82"), "2 bytes instead of 12 at least");
        assert_eq!(refused(&packet(0x82, 8, 0, 0, b"")), "an answer to another query");
        assert_eq!(refused(&packet(0x81, 7, 0, 0, b"")), "an answer to another question");
        assert_eq!(refused(&packet(0x02, 7, 0, 0, b"")), "an answer to another question");
        assert_eq!(refused(&packet(0x82, 7, 0, 100, b"abc")), "100 bytes of data announced, 3 sent");
        assert_eq!(refused(&packet(0x82, 7, 65_535, 1, b"a")), "an answer of more than 32768 bytes");
        assert_eq!(refused(&packet(0xa2, 7, 0, 0, b"")), "an empty part of an answer");
        let mut time = packet(0x82, 7, 0, 0, b"");
        time[0] = 0x24;
        assert_eq!(refused(&time), "a packet of mode 4 instead of 6");
    }

    #[test]
    fn an_error_ends_it() {
        let answer = Fragments::of(QUERY).take(&packet(0xc2, 7, 0, 0, b""));
        assert_eq!(answer, Ok(Some(Answer { leap: Leap::None, error: Some(5), data: vec![] })));
    }

    #[test]
    fn status_words_and_variables() {
        assert_eq!(
            associations(&[0x45, 0x68, 0x96, 0x14, 0x45, 0x67, 0x14, 0x14, 0xff]),
            [Association { id: 0x4568, selection: 6 }, Association { id: 0x4567, selection: 4 }]
        );
        let data = b"stratum=3, offset=-0.0125,\r\n jitter=\"1.5\"\r\n";
        let number = |name| variable(data, name).map(|number| number.to_string());
        assert_eq!(number("stratum").as_deref(), Some("3"));
        assert_eq!(number("offset").as_deref(), Some("-0.0125"));
        assert_eq!(number("jitter").as_deref(), Some("1.5"));
        assert_eq!(number("dispersion"), None);
        for bad in [&b"offset=nan"[..], b"offset=inf", b"offset=", b"offset", b"offset=x", b"\xff,offset=1"] {
            assert_eq!(variable(bad, "offset"), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_packets_are_taken_or_refused(packets: Vec<Vec<u8>>, data: Vec<u8>) {
            let mut fragments = Fragments::of(QUERY);
            for packet in &packets {
                let _taken = fragments.take(packet);
            }
            prop_assert!(associations(&data).len() == data.len() / 4);
            prop_assert!(variable(&data, "offset").is_none_or(f64::is_finite));
        }

        #[test]
        fn parts_make_the_whole(data: Vec<u8>, cut: usize, flip: bool) {
            let cut = cut % (data.len() + 1);
            let (first, second) = data.split_at(cut);
            proptest::prop_assume!(!first.is_empty());
            let count = |part: &[u8]| u16::try_from(part.len()).expect("short");
            let mut parts = [packet(0xa2, 7, 0, count(first), first), packet(0x82, 7, count(first), count(second), second)];
            if flip {
                parts.reverse();
            }
            let mut fragments = Fragments::of(QUERY);
            prop_assert!(fragments.take(&parts[0]) == Ok(None));
            prop_assert!(fragments.take(&parts[1]) == Ok(Some(whole(&data))));
        }
    }
}

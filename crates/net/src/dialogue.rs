//! A scripted dialogue: say something, expect something, never read without a limit.

use std::io;
use std::time::Duration;

use plugin::{Failure, Reason, Result, units};

use crate::Stream;

/// Longest line that is read, bytes: RFC 5321, 4.5.3.1.5 allows 512, IMAP servers send more.
const LINE: usize = 8 * 1024;
/// Bytes asked for at a time.
const CHUNK: usize = 4096;

/// Speaks with the other side of a stream, in turns.
///
/// Every step is noted in the deadline, and every failure names the other side. What has come but was not asked for yet is
/// kept for the next step.
#[derive(Debug)]
pub struct Dialogue<'a, S> {
    stream: &'a mut S,
    unread: Vec<u8>,
}

/// What to look for in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// Texts; an empty one is found in any answer.
    pub texts: Vec<Vec<u8>>,
    /// Whether all of them have to occur; otherwise one is enough.
    pub all: bool,
    /// Where they have to occur.
    pub place: Place,
    /// Stop reading once so many bytes have come; a few kilobytes more may be kept.
    pub limit: usize,
    /// Stop reading when nothing more comes for so long, counted from the last byte.
    pub quiet: Duration,
}

/// Where a text has to occur in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At the very start.
    Start,
    /// Anywhere.
    Anywhere,
}

/// What came back, and whether it is what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// All of it; at least one byte.
    pub bytes: Vec<u8>,
    /// Whether the expected texts occur.
    pub matched: bool,
    /// Why reading stopped.
    pub end: End,
}

/// Why an answer ends where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The texts were found, or can no longer be.
    Decided,
    /// The limit of bytes was reached.
    Limit,
    /// Nothing more came for a while.
    Quiet,
    /// The other side closed.
    Closed,
    /// The deadline passed.
    Deadline,
}

enum Read {
    More,
    End(End),
}

impl<'a, S: Stream> Dialogue<'a, S> {
    /// A dialogue in which nobody has said anything yet.
    pub fn new(stream: &'a mut S) -> Dialogue<'a, S> {
        Dialogue { stream, unread: Vec::new() }
    }

    /// Sends all of it.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let conn = self.stream.conn();
        conn.deadline().step(format_args!("send to {}", conn.peer()))?;
        let sent = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
        sent.map_err(|error| self.stream.failure("send to", &error))
    }

    /// Reads until the expectation is decided.
    ///
    /// Errors with [`Reason::TimedOut`], [`Reason::Closed`] or what else the kernel said when not one byte came; whatever
    /// came is an answer.
    pub fn expect(&mut self, expect: &Expect) -> Result<Answer> {
        let mut search = Search::new(expect);
        loop {
            let verdict = search.look(&self.unread);
            let end = match verdict {
                Verdict::Found | Verdict::Hopeless => End::Decided,
                Verdict::Open if self.unread.len() >= expect.limit => End::Limit,
                Verdict::Open => match self.read(Some(expect.quiet).filter(|_| !self.unread.is_empty()))? {
                    Read::More => continue,
                    Read::End(end) => end,
                },
            };
            let matched = verdict == Verdict::Found;
            return Ok(Answer { bytes: std::mem::take(&mut self.unread), matched, end });
        }
    }

    /// Reads one line, without its CR LF or LF; bytes that are no UTF-8 are replaced.
    ///
    /// Errors with [`Reason::Protocol`] when it is too long, [`Reason::Closed`] when the other side closes within it.
    pub fn line(&mut self) -> Result<String> {
        let mut seen = 0;
        loop {
            if let Some(found) = self.unread[seen..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=seen + found).collect();
                let line = String::from_utf8_lossy(&line);
                return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
            }
            seen = self.unread.len();
            let peer = self.stream.conn().peer();
            if seen > LINE {
                let limit = units::show_bytes(LINE as f64);
                let message = format!("read a line from {peer}: no end of line within {limit}");
                return Err(Failure::new(Reason::Protocol, message));
            }
            match self.read(None)? {
                Read::More => {}
                Read::End(End::Deadline) => {
                    let conn = self.stream.conn();
                    return Err(conn.deadline().expired(&format!("read a line from {}", conn.peer())));
                }
                Read::End(_) => {
                    let message = format!("{} closed in the middle of a line", self.stream.conn().peer());
                    return Err(Failure::new(Reason::Closed, message));
                }
            }
        }
    }

    /// Reads exactly so many bytes.
    ///
    /// Errors with [`Reason::Closed`] when the other side closes before, [`Reason::TimedOut`] when they do not come in time.
    pub fn take(&mut self, count: usize) -> Result<Vec<u8>> {
        while self.unread.len() < count {
            let end = match self.read(None)? {
                Read::More => continue,
                Read::End(end) => end,
            };
            let conn = self.stream.conn();
            let (had, peer) = (self.unread.len(), conn.peer());
            return Err(match end {
                End::Deadline => conn.deadline().expired(&format!("read {count} bytes from {peer}")),
                _ => Failure::new(Reason::Closed, format!("{peer} closed after {had} of {count} bytes")),
            });
        }
        Ok(self.unread.drain(..count).collect())
    }

    /// What came without being asked for. It must be empty before a TLS session starts on the stream: a man in the middle
    /// may have put it there (RFC 3207, 6).
    pub fn unread(&self) -> &[u8] {
        &self.unread
    }

    // One read into `unread`. Without a byte in it, an end is a failure.
    fn read(&mut self, patience: Option<Duration>) -> Result<Read> {
        let conn = self.stream.conn();
        conn.deadline().step(format_args!("read from {}", conn.peer())).or_else(|failure| {
            // What came until the deadline is an answer too.
            if self.unread.is_empty() { Err(failure) } else { Ok(Duration::ZERO) }
        })?;
        conn.set_patience(patience);
        let mut chunk = [0; CHUNK];
        let end = match self.stream.read(&mut chunk) {
            Ok(0) => End::Closed,
            Ok(count) => {
                self.unread.extend_from_slice(&chunk[..count]);
                return Ok(Read::More);
            }
            Err(error) if self.unread.is_empty() => {
                return Err(self.stream.failure("read from", &error));
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => End::Quiet,
                io::ErrorKind::TimedOut => End::Deadline,
                _ => End::Closed,
            },
        };
        if self.unread.is_empty() {
            let message = format!("{} closed the connection without a word", self.stream.conn().peer());
            return Err(Failure::new(Reason::Closed, message));
        }
        Ok(Read::End(end))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Found,
    Open,
    Hopeless,
}

/// Looks for the texts in an answer that grows, at each byte about once.
struct Search<'a> {
    expect: &'a Expect,
    found: Vec<bool>,
    seen: usize,
}

impl<'a> Search<'a> {
    fn new(expect: &'a Expect) -> Search<'a> {
        Search { expect, found: vec![false; expect.texts.len()], seen: 0 }
    }

    fn look(&mut self, bytes: &[u8]) -> Verdict {
        if bytes.is_empty() {
            return Verdict::Open;
        }
        let mut hope = false;
        for (text, found) in self.expect.texts.iter().zip(&mut self.found) {
            match self.expect.place {
                Place::Anywhere => {
                    // One that ends in the new bytes may begin in the old ones.
                    let from = self.seen.saturating_sub(text.len());
                    *found = *found || contains(&bytes[from..], text);
                    hope = true;
                }
                Place::Start => {
                    *found = bytes.starts_with(text);
                    hope = hope || *found || text.starts_with(bytes);
                }
            }
        }
        self.seen = bytes.len();
        let mut found = self.found.iter();
        let matched = if self.expect.all { found.all(|found| *found) } else { found.any(|found| *found) };
        match (matched, hope) {
            (true, _) => Verdict::Found,
            (false, true) => Verdict::Open,
            (false, false) => Verdict::Hopeless,
        }
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::{Answer, CHUNK, Dialogue, End, Expect, Place};
    use crate::{Conn, Family, Target};
    use plugin::{Deadline, Reason, Result};
    use std::io::{BufRead, BufReader, Write};
    use std::time::Duration;
    use testkit::Peer;

    const LONG: Duration = Duration::from_secs(20);

    fn connect(peer: &Peer, timeout: Duration) -> Conn {
        let deadline = Deadline::after(timeout);
        let target = Target::new("127.0.0.1", Some(peer.port())).expect("a target");
        let endpoint = target.resolve(Family::Any, &deadline).expect("a literal");
        endpoint.connect(&deadline).expect("it listens")
    }

    fn texts(texts: &[&str], place: Place) -> Expect {
        let texts = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        Expect { texts, all: false, place, limit: 100_000, quiet: LONG }
    }

    fn ask(peer: &Peer, expect: &Expect, timeout: Duration) -> Result<Answer> {
        Dialogue::new(&mut connect(peer, timeout)).expect(expect)
    }

    fn ends(peer: &Peer, expect: &Expect) -> (bool, End) {
        let answer = ask(peer, expect, LONG).expect("an answer");
        (answer.matched, answer.end)
    }

    #[test]
    fn decided_as_soon_as_it_can_be() {
        let peer = Peer::says("220 hello\r\n");
        assert_eq!(ends(&peer, &texts(&["hello"], Place::Anywhere)), (true, End::Decided));
        assert_eq!(ends(&peer, &texts(&["554", "220"], Place::Start)), (true, End::Decided));
        assert_eq!(ends(&peer, &texts(&["hello"], Place::Start)), (false, End::Decided));
        assert_eq!(ends(&peer, &texts(&[""], Place::Anywhere)), (true, End::Decided));
        let all = Expect { all: true, ..texts(&["220", "hello"], Place::Anywhere) };
        assert_eq!(ends(&peer, &all), (true, End::Decided));
        let all =
            Expect { all: true, quiet: Duration::from_millis(20), ..texts(&["220", "bye"], Place::Anywhere) };
        assert_eq!(ends(&peer, &all), (false, End::Quiet));
    }

    #[test]
    fn a_text_may_come_in_pieces() {
        let peer = Peer::drips("* OK ready", Duration::from_millis(2));
        assert_eq!(ends(&peer, &texts(&["OK re"], Place::Anywhere)), (true, End::Decided));
        assert_eq!(ends(&peer, &texts(&["* OK"], Place::Start)), (true, End::Decided));
        assert_eq!(ends(&peer, &texts(&["* NO"], Place::Start)), (false, End::Decided));
    }

    #[test]
    fn every_way_to_end_has_its_name() {
        let nope = texts(&["nope"], Place::Anywhere);
        let hello = Peer::new(|mut stream, _| {
            stream.write_all(b"hello").expect("a reader");
        });
        assert_eq!(ends(&hello, &nope), (false, End::Closed));
        let quiet = Expect { quiet: Duration::from_millis(20), ..nope.clone() };
        assert_eq!(ends(&Peer::says("hello"), &quiet), (false, End::Quiet));
        let drip = Peer::drips("x", Duration::from_millis(5));
        let answer = ask(&drip, &nope, Duration::from_millis(300)).expect("some bytes");
        assert_eq!((answer.matched, answer.end), (false, End::Deadline));

        let answer = ask(&Peer::endless("xyz"), &nope, LONG).expect("many bytes");
        assert_eq!((answer.matched, answer.end), (false, End::Limit));
        assert!(answer.bytes.len() < nope.limit + CHUNK);
    }

    #[test]
    fn without_a_byte_there_is_no_answer() {
        let any = texts(&[""], Place::Anywhere);
        let silent = ask(&Peer::silent(), &any, Duration::from_millis(200)).expect_err("silence");
        assert_eq!(silent.reason, Reason::TimedOut);
        let peer = Peer::closes();
        let closed = ask(&peer, &any, LONG).expect_err("nothing");
        assert_eq!(closed.reason, Reason::Closed);
        assert_eq!(closed.message, format!("{} closed the connection without a word", peer.address()));
    }

    // A small SMTP server that knows STARTTLS (RFC 3207).
    fn smtp() -> Peer {
        Peer::new(|stream, _| {
            let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
            let mut stream = stream;
            let mut say = |text: &str| stream.write_all(text.as_bytes()).expect("a reader");
            say("220 mail ESMTP\r\n");
            assert_eq!(lines.next().and_then(std::result::Result::ok).as_deref(), Some("EHLO here"));
            say("250-mail\r\n250-PIPELINING\r\n250 STARTTLS\r\n");
            assert_eq!(lines.next().and_then(std::result::Result::ok).as_deref(), Some("STARTTLS"));
            say("220 go\r\n250 injected\r\n");
        })
    }

    #[test]
    fn a_dialogue_of_lines() {
        let server = smtp();
        let mut conn = connect(&server, LONG);
        let mut talk = Dialogue::new(&mut conn);
        assert_eq!(talk.line().as_deref(), Ok("220 mail ESMTP"));
        talk.send(b"EHLO here\r\n").expect("sent");
        let mut offers = Vec::new();
        while offers.last().is_none_or(|line: &String| line.starts_with("250-")) {
            offers.push(talk.line().expect("an offer"));
        }
        assert_eq!(offers, ["250-mail", "250-PIPELINING", "250 STARTTLS"]);
        talk.send(b"STARTTLS\r\n").expect("sent");
        assert_eq!(talk.line().as_deref(), Ok("220 go"));
        assert_eq!(talk.unread(), b"250 injected\r\n");
    }

    #[test]
    fn so_many_bytes() {
        let peer = Peer::new(|mut stream, _| {
            stream.write_all(b"abcdef").expect("a reader");
        });
        let mut conn = connect(&peer, LONG);
        let mut talk = Dialogue::new(&mut conn);
        assert_eq!(talk.take(4).as_deref(), Ok(&b"abcd"[..]));
        assert_eq!(talk.take(0).as_deref(), Ok(&b""[..]));
        let failure = talk.take(4).expect_err("two are left");
        assert_eq!(failure.reason, Reason::Closed);
        assert!(failure.message.ends_with(" closed after 2 of 4 bytes"), "{failure}");
        let peer = Peer::says("abc");
        let mut conn = connect(&peer, Duration::from_millis(200));
        let failure = Dialogue::new(&mut conn).take(4).expect_err("three came");
        assert_eq!(failure.reason, Reason::TimedOut);
    }

    #[test]
    fn lines_that_do_not_end() {
        let line = |peer: &Peer, timeout| Dialogue::new(&mut connect(peer, timeout)).line();
        let endless = line(&Peer::endless("x"), LONG).expect_err("no newline");
        assert_eq!(endless.reason, Reason::Protocol);
        assert!(endless.message.ends_with("no end of line within 8 KiB"), "{}", endless.message);
        let half = line(&Peer::says("220 hel"), Duration::from_millis(200)).expect_err("half a line");
        assert_eq!(half.reason, Reason::TimedOut);
        assert!(half.message.starts_with("read a line from 127.0.0.1:"), "{}", half.message);
        let cut = Peer::new(|mut stream, _| stream.write_all(b"220 he").expect("a reader"));
        assert_eq!(line(&cut, LONG).map_err(|failure| failure.reason), Err(Reason::Closed));
    }
}

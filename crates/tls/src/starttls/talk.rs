//! What the dialogues have in common: turns, replies, and the ways in which they fail.

use net::{Conn, Dialogue};
use plugin::{Failure, Reason, Result, text};

/// Most lines, or XML tags, that are read of one server.
const MOST_LINES: usize = 200;
/// Most bytes of an XML tag.
const TAG: usize = 4096;
/// Most bytes of a foreign text in a message.
const NAMED: usize = 40;

/// A dialogue that counts what it reads.
pub(super) struct Talk<'a, 'b> {
    dialogue: &'a mut Dialogue<'b, Conn>,
    peer: &'a str,
    lines: usize,
}

/// A reply of SMTP or FTP, of one line or several: `250-mail`, `250 STARTTLS`.
pub(super) struct Reply {
    pub code: String,
    pub lines: Vec<String>,
}

impl<'a, 'b> Talk<'a, 'b> {
    pub fn new(dialogue: &'a mut Dialogue<'b, Conn>, peer: &'a str) -> Talk<'a, 'b> {
        Talk { dialogue, peer, lines: 0 }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.dialogue.send(bytes.as_ref())
    }

    pub fn take(&mut self, count: usize) -> Result<Vec<u8>> {
        self.dialogue.take(count)
    }

    pub fn line(&mut self) -> Result<String> {
        self.count()?;
        self.dialogue.line()
    }

    /// Lines up to the first that `is_last`, it included.
    pub fn lines(&mut self, is_last: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            lines.push(self.line()?);
            if lines.last().is_some_and(|line| is_last(line)) {
                return Ok(lines);
            }
        }
    }

    /// A reply with a number (RFC 5321, 4.2.1; RFC 959, 4.2).
    pub fn reply(&mut self, protocol: &str) -> Result<Reply> {
        let first = self.line()?;
        let code = first.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(code) = code.map(str::to_owned) else { return Err(self.not_the(protocol, &first)) };
        let mut lines = vec![first];
        if lines[0].as_bytes().get(3) == Some(&b'-') {
            let last = |line: &str| line.strip_prefix(&code).is_some_and(|rest| !rest.starts_with('-'));
            lines.extend(self.lines(last)?);
        }
        Ok(Reply { code, lines })
    }

    /// Text up to and with the next `>`.
    pub fn tag(&mut self) -> Result<String> {
        self.count()?;
        let mut tag = Vec::new();
        while tag.last() != Some(&b'>') {
            tag.extend(self.dialogue.take(1)?);
            if tag.len() > TAG {
                return Err(self.failure(format_args!("sent an XML tag of more than {TAG} B")));
            }
        }
        Ok(String::from_utf8_lossy(&tag).trim_start().to_owned())
    }

    /// It greeted, but not in this protocol.
    pub fn not_the(&self, protocol: &str, said: &str) -> Failure {
        self.failure(format_args!("does not speak {protocol}: {}", shown(said)))
    }

    pub fn does_not_offer(&self) -> Failure {
        self.failure("does not offer STARTTLS")
    }

    pub fn refused(&self, what: &str, said: &str) -> Failure {
        self.failure(format_args!("refused {what}: {}", shown(said)))
    }

    pub fn failure(&self, what: impl std::fmt::Display) -> Failure {
        Failure::new(Reason::Protocol, format!("{} {what}", self.peer))
    }

    fn count(&mut self) -> Result<()> {
        self.lines += 1;
        if self.lines > MOST_LINES {
            return Err(self.failure(format_args!("said {MOST_LINES} lines and did not come to TLS")));
        }
        Ok(())
    }
}

fn shown(said: &str) -> String {
    text::shorten(&text::clean(said), NAMED).into_owned()
}

//! Asks a server about its sources: which one it follows, and what it knows of it.

use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant};

use net::Conn;
use plugin::{Deadline, Failure, Reason, Result};

use crate::control::{
    Answer, Association, CANDIDATE, Fragments, Opcode, PACKET, Query, SYNC_SOURCE, TRUECHIMER, associations,
    variable,
};
use crate::options::Peer;
use crate::packet::Leap;
use crate::reach::{Reach, reach};

/// How long an answer may take before the query is sent again.
const PATIENCE: Duration = Duration::from_secs(2);
/// The variables to ask for, and under which name the jitter then stands. Old servers do not know it; what they call
/// dispersion is its like. Who refuses both tells all that he has.
const VARIABLES: [(&str, &str); 3] =
    [("stratum,offset,jitter", "jitter"), ("stratum,offset,dispersion", "dispersion"), ("", "jitter")];

/// What a server says of its sources.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sources {
    /// For messages: `ntp.example.net:123 (10.0.0.5)`.
    pub server: String,
    /// The server's clock is not synchronised, says its leap indicator.
    pub alarm: bool,
    /// Whether it follows one of its sources.
    pub synchronised: bool,
    pub associations: usize,
    /// How many have a credible time.
    pub truechimers: usize,
    /// How many the server's time is made of.
    pub candidates: usize,
    /// Of the source that it follows, else of the candidate that is nearest: seconds.
    pub offset: Option<f64>,
    /// Of the same one, milliseconds.
    pub jitter: Option<f64>,
    /// Of the same one.
    pub stratum: Option<f64>,
    /// Lines for `-v`.
    pub details: Vec<String>,
}

/// Errors where no address answers control queries.
pub(crate) fn ask(peer: &Peer, deadline: &Deadline) -> Result<Sources> {
    deadline.step(format_args!("ask {}:{} about its sources", peer.host, peer.port))?;
    let Reach { name, mut conns, details } = reach(&peer.host, peer.port, peer.family, deadline)?;
    let mut talk = Talk { strange: None, sequence: 0, details };
    let mut failed = None;
    let mut turn = 0;
    while !conns.is_empty() && !deadline.left().is_zero() {
        turn %= conns.len();
        let conn = &mut conns[turn];
        match talk.query(conn, Opcode::ReadStatus, 0, "") {
            Ok(Some(answer)) => return talk.sources(conn, &answer),
            Ok(None) => turn += 1,
            Err(failure) => {
                talk.details.push(failure.message.clone());
                failed.get_or_insert(failure);
                conns.remove(turn);
            }
        }
    }
    Err(match (talk.strange, failed) {
        (Some(strange), _) => Failure::new(Reason::Protocol, format!("{name} answers with {strange}")),
        (None, Some(failure)) if conns.is_empty() => failure,
        // ntpd and NTPsec answer, where they are told to; chronyd and OpenNTPD never do.
        _ => deadline.expired(&format!("ask {name} a control query (mode 6)")),
    })
}

struct Talk {
    strange: Option<String>,
    sequence: u16,
    details: Vec<String>,
}

impl Talk {
    fn sources(&mut self, conn: &mut Conn, status: &Answer) -> Result<Sources> {
        if let Some(code) = status.error {
            let message = format!("{} refuses to name its sources: error {code}", conn.peer());
            return Err(Failure::new(Reason::Refused, message));
        }
        let all = associations(&status.data);
        let count = |least| all.iter().filter(|association| association.selection >= least).count();
        let mut sources = Sources {
            server: conn.peer().to_owned(),
            alarm: status.leap == Leap::Alarm,
            synchronised: count(SYNC_SOURCE) > 0,
            associations: all.len(),
            truechimers: count(TRUECHIMER),
            candidates: count(CANDIDATE),
            offset: None,
            jitter: None,
            stratum: None,
            details: Vec::new(),
        };
        let least = if sources.synchronised { SYNC_SOURCE } else { CANDIDATE };
        for association in all.iter().filter(|association| association.selection >= least) {
            let Some((data, jitter)) = self.variables(conn, *association)? else { continue };
            let number = |name| variable(&data, name);
            let offset = number("offset").map(|millis| millis / 1e3);
            let nearer = match (offset, sources.offset) {
                (Some(this), Some(best)) => this.abs() < best.abs(),
                (None, Some(_)) => false,
                (_, None) => true,
            };
            if nearer {
                sources.offset = offset;
                sources.jitter = number(jitter);
                sources.stratum = number("stratum");
            }
        }
        sources.details = std::mem::take(&mut self.details);
        Ok(sources)
    }

    // The variables of a source, and under which name its jitter stands among them.
    fn variables(
        &mut self,
        conn: &mut Conn,
        association: Association,
    ) -> Result<Option<(Vec<u8>, &'static str)>> {
        for (names, jitter) in VARIABLES {
            let answer = loop {
                match self.query(conn, Opcode::ReadVariables, association.id, names)? {
                    Some(answer) => break answer,
                    None if conn.deadline().left().is_zero() => {
                        let what = format!("ask {} for the variables of a source", conn.peer());
                        return Err(conn.deadline().expired(&what));
                    }
                    None => {}
                }
            };
            match answer.error {
                None => return Ok(Some((answer.data, jitter))),
                Some(code) => {
                    let what = if names.is_empty() { "all" } else { names };
                    self.details.push(format!("association {:04x}, {what}: error {code}", association.id));
                }
            }
        }
        Ok(None)
    }

    // One query, and its answer unless it does not come in time.
    fn query(
        &mut self,
        conn: &mut Conn,
        opcode: Opcode,
        association: u16,
        data: &str,
    ) -> Result<Option<Answer>> {
        self.sequence = self.sequence.wrapping_add(1);
        let query = Query { opcode, sequence: self.sequence, association, data };
        let mut fragments = Fragments::of(query);
        let started = Instant::now();
        conn.write_all(&query.packet()).map_err(|error| conn.failure("ask", &error))?;
        let mut packet = [0; PACKET];
        loop {
            let wait = PATIENCE.saturating_sub(started.elapsed());
            if wait.is_zero() {
                return Ok(None);
            }
            conn.set_patience(Some(wait));
            let length = match conn.read(&mut packet) {
                Ok(length) => length,
                Err(error) => {
                    return match error.kind() {
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(None),
                        _ => Err(conn.failure("ask", &error)),
                    };
                }
            };
            match fragments.take(&packet[..length]) {
                Ok(None) => {}
                Ok(answer) => return Ok(answer),
                Err(what) => self.strange = Some(what),
            }
        }
    }
}

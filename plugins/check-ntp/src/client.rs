//! Asks servers for the time, each several times: RFC 5905, mode 3.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant, SystemTime};

use net::{Conn, Family};
use plugin::{Deadline, Failure, Reason};

use crate::packet::{Reply, Timestamp, request};
use crate::reach::{Reach, reach};

/// How long a reply may take before the next request is sent; a late one is none.
const PATIENCE: Duration = Duration::from_secs(1);
/// A server that has answered is given up after so many requests in a row that it does not answer.
const SILENCES: usize = 2;
/// Longest packet that is looked at: a header with extension fields and a MAC.
const PACKET: usize = 1024;

/// Most lines for `-v` of one server.
const DETAILS: usize = 50;

/// What to ask.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub port: u16,
    pub family: Family,
    /// Exchanges with each server.
    pub samples: usize,
}

/// One exchange.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// Seconds by which the server is ahead.
    pub offset: f64,
    /// Seconds on the way, without the server's own.
    pub delay: f64,
}

/// What a server said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clock {
    /// Its last reply; that of the first exchange where it did not want to tell.
    pub reply: Reply,
    /// Empty where it is not synchronised.
    pub samples: Vec<Sample>,
}

impl Clock {
    /// The exchange with the least delay: its offset is the least wrong (RFC 5905, section 10).
    pub(crate) fn best(&self) -> Option<Sample> {
        self.samples.iter().copied().min_by(|a, b| a.delay.total_cmp(&b.delay))
    }

    /// Root of the mean square of the other offsets' distances from the best one's, seconds (RFC 5905, section 10).
    pub(crate) fn jitter(&self) -> Option<f64> {
        let best = self.best()?;
        let others = self.samples.len().checked_sub(1).filter(|others| *others > 0)?;
        let squares: f64 = self.samples.iter().map(|sample| (sample.offset - best.offset).powi(2)).sum();
        Some((squares / others as f64).sqrt())
    }
}

/// How asking a server ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    /// As given on the command line.
    pub host: String,
    /// For messages: `ntp.example.net:123 (10.0.0.5)`.
    pub peer: String,
    pub address: Option<String>,
    pub clock: Result<Clock, Failure>,
    /// Lines for `-v`.
    pub details: Vec<String>,
}

/// Asks all servers at once.
pub(crate) fn ask_all<'a>(
    hosts: &'a [String],
    ask: &'a Ask,
    deadline: &'a Deadline,
) -> plugin::Result<Vec<Asked>> {
    // Here, so that what it starts belongs to this thread: the others inherit its mask of signals.
    deadline.step(format_args!("ask {} for the time", hosts.join(", ")))?;
    if let [host] = hosts {
        return Ok(vec![Talk::new(ask, deadline).with(host)]);
    }
    Ok(std::thread::scope(|scope| {
        let talk = |host: &'a String| scope.spawn(move || Talk::new(ask, deadline).with(host));
        let threads: Vec<_> = hosts.iter().map(talk).collect();
        threads.into_iter().map(|thread| thread.join().expect("a panic has ended the run")).collect()
    }))
}

/// The talk with one server.
struct Talk<'a> {
    ask: &'a Ask,
    deadline: &'a Deadline,
    /// What came that was no answer.
    strange: Option<String>,
    details: Vec<String>,
}

impl<'a> Talk<'a> {
    fn new(ask: &'a Ask, deadline: &'a Deadline) -> Talk<'a> {
        Talk { ask, deadline, strange: None, details: Vec::new() }
    }

    fn with(mut self, host: &str) -> Asked {
        let mut asked = Asked {
            host: host.to_owned(),
            peer: format!("{host}:{}", self.ask.port),
            address: None,
            clock: Err(Failure::new(Reason::Internal, "not asked")),
            details: Vec::new(),
        };
        match reach(host, self.ask.port, self.ask.family, self.deadline) {
            Ok(reach) => self.first_that_answers(reach, &mut asked),
            Err(failure) => asked.clock = Err(failure),
        }
        asked.details = self.details;
        asked
    }

    // The addresses in turn, one request each, until one answers: from then on it is the one that is asked.
    fn first_that_answers(&mut self, reach: Reach, asked: &mut Asked) {
        let Reach { name, mut conns, details } = reach;
        asked.peer.clone_from(&name);
        self.details.extend(details);
        let mut failed = None;
        let mut turn = 0;
        while !conns.is_empty() && !self.deadline.left().is_zero() {
            turn %= conns.len();
            match self.exchange(&mut conns[turn]) {
                Ok(Some(first)) => {
                    let conn = &mut conns[turn];
                    conn.peer().clone_into(&mut asked.peer);
                    asked.address = conn.address().map(|address| address.ip().to_string());
                    asked.clock = Ok(self.samples(conn, first));
                    return;
                }
                Ok(None) => turn += 1,
                Err(error) => {
                    let failure = conns[turn].failure("ask", &error);
                    self.details.push(failure.message.clone());
                    failed.get_or_insert(failure);
                    conns.remove(turn);
                }
            }
        }
        asked.clock = Err(match (self.strange.take(), failed) {
            (Some(strange), _) => Failure::new(Reason::Protocol, format!("{name} answers with {strange}")),
            (None, Some(failure)) if conns.is_empty() => failure,
            _ => self.deadline.expired(&format!("ask {name} for the time")),
        });
    }

    fn samples(&mut self, conn: &mut Conn, first: (Reply, Sample)) -> Clock {
        let mut clock = Clock { reply: first.0, samples: Vec::new() };
        if !clock.reply.is_timed() {
            return clock;
        }
        clock.samples.push(first.1);
        let mut silences = 0;
        while clock.samples.len() < self.ask.samples && silences < SILENCES {
            match self.exchange(conn) {
                Ok(Some((reply, sample))) if reply.is_timed() => {
                    (clock.reply, silences) = (reply, 0);
                    clock.samples.push(sample);
                }
                Ok(Some((reply, _))) => {
                    let said = reply.kiss().unwrap_or_else(|| "alarm".into());
                    self.details.push(format!("{} ends the talk with {said}", conn.peer()));
                    break;
                }
                Ok(None) => silences += 1,
                Err(error) => {
                    self.details.push(conn.failure("ask again", &error).message);
                    break;
                }
            }
        }
        clock
    }

    // One request, and its reply unless it does not come in time. What belongs to no request of ours is passed over: it is
    // late, or somebody else's.
    fn exchange(&mut self, conn: &mut Conn) -> io::Result<Option<(Reply, Sample)>> {
        let nonce = RandomState::new().build_hasher().finish();
        let (left, started) = (SystemTime::now(), Instant::now());
        conn.write_all(&request(nonce))?;
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
                        _ => Err(error),
                    };
                }
            };
            // The clock may be set in between; how long it took does not change by that.
            let came = left + started.elapsed();
            match Reply::read(&packet[..length]) {
                Ok(reply) if reply.origin != Timestamp(nonce) => {
                    self.strange("the answer to a request that was not sent".into());
                }
                Ok(reply) if reply.is_timed() && (reply.sent.0 == 0 || reply.received.0 == 0) => {
                    self.strange("no time, although it is synchronised".into());
                }
                Ok(reply) => {
                    let (offset, delay) = reply.offset_and_delay(Timestamp::of(left), Timestamp::of(came));
                    return Ok(Some((reply, Sample { offset, delay })));
                }
                Err(what) => self.strange(what),
            }
        }
    }

    fn strange(&mut self, what: String) {
        if self.strange.as_ref() != Some(&what) && self.details.len() < DETAILS {
            self.details.push(format!("passed over: {what}"));
        }
        self.strange = Some(what);
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Sample};
    use crate::packet::Reply;

    #[test]
    fn the_quickest_exchange_counts_and_the_others_make_the_jitter() {
        let reply = Reply::read(&[[0x24].as_slice(), &[1; 47]].concat()).expect("a reply");
        let sample = |(offset, delay)| Sample { offset, delay };
        let clock = |samples: &[(f64, f64)]| Clock {
            reply: reply.clone(),
            samples: samples.iter().copied().map(sample).collect(),
        };
        let three = clock(&[(5.0, 0.3), (1.0, 0.1), (-3.0, 0.2)]);
        assert_eq!(three.best(), Some(sample((1.0, 0.1))));
        assert_eq!(three.jitter().map(|jitter| jitter.to_string()), Some("4".into()));
        assert_eq!(clock(&[(5.0, 0.3)]).jitter(), None);
        assert_eq!(clock(&[]).best(), None);
    }
}

//! One question, one server: over UDP, and over TCP for what UDP cuts. Every wait and every length has an end.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use plugin::{Failure, Reason, Result, io_text};

/// Most bytes of one packet: without EDNS a server may send 512, with it the 1232 that are asked for. What is longer is cut,
/// and so no message.
const PACKET: usize = 4096;

/// An answer that belongs to the question.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub message: Message,
    /// `udp` or `tcp`.
    pub transport: &'static str,
    /// Packets that came meanwhile and were no answer to this question.
    pub ignored: u32,
}

/// Asks for at most `wait`. `what` names the question in messages: `www.example A`.
///
/// Errors: [`Reason::TimedOut`], [`Reason::Refused`] and its like, [`Reason::Protocol`] for an answer that is none,
/// [`Reason::Closed`] where a TCP server hangs up early.
pub(crate) fn exchange(
    server: SocketAddr,
    query: &Message,
    tcp: bool,
    wait: Duration,
    what: &str,
) -> Result<Answer> {
    let exchange = Exchange { server, query, end: Instant::now() + wait, what };
    let bytes = query.to_vec()?;
    if tcp {
        return exchange.over_tcp(&bytes);
    }
    let answer = exchange.over_udp(&bytes)?;
    if answer.message.truncation {
        return exchange.over_tcp(&bytes).map(|long| Answer { ignored: answer.ignored, ..long });
    }
    Ok(answer)
}

struct Exchange<'a> {
    server: SocketAddr,
    query: &'a Message,
    end: Instant,
    what: &'a str,
}

impl Exchange<'_> {
    fn over_udp(&self, query: &[u8]) -> Result<Answer> {
        let tried = |error: io::Error| self.failed(&error);
        let any: IpAddr =
            if self.server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).map_err(tried)?;
        // Connected, the kernel drops what comes from elsewhere and reports a closed port.
        socket.connect(self.server).map_err(tried)?;
        socket.send(query).map_err(tried)?;
        let mut buffer = [0; PACKET];
        let mut ignored = 0;
        loop {
            let received = self.left().and_then(|left| {
                socket.set_read_timeout(Some(left))?;
                socket.recv(&mut buffer)
            });
            let length = match received {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_timeout(&error) && ignored > 0 => {
                    let message = format!("{}: {ignored} packets with another id, no answer", self.tried());
                    return Err(Failure::new(Reason::Protocol, message));
                }
                Err(error) => return Err(self.failed(&error)),
            };
            match read(&buffer[..length], self.query) {
                Read::Answer(message) => return Ok(Answer { message: *message, transport: "udp", ignored }),
                Read::Foreign => ignored += 1,
                Read::Rubbish(problem) => return Err(self.rubbish(&problem)),
            }
        }
    }

    fn over_tcp(&self, query: &[u8]) -> Result<Answer> {
        let tried = |error: io::Error| self.failed(&error);
        let mut stream =
            self.left().and_then(|left| TcpStream::connect_timeout(&self.server, left)).map_err(tried)?;
        let length = u16::try_from(query.len()).map_err(|_| self.rubbish("the question is too long"))?;
        let framed = [&length.to_be_bytes(), query].concat();
        self.left()
            .and_then(|left| {
                stream.set_write_timeout(Some(left))?;
                stream.write_all(&framed)
            })
            .map_err(tried)?;
        let mut length = [0; 2];
        self.fill(&mut stream, &mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        self.fill(&mut stream, &mut answer)?;
        match read(&answer, self.query) {
            Read::Answer(message) => Ok(Answer { message: *message, transport: "tcp", ignored: 0 }),
            // On a connection of our own there is nobody else's answer.
            Read::Foreign => Err(self.rubbish("it has another id")),
            Read::Rubbish(problem) => Err(self.rubbish(&problem)),
        }
    }

    // However slowly it drips: the end stays.
    fn fill(&self, stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            let read = self.left().and_then(|left| {
                stream.set_read_timeout(Some(left))?;
                stream.read(&mut buffer[filled..])
            });
            match read {
                Ok(0) => {
                    let message =
                        format!("{} over TCP: closed after {filled} of {} bytes", self.tried(), buffer.len());
                    return Err(Failure::new(Reason::Closed, message));
                }
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    fn tried(&self) -> String {
        format!("ask {} for {}", shown(self.server), self.what)
    }

    fn failed(&self, error: &io::Error) -> Failure {
        let reason = if is_timeout(error) { Reason::TimedOut } else { Reason::of_io(error) };
        Failure::new(reason, format!("{}: {}", self.tried(), io_text(error)))
    }

    fn rubbish(&self, problem: &str) -> Failure {
        Failure::new(Reason::Protocol, format!("{}: no DNS answer, {problem}", self.tried()))
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// A server in messages: its address, and its port unless it is 53.
pub(crate) fn shown(server: SocketAddr) -> String {
    if server.port() == 53 { server.ip().to_string() } else { server.to_string() }
}

/// What a packet is to a question.
#[derive(Debug)]
enum Read {
    Answer(Box<Message>),
    /// Somebody else's, or forged: the answer may still come.
    Foreign,
    /// From the server asked, about this question, and no answer.
    Rubbish(String),
}

fn read(bytes: &[u8], query: &Message) -> Read {
    match bytes.first_chunk() {
        Some(id) if *id == query.id.to_be_bytes() => {}
        _ => return Read::Foreign,
    }
    let message = match Message::from_vec(bytes) {
        Ok(message) => message,
        Err(error) => return Read::Rubbish(error.to_string()),
    };
    if message.message_type != MessageType::Response {
        return Read::Rubbish("it is a question".into());
    }
    // A server that could not read the question may leave it out.
    let left_out = message.queries.is_empty() && message.response_code != ResponseCode::NoError;
    if message.queries != query.queries && !left_out {
        return Read::Rubbish("it is about another question".into());
    }
    Read::Answer(Box::new(message))
}

#[cfg(test)]
mod tests {
    use super::{Answer, Read, exchange, read};
    use crate::question::message;
    use crate::records::Row;
    use hickory_proto::op::{Message, OpCode, Query, ResponseCode};
    use hickory_proto::rr::{Name, RData, Record, RecordType};
    use plugin::Reason;
    use proptest::prelude::*;
    use std::net::{SocketAddr, UdpSocket};
    use std::time::{Duration, Instant};

    fn query() -> Message {
        message(&Name::from_ascii("www.example.").expect("a name"), RecordType::A, false)
    }

    fn answer(query: &Message) -> Message {
        let mut answer = Message::response(query.id, OpCode::Query);
        answer.add_queries(query.queries.clone());
        let name = query.queries[0].name().clone();
        answer.add_answer(Record::from_rdata(
            name,
            60,
            RData::A(std::net::Ipv4Addr::new(192, 0, 2, 1).into()),
        ));
        answer
    }

    fn bytes(message: &Message) -> Vec<u8> {
        message.to_vec().expect("a message")
    }

    #[test]
    fn only_an_answer_to_this_question_is_one() {
        let query = query();
        let good = answer(&query);
        assert!(matches!(read(&bytes(&good), &query), Read::Answer(_)));
        assert!(matches!(read(&bytes(&query), &query), Read::Rubbish(_)), "an echo");

        let mut other = good.clone();
        other.metadata.id = query.id.wrapping_add(1);
        assert!(matches!(read(&bytes(&other), &query), Read::Foreign));

        let mut other = good.clone();
        other.queries = vec![Query::query(Name::from_ascii("mail.example.").expect("a name"), RecordType::A)];
        assert!(matches!(read(&bytes(&other), &query), Read::Rubbish(_)));

        let mut other = good.clone();
        other.queries = vec![Query::query(Name::from_ascii("WWW.Example.").expect("a name"), RecordType::A)];
        assert!(matches!(read(&bytes(&other), &query), Read::Answer(_)), "names have no case");

        let mut other = good;
        other.queries.clear();
        assert!(matches!(read(&bytes(&other), &query), Read::Rubbish(_)));
        other.metadata.response_code = ResponseCode::FormErr;
        assert!(matches!(read(&bytes(&other), &query), Read::Answer(_)));

        assert!(matches!(read(&[], &query), Read::Foreign));
        assert!(matches!(read(&query.id.to_be_bytes(), &query), Read::Rubbish(_)));
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(rest in proptest::collection::vec(any::<u8>(), 0..600)) {
            let query = query();
            let bytes = [&query.id.to_be_bytes()[..], &rest].concat();
            if let Read::Answer(message) = read(&bytes, &query) {
                let _rows: Vec<Row> = message.answers.iter().map(Row::from).collect();
            }
        }

        // Most random bytes fail at once; a message with a few of them changed gets further.
        #[test]
        fn no_changed_answer_breaks_it(changes in proptest::collection::vec((0_usize..200, any::<u8>()), 1..8)) {
            let query = query();
            let mut message = answer(&query);
            let name = query.queries[0].name().clone();
            let txt = hickory_proto::rr::rdata::TXT::new(vec!["some text".into(), "more".into()]);
            message.add_answer(Record::from_rdata(name, 60, RData::TXT(txt)));
            let mut bytes = bytes(&message);
            for (place, value) in changes {
                let place = 2 + place % (bytes.len() - 2);
                bytes[place] = value;
            }
            if let Read::Answer(message) = read(&bytes, &query) {
                let rows: Vec<Row> = message.answers.iter().map(Row::from).collect();
                prop_assert!(rows.len() <= bytes.len());
            }
        }
    }

    /// A server whose replies are made from each question.
    fn udp(replies: impl Fn(&Message, &UdpSocket, SocketAddr) + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("an address");
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut buffer) {
                replies(&Message::from_vec(&buffer[..length]).expect("a question"), &socket, client);
            }
        });
        address
    }

    fn ask(server: SocketAddr, wait: Duration) -> Result<Answer, (Reason, String)> {
        exchange(server, &query(), false, wait, "www.example A")
            .map_err(|failure| (failure.reason, failure.message.replace(&server.to_string(), "SERVER")))
    }

    #[test]
    fn packets_of_others_are_passed_over() {
        let server = udp(|query, socket, client| {
            let mut forged = answer(query);
            forged.metadata.id ^= 1;
            socket.send_to(&bytes(&forged), client).expect("send");
            let elsewhere = UdpSocket::bind("127.0.0.1:0").expect("a free port");
            elsewhere.send_to(b"not from the server", client).expect("send");
            socket.send_to(&bytes(&answer(query)), client).expect("send");
        });
        let answer = ask(server, Duration::from_secs(10)).expect("an answer");
        assert_eq!((answer.transport, answer.ignored), ("udp", 1));
    }

    #[test]
    fn an_endless_stream_of_them_ends_in_time() {
        let server = udp(|query, socket, client| {
            let mut forged = answer(query);
            forged.metadata.id ^= 1;
            let until = Instant::now() + Duration::from_secs(2);
            while Instant::now() < until && socket.send_to(&bytes(&forged), client).is_ok() {}
        });
        let started = Instant::now();
        let (reason, message) = ask(server, Duration::from_millis(200)).expect_err("no answer");
        assert!(started.elapsed() < Duration::from_secs(5));
        assert_eq!(reason, Reason::Protocol);
        assert!(message.ends_with("packets with another id, no answer"), "{message}");
    }

    #[test]
    fn rubbish_is_no_answer() {
        let server = udp(|query, socket, client| {
            let id = query.id.to_be_bytes();
            socket.send_to(&[&id[..], b"\x81\x80\x00\x01\xff\xff"].concat(), client).expect("send");
        });
        let (reason, message) = ask(server, Duration::from_secs(10)).expect_err("no answer");
        assert_eq!(reason, Reason::Protocol);
        assert!(message.starts_with("ask SERVER for www.example A: no DNS answer, "), "{message}");
    }

    #[test]
    fn silence_and_refusal() {
        let silent = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = silent.local_addr().expect("an address");
        let shown = |end: &str| format!("ask SERVER for www.example A: {end}");
        let failed = ask(address, Duration::from_millis(50)).map(|_| ());
        assert_eq!(failed, Err((Reason::TimedOut, shown("no answer in time"))));
        drop(silent);
        let failed = ask(address, Duration::from_secs(10)).map(|_| ());
        assert_eq!(failed, Err((Reason::Refused, shown("refused"))));
    }
}

//! Asks a DNS server for a name, and checks what it answers and how long that takes.

mod exchange;
mod expect;
mod judge;
mod options;
mod question;
mod records;
mod servers;

use std::net::SocketAddr;

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType};
use plugin::{Call, Check, Dialect, Outcome, Reason, Result, State};

use crate::judge::{Facts, Reply};
pub use crate::options::CheckDns;
use crate::question::Question;
use crate::records::{Row, type_word};
use crate::servers::{Ask, Servers, code_word};

impl Check for CheckDns {
    const NAMESAKES: &'static [&'static str] = &["check_dns"];

    const SAMPLE: &'static [&'static str] =
        &["--server", "127.0.0.1", "--port", "{dns}", "--name", "www.example", "--expect", "192.0.2.1"];

    fn run(&self, call: &Call) -> Result<Outcome> {
        let asked = self.asked(call.dialect)?;
        let servers = match Servers::find(asked.server, self.port, self.family.into(), &call.deadline) {
            Ok(servers) => servers,
            // To the C plugin a server that it cannot find is a wrong command line.
            Err(failure) if call.dialect == Dialect::C => {
                return Ok(Outcome::new().failed(State::Unknown, &failure));
            }
            Err(failure) => return Err(failure),
        };
        let question = Question::new(asked.name, self.querytype, &servers.conf)?;
        let facts = self.measure(asked.name, &question, &servers, call);
        Ok(self.judge(&facts, call))
    }

    // What it asks is the resolver itself: one that does not answer is down.
    fn c_state(reason: Reason) -> State {
        match reason {
            Reason::ResolverSilent | Reason::ResolverFailed | Reason::NameNotFound => State::Critical,
            other => plugin::c_state(other),
        }
    }
}

impl CheckDns {
    fn measure(&self, name: &str, question: &Question, servers: &Servers, call: &Call) -> Facts {
        let what = match self.querytype {
            Some(kind) => format!("{name} {}", type_word(kind)),
            None => name.to_owned(),
        };
        let addresses = servers.conf.servers.iter().map(ToString::to_string).collect();
        let details = servers.details.clone();
        let mut facts = Facts { what, servers: addresses, details, ..Facts::default() };
        let started = call.deadline.elapsed();
        for name in &question.names {
            let replies = match self.ask(name, &question.kinds, servers, call, &mut facts.details) {
                Ok(replies) => replies,
                Err(failure) => {
                    facts.failure = Some(failure);
                    break;
                }
            };
            facts.time = call.deadline.elapsed().saturating_sub(started);
            if replies.iter().any(|reply| !reply.rows.is_empty()) {
                facts.replies = replies;
                break;
            }
            // An error for one name of the search list does not end it, as in glibc. But if no other name is found either,
            // the error is what there is to say.
            if !facts.replies.iter().any(Reply::is_error) {
                facts.replies = replies;
            }
        }
        facts
    }

    /// Asks for all types of one complete name.
    fn ask(
        &self,
        name: &Name,
        kinds: &[RecordType],
        servers: &Servers,
        call: &Call,
        details: &mut Vec<String>,
    ) -> Result<Vec<Reply>> {
        let mut replies = Vec::new();
        for kind in kinds {
            let what = format!("{} {}", name.to_ascii().trim_end_matches('.'), type_word(*kind));
            let ask = Ask { name, kind: *kind, dnssec: self.dnssec, tcp: self.tcp, what };
            let (server, answer) = servers.ask(&ask, &call.deadline, details)?;
            if answer.ignored > 0 {
                details.push(format!("{} packets with another id were ignored", answer.ignored));
            }
            let reply = reply(&ask, servers, server, &answer.message, answer.transport);
            // A name that does not exist has no other types; an error is the answer.
            let ends = reply.code != "NOERROR";
            replies.push(reply);
            if ends {
                break;
            }
        }
        Ok(replies)
    }
}

fn reply(
    ask: &Ask,
    servers: &Servers,
    server: SocketAddr,
    message: &Message,
    transport: &'static str,
) -> Reply {
    let flags = [
        ("aa", message.authoritative),
        ("tc", message.truncation),
        ("rd", message.recursion_desired),
        ("ra", message.recursion_available),
        ("ad", message.authentic_data),
        ("cd", message.checking_disabled),
    ];
    let wanted = |kind: RecordType| ask.kind == kind || ask.kind == RecordType::ANY;
    let rows = |of: &dyn Fn(RecordType) -> bool| -> Vec<Row> {
        message.answers.iter().filter(|record| of(record.record_type())).map(Row::from).collect()
    };
    // Servers turn the order with every answer; a result that is the same should read the same.
    let mut records = rows(&wanted);
    records.sort_by_cached_key(Row::order);
    Reply {
        server: servers.text(server),
        address: server.to_string(),
        transport,
        name: ask.name.to_ascii(),
        kind: type_word(ask.kind),
        code: code_word(message.response_code),
        flags: flags.into_iter().filter(|(_, set)| *set).map(|(flag, _)| flag).collect(),
        rows: records,
        aliases: rows(&|kind| kind == RecordType::CNAME && !wanted(kind)),
    }
}

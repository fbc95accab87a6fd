//! What was found, and what it means.

use std::time::Duration;

use plugin::{Call, Dialect, Failure, Metric, Outcome, Reason, State, Thresholds, Unit, text, units};
use serde_json::{Value, json};

use crate::CheckDns;
use crate::expect::Expected;
use crate::records::Row;

/// Most bytes of records in a sentence; all of them stand in the details.
const SHOWN: usize = 48;

/// What the servers said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// What was asked for, for messages: `www.example`, `example MX`.
    pub what: String,
    /// Addresses and ports of the servers, in the order in which they are asked.
    pub servers: Vec<String>,
    /// Answers, one per type asked for, the last one with an error if any.
    pub replies: Vec<Reply>,
    /// From the first question to the last answer, silent servers included.
    pub time: Duration,
    /// Why there is no answer, or not all.
    pub failure: Option<Failure>,
    /// Lines for `-v`.
    pub details: Vec<String>,
}

/// One answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    /// Who gave it, for messages.
    pub server: String,
    /// Its address and port.
    pub address: String,
    pub transport: &'static str,
    /// The complete name and the type that were asked for.
    pub name: String,
    pub kind: String,
    /// `NOERROR`, `NXDOMAIN`, `SERVFAIL` …
    pub code: String,
    /// `aa`, `tc`, `rd`, `ra`, `ad`, `cd`: those that are set.
    pub flags: Vec<&'static str>,
    /// The records of the type asked for.
    pub rows: Vec<Row>,
    /// The aliases on the way to them.
    pub aliases: Vec<Row>,
}

impl Reply {
    /// Whether the code says neither that the name exists nor that it does not.
    pub(crate) fn is_error(&self) -> bool {
        !matches!(self.code.as_str(), "NOERROR" | "NXDOMAIN")
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }
}

impl CheckDns {
    /// The outcome of a run, from its facts alone.
    pub(crate) fn judge(&self, facts: &Facts, call: &Call) -> Outcome {
        let outcome = facts.describe(Outcome::new());
        if let Some(failure) = &facts.failure {
            return outcome.failed(call.state(failure.reason), failure);
        }
        let Some(last) = facts.replies.last() else { return outcome };
        let limits = Thresholds::new(self.warning.clone(), self.critical.clone());
        let seconds = facts.time.as_secs_f64();
        let time = Metric::new("time", seconds).unit(Unit::Seconds).decimals(6).thresholds(&limits).min(0.0);
        let took = units::show_seconds(seconds);
        let late = format!("{} took {took} for {}", last.server, facts.what);
        match self.problem(facts, last, call.dialect) {
            Some((reason, sentence)) => {
                outcome.problem(State::Critical, reason, sentence).measured(time, late)
            }
            None if time.state() != State::Ok => outcome.measured(time, late),
            None => {
                outcome.measured(time, format!("{}, says {} after {took}", facts.said(last), last.server))
            }
        }
    }

    fn problem(&self, facts: &Facts, last: &Reply, dialect: Dialect) -> Option<(Reason, String)> {
        let (what, server) = (&facts.what, &last.server);
        let rows: Vec<&Row> = facts.rows().collect();
        if last.is_error() {
            return Some((Reason::ResolverFailed, format!("{server} answers {what} with {}", last.code)));
        }
        if self.expect_nxdomain {
            // The C plugin takes a name without such records for one that does not exist.
            let absent = last.code == "NXDOMAIN" || dialect == Dialect::C && rows.is_empty();
            if !absent {
                let sentence = format!("{}, should not exist, says {server}", facts.said(last));
                return Some((Reason::Content, sentence));
            }
        } else if rows.is_empty() {
            return Some((Reason::NameNotFound, format!("{}, says {server}", facts.said(last))));
        } else if let Some(sentence) = self.mismatch(&rows) {
            return Some((Reason::Content, format!("{what}: {sentence}, says {server}")));
        }
        if self.expect_authority && facts.replies.iter().any(|reply| !reply.has("aa")) {
            return Some((Reason::Content, format!("{server} is no authority for {what}")));
        }
        if self.dnssec && facts.replies.iter().any(|reply| !reply.has("ad")) {
            return Some((Reason::Content, format!("{server} has not validated {what}")));
        }
        None
    }

    /// What is wrong with the records, where something is expected of them.
    fn mismatch(&self, rows: &[&Row]) -> Option<String> {
        let expected: Vec<&Expected> = self.expected().collect();
        let found = |wanted: &&Expected| rows.iter().any(|row| wanted.matches(row));
        let wanted = |row: &&&Row| expected.iter().any(|wanted| wanted.matches(row));
        let fits = match expected.as_slice() {
            [] => true,
            expected if self.all => expected.iter().all(found) && rows.iter().all(|row| wanted(&row)),
            expected => expected.iter().any(found),
        };
        if !fits {
            let joined = expected.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Some(format!("expected {}, got {}", text::shorten(&joined, SHOWN), list(rows)));
        }
        let least = self.min_answers.unwrap_or(0);
        (rows.len() < least as usize)
            .then(|| format!("{} of {least} records, got {}", rows.len(), list(rows)))
    }
}

impl Facts {
    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.replies.iter().flat_map(|reply| &reply.rows)
    }

    /// The answer as half a sentence: `www.example is 192.0.2.1`, `nobody.example does not exist`.
    fn said(&self, last: &Reply) -> String {
        let what = &self.what;
        let rows: Vec<&Row> = self.rows().collect();
        if !rows.is_empty() {
            return format!("{what} is {}", list(&rows));
        }
        if last.code == "NXDOMAIN" {
            return format!("{what} does not exist");
        }
        match last.aliases.last() {
            Some(alias) => format!("{what} is only an alias of {}", alias.data),
            None => format!("{what} has no such record"),
        }
    }

    fn describe(&self, mut outcome: Outcome) -> Outcome {
        for line in &self.details {
            outcome = outcome.detail(line.clone());
        }
        for reply in &self.replies {
            let Reply { name, kind, server, transport, code, .. } = reply;
            let flags = reply.flags.join(" ");
            outcome = outcome
                .detail(format!("{name} {kind} from {server} over {transport}: {code}, flags {flags}"));
            for row in reply.aliases.iter().chain(&reply.rows) {
                outcome = outcome.detail(format!("{} {} {} {}", row.name, row.ttl, row.kind, row.data));
            }
        }
        let outcome = outcome.fact("servers", self.servers.clone());
        outcome.fact("replies", self.replies.iter().map(Reply::fact).collect::<Vec<Value>>())
    }
}

impl Reply {
    fn fact(&self) -> Value {
        let record =
            |row: &Row| json!({"name": row.name, "type": row.kind, "ttl": row.ttl, "data": row.data});
        json!({
            "server": self.address,
            "transport": self.transport,
            "name": self.name,
            "type": self.kind,
            "rcode": self.code,
            "flags": self.flags,
            "answers": self.aliases.iter().chain(&self.rows).map(record).collect::<Vec<Value>>(),
        })
    }
}

/// Records in a sentence: as many as there is room for, then how many more.
fn list(rows: &[&Row]) -> String {
    let mut shown = String::new();
    for (index, row) in rows.iter().enumerate() {
        let joint = if index == 0 { "" } else { ", " };
        if index > 0 && shown.len() + joint.len() + row.data.len() > SHOWN {
            return format!("{shown} (+{} more)", rows.len() - index);
        }
        shown = format!("{shown}{joint}{}", text::shorten(&row.data, SHOWN));
    }
    shown
}

#[cfg(test)]
mod tests;

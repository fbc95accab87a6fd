//! From what a run found out to its outcome.

use std::time::Duration;

use net::{Answer, Conn, End};
use plugin::{Call, Dialect, Failure, Metric, Outcome, Range, Reason, State, Thresholds, Unit, text, units};
use tls::{Days, Session};

use crate::options::CheckTcp;
use crate::script::{Script, Tls};

/// Most bytes of an answer shown with `-v` and in the JSON output.
const SHOWN: usize = 1024;
/// Most bytes of an expected text in a message.
const NAMED: usize = 24;

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Resolve,
    Connect,
    Handshake,
    Talk,
}

/// What a run found out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub stage: Stage,
    /// The target, with the address that answered.
    pub peer: String,
    pub addresses: Vec<String>,
    pub address: Option<String>,
    pub lookup: Option<Duration>,
    pub connect: Option<Duration>,
    pub handshake: Option<Duration>,
    pub session: Option<Session>,
    /// How long the server's certificate has to be valid, and is.
    pub certificate: Option<Certificate>,
    /// From the question to the answer.
    pub answered: Option<Duration>,
    pub answer: Option<Answer>,
    pub failure: Option<Failure>,
    /// Waited as told.
    pub delayed: Duration,
    /// The response time: all of it but the delay.
    pub time: Duration,
    pub details: Vec<String>,
}

/// What `-D` asks of the server's certificate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Certificate {
    pub title: String,
    pub not_after: i64,
    /// Seconds of validity; below zero once it has expired.
    pub left: i64,
    pub days: Days,
    pub state: State,
}

impl Facts {
    /// Nothing but the target is known yet.
    pub fn of(target: String) -> Facts {
        Facts {
            stage: Stage::Resolve,
            peer: target,
            addresses: Vec::new(),
            address: None,
            lookup: None,
            connect: None,
            handshake: None,
            session: None,
            certificate: None,
            answered: None,
            answer: None,
            failure: None,
            delayed: Duration::ZERO,
            time: Duration::ZERO,
            details: Vec::new(),
        }
    }

    pub fn connected(&mut self, conn: &Conn) {
        conn.peer().clone_into(&mut self.peer);
        self.address = conn.address().map(|address| address.ip().to_string());
        self.connect = Some(conn.took());
        let failed = |attempt: &net::Attempt| {
            let after = units::show_seconds(attempt.after.as_secs_f64());
            format!("tried before: {} {} after {after}", attempt.address, attempt.error)
        };
        self.details.extend(conn.failed().iter().map(failed));
    }

    /// Keeps what a handshake showed; the state is what `-D` says of it.
    pub fn state_of(&mut self, wish: &Tls, session: Session, dialect: Dialect) -> State {
        if let (Some(days), Some(leaf)) = (wish.days, session.chain.first()) {
            let left = leaf.left(tls::now());
            let (title, not_after) = (leaf.title().to_owned(), leaf.not_after);
            self.certificate =
                Some(Certificate { title, not_after, left, days, state: days.state(left, dialect) });
        }
        self.session = Some(session);
        self.certificate.as_ref().map_or(State::Ok, |certificate| certificate.state)
    }
}

impl CheckTcp {
    pub(crate) fn judge(&self, script: &Script, facts: &Facts, call: &Call) -> Outcome {
        let metric = self.metric(facts, call);
        let certificate = facts.certificate.as_ref();
        if let Some(bad) = certificate.filter(|it| call.dialect == Dialect::C && it.state != State::Ok) {
            return with_facts(bad.judged(Outcome::new(), &facts.peer), script, facts);
        }
        let outcome = match (&facts.failure, &facts.answer) {
            (Some(failure), _) => self.failed(failure, metric, facts, call),
            (None, Some(answer)) if !answer.matched => self.mismatched(answer, metric, script, facts, call),
            (None, answer) => {
                let text = as_wished(answer.as_ref(), &metric, script, facts);
                Outcome::new().measured(metric, text)
            }
        };
        let outcome = match certificate {
            Some(certificate) if call.dialect == Dialect::Own => {
                // That it has expired is said once.
                let said = facts.failure.as_ref().is_some_and(|failure| failure.reason == Reason::TlsExpired);
                let mut outcome = if said { outcome } else { certificate.judged(outcome, &facts.peer) };
                if let [result, _] = outcome.findings() {
                    let span = show_days(certificate.left);
                    let both = format!("{}, certificate valid for {span}", result.text);
                    outcome = outcome.summary(both);
                }
                outcome.metric(certificate.metric())
            }
            _ => outcome,
        };
        with_facts(outcome, script, facts)
    }

    fn metric(&self, facts: &Facts, call: &Call) -> Metric {
        let metric = Metric::new("time", facts.time.as_secs_f64()).unit(Unit::Seconds).min(0.0);
        let metric = metric.max(call.deadline.timeout().as_secs_f64());
        let limits = Thresholds::new(self.warning.clone(), self.critical.clone());
        match call.dialect {
            Dialect::Own => metric.thresholds(&limits),
            Dialect::C => {
                let limits = Thresholds::new(limits.warning.map(six_places), limits.critical.map(six_places));
                metric.thresholds(&limits).decimals(6)
            }
        }
    }

    fn failed(&self, failure: &Failure, metric: Metric, facts: &Facts, call: &Call) -> Outcome {
        // The C plugin takes whatever keeps it from connecting for a refusal, but a silent target.
        let refused = match call.dialect {
            Dialect::Own => failure.reason == Reason::Refused,
            Dialect::C => {
                facts.stage == Stage::Connect
                    && !matches!(failure.reason, Reason::TimedOut | Reason::Usage | Reason::Internal)
            }
        };
        let state = self.refuse.filter(|_| refused).unwrap_or_else(|| call.state(failure.reason));
        let outcome = Outcome::new().failed(state, failure);
        // The C plugin measures nothing where it got no answer.
        if call.dialect == Dialect::C { outcome } else { outcome.metric(metric) }
    }

    fn mismatched(
        &self,
        answer: &Answer,
        metric: Metric,
        script: &Script,
        facts: &Facts,
        call: &Call,
    ) -> Outcome {
        let peer = &facts.peer;
        let wanted = wanted(script);
        let came = units::show_bytes(answer.bytes.len() as f64);
        let failure = match answer.end {
            End::Deadline => {
                let after = units::show_seconds(call.deadline.timeout().as_secs_f64());
                let message = format!("{peer} sent {came} within {after}, but {wanted}");
                Some(Failure::new(Reason::TimedOut, message))
            }
            End::Limit if self.maxbytes.is_none() => Some(Failure::new(
                Reason::Protocol,
                format!("{peer} sent {came} and did not stop, but {wanted}"),
            )),
            _ => None,
        };
        if let Some(failure) = failure {
            return self.failed(&failure, metric, facts, call);
        }
        let text = match shown(answer, script) {
            Some(line) => format!("{peer} answered, but {wanted}: {line}"),
            None => format!("{peer} answered, but {wanted}"),
        };
        let time = metric.state();
        let state = self.mismatch.unwrap_or_else(|| call.state(Reason::Content));
        let outcome = Outcome::new().problem(state, Reason::Content, text).metric(metric);
        // In the C plugin a mismatch is judged after the time, and only a critical time is worse.
        if time == State::Critical || (time == State::Warning && call.dialect == Dialect::Own) {
            let slow = format!("{peer} took {}", show(facts.time));
            return outcome.problem(time, Reason::Threshold, slow);
        }
        outcome
    }
}

impl Certificate {
    fn judged(&self, outcome: Outcome, peer: &str) -> Outcome {
        let (until, span) = (tls::date(self.not_after), show_days(self.left));
        let title = text::shorten(&self.title, NAMED);
        if self.left < 0 {
            let text = format!("{peer}: certificate {title} expired {span} ago, on {until}");
            return outcome.problem(self.state, Reason::TlsExpired, text);
        }
        let text = format!("{peer}: certificate {title} is valid for {span}, until {until}");
        match self.state {
            State::Ok => outcome.finding(State::Ok, text),
            state => outcome.problem(state, Reason::Threshold, text),
        }
    }

    fn metric(&self) -> Metric {
        let least =
            |days: u32| Range::parse_with(&format!("{}:", i64::from(days) * 86_400), units::seconds).ok();
        let limits = Thresholds::new(least(self.days.warning), least(self.days.critical));
        Metric::new("expires", self.left as f64).unit(Unit::Seconds).thresholds(&limits)
    }
}

// `29 d`, `3 h`: whole ones, as the C plugin counts.
fn show_days(seconds: i64) -> String {
    match seconds.abs() {
        less @ ..86_400 => units::show_seconds(less as f64),
        more => format!("{} d", more / 86_400),
    }
}

fn as_wished(answer: Option<&Answer>, metric: &Metric, script: &Script, facts: &Facts) -> String {
    let (peer, time) = (&facts.peer, show(facts.time));
    match answer {
        None => format!("{peer} accepted the connection in {time}"),
        // The range that it is outside of comes behind the time.
        Some(_) if metric.state() != State::Ok => format!("{peer} answered in {time}"),
        Some(answer) => match shown(answer, script) {
            Some(line) => format!("{peer} answered in {time}: {line}"),
            None => format!("{peer} answered in {time} as expected"),
        },
    }
}

fn with_facts(mut outcome: Outcome, script: &Script, facts: &Facts) -> Outcome {
    let seconds = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e6;
    outcome = outcome.fact("target", script.target.to_string());
    if let Some(address) = &facts.address {
        outcome = outcome.fact("address", address.clone());
    }
    if !facts.addresses.is_empty() {
        outcome = outcome.fact("addresses", facts.addresses.clone());
    }
    let mut phases = Vec::new();
    let times = [
        ("lookup", facts.lookup),
        ("connect", facts.connect),
        ("handshake", facts.handshake),
        ("answer", facts.answered),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            outcome = outcome.fact(name, seconds(time));
            phases.push(format!("{name} {}", show(time)));
        }
    }
    if !phases.is_empty() {
        outcome = outcome.detail(format!("phases: {}", phases.join(", ")));
    }
    for line in &facts.details {
        outcome = outcome.detail(line.clone());
    }
    if let Some(session) = &facts.session {
        outcome = outcome.detail(format!("{}, {}", session.protocol, session.cipher));
        outcome = outcome.fact("tls", session.facts());
    }
    if let Some(answer) = &facts.answer {
        outcome = outcome.fact("received", answer.bytes.len());
        if !script.jail {
            let most = answer.bytes.len().min(SHOWN);
            let said = text::clean_bytes(&answer.bytes[..most]);
            outcome = outcome.detail(format!("received {} bytes: {said}", answer.bytes.len()));
            outcome = outcome.fact("said", said);
        }
    }
    outcome
}

// The first line of an answer that is not empty, unless nobody may see it.
fn shown(answer: &Answer, script: &Script) -> Option<String> {
    let start = &answer.bytes[..answer.bytes.len().min(SHOWN)];
    let mut lines = start.split(|byte| *byte == b'\n').map(text::clean_bytes);
    lines.find(|line| !line.is_empty()).filter(|_| !script.jail)
}

// `not "220"`, `none of "200", "201"`, `not all of "a", "b"`.
fn wanted(script: &Script) -> String {
    let Some(expect) = &script.expect else { return String::new() };
    let quoted = |text: &Vec<u8>| format!("\"{}\"", text::shorten(&text::clean_bytes(text), NAMED));
    let texts: Vec<String> = expect.texts.iter().map(quoted).collect();
    let negation = match (texts.len(), expect.all) {
        (1, _) => "not",
        (_, false) => "none of",
        (_, true) => "not all of",
    };
    format!("{negation} {}", texts.join(", "))
}

fn show(time: Duration) -> String {
    units::show_seconds(time.as_secs_f64())
}

// As the C plugin prints a threshold: `0.500000`.
fn six_places(range: Range) -> Range {
    let plain = range.start() == 0.0 && range.end().is_finite() && !range.is_inside();
    let text = plain.then(|| format!("{:.6}", range.end()));
    text.and_then(|text| text.parse().ok()).unwrap_or(range)
}

#[cfg(test)]
mod tests;

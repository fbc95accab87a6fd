//! From what a server showed, or files hold, to the outcome.

use plugin::{Call, Metric, Outcome, Reason, Unit, text, units};
use serde_json::{Map, Value, json};
use tls::{Certificate, Session};

use crate::chain::{Chain, show_span};
use crate::files::Found;
use crate::measure::{Asked, Facts};
use crate::options::CheckTls;

impl CheckTls {
    pub(crate) fn judge(&self, facts: &Facts, call: &Call) -> Outcome {
        let mut outcome = Outcome::new();
        if let Some(session) = &facts.session {
            outcome = self.judge_session(outcome, session, facts, call);
        }
        if let Some(failure) = &facts.failure {
            outcome = outcome.failed(call.state(failure.reason), failure);
        }
        for asked in &facts.versions {
            outcome = version(outcome, asked, &facts.peer, call);
        }
        let time = Metric::new("time", facts.time.as_secs_f64()).unit(Unit::Seconds).min(0.0);
        let outcome = outcome.metric(time.max(call.deadline.timeout().as_secs_f64()));
        with_facts(outcome, facts)
    }

    fn judge_session(&self, mut outcome: Outcome, session: &Session, facts: &Facts, call: &Call) -> Outcome {
        let chain = Chain { of: &facts.peer, path: &session.path, shown: &session.chain, now: facts.now };
        outcome = self.judge_chain(outcome, &chain, call);
        outcome = trust(outcome, session, &facts.peer, call);
        if !self.alpn.is_empty() && !session.alpn.as_ref().is_some_and(|agreed| self.alpn.contains(agreed)) {
            let agreed = session.alpn.as_deref().unwrap_or("none");
            let text = format!("{}: ALPN is {agreed}, not {}", facts.peer, self.alpn.join(" or "));
            outcome = outcome.problem(call.state(Reason::Content), Reason::Content, text);
        }
        if outcome.findings().is_empty() {
            let text = format!("{}: {} ({})", facts.peer, chain.validity(self), session.protocol);
            outcome = outcome.finding(plugin::State::Ok, text);
        }
        let left = |element: &Certificate| element.left(facts.now) as f64;
        if let Some(metric) = self.expires(&chain) {
            outcome = outcome.metric(metric);
        }
        if let Some(leaf) = session.chain.first() {
            outcome = outcome.metric(Metric::new("expires_leaf", left(leaf)).unit(Unit::Seconds));
        }
        if let Some(first) = session.chain.iter().min_by_key(|element| element.not_after) {
            outcome = outcome.metric(Metric::new("expires_sent", left(first)).unit(Unit::Seconds));
        }
        outcome
    }

    pub(crate) fn judge_files(&self, files: &[Found], now: i64, call: &Call) -> Outcome {
        let mut outcome = Outcome::new();
        let mut read: Vec<(String, &[Certificate])> = Vec::new();
        for file in files {
            match &file.certificates {
                Ok(certificates) => {
                    let path = text::clean(&file.path.to_string_lossy()).into_owned();
                    read.push((path, certificates.as_slice()));
                }
                Err(failure) => outcome = outcome.failed(call.state(failure.reason), failure),
            }
        }
        // The first to expire leads, among those of one state.
        read.sort_by_key(|(_, certificates)| certificates.iter().map(|one| one.not_after).min());
        let chains: Vec<Chain<'_>> =
            read.iter().map(|(of, all)| Chain { of, path: all, shown: all, now }).collect();
        for chain in &chains {
            outcome = self.judge_chain(outcome, chain, call);
        }
        let first = chains.iter().min_by_key(|chain| chain.first_to_expire(self).map(|one| one.not_after));
        if outcome.findings().is_empty()
            && let Some(first) = first
        {
            outcome = outcome.finding(plugin::State::Ok, in_order(&chains, first, self));
        }
        if let Some(metric) = first.and_then(|first| self.expires(first)) {
            outcome = outcome.metric(metric);
        }
        let certificates: usize = read.iter().map(|(_, certificates)| certificates.len()).sum();
        outcome = outcome.metric(Metric::new("files", files.len() as f64).min(0.0));
        outcome = outcome.metric(Metric::new("certificates", certificates as f64).min(0.0));
        for chain in &chains {
            outcome = chain.path.iter().fold(outcome, |outcome, one| {
                outcome.detail(format!("{}: {}", chain.of, described(one, now)))
            });
        }
        let facts = |(path, certificates): &(String, &[Certificate])| json!({"path": path, "certificates": certificates.iter().map(Certificate::facts).collect::<Vec<_>>()});
        outcome.fact("files", read.iter().map(facts).collect::<Vec<Value>>())
    }
}

// One finding for each kind: OpenSSL tells a missing issuer in two or three ways.
fn trust(mut outcome: Outcome, session: &Session, peer: &str, call: &Call) -> Outcome {
    // That dates do not hold is said already, unless of an element that is not judged. A weak key is no reason to keep
    // quiet about a root that nobody knows.
    let is_date = |reason: &Reason| matches!(reason, Reason::TlsExpired | Reason::TlsNotYetValid);
    let mut said: Vec<Reason> =
        outcome.findings().iter().filter_map(|finding| finding.reason).filter(is_date).collect();
    // Weak keys and hashes are judged by our own options.
    for problem in session.problems.iter().filter(|problem| !problem.is_weakness()) {
        if !said.contains(&problem.reason) {
            said.push(problem.reason);
            outcome = outcome.failed(call.state(problem.reason), &session.failure(peer, problem));
        }
    }
    outcome
}

fn in_order(chains: &[Chain<'_>], first: &Chain<'_>, check: &CheckTls) -> String {
    match chains.len() {
        1 => format!("{}: {}", first.of, first.validity(check)),
        count => format!("{count} files, the first to expire is {}: {}", first.of, first.validity(check)),
    }
}

fn version(outcome: Outcome, asked: &Asked, peer: &str, call: &Call) -> Outcome {
    let name = asked.version.name();
    match &asked.accepted {
        Ok(accepted) if *accepted == asked.wanted => outcome,
        Ok(true) => {
            let text = format!("{peer} accepts {name}");
            outcome.problem(call.state(Reason::Content), Reason::Content, text)
        }
        Ok(false) => {
            let text = format!("{peer} does not accept {name}");
            outcome.problem(call.state(Reason::TlsHandshake), Reason::TlsHandshake, text)
        }
        Err(failure) => outcome.failed(call.state(failure.reason), failure),
    }
}

fn with_facts(mut outcome: Outcome, facts: &Facts) -> Outcome {
    outcome = outcome.fact("target", facts.target.clone());
    if let Some(address) = &facts.address {
        outcome = outcome.fact("address", address.clone());
    }
    if !facts.addresses.is_empty() {
        outcome = outcome.fact("addresses", facts.addresses.clone());
    }
    for (name, took) in &facts.phases {
        outcome = outcome.fact(name, (took.as_secs_f64() * 1e6).round() / 1e6);
    }
    let shown =
        facts.phases.iter().map(|(name, took)| format!("{name} {}", units::show_seconds(took.as_secs_f64())));
    let phases: Vec<String> = shown.collect();
    if !phases.is_empty() {
        outcome = outcome.detail(format!("phases: {}", phases.join(", ")));
    }
    for line in &facts.details {
        outcome = outcome.detail(line.clone());
    }
    if let Some(session) = &facts.session {
        let alpn = session.alpn.as_ref().map_or_else(String::new, |alpn| format!(", {}", text::clean(alpn)));
        outcome = outcome.detail(format!("{}, {}{alpn}", session.protocol, session.cipher));
        for (place, element) in session.chain.iter().enumerate() {
            outcome = outcome.detail(format!("sent {place}: {}", described(element, facts.now)));
        }
        outcome = outcome.fact("tls", session.facts());
    }
    if !facts.versions.is_empty() {
        let answers = facts.versions.iter().map(|asked| {
            let accepted = asked.accepted.as_ref().map_or(Value::Null, |accepted| Value::Bool(*accepted));
            (asked.version.name().to_owned(), accepted)
        });
        outcome = outcome.fact("versions", answers.collect::<Map<String, Value>>());
    }
    outcome
}

// `CN=web.example by CN=Example CA, until 2026-12-01 (62 d), EC 256, ecdsa-with-SHA256, sha256//…`
fn described(one: &Certificate, now: i64) -> String {
    let left = one.left(now);
    let span = if left < 0 { format!("{} ago", show_span(left)) } else { show_span(left) };
    format!(
        "{} by {}, until {} ({span}), {} {}, {}, {}",
        text::shorten(&one.subject, 100),
        text::shorten(&one.issuer, 100),
        tls::date(one.not_after),
        one.key.kind,
        one.key.bits,
        one.signature,
        one.pin()
    )
}

#[cfg(test)]
mod tests;

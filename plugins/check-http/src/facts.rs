//! What a run found out, for machines and for `-v`.

use std::time::Duration;

use http::{Hop, Phases, Response};
use plugin::{Outcome, text, units};
use serde_json::{Map, Value, json};
use tls::Session;

use crate::judge::show;
use crate::measure::Visit;
use crate::plan::Plan;

/// Most bytes of a header or a name.
const SHOWN: usize = 256;
/// Most headers and names.
const MOST: usize = 32;

/// Adds the facts of a visit, and the lines that `-v` shows.
pub(crate) fn with_visit(mut outcome: Outcome, plan: &Plan, visit: &Visit, now: i64) -> Outcome {
    for hop in &visit.walk.hops {
        outcome = outcome.detail(hop_line(hop));
        if let Some(session) = &hop.session {
            outcome = outcome.detail(session_line(session, now));
        }
    }
    let Some(hop) = visit.walk.last() else { return outcome };
    outcome = outcome.detail(format!("phases: {}", phase_words(&hop.phases)));
    if let Ok(response) = &hop.answer {
        for line in headers(response) {
            outcome = outcome.detail(format!("header: {line}"));
        }
    }
    let hops: Vec<Value> = visit.walk.hops.iter().map(hop_fact).collect();
    let visit_fact = json!({
        "address": visit.address.map(|address| address.to_string()),
        "time": seconds(visit.time),
        "hops": hops,
    });
    if plan.addresses != crate::options::Addresses::Any {
        // One outcome holds them all: each under its address.
        let name = visit.address.map_or_else(String::new, |address| address.to_string());
        return outcome.fact(&name, visit_fact);
    }
    outcome = outcome.fact("url", text::shorten(&hop.url, SHOWN).into_owned()).fact("hops", hops);
    if let Ok(response) = &hop.answer {
        outcome = outcome.fact("status", response.status).fact("received", response.received);
        let headers: Vec<String> = headers(response).collect();
        outcome = outcome.fact("headers", headers);
    }
    outcome
}

/// Adds the facts of a handshake.
pub(crate) fn with_session(outcome: Outcome, session: &Session) -> Outcome {
    let outcome = outcome.detail(format!("{} {}", session.protocol, session.cipher));
    outcome.fact("tls", session_fact(session))
}

fn hop_line(hop: &Hop) -> String {
    let url = text::shorten(&hop.url, SHOWN);
    match &hop.answer {
        Ok(response) => {
            let time = show(hop.phases.total());
            format!("{url} from {}: {} in {time}", hop.peer, text::shorten(&response.status_line, 80))
        }
        Err(failure) => format!("{url} from {}: {failure}", hop.peer),
    }
}

fn session_line(session: &Session, now: i64) -> String {
    let Some(leaf) = session.chain.first() else { return format!("{} {}", session.protocol, session.cipher) };
    format!(
        "{} {}, certificate of {} by {}, ends in {}",
        session.protocol,
        session.cipher,
        text::shorten(&leaf.subject, 80),
        text::shorten(&leaf.issuer, 80),
        units::show_seconds(leaf.left(now) as f64)
    )
}

// Cookies let whoever reads them in.
fn headers(response: &Response) -> impl Iterator<Item = String> {
    response.head.lines().take(MOST).map(|line| match line.split_once(':') {
        Some((name, _)) if name.eq_ignore_ascii_case("set-cookie") => format!("{name}: [not shown]"),
        _ => text::shorten(line, SHOWN).into_owned(),
    })
}

fn phase_words(phases: &Phases) -> String {
    let all = [
        ("resolve", phases.resolve),
        ("connect", phases.connect),
        ("tls", phases.tls),
        ("first byte", phases.first_byte()),
        ("transfer", phases.transfer),
    ];
    let told = all.iter().filter(|(_, time)| !time.is_zero());
    told.map(|(name, time)| format!("{name} {}", show(*time))).collect::<Vec<_>>().join(", ")
}

fn hop_fact(hop: &Hop) -> Value {
    let phases = json!({
        "resolve": seconds(hop.phases.resolve),
        "connect": seconds(hop.phases.connect),
        "tls": seconds(hop.phases.tls),
        "first_byte": seconds(hop.phases.first_byte()),
        "transfer": seconds(hop.phases.transfer),
    });
    let mut fact = Map::new();
    fact.insert("url".into(), text::shorten(&hop.url, SHOWN).into());
    fact.insert("peer".into(), hop.peer.clone().into());
    fact.insert("address".into(), hop.address.map(|address| address.ip().to_string()).into());
    fact.insert("phases".into(), phases);
    match &hop.answer {
        Ok(response) => {
            fact.insert("status".into(), response.status.into());
            fact.insert("status_line".into(), text::shorten(&response.status_line, SHOWN).into());
        }
        Err(failure) => {
            fact.insert("reason".into(), failure.reason.word().into());
        }
    }
    if let Some(session) = &hop.session {
        fact.insert("tls".into(), session_fact(session));
    }
    fact.into()
}

fn session_fact(session: &Session) -> Value {
    let chain: Vec<Value> = session
        .chain
        .iter()
        .take(MOST)
        .map(|certificate| {
            let names: Vec<&String> = certificate.names.iter().take(MOST).collect();
            json!({
                "subject": text::shorten(&certificate.subject, SHOWN),
                "issuer": text::shorten(&certificate.issuer, SHOWN),
                "names": names,
                "not_before": certificate.not_before,
                "not_after": certificate.not_after,
                "sha256": certificate.sha256,
            })
        })
        .collect();
    json!({
        "protocol": session.protocol,
        "cipher": session.cipher,
        "alpn": session.alpn,
        "trusted": session.trust.is_ok(),
        "chain": chain,
    })
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

//! From what a run found out to its outcome.

use std::time::Duration;

use http::Phases;
use plugin::{Call, Failure, Metric, Outcome, Range, Reason, State, Thresholds, Unit, text, units};

use crate::c::Flavour;
use crate::measure::{Facts, Found, Visit};
use crate::options::Addresses;
use crate::plan::Plan;
use crate::{certificate, content, facts};

/// Most bytes of a URL in a message.
const NAMED: usize = 48;
/// Most bytes of a body below the first line.
const SHOWN: usize = 16 * 1024;

/// One sentence on an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub state: State,
    pub reason: Option<Reason>,
    pub text: String,
    /// Whether the state is the dialect's for the reason.
    pub by_reason: bool,
    /// Whether nothing else is said of the answer, as where the C plugins stop.
    pub ends: bool,
}

impl Finding {
    pub fn good(text: impl Into<String>) -> Finding {
        Finding { state: State::Ok, reason: None, text: text.into(), by_reason: false, ends: false }
    }

    pub fn bad(state: State, reason: Reason, text: impl Into<String>) -> Finding {
        Finding { state, reason: Some(reason), text: text.into(), by_reason: false, ends: false }
    }

    pub fn failed(failure: &Failure) -> Finding {
        Finding { by_reason: true, ..Finding::bad(State::Critical, failure.reason, failure.message.clone()) }
    }
}

/// What is said of one visit.
struct Verdict {
    findings: Vec<Finding>,
    metrics: Vec<Metric>,
    /// The first line while all is well.
    summary: String,
}

impl Verdict {
    fn state(&self) -> State {
        self.findings.iter().map(|finding| finding.state).max().unwrap_or_default()
    }
}

/// `now` of the facts is the time that ages and certificates are counted from.
pub(crate) fn judge(plan: &Plan, found: &Facts, call: &Call) -> Outcome {
    let outcome = match &found.found {
        Found::Handshake(result) => handshake(plan, result, found.now, call),
        Found::Visits(visits) => {
            let verdicts: Vec<Verdict> =
                visits.iter().map(|visit| of_visit(plan, visit, found.now, call)).collect();
            let outcome = match (&plan.addresses, verdicts.as_slice()) {
                (Addresses::Any, [verdict]) => of_one(verdict),
                _ => of_many(plan, visits, &verdicts),
            };
            visits.iter().fold(outcome, |outcome, visit| facts::with_visit(outcome, plan, visit, found.now))
        }
    };
    let outcome = plan.details.iter().fold(outcome, |outcome, line| outcome.detail(line.clone()));
    with_lines(outcome, plan, found)
}

fn handshake(
    plan: &Plan,
    result: &Result<(String, tls::Session), Failure>,
    now: i64,
    call: &Call,
) -> Outcome {
    match (result, plan.expect.days) {
        (Err(failure), _) => call.failed(failure),
        (Ok((peer, session)), Some(least)) => {
            let days = certificate::days_left(session, now, plan.flavour);
            let finding = certificate::judge(days, peer, least, plan.flavour);
            facts::with_session(add(Outcome::new(), &finding), session)
        }
        (Ok((peer, _)), None) => Outcome::new().finding(State::Ok, format!("{peer} speaks TLS")),
    }
}

fn add(outcome: Outcome, finding: &Finding) -> Outcome {
    match finding.reason {
        Some(reason) => outcome.problem(finding.state, reason, finding.text.clone()),
        None => outcome.finding(finding.state, finding.text.clone()),
    }
}

fn of_one(verdict: &Verdict) -> Outcome {
    let mut outcome = verdict.findings.iter().fold(Outcome::new().summary(verdict.summary.clone()), add);
    for metric in &verdict.metrics {
        outcome = outcome.metric(metric.clone());
    }
    outcome
}

// Each address is a finding; once enough of them are good, those that are not are told and cost nothing.
fn of_many(plan: &Plan, visits: &[Visit], verdicts: &[Verdict]) -> Outcome {
    let wanted = match plan.addresses {
        Addresses::AtLeast(count) => count,
        Addresses::Any | Addresses::All => verdicts.len(),
    };
    let good = verdicts.iter().filter(|verdict| verdict.state() == State::Ok).count();
    let url = shown_url(plan.request.url.as_str());
    let all = verdicts.len();
    let mut outcome = Outcome::new().summary(format!("{url} is good on {good} of {all} addresses"));
    if good < wanted && all < wanted {
        let text = format!("{url} has {all} addresses, not {wanted}");
        outcome = outcome.problem(State::Critical, Reason::Threshold, text);
    }
    let least = Thresholds::new(None, format!("{wanted}:").parse().ok());
    let metric = Metric::new("addresses_good", good as f64).thresholds(&least).min(0.0).max(all as f64);
    outcome = outcome.metric(metric);
    for (visit, verdict) in visits.iter().zip(verdicts) {
        let address = visit.address.map_or_else(String::new, |address| address.to_string());
        let worst =
            verdict.findings.iter().max_by(|a, b| a.state.cmp(&b.state).then(std::cmp::Ordering::Greater));
        let state = if good >= wanted { State::Ok } else { verdict.state() };
        let finding = match worst {
            Some(worst) if worst.state != State::Ok => {
                Finding { state, text: format!("{address}: {}", worst.text), ..worst.clone() }
            }
            _ => Finding::good(format!("{address}: {}", verdict.summary)),
        };
        outcome = add(outcome, &finding);
        let time = verdict.metrics.iter().find(|metric| metric.label() == "time");
        if let Some(time) = time {
            let labelled = Metric::new(format!("time_{address}"), time.value()).unit(Unit::Seconds).min(0.0);
            outcome = outcome.metric(labelled);
        }
    }
    outcome
}

fn of_visit(plan: &Plan, visit: &Visit, now: i64, call: &Call) -> Verdict {
    let time = visit.time;
    let mut verdict = Verdict {
        findings: Vec::new(),
        metrics: vec![time_metric(plan, time, call)],
        summary: String::new(),
    };
    let own = plan.flavour == Flavour::Own;
    let Some(hop) = visit.walk.last() else { return verdict };
    let url = shown_url(&hop.url);
    if let Some(least) = plan.expect.days {
        for hop in &visit.walk.hops {
            if let Some(session) = &hop.session
                // What does not hold is a failure already.
                && session.trust.is_ok()
            {
                let days = certificate::days_left(session, now, plan.flavour);
                verdict.findings.push(certificate::judge(days, &hop.peer, least, plan.flavour));
            }
        }
    }
    let mut failure = hop.answer.as_ref().err().map(Finding::failed);
    if let Some(stop) = &visit.walk.stop {
        let state = plan.flavour.stopped(stop.kind);
        failure = Some(Finding::bad(state, stop.failure.reason, stop.failure.message.clone()));
    }
    match (&hop.answer, failure) {
        (_, Some(failure)) => {
            verdict.summary.clone_from(&failure.text);
            verdict.findings.insert(0, Finding { ends: !own, ..failure });
        }
        (Ok(response), None) => {
            let content = content::judge(plan, response, &url, now);
            let size = units::show_bytes(content.size);
            let status = text::shorten(response.status_text(), 32).into_owned();
            verdict.summary = format!("{url} answered {status}, {size} in {}", show(time));
            verdict.metrics.push(size_metric(plan, content.size));
            verdict.metrics.extend(value_metric(plan, content.number));
            let certificates = std::mem::take(&mut verdict.findings);
            verdict.findings = content.findings;
            verdict.findings.extend(certificates);
        }
        (Err(_), None) => {}
    }
    by_reason(&mut verdict, call);
    if let Some(last) = verdict.findings.iter().find(|finding| finding.ends).cloned() {
        // The C plugins stop here, and print no metrics.
        return Verdict { findings: vec![last], metrics: Vec::new(), ..verdict };
    }
    verdict.findings.extend(slow(plan, time, &url));
    verdict.metrics.extend(phases(plan, visit));
    add_days(plan, visit, now, &mut verdict);
    verdict
}

fn by_reason(verdict: &mut Verdict, call: &Call) {
    for finding in verdict.findings.iter_mut().filter(|finding| finding.by_reason) {
        finding.state = finding.reason.map_or(finding.state, |reason| call.state(reason));
    }
}

fn slow(plan: &Plan, time: Duration, url: &str) -> Option<Finding> {
    let seconds = time.as_secs_f64();
    let limits = &plan.expect.time;
    let range = limits.violated(seconds)?;
    let verb = if range.is_inside() { "inside" } else { "outside" };
    let text = format!("{url} took {}, {verb} {range}s", show(time));
    Some(Finding::bad(limits.state(seconds), Reason::Threshold, text))
}

// The days of the certificate that ends first, where anybody asked about days.
fn add_days(plan: &Plan, visit: &Visit, now: i64, verdict: &mut Verdict) {
    let (Flavour::Own, Some(least)) = (plan.flavour, plan.expect.days) else { return };
    let sessions = visit.walk.hops.iter().filter_map(|hop| hop.session.as_ref());
    let Some(days) = sessions.filter_map(|session| certificate::days_left(session, now, plan.flavour)).min()
    else {
        return;
    };
    let from = |days: u32| {
        Range::parse_with(&format!("{days}:"), |text| text.parse().map_err(|_| String::new())).ok()
    };
    let limits = Thresholds::new(from(least.warning), from(least.critical));
    verdict.metrics.push(Metric::new("certificate_days", days as f64).thresholds(&limits));
    verdict.summary = format!("{}, certificate {days} d", verdict.summary);
}

fn time_metric(plan: &Plan, time: Duration, call: &Call) -> Metric {
    let metric = Metric::new("time", time.as_secs_f64()).unit(Unit::Seconds).min(0.0);
    let metric = metric.max(call.deadline.timeout().as_secs_f64());
    let limits = &plan.expect.time;
    if plan.flavour == Flavour::Own {
        return metric.thresholds(limits);
    }
    let six = |range: &Option<Range>| range.clone().map(six_places);
    metric.thresholds(&Thresholds::new(six(&limits.warning), six(&limits.critical))).decimals(6)
}

// As the C plugins print a threshold: `0.500000`.
fn six_places(range: Range) -> Range {
    let plain = range.start() == 0.0 && range.end().is_finite() && !range.is_inside();
    let text = plain.then(|| format!("{:.6}", range.end()));
    text.and_then(|text| text.parse().ok()).unwrap_or(range)
}

fn size_metric(plan: &Plan, size: f64) -> Metric {
    let limits = Thresholds::new(plan.expect.sizes.as_ref().map(|sizes| sizes.range.clone()), None);
    Metric::new("size", size).unit(Unit::Bytes).thresholds(&limits).min(0.0)
}

fn value_metric(plan: &Plan, number: Option<f64>) -> Option<Metric> {
    let json = plan.expect.json.as_ref().filter(|_| plan.flavour == Flavour::Own)?;
    let limits = json.limits.clone().unwrap_or_default();
    number.map(|number| Metric::new("value", number).thresholds(&limits))
}

fn phases(plan: &Plan, visit: &Visit) -> Vec<Metric> {
    let metric = |label: &str, time: Duration| {
        let metric = Metric::new(label, time.as_secs_f64()).unit(Unit::Seconds);
        if plan.flavour == Flavour::Own { metric } else { metric.decimals(6) }
    };
    let over_tls = visit.walk.hops.iter().any(|hop| hop.session.is_some());
    if plan.flavour == Flavour::Own {
        let mut sum = Phases::default();
        for hop in &visit.walk.hops {
            sum += hop.phases;
        }
        let mut metrics = vec![metric("time_resolve", sum.resolve), metric("time_connect", sum.connect)];
        metrics.extend(over_tls.then(|| metric("time_tls", sum.tls)));
        metrics.extend([metric("time_first_byte", sum.first_byte()), metric("time_transfer", sum.transfer)]);
        return metrics.into_iter().map(|metric| metric.min(0.0)).collect();
    }
    let Some(hop) = visit.walk.last().filter(|_| plan.extended_perfdata) else { return Vec::new() };
    let mut metrics = vec![metric("time_connect", hop.phases.connect)];
    metrics.extend(hop.session.as_ref().map(|_| metric("time_ssl", hop.phases.tls)));
    metrics.extend([
        metric("time_headers", hop.phases.send),
        metric("time_firstbyte", hop.phases.wait),
        metric("time_transfer", hop.phases.transfer),
    ]);
    metrics
}

// Lines that options ask for.
fn with_lines(mut outcome: Outcome, plan: &Plan, found: &Facts) -> Outcome {
    if plan.link {
        let url = escaped(plan.request.url.as_str());
        outcome = outcome.line(format!("<A HREF=\"{url}\" target=\"_blank\">{url}</A>"));
    }
    let Found::Visits(visits) = &found.found else { return outcome };
    let answers = visits.iter().filter_map(|visit| visit.walk.last()?.answer.as_ref().ok());
    for response in answers.filter(|_| plan.show_body) {
        let start = &response.body[..response.body.len().min(SHOWN)];
        for line in start.split(|byte| *byte == b'\n').map(text::clean_bytes) {
            outcome = if line.is_empty() { outcome } else { outcome.line(line) };
        }
    }
    outcome
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn shown_url(url: &str) -> String {
    text::shorten(&text::clean(url), NAMED).into_owned()
}

pub(crate) fn show(time: Duration) -> String {
    units::show_seconds(time.as_secs_f64())
}

#[cfg(test)]
mod tests;

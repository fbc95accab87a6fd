//! What is said of one answer: its status, headers, body, size and age.

use http::{Response, date};
use plugin::{Reason, State, text, units};
use sha2::{Digest as _, Sha256};

use crate::c::Flavour;
use crate::expect::{Json, Pattern, Status};
use crate::json_path::{self, Found};
use crate::judge::Finding;
use crate::plan::Plan;

/// Most bytes of an expected text, a value or a path in a message.
const NAMED: usize = 32;
/// How far ahead of the server's own clock a document may be, seconds; as the C plugins.
const AHEAD: i64 = 30;

/// What is expected of an answer, each with what is said of it.
pub(crate) struct Content {
    pub findings: Vec<Finding>,
    /// Bytes of the page.
    pub size: f64,
    /// The value of `--json-path`, where it is a number.
    pub number: Option<f64>,
}

/// Judges an answer in all that the plan expects of it. `url` names it in messages, shortened.
pub(crate) fn judge(plan: &Plan, response: &Response, url: &str, now: i64) -> Content {
    let expect = &plan.expect;
    let size = size(plan, response);
    let mut findings = vec![status(plan, response, url)];
    findings.extend(whole(plan, response, url));
    let bad = |text: String| Finding::bad(State::Critical, Reason::Content, text);
    if let Some(text) = &expect.header
        && !format!("{}\n", response.head).contains(text.trim_end_matches('\r'))
    {
        findings.push(bad(format!("{url}: {} is not in the headers", quoted(text))));
    }
    if let Some(pattern) = &expect.header_regex
        && response.head.lines().any(|line| pattern.regex.is_match(line)) == pattern.inverted
    {
        findings.push(bad(format!("{url}: {} in the headers", mismatch(pattern))));
    }
    if let Some(text) = &expect.text
        && !contains(&response.body, text.as_bytes())
    {
        findings.push(bad(format!("{url}: {} is not in the body", quoted(text))));
    }
    if let Some(pattern) = &expect.regex
        && !pattern.holds(&response.text())
    {
        let state = pattern.state.unwrap_or(State::Critical);
        findings.push(Finding::bad(
            state,
            Reason::Content,
            format!("{url}: {} in the body", mismatch(pattern)),
        ));
    }
    if let Some(wanted) = &expect.sha256 {
        let is = hex(&Sha256::digest(&response.body));
        if is != *wanted {
            findings.push(bad(format!("{url}: the SHA-256 of the body is {}…", &is[..16])));
        }
    }
    let mut number = None;
    if let Some(json) = &expect.json {
        let (finding, value) = value(json, response, url);
        findings.push(finding);
        number = value;
    }
    if let Some(most) = expect.max_age {
        findings.extend(age(plan.flavour, response, most, url, now));
    }
    if let Some(sizes) = &expect.sizes
        && sizes.range.alerts(size)
    {
        let text = format!("{url}: {size} bytes, outside {}", sizes.range);
        findings.push(Finding::bad(State::Warning, Reason::Threshold, text));
    }
    Content { findings, size, number }
}

fn status(plan: &Plan, response: &Response, url: &str) -> Finding {
    let answered = format!("{url} answered {}", text::shorten(response.status_text(), NAMED));
    let critical = |text: String| Finding::bad(State::Critical, reason_of(response.status), text);
    // Where something else was wanted, the code alone leaves room for both.
    let not = |wanted: &str| critical(format!("{url} answered {}, not {wanted}", response.status));
    match &plan.expect.status {
        Status::Texts(texts) if texts.iter().any(|text| response.status_line.contains(text)) => {
            Finding::good(answered)
        }
        Status::Texts(texts) => {
            Finding { ends: plan.flavour != Flavour::Own, ..not(&quoted(&texts.join(","))) }
        }
        Status::Codes(codes) if codes.contain(response.status) => Finding::good(answered),
        Status::Codes(codes) => not(&text::shorten(&codes.to_string(), NAMED)),
        Status::ByClass => match response.status {
            400..=499 => Finding { state: plan.flavour.client_error(), ..critical(answered) },
            300..=399 => redirect(plan, response, url, answered),
            200..=299 => Finding::good(answered),
            100..=199 if plan.flavour != Flavour::Own => Finding::good(answered),
            code => Finding { ends: code >= 600 && plan.flavour != Flavour::Own, ..critical(answered) },
        },
    }
}

// One that is not followed: because nobody asked to, or because it is none, such as 304.
fn redirect(plan: &Plan, response: &Response, url: &str, answered: String) -> Finding {
    let state = match (&plan.redirects, plan.flavour) {
        (None, _) => plan.redirect_state,
        (Some(_), Flavour::Own) => State::Ok,
        (Some(_), _) => State::Unknown,
    };
    let text = match response.header("location") {
        Some(to) => format!("{url} redirects to {}", text::shorten(&text::clean(to), NAMED)),
        None => answered.clone(),
    };
    if state == State::Ok { Finding::good(answered) } else { Finding::bad(state, Reason::Status, text) }
}

fn reason_of(status: u16) -> Reason {
    if matches!(status, 401 | 403 | 407) { Reason::Auth } else { Reason::Status }
}

// Whether all of the body is there.
fn whole(plan: &Plan, response: &Response, url: &str) -> Option<Finding> {
    if let Some(failure) = &response.broken
        && !(failure.reason == Reason::Closed && plan.flavour.accepts_short_body())
    {
        return Some(Finding { ends: plan.flavour != Flavour::Own, ..Finding::failed(failure) });
    }
    response.truncated.then(|| {
        let limit = units::show_bytes(plan.request.body_limit as f64);
        let text = format!("{url}: the body goes on beyond {limit} (--max-body)");
        Finding::bad(State::Critical, Reason::Content, text)
    })
}

// The C plugins count what came over the connection.
fn size(plan: &Plan, response: &Response) -> f64 {
    if plan.flavour != Flavour::Own {
        return response.received as f64;
    }
    let announced = response.header("content-length").and_then(|length| length.trim().parse::<f64>().ok());
    match announced.filter(|_| plan.request.headers_only) {
        Some(announced) => announced,
        None => response.body.len() as f64,
    }
}

fn mismatch(pattern: &Pattern) -> String {
    let verb = if pattern.inverted { "matches" } else { "does not match" };
    format!("{} {verb}", quoted(pattern.regex.as_str()))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text::shorten(&text::clean(text), NAMED))
}

fn value(json: &Json, response: &Response, url: &str) -> (Finding, Option<f64>) {
    let bad = |text: String| (Finding::bad(State::Critical, Reason::Content, format!("{url}: {text}")), None);
    let path = ending(&text::clean(&json.path.to_string()));
    let found = match json_path::find(&response.text(), &json.path) {
        Ok(Some(found)) => found,
        Ok(None) => return bad(format!("{path} is not in the body")),
        Err(error) => return bad(text::shorten(&text::clean(&error), 60).into_owned()),
    };
    let shown = match &found {
        Found::Text(text) => quoted(text),
        other => text::shorten(other.text(), NAMED).into_owned(),
    };
    if let Some(wanted) = &json.wanted
        && !found.is(wanted)
    {
        return bad(format!("{path} is {shown}, not {}", quoted(wanted)));
    }
    let number = found.number().filter(|number| number.is_finite());
    let good = format!("{path} is {shown}");
    let Some(limits) = &json.limits else { return (Finding::good(good), number) };
    let Some(number) = number else { return bad(format!("{path} is {shown}, no number")) };
    let finding = match (limits.state(number), limits.violated(number)) {
        (State::Ok, _) | (_, None) => Finding::good(good),
        (state, Some(range)) => {
            let verb = if range.is_inside() { "inside" } else { "outside" };
            Finding::bad(state, Reason::Threshold, format!("{url}: {good}, {verb} {range}"))
        }
    };
    (finding, Some(number))
}

// The end of a path says most.
fn ending(path: &str) -> String {
    const MOST: usize = 20;
    if path.len() <= MOST {
        return path.to_owned();
    }
    format!("…{}", &path[path.ceil_char_boundary(path.len() - MOST + 3)..])
}

fn age(flavour: Flavour, response: &Response, most: f64, url: &str, now: i64) -> Option<Finding> {
    let bad = |text: &str| Some(Finding::bad(State::Critical, Reason::Content, format!("{url}: {text}")));
    let server = response.header("date");
    if server.is_none() && flavour != Flavour::Own {
        let text = format!("{url}: no Date header to count the age from");
        return Some(Finding::bad(State::Unknown, Reason::Content, text));
    }
    let Some(modified) = response.header("last-modified") else { return bad("no Last-Modified header") };
    let Some(modified) = date::seconds(modified) else { return bad("its Last-Modified is no date") };
    let server = match (server.map(date::seconds), flavour) {
        (Some(Some(server)), _) => server,
        (_, Flavour::Own) => now,
        _ => return bad("its Date is no date"),
    };
    let age = server - modified;
    if age < -AHEAD {
        return bad(&format!("modified {} ahead of the server's clock", units::show_seconds(-age as f64)));
    }
    let text = format!("modified {} ago, not {}", units::show_seconds(age as f64), units::show_seconds(most));
    if age as f64 > most { bad(&text) } else { None }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    })
}

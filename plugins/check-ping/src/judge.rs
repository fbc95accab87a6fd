//! From what came back to an outcome, in the suite's way or in that of a namesake.

mod metrics;
#[cfg(test)]
mod tests;

use net::icmp::{Heard, Means, Trouble, What};
use plugin::{Call, Dialect, Failure, Outcome, Reason, State, units};
use serde_json::{Value, json};

use crate::limits::Limits;
use crate::measure::{Facts, Pinged, Target};
use crate::task::{Manner, Task};

/// One host as it is judged alone.
struct Verdict {
    state: State,
    reason: Option<Reason>,
    text: String,
}

pub(crate) fn judge(task: &Task, facts: &Facts, call: &Call) -> Outcome {
    let style = task.manner.style(call.dialect);
    let first = task.until_first.then(|| facts.targets.iter().find(|target| answers(target) > 0)).flatten();
    // Where the first answer is enough, the others had no time for theirs.
    let targets: Vec<&Target> = first.map_or_else(|| facts.targets.iter().collect(), |first| vec![first]);
    let verdicts: Vec<Verdict> =
        targets.iter().map(|target| verdict(task, target, facts, style, call)).collect();
    let mut outcome = together(task, &targets, verdicts);
    for target in &targets {
        let prefix = if targets.len() > 1 { target.name.as_str() } else { "" };
        outcome = metrics::of(outcome, task, target, style, prefix);
    }
    if task.link {
        for target in &targets {
            outcome = outcome.line(link(&target.name));
        }
    }
    if call.verbosity > 0 || call.shows_facts {
        outcome = with_details(outcome, facts);
    }
    if call.shows_facts { with_facts(outcome, task, facts) } else { outcome }
}

fn answers(target: &Target) -> u32 {
    match &target.state {
        Pinged::Asked(_, heard) => heard.received(),
        Pinged::Unknown(_) => 0,
    }
}

/// The worst of all hosts, or where only some are needed the state of so many of the best.
fn together(task: &Task, targets: &[&Target], verdicts: Vec<Verdict>) -> Outcome {
    let within = |most: State| verdicts.iter().filter(|verdict| verdict.state <= most).count();
    let ok = within(State::Ok);
    // UNKNOWN lies between the two: a host of which nothing is known does not count as alive.
    let warned = verdicts.iter().filter(|verdict| verdict.state == State::Warning).count();
    let worst = match task.min_alive {
        Some(min) if ok >= min => State::Ok,
        Some(min) if ok + warned >= min => State::Warning,
        _ => State::Critical,
    };
    let mut outcome = Outcome::new();
    let count = targets.len();
    if count > 1 {
        let bad = verdicts.iter().find(|verdict| verdict.state != State::Ok);
        outcome = match (task.min_alive, bad) {
            (Some(min), Some(bad)) => {
                outcome.summary(format!("{ok} of {count} hosts in order, {min} needed; {}", bad.text))
            }
            _ => outcome.summary(all_fine(targets)),
        };
    }
    for verdict in verdicts {
        let state = verdict.state.min(worst);
        outcome = match verdict.reason {
            Some(reason) => outcome.problem(state, reason, verdict.text),
            None => outcome.finding(state, verdict.text),
        };
    }
    outcome
}

fn all_fine(targets: &[&Target]) -> String {
    let average = |target: &&&Target| match &target.state {
        Pinged::Asked(_, heard) => heard.average(),
        Pinged::Unknown(_) => None,
    };
    let slowest = targets.iter().max_by_key(average);
    let slowest = slowest.and_then(|target| average(&target).map(|time| (target, time)));
    let count = targets.len();
    match slowest {
        Some((target, time)) => {
            let time = units::show_seconds(time.as_secs_f64());
            format!("{count} hosts answer, {} the slowest with rta {time}", target.name)
        }
        None => format!("{count} hosts"),
    }
}

fn verdict(task: &Task, target: &Target, facts: &Facts, style: Manner, call: &Call) -> Verdict {
    let shown = target.shown();
    let heard = match &target.state {
        Pinged::Unknown(failure) => return failed(failure, call),
        Pinged::Asked(_, heard) => heard,
    };
    // check_ping and check_fping end at the first error that a router reports.
    let ends = matches!(style, Manner::Ping | Manner::Fping) && heard.trouble.is_some();
    let Some(average) = heard.average().filter(|_| !ends) else {
        return failed(&nothing(task, &shown, heard, facts), call);
    };
    let rta = average.as_secs_f64();
    if style == Manner::Host {
        let text = format!("{shown} answers: packet {}, rta {}", heard.sent, units::show_seconds(rta));
        return Verdict { state: State::Ok, reason: None, text };
    }
    let loss = if call.dialect == Dialect::C { heard.loss().trunc() } else { heard.loss() };
    let (warning, critical) = task.limits();
    let reached = |limits: Limits| {
        let beyond =
            |value: f64, limit: f64| if style == Manner::Fping { value > limit } else { value >= limit };
        let limits = Limits {
            rta: limits.rta.filter(|limit| beyond(rta, *limit)),
            // One that ends with its first answer has lost nothing.
            loss: limits.loss.filter(|limit| !task.until_first && beyond(loss, *limit)),
        };
        (limits != Limits::default()).then_some(limits)
    };
    let (state, limits) = match (reached(critical), reached(warning)) {
        (Some(limits), _) => (State::Critical, limits),
        (None, Some(limits)) => (State::Warning, limits),
        (None, None) => (State::Ok, Limits::default()),
    };
    let mut text = sentence(&shown, rta, loss, heard, limits);
    if let Some(trouble) = &heard.trouble {
        text = format!("{text}: {trouble}");
    }
    let jitter = heard.jitter().map(|jitter| jitter.as_secs_f64());
    let jittery = jitter.map_or(State::Ok, |jitter| task.jitter.state(jitter));
    if let Some((jitter, range)) = jitter.and_then(|jitter| Some((jitter, task.jitter.violated(jitter)?))) {
        let side = if range.is_inside() { "inside" } else { "outside" };
        text = format!("{text}, jitter {} {side} {range}s", units::show_seconds(jitter));
    }
    let doubled = style == Manner::Ping && heard.duplicates > 0;
    if heard.duplicates > 0 {
        text = format!("{text}, {} duplicates", heard.duplicates);
    }
    let state = state.max(jittery).max(if doubled { State::Warning } else { State::Ok });
    Verdict { state, reason: (state != State::Ok).then_some(Reason::Threshold), text }
}

fn failed(failure: &Failure, call: &Call) -> Verdict {
    let state = call.state(failure.reason);
    Verdict { state, reason: Some(failure.reason), text: failure.message.clone() }
}

/// `10.0.0.1: rta 210 ms reaches 200 ms, 20% of 5 lost`.
fn sentence(shown: &str, rta: f64, loss: f64, heard: &Heard, reached: Limits) -> String {
    let of_time = |limit: f64| format!(" reaches {}", units::show_seconds(limit));
    let of_loss = |limit: f64| format!(", the limit is {}%", units::short(limit));
    let (rta_limit, loss_limit) =
        (reached.rta.map(of_time).unwrap_or_default(), reached.loss.map(of_loss).unwrap_or_default());
    let (rta, loss, sent) = (units::show_seconds(rta), units::short(loss), heard.sent);
    format!("{shown}: rta {rta}{rta_limit}, {loss}% of {sent} lost{loss_limit}")
}

/// Why no packet was answered, or a namesake takes it so.
fn nothing(task: &Task, shown: &str, heard: &Heard, facts: &Facts) -> Failure {
    let sent = heard.sent;
    let packets = if sent == 1 { "a packet".to_owned() } else { format!("{sent} packets") };
    if let Some(trouble) = &heard.trouble {
        let size = match trouble.what {
            What::TooBig { .. } => format!(", {} bytes", task.payload),
            _ => String::new(),
        };
        return Failure::new(Reason::Unreachable, format!("{shown}: {trouble}{size}"));
    }
    if heard.damaged > 0 {
        let message = format!("{shown} answers {packets} with another payload");
        return Failure::new(Reason::Protocol, message);
    }
    let waited = match (task.answer_within, heard.late) {
        (Some(limit), 1..) => limit,
        _ => facts.took,
    };
    let waited = units::show_seconds(waited.as_secs_f64());
    Failure::new(Reason::TimedOut, format!("{shown}: no answer to {packets} within {waited}"))
}

// Names as they are looked up hold nothing that would need escaping; what does is left out.
fn link(name: &str) -> String {
    let name: String =
        name.chars().filter(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%')).collect();
    format!("<A HREF='/nagios/cgi-bin/traceroute.cgi?{name}'>traceroute to {name}</A>")
}

fn with_details(mut outcome: Outcome, facts: &Facts) -> Outcome {
    for line in &facts.details {
        outcome = outcome.detail(line.clone());
    }
    for target in &facts.targets {
        if let Pinged::Asked(_, heard) = &target.state {
            outcome = outcome.detail(counts(&target.shown(), heard));
        }
    }
    match facts.means {
        Some(Means::Datagram) => outcome.detail("datagram sockets, through net.ipv4.ping_group_range"),
        Some(Means::Raw) => outcome.detail("raw sockets, through CAP_NET_RAW"),
        None => outcome,
    }
}

fn with_facts(outcome: Outcome, task: &Task, facts: &Facts) -> Outcome {
    let hosts: Vec<Value> = facts.targets.iter().map(host_fact).collect();
    let outcome = match facts.means {
        Some(Means::Datagram) => outcome.fact("socket", "datagram"),
        Some(Means::Raw) => outcome.fact("socket", "raw"),
        None => outcome,
    };
    outcome
        .fact("hosts", hosts)
        .fact("packets", task.count)
        .fact("payload", task.payload)
        .fact("interval", facts.interval.as_secs_f64())
}

fn counts(shown: &str, heard: &Heard) -> String {
    let times: Vec<String> =
        heard.times.iter().take(20).map(|time| units::show_seconds(time.as_secs_f64())).collect();
    let more = if heard.times.len() > times.len() { " …" } else { "" };
    let mut text = format!("{shown}: {} sent, {} answered", heard.sent, heard.received());
    for (count, what) in [(heard.duplicates, "doubled"), (heard.late, "late"), (heard.damaged, "damaged")] {
        if count > 0 {
            text = format!("{text}, {count} {what}");
        }
    }
    if times.is_empty() { text } else { format!("{text}: {}{more}", times.join(", ")) }
}

fn host_fact(target: &Target) -> Value {
    let (address, heard) = match &target.state {
        Pinged::Unknown(failure) => {
            return json!({ "host": target.name, "error": failure.message, "reason": failure.reason.word() });
        }
        Pinged::Asked(address, heard) => (address, heard),
    };
    let seconds =
        |time: Option<std::time::Duration>| time.map(|time| (time.as_secs_f64() * 1e6).round() / 1e6);
    let times: Vec<Option<f64>> = heard.times.iter().take(100).map(|time| seconds(Some(*time))).collect();
    json!({
        "host": target.name,
        "address": address.to_string(),
        "sent": heard.sent,
        "answered": heard.received(),
        "loss": heard.loss(),
        "rta": seconds(heard.average()),
        "rtmin": seconds(heard.min()),
        "rtmax": seconds(heard.max()),
        "jitter": seconds(heard.jitter()),
        "times": times,
        "duplicates": heard.duplicates,
        "late": heard.late,
        "damaged": heard.damaged,
        "error": heard.trouble.map(|trouble: Trouble| trouble.what.to_string()),
        "error_from": heard.trouble.and_then(|trouble| trouble.from).map(|from| from.to_string()),
    })
}

//! Judges what servers said of the time.

use std::fmt::Write as _;

use plugin::{Call, Dialect, Failure, Metric, Outcome, Range, Reason, State, Thresholds, Unit, units};
use serde_json::{Value, json};

use crate::client::{Asked, Clock, Sample};
use crate::options::Time;
use crate::packet::Leap;

/// A server with a time.
struct Good<'a> {
    /// Its place on the command line.
    place: usize,
    asked: &'a Asked,
    clock: &'a Clock,
    /// Its best exchange, the shift added.
    best: Sample,
}

/// A server without one.
struct Bad {
    failure: Failure,
    /// It answered, but would not or could not tell.
    answered: bool,
}

pub(crate) fn judge(time: &Time, asked: &[Asked], call: &Call) -> Outcome {
    let own = call.dialect == Dialect::Own;
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (place, asked) in asked.iter().enumerate() {
        match usable(asked, time.shift, call.dialect) {
            Ok((clock, best)) => good.push(Good { place, asked, clock, best }),
            Err(trouble) => bad.push(trouble),
        }
    }
    let facts: Vec<Value> = asked.iter().map(|asked| facts(asked, time.shift)).collect();
    let mut outcome = Outcome::new().fact("servers", facts);
    let state = |bad: &Bad| {
        if bad.answered && time.quiet { State::Unknown } else { call.state(bad.failure.reason) }
    };

    let several = asked.len() > 1;
    let group = if several { agreeing(&mut good, &time.spread) } else { 0..good.len() };
    match time.min_servers {
        Some(least) => outcome = enough(outcome, least, &good, &group, &bad, state),
        None => {
            for trouble in &bad {
                outcome = outcome.problem(state(trouble), trouble.failure.reason, &trouble.failure.message);
            }
        }
    }
    // With a number that suffices, those who differ are left out; without one, they are what is looked for.
    let counted = if time.min_servers.is_some() { &good[group] } else { &good[..] };
    if counted.is_empty() && asked.len() == 1 {
        // Without a time there is nothing more to say.
        return details(outcome, asked);
    }
    if own && several {
        outcome = spread(outcome, time, counted);
    }
    let worst = counted.iter().max_by(|a, b| a.best.offset.abs().total_cmp(&b.best.offset.abs()));
    if let Some(worst) = worst {
        outcome = outcome.summary(summary(worst, counted, asked.len()));
    }
    let mut in_order: Vec<&Good<'_>> = counted.iter().collect();
    in_order.sort_by_key(|server| server.place);
    for server in in_order {
        let prefix = if several { format!("{}/", server.asked.host) } else { String::new() };
        outcome = one(outcome, time, server, &prefix, own);
    }
    details(outcome, asked)
}

fn details(outcome: Outcome, asked: &[Asked]) -> Outcome {
    asked.iter().flat_map(|asked| &asked.details).fold(outcome, |outcome, line| outcome.detail(line.clone()))
}

/// What it said, and its best exchange with the shift added.
fn usable(asked: &Asked, shift: f64, dialect: Dialect) -> Result<(&Clock, Sample), Bad> {
    let peer = &asked.peer;
    let clock = match &asked.clock {
        Ok(clock) => clock,
        Err(failure) => {
            let answered = failure.reason == Reason::Protocol;
            return Err(Bad { failure: failure.clone(), answered });
        }
    };
    let bad = |reason, message| Err(Bad { failure: Failure::new(reason, message), answered: true });
    let reply = &clock.reply;
    if let Some(kiss) = reply.kiss() {
        // RFC 5905, section 7.4.
        return match kiss.as_str() {
            "DENY" | "RSTR" => bad(Reason::Refused, format!("{peer} refuses to be asked: kiss code {kiss}")),
            "RATE" => bad(Reason::Status, format!("{peer} is asked too often: kiss code {kiss}")),
            _ if reply.leap == Leap::Alarm => {
                bad(Reason::Status, format!("{peer} is not synchronised: {kiss}"))
            }
            _ => bad(Reason::Status, format!("{peer} tells no time: kiss code {kiss}")),
        };
    }
    if reply.leap == Leap::Alarm {
        return bad(Reason::Status, format!("{peer} is not synchronised: leap alarm"));
    }
    // The C plugin takes a stratum of 16 for a good one.
    if dialect == Dialect::Own && !reply.is_synchronised() {
        return bad(Reason::Status, format!("{peer} is not synchronised: stratum {}", reply.stratum));
    }
    match clock.best() {
        Some(best) => Ok((clock, Sample { offset: best.offset + shift, ..best })),
        None => bad(Reason::Protocol, format!("{peer} tells no time")),
    }
}

/// Sorts servers by offset, and finds the most of them that agree.
fn agreeing(good: &mut [Good<'_>], spread: &Thresholds) -> std::ops::Range<usize> {
    good.sort_by(|a, b| a.best.offset.total_cmp(&b.best.offset));
    // Those who differ by more than is critical do not agree.
    let limit = spread.critical.as_ref().or(spread.warning.as_ref());
    let agree = |from: &Good<'_>, to: &Good<'_>| {
        limit.is_none_or(|range| !range.alerts(to.best.offset - from.best.offset))
    };
    let mut most = 0..0;
    for start in 0..good.len() {
        let end = start + good[start..].iter().take_while(|server| agree(&good[start], server)).count();
        if end - start > most.len() {
            most = start..end;
        }
    }
    most
}

// What is too few is a problem; those beyond the number may be away, or wrong.
fn enough(
    mut outcome: Outcome,
    least: usize,
    good: &[Good<'_>],
    group: &std::ops::Range<usize>,
    bad: &[Bad],
    state: impl Fn(&Bad) -> State,
) -> Outcome {
    let enough = group.len() >= least;
    let metric = Metric::new("servers", group.len() as f64).min(0.0).max((good.len() + bad.len()) as f64);
    let needed = format!("{least}:").parse::<Range>().ok();
    outcome = outcome.metric(metric.thresholds(&Thresholds::new(None, needed)));
    if !enough {
        let text =
            format!("{} of {} servers are in order, {least} needed", group.len(), good.len() + bad.len());
        let worst = bad.iter().map(|bad| (bad.failure.reason, state(bad))).max_by_key(|(_, state)| *state);
        let (reason, state) = worst.unwrap_or((Reason::Content, State::Critical));
        outcome = outcome.problem(state, reason, text);
    }
    for trouble in bad {
        outcome =
            outcome.finding(State::Ok, format!("{} [{}]", trouble.failure.message, trouble.failure.reason));
    }
    for (_, server) in good.iter().enumerate().filter(|(n, _)| !group.contains(n)) {
        let (peer, offset) = (&server.asked.peer, shown_offset(server.best.offset));
        outcome = outcome.finding(State::Ok, format!("{peer}: offset {offset} differs from the others"));
    }
    outcome
}

// How far the servers are from each other; they are sorted by offset.
fn spread(outcome: Outcome, time: &Time, counted: &[Good<'_>]) -> Outcome {
    let [first, .., last] = counted else { return outcome };
    let spread = last.best.offset - first.best.offset;
    let text =
        format!("{} and {} differ by {}", first.asked.peer, last.asked.peer, units::show_seconds(spread));
    let metric = Metric::new("spread", spread).unit(Unit::Seconds).thresholds(&time.spread).min(0.0);
    outcome.measured(metric, text)
}

fn summary(worst: &Good<'_>, counted: &[Good<'_>], asked: usize) -> String {
    let (peer, offset) = (&worst.asked.peer, shown_offset(worst.best.offset));
    if asked > 1 {
        return format!("{} of {asked} servers agree, worst offset {offset} of {peer}", counted.len());
    }
    let mut text = format!("{peer}: offset {offset}, stratum {}", worst.clock.reply.stratum);
    if let Some(jitter) = worst.clock.jitter() {
        let _written = write!(text, ", jitter {}", units::show_seconds(jitter));
    }
    text
}

// Offset, and what else is asked of one server.
fn one(mut outcome: Outcome, time: &Time, server: &Good<'_>, prefix: &str, own: bool) -> Outcome {
    let Good { asked: Asked { peer, .. }, clock, best, .. } = server;
    let label = |name: &str| format!("{prefix}{name}");
    let text = format!("{peer}: offset {}", shown_offset(best.offset));
    outcome = judged(outcome, best.offset.abs(), &time.offset, "s", text);
    let offset = Metric::new(label("offset"), best.offset).unit(Unit::Seconds);
    if !own {
        return outcome.metric(offset.thresholds(&time.offset).decimals(6));
    }
    outcome = outcome.metric(offset.thresholds(&both_ways(&time.offset)));

    let stratum = f64::from(clock.reply.stratum);
    outcome = judged(outcome, stratum, &time.stratum, "", format!("{peer}: stratum {stratum}"));
    outcome =
        outcome.metric(Metric::new(label("stratum"), stratum).thresholds(&time.stratum).min(0.0).max(16.0));
    // Jitter takes two exchanges: with a limit for it, its absence is a reason to look.
    let times = [
        ("jitter", "jitter", clock.jitter(), &time.jitter),
        ("delay", "delay", Some(best.delay), &time.delay),
        ("root_delay", "root delay", Some(clock.reply.root_delay), &time.root_delay),
        ("root_dispersion", "root dispersion", Some(clock.reply.root_dispersion), &time.root_dispersion),
    ];
    for (name, words, value, limits) in times {
        let shown = value.map_or("unknown".into(), units::show_seconds);
        let value = value.unwrap_or(f64::NAN);
        outcome = judged(outcome, value, limits, "s", format!("{peer}: {words} {shown}"));
        if !limits.is_empty() || !name.starts_with("root") {
            outcome = outcome
                .metric(Metric::new(label(name), value).unit(Unit::Seconds).thresholds(limits).min(0.0));
        }
    }
    outcome
}

fn facts(asked: &Asked, shift: f64) -> Value {
    let mut facts = json!({"host": asked.host, "address": asked.address});
    match &asked.clock {
        Err(failure) => {
            facts["error"] = failure.message.clone().into();
            facts["reason"] = failure.reason.word().into();
        }
        Ok(clock) => {
            let reply = &clock.reply;
            facts["stratum"] = reply.stratum.into();
            facts["leap"] = reply.leap.word().into();
            facts["kiss"] = reply.kiss().into();
            facts["reference"] = reply.reference().into();
            facts["root_delay"] = reply.root_delay.into();
            facts["root_dispersion"] = reply.root_dispersion.into();
            facts["offset"] = clock.best().map(|best| best.offset + shift).into();
            facts["delay"] = clock.best().map(|best| best.delay).into();
            facts["jitter"] = clock.jitter().into();
            facts["samples"] = clock
                .samples
                .iter()
                .map(|sample| json!({"offset": sample.offset, "delay": sample.delay}))
                .collect();
        }
    }
    facts
}

/// A finding about a value that stands in a metric otherwise; the violated range follows the text.
pub(crate) fn judged(outcome: Outcome, value: f64, limits: &Thresholds, unit: &str, text: String) -> Outcome {
    match limits.violated(value) {
        None => outcome.finding(State::Ok, text),
        Some(range) => {
            let verb = if range.is_inside() { "inside" } else { "outside" };
            outcome.judged(value, limits, format!("{text}, {verb} {range}{unit}"))
        }
    }
}

/// `+3.1 ms`: the server is ahead of this host.
pub(crate) fn shown_offset(offset: f64) -> String {
    let sign = if offset < 0.0 { '-' } else { '+' };
    format!("{sign}{}", units::show_seconds(offset.abs()))
}

/// Ranges of an amount as ranges of the signed value, for who reads perfdata: `2` is `-2:2`.
pub(crate) fn both_ways(limits: &Thresholds) -> Thresholds {
    let both = |range: &Option<Range>| {
        let range = range.as_ref()?;
        let mirrored = range.start().to_bits() == 0 && !range.is_inside() && range.end().is_finite();
        let text = mirrored.then(|| format!("-{0}:{0}", range.end()));
        Some(text.and_then(|text| text.parse().ok()).unwrap_or_else(|| range.clone()))
    };
    Thresholds::new(both(&limits.warning), both(&limits.critical))
}

#[cfg(test)]
mod tests;

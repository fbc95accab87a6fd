//! Judges what a server says of its sources.

use plugin::{Call, Dialect, Metric, Outcome, Reason, State, Thresholds, Unit, units};

use crate::judge::{both_ways, judged, shown_offset};
use crate::options::Peer;
use crate::peer::Sources;

pub(crate) fn judge(peer: &Peer, sources: &Sources, call: &Call) -> Outcome {
    let own = call.dialect == Dialect::Own;
    let server = &sources.server;
    let mut outcome = Outcome::new()
        .fact("server", server.as_str())
        .fact("alarm", sources.alarm)
        .fact("synchronised", sources.synchronised)
        .fact("associations", sources.associations)
        .fact("candidates", sources.candidates)
        .fact("truechimers", sources.truechimers);

    // Following a source is what a time server is for: candidates alone, or an alarm, are half of it.
    let quietly = |state| if peer.quiet { State::Unknown } else { state };
    let half = quietly(if own { call.state(Reason::Status) } else { State::Warning });
    match sources.offset {
        None => {
            let state = quietly(State::Critical);
            let text = if sources.synchronised {
                format!("{server} does not tell the offset of its source")
            } else {
                format!(
                    "{server} is not synchronised: {} of {} sources credible",
                    sources.truechimers, sources.associations
                )
            };
            outcome = outcome.problem(state, Reason::Status, text);
        }
        Some(offset) => {
            if !sources.synchronised {
                let text = format!("{server} follows no source, has {} candidates", sources.candidates);
                outcome = outcome.problem(half, Reason::Status, text);
            } else if sources.alarm {
                outcome = outcome.problem(half, Reason::Status, format!("{server} sets the leap alarm"));
            }
            let text = format!("{server}: offset {} from its source", shown_offset(offset));
            let stratum = sources.stratum.map_or(String::new(), |stratum| format!(" of stratum {stratum}"));
            let of = format!("{} of {} credible", sources.truechimers, sources.associations);
            outcome = outcome.summary(format!("{text}{stratum}, {of}"));
            outcome = judged(outcome, offset.abs(), &peer.offset, "s", text);
        }
    }
    outcome = outcome.fact("offset", sources.offset);
    // Where there is none, a graph gets none; the C plugin's shows a 0.
    let mut metric = Metric::new("offset", sources.offset.unwrap_or(f64::NAN)).unit(Unit::Seconds);
    metric = metric.thresholds(&if own { both_ways(&peer.offset) } else { peer.offset.clone() });
    outcome = outcome.metric(if own { metric } else { metric.decimals(6) });

    let unknown = |value: Option<f64>| value.unwrap_or(-1.0);
    outcome = outcome.fact("jitter_ms", sources.jitter).fact("stratum", sources.stratum);
    if let Some(limits) = &peer.jitter {
        let shown = sources.jitter.map_or("unknown".into(), |jitter| units::show_seconds(jitter / 1e3));
        let text = format!("{server}: jitter {shown}");
        outcome = judged(outcome, unknown(sources.jitter), limits, " ms", text);
        outcome = outcome.metric(if own {
            let scaled = |range: &Option<plugin::Range>| range.as_ref().map(|range| range.scaled(1e-3));
            let limits = Thresholds::new(scaled(&limits.warning), scaled(&limits.critical));
            let seconds = sources.jitter.map_or(f64::NAN, |jitter| jitter / 1e3);
            Metric::new("jitter", seconds).unit(Unit::Seconds).thresholds(&limits).min(0.0)
        } else {
            Metric::new("jitter", unknown(sources.jitter)).decimals(6).thresholds(limits).min(0.0)
        });
    }
    if let Some(limits) = &peer.stratum {
        let shown = sources.stratum.map_or("unknown".into(), |stratum| stratum.to_string());
        outcome = judged(outcome, unknown(sources.stratum), limits, "", format!("{server}: stratum {shown}"));
        let value = if own { sources.stratum.unwrap_or(f64::NAN) } else { unknown(sources.stratum) };
        outcome = outcome.metric(Metric::new("stratum", value).thresholds(limits).min(0.0).max(16.0));
    }
    if let Some(limits) = &peer.truechimers {
        let count = sources.truechimers as f64;
        outcome = judged(outcome, count, limits, "", format!("{server}: {count} truechimers"));
        outcome = outcome.metric(Metric::new("truechimers", count).thresholds(limits).min(0.0));
    }
    sources.details.iter().fold(outcome, |outcome, line| outcome.detail(line.clone()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plugin::{Call, Check as _, Deadline, Dialect, Reason, State};

    use crate::CheckNtp;
    use crate::options::Task;
    use crate::peer::Sources;

    fn sources() -> Sources {
        Sources {
            server: "a:123".into(),
            alarm: false,
            synchronised: true,
            associations: 5,
            truechimers: 4,
            candidates: 3,
            offset: Some(-0.0015),
            jitter: Some(2.5),
            stratum: Some(3.0),
            details: Vec::new(),
        }
    }

    // State, findings that are not OK with their reasons, perfdata.
    fn line(name: &str, args: &[&str], sources: &Sources) -> String {
        let line = CheckNtp::command_as(name).get_matches_from([&[name, "-H", "a"], args].concat());
        let check = CheckNtp::from_line(name, &line).expect("readable");
        let Task::Peer(peer) = &check.0 else { panic!("{name} asks about sources") };
        let mut call = Call::own(name, Deadline::after(Duration::from_secs(10)));
        call.dialect = Dialect::of_name(name);
        let outcome = super::judge(peer, sources, &call);
        let bad = outcome.findings().iter().filter(|finding| finding.state != State::Ok);
        let texts: Vec<String> = bad
            .map(|finding| format!("{} [{}]", finding.text, finding.reason.map_or("", Reason::word)))
            .collect();
        let metrics = outcome.metrics().iter();
        let perfdata: Vec<String> = metrics.map(|metric| metric.perfdata(call.dialect)).collect();
        format!("{} - {} | {}", outcome.state(), texts.join(", "), perfdata.join(" "))
    }

    #[test]
    fn numbers_of_the_source() {
        let all = ["-W", "4", "-j", "5", "-m", "@1"];
        assert_eq!(
            line("check_ntp_peer", &all, &sources()),
            "OK -  | offset=-0.001500s;60;120 jitter=2.500000;5;-1:10000;0.000000 stratum=3;4;-1:16;0;16 \
             truechimers=4;@1;0:;0"
        );
        assert_eq!(
            line("check-ntp-peer", &all, &sources()),
            "OK -  | offset=-0.0015s;-60:60;-120:120 jitter=0.0025s;0.005;-0.001:10;0 stratum=3;4;-1:16;0;16 \
             truechimers=4;@1;0:;0"
        );
        for (args, text) in [
            (["-w", "0.001"], "WARNING - a:123: offset -1.5 ms from its source, outside 0.001s [threshold]"),
            (["-c", "0.001"], "CRITICAL - a:123: offset -1.5 ms from its source, outside 0.001s [threshold]"),
            (["-W", "2"], "WARNING - a:123: stratum 3, outside 2 [threshold]"),
            (["-C", "2"], "CRITICAL - a:123: stratum 3, outside 2 [threshold]"),
            (["-j", "2"], "WARNING - a:123: jitter 2.5 ms, outside 2 ms [threshold]"),
            (["-k", "2"], "CRITICAL - a:123: jitter 2.5 ms, outside 2 ms [threshold]"),
            (["-m", "5:"], "WARNING - a:123: 4 truechimers, outside 5: [threshold]"),
            (["-n", "@4"], "CRITICAL - a:123: 4 truechimers, inside @4 [threshold]"),
        ] {
            for name in ["check_ntp_peer", "check-ntp-peer"] {
                let line = line(name, &args, &sources());
                assert!(line.starts_with(&format!("{text} | ")), "{line}");
            }
        }
    }

    #[test]
    fn half_synchronised() {
        let alarm = Sources { alarm: true, ..sources() };
        let candidates = Sources { synchronised: false, ..sources() };
        for (sources, text) in [
            (&alarm, "a:123 sets the leap alarm [status]"),
            (&candidates, "a:123 follows no source, has 3 candidates [status]"),
        ] {
            let line = |name, args: &[&str]| line(name, args, sources).split(" | ").next().map(str::to_owned);
            assert_eq!(line("check_ntp_peer", &[]), Some(format!("WARNING - {text}")));
            assert_eq!(line("check-ntp-peer", &[]), Some(format!("CRITICAL - {text}")));
            assert_eq!(line("check_ntp_peer", &["-q"]), Some(format!("UNKNOWN - {text}")));
            assert_eq!(line("check-ntp-peer", &["-q"]), Some(format!("UNKNOWN - {text}")));
        }
    }

    #[test]
    fn without_a_source() {
        let none = Sources {
            synchronised: false,
            truechimers: 0,
            candidates: 0,
            offset: None,
            jitter: None,
            stratum: None,
            ..sources()
        };
        assert_eq!(
            line("check_ntp_peer", &["-k", "-1:5", "-W", "-1:4"], &none),
            "CRITICAL - a:123 is not synchronised: 0 of 5 sources credible [status] | offset=U;60;120 \
             jitter=-1.000000;-1:5000;-1:5;0.000000 stratum=-1;-1:4;-1:16;0;16"
        );
        assert_eq!(
            line("check-ntp-peer", &["-q", "-k", "5", "-W", "4"], &none),
            "CRITICAL - a:123 is not synchronised: 0 of 5 sources credible [status], a:123: jitter unknown, outside \
             5 ms [threshold], a:123: stratum unknown, outside 4 [threshold] | offset=U;-60:60;-120:120 \
             jitter=U;-0.001:5;0.005;0 stratum=U;4;-1:16;0;16"
        );
        assert!(line("check_ntp_peer", &["-q"], &none).starts_with("UNKNOWN - "));
        let mute = Sources { offset: None, ..sources() };
        assert!(line("check_ntp_peer", &[], &mute).starts_with("CRITICAL - a:123 does not tell the offset"));
    }
}

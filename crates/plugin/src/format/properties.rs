//! What holds for the output of every outcome.

use proptest::prelude::*;

use super::tests::frame;
use super::{Frame, render};
use crate::options::OutputFormat;
use crate::{Dialect, Metric, Outcome, Reason, State, Thresholds};

const STATES: [State; 4] = [State::Ok, State::Warning, State::Critical, State::Unknown];

fn outcome() -> impl Strategy<Value = Outcome> {
    let text = || prop_oneof!["\\PC{0,30}", any::<String>(), "[a-z/ ]{60,140}"];
    let finding = (prop::sample::select(STATES.to_vec()), prop::option::of(0..Reason::ALL.len()), text());
    let metric = (text(), any::<f64>());
    (
        prop::option::of(text()),
        prop::collection::vec(finding, 0..60),
        prop::collection::vec(metric, 0..90),
        prop::collection::vec(text(), 0..5),
    )
        .prop_map(|(summary, findings, metrics, details)| {
            let mut outcome = Outcome { summary, details, ..Outcome::new() };
            for (state, reason, text) in findings {
                outcome = match reason {
                    Some(reason) => outcome.problem(state, Reason::ALL[reason], text),
                    None => outcome.finding(state, text),
                };
            }
            let limits = Thresholds::new("5".parse().ok(), "~:10".parse().ok());
            metrics.into_iter().fold(outcome, |outcome, (label, value)| {
                outcome.metric(Metric::new(label, value).thresholds(&limits))
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn the_first_line_is_whole_and_the_rest_is_bounded(outcome in outcome(), verbosity in 0..2_u8) {
        for dialect in [Dialect::Own, Dialect::C] {
            let frame = Frame { dialect, verbosity, ..frame() };
            let text = render(OutputFormat::Nagios, &outcome, &frame);
            prop_assert!(text.ends_with('\n'));
            prop_assert!(verbosity > 0 || text.len() <= 4096, "{} bytes", text.len());
            let lines: Vec<&str> = text.lines().collect();
            let headline = lines[0].split('|').next().unwrap_or_default().trim_end();
            prop_assert!(headline.len() <= 100, "{} bytes: {}", headline.len(), headline);
            let start = format!("TCP {} -", outcome.state());
            prop_assert!(headline.starts_with(&start), "{}", headline);
            let bars = text.matches('|').count();
            prop_assert!(bars <= 1 && lines[1..].iter().all(|line| !line.contains('|')), "{}", text);
            prop_assert!(!lines.iter().any(|line| line.contains(char::is_control)), "{:?}", text);
            if outcome.state() != State::Ok {
                let worst = outcome.findings.iter().find(|finding| finding.state == outcome.state());
                let reason = worst.and_then(|finding| finding.reason).map(|reason| format!("[{reason}]"));
                prop_assert!(reason.is_none_or(|reason| headline.ends_with(&reason)), "{}", headline);
            }
            // The last number of the first line cannot run into the first of the next.
            if lines.len() > 1 && let Some((_, perfdata)) = lines[0].split_once(" | ") {
                prop_assert!(perfdata.rsplit(' ').next().is_some_and(|last| last.contains(';')), "{}", lines[0]);
            }
        }
    }

    #[test]
    fn json_is_one_line_that_reads_back(outcome in outcome()) {
        let text = render(OutputFormat::Json, &outcome, &frame());
        prop_assert_eq!(text.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
        prop_assert_eq!(value["code"].as_u64(), Some(u64::from(outcome.state().code())));
        prop_assert_eq!(value["findings"].as_array().map(Vec::len), Some(outcome.findings.len()));
        prop_assert_eq!(value["metrics"].as_array().map(Vec::len), Some(outcome.metrics.len()));
    }

    #[test]
    fn metric_formats_have_one_line_for_each_number(outcome in outcome()) {
        let numbers = outcome.metrics.iter().filter(|metric| metric.value.is_finite()).count();
        let graphite = render(OutputFormat::Graphite, &outcome, &frame());
        prop_assert_eq!(graphite.lines().count(), numbers + 1);
        for line in graphite.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            prop_assert_eq!(fields.len(), 3, "{}", line);
            prop_assert!(fields[1].parse::<f64>().is_ok() && fields[2].parse::<u64>().is_ok(), "{}", line);
        }
        let prometheus = render(OutputFormat::Prometheus, &outcome, &frame());
        prop_assert_eq!(prometheus.lines().filter(|line| !line.starts_with('#')).count(), numbers + 1);
    }
}

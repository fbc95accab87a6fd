//! One JSON object; its schema is docs/outcome.schema.json.

use serde_json::{Map, Value, json};

use super::{Frame, NOTHING};
use crate::outcome::Finding;
use crate::text::clean;
use crate::{Metric, Outcome, Reason};

pub(super) fn render(outcome: &Outcome, frame: &Frame) -> String {
    let state = outcome.state();
    let findings = outcome.worst_first();
    let summary = match &outcome.summary {
        Some(summary) if state == crate::State::Ok => clean(summary).into_owned(),
        _ => findings.first().map_or(NOTHING.into(), |finding| clean(&finding.text).into_owned()),
    };
    let object = json!({
        "plugin": frame.plugin,
        "version": frame.version,
        "state": state.word(),
        "code": state.code(),
        "summary": summary,
        "findings": findings.iter().map(|finding| finding_json(finding)).collect::<Vec<_>>(),
        "metrics": outcome.metrics.iter().map(metric_json).collect::<Vec<_>>(),
        "timing": {
            "elapsed": frame.elapsed.as_secs_f64(),
            "timeout": frame.timeout.as_secs_f64(),
        },
        "details": outcome.lines.iter().chain(&outcome.details).map(|line| clean(line).into_owned()).collect::<Vec<_>>(),
        "facts": outcome.facts,
    });
    format!("{object}\n")
}

fn finding_json(finding: &Finding) -> Value {
    json!({
        "state": finding.state.word(),
        "text": clean(&finding.text),
        "reason": finding.reason.map(Reason::word),
    })
}

fn metric_json(metric: &Metric) -> Value {
    let range = |range: &Option<crate::Range>| range.as_ref().map(ToString::to_string);
    // JSON has no NaN: what cannot be determined is null.
    let mut object = Map::new();
    object.insert("label".into(), json!(metric.label));
    object.insert("value".into(), if metric.value.is_finite() { json!(metric.value) } else { Value::Null });
    object.insert("unit".into(), json!(metric.unit.symbol()));
    object.insert("warning".into(), json!(range(&metric.thresholds.warning)));
    object.insert("critical".into(), json!(range(&metric.thresholds.critical)));
    object.insert("min".into(), json!(metric.min));
    object.insert("max".into(), json!(metric.max));
    object.insert("state".into(), json!(metric.state().word()));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{frame, refused};
    use super::render;

    #[test]
    fn every_field_stands_there() {
        let text = render(&refused().fact("address", "10.0.0.5"), &frame());
        let expected = concat!(
            r#"{"plugin":"check-tcp","version":"0.1.0","state":"CRITICAL","code":2,"#,
            r#""summary":"10.0.0.5:443 refused the connection after 3 ms","#,
            r#""findings":[{"state":"CRITICAL","text":"10.0.0.5:443 refused the connection after 3 ms","reason":"refused"}],"#,
            r#""metrics":[{"label":"time","value":0.003,"unit":"s","warning":null,"critical":null,"min":0.0,"max":10.0,"state":"OK"}],"#,
            r#""timing":{"elapsed":0.003,"timeout":10.0},"details":[],"facts":{"address":"10.0.0.5"}}"#,
            "\n"
        );
        assert_eq!(text, expected);
    }
}

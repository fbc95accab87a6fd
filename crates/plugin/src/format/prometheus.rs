//! Prometheus text exposition: the state and every metric, for Sensu's `prometheus_text` and textfile collectors.

use std::fmt::Write as _;

use super::Frame;
use crate::Outcome;
use crate::text::clean;

const STATE_HELP: &str = "State of the check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.";
const VALUE_HELP: &str = "A number measured by the check, in the unit of its label.";

pub(super) fn render(outcome: &Outcome, frame: &Frame) -> String {
    let check = escape(&frame.plugin);
    let mut out = format!(
        "# HELP verdigris_check_status {STATE_HELP}\n# TYPE verdigris_check_status gauge\n\
         verdigris_check_status{{check=\"{check}\"}} {}\n",
        outcome.state().code()
    );
    // A metric that is not determinable is left out: NaN would be stored as if it were measured.
    let known: Vec<_> = outcome.metrics.iter().filter(|metric| metric.value.is_finite()).collect();
    if !known.is_empty() {
        let _written =
            write!(out, "# HELP verdigris_check_value {VALUE_HELP}\n# TYPE verdigris_check_value gauge\n");
    }
    for metric in known {
        let (label, unit) = (escape(&clean(&metric.label)), metric.unit.symbol());
        let _written = writeln!(
            out,
            "verdigris_check_value{{check=\"{check}\",label=\"{label}\",unit=\"{unit}\"}} {}",
            metric.decimal(metric.value)
        );
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{frame, refused};
    use super::render;
    use crate::Metric;

    #[test]
    fn the_state_and_what_is_known() {
        let text = render(&refused().metric(Metric::new("a\"b", f64::NAN)), &frame());
        let values: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                r#"verdigris_check_status{check="check-tcp"} 2"#,
                r#"verdigris_check_value{check="check-tcp",label="time",unit="s"} 0.003"#
            ]
        );
        assert!(text.ends_with('\n'));
    }
}

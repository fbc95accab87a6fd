//! Graphite plaintext: `path value seconds`, one line a metric, as Sensu's `graphite_plaintext` reads it.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Frame;
use crate::Outcome;

pub(super) fn render(outcome: &Outcome, frame: &Frame) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    render_at(outcome, frame, now)
}

fn render_at(outcome: &Outcome, frame: &Frame, now: u64) -> String {
    let prefix = frame.scheme.clone().unwrap_or_else(|| {
        let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        format!(
            "{}.{}",
            segment(host.as_deref().unwrap_or("localhost")),
            segment(&frame.label.to_lowercase())
        )
    });
    let mut out = format!("{prefix}.status {} {now}\n", outcome.state().code());
    for metric in outcome.metrics.iter().filter(|metric| metric.value.is_finite()) {
        let _written =
            writeln!(out, "{prefix}.{} {} {now}", segment(&metric.label), metric.decimal(metric.value));
    }
    out
}

// A path's segment: dots, slashes and blanks would make other segments or fields.
fn segment(text: &str) -> String {
    let text = text.trim_matches('/');
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if text.is_empty() {
        "root".to_owned()
    } else {
        text.chars().map(|c| if fits(c) { c } else { '_' }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{frame, refused};
    use super::render_at;
    use crate::Metric;
    use crate::format::Frame;

    #[test]
    fn one_line_a_metric() {
        let frame = Frame { scheme: Some("dc1.web".into()), ..frame() };
        let outcome = refused().metric(Metric::new("/", 5.0)).metric(Metric::new("/var/log", 7.0));
        let expected =
            "dc1.web.status 2 1700\ndc1.web.time 0.003 1700\ndc1.web.root 5 1700\ndc1.web.var_log 7 1700\n";
        assert_eq!(render_at(&outcome, &frame, 1700), expected);
    }
}

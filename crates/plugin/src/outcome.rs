//! What a run found: findings with states, metrics, details. Its state is computed, never set.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{Failure, Metric, Reason, State, Thresholds, secret};

/// One sentence about the target, with its state.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// State that this finding alone would give the run.
    pub state: State,
    /// Names the target, what was looked at, and the number: `10.0.0.5:443 answered in 3 ms`.
    pub text: String,
    /// Kind of the problem; none where there is no problem.
    pub reason: Option<Reason>,
}

/// The result of a run.
///
/// Its state is the worst of its findings. Its first line is the summary where all is OK, else the worst findings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    pub(crate) summary: Option<String>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) lines: Vec<String>,
    pub(crate) details: Vec<String>,
    pub(crate) facts: Map<String, Value>,
}

impl Outcome {
    /// Nothing found yet: OK.
    pub fn new() -> Outcome {
        Outcome::default()
    }

    /// The first line while all findings are OK; without it they speak for themselves.
    pub fn summary(mut self, text: impl Into<String>) -> Outcome {
        self.summary = Some(text.into());
        self
    }

    /// Adds a finding that has no kind: one that is OK, or whose state the user asked for.
    pub fn finding(mut self, state: State, text: impl Into<String>) -> Outcome {
        self.findings.push(Finding { state, text: text.into(), reason: None });
        self
    }

    /// Adds a finding with its kind, shown as the last word of the first line unless the state is OK.
    pub fn problem(mut self, state: State, reason: Reason, text: impl Into<String>) -> Outcome {
        self.findings.push(Finding { state, text: text.into(), reason: Some(reason) });
        self
    }

    /// Adds a failure with the state that the dialect gives it ([`crate::Call::state`]).
    pub fn failed(self, state: State, failure: &Failure) -> Outcome {
        self.problem(state, failure.reason, failure.message.clone())
    }

    /// Adds a metric and what its thresholds say of it: `text` is the finding, with the violated range behind it.
    pub fn measured(self, metric: Metric, text: impl Into<String>) -> Outcome {
        let state = metric.state();
        let mut text = text.into();
        if let Some(range) = metric.thresholds.violated(metric.value) {
            let verb = if range.is_inside() { "inside" } else { "outside" };
            text = format!("{text}, {verb} {range}{}", metric.unit.symbol());
        }
        let outcome = self.metric(metric);
        match state {
            State::Ok => outcome.finding(state, text),
            _ => outcome.problem(state, Reason::Threshold, text),
        }
    }

    /// Adds a metric without a finding.
    pub fn metric(mut self, metric: Metric) -> Outcome {
        self.metrics.push(metric);
        self
    }

    /// Judges a value that is no metric, or one shown elsewhere already.
    pub fn judged(self, value: f64, thresholds: &Thresholds, text: impl Into<String>) -> Outcome {
        match thresholds.state(value) {
            State::Ok => self.finding(State::Ok, text),
            state => self.problem(state, Reason::Threshold, text),
        }
    }

    /// Adds a line that is always shown below the first: one that an option of the plugin asks for.
    pub fn line(mut self, line: impl Into<String>) -> Outcome {
        self.lines.push(line.into());
        self
    }

    /// Adds a line that is shown with `-v` only.
    pub fn detail(mut self, line: impl Into<String>) -> Outcome {
        self.details.push(line.into());
        self
    }

    /// Adds a typed fact to the `facts` of the JSON output.
    pub fn fact(mut self, key: &str, value: impl Into<Value>) -> Outcome {
        self.facts.insert(key.to_owned(), value.into());
        self
    }

    /// The worst state of all findings.
    pub fn state(&self) -> State {
        self.findings.iter().map(|finding| finding.state).max().unwrap_or_default()
    }

    /// All findings, in the order in which they were added.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// All metrics, in the order in which they were added.
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    // Every text without secrets, before any of it is cut or escaped.
    pub(crate) fn redacted(&self) -> Cow<'_, Outcome> {
        if !secret::any_known() {
            return Cow::Borrowed(self);
        }
        let text = |text: &String| secret::redact(text.clone());
        let finding = |finding: &Finding| Finding { text: text(&finding.text), ..finding.clone() };
        let metric = |metric: &Metric| Metric { label: text(&metric.label), ..metric.clone() };
        Cow::Owned(Outcome {
            summary: self.summary.as_ref().map(text),
            findings: self.findings.iter().map(finding).collect(),
            metrics: self.metrics.iter().map(metric).collect(),
            lines: self.lines.iter().map(text).collect(),
            details: self.details.iter().map(text).collect(),
            facts: secret::redact_facts(&self.facts),
        })
    }

    // Worst first; findings of one state keep their order.
    pub(crate) fn worst_first(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> = self.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.state));
        findings
    }
}

impl From<(State, Failure)> for Outcome {
    fn from((state, failure): (State, Failure)) -> Outcome {
        Outcome::new().failed(state, &failure)
    }
}

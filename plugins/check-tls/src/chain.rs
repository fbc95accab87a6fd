//! What is judged of certificates, whether a server sent them or a file holds them.

use plugin::{Call, Metric, Outcome, Range, Reason, State, Thresholds, Unit, text, units};
use tls::Certificate;

use crate::limit::{self, Limit};
use crate::options::CheckTls;

const DAY: i64 = 86_400;
/// Most bytes of a foreign name in a message.
const NAMED: usize = 40;

/// A chain with whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain<'a> {
    /// Server or file, for messages.
    pub of: &'a str,
    /// The server's own certificate first, then those that its trust rests on.
    pub path: &'a [Certificate],
    /// All that was shown.
    pub shown: &'a [Certificate],
    /// Seconds since 1970.
    pub now: i64,
}

impl Chain<'_> {
    /// The certificate that expires first of those that count.
    pub fn first_to_expire(&self, check: &CheckTls) -> Option<&Certificate> {
        self.judged(check).iter().min_by_key(|element| element.not_after)
    }

    fn judged(&self, check: &CheckTls) -> &[Certificate] {
        if check.leaf_only { &self.path[..self.path.len().min(1)] } else { self.path }
    }

    /// `certificate valid for 62 d, until 2026-12-01`, of the one that expires first.
    pub fn validity(&self, check: &CheckTls) -> String {
        let Some(first) = self.first_to_expire(check) else { return "no certificate".to_owned() };
        let (span, until) = (show_span(first.left(self.now)), tls::date(first.not_after));
        let whose = self.title(first);
        format!("{whose} valid for {span}, until {until}")
    }

    // How a message calls one of the chain.
    fn title(&self, element: &Certificate) -> String {
        if self.path.first() == Some(element) {
            return "certificate".to_owned();
        }
        format!("issuer {}", text::shorten(element.title(), NAMED))
    }
}

impl CheckTls {
    /// Adds what is wrong with a chain.
    pub(crate) fn judge_chain(&self, mut outcome: Outcome, chain: &Chain<'_>, call: &Call) -> Outcome {
        let Some(leaf) = chain.path.first() else { return outcome };
        let (warning, critical) = self.limits(leaf);
        for element in chain.judged(self) {
            outcome = validity(outcome, chain, element, warning, critical, call);
            outcome = self.strength(outcome, chain, element, call);
        }
        self.identity(outcome, chain, leaf, call)
    }

    /// Seconds of validity below which a chain is WARNING and CRITICAL.
    pub(crate) fn limits(&self, leaf: &Certificate) -> (f64, f64) {
        (
            Limit::seconds(self.warning, limit::WARNING, leaf),
            Limit::seconds(self.critical, limit::CRITICAL, leaf),
        )
    }

    /// `expires`: what is left of the first to expire, with the limits of its chain.
    pub(crate) fn expires(&self, chain: &Chain<'_>) -> Option<Metric> {
        let (leaf, first) = (chain.path.first()?, chain.first_to_expire(self)?);
        let (warning, critical) = self.limits(leaf);
        let least = |limit: f64| Range::parse_with(&format!("{limit}:"), units::seconds).ok();
        let limits = Thresholds::new(least(warning), least(critical));
        Some(Metric::new("expires", first.left(chain.now) as f64).unit(Unit::Seconds).thresholds(&limits))
    }

    fn strength(
        &self,
        mut outcome: Outcome,
        chain: &Chain<'_>,
        element: &Certificate,
        call: &Call,
    ) -> Outcome {
        let (of, title) = (chain.of, text::shorten(element.title(), NAMED));
        let least = if element.key.kind == "EC" { self.min_ec_bits } else { self.min_key_bits };
        if matches!(element.key.kind, "RSA" | "DSA" | "EC") && element.key.bits < least {
            let (kind, bits) = (element.key.kind, element.key.bits);
            let text = format!("{of}: {kind} key of {bits} bits, less than {least} ({title})");
            outcome = outcome.problem(call.state(Reason::TlsUntrusted), Reason::TlsUntrusted, text);
        }
        // A root is trusted because it is here, not for its signature; one that stands alone is no root of anybody.
        let signed_by_itself = element.self_issued && chain.path.len() > 1;
        if !self.allow_weak_signature && element.is_weakly_signed() && !signed_by_itself {
            let text = format!("{of}: weak signature, {} ({title})", element.signature);
            outcome = outcome.problem(call.state(Reason::TlsUntrusted), Reason::TlsUntrusted, text);
        }
        outcome
    }

    fn identity(&self, mut outcome: Outcome, chain: &Chain<'_>, leaf: &Certificate, call: &Call) -> Outcome {
        let of = chain.of;
        let content = call.state(Reason::Content);
        let missing: Vec<&str> =
            self.name.iter().filter(|name| !leaf.is_for(name)).map(String::as_str).collect();
        if !missing.is_empty() {
            let names = text::shorten(&leaf.names.join(", "), NAMED).into_owned();
            let text = format!("{of}: certificate is not for {}, but for {names}", missing.join(", "));
            outcome = outcome.problem(call.state(Reason::TlsName), Reason::TlsName, text);
        }
        let mut all = chain.path.iter().chain(chain.shown);
        if let Some(wanted) = &self.issuer
            && !all.clone().any(|element| wanted.is_match(&element.issuer))
        {
            let issuer = text::shorten(&leaf.issuer, NAMED);
            let text = format!("{of}: issuer is {issuer}, not {wanted}");
            outcome = outcome.problem(content, Reason::Content, text);
        }
        if let Some(wanted) = &self.subject
            && !wanted.is_match(&leaf.subject)
        {
            let subject = text::shorten(&leaf.subject, NAMED);
            let text = format!("{of}: subject is {subject}, not {wanted}");
            outcome = outcome.problem(content, Reason::Content, text);
        }
        if !self.pin.is_empty() && !all.any(|element| self.pin.contains(&element.pin())) {
            let text = format!("{of}: no key has the pin; the certificate's is {}", leaf.pin());
            outcome = outcome.problem(content, Reason::Content, text);
        }
        outcome
    }
}

fn validity(
    outcome: Outcome,
    chain: &Chain<'_>,
    element: &Certificate,
    warning: f64,
    critical: f64,
    call: &Call,
) -> Outcome {
    let (of, whose, left) = (chain.of, chain.title(element), element.left(chain.now));
    let (span, until) = (show_span(left), tls::date(element.not_after));
    if left < 0 {
        let text = format!("{of}: {whose} expired {span} ago, on {until}");
        return outcome.problem(call.state(Reason::TlsExpired), Reason::TlsExpired, text);
    }
    if element.not_before > chain.now {
        let from = tls::date(element.not_before);
        let text = format!("{of}: {whose} is not valid before {from}");
        return outcome.problem(call.state(Reason::TlsNotYetValid), Reason::TlsNotYetValid, text);
    }
    let (state, limit) = if (left as f64) < critical {
        (State::Critical, critical)
    } else if (left as f64) < warning {
        (State::Warning, warning)
    } else {
        return outcome;
    };
    let limit = units::show_seconds(limit);
    let text = format!("{of}: {whose} expires in {span}, on {until}; limit {limit}");
    outcome.problem(state, Reason::Threshold, text)
}

/// `62 d`, `3 h`: whole days, as everybody counts them.
pub(crate) fn show_span(seconds: i64) -> String {
    match seconds.abs() {
        few @ ..DAY => units::show_seconds(few as f64),
        many => format!("{} d", many / DAY),
    }
}

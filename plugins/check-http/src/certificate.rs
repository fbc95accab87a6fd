//! How long certificates are still valid.

use plugin::{Reason, State};
use tls::Session;

use crate::c::{Flavour, certificate_state};
use crate::judge::Finding;
use crate::options::Days;

const DAY: i64 = 86_400;

/// Whole days that the first of a chain to end has left; below zero once one has expired.
pub(crate) fn days_left(session: &Session, now: i64, flavour: Flavour) -> Option<i64> {
    let ends = session.chain.iter().map(|certificate| certificate.left(now));
    // The C plugins look at the server's own only.
    let soonest = if flavour == Flavour::Own { ends.min() } else { ends.take(1).min() };
    soonest.map(|left| left.div_euclid(DAY))
}

/// What `-C` says of a certificate of one hop that has so many days left.
pub(crate) fn judge(days: Option<i64>, peer: &str, least: Days, flavour: Flavour) -> Finding {
    // The address is in the facts; here it would push the number off the line.
    let peer = peer.split(" (").next().unwrap_or_default();
    let Some(days) = days else {
        return Finding::bad(State::Critical, Reason::TlsHandshake, format!("{peer} showed no certificate"));
    };
    if days < 0 {
        let text = format!("certificate of {peer} expired {} d ago", -days - 1);
        return Finding::bad(State::Critical, Reason::TlsExpired, text);
    }
    let state = match flavour {
        Flavour::Own if days < i64::from(least.critical) => State::Critical,
        Flavour::Own if days < i64::from(least.warning) => State::Warning,
        Flavour::Own => State::Ok,
        Flavour::Http | Flavour::Curl => certificate_state(days, least),
    };
    let text = format!("certificate of {peer} has {days} d left");
    match state {
        State::Ok => Finding::good(text),
        State::Warning => Finding::bad(state, Reason::Threshold, format!("{text}, not {}", least.warning)),
        _ => Finding::bad(state, Reason::Threshold, format!("{text}, not {}", least.critical.max(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::c::Flavour;
    use crate::options::Days;

    #[test]
    fn days_left_of_a_certificate() {
        let said = |flavour, days| {
            let finding = judge(days, "a:443 (192.0.2.1)", Days { warning: 30, critical: 10 }, flavour);
            let reason = finding.reason.map_or(String::new(), |reason| format!(" [{reason}]"));
            format!("{} {}{reason}", finding.state, finding.text)
        };
        let own = |days| said(Flavour::Own, Some(days));
        assert_eq!(own(30), "OK certificate of a:443 has 30 d left");
        assert_eq!(own(29), "WARNING certificate of a:443 has 29 d left, not 30 [threshold]");
        assert_eq!(own(10), "WARNING certificate of a:443 has 10 d left, not 30 [threshold]");
        assert_eq!(own(9), "CRITICAL certificate of a:443 has 9 d left, not 10 [threshold]");
        assert_eq!(own(-4), "CRITICAL certificate of a:443 expired 3 d ago [tls-expired]");
        // The C plugins count a day that is just reached as too few.
        let c = "WARNING certificate of a:443 has 30 d left, not 30 [threshold]";
        assert_eq!(said(Flavour::Http, Some(30)), c);
        assert_eq!(said(Flavour::Own, None), "CRITICAL a:443 showed no certificate [tls-handshake]");
    }
}

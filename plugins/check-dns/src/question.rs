//! What is asked: names, types, the message.

use std::fmt;
use std::net::IpAddr;

use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::{Name, RecordType};
use net::resolve::ResolvConf;
use plugin::{Failure, Reason, Result};

/// What is to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// Complete names, tried in order until one exists; one unless the search list completes a short name.
    pub names: Vec<Name>,
    /// Types, asked for one after the other; the answers are one.
    pub kinds: Vec<RecordType>,
}

impl Question {
    /// Reads a name or an address as the C plugin's nslookup does.
    ///
    /// A name with fewer dots than `ndots` is completed with the search list. Errors with [`Reason::Usage`] where the text
    /// is no name, and where an address is asked for another type than PTR.
    pub(crate) fn new(text: &str, kind: Option<RecordType>, conf: &ResolvConf) -> Result<Question> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return match kind {
                None | Some(RecordType::PTR | RecordType::ANY) => {
                    let mut name = Name::from(address);
                    name.set_fqdn(true);
                    Ok(Question { names: vec![name], kinds: vec![RecordType::PTR] })
                }
                Some(other) => {
                    let message = format!("{text} is an address, which has a name (PTR) and no {other}");
                    Err(Failure::new(Reason::Usage, message))
                }
            };
        }
        let short = text.matches('.').count() < conf.ndots && !text.ends_with('.');
        let names = if short { conf.names(text) } else { vec![text.to_owned()] };
        let names = names.iter().map(|name| complete(name)).collect::<Result<_>>()?;
        let kinds = kind.map_or_else(|| vec![RecordType::A, RecordType::AAAA], |kind| vec![kind]);
        Ok(Question { names, kinds })
    }
}

fn complete(text: &str) -> Result<Name> {
    let usage = |problem: &dyn fmt::Display| {
        Failure::new(Reason::Usage, format!("no domain name, {problem}: {text}"))
    };
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(usage(&"it has blanks"));
    }
    // IDNA refuses labels that DNS takes, such as `_sip`: for ASCII it is not needed.
    let name = if text.is_ascii() { Name::from_ascii(text) } else { Name::from_utf8(text) };
    let mut name = name.map_err(|error| usage(&error))?;
    name.set_fqdn(true);
    Ok(name)
}

/// The message for one name and type: recursion desired, a random id, for DNSSEC with the flags AD and DO (RFC 6840,
/// section 5.7; RFC 3225).
pub(crate) fn message(name: &Name, kind: RecordType, dnssec: bool) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name.clone(), kind));
    if dnssec {
        message.metadata.authentic_data = true;
        let mut edns = Edns::new();
        // RFC 9715: what passes unfragmented.
        edns.set_max_payload(1232).set_version(0).set_dnssec_ok(true);
        message.set_edns(edns);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::{Question, message};
    use hickory_proto::rr::{Name, RecordType};
    use net::resolve::Resolver;
    use plugin::Reason;

    fn question(text: &str, kind: Option<RecordType>) -> Result<(Vec<String>, Vec<RecordType>), Reason> {
        let mut conf = Resolver::system().resolv_conf();
        (conf.ndots, conf.search) = (1, vec!["a.example".into(), "b.example".into()]);
        let question = Question::new(text, kind, &conf).map_err(|failure| failure.reason)?;
        Ok((question.names.iter().map(Name::to_ascii).collect(), question.kinds))
    }

    #[test]
    fn names_and_addresses() {
        let both = vec![RecordType::A, RecordType::AAAA];
        assert_eq!(question("www.example.net", None), Ok((vec!["www.example.net.".into()], both.clone())));
        assert_eq!(question("www.", None), Ok((vec!["www.".into()], both.clone())));
        let completed = ["www.a.example.", "www.b.example.", "www."].map(str::to_owned).to_vec();
        assert_eq!(question("www", None), Ok((completed, both)));
        let reverse = vec!["1.0.0.10.in-addr.arpa.".to_owned()];
        assert_eq!(question("10.0.0.1", None), Ok((reverse.clone(), vec![RecordType::PTR])));
        assert_eq!(question("10.0.0.1", Some(RecordType::ANY)), Ok((reverse, vec![RecordType::PTR])));
        assert!(
            question("2001:db8::1", None)
                .is_ok_and(|(names, _)| names[0].ends_with(".d.0.1.0.0.2.ip6.arpa."))
        );
        assert_eq!(question("10.0.0.1", Some(RecordType::MX)), Err(Reason::Usage));
        assert!(question("_sip._tcp.example.net", Some(RecordType::SRV)).is_ok());
        assert_eq!(
            question("bücher.example.net", None).map(|(names, _)| names[0].clone()).as_deref(),
            Ok("xn--bcher-kva.example.net.")
        );
    }

    #[test]
    fn what_is_no_name() {
        for bad in
            ["a b.example.net", "..", "a..example.net", &format!("{}.net", "x".repeat(64)), &"x.".repeat(130)]
        {
            assert_eq!(question(bad, None), Err(Reason::Usage), "{bad}");
        }
    }

    #[test]
    fn validation_is_asked_for() {
        let name = Name::from_ascii("example.net.").expect("a name");
        let plain = message(&name, RecordType::A, false);
        assert!(plain.edns.is_none() && plain.recursion_desired && !plain.authentic_data);
        let signed = message(&name, RecordType::A, true);
        assert!(signed.authentic_data && signed.edns.is_some_and(|edns| edns.flags().dnssec_ok));
    }
}

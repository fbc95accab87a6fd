//! Sensu Go: events, from `GET /api/core/v2/namespaces/NS/events` or saved by curl or sensuctl.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::client::{Client, Failed, escaped};
use super::document::{moment, number, object, objects, span, text, texts, whole};
use super::sighting::{Haul, Labels, Runs, Said, Sighting};

/// Events asked for at once.
const PAGE: usize = 500;
/// Most pages of one namespace.
const PAGES: usize = 200;

/// Reads events: an array of them, one after the other, bare or wrapped as sensuctl writes them.
///
/// # Errors
/// It is no JSON of objects.
pub fn read(document: &[u8], taken: Timestamp) -> Result<Haul, String> {
    let sightings = objects(document)?
        .iter()
        .map(|event| if event.contains_key("check") { event } else { object(event, "spec").unwrap_or(event) })
        .filter_map(sighting)
        .collect();
    Ok(Haul { taken, sightings })
}

/// Gets all events of the namespaces.
///
/// # Errors
/// The API cannot be reached, does not let us in, or gives something else than events.
pub fn fetch(client: &Client, namespaces: &[String]) -> Result<Haul, Failed> {
    let taken = crate::engine::reading::now();
    let mut sightings = Vec::new();
    for namespace in namespaces {
        let path = format!("/api/core/v2/namespaces/{}/events?limit={PAGE}", escaped(namespace));
        let mut next: Option<String> = None;
        for page in 0.. {
            let url = match &next {
                None => path.clone(),
                Some(token) => format!("{path}&continue={}", escaped(token)),
            };
            let reply = client.get(&url)?;
            let found = read(&reply.body, taken).map_err(|what| client.failed(&url, &what))?;
            sightings.extend(found.sightings);
            let token = reply.header("Sensu-Continue").filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                break;
            }
            if token == next || page >= PAGES {
                return Err(client.failed(&url, "its pages do not end"));
            }
            next = token;
        }
    }
    Ok(Haul { taken, sightings })
}

/// One event; none without a check, and of keepalives, which are about agents.
fn sighting(event: &Map<String, Value>) -> Option<Sighting> {
    let check = object(event, "check")?;
    let meta = object(check, "metadata")?;
    let name = text(meta, "name")?;
    if name == "keepalive" {
        return None;
    }
    let entity = object(event, "entity").and_then(|entity| object(entity, "metadata"));
    let labels = object(meta, "labels");
    let find = |label: &str| labels.and_then(|labels| text(labels, label));
    let history = check.get("history").and_then(Value::as_array);
    let history = history.into_iter().flatten().filter_map(Value::as_object).filter_map(|one| {
        let status = one.get("status").and_then(number)?;
        Some((status, whole(one, "executed").and_then(moment)))
    });
    let silenced = check.get("is_silenced").and_then(Value::as_bool).unwrap_or(false);
    let entries = texts(check, "silenced");
    Some(Sighting {
        host: entity.and_then(|meta| text(meta, "name")).unwrap_or_default(),
        name,
        labels: Labels::find(find),
        vantage: Some(from(&texts(check, "subscriptions"))),
        runs: text(check, "command").map_or(Runs::Unknown, Runs::Command),
        said: Said {
            // A status that is missing is none that a plugin gave.
            code: check.get("status").and_then(number).unwrap_or(i64::MAX),
            output: text(check, "output").unwrap_or_default(),
            perf: None,
        },
        executed: whole(check, "executed").and_then(moment),
        took: span(check, "duration"),
        history: history.collect(),
        not_run: None,
        silenced: (silenced || !entries.is_empty()).then(|| match entries.as_slice() {
            [] => "silenced in Sensu Go".to_owned(),
            entries => format!("silenced in Sensu Go: {}", entries.join(", ")),
        }),
        by: text(check, "processed_by"),
    })
}

/// The subscriptions that a check was scheduled for: exactly one, if it is to be a vantage point.
pub(super) fn from(subscriptions: &[String]) -> String {
    match subscriptions {
        [] => "no subscription".to_owned(),
        [one] => one.strip_prefix("roundrobin:").unwrap_or(one).to_owned(),
        several => several.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_may_be_wrapped_or_in_a_row() {
        let event = r#"{"entity":{"metadata":{"name":"iad2"}},"check":{"metadata":{"name":"dns","labels":{"mdd_dc":"iad2"}},
            "status":0,"output":"ok","executed":1700000000,"duration":0.25,"history":[{"status":0,"executed":1699999940}],
            "subscriptions":["node"],"command":"check-dns"}}"#;
        let one = &read(event.as_bytes(), Timestamp::UNIX_EPOCH).unwrap().sightings[0];
        assert_eq!((one.host.as_str(), one.name.as_str()), ("iad2", "dns"));
        assert_eq!(one.labels.dc.as_deref(), Some("iad2"));
        assert_eq!(one.executed.unwrap().as_second(), 1_700_000_000);
        assert_eq!(one.history.len(), 1);
        assert_eq!(one.vantage.as_deref(), Some("node"));
        for text in [
            format!("[{event},{event}]"),
            format!("{event}\n{event}"),
            format!(r#"{{"type":"Event","spec":{event}}}{{"type":"Event","spec":{event}}}"#),
        ] {
            let haul = read(text.as_bytes(), Timestamp::UNIX_EPOCH).unwrap();
            assert_eq!(haul.sightings, [one.clone(), one.clone()]);
        }
    }

    #[test]
    fn what_is_no_event_is_told_from_what_is_no_json() {
        let none = |text: &str| read(text.as_bytes(), Timestamp::UNIX_EPOCH);
        for strange in
            ["[]", "{}", r#"[{"check":null}]"#, r#"{"check":{"metadata":{}}}"#, r#"{"metrics":{}}"#]
        {
            assert_eq!(none(strange).unwrap().sightings, [], "{strange}");
        }
        let keepalive = r#"{"check":{"metadata":{"name":"keepalive"},"status":0}}"#;
        assert_eq!(none(keepalive).unwrap().sightings, []);
        for broken in ["", " \n", "[{", "[1]", "\"text\"", "<html>", "[{}"] {
            assert!(none(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn a_check_of_several_subscriptions_ran_from_none_of_them() {
        let of = |list: &[&str]| from(&list.iter().map(|&one| one.to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["node"]), "node");
        assert_eq!(of(&["roundrobin:node"]), "node");
        assert_eq!(of(&["node", "build"]), "node, build");
        assert_eq!(of(&[]), "no subscription");
    }
}

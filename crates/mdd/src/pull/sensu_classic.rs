//! Sensu Classic: results, from `GET /results` of its API (port 4567) or saved; silences from `GET /silenced`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::client::{Client, Failed};
use super::document::{moment, number, object, objects, span, text, texts, whole};
use super::sensu_go::from;
use super::sighting::{Haul, Labels, Runs, Said, Sighting};

/// Results asked for at once.
const PAGE: usize = 1000;
/// Most pages.
const PAGES: usize = 100;

/// Reads results: `[{"client": …, "check": {…}}]`. Entries of `/silenced` may stand among them.
///
/// # Errors
/// It is no JSON of objects.
pub fn read(document: &[u8], taken: Timestamp) -> Result<Haul, String> {
    let objects = objects(document)?;
    let (results, silences): (Vec<_>, Vec<_>) =
        objects.iter().partition(|object| object.contains_key("client"));
    Ok(Haul { taken, sightings: results.into_iter().filter_map(|one| sighting(one, &silences)).collect() })
}

/// Gets all results, and what is silenced.
///
/// # Errors
/// The API cannot be reached, does not let us in, or gives something else than results.
pub fn fetch(client: &Client) -> Result<Haul, Failed> {
    let taken = crate::engine::reading::now();
    let (mut all, mut seen) = (Vec::new(), 0);
    for what in ["results", "silenced"] {
        for page in 0.. {
            let path = format!("/{what}?limit={PAGE}&offset={}", page * PAGE);
            let reply = client.get(&path)?;
            let found = objects(&reply.body).map_err(|what| client.failed(&path, &what))?;
            let count = found.len();
            all.extend(found);
            // An API without pages gives all at once.
            if count != PAGE {
                break;
            }
            if page >= PAGES {
                return Err(client.failed(&path, "its pages do not end"));
            }
        }
        if what == "results" {
            seen = all.len();
        }
    }
    let silences: Vec<&Map<String, Value>> = all[seen..].iter().collect();
    let sightings = all[..seen].iter().filter_map(|one| sighting(one, &silences)).collect();
    Ok(Haul { taken, sightings })
}

/// One result; none of keepalives, which are about clients.
fn sighting(result: &Map<String, Value>, silences: &[&Map<String, Value>]) -> Option<Sighting> {
    let check = object(result, "check")?;
    let name = text(check, "name")?;
    if name == "keepalive" {
        return None;
    }
    // Events hold the whole client, results its name.
    let client = object(result, "client").and_then(|client| text(client, "name"));
    let client = client.or_else(|| text(result, "client"))?;
    let source = text(check, "source").filter(|source| !source.is_empty());
    let subscribers = texts(check, "subscribers");
    let standalone = check.get("standalone").and_then(Value::as_bool).unwrap_or(false);
    let resolved = check.get("force_resolve").and_then(Value::as_bool).unwrap_or(false);
    let history = check.get("history").and_then(Value::as_array);
    let host = source.unwrap_or(client);
    Some(Sighting {
        labels: Labels::find(|label| text(check, label)),
        vantage: Some(if standalone { "a client's own schedule".to_owned() } else { from(&subscribers) }),
        runs: text(check, "command").map_or(Runs::Unknown, Runs::Command),
        said: Said {
            code: check.get("status").and_then(number).unwrap_or(i64::MAX),
            output: text(check, "output").unwrap_or_default(),
            perf: None,
        },
        executed: whole(check, "executed").and_then(moment),
        took: span(check, "duration"),
        // It keeps no times of them.
        history: history.into_iter().flatten().filter_map(number).map(|code| (code, None)).collect(),
        not_run: resolved.then(|| "resolved by hand, not run".to_owned()),
        silenced: silenced(&host, &name, &subscribers, silences),
        by: None,
        host,
        name,
    })
}

/// The first silence that covers a check: by its client or a subscription, and by its name.
fn silenced(
    host: &str,
    name: &str,
    subscribers: &[String],
    silences: &[&Map<String, Value>],
) -> Option<String> {
    let covers = |entry: &&&Map<String, Value>| {
        let any = |value: &Option<String>| value.as_ref().is_none_or(|value| value == "*");
        let (subscription, check) = (text(entry, "subscription"), text(entry, "check"));
        let client = subscription.as_ref().and_then(|all| all.strip_prefix("client:")) == Some(host);
        let subscribed = subscription.as_ref().is_some_and(|one| subscribers.contains(one));
        (any(&subscription) || client || subscribed) && (any(&check) || check.as_deref() == Some(name))
    };
    let entry = silences.iter().filter(|entry| entry.contains_key("id")).find(covers)?;
    let by = text(entry, "creator").map(|creator| format!(" by {creator}"));
    let left = whole(entry, "expire").filter(|left| *left > 0).map(|left| format!(", {left} s left"));
    let why = text(entry, "reason").map(|reason| format!(": {reason}"));
    Some(["silenced in Sensu Classic".to_owned()].into_iter().chain(by).chain(left).chain(why).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(silences: &str) -> Sighting {
        let text = format!(
            r#"[{{"client":"iad2","check":{{"name":"dns","command":"check-dns","subscribers":["roundrobin:node"],"source":"iad2",
            "status":0,"output":"ok\n","executed":1700000000,"duration":0.012,"history":["0","1","0"],"mdd_dc":"iad2"}}}}{silences}]"#
        );
        read(text.as_bytes(), Timestamp::UNIX_EPOCH).unwrap().sightings.remove(0)
    }

    #[test]
    fn a_result_has_its_client_attributes_and_subscription() {
        let one = result("");
        assert_eq!((one.host.as_str(), one.vantage.as_deref()), ("iad2", Some("node")));
        assert_eq!(one.labels.dc.as_deref(), Some("iad2"));
        assert_eq!(one.history, [(0, None), (1, None), (0, None)]);
        assert_eq!(one.silenced, None);
    }

    #[test]
    fn a_silence_covers_by_client_subscription_or_check() {
        for entry in [
            r#"{"id":"client:iad2:dns","subscription":"client:iad2","check":"dns"}"#,
            r#"{"id":"*:dns","subscription":null,"check":"dns"}"#,
            r#"{"id":"roundrobin:node:*","subscription":"roundrobin:node","check":"*"}"#,
        ] {
            assert!(result(&format!(",{entry}")).silenced.is_some(), "{entry}");
        }
        let other = r#",{"id":"client:ams1:*","subscription":"client:ams1","check":null}"#;
        assert_eq!(result(other).silenced, None);
        let full = r#",{"id":"*:dns","check":"dns","creator":"alex","reason":"cable","expire":3600}"#;
        assert_eq!(result(full).silenced.unwrap(), "silenced in Sensu Classic by alex, 3600 s left: cable");
    }
}

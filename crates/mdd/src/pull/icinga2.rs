//! Icinga 2: services, from `GET /v1/objects/services` of its API (port 5665) or saved.
//!
//! Icinga 2 documentation, "REST API", "Object Types" (Service), "Advanced Topics" (Check Result Attributes).

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::client::{Client, Failed};
use super::document::{number, object, objects, text, texts};
use super::sighting::{Haul, Labels, Runs, Said, Sighting};

/// Only what is read, of services that an export has made: whole objects are ten times as long.
const PATH: &str = "/v1/objects/services?filter=service.vars.mdd_point&attrs=name&attrs=host_name&attrs=vars\
    &attrs=last_check_result&attrs=acknowledgement&attrs=downtime_depth&attrs=flapping";

/// Reads services: `{"results": [{"attrs": {"name": …, "last_check_result": {…}}}]}`.
///
/// # Errors
/// It is no such JSON, or an error that Icinga answered with.
pub fn read(document: &[u8], taken: Timestamp) -> Result<Haul, String> {
    let mut sightings = Vec::new();
    for answer in objects(document)? {
        if let Some(code) = answer.get("error").and_then(number) {
            let status = text(&answer, "status").unwrap_or_default();
            return Err(format!("Icinga's error {code}: {status}"));
        }
        let results = answer.get("results").and_then(Value::as_array);
        for result in results.ok_or("it has no `results`")? {
            let attributes = result.get("attrs").and_then(Value::as_object);
            sightings.push(sighting(attributes.ok_or("a result without `attrs`")?)?);
        }
    }
    Ok(Haul { taken, sightings })
}

/// Gets all services that an export has made.
///
/// # Errors
/// The API cannot be reached, does not let us in, or gives something else than services.
pub fn fetch(client: &Client) -> Result<Haul, Failed> {
    let taken = crate::engine::reading::now();
    let reply = client.get(PATH)?;
    read(&reply.body, taken).map_err(|what| client.failed(PATH, &what))
}

fn sighting(service: &Map<String, Value>) -> Result<Sighting, String> {
    let vars = object(service, "vars");
    let mut sighting = Sighting {
        host: text(service, "host_name").ok_or("a service without `host_name`")?,
        name: text(service, "name").ok_or("a service without `name`")?,
        labels: Labels::find(|name| vars.and_then(|vars| text(vars, name))),
        silenced: silenced(service),
        ..Sighting::default()
    };
    let Some(result) = object(service, "last_check_result") else { return Ok(sighting) };
    let (begun, ended) = (moment(result, "execution_start"), moment(result, "execution_end"));
    sighting.executed = begun;
    sighting.took = match (begun, ended) {
        (Some(begun), Some(ended)) => ended.duration_since(begun).try_into().unwrap_or_default(),
        _ => std::time::Duration::ZERO,
    };
    sighting.runs = match result.get("command") {
        Some(Value::Array(_)) => Runs::Argv(texts(result, "command")),
        Some(Value::String(line)) => Runs::Command(line.clone()),
        _ => Runs::Unknown,
    };
    sighting.said = Said {
        // A status that is missing is none that a plugin gave.
        code: result.get("exit_status").and_then(number).unwrap_or(i64::MAX),
        output: text(result, "output").unwrap_or_default(),
        perf: Some(perf(result)),
    };
    sighting.not_run = not_run(result, &sighting.said);
    sighting.by = text(result, "check_source").filter(|source| !source.is_empty());
    Ok(sighting)
}

/// Why it is no execution that this result comes from.
fn not_run(result: &Map<String, Value>, said: &Said) -> Option<String> {
    let state = result.get("state").and_then(number);
    if result.get("active").and_then(Value::as_bool) != Some(true) {
        return Some("a passive result, which somebody has sent to Icinga".to_owned());
    }
    if result.get("command").is_none_or(Value::is_null) {
        return Some("Icinga has run no program for it".to_owned());
    }
    if (0..=3).contains(&said.code) && state != Some(said.code) {
        let state = state.map_or("none".to_owned(), |state| state.to_string());
        return Some(format!("exit code {}, of which Icinga has made state {state}", said.code));
    }
    None
}

/// Acknowledged, in a downtime or flapping: Icinga notifies nobody then.
fn silenced(service: &Map<String, Value>) -> Option<String> {
    let is = |name: &str| match service.get(name) {
        Some(Value::Bool(is)) => *is,
        Some(value) => amount(value) > 0.0,
        None => false,
    };
    let notes: Vec<&str> =
        [("acknowledgement", "acknowledged"), ("downtime_depth", "in a downtime"), ("flapping", "flapping")]
            .iter()
            .filter(|(name, _)| is(name))
            .map(|(_, note)| *note)
            .collect();
    (!notes.is_empty()).then(|| format!("{} in Icinga 2", notes.join(", ")))
}

/// Texts, or objects where somebody else than a plugin has sent them.
fn perf(result: &Map<String, Value>) -> String {
    let items = result.get("performance_data").and_then(Value::as_array);
    let items = items.into_iter().flatten().filter_map(|item| match item {
        Value::String(item) => Some(item.clone()),
        Value::Object(item) => value(item),
        _ => None,
    });
    items.collect::<Vec<_>>().join(" ")
}

/// A `PerfdataValue`.
fn value(item: &Map<String, Value>) -> Option<String> {
    let field = |name: &str| {
        item.get(name).filter(|value| value.is_number()).map(Value::to_string).unwrap_or_default()
    };
    let unit = match text(item, "unit").as_deref() {
        Some("seconds") => "s",
        Some("bytes") => "B",
        Some("percent") => "%",
        _ if item.get("counter").and_then(Value::as_bool) == Some(true) => "c",
        _ => "",
    };
    let value = field("value");
    let limits = ["warn", "crit", "min", "max"].map(field).join(";");
    (!value.is_empty()).then_some(())?;
    Some(format!("'{}'={value}{unit};{limits}", text(item, "label")?).trim_end_matches(';').to_owned())
}

/// Seconds since 1970 with their fraction; none for 0 and for what is no time.
fn moment(object: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    let seconds = object.get(name)?.as_f64().filter(|seconds| *seconds > 0.0 && *seconds < 1e11)?;
    let whole = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_microsecond(i64::try_from(whole.as_micros()).ok()?).ok()
}

fn amount(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(service: &str) -> Sighting {
        let document = format!(
            r#"{{"results":[{{"attrs":{service},"joins":{{}},"meta":{{}},"name":"x","type":"Service"}}]}}"#
        );
        read(document.as_bytes(), Timestamp::UNIX_EPOCH).unwrap().sightings.remove(0)
    }

    fn result(fields: &str) -> Sighting {
        one(&format!(
            r#"{{"name":"dns","host_name":"iad2","vars":{{"mdd_dc":"iad2","mdd_point":"dns","mdd_instance":""}},
            "last_check_result":{{{fields}}}}}"#
        ))
    }

    #[test]
    fn a_result_as_icinga_gives_it() {
        let one = result(
            r#""active":true,"check_source":"master","command":["/p/check-x","-w","1"],"execution_end":1795549804.107571,
            "execution_start":1795549804.01989,"exit_status":1,"output":"a\nlong","performance_data":["x=1s;2;3","y=5%"],
            "state":1,"ttl":0"#,
        );
        assert_eq!(
            (one.host.as_str(), one.name.as_str(), one.by.as_deref()),
            ("iad2", "dns", Some("master"))
        );
        assert_eq!((one.labels.dc.as_deref(), one.labels.instance.as_deref()), (Some("iad2"), Some("")));
        assert_eq!(one.runs, Runs::Argv(["/p/check-x", "-w", "1"].map(str::to_owned).into()));
        assert_eq!(
            (one.said.code, one.said.output.as_str(), one.said.perf.as_deref()),
            (1, "a\nlong", Some("x=1s;2;3 y=5%"))
        );
        assert_eq!(one.executed.unwrap().as_microsecond(), 1_795_549_804_019_890);
        assert_eq!(one.took.as_millis(), 87);
        assert_eq!((one.not_run, one.silenced), (None, None));
    }

    #[test]
    fn what_nobody_ran_is_no_execution() {
        let passive = result(
            r#""active":false,"command":null,"execution_start":1.5,"exit_status":0,"state":0,"output":"by hand""#,
        );
        assert_eq!(passive.not_run.unwrap(), "a passive result, which somebody has sent to Icinga");
        let native = result(r#""active":true,"command":null,"exit_status":0,"state":0,"output":"x""#);
        assert_eq!(native.not_run.unwrap(), "Icinga has run no program for it");
        let other = result(r#""active":true,"command":["x"],"exit_status":0,"state":2,"output":"x""#);
        assert_eq!(other.not_run.unwrap(), "exit code 0, of which Icinga has made state 2");
        let none = one(r#"{"name":"dns","host_name":"iad2","vars":null,"last_check_result":null}"#);
        assert_eq!(none.executed, None);
    }

    #[test]
    fn silences_are_noted() {
        let silenced = one(
            r#"{"name":"dns","host_name":"iad2","acknowledgement":1.0,"downtime_depth":2,"flapping":false,"last_check_result":null}"#,
        );
        assert_eq!(silenced.silenced.unwrap(), "acknowledged, in a downtime in Icinga 2");
    }

    #[test]
    fn performance_data_as_objects() {
        let one = result(
            r#""performance_data":[{"type":"PerfdataValue","label":"time","value":0.25,"unit":"seconds","warn":1.5,"crit":null,
            "min":0,"max":null,"counter":false},"y=1"]"#,
        );
        assert_eq!(one.said.perf.unwrap(), "'time'=0.25s;1.5;;0 y=1");
    }

    #[test]
    fn errors_are_no_services() {
        let said = |text: &str| read(text.as_bytes(), Timestamp::UNIX_EPOCH).unwrap_err();
        let unauthorized = r#"{"error":401,"status":"Unauthorized. Please check your user credentials."}"#;
        assert_eq!(
            said(unauthorized),
            "Icinga's error 401: Unauthorized. Please check your user credentials."
        );
        assert_eq!(said("{}"), "it has no `results`");
        assert_eq!(said(r#"{"results":[{"code":500}]}"#), "a result without `attrs`");
        assert!(said("<html>").starts_with("it is no whole JSON document"));
        assert!(said(r#"{"results":["#).starts_with("it is no whole JSON document"));
        let empty = read(br#"{"results":[]}"#, Timestamp::UNIX_EPOCH).unwrap();
        assert!(empty.sightings.is_empty());
    }
}

//! Documents of engines: JSON, read leniently where a field is missing, strictly where one is of another type.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// Most bytes of one document.
pub const LIMIT: u64 = 64 * 1024 * 1024;

/// Every object of a text: one after the other, or in arrays.
///
/// # Errors
/// It is no JSON, it ends too early, or it holds something else than objects.
pub fn objects(text: &[u8]) -> Result<Vec<Map<String, Value>>, String> {
    let mut objects = Vec::new();
    let mut values = 0;
    for value in serde_json::Deserializer::from_slice(text).into_iter::<Value>() {
        values += 1;
        let value = value.map_err(|error| format!("it is no whole JSON document: {error}"))?;
        let list = match value {
            Value::Array(list) => list,
            other => vec![other],
        };
        for one in list {
            match one {
                Value::Object(object) => objects.push(object),
                other => return Err(format!("expected objects, found {}", kind(&other))),
            }
        }
    }
    if values == 0 {
        return Err("it is empty".to_owned());
    }
    Ok(objects)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A member that is a text; none when it is missing, null or something else.
pub fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    object.get(name)?.as_str().map(str::to_owned)
}

/// A member that is a whole number, also one written as a text.
pub fn whole(object: &Map<String, Value>, name: &str) -> Option<i64> {
    number(object.get(name)?)
}

/// A whole number, also one written as a text.
pub fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_u64().map(|_| i64::MAX)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A member that is an object.
pub fn object<'o>(object: &'o Map<String, Value>, name: &str) -> Option<&'o Map<String, Value>> {
    object.get(name)?.as_object()
}

/// A member that is a list of texts.
pub fn texts(object: &Map<String, Value>, name: &str) -> Vec<String> {
    let list = object.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Seconds since 1970 as a moment; none for 0, which engines write for "never", and for what is no time at all.
pub fn moment(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok().filter(|at| at.as_second() > 0)
}

/// A member that is a number of seconds, as a span; zero when it is missing or makes no sense.
pub fn span(object: &Map<String, Value>, name: &str) -> Duration {
    let seconds = object.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    Duration::try_from_secs_f64(seconds.min(1e9)).unwrap_or(Duration::ZERO)
}

//! One value of a JSON text: a subset of JSONPath (RFC 9535) in which a path leads to one place.
//!
//! The text is read, not built: an answer of megabytes costs no more memory than it has itself.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// `$.a.b[0]["k"][-1]`: names and places, from the outside in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonPath {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    /// Below zero from the end.
    Place(i64),
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for JsonPath {
    type Err = String;

    fn from_str(text: &str) -> Result<JsonPath, String> {
        let mut rest = text.strip_prefix('$').ok_or("a path begins with `$`")?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                if name.is_empty() || name.contains(['*', '?', '(', ')', ' ', '"', '\'']) {
                    return Err(format!("`.{name}` is no name; write odd ones as [\"{name}\"]"));
                }
                (Step::Name(name.to_owned()), after)
            } else if let Some(after) = rest.strip_prefix('[') {
                bracket(after)?
            } else {
                return Err(format!("`{rest}` begins with neither `.` nor `[`"));
            };
            steps.push(step);
            rest = after;
        }
        Ok(JsonPath { text: text.to_owned(), steps })
    }
}

// What stands behind a `[`, and what follows its `]`.
fn bracket(text: &str) -> Result<(Step, &str), String> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else {
        let (digits, after) = text.split_once(']').ok_or_else(|| format!("`[{text}` has no `]`"))?;
        let plain = digits.strip_prefix('-').unwrap_or(digits).bytes().all(|byte| byte.is_ascii_digit());
        let place = digits.parse().ok().filter(|_| plain);
        let place = place.ok_or_else(|| format!("`[{digits}]` is neither a number nor a name in quotes"))?;
        return Ok((Step::Place(place), after));
    };
    let mut name = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => name.extend(characters.next().map(|(_, c)| c)),
            c if c == quote => {
                let after = text[at + 1..].strip_prefix(']').ok_or("no `]` behind a name in quotes")?;
                return Ok((Step::Name(name), after));
            }
            c => name.push(c),
        }
    }
    Err(format!("`[{text}` has no end"))
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// A text, without its quotes.
    Text(String),
    /// A number, as it was written.
    Number(String),
    /// `true`, `false`, `null`.
    Word(&'static str),
    Array,
    Object,
}

impl Found {
    /// The value for comparison and for messages.
    pub fn text(&self) -> &str {
        match self {
            Found::Text(text) | Found::Number(text) => text,
            Found::Word(word) => word,
            Found::Array => "an array",
            Found::Object => "an object",
        }
    }

    /// A number, or a text that is one: Prometheus writes them so.
    pub fn number(&self) -> Option<f64> {
        match self {
            Found::Text(text) | Found::Number(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Whether it is what the user wrote: the same text, or the same number.
    pub fn is(&self, wanted: &str) -> bool {
        match self {
            Found::Text(text) => text == wanted,
            Found::Number(number) => {
                let values = (number.parse::<f64>(), wanted.trim().parse::<f64>());
                number == wanted || matches!(values, (Ok(a), Ok(b)) if a.to_bits() == b.to_bits())
            }
            Found::Word(word) => *word == wanted,
            Found::Array | Found::Object => false,
        }
    }
}

/// What the path leads to in a text; `None` where there is no such place.
///
/// Errors with a sentence where the text is no JSON.
pub(crate) fn find(text: &str, path: &JsonPath) -> Result<Option<Found>, String> {
    let read = |error: serde_json::Error| format!("no JSON: {error}");
    let mut here: &RawValue = serde_json::from_str(text).map_err(read)?;
    for step in &path.steps {
        let mut reader = serde_json::Deserializer::from_str(here.get());
        let next = match (step, here.get().as_bytes().first()) {
            (Step::Name(name), Some(b'{')) => reader.deserialize_map(Member(name)),
            (Step::Place(place), Some(b'[')) => reader.deserialize_seq(Element(*place)),
            _ => Ok(None),
        };
        match next.map_err(read)? {
            Some(next) => here = next,
            None => return Ok(None),
        }
    }
    let raw = here.get();
    Ok(Some(match raw.as_bytes().first() {
        Some(b'"') => Found::Text(serde_json::from_str(raw).map_err(read)?),
        Some(b'{') => Found::Object,
        Some(b'[') => Found::Array,
        Some(b't') => Found::Word("true"),
        Some(b'f') => Found::Word("false"),
        Some(b'n') => Found::Word("null"),
        _ => Found::Number(raw.to_owned()),
    }))
}

/// Picks one member of an object; of several with the name the last, as most readers do.
struct Member<'a>(&'a str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Picks one element of an array; only as many are kept as the place is from the end.
struct Element(i64);

/// Farthest place from the end.
const FARTHEST: u64 = 1000;

impl<'de> Visitor<'de> for Element {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let Ok(place) = u64::try_from(self.0) else {
            let kept = usize::try_from(self.0.unsigned_abs().min(FARTHEST)).unwrap_or(1);
            let mut last = VecDeque::with_capacity(kept);
            while let Some(element) = array.next_element::<&RawValue>()? {
                if last.len() == kept {
                    last.pop_front();
                }
                last.push_back(element);
            }
            let whole = self.0.unsigned_abs() == last.len() as u64;
            return Ok(last.front().copied().filter(|_| whole));
        };
        let mut found = None;
        let mut at = 0;
        while let Some(element) = array.next_element::<&RawValue>()? {
            if at == place {
                found = Some(element);
            }
            at += 1;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, JsonPath, find};

    const TEXT: &str = r#"{
        "data": {"result": [{"value": [1700000000.5, "3"]}, {"value": [1, "4"]}]},
        "a.b": {"it's": true, "é": null, "n": -1.50e1},
        "issuer": "https:\/\/sso", "empty": [], "twice": 1, "twice": 2
    }"#;

    fn at(path: &str) -> Option<Found> {
        let path: JsonPath = path.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        find(TEXT, &path).expect("JSON")
    }

    #[test]
    fn paths_lead_to_values() {
        assert_eq!(at("$.data.result[0].value[1]"), Some(Found::Text("3".into())));
        assert_eq!(at("$.data.result[-1].value[-2]"), Some(Found::Number("1".into())));
        assert_eq!(at("$[\"a.b\"]['it\\'s']"), Some(Found::Word("true")));
        assert_eq!(at("$['a.b'].é"), Some(Found::Word("null")));
        assert_eq!(at("$.issuer"), Some(Found::Text("https://sso".into())));
        assert_eq!(at("$.twice"), Some(Found::Number("2".into())));
        assert_eq!((at("$.empty"), at("$")), (Some(Found::Array), Some(Found::Object)));
        for nowhere in
            ["$.x", "$.empty[0]", "$.empty[-1]", "$.data[0]", "$.data.result.value", "$.data.result[-3]"]
        {
            assert_eq!(at(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn values_are_compared() {
        let number = at("$[\"a.b\"].n").expect("there");
        assert_eq!(number.number(), Some(-15.0));
        assert!(number.is("-15") && number.is("-1.50e1") && !number.is("15"));
        assert!(at("$.data.result[0].value[1]").is_some_and(|text| text.is("3") && !text.is("3.0")));
        assert!(at("$[\"a.b\"][\"it's\"]").is_some_and(|word| word.is("true") && word.number().is_none()));
    }

    #[test]
    fn other_paths_are_refused() {
        for bad in [
            "", "a", "$a", "$.", "$..a", "$.*", "$[", "$[x]", "$[+1]", "$[1:2]", "$[\"a", "$[\"a\"", "$.a b",
            "$[]",
        ] {
            assert!(bad.parse::<JsonPath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_json_is_said() {
        let path: JsonPath = "$.a".parse().expect("a path");
        for bad in ["", "<html>", "{\"a\": 1", "{\"a\": 1} x", &"[".repeat(100_000), "{\"a\": NaN}"] {
            assert!(find(bad, &path).is_err_and(|error| error.starts_with("no JSON: ")));
        }
        // Deep, but not below the path.
        assert!(find(&format!("{{\"b\": {}{}, \"a\": 1}}", "[".repeat(50), "]".repeat(50)), &path).is_ok());
    }
}

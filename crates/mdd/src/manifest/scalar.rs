//! The small values of a manifest: text with its place, durations, dates, variables.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::read::special;
use super::source::Mark;

/// A value with the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it begins.
    pub mark: Mark,
}

/// Text with its place.
pub type Text = Spanned<String>;

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = Spanned<T>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let value = parts.next_element()?.ok_or_else(|| A::Error::custom("no value"))?;
                let mark = parts.next_element::<u64>()?.unwrap_or(0);
                Ok(Spanned { value, mark: Mark::unpack(mark) })
            }
        }
        deserializer.deserialize_tuple_struct(special::SPANNED, 2, Parts(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A map whose keys keep their order and their places.
#[derive(Debug, Clone)]
pub struct Entries<T>(Vec<(Text, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

impl<T> Entries<T> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&T> {
        self.entry(key).map(|(_, value)| value)
    }

    /// Key and value.
    pub fn entry(&self, key: &str) -> Option<(&Text, &T)> {
        self.iter().find(|(name, _)| name.value == key)
    }

    /// Whether there is such a key.
    pub fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Text, &T)> + ExactSizeIterator {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Keys in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.value.as_str())
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Entries(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("MapOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": generator.subschema_for::<T>()})
    }
}

/// Reads a value that [`super::read::Reader`] hands over by its special name.
struct Special<T>(fn(Raw<'_>) -> T);

impl<'de, T> Visitor<'de> for Special<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(Raw::Text(text)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Ok((self.0)(Raw::Number(number)))
    }

    fn visit_none<E: Error>(self) -> Result<T, E> {
        Ok((self.0)(Raw::None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok((self.0)(Raw::List(items)))
    }
}

enum Raw<'a> {
    None,
    Text(&'a str),
    Number(u64),
    List(Vec<String>),
}

macro_rules! special {
    ($type:ty, $name:expr, $read:expr, $schema:tt) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_newtype_struct($name, Special($read))
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

/// A whole number from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(pub u64);

special!(Number, special::NUMBER, |raw| Number(if let Raw::Number(number) = raw { number } else { 0 }), {
    "type": "integer", "minimum": 0
});

/// A duration, `60s`, `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

special!(
    Span,
    special::DURATION,
    |raw| Span(Duration::from_millis(if let Raw::Number(millis) = raw { millis } else { 0 })),
    {"type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$"}
);

/// A date, `2026-11-20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub Date);

special!(Day, special::DATE, |raw| Day(day(&raw).unwrap_or(Date::ZERO)), {
    "type": "string", "format": "date"
});

/// A date, or `~`: not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaybeDay(pub Option<Date>);

special!(MaybeDay, special::DATE_OR_UNKNOWN, |raw| MaybeDay(day(&raw)), {
    "type": ["string", "null"], "format": "date"
});

fn day(raw: &Raw<'_>) -> Option<Date> {
    if let Raw::Text(text) = raw { parse_date(text) } else { None }
}

/// A variable's value, before substitution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// `~`: not known yet.
    Unknown,
    /// Text, or a decimal integer as written.
    Text(String),
    /// A list of texts, never empty.
    List(Vec<String>),
}

special!(
    Variable,
    special::VARIABLE,
    |raw| match raw {
        Raw::Text(text) => Variable::Text(text.to_owned()),
        Raw::List(items) => Variable::List(items),
        Raw::None | Raw::Number(_) => Variable::Unknown,
    },
    {"anyOf": [
        {"type": "string"},
        {"type": "integer"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": "null"}
    ]}
);

/// How instances roll up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement(pub crate::plan::Require);

special!(
    Requirement,
    special::REQUIRE,
    |raw| {
        use crate::plan::Require;
        Requirement(match raw {
            Raw::Text("any") => Require::Any,
            Raw::Text(text) => text.parse().map_or(Require::All, Require::AtLeast),
            _ => Require::All,
        })
    },
    {"anyOf": [{"enum": ["all", "any"]}, {"type": "integer", "minimum": 1}]}
);

/// Milliseconds of `60s`, `250ms`, `1h30m`, `7d`.
///
/// # Errors
/// How to write it right.
pub fn parse_duration(text: &str) -> Result<u64, String> {
    const FIX: &str = "write a number with ms, s, m, h or d, such as 60s or 1h30m";
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = rest[..digits].parse().map_err(|_| FIX)?;
        rest = &rest[digits..];
        let unit = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let factor = match &rest[..unit] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "" if rest.is_empty() && total == 0 => return Err(format!("it has no unit: write {number}s")),
            _ => return Err(FIX.into()),
        };
        rest = &rest[unit..];
        total =
            number.checked_mul(factor).and_then(|part| total.checked_add(part)).ok_or("it is too long")?;
    }
    // A century; far from every overflow of clocks.
    if total > 3_155_760_000_000 {
        return Err("it is longer than a century".into());
    }
    if text.is_empty() { Err(FIX.into()) } else { Ok(total) }
}

/// The shortest way to write a duration: `1h`, `90s`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, factor) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if millis > 0 && millis.is_multiple_of(factor) {
            return format!("{}{unit}", millis / factor);
        }
    }
    if millis == 0 { "0s".into() } else { format!("{millis}ms") }
}

/// A date in the one form that is taken: `2026-11-20`.
pub fn parse_date(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.split('-').collect();
    let widths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let digits = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if widths != [4, 2, 2] || !digits {
        return None;
    }
    Date::new(parts[0].parse().ok()?, parts[1].parse().ok()?, parts[2].parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("60s"), Ok(60_000));
        assert_eq!(parse_duration("1h30m"), Ok(5_400_000));
        assert_eq!(parse_duration("250ms"), Ok(250));
        assert_eq!(parse_duration("0s"), Ok(0));
        assert_eq!(parse_duration("60"), Err("it has no unit: write 60s".into()));
        for wrong in ["", "s", "-1s", "1.5s", "1w", "5 m", "99999999999999999999s", "9999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        for text in ["90s", "15m", "1h", "7d", "250ms", "0s"] {
            assert_eq!(format_duration(Duration::from_millis(parse_duration(text).unwrap())), text);
        }
    }

    #[test]
    fn dates() {
        assert_eq!(parse_date("2026-11-20"), Some(Date::constant(2026, 11, 20)));
        for wrong in ["2026-11-31", "20261120", "2026-1-2", "2026-11-20T00:00", "-026-11-20", ""] {
            assert_eq!(parse_date(wrong), None, "{wrong}");
        }
    }
}

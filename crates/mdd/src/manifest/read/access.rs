//! What the reader hands to visitors: items, keys and values, values with their marks.

use serde::de::value::{StrDeserializer, U64Deserializer};
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::{Fault, Reader, Report};
use crate::manifest::node::{Entry, Node};
use crate::manifest::source::Mark;

/// The items of a list.
pub struct Items<'a> {
    pub items: std::slice::Iter<'a, Node>,
    pub report: &'a Report<'a>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.items
            .next()
            .map(|node| seed.deserialize(Reader { node, key: None, report: self.report }))
            .transpose()
    }
}

/// The keys and values of a map; then holes for what a struct misses.
pub struct Fields<'a> {
    pub entries: std::slice::Iter<'a, Entry>,
    pub missing: &'a [Entry],
    pub value: Option<&'a Entry>,
    pub report: &'a Report<'a>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let entry = match (self.entries.next(), self.missing) {
            (Some(entry), _) => entry,
            (None, [entry, rest @ ..]) => {
                self.missing = rest;
                entry
            }
            (None, []) => return Ok(None),
        };
        self.value = Some(entry);
        seed.deserialize(Key { key: &entry.key, mark: entry.mark }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let entry = self.value.take().ok_or_else(|| Fault("a value before its key".into()))?;
        seed.deserialize(Reader { node: &entry.value, key: Some(entry), report: self.report })
    }
}

/// A key: text, with its mark for who asks.
struct Key<'a> {
    key: &'a str,
    mark: Mark,
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.key)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_seq(KeySpanning { key: self.key, mark: self.mark, step: 0 })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple map struct enum identifier ignored_any
    }
}

/// A value, then its mark.
pub struct Spanning<'a> {
    pub reader: Reader<'a>,
    pub step: u8,
}

impl<'de> SeqAccess<'de> for Spanning<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.step += 1;
        match self.step {
            1 => seed.deserialize(self.reader).map(Some),
            2 => seed.deserialize(packed(self.reader.node.mark)).map(Some),
            _ => Ok(None),
        }
    }
}

/// A key, then its mark.
struct KeySpanning<'a> {
    key: &'a str,
    mark: Mark,
    step: u8,
}

impl<'de> SeqAccess<'de> for KeySpanning<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.step += 1;
        match self.step {
            1 => {
                let key: StrDeserializer<'_, Fault> = self.key.into_deserializer();
                seed.deserialize(key).map(Some)
            }
            2 => seed.deserialize(packed(self.mark)).map(Some),
            _ => Ok(None),
        }
    }
}

fn packed(mark: Mark) -> U64Deserializer<Fault> {
    mark.pack().into_deserializer()
}

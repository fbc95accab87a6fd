//! The published schema of the manifest, made from the types that read it.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Value, json};

use super::model::Document;

/// JSON Schema, draft 2020-12. Every closed map also takes `x-…` keys.
pub fn manifest() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.untagged_enum_variant_titles = false);
    let mut schema = settings.into_generator().into_root_schema_for::<Document>();
    Extensible.transform(&mut schema);
    schema.insert("title".into(), json!("mdd manifest"));
    schema.to_value()
}

/// Lets closed maps take `x-…` keys.
#[derive(Debug, Clone)]
struct Extensible;

impl Transform for Extensible {
    fn transform(&mut self, schema: &mut Schema) {
        if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
            schema.insert("patternProperties".into(), json!({"^x-": true}));
            let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
            properties.into_iter().flatten().for_each(|(_, property)| never_null(property));
        }
        transform_subschemas(self, schema);
    }
}

/// A key that may be left out takes a value when it is there; only variables and dates take `~`.
fn never_null(property: &mut Value) {
    let null = json!("null");
    if let Some(types) = property.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|one| *one != null);
        if let [one] = types.as_slice() {
            property["type"] = one.clone();
        }
    }
    if let Some(choices) = property.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.retain(|one| one.get("type") != Some(&null));
        if let [Value::Object(one)] = choices.as_slice() {
            let one = one.clone();
            if let Some(property) = property.as_object_mut() {
                property.remove("anyOf");
                property.extend(one);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::manifest::read::REQUIRED;

    #[test]
    fn the_reader_requires_what_the_schema_requires() {
        let schema = manifest();
        let names = |object: &Value| -> BTreeSet<String> {
            let required = object["required"].as_array().map(Vec::as_slice).unwrap_or_default();
            required.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
        };
        let mut published = vec![("Document".to_owned(), names(&schema))];
        for (name, object) in schema["$defs"].as_object().unwrap() {
            published.push((name.clone(), names(object)));
        }
        published.retain(|(_, required)| !required.is_empty());
        let read: BTreeSet<(String, BTreeSet<String>)> = REQUIRED
            .iter()
            .map(|(name, keys)| ((*name).to_owned(), keys.iter().map(|&key| key.to_owned()).collect()))
            .collect();
        assert_eq!(published.into_iter().collect::<BTreeSet<_>>(), read);
    }

    #[test]
    fn closed_maps_take_extensions_and_open_ones_are_left() {
        let schema = manifest();
        assert_eq!(schema["patternProperties"], json!({"^x-": true}));
        assert_eq!(schema["$defs"]["Point"]["patternProperties"], json!({"^x-": true}));
        assert_eq!(schema["$defs"]["Point"]["properties"]["need"]["type"], json!("string"));
        assert_eq!(schema["$defs"]["Point"]["properties"]["severity"]["$ref"], json!("#/$defs/Severity"));
        assert_eq!(schema["properties"]["vars"].get("patternProperties"), None);
        assert_eq!(schema["properties"]["points"]["additionalProperties"], json!({"$ref": "#/$defs/Point"}));
    }
}

//! What the validator of sensu-settings refuses of a configuration, and what Sensu Classic would misread in silence.

use serde_json::{Map, Value};

/// A rule that a file broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    Json,
    Root,
    Name,
    Command,
    Extension,
    Type,
    Standalone,
    Subscribers,
    Interval,
    Publish,
    Timeout,
    Ttl,
    TtlStatus,
    Handlers,
    Handle,
    Source,
    Flap,
    Occurrences,
    Dependencies,
    Aggregates,
    Hooks,
    HookCommand,
    HookTimeout,
    Truncate,
    Token,
    Repeated,
}

/// A rule, and where it was broken.
pub type Broken = (Rule, String);

/// The checks of several files, merged as sensu-settings does.
///
/// # Errors
/// Every rule that they break.
pub fn read(files: &[&str]) -> Result<Map<String, Value>, Vec<Broken>> {
    let mut broken = Vec::new();
    let mut checks = Map::new();
    for file in files {
        match serde_json::from_str::<Value>(file) {
            Ok(Value::Object(root)) => {
                for (key, value) in root {
                    let (true, Value::Object(own)) = (key == "checks", value) else {
                        broken.push((Rule::Root, key));
                        continue;
                    };
                    for (name, check) in own {
                        // sensu-settings merges the two, key by key, and says nothing.
                        if checks.insert(name.clone(), check).is_some() {
                            broken.push((Rule::Repeated, name));
                        }
                    }
                }
            }
            Ok(_) => broken.push((Rule::Root, "no map".into())),
            Err(error) => broken.push((Rule::Json, error.to_string())),
        }
    }
    for (name, check) in &checks {
        Rules { name, check, broken: &mut broken }.all();
    }
    if broken.is_empty() { Ok(checks) } else { Err(broken) }
}

struct Rules<'r> {
    name: &'r str,
    check: &'r Value,
    broken: &'r mut Vec<Broken>,
}

impl Rules<'_> {
    fn that(&mut self, rule: Rule, holds: bool) {
        if !holds {
            self.broken.push((rule, self.name.to_owned()));
        }
    }

    fn is(&mut self, rule: Rule, key: &str, right: impl Fn(&Value) -> bool) {
        let holds = self.check.get(key).is_none_or(right);
        self.that(rule, holds);
    }

    fn all(&mut self) {
        let check = self.check;
        let has = |key: &str| check.get(key).is_some();
        self.that(Rule::Name, is_name(self.name));
        let command = check.get("command").and_then(Value::as_str).unwrap_or_default();
        self.that(
            Rule::Command,
            has("extension") || (!command.is_empty() && !command.contains(['\n', '\0'])),
        );
        self.that(Rule::Extension, !(has("extension") && has("command")));
        self.is(Rule::Type, "type", |value| value == "standard" || value == "metric");
        self.is(Rule::Standalone, "standalone", Value::is_boolean);
        let standalone = check.get("standalone") == Some(&Value::Bool(true));
        let texts = check.get("subscribers").and_then(Value::as_array);
        let named = |value: &Value| {
            let text = value.as_str().unwrap_or_default();
            is_name(text.strip_prefix("roundrobin:").unwrap_or(text))
        };
        let subscribed = texts.is_some_and(|texts| !texts.is_empty() && texts.iter().all(named));
        self.that(Rule::Subscribers, standalone || subscribed);
        self.that(
            Rule::Interval,
            check.get("interval").and_then(Value::as_u64).is_some_and(|interval| interval > 0),
        );
        self.is(Rule::Publish, "publish", Value::is_boolean);
        self.is(Rule::Timeout, "timeout", |value| value.as_u64().is_some_and(|number| number > 0));
        let interval = check.get("interval").and_then(Value::as_u64).unwrap_or_default();
        self.is(Rule::Ttl, "ttl", |value| value.as_u64().is_some_and(|ttl| ttl > interval));
        self.is(Rule::TtlStatus, "ttl_status", Value::is_u64);
        let list = |value: &Value| {
            value
                .as_array()
                .is_some_and(|list| list.iter().all(|one| one.as_str().is_some_and(|text| !text.is_empty())))
        };
        self.is(Rule::Handlers, "handlers", list);
        self.is(Rule::Handlers, "handler", Value::is_string);
        for key in ["handle", "auto_resolve", "force_resolve"] {
            self.is(Rule::Handle, key, Value::is_boolean);
        }
        self.is(Rule::Source, "source", |value| value.as_str().is_some_and(is_name));
        let flaps = ["low_flap_threshold", "high_flap_threshold"].map(|key| check.get(key));
        self.that(
            Rule::Flap,
            matches!(flaps, [None, None]) || flaps.iter().all(|one| one.is_some_and(Value::is_u64)),
        );
        for key in ["occurrences", "refresh"] {
            self.is(Rule::Occurrences, key, |value| value.as_u64().is_some_and(|number| number > 0));
        }
        self.is(Rule::Dependencies, "dependencies", |value| {
            list(value)
                && value.as_array().is_some_and(|all| all.iter().all(|one| one.as_str().is_some_and(is_path)))
        });
        self.is(Rule::Aggregates, "aggregates", list);
        self.is(Rule::Truncate, "truncate_output", Value::is_boolean);
        // A metric's output is cut after 255 characters.
        self.that(
            Rule::Truncate,
            check.get("type") != Some(&Value::from("metric")) || has("truncate_output"),
        );
        if let Some(hooks) = check.get("hooks") {
            self.that(Rule::Hooks, hooks.is_object());
            for (kind, hook) in hooks.as_object().into_iter().flatten() {
                let words = ["ok", "warning", "critical", "unknown", "non-zero"];
                self.that(Rule::Hooks, words.contains(&kind.as_str()) || kind.parse::<u8>().is_ok());
                let line = hook.get("command").and_then(Value::as_str).unwrap_or_default();
                self.that(Rule::HookCommand, !line.is_empty() && !line.contains(['\n', '\0']));
                let timeout =
                    hook.get("timeout").is_none_or(|value| value.as_u64().is_some_and(|number| number > 0));
                self.that(Rule::HookTimeout, timeout);
            }
        }
        self.that(Rule::Token, !holds_token(check));
    }
}

/// Every string is looked through for `:::name:::`; three colons are refused even when nothing closes them.
fn holds_token(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(":::"),
        Value::Array(list) => list.iter().any(holds_token),
        Value::Object(map) => map.values().any(holds_token),
        _ => false,
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// `check` or `client/check`.
fn is_path(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    parts.len() <= 2 && parts.into_iter().all(is_name)
}

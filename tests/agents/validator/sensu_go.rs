//! What `sensuctl create -f` and the backend refuse of a file, and what they accept but nobody can have meant.

use std::collections::BTreeSet;

use super::template::{expand, nothing};
use super::yaml::{Node, parse};

/// A rule that a file broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    JsonArray,
    CommentChunk,
    LineLength,
    Yaml,
    UnknownKey,
    FieldType,
    ResourceType,
    ApiVersion,
    Name,
    Namespace,
    Duplicate,
    MetadataText,
    LabelKey,
    Redacted,
    Token,
    Command,
    Schedule,
    Cron,
    Publish,
    Subscription,
    Timeout,
    Ttl,
    TtlOfEvents,
    RoundRobin,
    Handler,
    Pipeline,
    AssetName,
    HookType,
    HookName,
    ProxyName,
    ProxyRequests,
    Environment,
    Secret,
    Flap,
    MetricFormat,
    MetricTag,
    MetricThreshold,
    Subdue,
    HookCommand,
    HookTimeout,
    EntityClass,
    SilencedName,
    SilencedTimes,
    AssetBuild,
}

/// A rule, and where it was broken.
pub type Broken = (Rule, String);

/// A resource that keeps every rule.
#[derive(Debug)]
pub struct Resource {
    pub kind: String,
    pub name: String,
    pub namespace: String,
    pub labels: Vec<(String, String)>,
    pub annotations: Vec<(String, String)>,
    pub spec: Node,
}

impl Node {
    /// A field of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Node::Map(map) = self else { return None };
        map.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(Node::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn number(&self, key: &str) -> i64 {
        match self.get(key) {
            Some(Node::Number(number)) => *number,
            _ => 0,
        }
    }

    fn flag(&self, key: &str) -> bool {
        self.get(key) == Some(&Node::Flag(true))
    }

    fn list(&self, key: &str) -> &[Node] {
        match self.get(key) {
            Some(Node::List(list)) => list,
            _ => &[],
        }
    }

    /// A list of texts.
    pub fn texts(&self, key: &str) -> Vec<&str> {
        let text = |node: &'_ Node| matches!(node, Node::Text(_));
        let all = self.list(key).iter().filter(|node| text(node));
        all.map(|node| if let Node::Text(text) = node { text.as_str() } else { "" }).collect()
    }

    /// Every text in it, however deep, with where it stands.
    fn all_texts(&self, at: &str) -> Vec<(String, String)> {
        match self {
            Node::Text(text) => vec![(at.to_owned(), text.clone())],
            Node::Map(map) => {
                map.iter().flat_map(|(key, node)| node.all_texts(&format!("{at}.{key}"))).collect()
            }
            Node::List(list) => list.iter().flat_map(|node| node.all_texts(at)).collect(),
            _ => Vec::new(),
        }
    }
}

/// The JSON type of a field.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Texts,
    U32,
    I64,
    Flag,
    Null,
    Map(Fields),
    Maps(Fields),
    /// `{non-zero: [name]}`, several.
    Hooks,
    /// A map of texts.
    Strings,
}

type Fields = &'static [(&'static str, Type)];

const TAG: Fields = &[("name", Type::Text), ("value", Type::Text)];
const REFERENCE: Fields = &[("name", Type::Text), ("type", Type::Text), ("api_version", Type::Text)];
const THRESHOLD: Fields = &[("min", Type::Text), ("max", Type::Text), ("status", Type::U32)];
const CHECK: Fields = &[
    ("command", Type::Text),
    ("subscriptions", Type::Texts),
    ("interval", Type::U32),
    ("cron", Type::Text),
    ("publish", Type::Flag),
    ("timeout", Type::U32),
    ("ttl", Type::I64),
    ("handlers", Type::Texts),
    ("pipelines", Type::Maps(REFERENCE)),
    ("runtime_assets", Type::Texts),
    ("check_hooks", Type::Hooks),
    ("proxy_entity_name", Type::Text),
    (
        "proxy_requests",
        Type::Map(&[
            ("entity_attributes", Type::Texts),
            ("splay", Type::Flag),
            ("splay_coverage", Type::U32),
        ]),
    ),
    ("round_robin", Type::Flag),
    ("stdin", Type::Flag),
    ("env_vars", Type::Texts),
    ("secrets", Type::Maps(&[("name", Type::Text), ("secret", Type::Text)])),
    ("low_flap_threshold", Type::U32),
    ("high_flap_threshold", Type::U32),
    ("output_metric_format", Type::Text),
    ("output_metric_handlers", Type::Texts),
    ("output_metric_tags", Type::Maps(TAG)),
    (
        "output_metric_thresholds",
        Type::Maps(&[
            ("name", Type::Text),
            ("tags", Type::Maps(TAG)),
            ("thresholds", Type::Maps(THRESHOLD)),
            ("null_status", Type::U32),
        ]),
    ),
    ("max_output_size", Type::I64),
    ("discard_output", Type::Flag),
    ("subdues", Type::Maps(&[("begin", Type::Text), ("end", Type::Text), ("repeat", Type::Texts)])),
    ("subdue", Type::Null),
];
const HOOK: Fields = &[
    ("command", Type::Text),
    ("timeout", Type::U32),
    ("stdin", Type::Flag),
    ("runtime_assets", Type::Texts),
];
const ENTITY: Fields =
    &[("entity_class", Type::Text), ("subscriptions", Type::Texts), ("deregister", Type::Flag)];
const SILENCED: Fields = &[
    ("check", Type::Text),
    ("subscription", Type::Text),
    ("begin", Type::I64),
    ("expire", Type::I64),
    ("expire_at", Type::I64),
    ("expire_on_resolve", Type::Flag),
    ("reason", Type::Text),
    ("creator", Type::Text),
];
const ASSET: Fields = &[(
    "builds",
    Type::Maps(&[
        ("url", Type::Text),
        ("sha512", Type::Text),
        ("filters", Type::Texts),
        ("headers", Type::Strings),
    ]),
)];

/// Reads a file as `sensuctl create -f` does.
///
/// # Errors
/// Every rule that it breaks.
pub fn read(file: &str) -> Result<Vec<Resource>, Vec<Broken>> {
    let mut broken = Vec::new();
    for (index, line) in file.split('\n').enumerate() {
        // bufio.Scanner: 64 KiB with the line's end.
        if line.len() >= 64 * 1024 {
            broken.push((Rule::LineLength, format!("line {}", index + 1)));
        }
    }
    if file.trim_start().starts_with('[') {
        return Err(vec![(Rule::JsonArray, "the file is a list".into())]);
    }
    let mut resources = Vec::new();
    for chunk in chunks(file).iter().filter(|chunk| !chunk.trim().is_empty()) {
        if chunk.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            broken.push((Rule::CommentChunk, chunk.clone()));
            continue;
        }
        match parse(chunk) {
            Ok(node) => resources.extend(resource(&node, &mut broken)),
            Err(what) => broken.push((Rule::Yaml, what)),
        }
    }
    let mut seen = BTreeSet::new();
    for one in &resources {
        if !seen.insert((&one.kind, &one.namespace, &one.name)) {
            broken.push((Rule::Duplicate, format!("{} {}", one.kind, one.name)));
        }
    }
    if broken.is_empty() { Ok(resources) } else { Err(broken) }
}

/// A separator is every line that begins with `---`, wherever it stands.
fn chunks(file: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for line in file.split_inclusive('\n') {
        if line.starts_with("---") {
            all.push(String::new());
        } else if let Some(last) = all.last_mut() {
            last.push_str(line);
        }
    }
    all
}

fn resource(node: &Node, broken: &mut Vec<Broken>) -> Option<Resource> {
    typed(
        node,
        &[
            ("type", Type::Text),
            ("api_version", Type::Text),
            (
                "metadata",
                Type::Map(&[
                    ("name", Type::Text),
                    ("namespace", Type::Text),
                    ("labels", Type::Strings),
                    ("annotations", Type::Strings),
                    ("created_by", Type::Text),
                ]),
            ),
            ("spec", Type::Map(&[])),
        ],
        "",
        broken,
    );
    let kind = node.text("type").unwrap_or_default();
    let fields = match kind {
        "CheckConfig" => CHECK,
        "HookConfig" => HOOK,
        "Entity" => ENTITY,
        "Silenced" => SILENCED,
        "Asset" => ASSET,
        other => {
            broken.push((Rule::ResourceType, format!("type `{other}`")));
            return None;
        }
    };
    if node.text("api_version") != Some("core/v2") {
        broken.push((Rule::ApiVersion, kind.to_owned()));
    }
    let empty = Node::Map(Vec::new());
    let (metadata, spec) = (node.get("metadata").unwrap_or(&empty), node.get("spec").unwrap_or(&empty));
    typed(spec, fields, "spec", broken);
    let name = metadata.text("name").unwrap_or_default().to_owned();
    let at = format!("{kind} {name}");
    let mut rules = Rules { at: &at, broken };
    rules.metadata(kind, metadata);
    match kind {
        "CheckConfig" => rules.check(spec),
        "HookConfig" => rules.hook(spec),
        "Entity" => rules.that(
            Rule::EntityClass,
            matches!(spec.text("entity_class"), Some("proxy" | "agent")),
            "entity_class",
        ),
        "Silenced" => rules.silenced(spec, &name),
        _ => rules.asset(spec),
    }
    // Entities and silences are no templates.
    if matches!(kind, "CheckConfig" | "HookConfig" | "Asset") {
        for (place, text) in metadata.all_texts("metadata").into_iter().chain(spec.all_texts("spec")) {
            if place.ends_with(".sha512") {
                continue;
            }
            if let Err(why) = expand(&text, &|field| (field == "name").then(|| "agent-1".to_owned())) {
                broken.push((Rule::Token, format!("{at} {place}: {why}")));
            }
        }
    }
    Some(Resource {
        kind: kind.to_owned(),
        namespace: metadata.text("namespace").unwrap_or("default").to_owned(),
        labels: pairs(metadata.get("labels")),
        annotations: pairs(metadata.get("annotations")),
        name,
        spec: spec.clone(),
    })
}

fn pairs(map: Option<&Node>) -> Vec<(String, String)> {
    let Some(Node::Map(map)) = map else { return Vec::new() };
    let text = |node: &Node| if let Node::Text(text) = node { text.clone() } else { String::new() };
    map.iter().map(|(key, node)| (key.clone(), text(node))).collect()
}

/// Unknown keys and wrong types; sensuctl is silent about the former.
fn typed(node: &Node, fields: &[(&str, Type)], at: &str, broken: &mut Vec<Broken>) {
    let Node::Map(map) = node else {
        broken.push((Rule::FieldType, format!("{at}: no map")));
        return;
    };
    // `spec` has its own table.
    if fields.is_empty() {
        return;
    }
    for (key, value) in map {
        let place = format!("{at}.{key}");
        match fields.iter().find(|(name, _)| name == key) {
            Some((_, wanted)) => type_of(value, *wanted, &place, broken),
            None => broken.push((Rule::UnknownKey, place)),
        }
    }
}

fn type_of(value: &Node, wanted: Type, place: &str, broken: &mut Vec<Broken>) {
    let whole = |largest: i64| matches!(value, Node::Number(number) if (0..=largest).contains(number));
    let right = match (wanted, value) {
        (Type::Text, Node::Text(_)) | (Type::Flag, Node::Flag(_)) | (Type::Null, Node::Null) => true,
        (Type::U32, _) => whole(u32::MAX.into()),
        // An expire of -1 is for ever.
        (Type::I64, _) => whole(i64::MAX) || *value == Node::Number(-1),
        (Type::Texts, Node::List(list)) => list.iter().all(|one| matches!(one, Node::Text(_))),
        (Type::Map(fields), Node::Map(_)) => {
            typed(value, fields, place, broken);
            true
        }
        (Type::Maps(fields), Node::List(list)) => {
            for one in list {
                typed(one, fields, place, broken);
            }
            true
        }
        (Type::Hooks, Node::List(list)) => list.iter().all(|one| match one {
            Node::Map(map) => map
                .iter()
                .all(|(key, _)| one.texts(key).len() == one.list(key).len() && !one.list(key).is_empty()),
            _ => false,
        }),
        (Type::Strings, Node::Map(map)) => {
            for (key, one) in map {
                if !matches!(one, Node::Text(_)) {
                    broken.push((Rule::MetadataText, format!("{place}.{key}")));
                }
            }
            true
        }
        _ => false,
    };
    if !right {
        broken.push((Rule::FieldType, place.to_owned()));
    }
}

struct Rules<'r> {
    at: &'r str,
    broken: &'r mut Vec<Broken>,
}

impl Rules<'_> {
    fn that(&mut self, rule: Rule, holds: bool, what: &str) {
        if !holds {
            self.broken.push((rule, format!("{}: {what}", self.at)));
        }
    }

    fn metadata(&mut self, kind: &str, metadata: &Node) {
        let name = metadata.text("name").unwrap_or_default();
        match kind {
            // Its own rule.
            "Silenced" => {}
            "Asset" => self.that(Rule::AssetName, is_asset(name), "metadata.name"),
            // The documented set: the code takes `:` too.
            _ => self.that(Rule::Name, is_name(name), "metadata.name"),
        }
        if let Some(namespace) = metadata.text("namespace") {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
            let right = !namespace.is_empty() && namespace.chars().all(plain);
            self.that(Rule::Namespace, right, "metadata.namespace");
        }
        for (key, _) in pairs(metadata.get("labels")) {
            let right = key.starts_with(|c: char| c.is_ascii_alphabetic())
                && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            self.that(Rule::LabelKey, right, &key);
        }
        let secret = [
            "password",
            "passwd",
            "pass",
            "api_key",
            "api_token",
            "access_key",
            "secret_key",
            "private_key",
            "secret",
        ];
        for (key, _) in pairs(metadata.get("labels")).iter().chain(&pairs(metadata.get("annotations"))) {
            self.that(Rule::Redacted, !secret.contains(&key.as_str()), key);
        }
    }

    fn check(&mut self, spec: &Node) {
        let command = spec.text("command").unwrap_or_default();
        self.that(Rule::Command, !command.is_empty() && !command.contains(['\n', '\0']), "command");
        let (interval, cron) = (spec.number("interval"), spec.text("cron").unwrap_or_default());
        self.that(Rule::Schedule, (interval > 0) == cron.is_empty(), "either an interval or a cron schedule");
        self.that(Rule::Cron, cron.is_empty() || is_cron(cron), "cron");
        self.that(Rule::Publish, spec.flag("publish"), "publish is false: never scheduled");
        let subscriptions = spec.texts("subscriptions");
        let right = !subscriptions.is_empty() && subscriptions.iter().all(|one| !one.is_empty());
        self.that(Rule::Subscription, right, "subscriptions");
        self.that(Rule::Timeout, spec.number("timeout") > 0, "a check without a timeout runs for ever");
        let ttl = spec.number("ttl");
        self.that(Rule::Ttl, ttl == 0 || ttl > interval, "ttl must be greater than check interval");
        self.that(Rule::TtlOfEvents, ttl == 0 || ttl >= 5, "ttl of at least 5");
        let proxy = spec.text("proxy_entity_name");
        let alone = spec.flag("round_robin") && ttl > 0;
        self.that(
            Rule::RoundRobin,
            !alone || proxy.is_some_and(|name| !name.is_empty()),
            "ttl and round robin",
        );
        self.that(Rule::ProxyName, proxy.is_none_or(is_name), "proxy_entity_name");
        for key in ["handlers", "output_metric_handlers"] {
            self.that(Rule::Handler, spec.texts(key).iter().all(|name| is_name(name)), key);
        }
        for pipeline in spec.list("pipelines") {
            let of = |key| pipeline.text(key).unwrap_or_default();
            let right = is_name(of("name")) && of("type") == "Pipeline" && of("api_version") == "core/v2";
            self.that(Rule::Pipeline, right, "pipelines");
        }
        let assets = spec.texts("runtime_assets");
        self.that(Rule::AssetName, assets.iter().all(|name| is_asset(name)), "runtime_assets");
        for hooks in spec.list("check_hooks") {
            for (kind, _) in pairs(Some(hooks)) {
                let words = ["ok", "warning", "critical", "unknown", "non-zero"];
                let right = words.contains(&kind.as_str()) || kind.parse::<u8>().is_ok();
                self.that(Rule::HookType, right, &kind);
                self.that(Rule::HookName, hooks.texts(&kind).iter().all(|name| is_name(name)), &kind);
            }
        }
        for variable in spec.texts("env_vars") {
            let sides = variable.split_once('=');
            let right = sides.is_some_and(|(name, value)| !name.is_empty() && !value.is_empty());
            self.that(Rule::Environment, right, variable);
        }
        for secret in spec.list("secrets") {
            let full = |key| secret.text(key).is_some_and(|text| !text.is_empty());
            self.that(Rule::Secret, full("name") && full("secret"), "secrets");
        }
        let (low, high) = (spec.number("low_flap_threshold"), spec.number("high_flap_threshold"));
        self.that(Rule::Flap, low == 0 || high == 0 || low < high, "invalid flap thresholds");
        if let Some(requests) = spec.get("proxy_requests") {
            let coverage = requests.number("splay_coverage");
            let right = coverage <= 100 && (!requests.flag("splay") || coverage > 0);
            self.that(Rule::ProxyRequests, right, "splay_coverage");
            // Tokens are substituted twice then, and an escape is undone too early.
            let once = !command.contains(r#"{{"{{"}}"#);
            self.that(Rule::ProxyRequests, once, "an escaped {{ with proxy_requests");
        }
        self.metrics(spec);
        for subdue in spec.list("subdues") {
            let (begin, end) =
                (subdue.text("begin").unwrap_or_default(), subdue.text("end").unwrap_or_default());
            let time = |text: &str| text.len() == 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
            self.that(Rule::Subdue, time(begin) && time(end) && begin < end, "subdues");
        }
    }

    fn metrics(&mut self, spec: &Node) {
        let formats =
            ["nagios_perfdata", "graphite_plaintext", "influxdb_line", "opentsdb_line", "prometheus_text"];
        let format = spec.text("output_metric_format").unwrap_or_default();
        self.that(Rule::MetricFormat, format.is_empty() || formats.contains(&format), format);
        for tag in spec.list("output_metric_tags") {
            let full = |key| tag.text(key).is_some_and(|text| !text.is_empty());
            self.that(Rule::MetricTag, full("name") && full("value"), "output_metric_tags");
        }
        for threshold in spec.list("output_metric_thresholds") {
            for one in threshold.list("thresholds") {
                let of = |key| one.text(key).unwrap_or_default();
                let number = |text: &str| text.is_empty() || text.parse::<f64>().is_ok();
                let right =
                    number(of("min")) && number(of("max")) && !(of("min").is_empty() && of("max").is_empty());
                self.that(Rule::MetricThreshold, right, "output_metric_thresholds");
            }
        }
    }

    fn hook(&mut self, spec: &Node) {
        let command = spec.text("command").unwrap_or_default();
        self.that(Rule::HookCommand, !command.is_empty() && !command.contains(['\n', '\0']), "command");
        self.that(Rule::HookTimeout, spec.number("timeout") > 0, "timeout");
        let assets = spec.texts("runtime_assets");
        self.that(Rule::AssetName, assets.iter().all(|name| is_asset(name)), "runtime_assets");
    }

    fn silenced(&mut self, spec: &Node, name: &str) {
        let of = |key| spec.text(key).filter(|text| !text.is_empty()).unwrap_or("*");
        let (subscription, check) = (of("subscription"), of("check"));
        let own = subscription == "*" || subscription.splitn(2, ':').all(is_name);
        let right = own
            && (check == "*" || is_name(check))
            && (subscription, check) != ("*", "*")
            && name == format!("{subscription}:{check}");
        self.that(Rule::SilencedName, right, "subscription:check");
        // With a time of its own, `expire` is 0.
        let right = spec.number("expire_at") == 0 || spec.number("expire") == 0;
        self.that(Rule::SilencedTimes, right, "expire and expire_at");
    }

    fn asset(&mut self, spec: &Node) {
        for build in spec.list("builds") {
            let sum = build.text("sha512").unwrap_or_default();
            let right = sum.len() == 128
                && sum.bytes().all(|byte| byte.is_ascii_hexdigit())
                && build.text("url").is_some_and(|url| !url.is_empty());
            self.that(Rule::AssetBuild, right, "builds");
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn is_asset(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-:/".contains(c))
}

fn is_cron(cron: &str) -> bool {
    let cron = cron.split_once(' ').filter(|(zone, _)| zone.contains("TZ=")).map_or(cron, |(_, rest)| rest);
    cron.starts_with('@') || cron.split_whitespace().count() == 5
}

/// A text as it is after Sensu's templates, which may look at nothing.
pub fn plain(text: &str) -> String {
    expand(text, &nothing).unwrap_or_else(|why| panic!("{text}: {why}"))
}

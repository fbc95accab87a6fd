//! What Sensu Go and Sensu Classic say of one check, as their APIs write it.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::harness::{Outcome, Platform};

/// One point `p` that runs from `node`, and the engine that runs it.
pub struct Engine {
    /// The platform.
    pub platform: Platform,
    /// Hash of the check.
    pub hash: String,
    /// The check as a shell reads it.
    pub line: String,
}

/// Now, in whole seconds, as engines keep it.
pub fn now() -> i64 {
    Timestamp::now().as_second()
}

impl Engine {
    /// A manifest with the point `p`, of which nothing is known yet.
    pub fn new(fields: &[&str]) -> Self {
        let mut platform = Platform::new();
        platform.point("p", "[check-file, \"/srv/it's here\", \"~:10\", \"{{x}}\"]", fields);
        Engine::of(platform)
    }

    /// The same of a manifest that has such a point.
    pub fn of(platform: Platform) -> Self {
        let shown = platform.mdd(&["show", "iad2/p", "-v"]).exits(0).stdout;
        let hash = shown.lines().find_map(|line| line.trim().strip_prefix("hash ")).unwrap().to_owned();
        let line = platform.mdd(&["show", "iad2/p", "--as", "sh"]).exits(0).stdout.trim().to_owned();
        Engine { platform, hash, line }
    }

    fn labels(&self) -> Value {
        json!({
            "mdd_platform": "quay", "mdd_dc": "iad2", "mdd_point": "p", "mdd_instance": "", "mdd_group": "net",
            "mdd_owner": "netops", "mdd_vantage": "node", "mdd_severity": "critical", "mdd_hash": "0123456789abcdef",
            "mdd_check": self.hash,
        })
    }

    /// An event of Sensu Go: OK, executed now.
    pub fn event(&self) -> Value {
        let at = now();
        let command = format!("/usr/lib/nagios/plugins/{}", self.line.replace("{{", "{{\"{{\"}}"));
        json!({
            "entity": {
                "entity_class": "proxy", "system": {"network": {"interfaces": null}, "arch": ""},
                "subscriptions": null, "last_seen": 0, "deregister": false, "deregistration": {},
                "metadata": {"name": "iad2", "namespace": "iad2"}, "sensu_agent_version": "",
            },
            "check": {
                "command": command, "handlers": [], "high_flap_threshold": 0, "interval": 60,
                "low_flap_threshold": 0, "publish": true, "runtime_assets": null, "subscriptions": ["node"],
                "proxy_entity_name": "iad2", "check_hooks": null, "stdin": false, "subdue": null, "ttl": 180,
                "timeout": 10, "round_robin": true, "duration": 0.012, "executed": at,
                "history": [{"status": 0, "executed": at}], "issued": at,
                "output": "FILE OK: it is there | size=12B;\n", "state": "passing", "status": 0,
                "total_state_change": 0, "last_ok": at, "occurrences": 1, "occurrences_watermark": 1,
                "output_metric_format": "nagios_perfdata", "output_metric_handlers": null, "env_vars": null,
                "metadata": {
                    "name": "p", "namespace": "iad2", "labels": self.labels(), "annotations": {"mdd_title": "p works"},
                },
                "secrets": null, "is_silenced": false, "scheduler": "", "processed_by": "node-1", "pipelines": [],
            },
            "metadata": {"namespace": "iad2"}, "id": "6bd4c8a2-6f2e-4f1b-8e4c-0b8f2c8f7b11", "sequence": 7, "timestamp": at,
        })
    }

    /// A result of Sensu Classic: OK, executed now.
    pub fn result(&self) -> Value {
        let at = now();
        let mut check = json!({
            "name": "p", "command": format!("/usr/lib/nagios/plugins/{}", self.line),
            "subscribers": ["roundrobin:node"], "source": "iad2", "interval": 60, "timeout": 10, "ttl": 180,
            "handle": false, "issued": at, "executed": at, "duration": 0.012,
            "output": "FILE OK: it is there | size=12B;\n", "status": 0, "type": "standard", "origin": "node-1",
            "history": ["0", "0", "0"],
        });
        check.as_object_mut().unwrap().extend(self.labels().as_object().unwrap().clone());
        json!({"client": "iad2", "check": check})
    }

    /// Writes a document into the platform's folder.
    pub fn write(&self, name: &str, document: &Value) -> PathBuf {
        let path = self.platform.path(name);
        std::fs::write(&path, document.to_string()).unwrap();
        path
    }

    /// Pulls a document of this kind from a file.
    pub fn pull(&self, kind: &str, document: &Value) -> Outcome {
        self.write("said.json", document);
        self.platform.mdd(&["pull", kind, "said.json"])
    }

    /// The gate's record.
    pub fn gate(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["gate", "iad2", "--format", "json"];
        all.extend(arguments);
        self.platform.mdd(&all).json()
    }
}

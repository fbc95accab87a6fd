//! A session and its certificates as facts of the JSON output.

use serde_json::{Value, json};

use crate::{Certificate, Session};

impl Session {
    /// `protocol`, `cipher`, `alpn`, `problems`, `chain` as it was sent and the subjects of `path` as it was
    /// verified.
    pub fn facts(&self) -> Value {
        let problems: Vec<Value> = self
            .problems
            .iter()
            .map(|problem| json!({"reason": problem.reason.word(), "text": problem.text, "depth": problem.depth}))
            .collect();
        json!({
            "protocol": self.protocol,
            "cipher": self.cipher,
            "alpn": self.alpn,
            "problems": problems,
            "chain": self.chain.iter().map(Certificate::facts).collect::<Vec<Value>>(),
            "path": self.path.iter().map(|element| element.subject.clone()).collect::<Vec<String>>(),
        })
    }
}

impl Certificate {
    /// All of it; times in seconds since 1970.
    pub fn facts(&self) -> Value {
        json!({
            "subject": self.subject,
            "issuer": self.issuer,
            "names": self.names,
            "not_before": self.not_before,
            "not_after": self.not_after,
            "serial": self.serial,
            "key": {"kind": self.key.kind, "bits": self.key.bits},
            "signature": self.signature,
            "sha256": self.sha256,
            "pin": self.pin(),
        })
    }
}

//! A check of Sensu Go for each plugin, with tokens for what differs from entity to entity.

use std::fmt::Write as _;

use catalog::Entry;

use crate::HEADER;
use crate::offer::{self, PATIENCE};
use crate::service::{Word, words};

/// How often it runs, seconds, and how many runs may fail to come before Sensu says so.
const INTERVAL: u64 = 60;
const MISSED: u64 = 3;

/// The subscription whose agents run the checks.
const SUBSCRIPTION: &str = "verdigris";

/// The asset with the plugins.
const ASSET: &str = "verdigris-plugins";

/// The file of one plugin, for `sensuctl create --file`.
pub fn template(entry: &Entry) -> Result<String, String> {
    let name = entry.name();
    let timeout = offer::timeout(&(entry.command)(&name))? + PATIENCE;
    let (mut command, mut labels) = (name.clone(), Vec::new());
    for word in words(entry)? {
        match word {
            Word::Option(option) => {
                let _written = write!(command, " {option}");
            }
            // Quoted: the shell sees what the label holds.
            Word::Value { label, default } => {
                let _written = write!(command, " '{{{{ .labels.{label} | default \"{default}\" }}}}'");
                labels.push(label);
            }
        }
    }
    let (command, about) = (scalar(&command), entry.about());
    let ttl = INTERVAL * MISSED;
    // Comments stand behind the mark of the document: sensuctl refuses a document that holds nothing else.
    let mut text = format!("---\n# {HEADER}\n#\n# {about}.\n");
    if !labels.is_empty() {
        let _written = writeln!(
            text,
            "# Labels of the entity change it: {}. A value with a single quote in it would end the quotes of the command.",
            labels.join(", ")
        );
    }
    let _written = write!(
        text,
        r#"type: CheckConfig
api_version: core/v2
metadata:
  name: "{name}"
spec:
  command: {command}
  subscriptions:
  - "{SUBSCRIPTION}"
  publish: true
  interval: {INTERVAL}
  timeout: {timeout}
  ttl: {ttl}
  runtime_assets:
  - "{ASSET}"
  handlers: []
  output_metric_format: nagios_perfdata
  output_metric_tags:
  - name: entity
    value: "{{{{ .name }}}}"
  - name: check
    value: "{name}"
"#
    );
    Ok(text)
}

/// A string of YAML in double quotes.
fn scalar(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::template;
    use catalog::find;

    #[test]
    fn labels_of_the_entity_change_the_command() {
        let text = template(find("check-tcp").expect("it is there")).expect("it can be made");
        let command = r#"  command: "check-tcp --hostname '{{ .labels.address | default \"127.0.0.1\" }}' --port '{{ .labels.tcp_port | default \"22\" }}'""#;
        assert!(text.lines().any(|line| line == command), "{text}");
        assert!(text.starts_with("---\n") && text.matches("\n---").count() == 0, "{text}");
        assert!(text.contains("  timeout: 15\n  ttl: 180\n"), "{text}");
    }
}

//! A password or token: read from a file, the environment or a descriptor, shown nowhere.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::{Deadline, Failure, Reason, Result, text};

/// Longest secret that is read, bytes.
const LIMIT: u64 = 64 * 1024;
/// Shorter secrets are struck where they stand as a word, bytes.
const SHORT: usize = 5;

// Every secret of this process, so that no output holds one, whatever way it took there.
static KNOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A value that no output shows: not the text, not JSON, not a debug print, not an error.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value into custody: from here on the runner strikes it from all output.
    pub fn new(value: impl Into<String>) -> Secret {
        let value = value.into();
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        // A plugin cleans what a server says before it shows it, and the server may say the secret.
        for form in [value.as_str(), &*text::clean(&value)] {
            if !form.is_empty() && !known.iter().any(|secret| secret == form) {
                known.push(form.to_owned());
            }
        }
        drop(known);
        Secret(value)
    }

    /// The value itself, for the wire only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

const STRUCK: &str = "[redacted]";

/// Strikes every known secret from a text, before it is cut, cleaned or escaped: none of that can hide one then.
pub(crate) fn redact(mut text: String) -> String {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // The longest first, so that a secret which holds another leaves no rest behind.
    known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in &known {
        text = strike(text, secret);
    }
    text
}

/// Whether this process has a secret at all; most have none.
pub(crate) fn any_known() -> bool {
    !KNOWN.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
}

/// [`redact`] for a JSON value: every text in it, and every key.
pub(crate) fn redact_json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redact(text)),
        Value::Array(values) => values.into_iter().map(redact_json).collect(),
        Value::Object(object) => Value::Object(redact_facts(&object)),
        other => other,
    }
}

/// [`redact_json`] for the members of an object.
pub(crate) fn redact_facts(facts: &Map<String, Value>) -> Map<String, Value> {
    facts.iter().map(|(key, value)| (redact(key.clone()), redact_json(value.clone()))).collect()
}

// A secret of a few letters is struck as a word only: elsewhere it would make every text unreadable, and so be told.
fn strike(text: String, secret: &str) -> String {
    if !text.contains(secret) {
        return text;
    }
    if secret.len() >= SHORT {
        return text.replace(secret, STRUCK);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(secret) {
        let (before, after) = (&rest[..at], &rest[at + secret.len()..]);
        let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let last = before.chars().next_back().or_else(|| out.chars().next_back());
        out.push_str(before);
        out.push_str(if in_word(last) || in_word(after.chars().next()) { secret } else { STRUCK });
        rest = after;
    }
    out + rest
}

/// Where a plugin's password comes from. Flatten it into the options of a plugin that logs in.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SecretArgs {
    /// Read the password from the first line of this file
    #[arg(long, value_name = "FILE", group = "password_source")]
    pub password_file: Option<PathBuf>,
    /// Read the password from this environment variable
    #[arg(long, value_name = "NAME", group = "password_source")]
    pub password_env: Option<String>,
    /// Read the password from this open file descriptor
    #[arg(long, value_name = "N", group = "password_source")]
    pub password_fd: Option<u32>,
}

impl SecretArgs {
    /// Reads the secret, if one is asked for. The second value is a warning for `-v`: others may read the file.
    ///
    /// A file gives its first line. A pipe or terminal is waited for, as long as `deadline` lasts.
    ///
    /// Errors with [`Reason::Usage`] or [`Reason::Permission`], never naming the value.
    pub fn read(&self, deadline: &Deadline) -> Result<Option<(Secret, Option<String>)>> {
        if let Some(path) = &self.password_file {
            deadline.step(format_args!("read password file {}", path.display()))?;
            let (value, mode) = read_first_line(path, "password file")?;
            let warning = (mode & 0o004 != 0).then(|| {
                format!("password file {} is readable by others (mode {:o})", path.display(), mode & 0o777)
            });
            return Ok(Some((Secret::new(value), warning)));
        }
        if let Some(name) = &self.password_env {
            let value = std::env::var(name).map_err(|_| {
                Failure::new(Reason::Usage, format!("environment variable {name} is not set, or no UTF-8"))
            })?;
            if value.is_empty() {
                return Err(Failure::new(Reason::Usage, format!("environment variable {name} is empty")));
            }
            return Ok(Some((Secret::new(value), None)));
        }
        if let Some(descriptor) = self.password_fd {
            // /proc/self/fd opens it anew, which needs no unsafe code and works for files and pipes.
            let path = PathBuf::from(format!("/proc/self/fd/{descriptor}"));
            deadline.step(format_args!("read password descriptor {descriptor}"))?;
            let (value, _) = read_first_line(&path, "password descriptor")?;
            return Ok(Some((Secret::new(value), None)));
        }
        Ok(None)
    }
}

fn read_first_line(path: &Path, what: &str) -> Result<(String, u32)> {
    let failed = |error: std::io::Error| {
        let failure = Failure::io(format!("read {what} {}", path.display()), &error);
        let reason = if failure.reason == Reason::Permission { Reason::Permission } else { Reason::Usage };
        Failure { reason, ..failure }
    };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode();
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes).map_err(failed)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Reason::Usage, format!("{what} {} is no UTF-8 text", path.display())))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(Failure::new(Reason::Usage, format!("{what} {} is empty", path.display())));
    }
    Ok((line.to_owned(), mode))
}

#[cfg(test)]
mod tests {
    use super::{Secret, SecretArgs, redact, redact_json, strike};
    use crate::{Deadline, Reason, text};
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    fn deadline() -> Deadline {
        Deadline::after(Duration::from_secs(10))
    }

    #[test]
    fn no_text_shows_a_secret() {
        let secret = Secret::new("hunter2-in-secret-tests");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(redact("login hunter2-in-secret-tests failed".into()), "login [redacted] failed");
        assert_eq!(secret.expose(), "hunter2-in-secret-tests");
        let odd = Secret::new("bar|in\tsecret tests");
        assert_eq!(
            redact(format!("{} {}", odd.expose(), text::clean(odd.expose()))),
            "[redacted] [redacted]"
        );
    }

    #[test]
    fn a_short_secret_is_struck_as_a_word() {
        let struck = |text: &str, secret| strike(text.to_owned(), secret);
        assert_eq!(struck("user a: bad login a", "a"), "user [redacted]: bad login [redacted]");
        assert_eq!(struck("aa a-a", "a"), "aa [redacted]-[redacted]");
        assert_eq!(struck("10.0.0.5:443 said 3", "3"), "10.0.0.5:443 said [redacted]");
        assert_eq!(struck("xlong-onex", "long-one"), "x[redacted]x");
    }

    #[test]
    fn keys_and_values_of_facts_are_struck() {
        Secret::new("quoted \" in secret tests");
        let facts = serde_json::json!({"a": ["quoted \" in secret tests"], "quoted \" in secret tests": 1});
        let expected = serde_json::json!({"a": ["[redacted]"], "[redacted]": 1});
        assert_eq!(redact_json(facts), expected);
    }

    #[test]
    fn a_file_gives_its_first_line_and_a_warning_when_others_may_read_it() {
        let path = std::env::temp_dir().join(format!("verdigris-secret-{}", std::process::id()));
        std::fs::write(&path, "s3cret of the test\nsecond line\n").expect("write the file");
        let args = SecretArgs { password_file: Some(path.clone()), ..SecretArgs::default() };
        for (mode, warned) in [(0o600, false), (0o644, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("change its mode");
            let (secret, warning) = args.read(&deadline()).expect("readable").expect("asked for");
            assert_eq!(secret.expose(), "s3cret of the test");
            assert_eq!(warning.is_some(), warned, "mode {mode:o}");
        }
        std::fs::remove_file(&path).expect("remove the file");
        assert_eq!(args.read(&deadline()).map_err(|failure| failure.reason), Err(Reason::Usage));
        assert_eq!(SecretArgs::default().read(&deadline()), Ok(None));
    }
}

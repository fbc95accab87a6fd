//! Choosing points: `group:dns owner:netops !severity:minor id:pg-*`. Blanks are AND, commas OR, `!` negates.

use crate::plan::{Point, Severity};

/// Words of a state, as `state:` takes them.
pub const STATES: [&str; 8] =
    ["green", "settling", "warning", "red", "blocked", "not-due", "unknown", "waived"];

/// A parsed selection. The empty one takes every point.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    terms: Vec<Term>,
}

/// One term: any of its values has to match, or none when negated.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    negated: bool,
    key: Key,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Group,
    Owner,
    Milestone,
    Id,
    Severity,
    State,
}

impl Selector {
    /// Parses the words of a command line. One word may hold several terms with blanks between them.
    ///
    /// # Errors
    /// An unknown key, an empty value, a severity or state that does not exist: one line that says which.
    pub fn parse<S: AsRef<str>>(words: &[S]) -> Result<Self, String> {
        let words = words.iter().flat_map(|word| word.as_ref().split_whitespace());
        Ok(Selector { terms: words.map(Term::parse).collect::<Result<_, _>>()? })
    }

    /// Whether there is no term at all.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it has `state:` terms, which only [`Selector::takes_state`] looks at.
    pub fn has_state(&self) -> bool {
        self.terms.iter().any(|term| term.key == Key::State)
    }

    /// Whether every term but `state:` takes this point.
    pub fn takes(&self, point: &Point) -> bool {
        self.terms.iter().filter(|term| term.key != Key::State).all(|term| term.takes(term.key.of(point)))
    }

    /// The same, as if the point were this team's.
    pub fn takes_as(&self, point: &Point, owner: &str) -> bool {
        self.terms.iter().filter(|term| term.key != Key::State).all(|term| match term.key {
            Key::Owner => term.takes(Some(owner)),
            key => term.takes(key.of(point)),
        })
    }

    /// Whether every `state:` term takes this state, a word of [`STATES`].
    pub fn takes_state(&self, state: &str) -> bool {
        self.terms.iter().filter(|term| term.key == Key::State).all(|term| term.takes(Some(state)))
    }
}

impl Term {
    fn parse(word: &str) -> Result<Self, String> {
        let (negated, rest) = match word.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let (key, values) = match rest.split_once(':') {
            None => (Key::Id, rest),
            Some((key, values)) => (Key::parse(key).ok_or_else(|| unknown_key(word, key))?, values),
        };
        let values: Vec<String> = values.split(',').map(str::to_owned).collect();
        for value in &values {
            let known: &[&str] = match key {
                Key::Severity => &["critical", "major", "minor"],
                Key::State => &STATES,
                _ => &[],
            };
            if value.is_empty() {
                return Err(format!("selector `{word}`: a value is empty"));
            }
            if !known.is_empty() && !known.iter().any(|one| glob(value, one)) {
                return Err(format!("selector `{word}`: `{value}` is none of {}", known.join(", ")));
            }
        }
        Ok(Term { negated, key, values })
    }

    fn takes(&self, value: Option<&str>) -> bool {
        let any = value.is_some_and(|value| self.values.iter().any(|pattern| glob(pattern, value)));
        any != self.negated
    }
}

impl Key {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "group" => Key::Group,
            "owner" => Key::Owner,
            "milestone" => Key::Milestone,
            "id" => Key::Id,
            "severity" => Key::Severity,
            "state" => Key::State,
            _ => return None,
        })
    }

    fn of(self, point: &Point) -> Option<&str> {
        match self {
            Key::Group => Some(&point.group),
            Key::Owner => Some(&point.owner),
            Key::Milestone => point.milestone.as_deref(),
            Key::Id => Some(&point.id),
            Key::Severity => Some(severity_word(point.severity)),
            Key::State => None,
        }
    }
}

/// `critical`, `major` or `minor`.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Major => "major",
        Severity::Minor => "minor",
    }
}

fn unknown_key(word: &str, key: &str) -> String {
    format!("selector `{word}`: unknown key `{key}`; known: group, owner, milestone, id, severity, state")
}

/// Whether the pattern matches the whole text; `*` stands for any run of characters.
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else { return text.is_empty() };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pattern.contains('*').then(|| parts.next_back()).flatten() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("pg-*", "pg-primary", true),
            ("pg-*", "pg", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "axbyc", true),
            ("a*b*c", "axcyb", false),
            ("a*a", "a", false),
            ("*-replica", "pg-replica", true),
            ("exact", "exactly", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn mistakes_name_the_word() {
        let error = |word: &str| Selector::parse(&[word]).unwrap_err();
        assert_eq!(
            error("grp:dns"),
            "selector `grp:dns`: unknown key `grp`; known: group, owner, milestone, id, severity, state"
        );
        assert_eq!(error("group:"), "selector `group:`: a value is empty");
        assert_eq!(
            error("severity:high"),
            "selector `severity:high`: `high` is none of critical, major, minor"
        );
        assert!(error("!state:purple").contains("not-due"));
    }

    #[test]
    fn state_terms_are_apart() {
        let selector = Selector::parse(&["state:red,blocked !state:green"]).unwrap();
        assert!(selector.has_state());
        assert!(selector.takes_state("red"));
        assert!(!selector.takes_state("green"));
        assert!(!selector.takes_state("waived"));
        assert!(Selector::default().takes_state("unknown"));
    }
}

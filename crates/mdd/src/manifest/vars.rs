//! Variables: `${name}` in finished strings, `$$` for a dollar, `${list...}` for an argument per element.
//!
//! Names resolve when they are used, in the scope of one point (and one `for_each` element) in one datacenter, so a
//! value may name variables of an inner scope. Substitution happens inside one string: it never adds or splits one.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::scalar::Variable;

/// Longest text that a substitution may make, in bytes.
const MAX_TEXT: usize = 64 << 10;
/// Most variables that may name each other in a row.
const MAX_DEPTH: usize = 64;

/// A piece of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it is.
    Literal(String),
    /// `${name}`
    Name(String),
    /// `${name...}`
    Splice(String),
}

/// Why a string cannot be finished.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// `${` without its `}`.
    Unclosed,
    /// What stands between the braces is no name.
    BadName(String),
    /// The variable does not exist here; named by these variables, the outermost first.
    NotSet { name: String, via: Vec<String> },
    /// Variables that name each other.
    Cycle(Vec<String>),
    /// There is no such secret.
    NoSecret(String),
    /// A list where one text is wanted.
    IsList(String),
    /// A text where a list is wanted.
    NotList(String),
    /// `${list...}` outside an argument, or twice in one.
    Splice(String),
    /// Too long or too deep.
    TooMuch(String),
    /// A list that holds an element twice.
    Twice { name: String, item: String },
    /// Anything else that only the finished value shows: what, and the fix.
    Other(String, String),
}

/// A finished string, or the names of variables that are not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finished<T> {
    /// Done.
    Value(T),
    /// Waits for these.
    Waits(BTreeSet<String>),
}

/// A variable's finished value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One text.
    Text(String),
    /// Several.
    List(Vec<String>),
}

/// Cuts a string into its parts.
pub fn parts(text: &str) -> Result<Vec<Part>, Problem> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        literal.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            literal.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let end = after.find('}').ok_or(Problem::Unclosed)?;
            let inner = &after[..end];
            let (name, splice) = inner.strip_suffix("...").map_or((inner, false), |name| (name, true));
            if !is_name(name.strip_prefix("secret.").unwrap_or(name)) {
                return Err(Problem::BadName(inner.to_owned()));
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(if splice { Part::Splice(name.to_owned()) } else { Part::Name(name.to_owned()) });
            rest = &after[end + 1..];
        } else {
            literal.push('$');
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

/// Names of variables and secrets.
pub fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Where names are looked up: the first layer that has one wins.
#[derive(Debug, Clone, Default)]
pub struct Scope<'a> {
    layers: Vec<BTreeMap<&'a str, &'a Variable>>,
    /// `dc`, `platform`, the `for_each` variable: finished already.
    fixed: BTreeMap<&'a str, String>,
    /// Path or name per secret, unfinished.
    secrets: BTreeMap<&'a str, &'a str>,
    done: RefCell<BTreeMap<String, Finished<Value>>>,
}

impl<'a> Scope<'a> {
    /// A scope without any layer.
    pub fn new(fixed: BTreeMap<&'a str, String>, secrets: BTreeMap<&'a str, &'a str>) -> Self {
        Scope { layers: Vec::new(), fixed, secrets, done: RefCell::default() }
    }

    /// Adds a layer below those that are there.
    pub fn below(mut self, layer: impl IntoIterator<Item = (&'a str, &'a Variable)>) -> Self {
        self.layers.push(layer.into_iter().collect());
        self
    }

    /// The same scope with one more finished name on top.
    pub fn with(&self, name: &'a str, value: String) -> Self {
        let mut scope = Scope { done: RefCell::default(), ..self.clone() };
        scope.fixed.insert(name, value);
        scope
    }

    /// Finishes one string that is not an argument.
    pub fn text(&self, text: &str) -> Result<Finished<String>, Problem> {
        self.finish(text, &mut Vec::new())
    }

    /// Finishes one argument: one string, or one per element of its `${list...}`.
    pub fn argument(&self, text: &str) -> Result<Finished<Vec<String>>, Problem> {
        let parts = parts(text)?;
        let mut splices = parts.iter().filter_map(|part| match part {
            Part::Splice(name) => Some(name),
            _ => None,
        });
        let Some(name) = splices.next() else {
            return Ok(match self.join(&parts, None, &mut Vec::new())? {
                Finished::Value(one) => Finished::Value(vec![one]),
                Finished::Waits(names) => Finished::Waits(names),
            });
        };
        if let Some(second) = splices.next() {
            return Err(Problem::Splice(second.clone()));
        }
        let items = match self.look_up(name, &mut Vec::new())? {
            Finished::Value(Value::List(items)) => items,
            Finished::Value(Value::Text(_)) => return Err(Problem::NotList(name.clone())),
            Finished::Waits(names) => return Ok(Finished::Waits(names)),
        };
        let mut all = Vec::new();
        for item in items {
            match self.join(&parts, Some(&item), &mut Vec::new())? {
                Finished::Value(one) => all.push(one),
                Finished::Waits(names) => return Ok(Finished::Waits(names)),
            }
        }
        Ok(Finished::Value(all))
    }

    /// Finishes a variable's value: a list, a text, or a text that is one `${list}`.
    pub fn value(&self, variable: &Variable, name: &str) -> Result<Finished<Value>, Problem> {
        self.variable(variable, name, &mut Vec::new())
    }

    fn look_up(&self, name: &str, via: &mut Vec<String>) -> Result<Finished<Value>, Problem> {
        if let Some(value) = self.fixed.get(name) {
            return Ok(Finished::Value(Value::Text(value.clone())));
        }
        if let Some(done) = self.done.borrow().get(name) {
            return Ok(done.clone());
        }
        if let Some(start) = via.iter().position(|one| one == name) {
            let mut cycle = via[start..].to_vec();
            cycle.push(name.to_owned());
            return Err(Problem::Cycle(cycle));
        }
        if via.len() >= MAX_DEPTH {
            return Err(Problem::TooMuch(format!(
                "more than {MAX_DEPTH} variables name each other in a row"
            )));
        }
        via.push(name.to_owned());
        let value = if let Some(secret) = name.strip_prefix("secret.") {
            let text = self.secrets.get(secret).ok_or_else(|| Problem::NoSecret(secret.to_owned()))?;
            match self.finish(text, via)? {
                Finished::Value(text) => Finished::Value(Value::Text(text)),
                Finished::Waits(names) => Finished::Waits(names),
            }
        } else {
            let variable = self.layers.iter().find_map(|layer| layer.get(name));
            let Some(variable) = variable else {
                via.pop();
                return Err(Problem::NotSet { name: name.to_owned(), via: via.clone() });
            };
            self.variable(variable, name, via)?
        };
        via.pop();
        self.done.borrow_mut().insert(name.to_owned(), value.clone());
        Ok(value)
    }

    fn variable(
        &self,
        variable: &Variable,
        name: &str,
        via: &mut Vec<String>,
    ) -> Result<Finished<Value>, Problem> {
        match variable {
            Variable::Unknown => Ok(Finished::Waits(BTreeSet::from([name.to_owned()]))),
            Variable::Text(text) => match parts(text)?.as_slice() {
                // `a: "${b}"` is b, list or not.
                [Part::Name(name)] => self.look_up(name, via),
                parts => Ok(match self.join(parts, None, via)? {
                    Finished::Value(text) => Finished::Value(Value::Text(text)),
                    Finished::Waits(names) => Finished::Waits(names),
                }),
            },
            Variable::List(items) => {
                let mut all = Vec::new();
                for item in items {
                    match self.finish(item, via)? {
                        Finished::Value(item) => all.push(item),
                        Finished::Waits(names) => return Ok(Finished::Waits(names)),
                    }
                }
                Ok(Finished::Value(Value::List(all)))
            }
        }
    }

    fn finish(&self, text: &str, via: &mut Vec<String>) -> Result<Finished<String>, Problem> {
        self.join(&parts(text)?, None, via)
    }

    fn join(
        &self,
        parts: &[Part],
        element: Option<&str>,
        via: &mut Vec<String>,
    ) -> Result<Finished<String>, Problem> {
        let mut text = String::new();
        let mut waits = BTreeSet::new();
        for part in parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Splice(name) => text.push_str(element.ok_or_else(|| Problem::Splice(name.clone()))?),
                Part::Name(name) => match self.look_up(name, via)? {
                    Finished::Value(Value::Text(value)) => text.push_str(&value),
                    Finished::Value(Value::List(_)) => return Err(Problem::IsList(name.clone())),
                    Finished::Waits(names) => waits.extend(names),
                },
            }
            if text.len() > MAX_TEXT {
                return Err(Problem::TooMuch(format!("it becomes longer than {} KiB", MAX_TEXT >> 10)));
            }
        }
        Ok(if waits.is_empty() { Finished::Value(text) } else { Finished::Waits(waits) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Variable {
        Variable::Text(text.into())
    }

    fn list(items: &[&str]) -> Variable {
        Variable::List(items.iter().map(|&item| item.to_owned()).collect())
    }

    /// Finishes an argument among these variables of one layer, over a second one.
    fn finish(
        argument: &str,
        vars: &[(&str, Variable)],
        below: &[(&str, Variable)],
    ) -> Result<Vec<String>, Problem> {
        let scope = Scope::new(
            BTreeMap::from([("dc", "iad2".to_owned())]),
            BTreeMap::from([("bind", "/etc/mdd/${dc}/bind")]),
        )
        .below(vars.iter().map(|(name, value)| (*name, value)))
        .below(below.iter().map(|(name, value)| (*name, value)));
        match scope.argument(argument)? {
            Finished::Value(all) => Ok(all),
            Finished::Waits(names) => Ok(names.into_iter().map(|name| format!("waits for {name}")).collect()),
        }
    }

    #[test]
    fn dollars() {
        let one = |argument: &str| finish(argument, &[("a", text("x y'\"$z"))], &[]);
        assert_eq!(one("$.issuer"), Ok(vec!["$.issuer".into()]));
        assert_eq!(one("$$"), Ok(vec!["$".into()]));
        assert_eq!(one("$${a}"), Ok(vec!["${a}".into()]));
        assert_eq!(one("$$${a}$"), Ok(vec!["$x y'\"$z$".into()]));
        assert_eq!(one(""), Ok(vec![String::new()]));
        assert_eq!(one("${a"), Err(Problem::Unclosed));
        assert_eq!(one("${a b}"), Err(Problem::BadName("a b".into())));
        assert_eq!(one("${}"), Err(Problem::BadName(String::new())));
        assert_eq!(one("${a:-x}"), Err(Problem::BadName("a:-x".into())));
    }

    #[test]
    fn the_inner_scope_wins_even_inside_outer_values() {
        let inner = [("domain", text("inner"))];
        let outer = [("domain", text("outer")), ("host", text("h.${domain}"))];
        assert_eq!(finish("${host} ${dc}", &inner, &outer), Ok(vec!["h.inner iad2".into()]));
    }

    #[test]
    fn lists() {
        let vars = [("ntp", list(&["a b", "${dc}"])), ("also", text("${ntp}")), ("one", text("1"))];
        let go = |argument: &str| finish(argument, &vars, &[]);
        assert_eq!(
            go("--server=${ntp...}:${one}"),
            Ok(vec!["--server=a b:1".into(), "--server=iad2:1".into()])
        );
        assert_eq!(go("${also...}"), Ok(vec!["a b".into(), "iad2".into()]));
        assert_eq!(go("${ntp}"), Err(Problem::IsList("ntp".into())));
        assert_eq!(go("${one...}"), Err(Problem::NotList("one".into())));
        assert_eq!(go("${ntp...}${ntp...}"), Err(Problem::Splice("ntp".into())));
    }

    #[test]
    fn what_is_missing_says_through_whom() {
        let vars = [
            ("a", text("${b}.x")),
            ("b", text("${c}.y")),
            ("self", text("${self}")),
            ("p", text("1${q}")),
            ("q", text("2${p}")),
            ("later", Variable::Unknown),
            ("on_later", text("x${later}")),
        ];
        let go = |argument: &str| finish(argument, &vars, &[]);
        assert_eq!(go("${a}"), Err(Problem::NotSet { name: "c".into(), via: vec!["a".into(), "b".into()] }));
        assert_eq!(go("${self}"), Err(Problem::Cycle(vec!["self".into(), "self".into()])));
        assert_eq!(go("${p}"), Err(Problem::Cycle(vec!["p".into(), "q".into(), "p".into()])));
        assert_eq!(go("${on_later}"), Ok(vec!["waits for later".into()]));
        assert_eq!(go("${secret.bind}"), Ok(vec!["/etc/mdd/iad2/bind".into()]));
        assert_eq!(go("${secret.none}"), Err(Problem::NoSecret("none".into())));
    }

    #[test]
    fn what_multiplies_ends() {
        let mut vars = vec![("v0".to_owned(), text("aaaaaaaaaa"))];
        for i in 1..40 {
            vars.push((format!("v{i}"), text(&format!("${{v{}}}${{v{}}}", i - 1, i - 1))));
        }
        let named: Vec<(&str, Variable)> = vars.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
        assert!(matches!(finish("${v39}", &named, &[]), Err(Problem::TooMuch(_))));
    }
}

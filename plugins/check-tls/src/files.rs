//! Certificate files.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use plugin::{Deadline, Failure, Reason, Result};
use tls::Certificate;

/// Most bytes of a file; a bundle of all public roots has a quarter of a megabyte.
const MOST_BYTES: u64 = 4 << 20;
/// Most files that are looked at.
const MOST_FILES: usize = 1000;

/// A file with its certificates, or why there are none.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub path: PathBuf,
    pub certificates: Result<Vec<Certificate>>,
}

/// Reads all files that the patterns match, each once.
///
/// Errors with [`Reason::Usage`] for a pattern that is not understood; what is wrong with a file is a fact.
pub(crate) fn read(patterns: &[String], deadline: &Deadline) -> Result<Vec<Found>> {
    let mut found: Vec<Found> = Vec::new();
    for pattern in patterns {
        deadline.step(format_args!("look for {pattern}"))?;
        match expand(pattern)? {
            Ok(paths) => {
                for path in paths {
                    if found.iter().any(|one| one.path == path) {
                        continue;
                    }
                    if found.len() == MOST_FILES {
                        return Err(Failure::new(
                            Reason::Usage,
                            format!("more than {MOST_FILES} files match"),
                        ));
                    }
                    deadline.step(format_args!("read {}", path.display()))?;
                    let certificates = certificates(&path);
                    found.push(Found { path, certificates });
                }
            }
            Err(failure) => found.push(Found { path: pattern.into(), certificates: Err(failure) }),
        }
    }
    Ok(found)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>> {
    let shown = path.display();
    let failed = |error: &std::io::Error| Failure::io(format_args!("read {shown}"), error);
    // Asked before it is opened: a pipe would wait for whoever writes to it.
    if !path.metadata().map_err(|error| failed(&error))?.is_file() {
        return Err(Failure::new(Reason::Content, format!("{shown} is no file")));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Failure::new(Reason::Content, format!("{shown} is larger than 4 MiB")));
    }
    Certificate::of_file(&bytes)
        .map_err(|failure| Failure { message: format!("{shown}: {}", failure.message), ..failure })
}

/// The files that a pattern matches, by name. The outer error is one of usage, the inner one of the folder.
///
/// `*` and `?` in the last part: certificates of many names lie beside each other. Whoever needs more has a shell.
fn expand(pattern: &str) -> Result<Result<Vec<PathBuf>>> {
    let is_wild = |text: &str| text.contains(['*', '?']);
    let (folder, name) = match pattern.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((folder, name)) => (folder, name),
        None => (".", pattern),
    };
    if is_wild(folder) {
        let message = format!("{pattern}: * and ? are read in the last part of a path only");
        return Err(Failure::new(Reason::Usage, message));
    }
    if !is_wild(name) {
        return Ok(Ok(vec![pattern.into()]));
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return Ok(Err(Failure::io(format_args!("read the folder {folder}"), &error))),
    };
    let wanted: Vec<char> = name.chars().collect();
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            let name: Vec<char> = entry.file_name().to_string_lossy().chars().collect();
            // As in a shell a dot in front has to be asked for.
            let hidden = name.first() == Some(&'.') && wanted.first() != Some(&'.');
            !hidden && matches(&wanted, &name) && !entry.path().is_dir()
        })
        .map(|entry| if pattern.contains('/') { entry.path() } else { entry.file_name().into() })
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Ok(Err(Failure::new(Reason::Missing, format!("no file matches {pattern}"))));
    }
    Ok(Ok(paths))
}

/// Whether a name matches a pattern: `*` is any text, `?` one character.
fn matches(pattern: &[char], name: &[char]) -> bool {
    // Where to go on when it does not fit: the last `*`, which then takes one character more.
    let mut star = None;
    let (mut p, mut n) = (0, 0);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some('?') => (p, n) = (p + 1, n + 1),
            Some(c) if *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (p, n) = (place + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::{matches, read};
    use plugin::{Deadline, Reason};
    use std::time::Duration;

    #[test]
    fn patterns() {
        let fits = |pattern: &str, name: &str| {
            matches(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>())
        };
        for (pattern, name) in
            [("*", ""), ("*.pem", "a.pem"), ("a*b*c", "aXbYbZc"), ("?.pem", "é.pem"), ("**", "x"), ("a", "a")]
        {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*.pem", "a.pem2"), ("?", ""), ("a*b", "a"), ("", "a"), ("a?", "a")] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
        assert!(!fits(&"a*".repeat(30), &"a".repeat(29)), "no exponential time");
    }

    #[test]
    fn what_is_found_and_what_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.pem", "a.pem", ".hidden.pem", "c.txt"] {
            std::fs::write(folder.path().join(name), "no certificate").expect("write it");
        }
        std::fs::create_dir(folder.path().join("d.pem")).expect("a folder");
        let look = |patterns: &[&str]| {
            let patterns: Vec<String> =
                patterns.iter().map(|name| folder.path().join(name).display().to_string()).collect();
            read(&patterns, &Deadline::after(Duration::from_secs(5)))
        };
        let names = |patterns: &[&str]| {
            let found = look(patterns).expect("understood");
            found
                .iter()
                .map(|one| one.path.file_name().expect("a name").display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&["*.pem"]), ["a.pem", "b.pem"]);
        assert_eq!(names(&["b.pem", "*.pem", ".h*"]), ["b.pem", "a.pem", ".hidden.pem"]);
        let reason = |pattern: &str| {
            let found = look(&[pattern]).expect("understood").remove(0);
            found.certificates.map_err(|failure| failure.reason).map(|found| found.len())
        };
        assert_eq!(reason("*.der"), Err(Reason::Missing));
        assert_eq!(reason("none.pem"), Err(Reason::Missing));
        assert_eq!(reason("none/*.pem"), Err(Reason::Missing));
        assert_eq!(reason("d.pem"), Err(Reason::Content));
        assert_eq!(reason("a.pem"), Err(Reason::Content));
        let wild = look(&["*/a.pem"]).map_err(|failure| failure.reason).map(|found| found.len());
        assert_eq!(wild, Err(Reason::Usage));
    }
}

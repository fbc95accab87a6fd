//! `cargo xtask new check-thing`: the files of a new check, ready to be changed, and its lines in the catalogue.

use crate::shell::{self, Result, root};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// The template is a check called check-thing; its name is replaced everywhere.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../template/manifest.toml")),
    ("README.md", include_str!("../template/README.md")),
    ("src/lib.rs", include_str!("../template/lib.rs")),
    ("src/main.rs", include_str!("../template/main.rs")),
];

/// Where a check is named besides its own folder: the file, and how a line that names a check begins.
const LISTS: &[(&str, &str, &str)] = &[
    ("Cargo.toml", "check-", "check-thing = { path = \"plugins/check-thing\" }"),
    ("crates/catalog/Cargo.toml", "check-", "check-thing.workspace = true"),
    ("crates/catalog/src/lib.rs", "    plugin!(check_", "    plugin!(check_thing::CheckThing),"),
];

/// Makes the check; nothing is written unless everything can be.
pub fn new(args: &[String]) -> Result<ExitCode> {
    let [name] = args else { return Err("new takes one name, such as check-thing".into()) };
    let name = Name::new(name)?;
    let folder = Path::new("plugins").join(&name.kebab);
    if root().join(&folder).exists() {
        return Err(format!("{} exists already", folder.display()));
    }
    let mut files: Vec<_> =
        FILES.iter().map(|(path, text)| (folder.join(path), name.put_into(text))).collect();
    for (path, prefix, line) in LISTS {
        let text = fs::read_to_string(root().join(path)).map_err(|error| format!("read {path}: {error}"))?;
        let text =
            insert(&text, prefix, &name.put_into(line)).ok_or_else(|| format!("{path} lists no checks"))?;
        files.push((path.into(), text));
    }
    for (path, text) in files {
        write(&path, &text)?;
        println!("wrote {}", path.display());
    }
    // Cargo.lock lists the workspace's own crates too.
    shell::run(&mut shell::cargo(&["update", "--workspace", "--offline", "--quiet"]))?;
    println!(
        "\nNext: cargo test -p {name} && cargo xtask gen\nThen change plugins/{name}/src/lib.rs: the options, \
         what `run` measures, how `judge` judges.",
        name = name.kebab
    );
    Ok(ExitCode::SUCCESS)
}

/// The name of a check in the three spellings of Rust.
#[derive(Debug, PartialEq)]
struct Name {
    kebab: String,
    snake: String,
    camel: String,
}

impl Name {
    fn new(text: &str) -> Result<Name> {
        let words: Vec<&str> = text.split('-').collect();
        let good = |word: &&str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        if words.len() < 2 || words[0] != "check" || !words.iter().all(good) {
            return Err(format!(
                "`{text}` is no name of a check: check-, then lower-case letters, digits and single dashes"
            ));
        }
        let capitalized = |word: &&str| word[..1].to_ascii_uppercase() + &word[1..];
        Ok(Name {
            kebab: text.into(),
            snake: words.join("_"),
            camel: words.iter().map(capitalized).collect(),
        })
    }

    fn put_into(&self, text: &str) -> String {
        text.replace("check-thing", &self.kebab)
            .replace("check_thing", &self.snake)
            .replace("CheckThing", &self.camel)
    }
}

/// Puts a line in its place among the lines with this beginning, which are sorted; `None` when there are none.
fn insert(text: &str, prefix: &str, line: &str) -> Option<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let siblings = || lines.iter().enumerate().filter(|(_, sibling)| sibling.starts_with(prefix));
    let after = siblings().find(|(_, sibling)| **sibling > line).map(|(at, _)| at);
    let at = after.or_else(|| siblings().next_back().map(|(at, _)| at + 1))?;
    lines.insert(at, line);
    Some(lines.join("\n") + "\n")
}

fn write(path: &Path, text: &str) -> Result<()> {
    let target = root().join(path);
    let failed = |error| format!("write {}: {error}", path.display());
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(&target, text).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_three_spellings() {
        let name = Name::new("check-file-age2").unwrap();
        assert_eq!((name.snake.as_str(), name.camel.as_str()), ("check_file_age2", "CheckFileAge2"));
        for bad in
            ["file-age", "check", "check-", "check--x", "check-Age", "check_age", "check-ä", "../check-x"]
        {
            assert!(Name::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_line_is_inserted_in_order() {
        let list = "[x]\nclap = 1\ncheck-a = 1\ncheck-c = 1\n\n[y]\n";
        let with = |line| insert(list, "check-", line).unwrap();
        assert_eq!(with("check-b = 1"), "[x]\nclap = 1\ncheck-a = 1\ncheck-b = 1\ncheck-c = 1\n\n[y]\n");
        assert_eq!(with("check-d = 1"), "[x]\nclap = 1\ncheck-a = 1\ncheck-c = 1\ncheck-d = 1\n\n[y]\n");
        assert_eq!(insert("[x]\n", "check-", "check-b = 1"), None);
    }

    #[test]
    fn every_list_names_the_checks_that_are_there() {
        for (path, prefix, _) in LISTS {
            let text = fs::read_to_string(root().join(path)).unwrap();
            let named = text.lines().filter(|line| line.starts_with(prefix)).count();
            let folders = fs::read_dir(root().join("plugins")).unwrap().count();
            assert_eq!(named, folders, "{path}: a check to each folder in plugins/");
        }
    }
}

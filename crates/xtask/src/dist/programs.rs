//! The programs that are packed: built, found, and asked for the libraries they need.

use super::Profile;
use crate::packages;
use crate::shell::{self, Result, cargo, command};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

const MUSL: &str = "x86_64-unknown-linux-musl";
/// Libraries that every host of the same family has, and OpenSSL, which its distribution mends.
const PROMISED: [&str; 9] = [
    "ld-linux-",
    "libc.so.",
    "libcrypto.so.",
    "libdl.so.",
    "libgcc_s.so.",
    "libm.so.",
    "libpthread.so.",
    "librt.so.",
    "libssl.so.",
];

/// mdd and every plugin.
pub struct Programs {
    pub mdd: PathBuf,
    /// Sorted by name.
    pub plugins: Vec<PathBuf>,
    pub linkage: Linkage,
}

/// What the programs need of the host.
#[derive(Debug, PartialEq)]
pub enum Linkage {
    Static,
    /// The libraries, of all programs together.
    Dynamic(BTreeSet<String>),
}

impl fmt::Display for Linkage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Linkage::Static => f.write_str("The programs are static."),
            Linkage::Dynamic(libraries) => {
                let libraries: Vec<&str> = libraries.iter().map(String::as_str).collect();
                write!(f, "The programs are linked with glibc and need {}.", libraries.join(", "))
            }
        }
    }
}

/// The target to build for; none is this machine's own, which has no folder of its own either.
pub fn target(asked: Option<String>, profile: Profile, skip_build: bool) -> Option<String> {
    if asked.is_some() || profile == Profile::Quick || std::env::consts::ARCH != "x86_64" {
        return asked;
    }
    let can_be_had = if skip_build {
        folder(Some(MUSL), profile).is_dir()
    } else {
        shell::succeeds(&mut command("rustup", &["target", "add", MUSL]))
    };
    if !can_be_had {
        println!("The target {MUSL} cannot be had: the programs will need this distribution's libraries.");
    }
    can_be_had.then(|| MUSL.to_owned())
}

/// Builds mdd and every plugin.
pub fn build(target: Option<&str>, profile: Profile) -> Result<()> {
    let is_static = target.is_some_and(|target| target.ends_with("-musl"));
    packages::ensure(if is_static { packages::DIST_STATIC } else { packages::DIST_DYNAMIC })?;
    let mut build = cargo(&["build", "--locked", "--bins", "--profile", profile.name(), "--package", "mdd"]);
    for plugin in plugin_names()? {
        build.args(["--package", &plugin]);
    }
    if let Some(target) = target {
        build.args(["--target", target]);
    }
    if is_static {
        // The distribution has no OpenSSL for musl: it is built from source.
        build.args(["--package", "verdigris-tls", "--features", "verdigris-tls/vendored"]);
    }
    shell::run(&mut build)
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Profile::Release => "release",
            Profile::Quick => "quick",
        }
    }
}

impl Programs {
    /// Those in a folder; an error when one is missing, or needs a library that is not promised anywhere.
    pub fn find(folder: &Path) -> Result<Programs> {
        let built = |name: &str| {
            let path = folder.join(name);
            if path.is_file() { Ok(path) } else { Err(format!("{} is not built", path.display())) }
        };
        let plugins = plugin_names()?.iter().map(|name| built(name)).collect::<Result<Vec<_>>>()?;
        let mdd = built("mdd")?;
        let mut libraries = BTreeSet::new();
        for program in plugins.iter().chain([&mdd]) {
            let needed = needed(program)?;
            if let Some(stranger) = needed.iter().find(|name| !is_promised(name)) {
                return Err(format!("{} needs {stranger}, which not every host has", program.display()));
            }
            libraries.extend(needed);
        }
        let linkage = if libraries.is_empty() { Linkage::Static } else { Linkage::Dynamic(libraries) };
        Ok(Programs { mdd, plugins, linkage })
    }

    pub fn all(&self) -> impl Iterator<Item = &Path> {
        self.plugins.iter().chain([&self.mdd]).map(PathBuf::as_path)
    }
}

/// Where cargo puts what it builds.
pub fn folder(target: Option<&str>, profile: Profile) -> PathBuf {
    let all =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from);
    target.map_or_else(|| all.clone(), |target| all.join(target)).join(profile.name())
}

/// The folders of `plugins/` that are crates: a crate has one program, of the same name.
fn plugin_names() -> Result<Vec<String>> {
    let folder = shell::root().join("plugins");
    let entries =
        std::fs::read_dir(&folder).map_err(|error| format!("read {}: {error}", folder.display()))?;
    let crates = entries.flatten().filter(|entry| entry.path().join("Cargo.toml").is_file());
    let mut names: Vec<String> =
        crates.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// The names of the libraries that the loader would look for.
fn needed(program: &Path) -> Result<Vec<String>> {
    let text = shell::output_of(command("objdump", &["--private-headers"]).arg(program))?;
    if !text.contains("file format elf") {
        return Err(format!("objdump reads no program in {}", program.display()));
    }
    Ok(needed_in(&text))
}

fn needed_in(headers: &str) -> Vec<String> {
    let lines = headers.lines().filter_map(|line| line.trim().strip_prefix("NEEDED"));
    lines.map(|name| name.trim().to_owned()).collect()
}

fn is_promised(library: &str) -> bool {
    PROMISED.iter().any(|promised| library.starts_with(promised))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needed_libraries_are_read_and_strangers_noticed() {
        let headers = "x:     file format elf64-x86-64\n\nDynamic Section:\n  NEEDED               libssl.so.3\n  \
                       NEEDED               libc.so.6\n  INIT                 0x00000000\n";
        assert_eq!(needed_in(headers), ["libssl.so.3", "libc.so.6"]);
        assert!(needed_in("x:     file format elf64-x86-64\n").is_empty());
        assert!(is_promised("libgcc_s.so.1") && is_promised("ld-linux-x86-64.so.2"));
        assert!(!is_promised("libcurl.so.4") && !is_promised("libcap.so.2"));
    }

    #[test]
    fn every_plugin_is_packed() {
        let names = plugin_names().unwrap();
        assert!(
            names.contains(&"check-ping".to_owned()) && names.iter().all(|name| name.starts_with("check-"))
        );
    }

    #[test]
    fn the_linkage_names_its_libraries() {
        let libraries = ["libc.so.6", "libssl.so.3"].map(str::to_owned).into();
        let said = "The programs are linked with glibc and need libc.so.6, libssl.so.3.";
        assert_eq!(Linkage::Dynamic(libraries).to_string(), said);
    }
}

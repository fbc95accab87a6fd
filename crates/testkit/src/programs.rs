//! Where the programs under test are.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The binary `name` of this workspace, of the same build as the running test.
///
/// Panics with what to do when it has not been built.
pub fn plugin(name: &str) -> PathBuf {
    existing(profile_dir().join(name), "cargo build --workspace --bins")
}

/// The example program `name` of this workspace, of the same build as the running test.
///
/// Panics with what to do when it has not been built.
pub fn example(name: &str) -> PathBuf {
    existing(profile_dir().join("examples").join(name), "cargo build -p verdigris-plugin --examples")
}

// target/<profile>: a test runs as target/<profile>/deps/<test>-<hash>.
fn profile_dir() -> PathBuf {
    let test = std::env::current_exe().expect("find the running test");
    test.ancestors().nth(2).expect("a test lies in target/<profile>/deps").to_owned()
}

fn existing(path: PathBuf, build: &str) -> PathBuf {
    assert!(
        path.is_file(),
        "{} is not there; build it first, in the profile of the tests: {build}",
        path.display()
    );
    path
}

/// A symbolic link in a folder of its own, removed on drop.
#[derive(Debug)]
pub struct TempAlias {
    path: PathBuf,
    _folder: TempDir,
}

impl TempAlias {
    /// The link.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsRef<Path> for TempAlias {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl AsRef<std::ffi::OsStr> for TempAlias {
    fn as_ref(&self) -> &std::ffi::OsStr {
        self.path.as_os_str()
    }
}

/// The plugin `name` under another name: `alias("check-tcp", "check_ftp")`.
pub fn alias(name: &str, called: &str) -> TempAlias {
    let folder = TempDir::new().expect("make a folder for the alias");
    let path = folder.path().join(called);
    std::os::unix::fs::symlink(plugin(name), &path).expect("link the alias");
    TempAlias { path, _folder: folder }
}

//! A machine of files, for plugins that read /proc, /sys and /etc under `--root`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

/// A folder that stands for `/`, removed on drop.
#[derive(Debug)]
pub struct Fixture(TempDir);

impl Fixture {
    /// An empty one.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Fixture {
        Fixture(TempDir::with_prefix("verdigris-root-").expect("make a folder for the fixture"))
    }

    /// Writes a file, over one that is there. `file` is absolute: `/proc/loadavg`.
    pub fn file(self, file: &str, content: impl AsRef<[u8]>) -> Fixture {
        fs::write(self.place(file), content).unwrap_or_else(|error| panic!("write {file}: {error}"));
        self
    }

    /// Makes a file that nobody ever writes to: who opens it waits for ever.
    pub fn stuck(self, file: &str) -> Fixture {
        mkfifo(&self.place(file), Mode::S_IRUSR | Mode::S_IWUSR)
            .unwrap_or_else(|error| panic!("make {file}: {error}"));
        self
    }

    /// Makes a symbolic link.
    pub fn link(self, file: &str, target: &str) -> Fixture {
        symlink(target, self.place(file)).unwrap_or_else(|error| panic!("link {file}: {error}"));
        self
    }

    /// The folder, as `--root` takes it.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    // Where a file goes, its folders made.
    fn place(&self, file: &str) -> PathBuf {
        let path = self.0.path().join(file.trim_start_matches('/'));
        let folder = path.parent().expect("a file has a folder");
        fs::create_dir_all(folder).unwrap_or_else(|error| panic!("make {}: {error}", folder.display()));
        path
    }
}

impl AsRef<OsStr> for Fixture {
    fn as_ref(&self) -> &OsStr {
        self.0.path().as_os_str()
    }
}

//! Where the machine's files are looked for, and how a small one is read.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use plugin::{Deadline, Failure, Reason, Result, io_text};

/// Option of every plugin that reads this machine's files; flatten it into the plugin's own.
// No doc comment that reaches clap: it would replace the plugin's own description.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(about = None, long_about = None)]
pub struct RootArgs {
    /// Read /proc, /sys and /etc under this folder: the host's, mounted into a container
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: Root,
}

/// The folder that holds the machine's `/proc`, `/sys` and `/etc`: `/`, or what `--root` says.
///
/// It is a prefix, no chroot: an absolute symbolic link below it leads out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

/// Longest file that [`Root::read`] takes: /proc/stat of a machine with thousands of CPUs and interrupts fits.
const LIMIT: usize = 1 << 20;

impl Root {
    /// The files below `folder`.
    pub fn at(folder: impl Into<PathBuf>) -> Root {
        Root(folder.into())
    }

    /// The path of a file of the machine: `/proc/stat` becomes `/host/proc/stat`.
    pub fn path(&self, file: &str) -> PathBuf {
        self.0.join(file.trim_start_matches('/'))
    }

    /// A small text file of the machine, with bytes that are no UTF-8 replaced. `file` is absolute, as in [`Root::path`].
    pub fn read(&self, file: &str) -> Result<String> {
        self.read_up_to(file, LIMIT)
    }

    /// [`Root::read`] with another limit in bytes; a longer file is a failure.
    pub fn read_up_to(&self, file: &str, limit: usize) -> Result<String> {
        let path = self.path(file);
        let bytes = read_small(&path, limit).map_err(|error| unreadable(&path, &error))?;
        Ok(text_of(bytes))
    }

    /// [`Root::read`], or nothing where the file does not exist.
    pub fn read_if_there(&self, file: &str) -> Result<Option<String>> {
        let path = self.path(file);
        match read_small(&path, LIMIT) {
            Ok(bytes) => Ok(Some(text_of(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    /// The failure of a file whose content makes no sense: `read /proc/loadavg: ` and what is wrong.
    pub fn garbled(&self, file: &str, what: impl fmt::Display) -> Failure {
        Failure::new(Reason::Internal, format!("read {}: {what}", self.path(file).display()))
    }
}

impl Default for Root {
    fn default() -> Root {
        Root::at("/")
    }
}

impl From<&str> for Root {
    fn from(folder: &str) -> Root {
        Root::at(folder)
    }
}

impl From<std::ffi::OsString> for Root {
    fn from(folder: std::ffi::OsString) -> Root {
        Root::at(folder)
    }
}

/// The failure of a file that could not be read: permission, or a fact of this machine that nobody expected.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::PermissionDenied => Reason::Permission,
        _ => Reason::Internal,
    };
    Failure::new(reason, format!("read {}: {}", path.display(), io_text(error)))
}

/// [`Deadline::step`] for a call on this machine: one that is out of time is stuck, which says nothing about the machine.
pub fn step(deadline: &Deadline, what: impl fmt::Display) -> Result<()> {
    match deadline.step(what) {
        Ok(_) => Ok(()),
        Err(failure) => Err(Failure { reason: Reason::Stuck, ..failure }),
    }
}

/// The bytes of a small file: one open, reads until its end, no question for its size.
///
/// Files of /proc have no size, and a short read is not their end where they are made of records, as /proc/self/mountinfo
/// is. A file longer than `limit` bytes is an error of kind [`io::ErrorKind::FileTooLarge`].
pub fn read_small(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(4096);
    File::open(path)?.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {limit} bytes")));
    }
    Ok(bytes)
}

/// Text of foreign bytes: what is no UTF-8 is replaced.
pub(crate) fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Root, read_small, step};
    use plugin::{Deadline, Reason};
    use std::io;

    /// A root that holds one file.
    pub(crate) fn root_with(file: &str, text: &str) -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Root::at(folder.path());
        let path = root.path(file);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders");
        std::fs::write(path, text).expect("written");
        (folder, root)
    }

    #[test]
    fn out_of_time_on_this_machine_is_stuck() {
        let failure =
            step(&Deadline::after(std::time::Duration::ZERO), "read /proc/stat").expect_err("no time");
        assert_eq!(failure.reason, Reason::Stuck);
    }

    #[test]
    fn files_are_looked_for_below_the_root() {
        assert_eq!(Root::at("/host").path("/proc/stat").to_str(), Some("/host/proc/stat"));
        assert_eq!(Root::default().path("/proc/stat").to_str(), Some("/proc/stat"));
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("long");
        std::fs::write(&path, vec![b'x'; 10_000]).expect("written");
        assert_eq!(read_small(&path, 10_000).map(|bytes| bytes.len()).ok(), Some(10_000));
        assert_eq!(read_small(&path, 9_999).map_err(|e| e.kind()), Err(io::ErrorKind::FileTooLarge));
        assert_eq!(read_small(folder.path(), 1).map_err(|e| e.kind()), Err(io::ErrorKind::IsADirectory));
    }

    #[test]
    fn what_cannot_be_read_is_unknown_and_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Root::at(folder.path());
        let failure = root.read("/proc/loadavg").expect_err("there is no such file");
        assert_eq!(failure.reason, Reason::Internal);
        let shown = folder.path().display();
        assert_eq!(failure.message, format!("read {shown}/proc/loadavg: no such file or directory"));
        assert_eq!(root.read_if_there("/proc/loadavg"), Ok(None));
    }

    #[test]
    fn bytes_that_are_no_text_do_not_stop_the_rest() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("raw"), b"a\xffb").expect("written");
        assert_eq!(Root::at(folder.path()).read("/raw"), Ok("a\u{fffd}b".to_owned()));
    }
}

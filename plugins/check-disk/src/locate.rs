//! The mount that holds a path, found without asking a mount that may never answer.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};

use host::Root;
use host::mounts::Mounts;
use nix::sys::stat::{major, minor};
use plugin::{Failure, Reason};

/// As many symbolic links as the kernel follows (path_resolution(7)).
const LINKS: usize = 40;

/// Where a path lies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    /// On this mount.
    Mount(usize),
    /// On this mount or beyond it: only a helper may follow the path further, because the mount may never answer.
    Beyond { mount: usize, path: PathBuf },
    /// Nowhere.
    Failed(Failure),
}

impl Place {
    /// The mount as far as it is known.
    pub fn mount(&self) -> Option<usize> {
        match self {
            Place::Mount(mount) | Place::Beyond { mount, .. } => Some(*mount),
            Place::Failed(_) => None,
        }
    }
}

/// Walks along a path part by part, as the kernel would, but stops before the first mount that can stick.
///
/// A mount point is known from the table, and is entered without a look at it; links are read only on mounts that cannot
/// stick. So a link that leads to a dead mount is no trap.
pub(crate) fn locate(path: &Path, mounts: &Mounts, root: &Root) -> Place {
    let failed = |error: &io::Error| Place::Failed(failure(path, error));
    if path.as_os_str().is_empty() {
        return Place::Failed(Failure::new(Reason::Missing, "an empty path leads nowhere"));
    }
    let start = if path.is_absolute() {
        PathBuf::new()
    } else {
        match std::env::current_dir() {
            Ok(folder) => folder,
            Err(error) => return failed(&error),
        }
    };
    let mut todo: VecDeque<OsString> = parts(&start.join(path)).collect();
    let mut here = PathBuf::from("/");
    let mut links = 0;
    let mut device = None;
    loop {
        let Some(mount) = mounts.holding(&here) else {
            // In a chroot whose root is no mount: the table does not tell what the path lies on.
            let message =
                format!("{}: the mount table of this process has no mount that holds it", path.display());
            return Place::Failed(Failure::new(Reason::Missing, message));
        };
        if mounts.can_stick(mount) {
            here.extend(todo);
            return Place::Beyond { mount, path: here };
        }
        let Some(part) = todo.pop_front() else {
            return match device {
                Some(device) => mounted(path, device, mounts),
                None => Place::Mount(mount),
            };
        };
        device = None;
        if part == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&part);
        if mounts.at(&next).is_some() {
            here = next;
            continue;
        }
        let real = below(root, &next);
        match real.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => {
                links += 1;
                if links > LINKS {
                    return failed(&io::Error::from_raw_os_error(nix::libc::ELOOP));
                }
                let target = match std::fs::read_link(&real) {
                    Ok(target) => target,
                    Err(error) => return failed(&error),
                };
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                    todo.push_front(part);
                }
            }
            Ok(metadata) => {
                device = metadata.file_type().is_block_device().then(|| metadata.rdev());
                here = next;
            }
            Err(error) => return failed(&error),
        }
    }
}

// A block device under another name than its mount's, such as /dev/disk/by-uuid/…: its numbers tell. One that is not
// mounted is not the file system of /dev.
fn mounted(path: &Path, device: u64, mounts: &Mounts) -> Place {
    let numbers = format!("{}:{}", major(device), minor(device));
    match mounts.all().iter().rposition(|mount| mount.device == numbers) {
        Some(index) => Place::Mount(index),
        None => Place::Failed(Failure::new(Reason::Missing, format!("{} is not mounted", path.display()))),
    }
}

/// Where a path of the machine is for this process.
pub(crate) fn below(root: &Root, path: &Path) -> PathBuf {
    root.path("/").join(path.strip_prefix("/").unwrap_or(path))
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

/// What an error of the operating system says of a file system: that it is not there, or that it answers with an error.
pub(crate) fn failure(path: &Path, error: &io::Error) -> Failure {
    let mut failure = Failure::io(path.display(), error);
    if failure.reason == Reason::Internal {
        failure.reason = match error.kind() {
            io::ErrorKind::NotConnected => Reason::Closed,
            io::ErrorKind::NotADirectory | io::ErrorKind::StaleNetworkFileHandle => Reason::Missing,
            _ => Reason::Status,
        };
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::{Place, locate};
    use host::Root;
    use host::mounts::Mounts;
    use plugin::Reason;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    /// A folder as the root of a machine whose mounts are those of the table. Nothing of `/dead` exists, so that a look
    /// at it would show.
    fn machine() -> (tempfile::TempDir, Mounts) {
        let folder = tempfile::tempdir().expect("a folder");
        for place in ["var/log", "mnt", "home/a"] {
            std::fs::create_dir_all(folder.path().join(place)).expect("made");
        }
        for (link, target) in [
            ("to_var", "/var"),
            ("to_dead", "../dead/deep/file"),
            ("home/up", "../to_dead"),
            ("loop", "loop"),
            ("mnt/there", "/mnt/live/x"),
        ] {
            symlink(target, folder.path().join(link)).expect("linked");
        }
        let mounts = Mounts::parse(
            b"1 0 8:1 / / rw - ext4 /dev/a rw
2 1 8:2 / /var rw - xfs /dev/b rw
3 1 0:3 / /dead rw - nfs4 nas:/dead rw
4 3 8:4 / /dead/local rw - ext4 /dev/c rw
5 1 0:5 / /mnt/live rw - tmpfs live rw
",
        );
        (folder, mounts)
    }

    fn place(path: &str) -> String {
        let (folder, mounts) = machine();
        match locate(Path::new(path), &mounts, &Root::at(folder.path())) {
            Place::Mount(index) => format!("on {}", mounts.all()[index].point.display()),
            Place::Beyond { mount, path } => {
                format!("{} beyond {}", path.display(), mounts.all()[mount].point.display())
            }
            Place::Failed(failure) => failure.to_string(),
        }
    }

    #[test]
    fn links_are_followed_to_the_mount_that_holds_the_path() {
        assert_eq!(place("/"), "on /");
        assert_eq!(place("/home/a/"), "on /");
        assert_eq!(place("/var/log"), "on /var");
        assert_eq!(place("/to_var/log/../log"), "on /var");
        assert_eq!(place("/mnt/live"), "on /mnt/live");
        assert_eq!(place("/../../var"), "on /var");
    }

    #[test]
    fn a_mount_that_can_stick_is_not_touched() {
        assert_eq!(place("/dead"), "/dead beyond /dead");
        assert_eq!(place("/dead/a/../b"), "/dead/a/../b beyond /dead");
        assert_eq!(place("/to_dead"), "/dead/deep/file beyond /dead");
        assert_eq!(place("/home/up/more"), "/dead/deep/file/more beyond /dead");
        // A local disk that is mounted there can be reached only across it.
        assert_eq!(place("/dead/local/x"), "/dead/local/x beyond /dead");
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert_eq!(place("/nowhere/at/all"), "/nowhere/at/all: no such file or directory [missing]");
        assert_eq!(place("/mnt/there"), "/mnt/there: no such file or directory [missing]");
        assert_eq!(place(""), "an empty path leads nowhere [missing]");
        assert!(place("/loop").ends_with("[status]"), "{}", place("/loop"));
    }

    #[test]
    fn a_relative_path_starts_in_the_working_directory() {
        let mounts = Mounts::parse(b"1 0 8:1 / / rw - ext4 /dev/a rw\n");
        assert_eq!(locate(Path::new("."), &mounts, &Root::default()), Place::Mount(0));
        let gone = locate(Path::new("not_here"), &mounts, &Root::default());
        assert!(matches!(gone, Place::Failed(failure) if failure.reason == Reason::Missing));
    }
}

//! The space of one file system, asked here or by a helper.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use host::mounts::{escape, unescape};
use nix::sys::statvfs::statvfs;
use plugin::{Failure, Reason, Result};

use crate::locate::failure;

/// Sizes of a file system in bytes, and numbers of inodes, as statvfs(3) has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Space {
    pub total: u64,
    /// Free for root.
    pub free: u64,
    /// Free for everyone else.
    pub available: u64,
    pub inodes: u64,
    pub inodes_free: u64,
}

impl Space {
    /// Asks the kernel. This can wait for ever where the mount can stick.
    pub fn of(path: &Path) -> io::Result<Space> {
        let found = statvfs(path)?;
        // A file system without fragments gives the size of a block alone.
        let block = match found.fragment_size() {
            0 => found.block_size(),
            size => size,
        };
        let bytes = |blocks: u64| blocks.saturating_mul(block);
        Ok(Space {
            total: bytes(found.blocks()),
            free: bytes(found.blocks_free()),
            available: bytes(found.blocks_available()),
            inodes: found.files(),
            inodes_free: found.files_free(),
        })
    }

    /// Bytes in use.
    pub fn used(self) -> u64 {
        self.total.saturating_sub(self.free)
    }
}

/// The helper's work: whether the path is there, its space, and where its links lead.
pub(crate) fn answer(question: &[OsString]) -> String {
    let Some(path) = question.first().map(Path::new) else { return String::new() };
    // autofs mounts at statvfs at the latest; then the path leads to what was mounted.
    match path.metadata().and_then(|_| Space::of(path)) {
        Ok(Space { total, free, available, inodes, inodes_free }) => {
            let end = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            format!("{total} {free} {available} {inodes} {inodes_free} {}", escape(end.as_os_str()))
        }
        Err(error) => format!("error {}", error.raw_os_error().unwrap_or_default()),
    }
}

/// Reads what [`answer`] wrote about `path`: the space, and where the links lead.
pub(crate) fn read_answer(path: &Path, text: &str) -> Result<(Space, PathBuf)> {
    let garbled =
        || Failure::new(Reason::Internal, format!("{}: the helper answered `{text}`", path.display()));
    let words: Vec<&str> = text.split(' ').collect();
    if let ["error", number] = words[..] {
        let number = number.parse().map_err(|_| garbled())?;
        return Err(failure(path, &io::Error::from_raw_os_error(number)));
    }
    let [total, free, available, inodes, inodes_free, end] = words[..] else { return Err(garbled()) };
    let number = |word: &str| word.parse::<u64>().map_err(|_| garbled());
    let space = Space {
        total: number(total)?,
        free: number(free)?,
        available: number(available)?,
        inodes: number(inodes)?,
        inodes_free: number(inodes_free)?,
    };
    Ok((space, PathBuf::from(OsStr::from_bytes(&unescape(end.as_bytes())))))
}

#[cfg(test)]
mod tests {
    use super::{Space, answer, read_answer};
    use plugin::Reason;
    use std::path::Path;

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let real = folder.path().canonicalize().expect("it is there").join("a b");
        std::fs::create_dir(&real).expect("made");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).expect("linked");
        let text = answer(&[link.clone().into()]);
        let (space, end) = read_answer(&link, &text).expect("an answer");
        assert_eq!(end, real);
        let direct = Space::of(&real).expect("an answer");
        assert_eq!((space.total, space.inodes), (direct.total, direct.inodes));
        assert!(space.total > 0 && space.available <= space.total && space.used() <= space.total);
    }

    #[test]
    fn errors_keep_their_reason() {
        let path = Path::new("/x");
        let reason = |text: &str| read_answer(path, text).expect_err("an error");
        assert_eq!(answer(&["/nowhere/at/all".into()]), "error 2");
        let missing = reason("error 2");
        assert_eq!(
            (missing.reason, missing.message.as_str()),
            (Reason::Missing, "/x: no such file or directory")
        );
        assert_eq!(reason("error 13").reason, Reason::Permission);
        // The daemon behind a FUSE mount has gone; a stale NFS handle; an I/O error.
        assert_eq!(reason("error 107").reason, Reason::Closed);
        assert_eq!(reason("error 116").reason, Reason::Missing);
        assert_eq!(reason("error 5").reason, Reason::Status);
        for rubbish in ["", "1 2 3", "error", "error x", "a b c d e /x", "1 2 3 4 5 6 7"] {
            assert_eq!(reason(rubbish).reason, Reason::Internal, "{rubbish:?}");
        }
    }
}

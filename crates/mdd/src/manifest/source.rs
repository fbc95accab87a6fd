//! The manifest's files, and places in them.

use std::path::{Path, PathBuf};

use crate::diagnostic::Place;

/// A position: which file, line and column from 1. Fits in 64 bits, so that a value can carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mark {
    /// Index into [`Sources`].
    pub file: u16,
    /// From 1; 0 for the file as a whole.
    pub line: u32,
    /// From 1, in characters; saturates.
    pub column: u16,
}

impl Mark {
    /// Packs it into one number.
    pub(crate) fn pack(self) -> u64 {
        u64::from(self.file) << 48 | u64::from(self.line) << 16 | u64::from(self.column)
    }

    /// Unpacks what [`Mark::pack`] made.
    #[expect(clippy::cast_possible_truncation, reason = "each part is cut out of its own bits")]
    pub(crate) fn unpack(packed: u64) -> Self {
        Mark { file: (packed >> 48) as u16, line: (packed >> 16) as u32, column: packed as u16 }
    }
}

/// Every file that was read, in order; the manifest itself first.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<(PathBuf, String)>,
}

impl Sources {
    /// Adds a file; the index for its marks.
    pub fn add(&mut self, path: PathBuf, text: String) -> u16 {
        self.files.push((path, text));
        u16::try_from(self.files.len() - 1).unwrap_or(u16::MAX)
    }

    /// The text of a file.
    pub fn text(&self, file: u16) -> &str {
        self.files.get(usize::from(file)).map_or("", |(_, text)| text)
    }

    /// Paths and texts, in order.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// The place of a mark, with the line's text.
    pub fn place(&self, mark: Mark) -> Place {
        let Some((path, text)) = self.files.get(usize::from(mark.file)) else {
            return Place { file: String::new(), line: 0, column: 0, text: None };
        };
        let line = mark.line.checked_sub(1).and_then(|index| text.lines().nth(index as usize));
        Place {
            file: path.display().to_string(),
            line: mark.line,
            column: mark.column.into(),
            text: line.map(str::to_owned),
        }
    }
}

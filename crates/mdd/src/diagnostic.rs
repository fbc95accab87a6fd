//! What is wrong with a manifest: where, what, and how to mend it.

use std::fmt;

/// Whether it stops the manifest from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The manifest cannot be used.
    Error,
    /// It can, but somebody will be sorry.
    Warning,
}

impl Level {
    /// `error` or `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
        }
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the reader knows it: relative to the manifest's folder.
    pub file: String,
    /// From 1; 0 when only the file is known.
    pub line: u32,
    /// From 1, in characters; 0 when only the line is known.
    pub column: u32,
    /// The line's text, for the snippet.
    pub text: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub level: Level,
    /// Where; none when it is about the whole.
    pub place: Option<Place>,
    /// The place it clashes with.
    pub other: Option<Place>,
    /// What is wrong, one line.
    pub message: String,
    /// How to mend it, one line.
    pub fix: Option<String>,
}

impl Diagnostic {
    /// An error without a place.
    pub fn error(message: impl Into<String>) -> Self {
        Diagnostic { level: Level::Error, place: None, other: None, message: message.into(), fix: None }
    }

    /// A warning without a place.
    pub fn warning(message: impl Into<String>) -> Self {
        Diagnostic { level: Level::Warning, ..Diagnostic::error(message) }
    }

    /// Adds where it is.
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds the place it clashes with.
    pub fn against(mut self, place: Place) -> Self {
        self.other = Some(place);
        self
    }

    /// Adds how to mend it.
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    /// Several lines: level, place, message; the snippet; a caret with the fix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.level.word())?;
        if let Some(place) = &self.place {
            write!(f, "{place}  ")?;
        }
        f.write_str(&self.message)?;
        let mut lines: Vec<&Place> =
            self.other.iter().chain(&self.place).filter(|p| p.text.is_some()).collect();
        lines.sort_by_key(|place| (Some(&place.file) != self.place.as_ref().map(|p| &p.file), place.line));
        let mut shown = false;
        for place in lines {
            let elsewhere = Some(&place.file) != self.place.as_ref().map(|p| &p.file);
            let name = if elsewhere { format!("   ({})", place.file) } else { String::new() };
            write!(f, "\n{:>5} | {}{name}", place.line, place.text.as_deref().unwrap_or(""))?;
            if Some(place) == self.place.as_ref() && place.column > 0 {
                let indent = " ".repeat(place.column.saturating_sub(1) as usize);
                write!(f, "\n      | {indent}^")?;
                if let Some(fix) = &self.fix {
                    write!(f, " {fix}")?;
                }
                shown = true;
            }
        }
        if let (false, Some(fix)) = (shown, &self.fix) {
            write!(f, "\n      = {fix}")?;
        }
        Ok(())
    }
}

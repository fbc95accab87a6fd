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

/// Characters of a line that a snippet shows.
const WINDOW: usize = 100;

impl Place {
    /// The part of the line around the column, and the caret's distance from its start.
    fn snippet(&self) -> Option<(String, usize)> {
        let text: Vec<char> =
            self.text.as_ref()?.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let column = (self.column as usize).saturating_sub(1).min(text.len());
        if text.len() <= WINDOW {
            return Some((text.into_iter().collect(), column));
        }
        let start = column.saturating_sub(WINDOW / 2).min(text.len() - WINDOW);
        let end = start + WINDOW;
        let before = if start > 0 { "…" } else { "" };
        let after = if end < text.len() { "…" } else { "" };
        let shown: String = text[start..end].iter().collect();
        Some((format!("{before}{shown}{after}"), column - start + before.chars().count()))
    }
}

impl fmt::Display for Diagnostic {
    /// Several lines: level, place, message; the lines it is about; a caret with the fix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.level.word())?;
        if let Some(place) = &self.place {
            write!(f, "{place}  ")?;
        }
        f.write_str(&self.message)?;
        let file = self.place.as_ref().map(|place| &place.file);
        let mut places: Vec<&Place> = self.other.iter().chain(&self.place).collect();
        places.sort_by_key(|place| (Some(&place.file) == file, place.line));
        let mut fix = self.fix.as_deref();
        for place in places {
            let Some((text, caret)) = place.snippet() else { continue };
            if Some(&place.file) != file {
                write!(f, "\n      {place}")?;
            }
            write!(f, "\n{:>5} | {text}", place.line)?;
            if Some(place) == self.place.as_ref() && place.column > 0 {
                write!(f, "\n      | {:caret$}^", "")?;
                if let Some(fix) = fix.take() {
                    write!(f, " {fix}")?;
                }
            }
        }
        fix.map_or(Ok(()), |fix| write!(f, "\n      = {fix}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_shown_around_its_column() {
        let text = format!("{}HERE{}", "a".repeat(200), "b".repeat(200));
        let place = Place { file: "mdd.yaml".into(), line: 3, column: 201, text: Some(text) };
        let shown = Diagnostic::error("wrong").at(place).fix("mend it").to_string();
        let expected = format!(
            "error: mdd.yaml:3:201  wrong\n    3 | …{}HERE{}…\n      | {}^ mend it",
            "a".repeat(50),
            "b".repeat(46),
            " ".repeat(51)
        );
        assert_eq!(shown, expected);
    }

    #[test]
    fn without_a_place_the_fix_stands_alone() {
        assert_eq!(Diagnostic::warning("odd").fix("mend it").to_string(), "warning: odd\n      = mend it");
    }
}

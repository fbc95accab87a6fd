//! A line of the screen: painted parts, measured as a terminal shows them, never wider than asked for.

use unicode_width::UnicodeWidthChar;

use crate::engine::State;
use crate::engine::output;
use crate::render::style::Style;

/// How a part of a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// As it is.
    Plain,
    /// What matters more.
    Bold,
    /// What matters less.
    Dim,
    /// In a state's colour.
    State(State),
}

/// Painted parts, one after another. Whatever goes in is cleaned: no control character comes out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    parts: Vec<(Paint, String)>,
}

impl Line {
    /// A line of one part.
    pub fn of(paint: Paint, text: &str) -> Self {
        Line::default().with(paint, text)
    }

    /// Adds a part.
    pub fn with(mut self, paint: Paint, text: &str) -> Self {
        self.push(paint, text);
        self
    }

    /// Adds a part.
    pub fn push(&mut self, paint: Paint, text: &str) {
        self.parts.push((paint, clean(text)));
    }

    /// Adds all parts of another line.
    pub fn append(&mut self, other: Line) {
        self.parts.extend(other.parts);
    }

    /// Adds blanks up to this column.
    pub fn fill(&mut self, column: usize) {
        let blanks = column.saturating_sub(self.width());
        self.parts.push((Paint::Plain, " ".repeat(blanks)));
    }

    /// Columns that it takes.
    pub fn width(&self) -> usize {
        self.parts.iter().map(|(_, text)| width(text)).sum()
    }

    /// Whether there is nothing to see.
    pub fn is_blank(&self) -> bool {
        self.parts.iter().all(|(_, text)| text.trim().is_empty())
    }

    /// At most so many columns, the cut shown.
    pub fn cut(self, limit: usize, mark: &str) -> Line {
        if self.width() <= limit {
            return self;
        }
        let mut left = limit.saturating_sub(width(mark));
        let mut out = Line::default();
        for (paint, text) in self.parts {
            let kept = take(&text, left);
            left -= width(kept);
            let whole = kept.len() == text.len();
            out.parts.push((paint, kept.to_owned()));
            if !whole {
                break;
            }
        }
        out.parts.push((Paint::Plain, take(mark, limit).to_owned()));
        out
    }

    /// As text for the terminal, without blanks at its end.
    pub fn render(&self, style: Style) -> String {
        let mut parts = self.parts.as_slice();
        while let Some(((_, text), rest)) = parts.split_last()
            && text.trim().is_empty()
        {
            parts = rest;
        }
        let mut out = String::new();
        for (at, (paint, text)) in parts.iter().enumerate() {
            let text = if at + 1 == parts.len() { text.trim_end() } else { text };
            out += &match paint {
                Paint::Plain => text.to_owned(),
                Paint::Bold => style.bold(text),
                Paint::Dim => style.dim(text),
                Paint::State(state) => style.paint(*state, text),
            };
        }
        out
    }
}

/// One line of text without escape codes, control characters and marks that no column shows: joiners and selectors would
/// make the width depend on the terminal.
pub fn clean(text: &str) -> String {
    let text = output::clean(text);
    text.chars().map(|c| if c == '\n' { ' ' } else { c }).filter(|&c| !is_invisible(c)).collect()
}

/// Soft hyphen, zero-width blanks and joiners, fillers, line separators, variation selectors, tags.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Columns of a text: each character by itself, so that no terminal shows it wider.
pub fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// As much from the beginning as fits into so many columns.
pub fn take(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// At most so many columns, the cut shown; a reason word at the end, `[refused]`, stays.
pub fn fit(text: &str, limit: usize, mark: &str) -> String {
    let text = clean(text);
    if width(&text) <= limit {
        return text;
    }
    let reason = text.rfind(" [").map(|at| &text[at..]).filter(|end| end.ends_with(']'));
    let reason = reason.filter(|reason| width(reason) + width(mark) + 4 <= limit).unwrap_or("");
    let room = limit.saturating_sub(width(mark) + width(reason));
    format!("{}{}{reason}", take(&text, room).trim_end(), take(mark, limit))
}

/// Lines of at most so many columns, broken between words where that is possible.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let words = clean(text);
    fill(words.split(' ').filter(|word| !word.is_empty()), columns, "")
}

/// A shell's command on several lines that a shell reads as one: broken between its words, with backslashes.
pub fn wrap_command(text: &str, columns: usize) -> Vec<String> {
    let text = clean(text);
    let mut words = vec![0];
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if !quoted => escaped = true,
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(at + 1),
            _ => {}
        }
    }
    words.push(text.len() + 1);
    let words = words.windows(2).map(|pair| &text[pair[0]..pair[1] - 1]).filter(|word| !word.is_empty());
    fill(words, columns, " \\")
}

/// Words joined by blanks into lines; `end` closes each line but the last. A word that is wider than a line is broken.
fn fill<'t>(words: impl Iterator<Item = &'t str>, columns: usize, end: &str) -> Vec<String> {
    let room = columns.max(8) - width(end);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words {
        if !line.is_empty() && width(&line) + 1 + width(word) > room {
            lines.push(std::mem::take(&mut line) + end);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        let mut rest = word;
        while width(&line) + width(rest) > room {
            let kept = take(rest, room - width(&line));
            rest = &rest[kept.len()..];
            lines.push(std::mem::take(&mut line) + kept);
        }
        line.push_str(rest);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_combining_characters_are_measured() {
        for (text, columns) in [("abc", 3), ("日本", 4), ("e\u{301}", 1), ("🚀", 2), ("✔ ◐", 3), ("", 0)]
        {
            assert_eq!(width(text), columns, "{text}");
        }
        assert_eq!(take("日本語", 5), "日本");
        assert_eq!(take("e\u{301}x", 1), "e\u{301}");
        assert_eq!(clean("a\u{200d}\u{fe0f}b\u{1b}[31mc\nd\u{7}"), "abc d");
    }

    #[test]
    fn cuts_keep_the_reason_and_the_limit() {
        assert_eq!(fit("connect to 10.0.0.5:443 [refused]", 24, "…"), "connect to 10… [refused]");
        assert_eq!(fit("日本語日本語 [refused]", 16, "…"), "日本… [refused]");
        assert_eq!(fit("a [refused]", 8, "…"), "a [refu…");
        assert_eq!(fit("abc", 3, "…"), "abc");
        assert_eq!(fit("abcdef", 0, "…"), "");
        let line = Line::of(Paint::Bold, "abc").with(Paint::Dim, "日本語").cut(6, "…");
        assert_eq!((line.width(), line.render(Style::default()).as_str()), (6, "abc日…"));
        let colored = Style { color: true, ascii: false };
        assert_eq!(Line::of(Paint::Bold, "a ").render(colored), "\u{1b}[1ma\u{1b}[0m");
    }

    #[test]
    fn words_wrap_and_commands_stay_commands() {
        assert_eq!(wrap("a bb  ccc dddd", 8), ["a bb ccc", "dddd"]);
        assert_eq!(wrap("abcdefghijkl", 8), ["abcdefgh", "ijkl"]);
        assert_eq!(wrap("", 8), [""]);
        let command = "check-x --url 'a b' --expect 'it'\\''s so'";
        let lines = wrap_command(command, 20);
        assert_eq!(lines, ["check-x --url \\", "'a b' --expect \\", "'it'\\''s so'"]);
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("printf '%s|' {}", lines.join("\n"))])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "check-x|--url|a b|--expect|it's so|");
    }
}

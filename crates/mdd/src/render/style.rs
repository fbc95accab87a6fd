//! Signs and colours of the states, on terminals that have them.

use crate::engine::State;

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
    /// ASCII signs only.
    pub ascii: bool,
}

impl Style {
    /// A state's sign, in its colour.
    pub fn sign(self, state: State) -> String {
        let (unicode, ascii) = match state {
            State::Green => ("✔", "+"),
            State::Settling => ("◐", "~"),
            State::Warning => ("▲", "!"),
            State::Red => ("✖", "X"),
            State::Blocked => ("⧗", "="),
            State::NotDue => ("◌", "o"),
            State::Unknown => ("?", "?"),
            State::Waived => ("⊘", "-"),
        };
        self.paint(state, if self.ascii { ascii } else { unicode })
    }

    /// Text in a state's colour.
    pub fn paint(self, state: State, text: &str) -> String {
        let code = match state {
            State::Green => "32",
            State::Settling => "36",
            State::Warning => "33",
            State::Red => "1;31",
            State::Blocked => "35",
            State::NotDue => "31",
            State::Unknown => "1",
            State::Waived => "2;32",
        };
        self.wrap(code, text)
    }

    /// Bold text.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Text that matters less.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// Between parts of a line.
    pub fn dot(self) -> &'static str {
        if self.ascii { " | " } else { " · " }
    }

    /// From one state to another.
    pub fn arrow(self) -> &'static str {
        if self.ascii { "->" } else { "→" }
    }

    /// Where text was cut.
    pub fn ellipsis(self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }

    /// Where there is nothing to say.
    pub fn none(self) -> &'static str {
        if self.ascii { "-" } else { "–" }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A row of cells; columns are as wide as their widest cell, the last one is free.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<(String, String)>>,
}

impl Table {
    /// Adds a row of plain cells.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.painted(cells.into_iter().map(|cell| (cell.as_ref().to_owned(), cell.as_ref().to_owned())));
    }

    /// Adds a row of cells as (plain, painted): the first gives the width, the second is written.
    pub fn painted(&mut self, cells: impl IntoIterator<Item = (String, String)>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines: each begins with `indent`, columns are two blanks apart, nothing trails.
    pub fn render(&self, indent: &str) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|at| self.rows.iter().filter_map(|row| row.get(at)).map(|(plain, _)| width(plain)).max())
            .map(|most| most.unwrap_or(0))
            .collect();
        let mut out = String::new();
        for row in &self.rows {
            let last = row.iter().rposition(|(plain, _)| !plain.is_empty());
            let mut line = indent.to_owned();
            for (at, (plain, painted)) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
                // A column that is empty in every row takes no room.
                if widths[at] == 0 {
                    continue;
                }
                line.push_str(painted);
                if Some(at) != last {
                    line.extend(std::iter::repeat_n(' ', widths[at] - width(plain) + 2));
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let mut table = Table::default();
        table.row(["a", "", "long", "x"]);
        table.row(["bcd", "", "e", ""]);
        assert_eq!(table.render("  "), "  a    long  x\n  bcd  e\n");
    }

    #[test]
    fn colours_and_signs_obey() {
        let plain = Style::default();
        assert_eq!(plain.sign(State::Red), "✖");
        assert_eq!(Style { ascii: true, ..plain }.sign(State::Red), "X");
        assert_eq!(Style { color: true, ascii: true }.sign(State::Green), "\u{1b}[32m+\u{1b}[0m");
    }
}

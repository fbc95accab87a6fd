//! Rows of text as an aligned table or as CSV.

/// Aligned columns, two blanks apart; nothing trails.
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// Comma-separated values (RFC 4180), with `\n` between the rows.
pub fn csv(rows: &[Vec<String>]) -> String {
    let cell = |cell: &String| {
        let quoted = cell.contains([',', '"', '\n', '\r']);
        if quoted { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    };
    let row = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<_>>().join(",") + "\n";
    rows.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_cells_are_quoted() {
        let rows = |rows: &[&[&str]]| -> Vec<Vec<String>> {
            rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect()
        };
        assert_eq!(aligned(&rows(&[&["é", "bb"], &["ccc", ""]])), "é    bb\nccc\n");
        assert_eq!(csv(&rows(&[&["a", "b,\"c\""], &["", "d"]])), "a,\"b,\"\"c\"\"\"\n,d\n");
    }
}

//! Perfdata of any plugin, read for comparison.

/// Label, value and unit of every metric in the perfdata of an output's first line; `U` is NaN.
///
/// Labels lose their quotes. Panics on an item that is no perfdata.
pub fn perfdata(output: &str) -> Vec<(String, f64, String)> {
    let line = output.lines().next().unwrap_or_default();
    let Some((_, mut rest)) = line.split_once('|') else { return Vec::new() };
    let mut items = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return items;
        }
        let (label, after) = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split_once("'="),
            None => rest.split_once('='),
        }
        .unwrap_or_else(|| panic!("no label in `{rest}` of: {line}"));
        let (item, after) = after.split_once(' ').unwrap_or((after, ""));
        let value = item.split(';').next().unwrap_or_default();
        let end = value.find(|c: char| !(c.is_ascii_digit() || ".-+eE".contains(c))).unwrap_or(value.len());
        let (number, unit) = value.split_at(end);
        let number = match (number, unit) {
            ("", "U") => f64::NAN,
            _ => number.parse().unwrap_or_else(|_| panic!("`{value}` of `{label}` is no value in: {line}")),
        };
        items.push((label.to_owned(), number, unit.trim_start_matches('U').to_owned()));
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::perfdata;

    #[test]
    fn labels_values_units() {
        let line =
            "TCP OK - fine | time=0.003s;5;;0;10 '/my disk'=10MiB;;; load=1.5 n=U c=7c\nlong text | x=1\n";
        let items = perfdata(line);
        let labels: Vec<&str> = items.iter().map(|(label, ..)| label.as_str()).collect();
        assert_eq!(labels, ["time", "/my disk", "load", "n", "c"]);
        let units: Vec<&str> = items.iter().map(|(.., unit)| unit.as_str()).collect();
        assert_eq!(units, ["s", "MiB", "", "", "c"]);
        assert_eq!(items[1].1.to_string(), "10");
        assert!(items[3].1.is_nan());
        assert!(perfdata("TCP OK - fine\n").is_empty());
    }
}

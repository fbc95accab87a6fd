//! The text, CSV and JSON of `mdd history`.

use serde_json::{Value, json};

use super::json::{millis, moment};
use super::run::TEXT;
use super::style::{Style, Table};
use super::words::{cut, span, time};
use crate::engine::output::bare;
use crate::engine::{State, Verdict, reading::Status};
use crate::history::report::{Change, Kept, TimeToGreen};

/// Something that can be a row: of a table, of CSV, of JSON.
pub trait Row {
    /// Names of the columns.
    const COLUMNS: &'static [&'static str];
    /// Cells for CSV: exact, empty where there is nothing.
    fn csv(&self, dc: &str) -> Vec<String>;
    /// Cells for people; `verbose` leaves nothing out.
    fn text(&self, style: Style, verbose: bool) -> Vec<(String, String)>;
    /// One JSON object.
    fn json(&self, dc: &str) -> Value;
}

impl Row for Kept {
    const COLUMNS: &'static [&'static str] = &[
        "dc",
        "point",
        "instance",
        "vantage",
        "executed_at",
        "status",
        "since",
        "took_ms",
        "argv_hash",
        "output",
        "perf",
        "source",
        "silenced",
    ];

    fn csv(&self, dc: &str) -> Vec<String> {
        vec![
            dc.to_owned(),
            self.point.clone(),
            self.instance.clone(),
            self.vantage.clone(),
            self.at.to_string(),
            self.verdict.word().to_owned(),
            self.since.to_string(),
            millis(self.took).to_string(),
            self.argv.clone(),
            self.output.clone(),
            self.perf.clone(),
            self.source.clone(),
            self.silenced.clone().unwrap_or_default(),
        ]
    }

    fn text(&self, style: Style, verbose: bool) -> Vec<(String, String)> {
        let state = match self.verdict {
            Verdict::Plugin(Status::Ok) => State::Green,
            Verdict::Plugin(Status::Warning) => State::Warning,
            Verdict::Plugin(Status::Critical) => State::Red,
            Verdict::Plugin(Status::Unknown) | Verdict::None => State::Unknown,
            Verdict::Skipped => State::Blocked,
        };
        let name = if self.instance.is_empty() {
            self.point.clone()
        } else {
            format!("{} {}", self.point, self.instance)
        };
        let summary = bare(self.output.lines().next().unwrap_or(""));
        let summary = if verbose {
            format!("{} | {}", self.output.replace('\n', " / "), self.perf)
        } else {
            cut(summary, TEXT, style.ellipsis())
        };
        vec![
            plain(time(self.at)),
            (self.verdict.word().to_owned(), style.paint(state, self.verdict.word())),
            plain(name),
            plain(self.vantage.clone()),
            plain(format!("{:.0} ms", millis(self.took))),
            plain(self.source.clone()),
            plain(summary),
        ]
    }

    fn json(&self, dc: &str) -> Value {
        json!({
            "dc": dc, "point": self.point, "instance": self.instance, "vantage": self.vantage,
            "executed_at": moment(self.at), "status": self.verdict.word(), "since": moment(self.since),
            "took_ms": millis(self.took), "argv_hash": self.argv,
            "output": self.output, "perf": self.perf, "source": self.source, "silenced": self.silenced,
        })
    }
}

impl Row for Change {
    const COLUMNS: &'static [&'static str] = &["dc", "point", "at", "from", "to", "blocked_by"];

    fn csv(&self, dc: &str) -> Vec<String> {
        vec![
            dc.to_owned(),
            self.point.clone(),
            self.at.to_string(),
            self.from.map_or(String::new(), |from| from.key().to_owned()),
            self.to.key().to_owned(),
            self.blocked_by.clone().unwrap_or_default(),
        ]
    }

    fn text(&self, style: Style, _verbose: bool) -> Vec<(String, String)> {
        let from = self.from.map_or("start", State::word);
        vec![
            plain(time(self.at)),
            plain(self.point.clone()),
            (from.to_owned(), self.from.map_or_else(|| style.dim(from), |state| style.paint(state, from))),
            plain(style.arrow().to_owned()),
            (self.to.word().to_owned(), style.paint(self.to, self.to.word())),
            plain(self.blocked_by.as_ref().map_or(String::new(), |by| format!("waits for {by}"))),
        ]
    }

    fn json(&self, dc: &str) -> Value {
        json!({
            "dc": dc, "point": self.point, "at": moment(self.at), "from": self.from.map(State::key),
            "to": self.to.key(), "blocked_by": self.blocked_by,
        })
    }
}

impl Row for TimeToGreen {
    const COLUMNS: &'static [&'static str] =
        &["dc", "point", "first_red", "first_green", "stable", "total_s", "blocked_s", "own_s"];

    fn csv(&self, dc: &str) -> Vec<String> {
        let at = |at: Option<jiff::Timestamp>| at.map_or(String::new(), |at| at.to_string());
        let secs = |time: Option<std::time::Duration>| {
            time.map_or(String::new(), |time| time.as_secs_f64().to_string())
        };
        vec![
            dc.to_owned(),
            self.point.clone(),
            at(self.first_red),
            at(self.first_green),
            at(self.stable),
            secs(self.total),
            secs(self.total.map(|_| self.blocked)),
            secs(self.own()),
        ]
    }

    fn text(&self, style: Style, _verbose: bool) -> Vec<(String, String)> {
        let none = style.none().to_owned();
        let at = |at: Option<jiff::Timestamp>| plain(at.map_or(none.clone(), time));
        let long = |time: Option<std::time::Duration>| plain(time.map_or(none.clone(), span));
        let blocked = self.total.map(|_| self.blocked).filter(|blocked| !blocked.is_zero());
        vec![
            plain(self.point.clone()),
            at(self.first_red),
            at(self.first_green),
            at(self.stable),
            long(self.total),
            long(blocked),
            long(self.own()),
        ]
    }

    fn json(&self, dc: &str) -> Value {
        json!({
            "dc": dc, "point": self.point, "first_red": self.first_red.map(moment),
            "first_green": self.first_green.map(moment), "stable": self.stable.map(moment),
            "total_s": self.total.map(|time| time.as_secs_f64()),
            "blocked_s": self.total.map(|_| self.blocked.as_secs_f64()),
            "own_s": self.own().map(|time| time.as_secs_f64()),
        })
    }
}

fn plain(text: String) -> (String, String) {
    (text.clone(), text)
}

/// A table for people; `titles` on top when there are any.
pub fn text<R: Row>(rows: &[R], titles: &[&str], style: Style, verbose: bool) -> String {
    let mut table = Table::default();
    if !titles.is_empty() {
        table.painted(titles.iter().map(|title| ((*title).to_owned(), style.dim(title))));
    }
    for row in rows {
        table.painted(row.text(style, verbose));
    }
    table.render("")
}

/// CSV (RFC 4180, but with plain line ends) with a line of column names.
pub fn csv<R: Row>(rows: &[(String, R)]) -> String {
    let mut out = R::COLUMNS.join(",");
    out.push('\n');
    for (dc, row) in rows {
        let cells: Vec<String> = row.csv(dc).iter().map(|cell| quoted(cell)).collect();
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

/// A JSON array, one object a row.
pub fn json<R: Row>(rows: &[(String, R)]) -> String {
    let rows: Vec<Value> = rows.iter().map(|(dc, row)| row.json(dc)).collect();
    super::json::document(&Value::Array(rows))
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn csv_cells_are_quoted_where_they_must_be() {
        assert_eq!(quoted("plain text"), "plain text");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"x\"\n"), "\"say \"\"x\"\"\n\"");
    }
}

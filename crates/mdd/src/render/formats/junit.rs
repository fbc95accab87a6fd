//! JUnit's XML as build servers read it: a suite per group, a case per point.
//!
//! Elements and attributes are those of the Jenkins xunit schema (`junit-10.xsd`).

use std::time::Duration;

use jiff::tz::TimeZone;

use super::{Sheet, Standing, standing};
use crate::engine::snapshot::Entry;
use crate::render::ticket;

/// Cases of one suite, or of all.
#[derive(Debug, Default)]
struct Sums {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    took: Duration,
}

impl Sums {
    fn add(&mut self, other: &Sums) {
        self.tests += other.tests;
        self.failures += other.failures;
        self.errors += other.errors;
        self.skipped += other.skipped;
        self.took += other.took;
    }

    fn attributes(&self) -> String {
        let Sums { tests, failures, errors, skipped, took } = self;
        format!(
            "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{}\"",
            seconds(*took)
        )
    }
}

/// The document.
pub fn text(sheet: &Sheet<'_, '_>) -> String {
    let plan = sheet.snapshot.plan;
    let at = sheet.snapshot.options.now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S");
    let mut suites = String::new();
    let mut all = Sums::default();
    for group in &plan.groups {
        let mut sums = Sums::default();
        let mut cases = String::new();
        for entry in sheet.entries().filter(|entry| entry.point.group == group.id) {
            sums.add(&case(sheet, entry, &mut cases));
        }
        if sums.tests > 0 {
            let (name, counts) = (escape(&group.title), sums.attributes());
            suites.extend([format!("  <testsuite name=\"{name}\" {counts} timestamp=\"{at}\">\n")]);
            suites.extend([cases.as_str(), "  </testsuite>\n"]);
            all.add(&sums);
        }
    }
    let name = escape(&format!("{} {}", plan.platform.id, plan.dc));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{name}\" {}>\n{suites}</testsuites>\n",
        all.attributes()
    )
}

/// Writes one case, and counts it.
fn case(sheet: &Sheet<'_, '_>, entry: &Entry<'_>, out: &mut String) -> Sums {
    let readings = entry.instances.iter().filter_map(|one| one.newest.as_ref());
    let took = readings.map(|seen| seen.reading.took).sum();
    let mut sums = Sums { tests: 1, took, ..Sums::default() };
    let plan = sheet.snapshot.plan;
    let class = escape(&format!("{}.{}.{}", plan.platform.id, plan.dc, entry.point.group));
    let name = escape(&format!("{}: {}", entry.point.id, entry.point.title));
    let mut write = |text: std::fmt::Arguments<'_>| out.push_str(&text.to_string());
    write(format_args!("    <testcase classname=\"{class}\" name=\"{name}\" time=\"{}\">\n", seconds(took)));
    let (message, state) = (escape(&entry.text), entry.judgement.state.key());
    let mut problem = |element: &str| {
        let body: Vec<String> = ticket::lines(sheet.snapshot, entry)
            .into_iter()
            .map(|(label, text)| format!("{label}: {text}"))
            .collect();
        let body = escape_text(&body.join("\n"));
        write(format_args!("      <{element} type=\"{state}\" message=\"{message}\">{body}\n</{element}>\n"));
    };
    match standing(entry, sheet.snapshot) {
        Standing::Passes => {}
        Standing::Excused(why) => {
            sums.skipped = 1;
            let message = escape(&format!("{why}; {}", entry.text));
            write(format_args!("      <skipped type=\"{state}\" message=\"{message}\"/>\n"));
        }
        Standing::Fails => {
            sums.failures = 1;
            problem("failure");
        }
        Standing::Error => {
            sums.errors = 1;
            problem("error");
        }
    }
    let said = ticket::said(entry);
    if !said.is_empty() {
        write(format_args!("      <system-out>{}\n</system-out>\n", escape_text(&said)));
    }
    write(format_args!("    </testcase>\n"));
    sums
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// An attribute's value: a line end in it would come back as a blank.
fn escape(text: &str) -> String {
    escape_text(text).replace('"', "&quot;").replace('\n', "&#10;")
}

/// Text between tags. What XML 1.0 cannot hold (section 2.2, Char) is left out.
fn escape_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' => out.push('\n'),
            '\t' => out.push(' '),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_breaks_the_document() {
        assert_eq!(
            escape("a<b> & \"c\"\n\u{1b}[1m\u{0}\u{ffff}é"),
            "a&lt;b&gt; &amp; &quot;c&quot;&#10;[1mé"
        );
        assert_eq!(escape_text("]]>"), "]]&gt;");
    }
}

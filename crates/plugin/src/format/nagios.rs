//! `NAME STATE - summary | perfdata`, long text below it: the layout that Nagios, Icinga, NRPE and Sensu all read.

use std::fmt::Write as _;

use super::{Frame, NOTHING};
use crate::outcome::Finding;
use crate::text::{clean, shorten};
use crate::{Outcome, State};

/// Most bytes of the first line before the bar: what a pager shows.
const HEADLINE: usize = 100;
/// Most bytes of the whole output without `-v`: above it Nagios 4 loses data, and NRPE 2 keeps a quarter.
const OUTPUT: usize = 4096;
/// Room kept for the line that says what was cut, bytes.
const CUT: usize = 80;

pub(super) fn render(outcome: &Outcome, frame: &Frame) -> String {
    let state = outcome.state();
    let findings = outcome.worst_first();
    let start = format!("{} {state} - ", frame.label);
    let headline = headline(outcome, state, &findings, HEADLINE.saturating_sub(start.len()));
    let state_word = if frame.colored { colored(state) } else { state.word().to_owned() };
    let mut out = format!("{} {state_word} - {}", frame.label, headline.text);

    let long = long_text(outcome, frame, &findings, &headline);
    let verbose = frame.verbosity > 0;
    let mut cut_metrics = 0;
    if !outcome.metrics.is_empty() {
        let items: Vec<String> =
            outcome.metrics.iter().map(|metric| metric.perfdata(frame.dialect)).collect();
        // The findings of a run with many problems keep a quarter of the room.
        let long_len: usize = long.iter().map(|line| line.len() + 1).sum();
        let room = OUTPUT.saturating_sub(out.len() + CUT + long_len.min(OUTPUT / 4));
        let mut used = " |;\n".len();
        let fit = items.iter().take_while(|item| {
            used += 1 + item.len();
            used <= room
        });
        let shown = if verbose { items.len() } else { fit.count() };
        cut_metrics = items.len() - shown;
        if shown > 0 {
            out.push_str(" | ");
            out.push_str(&items[..shown].join(" "));
        }
        // Sensu reads on to the next blank: without a `;` it would glue the digits of the next line to this value.
        let more_lines = !long.is_empty() || cut_metrics > 0;
        if more_lines && shown > 0 && !items[shown - 1].contains(';') {
            out.push(';');
        }
    }
    out.push('\n');

    let mut cut_lines = 0;
    for line in &long {
        if cut_lines > 0 || (!verbose && out.len() + line.len() + 1 + CUT > OUTPUT) {
            cut_lines += 1;
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
    let count = |count: usize, what: &str| (count > 0).then(|| format!("{count} more {what}"));
    let cut: Vec<String> =
        [count(cut_lines, "lines"), count(cut_metrics, "metrics")].into_iter().flatten().collect();
    if !cut.is_empty() {
        out = out + "… " + &cut.join(" and ") + ", -v shows them\n";
    }
    out
}

struct Headline {
    text: String,
    /// How many of the worst findings it shows whole.
    whole: usize,
}

fn headline(outcome: &Outcome, state: State, findings: &[&Finding], room: usize) -> Headline {
    let worst: Vec<&&Finding> = findings.iter().filter(|finding| finding.state == state).collect();
    if state == State::Ok {
        if let Some(summary) = &outcome.summary {
            return Headline { text: shorten(&clean(summary), room).into_owned(), whole: 0 };
        }
        if findings.is_empty() {
            return Headline { text: NOTHING.into(), whole: 0 };
        }
    }
    let reason = match worst.first().and_then(|finding| finding.reason) {
        Some(reason) if state != State::Ok => format!(" [{reason}]"),
        _ => String::new(),
    };
    let room = room.saturating_sub(reason.len());
    let mut text = String::new();
    let mut whole = 0;
    for (index, finding) in worst.iter().enumerate() {
        let sentence = clean(&finding.text);
        let more = worst.len() - index;
        let joint = if index == 0 { "" } else { "; " };
        // Room for what says how many follow, unless this is the last one.
        let kept = if more > 1 { format!(" (+{} more)", more - 1).len() } else { 0 };
        if text.len() + joint.len() + sentence.len() + kept <= room {
            text.push_str(joint);
            text.push_str(&sentence);
            whole = index + 1;
            continue;
        }
        let mark = if more > 1 && index == 0 { format!(" (+{} more)", more - 1) } else { String::new() };
        if index == 0 {
            text = shorten(&sentence, room.saturating_sub(mark.len())).into_owned() + &mark;
        } else {
            let _written = write!(text, " (+{more} more)");
        }
        break;
    }
    Headline { text: text + &reason, whole }
}

// Lines below the first: findings that it does not show whole, all of them with -v, what was asked for, the details.
fn long_text(outcome: &Outcome, frame: &Frame, findings: &[&Finding], headline: &Headline) -> Vec<String> {
    let verbose = frame.verbosity > 0;
    let mut lines = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        let shown = index < headline.whole;
        let alone = shown && findings.len() == 1;
        if (verbose && !alone) || (!shown && finding.state != State::Ok) {
            let reason = match finding.reason {
                Some(reason) if finding.state != State::Ok => format!(" [{reason}]"),
                _ => String::new(),
            };
            lines.push(format!("{}: {}{reason}", finding.state, clean(&finding.text)));
        }
    }
    lines.extend(outcome.lines.iter().map(|line| clean(line).into_owned()));
    if verbose {
        lines.extend(outcome.details.iter().map(|line| clean(line).into_owned()));
    }
    lines
}

fn colored(state: State) -> String {
    let color = match state {
        State::Ok => 32,
        State::Warning => 33,
        State::Critical => 31,
        State::Unknown => 35,
    };
    format!("\u{1b}[{color}m{state}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{frame, refused};
    use super::{OUTPUT, render};
    use crate::{Metric, Outcome, Reason, State};

    #[test]
    fn a_problem_ends_in_its_reason() {
        let line =
            "TCP CRITICAL - 10.0.0.5:443 refused the connection after 3 ms [refused] | time=0.003s;;;0;10\n";
        assert_eq!(render(&refused(), &frame()), line);
    }

    #[test]
    fn foreign_text_stays_on_one_line_without_a_bar() {
        let outcome = Outcome::new().finding(State::Ok, "greeting: 220 a|b\r\nc\u{1b}[31m");
        assert_eq!(render(&outcome, &frame()), "TCP OK - greeting: 220 a/b c [31m\n");
    }

    #[test]
    fn the_summary_speaks_while_all_is_ok() {
        let outcome = Outcome::new().summary("2 disks in order").finding(State::Ok, "/: 10 % used");
        assert_eq!(render(&outcome, &frame()), "TCP OK - 2 disks in order\n");
        let outcome = outcome.problem(State::Warning, Reason::Threshold, "/var: 81 % used");
        assert_eq!(render(&outcome, &frame()), "TCP WARNING - /var: 81 % used [threshold]\n");
    }

    #[test]
    fn lines_are_always_shown_and_details_with_v() {
        let outcome = Outcome::new().finding(State::Ok, "fine").line("asked for").detail("detail");
        assert_eq!(render(&outcome, &frame()), "TCP OK - fine\nasked for\n");
        let verbose = render(&outcome, &crate::format::Frame { verbosity: 1, ..frame() });
        assert_eq!(verbose, "TCP OK - fine\nasked for\ndetail\n");
    }

    #[test]
    fn many_findings_go_worst_first_below_a_short_line() {
        let mut outcome = Outcome::new().finding(State::Ok, "fine");
        for n in 0..4 {
            outcome = outcome.problem(
                State::Warning,
                Reason::Threshold,
                format!("/mnt/{n} is full enough to warn"),
            );
        }
        outcome = outcome.problem(State::Critical, Reason::Missing, "/srv is not mounted");
        let text = render(&outcome, &frame());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "TCP CRITICAL - /srv is not mounted [missing]");
        assert_eq!(lines[1], "WARNING: /mnt/0 is full enough to warn [threshold]");
        assert_eq!(lines.len(), 5);
        let verbose = render(&outcome, &crate::format::Frame { verbosity: 1, ..frame() });
        assert!(verbose.contains("OK: fine\n"), "{verbose}");
    }

    #[test]
    fn the_first_line_has_at_most_100_bytes_before_the_bar() {
        let long = "é".repeat(200);
        for count in [1, 3] {
            let mut outcome = Outcome::new().metric(Metric::new("a", 1.0));
            for _ in 0..count {
                outcome = outcome.problem(State::Critical, Reason::ResolverSilent, long.clone());
            }
            let text = render(&outcome, &frame());
            let before = text.split(" |").next().expect("a first line");
            assert!(before.len() <= 100, "{} bytes: {before}", before.len());
            assert!(before.ends_with("[resolver-silent]"), "{before}");
            // The whole text stands below it, and the last metric is closed by a semicolon.
            assert!(text.contains("| a=1;\nCRITICAL: éé"), "{text}");
        }
    }

    #[test]
    fn at_most_4_kib_and_the_cut_is_said() {
        let mut outcome = Outcome::new();
        for n in 0..300 {
            outcome = outcome
                .problem(State::Critical, Reason::Missing, format!("/mnt/{n:03} is not mounted here"))
                .metric(Metric::new(format!("/mnt/{n:03}"), 1.0));
        }
        let text = render(&outcome, &frame());
        assert!(text.len() <= OUTPUT, "{}", text.len());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].split(" | ").next().is_some_and(|line| line.len() <= 100), "{text}");
        // A finding cut short in the first line stands below it, and so do the first of the others.
        assert!(lines.len() > 20, "{text}");
        let shown = lines[0].matches('=').count();
        let listed = lines.len() - 2;
        let whole = lines[0].matches("is not mounted here").count();
        let cut =
            format!("… {} more lines and {} more metrics, -v shows them", 300 - whole - listed, 300 - shown);
        assert_eq!(lines.last().copied(), Some(cut.as_str()));
        let verbose = render(&outcome, &crate::format::Frame { verbosity: 1, ..frame() });
        assert_eq!(verbose.lines().count(), 301);
    }

    #[test]
    fn metrics_that_do_not_fit_are_counted() {
        let outcome = (0..400).fold(Outcome::new().summary("400 disks in order"), |outcome, n| {
            outcome.metric(Metric::new(format!("/mnt/{n:03}"), 1.0))
        });
        let text = render(&outcome, &frame());
        assert!((OUTPUT - 120..=OUTPUT).contains(&text.len()), "{}", text.len());
        let (line, rest) = text.split_once('\n').expect("a first line");
        assert!(line.ends_with("=1;"), "{line}");
        let shown = line.matches('=').count();
        assert_eq!(rest, format!("… {} more metrics, -v shows them\n", 400 - shown));
    }

    #[test]
    fn how_many_more_fits_whatever_the_number() {
        for count in [2, 11, 101, 1001] {
            for length in 60..80 {
                let outcome = (0..count).fold(Outcome::new(), |outcome, n| {
                    let text = if n == 0 { "x".repeat(length) } else { "y".repeat(40) };
                    outcome.problem(State::Critical, Reason::Missing, text)
                });
                let text = render(&outcome, &frame());
                let line = text.lines().next().expect("a first line");
                assert!(line.len() <= 100, "{} bytes: {line}", line.len());
                assert!(line.contains(" more) [missing]"), "{line}");
            }
        }
    }

    #[test]
    fn with_v_the_findings_behind_a_summary_are_shown() {
        let outcome = Outcome::new().summary("1 disk in order").finding(State::Ok, "/: 10 % used");
        let verbose = render(&outcome, &crate::format::Frame { verbosity: 1, ..frame() });
        assert_eq!(verbose, "TCP OK - 1 disk in order\nOK: /: 10 % used\n");
    }
}

//! A whole datacenter as one check: one line, performance data, a plugin's exit code.
//!
//! Layout: Monitoring Plugins Development Guidelines; performance data in the subset that every engine reads.

use plugin::State as Status;

use super::Sheet;
use crate::engine::snapshot::{Entry, Snapshot};
use crate::engine::state::State;
use crate::exit::Exit;
use crate::plan::Point;
use crate::render::run::{counts, notes};

/// Longest first line before the bar, in bytes.
const LIMIT: usize = 100;

/// 0 OK, 1 only warnings, 2 not done, 3 unknown.
pub fn status(sheet: &Sheet<'_, '_>) -> Status {
    let warns = |point: &Point| point.required && sheet.shown.contains(&point.id);
    let warned = || {
        let entries = sheet.snapshot.entries.iter();
        entries.filter(|entry| warns(entry.point)).any(|entry| entry.judgement.state == State::Warning)
    };
    match sheet.exit {
        Exit::Done if warned() => Status::Warning,
        Exit::Done => Status::Ok,
        Exit::Unknown => Status::Unknown,
        _ => Status::Critical,
    }
}

/// The line, with its end.
pub fn line(sheet: &Sheet<'_, '_>) -> String {
    lines(std::slice::from_ref(sheet), Some(WHOLE))
}

/// Several datacenters as one check: the worst one's line, with the performance data of all, then the others' lines.
pub fn lines(sheets: &[Sheet<'_, '_>], limit: Option<usize>) -> String {
    let worst = (0..sheets.len()).rev().max_by_key(|&at| status(&sheets[at])).unwrap_or(0);
    let mut others: Vec<String> = sheets.iter().map(head).collect();
    let first = if others.is_empty() { String::new() } else { others.remove(worst) };
    let of = |sheet: &Sheet<'_, '_>| {
        let prefix = if sheets.len() > 1 { format!("{}/", sheet.snapshot.plan.dc) } else { String::new() };
        metrics(sheet, &prefix)
    };
    whole(&first, &sheets.iter().flat_map(of).collect::<Vec<_>>(), &others, limit)
}

/// All before the bar.
fn head(sheet: &Sheet<'_, '_>) -> String {
    let status = status(sheet);
    let (text, reason) = said(sheet, status);
    summary(status, &text, 0, reason.as_deref())
}

fn metrics(sheet: &Sheet<'_, '_>, prefix: &str) -> Vec<String> {
    let mut out = Vec::new();
    let progress = sheet.snapshot.progress(sheet.shows());
    let mut metric = |label: &str, value: usize, most: usize| {
        out.push(format!("{prefix}{label}={value};;;0;{most}"));
    };
    metric("proven", progress.proven, progress.required);
    let counts = counts(sheet.snapshot, sheet.shows());
    let all = counts.iter().map(|(_, count)| count).sum();
    for (state, count) in counts {
        metric(&state.key().replace('-', "_"), count, all);
    }
    let overdue = sheet.entries().filter(|entry| entry.judgement.overdue.is_some()).count();
    metric("overdue", overdue, all);
    if let Some(oldest) = sheet.snapshot.freshness(sheet.shows()).oldest {
        out.push(format!("{prefix}oldest_result={}s;;;0;", oldest.as_secs()));
    }
    out
}

/// What could not be done, as a plugin says it.
pub fn failure(text: &str) -> String {
    format!("{}\n", summary(Status::Unknown, text, 0, None))
}

/// Longest output, in bytes: some agents lose what lies beyond.
pub(crate) const WHOLE: usize = 4096;

/// A plugin's output: the first line with performance data, then further lines. With a limit, what does not fit is
/// counted in the last line.
pub(crate) fn whole(first: &str, metrics: &[String], lines: &[String], limit: Option<usize>) -> String {
    // Room for the line that says what is missing.
    let limit = limit.map_or(usize::MAX, |limit| limit - 80);
    let mut out = first.to_owned();
    let mut missing = metrics.len();
    for (index, metric) in metrics.iter().enumerate() {
        let bar = if index == 0 { " | " } else { " " };
        // Half is for the lines: they say what the matter is.
        if !lines.is_empty() && out.len() + bar.len() + metric.len() > limit / 2 {
            break;
        }
        out.extend([bar, metric]);
        missing -= 1;
    }
    out.push('\n');
    let mut left = lines.len();
    for line in lines {
        if out.len() + line.len() + 1 > limit {
            break;
        }
        out.extend([line, "\n"]);
        left -= 1;
    }
    let more = [(left, "line"), (missing, "metric")].into_iter().filter(|(count, _)| *count > 0);
    let more: Vec<String> = more
        .map(|(count, noun)| format!("{count} more {noun}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if !more.is_empty() {
        out.extend(["… ", &more.join(" and "), ", -v shows them\n"]);
    }
    out
}

/// `MDD CRITICAL - iad2: 9 of 26 proven; dns-zone holds 3: … (+2 more) [refused]`, in at most [`LIMIT`] bytes.
pub(crate) fn summary(status: Status, text: &str, more: usize, reason: Option<&str>) -> String {
    let more = if more > 0 { format!(" (+{more} more)") } else { String::new() };
    let end = reason.map_or_else(|| more.clone(), |reason| format!("{more} [{reason}]"));
    let head = format!("MDD {} - {}", status.word(), plugin::text::clean(text));
    format!("{}{end}", plugin::text::shorten(&head, LIMIT.saturating_sub(end.len())))
}

/// The text, and the reason word of a problem.
fn said(sheet: &Sheet<'_, '_>, status: Status) -> (String, Option<String>) {
    let Sheet { snapshot, milestone, .. } = *sheet;
    let progress = snapshot.progress(sheet.shows());
    let what = if milestone.is_empty() { String::new() } else { format!(" {milestone}") };
    let waived = if progress.waived > 0 { format!(" (+{} waived)", progress.waived) } else { String::new() };
    let head =
        format!("{}{what}: {} of {} proven{waived}", snapshot.plan.dc, progress.proven, progress.required);
    match status {
        Status::Ok if progress.proven + progress.waived < progress.required => {
            (format!("{head}, not done, and nothing to fail on"), None)
        }
        Status::Ok => (head, None),
        _ => match worst(snapshot, sheet, status) {
            Some((name, text, word)) => {
                let (text, reason) = split_reason(&text);
                (format!("{head}; {name}: {text}"), Some(reason.unwrap_or(word).to_owned()))
            }
            None => (head, None),
        },
    }
}

/// What is to be said first: its name, what is the matter, and its state's word.
fn worst(
    snapshot: &Snapshot<'_>,
    sheet: &Sheet<'_, '_>,
    status: Status,
) -> Option<(String, String, &'static str)> {
    if status == Status::Critical || status == Status::Unknown {
        let unknown = status == Status::Unknown;
        let causes = snapshot.causes(sheet.shows());
        let cause = causes.into_iter().find(|cause| !unknown || cause.state == Some(State::Unknown));
        if let Some(cause) = cause {
            let holds = if cause.holds > 0 { format!(" holds {}", cause.holds) } else { String::new() };
            let word = cause.state.unwrap_or(State::Blocked).key();
            return Some((format!("{}{holds}", cause.root), cause.text, word));
        }
    }
    let wanted = |entry: &&Entry<'_>| match status {
        Status::Warning => entry.judgement.state == State::Warning,
        _ => !entry.judgement.done,
    };
    let entry = sheet.entries().filter(|entry| entry.point.required).find(wanted)?;
    let text = match entry.judgement.state {
        State::Settling => notes(entry, snapshot.options.now).join(", "),
        _ => entry.text.clone(),
    };
    Some((entry.point.id.clone(), text, entry.judgement.state.key()))
}

/// A text without the reason word at its end, and the word.
pub(crate) fn split_reason(text: &str) -> (&str, Option<&str>) {
    let found = text.strip_suffix(']').and_then(|text| text.rsplit_once(" ["));
    match found {
        Some((text, word))
            if word.len() <= 24 && word.chars().all(|c| c.is_ascii_lowercase() || c == '-') =>
        {
            (text, Some(word))
        }
        _ => (text, None),
    }
}

/// Whether a command line asks for this format, so that whatever goes wrong has to be said in it.
pub fn is_asked_for(args: &[std::ffi::OsString]) -> bool {
    let own = args.iter().take_while(|argument| *argument != "--");
    let mut own = own.map(|argument| argument.to_string_lossy()).peekable();
    while let Some(argument) = own.next() {
        if argument == "--format=nagios"
            || argument == "--format" && own.peek().is_some_and(|v| v == "nagios")
        {
            return true;
        }
    }
    false
}

/// From now on a panic is one UNKNOWN line, like everything else that goes wrong in a plugin.
pub fn panic_as_unknown() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
        let text = format!("internal error{}", place.unwrap_or_default());
        match crate::cli::print(&failure(&text)) {
            Ok(()) | Err(_) => std::process::exit(Status::Unknown.code().into()),
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_ends_in_its_reason_within_a_hundred_bytes() {
        let long = format!("iad2: 0 of 14 proven; dns-zone holds 13: {}", "é".repeat(80));
        let line = summary(Status::Critical, &long, 0, Some("refused"));
        assert!(line.len() <= LIMIT && line.ends_with("é… [refused]"), "{line}");
        assert_eq!(summary(Status::Ok, "a | b\nc", 0, None), "MDD OK - a / b c");
        assert_eq!(split_reason("x: refused [refused]"), ("x: refused", Some("refused")));
        assert_eq!(split_reason("list [1, 2]"), ("list [1, 2]", None));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let line = summary(Status::Critical, &"x".repeat(200), 12, Some("refused"));
        assert!(line.len() <= LIMIT && line.ends_with("x… (+12 more) [refused]"), "{line}");
        let lines: Vec<String> = (0..99).map(|at| format!("{at} {}", "y".repeat(90))).collect();
        let metrics: Vec<String> = (0..99).map(|at| format!("metric_of_some_length_{at}=1;;;0;99")).collect();
        let cut = whole("first", &metrics, &lines, Some(WHOLE));
        assert!(cut.len() <= WHOLE, "{}", cut.len());
        let last = cut.lines().last().unwrap();
        assert!(last.starts_with("… ") && last.ends_with(" more metrics, -v shows them"), "{last}");
        assert_eq!(cut.matches('|').count(), 1);
        assert_eq!(whole("first", &metrics, &lines, None).lines().count(), 100);
        assert_eq!(whole("first", &[], &[], Some(WHOLE)), "first\n");
    }

    #[test]
    fn a_command_line_asks_for_it_in_two_spellings() {
        let asks = |args: &[&str]| is_asked_for(&args.iter().map(Into::into).collect::<Vec<_>>());
        assert!(asks(&["mdd", "gate", "iad2", "--format", "nagios"]));
        assert!(asks(&["mdd", "gate", "--format=nagios"]));
        assert!(!asks(&["mdd", "run", "--format", "json", "nagios"]));
        assert!(!asks(&["mdd", "run", "--", "--format=nagios"]));
    }
}

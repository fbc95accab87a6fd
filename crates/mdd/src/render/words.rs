//! Times, dates and numbers as people read them. All times are UTC.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A time span in its two largest units: `48 s`, `2 m 10 s`, `41 m`, `2 d 3 h`.
pub fn span(time: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut left = time.as_secs();
    let Some(first) = UNITS.iter().position(|(size, _)| left >= *size) else {
        return "0 s".to_owned();
    };
    let mut parts = Vec::new();
    for (size, unit) in UNITS.iter().skip(first).take(2) {
        let count = left / size;
        left %= size;
        // Ten minutes and more: seconds only distract; ten days and more: so do hours.
        let distracts = parts.first().is_some_and(|(count, _): &(u64, &str)| *count >= 10);
        if count > 0 && !distracts {
            parts.push((count, *unit));
        }
    }
    parts.iter().map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

/// A configured time, exactly: `15 m`, `90 s` as `1 m 30 s`, `0 s`, `0.5 s`.
pub fn span_exact(time: Duration) -> String {
    if time.subsec_nanos() > 0 {
        return format!("{} s", time.as_secs_f64());
    }
    let secs = time.as_secs();
    let parts = [(secs / 86_400, "d"), (secs / 3_600 % 24, "h"), (secs / 60 % 60, "m"), (secs % 60, "s")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// `27 Nov`, with the year when it is not this one.
pub fn day(date: Date, now: Timestamp) -> String {
    let this_year = now.to_zoned(TimeZone::UTC).year() == date.year();
    date.strftime(if this_year { "%-d %b" } else { "%-d %b %Y" }).to_string()
}

/// `2026-11-22 21:38:02 UTC`.
pub fn time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `21:38:02`.
pub fn clock(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string()
}

/// The clock when it was within a day, else the day.
pub fn moment(at: Timestamp, now: Timestamp) -> String {
    let at_utc = at.to_zoned(TimeZone::UTC);
    if crate::engine::facts::age(at, now) < Duration::from_hours(24) {
        return at_utc.strftime("%H:%M").to_string();
    }
    day(at_utc.date(), now)
}

/// `1 day`, `2 days`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Cuts to at most so many characters, with `mark` where it was cut. A reason word at the end, `[refused]`, stays.
pub fn cut(text: &str, limit: usize, mark: &str) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let reason = text.rfind(" [").map(|at| &text[at..]).filter(|end| end.ends_with(']'));
    let reason = reason.filter(|reason| reason.chars().count() < limit / 2).unwrap_or("");
    let keep = limit.saturating_sub(mark.chars().count() + reason.chars().count());
    text.chars().take(keep).chain(mark.chars()).chain(reason.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (secs, expected) in [
            (0, "0 s"),
            (48, "48 s"),
            (130, "2 m 10 s"),
            (41 * 60 + 7, "41 m"),
            (7200, "2 h"),
            (2 * 86_400 + 3 * 3600 + 59, "2 d 3 h"),
            (19 * 86_400 + 3600, "19 d"),
        ] {
            assert_eq!(span(Duration::from_secs(secs)), expected);
        }
        assert_eq!(span_exact(Duration::from_secs(90)), "1 m 30 s");
        assert_eq!(span_exact(Duration::from_hours(25)), "1 d 1 h");
        assert_eq!(span_exact(Duration::from_millis(500)), "0.5 s");
        assert_eq!(span_exact(Duration::ZERO), "0 s");
    }

    #[test]
    fn dates_and_cuts() {
        let now: Timestamp = "2026-11-22T21:38:02Z".parse().unwrap();
        assert_eq!(day(jiff::civil::date(2026, 12, 1), now), "1 Dec");
        assert_eq!(day(jiff::civil::date(2027, 3, 1), now), "1 Mar 2027");
        assert_eq!(time(now), "2026-11-22 21:38:02 UTC");
        assert_eq!(clock(now), "21:38:02");
        assert_eq!(cut("abcdef", 4, "…"), "abc…");
        assert_eq!(cut("abcd", 4, "…"), "abcd");
        assert_eq!(cut("connect to 10.0.0.5:443 [refused]", 24, "…"), "connect to 10… [refused]");
        assert_eq!(count(1, "waiver"), "1 waiver");
    }
}

//! Dates of HTTP headers (RFC 9110, 5.6.7).

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970 of `Tue, 25 Dec 2001 02:59:03 GMT`, and of the two old forms `Tuesday, 25-Dec-01 02:59:03 GMT` and
/// `Tue Dec 25 02:59:03 2001`. `None` for anything else.
pub fn seconds(text: &str) -> Option<i64> {
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, time) = match words[..] {
        [_, day, month, year, time, "GMT" | "UTC"] => (day, month, year, time),
        [_, month, day, time, year] if time.contains(':') => (day, month, year, time),
        _ => return None,
    };
    let month = MONTHS.iter().position(|name| month.eq_ignore_ascii_case(name))?;
    let number = |text: &str, range: std::ops::RangeInclusive<i64>| {
        let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|value| digits && range.contains(value))
    };
    let (day, year) = (number(day, 1..=31)?, (number(year, 0..=9999)?, year.len()));
    let year = match year {
        (year, 2) if year < 70 => year + 2000,
        (year, 2) => year + 1900,
        (year, _) => year,
    };
    let mut parts = time.split(':');
    let (hour, minute, second) =
        (number(parts.next()?, 0..=23)?, number(parts.next()?, 0..=59)?, number(parts.next()?, 0..=60)?);
    if parts.next().is_some() {
        return None;
    }
    let month = i64::try_from(month).ok()? + 1;
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

// Days since 1970 in the Gregorian calendar; March begins the year, so that the leap day ends it.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn all_three_forms() {
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds("Sunday, 06-Nov-94 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds("Sun Nov  6 08:49:37 1994"), Some(784_111_777));
        assert_eq!(seconds("Thu, 01-Jan-1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000));
        assert_eq!(seconds("Sat, 01 Jan 2000 00:00:00 GMT"), Some(946_684_800));
    }

    #[test]
    fn other_texts_are_no_dates() {
        for bad in [
            "",
            "0",
            "now",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37:01 GMT",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}

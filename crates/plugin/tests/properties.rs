//! What holds for every range, label and text, not only for those that somebody thought of.

use plugin::{Dialect, Metric, Range, Thresholds, Unit, text};
use proptest::prelude::*;

/// A number as people write it: whole, with decimals, negative, with an exponent.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        (-1000..1000_i32).prop_map(|n| n.to_string()),
        (-1000.0..1000.0_f64).prop_map(|n| format!("{n:.3}")),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        Just(".5".to_owned()),
        Just("7.".to_owned()),
    ]
}

fn range_text() -> impl Strategy<Value = String> {
    let start = prop_oneof![Just(String::new()), Just("~".to_owned()), number()];
    let end = prop_oneof![Just(String::new()), number()];
    (any::<bool>(), prop::option::of(start), end).prop_map(|(inside, start, end)| {
        let at = if inside { "@" } else { "" };
        start.map_or(format!("{at}{end}"), |start| format!("{at}{start}:{end}"))
    })
}

fn plain_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    text.split_once('.').map_or(digits(text), |(whole, decimals)| digits(whole) && digits(decimals))
}

proptest! {
    /// Perfdata shows a range; whoever reads it there has to read the same range.
    #[test]
    fn a_range_shown_is_the_range_read(text in range_text(), value in any::<f64>()) {
        if let Ok(range) = text.parse::<Range>() {
            let shown = range.to_string();
            let again: Range = shown.parse().map_err(|e| TestCaseError::fail(format!("{shown}: {e}")))?;
            for value in [value, range.start(), range.end(), 0.0, -1.0, 5.0] {
                prop_assert_eq!(range.alerts(value), again.alerts(value), "{} and {} at {}", text, shown, value);
            }
            let ends = shown.trim_start_matches('@').split(':');
            for end in ends {
                prop_assert!(end.is_empty() || end == "~" || plain_decimal(end), "{} is shown as {}", text, shown);
            }
        }
    }

    /// Outside and inside are opposites, and both ends belong to the range.
    #[test]
    fn the_ends_are_inclusive(a in -1e9..1e9_f64, b in -1e9..1e9_f64, value in -1e9..1e9_f64) {
        let (start, end) = if a <= b { (a, b) } else { (b, a) };
        let outside: Range = format!("{start}:{end}").parse().map_err(TestCaseError::fail)?;
        let inside: Range = format!("@{start}:{end}").parse().map_err(TestCaseError::fail)?;
        prop_assert_eq!(outside.alerts(value), value < start || value > end);
        prop_assert_eq!(inside.alerts(value), !outside.alerts(value));
        prop_assert!(!outside.alerts(start) && !outside.alerts(end));
    }

    /// Any text at all: an answer, never a panic; and what is accepted holds nothing but the grammar.
    #[test]
    fn rubbish_is_no_range(text in "\\PC{0,12}") {
        if text.parse::<Range>().is_ok() {
            prop_assert!(text.trim().bytes().all(|b| b.is_ascii_digit() || b"@~:.+-eE".contains(&b)), "{:?}", text);
        }
    }

    /// `label=value[unit];warn;crit;min;max` of the portable subset, whatever the label and the numbers.
    #[test]
    fn perfdata_keeps_to_its_grammar(
        label in any::<String>(),
        value in any::<f64>(),
        decimals in prop::option::of(0..9_usize),
        warning in range_text(),
        min in any::<f64>(),
        unit in prop::sample::select(vec![Unit::None, Unit::Seconds, Unit::Bytes, Unit::Percent, Unit::Counter]),
    ) {
        let limits = Thresholds::new(warning.parse().ok(), None);
        let mut metric = Metric::new(label, value).unit(unit).thresholds(&limits).min(min);
        if let Some(decimals) = decimals {
            metric = metric.decimals(decimals);
        }
        let item = metric.perfdata(Dialect::Own);
        let (label, rest) = item.split_once('=').ok_or_else(|| TestCaseError::fail("no ="))?;
        prop_assert!(!label.is_empty());
        prop_assert!(label.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:/-".contains(&b)), "{}", item);
        let fields: Vec<&str> = rest.split(';').collect();
        prop_assert!(fields.len() <= 5);
        let number = fields[0].strip_suffix(unit.symbol()).unwrap_or(fields[0]);
        prop_assert!(plain_decimal(number) || (number == "U" && !value.is_finite()), "{}", item);
        prop_assert!(fields.get(3).is_none_or(|min| plain_decimal(min)), "{}", item);

        let named = metric.perfdata(Dialect::C);
        let label = named.split('=').next().unwrap_or_default();
        prop_assert!(!label.contains(|c: char| c == '|' || c.is_control()), "{}", named);
        let quoted = label.len() >= 2 && label.starts_with('\'') && label.ends_with('\'');
        prop_assert!(quoted || !label.contains(char::is_whitespace), "{}", named);
    }

    /// Cleaned text stays on its line, and cleaning it again changes nothing.
    #[test]
    fn clean_text_is_clean(text in any::<String>()) {
        let clean = text::clean(&text);
        prop_assert!(!clean.contains(|c: char| c == '|' || c.is_control()));
        prop_assert_eq!(clean.trim(), &*clean);
        prop_assert_eq!(text::clean(&clean), clean.clone());
        prop_assert!(clean.len() <= text.len());
    }

    /// The limit holds in bytes, and what is left is the text's own beginning.
    #[test]
    fn shortened_text_keeps_its_limit(text in any::<String>(), limit in 0..40_usize) {
        let short = text::shorten(&text, limit);
        prop_assert!(short.len() <= limit);
        prop_assert!(text.starts_with(short.trim_end_matches('…').trim_end()));
        prop_assert!(text.len() > limit || short == text);
    }

    /// Bytes of any kind become text.
    #[test]
    fn bytes_become_clean_text(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = text::clean_bytes(&bytes);
        prop_assert!(!text.contains(|c: char| c == '|' || c.is_control()));
    }
}

//! The output of a run, read strictly.

use plugin::{Range, Reason};

/// Most bytes of the first line before the bar.
const HEADLINE: usize = 100;
/// Most bytes of the whole output without `-v`.
const OUTPUT: usize = 4096;

/// An output that keeps to the grammar.
#[derive(Debug)]
pub struct Output<'a> {
    pub label: &'a str,
    pub state: &'a str,
    /// With its reason word.
    pub text: &'a str,
    pub reason: Option<&'a str>,
    pub metrics: Vec<Metric<'a>>,
    /// Lines below the first.
    pub long: Vec<&'a str>,
}

/// A metric of the perfdata.
#[derive(Debug)]
pub struct Metric<'a> {
    pub label: &'a str,
    /// Not a number where it is `U`.
    pub value: f64,
    pub unit: &'a str,
}

/// `NAME STATE - text [reason] | perfdata`, then lines without a bar.
///
/// `portable` asks for the portable subset of perfdata, which the suite's own dialect keeps to; else a namesake's labels and
/// units pass. Errors quote what broke the grammar.
pub fn read(output: &str, portable: bool) -> Result<Output<'_>, String> {
    if output.len() > OUTPUT {
        return Err(format!("{} bytes", output.len()));
    }
    read_verbose(output, portable)
}

/// [`read`] for the output of a run with `-v`, which may be longer.
pub fn read_verbose(output: &str, portable: bool) -> Result<Output<'_>, String> {
    let body = output.strip_suffix('\n').ok_or("no newline at the end")?;
    if let Some(c) = body.chars().find(|c| c.is_control() && *c != '\n') {
        return Err(format!("control character {c:?}"));
    }
    let mut lines = body.split('\n');
    let first = lines.next().unwrap_or_default();
    let long: Vec<&str> = lines.collect();
    if let Some(line) = long.iter().find(|line| line.contains('|') || line.trim().is_empty()) {
        return Err(format!("long text with a bar, or empty: `{line}`"));
    }

    let (head, perfdata) = match first.split_once('|') {
        None => (first, None),
        Some((head, rest)) => {
            let head = head.strip_suffix(' ').ok_or("no blank before the bar")?;
            (head, Some(rest.strip_prefix(' ').ok_or("no blank behind the bar")?))
        }
    };
    if head.len() > HEADLINE {
        return Err(format!("{} bytes before the bar: `{head}`", head.len()));
    }
    let (start, text) = head.split_once(" - ").ok_or_else(|| format!("no ` - ` in `{head}`"))?;
    let (label, state) = start.split_once(' ').ok_or_else(|| format!("no state in `{start}`"))?;
    let named = !label.is_empty()
        && label.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    if !named || !["OK", "WARNING", "CRITICAL", "UNKNOWN"].contains(&state) {
        return Err(format!("`{start}` is no name and state"));
    }
    if text.is_empty() || text.trim() != text {
        return Err(format!("`{text}` is empty or has blanks at its ends"));
    }
    let metrics = match perfdata {
        None => Vec::new(),
        Some(perfdata) => {
            let items: Vec<&str> = perfdata.split(' ').collect();
            let open = items.last().is_some_and(|last| !last.contains(';'));
            if open && !long.is_empty() {
                return Err(format!("Sensu would read on behind `{perfdata}`"));
            }
            items.into_iter().map(|item| metric(item, portable)).collect::<Result<_, _>>()?
        }
    };
    Ok(Output { label, state, text, reason: reason(text), metrics, long })
}

fn reason(text: &str) -> Option<&str> {
    let (_, word) = text.strip_suffix(']')?.rsplit_once(" [")?;
    Reason::ALL.iter().any(|reason| reason.word() == word).then_some(word)
}

fn metric(item: &str, portable: bool) -> Result<Metric<'_>, String> {
    let bad = |what: &str| format!("perfdata `{item}`: {what}");
    let (label, rest) = item.split_once('=').ok_or_else(|| bad("no `=`"))?;
    let plain =
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:/-".contains(&b));
    // The plugins so far have no label with a blank; one that gets it needs a reader of quotes here.
    if !plain {
        return Err(bad("a label outside the portable subset"));
    }
    let mut fields = rest.split(';');
    let value = fields.next().unwrap_or_default();
    let end = value.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    let (value, unit) = match (number, unit) {
        ("", "U") => (f64::NAN, ""),
        _ => (decimal(number).ok_or_else(|| bad("no plain decimal"))?, unit),
    };
    let known = if portable {
        ["", "s", "B", "%", "c"].contains(&unit)
    } else {
        unit.bytes().all(|b| b.is_ascii_alphabetic() || b == b'%')
    };
    if !known {
        return Err(bad("an unknown unit"));
    }
    let fields: Vec<&str> = fields.collect();
    if fields.len() > 4 {
        return Err(bad("too many fields"));
    }
    for (n, field) in fields.iter().enumerate().filter(|(_, field)| !field.is_empty()) {
        let fine = if n < 2 { field.parse::<Range>().is_ok() } else { decimal(field).is_some() };
        if !fine {
            return Err(bad("a bad threshold or bound"));
        }
    }
    Ok(Metric { label, value, unit })
}

/// `-?[0-9]+(\.[0-9]+)?`.
pub fn decimal(text: &str) -> Option<f64> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let plain = match unsigned.split_once('.') {
        Some((whole, decimals)) => digits(whole) && digits(decimals),
        None => digits(unsigned),
    };
    if plain { text.parse().ok() } else { None }
}

#[test]
fn the_reader_refuses_what_agents_trip_over() {
    let good = read("TCP OK - fine | time=0.003s;5;;0;10 n=U\n", true).expect("good");
    assert_eq!((good.label, good.state, good.text), ("TCP", "OK", "fine"));
    assert_eq!((good.metrics[0].label, good.metrics[0].unit), ("time", "s"));
    assert!(good.metrics[1].value.is_nan() && good.long.is_empty());
    assert_eq!(read("A CRITICAL - b: refused [refused]\n", true).expect("good").reason, Some("refused"));
    for bad in [
        "",
        "TCP OK - fine",
        "tcp OK - fine\n",
        "TCP FINE - fine\n",
        "TCP OK: fine\n",
        "TCP OK - \n",
        "TCP OK - fine| a=1\n",
        "TCP OK - fine | a=1 | b=2\n",
        "TCP OK - fine | a=1e5\n",
        "TCP OK - fine | a=1,5\n",
        "TCP OK - fine | a=1ms\n",
        "TCP OK - fine | 'a b'=1\n",
        "TCP OK - fine | a=1  b=2\n",
        "TCP OK - fine | a=1;x\n",
        "TCP OK - fine | a=1\nlong text\n",
        "TCP OK - fine\nlong | a=1\n",
        "TCP OK - f\x1b[1mine\n",
        &format!("TCP OK - {}\n", "x".repeat(100)),
        &format!("TCP OK - x\n{}\n", "x".repeat(5000)),
    ] {
        assert!(read(bad, true).is_err(), "{bad:?}");
    }
}

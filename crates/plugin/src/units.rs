//! Numbers with units, as people write them on a command line and read them in a message.

use std::time::Duration;

/// Seconds of `10`, `10s`, `250ms`, `40us`, `2m`, `1h`, `7d` or `2w`. Without a unit: seconds.
pub fn seconds(text: &str) -> Result<f64, String> {
    let (number, unit) = split(text)?;
    let factor = match unit {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" => 1e-6,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return Err(format!("`{unit}` is no unit of time; one of us, ms, s, m, h, d, w")),
    };
    Ok(number * factor)
}

/// A duration above zero, spelled as for [`seconds`].
pub fn duration(text: &str) -> Result<Duration, String> {
    let value = seconds(text)?;
    if value <= 0.0 {
        return Err(format!("`{text}` has to be above zero"));
    }
    let duration = Duration::try_from_secs_f64(value).map_err(|_| format!("`{text}` is too long"))?;
    if duration.is_zero() { Err(format!("`{text}` has to be above zero")) } else { Ok(duration) }
}

/// Bytes of `512`, `10K`, `10KiB`, `10kB`, `1.5G`: one letter and `iB` count in 1024s, `kB` `MB` `GB` `TB` in 1000s.
pub fn bytes(text: &str) -> Result<f64, String> {
    let (number, unit) = split(text)?;
    let factor: f64 = match unit {
        "" | "B" => 1.0,
        "k" | "K" | "KiB" => 1024.0,
        "M" | "MiB" => 1024f64.powi(2),
        "G" | "GiB" => 1024f64.powi(3),
        "T" | "TiB" => 1024f64.powi(4),
        "P" | "PiB" => 1024f64.powi(5),
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "PB" => 1e15,
        _ => return Err(format!("`{unit}` is no unit of size; one of B, K, M, G, T, P, KiB … PiB, kB … PB")),
    };
    Ok(number * factor)
}

fn split(text: &str) -> Result<(f64, &str), String> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c))).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number.parse::<f64>().map_err(|_| format!("`{text}` does not start with a number"))?;
    Ok((number, unit.trim_start()))
}

/// `3 ms`, `1.25 s`, `40 us`, `5 min`, `3 d`: two to three digits that matter.
pub fn show_seconds(value: f64) -> String {
    let size = value.abs();
    if size >= 2.0 * 86_400.0 {
        format!("{} d", short(value / 86_400.0))
    } else if size >= 2.0 * 3600.0 {
        format!("{} h", short(value / 3600.0))
    } else if size >= 120.0 {
        format!("{} min", short(value / 60.0))
    } else if size >= 1.0 || size == 0.0 {
        format!("{} s", short(value))
    } else if size >= 1e-3 {
        format!("{} ms", short(value * 1e3))
    } else {
        format!("{} us", short(value * 1e6))
    }
}

/// `512 B`, `1.5 GiB`.
pub fn show_bytes(value: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = value;
    let mut unit = 0;
    while value.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", short(value), UNITS[unit])
}

/// A number for people: two decimals below ten, one below a hundred, none above; no trailing zeros.
pub fn short(value: f64) -> String {
    let places = match value.abs() {
        v if v < 10.0 => 2,
        v if v < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.places$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{bytes, duration, seconds, show_bytes, show_seconds};
    use std::time::Duration;

    #[test]
    fn read() {
        assert_eq!(seconds("250ms"), Ok(0.25));
        assert_eq!(seconds("2m"), Ok(120.0));
        assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
        assert_eq!(bytes("1.5K"), Ok(1536.0));
        assert_eq!(bytes("2MB"), Ok(2e6));
        for bad in ["", "s", "5x", "1e3", "5 5", "inf"] {
            assert!(seconds(bad).is_err(), "{bad:?}");
        }
        assert!(duration("0").is_err());
        assert!(duration("-1").is_err());
        assert!(duration("0.0000000000001").is_err());
        assert!(duration("99999999999999999999999").is_err());
    }

    #[test]
    fn shown() {
        assert_eq!(show_seconds(0.003_14), "3.14 ms");
        assert_eq!(show_seconds(0.25), "250 ms");
        assert_eq!(show_seconds(90.0), "90 s");
        assert_eq!(show_seconds(7.0 * 86_400.0), "7 d");
        assert_eq!(show_seconds(0.0), "0 s");
        assert_eq!(show_bytes(1536.0 * 1024.0 * 1024.0), "1.5 GiB");
        assert_eq!(show_bytes(100.0), "100 B");
    }
}

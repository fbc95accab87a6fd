//! How much validity has to be left: days, a time with its unit, or a share of the lifetime.

use std::str::FromStr;

use plugin::units;
use tls::Certificate;

const DAY: f64 = 86_400.0;

/// A limit of validity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Limit {
    /// Seconds.
    Time(f64),
    /// Percent of the lifetime of the server's own certificate.
    Share(f64),
}

/// What is left of 90 days a good while before an automatic renewal has failed for good, and of years in time for people.
pub(crate) const WARNING: (f64, f64) = (20.0 * DAY, 20.0);
/// The same for CRITICAL.
pub(crate) const CRITICAL: (f64, f64) = (7.0 * DAY, 10.0);

impl FromStr for Limit {
    type Err = String;

    /// `30` and `30d` are days, `12h` hours, `20%` a share.
    fn from_str(text: &str) -> Result<Limit, String> {
        let limit = match text.trim().strip_suffix('%') {
            Some(share) => {
                let share: f64 = share.parse().map_err(|_| format!("`{share}` is no number"))?;
                if share > 100.0 {
                    return Err(format!("`{text}` is more than all of it"));
                }
                Limit::Share(share)
            }
            None => match text.trim().parse::<f64>() {
                Ok(days) => Limit::Time(days * DAY),
                Err(_) => Limit::Time(units::seconds(text)?),
            },
        };
        match limit {
            Limit::Time(value) | Limit::Share(value) if value.is_finite() && value >= 0.0 => Ok(limit),
            _ => Err(format!("`{text}` is no time that can be left")),
        }
    }
}

impl Limit {
    /// The limit in seconds for a chain whose server's own certificate this is. Where none was given: the default's time,
    /// or its share of a lifetime that is shorter.
    pub fn seconds(limit: Option<Limit>, (time, share): (f64, f64), leaf: &Certificate) -> f64 {
        let of_lifetime = |share: f64| (leaf.lifetime() as f64 * share / 100.0).round();
        match limit {
            Some(Limit::Time(time)) => time,
            Some(Limit::Share(share)) => of_lifetime(share),
            None => time.min(of_lifetime(share)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, Limit};

    #[test]
    fn read() {
        let read = |text: &str| text.parse::<Limit>().ok();
        assert_eq!(read("30"), Some(Limit::Time(30.0 * DAY)));
        assert_eq!(read("30d"), Some(Limit::Time(30.0 * DAY)));
        assert_eq!(read("12h"), Some(Limit::Time(DAY / 2.0)));
        assert_eq!(read("0.5"), Some(Limit::Time(DAY / 2.0)));
        assert_eq!(read("20%"), Some(Limit::Share(20.0)));
        for bad in ["", "%", "x", "-1", "-1d", "101%", "nan", "inf", "20:10", "10abc", "nan%", "-5%", "1:2:3"]
        {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}

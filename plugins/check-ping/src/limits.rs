//! Limits on round-trip time and loss, as all of the namesakes write them: `100ms,20%`.

use std::time::Duration;

use plugin::units;

/// What is not to be reached; what is not set never alerts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Limits {
    /// Average round-trip time, seconds.
    pub rta: Option<f64>,
    /// Lost packets, percent.
    pub loss: Option<f64>,
}

impl Limits {
    /// These, or where one is not set the other's.
    pub fn or(self, other: Limits) -> Limits {
        Limits { rta: self.rta.or(other.rta), loss: self.loss.or(other.loss) }
    }

    /// These, each lowered to the other's where it is above it.
    pub fn at_most(self, other: Limits) -> Limits {
        let lower = |limit: Option<f64>, most: Option<f64>| {
            limit.map(|limit| most.map_or(limit, |most| limit.min(most)))
        };
        Limits { rta: lower(self.rta, other.rta), loss: lower(self.loss, other.loss) }
    }

    /// The suite's own: `100ms`, `20%`, or both in any order. A limit that always or never alerts is refused.
    pub fn own(text: &str) -> Result<Limits, String> {
        let limits = parse(text, &[','], true)?;
        match limits {
            Limits { rta: Some(rta), .. } if rta <= 0.0 => Err("a time of 0 always alerts".into()),
            Limits { loss: Some(loss), .. } if loss <= 0.0 => {
                Err("a loss of 0% always alerts; any loss is 1%".into())
            }
            Limits { loss: Some(loss), .. } if loss > 100.0 => Err("no loss is above 100%".into()),
            limits => Ok(limits),
        }
    }

    /// As `check_icmp` reads them: the time first, and the sign of per cent may be missing.
    pub fn icmp(text: &str) -> Result<Limits, String> {
        let limits = parse(text, &[','], false)?;
        Ok(Limits { loss: limits.loss.map(|loss| loss.min(100.0)), ..limits })
    }

    /// As `check_ping` and `check_fping` read them: parted by a comma or a colon.
    pub fn ping(text: &str) -> Result<Limits, String> {
        parse(text, &[',', ':'], true)
    }
}

fn parse(text: &str, separators: &[char], percent: bool) -> Result<Limits, String> {
    let parts: Vec<&str> = text.split(separators).collect();
    match parts[..] {
        [one] if one.ends_with('%') => Ok(Limits { rta: None, loss: Some(loss_of(one)?) }),
        [one] => Ok(Limits { rta: Some(time(one)?), loss: None }),
        [one, two] => match (one.ends_with('%'), two.ends_with('%')) {
            (true, true) => Err("only one of them can be a loss".into()),
            (true, false) if percent => both(two, one),
            (false, false) if percent => Err("one of them has to be a loss, with a % behind it".into()),
            (_, _) => both(one, two),
        },
        _ => Err("a time and a loss, as in 100ms,20%".into()),
    }
}

fn both(rta: &str, loss: &str) -> Result<Limits, String> {
    Ok(Limits { rta: Some(time(rta)?), loss: Some(loss_of(loss)?) })
}

/// Seconds; without a unit they are milliseconds, as everywhere with pings.
pub(crate) fn time(text: &str) -> Result<f64, String> {
    let bare = text.ends_with(|c: char| c.is_ascii_digit() || c == '.');
    let value = if bare { units::seconds(text)? / 1000.0 } else { units::seconds(text)? };
    if value < 0.0 {
        return Err(format!("`{text}` is below zero"));
    }
    // As it would have been written in seconds.
    Ok((value * 1e9).round() / 1e9)
}

/// [`time`] as a duration, which may be zero; an hour at most.
pub(crate) fn pause(text: &str) -> Result<Duration, String> {
    match Duration::try_from_secs_f64(time(text)?) {
        Ok(pause) if pause <= Duration::from_hours(1) => Ok(pause),
        _ => Err(format!("`{text}` is more than an hour")),
    }
}

/// [`pause`] above zero.
pub(crate) fn interval(text: &str) -> Result<Duration, String> {
    match pause(text)? {
        Duration::ZERO => Err(format!("`{text}` has to be above zero")),
        interval => Ok(interval),
    }
}

pub(crate) fn loss_of(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match number.parse::<f64>() {
        Ok(loss) if plain => Ok(loss),
        _ => Err(format!("`{text}` is no percentage")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, interval, pause};
    use proptest::prelude::*;
    use std::time::Duration;

    const fn limits(rta: Option<f64>, loss: Option<f64>) -> Limits {
        Limits { rta, loss }
    }

    #[test]
    fn a_time_a_loss_or_both() {
        assert_eq!(Limits::own("100ms,20%"), Ok(limits(Some(0.1), Some(20.0))));
        assert_eq!(Limits::own("20%,100"), Ok(limits(Some(0.1), Some(20.0))));
        assert_eq!(Limits::own("1.5s"), Ok(limits(Some(1.5), None)));
        assert_eq!(Limits::own("0.5%"), Ok(limits(None, Some(0.5))));
        assert_eq!(Limits::icmp("200.250,60%"), Ok(limits(Some(0.20025), Some(60.0))));
        assert_eq!(Limits::icmp("50000us,60"), Ok(limits(Some(0.05), Some(60.0))));
        assert_eq!(Limits::icmp("5,200%"), Ok(limits(Some(0.005), Some(100.0))));
        assert_eq!(Limits::ping("100:20%"), Ok(limits(Some(0.1), Some(20.0))));
        assert_eq!(Limits::ping("20%,100"), Ok(limits(Some(0.1), Some(20.0))));
        assert_eq!(Limits::ping("0,140%"), Ok(limits(Some(0.0), Some(140.0))));
    }

    #[test]
    fn misread_limits_are_refused() {
        let all = [Limits::own, Limits::icmp, Limits::ping];
        for bad in
            ["", ",", "x", "x,20%", "100,x%", "100,%", "-1,20%", "1,2,3%", "nan", "inf,5%", "5%,6%", "1e3,5%"]
        {
            assert!(all.iter().all(|parse| parse(bad).is_err()), "{bad}");
        }
        for bad in ["100,20", "100:20%", "0,20%", "100,0%", "100,101%"] {
            assert!(Limits::own(bad).is_err(), "{bad}");
        }
        assert!(Limits::icmp("20%,100").is_err(), "the time comes first");
        assert!(Limits::ping("100,20").is_err());
    }

    #[test]
    fn times_are_milliseconds_unless_they_say() {
        assert_eq!(interval("80"), Ok(Duration::from_millis(80)));
        assert_eq!(interval("80us"), Ok(Duration::from_micros(80)));
        assert!(interval("0").is_err() && interval("2h").is_err());
        assert_eq!(pause("0"), Ok(Duration::ZERO));
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "[0-9a-z%,:.~@ -]{0,12}") {
            for parse in [Limits::own, Limits::icmp, Limits::ping] {
                if let Ok(limits) = parse(&text) {
                    let fine = |value: Option<f64>| value.is_none_or(|value| value.is_finite() && value >= 0.0);
                    prop_assert!(fine(limits.rta) && fine(limits.loss) && limits != Limits::default());
                }
            }
        }
    }
}

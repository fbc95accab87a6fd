//! A measured number: label, value, unit, thresholds and bounds, as perfdata shows it.

use std::fmt::Write as _;

use crate::{Dialect, Range, State, Thresholds};

/// Unit of a metric: the base units of the portable subset, and those that a namesake in the C plugins prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// A plain number.
    #[default]
    None,
    /// `s`.
    Seconds,
    /// `B`.
    Bytes,
    /// `%`.
    Percent,
    /// `c`, a counter that only grows.
    Counter,
    /// A namesake's own, such as `MiB`; never used in this suite's dialect.
    Namesake(&'static str),
}

impl Unit {
    /// As perfdata writes it.
    pub const fn symbol(self) -> &'static str {
        match self {
            Unit::None => "",
            Unit::Seconds => "s",
            Unit::Bytes => "B",
            Unit::Percent => "%",
            Unit::Counter => "c",
            Unit::Namesake(symbol) => symbol,
        }
    }
}

/// One measured number.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    pub(crate) label: String,
    pub(crate) value: f64,
    pub(crate) unit: Unit,
    pub(crate) thresholds: Thresholds,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) decimals: Option<usize>,
}

impl Metric {
    /// A metric without unit, thresholds and bounds. A value that is not finite is shown as `U`, not determinable.
    pub fn new(label: impl Into<String>, value: f64) -> Metric {
        Metric {
            label: label.into(),
            value,
            unit: Unit::None,
            thresholds: Thresholds::default(),
            min: None,
            max: None,
            decimals: None,
        }
    }

    /// Sets the unit.
    pub fn unit(mut self, unit: Unit) -> Metric {
        self.unit = unit;
        self
    }

    /// Sets the ranges, in the metric's unit.
    pub fn thresholds(mut self, thresholds: &Thresholds) -> Metric {
        self.thresholds = thresholds.clone();
        self
    }

    /// Sets the least possible value.
    pub fn min(mut self, min: f64) -> Metric {
        self.min = Some(min);
        self
    }

    /// Sets the greatest possible value.
    pub fn max(mut self, max: f64) -> Metric {
        self.max = Some(max);
        self
    }

    /// Shows exactly so many decimals, as a namesake does. Without it: as many as needed, six at most.
    pub fn decimals(mut self, decimals: usize) -> Metric {
        self.decimals = Some(decimals);
        self
    }

    /// The label as given.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The value in the metric's unit.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The state that the metric's thresholds give its value.
    pub fn state(&self) -> State {
        self.thresholds.state(self.value)
    }

    /// `label=value[unit];warn;crit;min;max`, without trailing empty fields.
    ///
    /// The suite's own dialect keeps to the portable subset: a label of `[A-Za-z0-9_.:/-]` and no quotes. A namesake's
    /// label is kept, in quotes where the C plugins set them.
    pub fn perfdata(&self, dialect: Dialect) -> String {
        let range = |range: &Option<Range>| range.as_ref().map(ToString::to_string).unwrap_or_default();
        let bound = |bound: Option<f64>| bound.map(|b| self.decimal(b)).unwrap_or_default();
        let value = if self.value.is_finite() {
            self.decimal(self.value) + self.unit.symbol()
        } else {
            "U".to_owned()
        };
        let mut text = format!("{}={value}", self.perfdata_label(dialect));
        let fields = [
            range(&self.thresholds.warning),
            range(&self.thresholds.critical),
            bound(self.min),
            bound(self.max),
        ];
        let used = fields.iter().rposition(|field| !field.is_empty()).map_or(0, |last| last + 1);
        for field in &fields[..used] {
            let _written = write!(text, ";{field}");
        }
        text
    }

    fn perfdata_label(&self, dialect: Dialect) -> String {
        if dialect == Dialect::Own {
            return portable_label(&self.label);
        }
        let label = crate::text::clean(&self.label);
        if label.is_empty() {
            "_".to_owned()
        } else if label.contains(|c: char| c.is_whitespace() || matches!(c, '\'' | '=')) {
            format!("'{}'", label.replace(['\'', '='], "_"))
        } else {
            label.into_owned()
        }
    }

    pub(crate) fn decimal(&self, number: f64) -> String {
        decimal(number, self.decimals)
    }
}

/// A label made of `[A-Za-z0-9_.:/-]`; anything else becomes `_`.
pub(crate) fn portable_label(label: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.:/-".contains(c);
    let label: String = label.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    if label.is_empty() { "_".to_owned() } else { label }
}

/// A plain decimal, never with an exponent: exactly `decimals` places, or up to six without trailing zeros.
pub(crate) fn decimal(number: f64, decimals: Option<usize>) -> String {
    let text = format!("{number:.places$}", places = decimals.unwrap_or(6));
    let text = match decimals {
        Some(_) => text.as_str(),
        None => text.trim_end_matches('0').trim_end_matches('.'),
    };
    // No minus zero: what was rounded away has no sign.
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|b| matches!(b, b'0' | b'.')) => rest.to_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Metric, Unit};
    use crate::{Dialect, Thresholds};

    fn own(metric: &Metric) -> String {
        metric.perfdata(Dialect::Own)
    }

    #[test]
    fn plain_decimals_only() {
        let shown = |v: f64| own(&Metric::new("a", v));
        assert_eq!(shown(0.1 + 0.2), "a=0.3");
        assert_eq!(shown(1e15), "a=1000000000000000");
        assert_eq!(shown(1e-9), "a=0");
        assert_eq!(shown(-1e-9), "a=0");
        assert_eq!(own(&Metric::new("a", -0.001).decimals(2)), "a=0.00");
        assert_eq!(shown(100.0), "a=100");
        assert_eq!(shown(f64::NAN), "a=U");
        assert_eq!(shown(f64::INFINITY), "a=U");
        assert_eq!(
            own(&Metric::new("time", 0.000_21).unit(Unit::Seconds).decimals(6).min(0.0)),
            "time=0.000210s;;;0.000000"
        );
    }

    #[test]
    fn empty_fields_at_the_end_are_dropped() {
        let limits = Thresholds::new(None, "~:5".parse().ok());
        assert_eq!(own(&Metric::new("load", 2.0).thresholds(&limits)), "load=2;;~:5");
        assert_eq!(own(&Metric::new("used", 40.0).unit(Unit::Percent).max(100.0)), "used=40%;;;;100");
    }

    #[test]
    fn labels_are_portable_or_the_namesakes() {
        let metric = Metric::new("/mnt/my 'disk'|x=", 1.0);
        assert_eq!(own(&metric), "/mnt/my__disk__x_=1");
        assert_eq!(metric.perfdata(Dialect::C), "'/mnt/my _disk_/x_'=1");
        assert_eq!(own(&Metric::new("", 1.0)), "_=1");
        assert_eq!(Metric::new("\n", 1.0).perfdata(Dialect::C), "_=1");
        assert_eq!(Metric::new("a\nb", 1.0).perfdata(Dialect::C), "'a b'=1");
    }
}

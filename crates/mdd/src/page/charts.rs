//! What the charts share: an axis of time, drawn in shares of the width, so that text keeps its size.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::html::Html;
use super::sign::percent;

/// A stretch of time as the width of a chart.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    /// Left edge.
    pub from: Timestamp,
    /// Right edge; after `from`.
    pub to: Timestamp,
}

impl Axis {
    /// An axis; none when there is no time between its ends.
    pub fn new(from: Timestamp, to: Timestamp) -> Option<Self> {
        (to > from).then_some(Axis { from, to })
    }

    /// Where a moment is, from 0 to 1.
    pub fn share(&self, at: Timestamp) -> f64 {
        let of = |at: Timestamp| at.duration_since(self.from).as_secs_f64();
        (of(at) / of(self.to)).clamp(0.0, 1.0)
    }

    /// In which of so many equal slots a moment is.
    pub fn slot(&self, at: Timestamp, slots: usize) -> usize {
        // From 0 to 1, so the product is small and not negative.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let slot = (self.share(at) * slots as f64) as usize;
        slot.min(slots - 1)
    }

    /// A moment, as exact as the axis is long.
    pub fn label(&self, at: Timestamp) -> String {
        let hours = self.to.duration_since(self.from).as_hours();
        let pattern = match hours {
            0 => "%H:%M:%S",
            1..48 => "%H:%M",
            48..8760 => "%-d %b",
            _ => "%b %Y",
        };
        at.to_zoned(TimeZone::UTC).strftime(pattern).to_string()
    }

    /// Writes labels at moments, at this height; of two that would touch, the one named first stays.
    pub fn labels(&self, html: &mut Html, moments: &[(Timestamp, &str)], y: &str) {
        const ROOM: f64 = 0.17;
        let mut taken: Vec<f64> = Vec::new();
        for (at, text) in moments.iter().filter(|(at, _)| *at >= self.from && *at <= self.to) {
            let share = self.share(*at);
            if taken.iter().any(|other| (other - share).abs() < ROOM) {
                continue;
            }
            taken.push(share);
            let anchor = match share {
                share if share < 0.08 => "start",
                share if share > 0.92 => "end",
                _ => "middle",
            };
            let text = if text.is_empty() { self.label(*at) } else { (*text).to_owned() };
            html.leaf("text", &[("x", &percent(share)), ("y", y), ("text-anchor", anchor)], &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_places() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let axis = Axis::new(at(0), at(100)).unwrap();
        assert_eq!([-5, 0, 50, 100, 200].map(|s| axis.slot(at(s), 10)), [0, 0, 5, 9, 9]);
        assert_eq!(axis.label(at(61)), "00:01:01");
        assert_eq!(Axis::new(at(0), at(86_400 * 9)).unwrap().label(at(0)), "1 Jan");
        assert!(Axis::new(at(1), at(1)).is_none());
        let mut html = Html::default();
        axis.labels(&mut html, &[(at(100), "now"), (at(95), "lost"), (at(0), ""), (at(500), "outside")], "9");
        assert_eq!(
            html.into_string(),
            "<text x=\"100%\" y=\"9\" text-anchor=\"end\">now</text><text x=\"0%\" y=\"9\" text-anchor=\"start\">00:00:00</text>"
        );
    }
}

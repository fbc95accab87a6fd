//! The numbers that thresholds are held against, and the metrics they make.

use plugin::{Dialect, Metric, Outcome, Range, Thresholds, Unit};

use crate::CheckDisk;
use crate::select::Limits;
use crate::space::Space;

/// The numbers of a file system or group that thresholds are held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    /// Bytes. Without what is reserved for root, `used + available` is all there is.
    pub used: f64,
    pub available: f64,
    /// All blocks, as perfdata shows them.
    pub total: f64,
    /// All bytes, for sentences.
    pub size: f64,
    pub free_units: f64,
    pub free_percent: f64,
    pub inodes: f64,
    pub inodes_free: f64,
    /// None where the file system does not count inodes.
    pub free_inodes_percent: Option<f64>,
}

impl Figures {
    /// Exact in both dialects, for sentences.
    pub fn used_percent(&self) -> f64 {
        100.0 - self.exact_free_percent()
    }

    fn exact_free_percent(&self) -> f64 {
        let all = self.used + self.available;
        if all > 0.0 { 100.0 * self.available / all } else { 0.0 }
    }
}

impl CheckDisk {
    // The namesake counts whole units and whole percents, rounded to the worse; ours are exact.
    pub(crate) fn figures(&self, dialect: Dialect, spaces: &[Space]) -> Figures {
        let unit = self.unit().bytes;
        let sum = |of: &dyn Fn(&Space) -> u64| spaces.iter().map(of).fold(0, u64::saturating_add);
        let size = |space: &Space| {
            if self.freespace_ignore_reserved {
                space.used().saturating_add(space.available)
            } else {
                space.total
            }
        };
        let whole = |bytes: u64| bytes / unit * unit;
        let (used, available) = (sum(&|space| space.used()), sum(&|space| space.available));
        let (inodes, inodes_free) = (sum(&|space| space.inodes), sum(&|space| space.inodes_free));
        let inodes_used = inodes.saturating_sub(inodes_free);
        let exact = |part: u64, all: u64| if all == 0 { 0.0 } else { 100.0 * part as f64 / all as f64 };
        match dialect {
            Dialect::Own => Figures {
                used: used as f64,
                available: available as f64,
                total: sum(&size) as f64,
                size: sum(&size) as f64,
                free_units: available as f64 / unit as f64,
                free_percent: exact(available, used.saturating_add(available)),
                inodes: inodes as f64,
                inodes_free: inodes_free as f64,
                free_inodes_percent: (inodes > 0).then(|| exact(inodes_free, inodes)),
            },
            Dialect::C => Figures {
                used: sum(&|space| whole(space.used())) as f64,
                available: available as f64,
                total: sum(&|space| whole(size(space))) as f64,
                size: sum(&size) as f64,
                free_units: (sum(&|space| whole(space.available)) / unit) as f64,
                free_percent: 100.0 - rounded_up(used, used.saturating_add(available)),
                inodes: inodes as f64,
                inodes_free: inodes_free as f64,
                free_inodes_percent: (inodes > 0).then(|| 100.0 - rounded_up(inodes_used, inodes)),
            },
        }
    }

    /// Adds the metrics of a file system.
    pub(crate) fn metrics(
        &self,
        outcome: Outcome,
        dialect: Dialect,
        name: &str,
        figures: &Figures,
        limits: &Limits,
    ) -> Outcome {
        let (space, inodes) = match dialect {
            Dialect::Own => own_thresholds(self.unit().bytes, figures, limits),
            Dialect::C => c_thresholds(self.unit().bytes, figures, limits),
        };
        let mut metric =
            Metric::new(name, figures.used).unit(Unit::Bytes).thresholds(&space).min(0.0).max(figures.total);
        if dialect == Dialect::C {
            metric = metric.decimals(0);
        }
        let outcome = outcome.metric(metric);
        if !self.iperfdata {
            return outcome;
        }
        let label = match dialect {
            Dialect::Own => format!("{name}_inodes"),
            Dialect::C => format!("{name} (inodes)"),
        };
        let used = figures.inodes - figures.inodes_free;
        outcome.metric(Metric::new(label, used).thresholds(&inodes).min(0.0).max(figures.inodes))
    }
}

// As df and the namesake round: up, so that a disk which is full but for a bit counts as full.
fn rounded_up(part: u64, all: u64) -> f64 {
    // Nothing at all: the namesake's -1.
    if all == 0 { -1.0 } else { (u128::from(part) * 100).div_ceil(u128::from(all)) as f64 }
}

// How much may be used until so much is left. Only the upper end of a range goes into perfdata, as there.
fn c_thresholds(unit: u64, figures: &Figures, limits: &Limits) -> (Thresholds, Thresholds) {
    let end = |range: &Range| if range.end().is_finite() { range.end() } else { 0.0 };
    let until = |units: &Option<Range>, percent: &Option<Range>, total: f64| {
        let units = units.as_ref().map(|range| total - end(range) * unit as f64);
        let percent = percent.as_ref().map(|range| (1.0 - end(range) / 100.0) * total);
        let least = units.into_iter().chain(percent).reduce(f64::min)?;
        Some(Range::up_to(least.max(0.0).trunc()))
    };
    let (units, percent, inodes) = (&limits.free_units, &limits.free_percent, &limits.free_inodes);
    (
        Thresholds::new(
            until(&units.warning, &percent.warning, figures.total),
            until(&units.critical, &percent.critical, figures.total),
        ),
        Thresholds::new(
            until(&None, &inodes.warning, figures.inodes),
            until(&None, &inodes.critical, figures.inodes),
        ),
    )
}

// The same turn, but of what can be used at all: reserved blocks are no room to grow into.
fn own_thresholds(unit: u64, figures: &Figures, limits: &Limits) -> (Thresholds, Thresholds) {
    let room = figures.used + figures.available;
    let space = |of: &dyn Fn(&Thresholds) -> Option<Range>| {
        let units = of(&limits.free_units).map(|range| (range, unit as f64));
        let percent = of(&limits.free_percent).map(|range| (range, room / 100.0));
        let free = units.into_iter().chain(percent).filter_map(|(range, scale)| turned(&range, room, scale));
        let used = of(&limits.used_percent).map(|range| range.scaled(room / 100.0));
        free.chain(used).min_by(|a, b| level(a).total_cmp(&level(b)))
    };
    let inodes = |range: &Option<Range>| turned(range.as_ref()?, figures.inodes, figures.inodes / 100.0);
    (
        Thresholds::new(space(&|t| t.warning.clone()), space(&|t| t.critical.clone())),
        Thresholds::new(inodes(&limits.free_inodes.warning), inodes(&limits.free_inodes.critical)),
    )
}

// Free inside a range is used inside the mirrored one; down to nothing free it is simply "more used than".
fn turned(free: &Range, room: f64, scale: f64) -> Option<Range> {
    if !free.end().is_finite() {
        return None;
    }
    let from = (room - free.end() * scale).max(0.0).floor();
    if free.start() <= 0.0 {
        // A limit of nothing is reached with the last byte, not above it.
        return Some(Range::up_to(from.min((room - 1.0).max(0.0))));
    }
    let to = (room - free.start() * scale).max(0.0).floor();
    Range::parse_with(&format!("@{from}:{to}"), |text| text.parse::<f64>().map_err(|e| e.to_string())).ok()
}

fn level(range: &Range) -> f64 {
    if range.is_inside() { range.start() } else { range.end() }
}

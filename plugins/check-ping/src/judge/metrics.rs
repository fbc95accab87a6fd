//! The numbers, with the labels and units of the name that was called.

use net::icmp::Heard;
use plugin::{Metric, Outcome, Range, Thresholds, Unit};

use crate::measure::{Pinged, Target};
use crate::task::{Manner, Task};

const MILLISECONDS: Unit = Unit::Namesake("ms");

/// Adds the metrics of one host; `prefix` is its name where there are several.
pub(super) fn of(outcome: Outcome, task: &Task, target: &Target, style: Manner, prefix: &str) -> Outcome {
    let Pinged::Asked(_, heard) = &target.state else { return outcome };
    let metrics = match style {
        Manner::Own => own(task, heard, prefix),
        Manner::Host if heard.received() > 0 => host(task, heard, prefix),
        Manner::Icmp | Manner::Host | Manner::Multi => icmp(task, heard, prefix),
        Manner::Ping => ping(task, heard, prefix),
        Manner::Fping => fping(task, heard),
    };
    metrics.into_iter().fold(outcome, Outcome::metric)
}

fn own(task: &Task, heard: &Heard, prefix: &str) -> Vec<Metric> {
    let dot = if prefix.is_empty() { "" } else { "." };
    let label = |label: &str| format!("{prefix}{dot}{label}");
    let (warning, critical) = task.limits();
    let time = |name: &str, value: Option<std::time::Duration>| {
        let value = value.map_or(f64::NAN, |value| value.as_secs_f64());
        Metric::new(label(name), value).unit(Unit::Seconds).min(0.0)
    };
    let rta = limits(warning.rta, critical.rta, |limit| limit.to_string());
    let loss = limits(warning.loss, critical.loss, |limit| limit.to_string());
    let mut metrics = vec![
        time("rta", heard.average()).thresholds(&rta),
        Metric::new(label("loss"), heard.loss()).unit(Unit::Percent).thresholds(&loss).min(0.0).max(100.0),
        time("rtmin", heard.min()),
        time("rtmax", heard.max()),
    ];
    // One packet alone has none.
    if task.count > 1 {
        metrics.push(time("jitter", heard.jitter()).thresholds(&task.jitter));
    }
    metrics
}

fn icmp(task: &Task, heard: &Heard, prefix: &str) -> Vec<Metric> {
    let label = |label: &str| format!("{prefix}{label}");
    let (warning, critical) = task.limits();
    // Zero where there is nothing: as the C plugin.
    let time = |name: &str, value: Option<std::time::Duration>| {
        let value = value.unwrap_or_default().as_secs_f64() * 1000.0;
        Metric::new(label(name), value).unit(MILLISECONDS).decimals(3)
    };
    let rta = limits(warning.rta, critical.rta, |limit| format!("{:.3}", limit * 1000.0));
    let loss = limits(warning.loss, critical.loss, |limit| limit.trunc().to_string());
    vec![
        time("rta", heard.average()).thresholds(&rta).min(0.0),
        Metric::new(label("pl"), heard.loss().trunc()).unit(Unit::Percent).decimals(0).thresholds(&loss),
        time("rtmax", heard.max()),
        time("rtmin", heard.min()),
    ]
}

fn host(task: &Task, heard: &Heard, prefix: &str) -> Vec<Metric> {
    let (warning, critical) = task.limits();
    let rta = limits(warning.rta, critical.rta, |limit| format!("{:.3}", limit * 1000.0));
    let value = heard.average().unwrap_or_default().as_secs_f64() * 1000.0;
    vec![
        Metric::new(format!("{prefix}pkt"), f64::from(heard.sent))
            .decimals(0)
            .min(0.0)
            .max(f64::from(task.count)),
        Metric::new(format!("{prefix}rta"), value).decimals(3).thresholds(&rta),
    ]
}

fn ping(task: &Task, heard: &Heard, prefix: &str) -> Vec<Metric> {
    // The C plugin stops without any where ping reports an error.
    if heard.trouble.is_some() {
        return Vec::new();
    }
    let (warning, critical) = task.limits();
    let rta = limits(warning.rta, critical.rta, |limit| format!("{:.6}", limit * 1000.0));
    let loss = limits(warning.loss, critical.loss, |limit| limit.trunc().to_string());
    let value = heard.average().map_or(f64::NAN, |average| average.as_secs_f64() * 1000.0);
    vec![
        Metric::new(format!("{prefix}rta"), value).unit(MILLISECONDS).decimals(6).thresholds(&rta).min(0.0),
        Metric::new(format!("{prefix}pl"), heard.loss().trunc())
            .unit(Unit::Percent)
            .decimals(0)
            .thresholds(&loss)
            .min(0.0),
    ]
}

fn fping(task: &Task, heard: &Heard) -> Vec<Metric> {
    let (warning, critical) = task.limits();
    let rta = limits(warning.rta, critical.rta, |limit| format!("{limit:.6}"));
    let loss = limits(warning.loss, critical.loss, |limit| limit.trunc().to_string());
    let loss = Metric::new("loss", heard.loss().trunc())
        .unit(Unit::Percent)
        .decimals(0)
        .thresholds(&loss)
        .min(0.0)
        .max(100.0);
    let rta = heard.average().map(|average| {
        let rta = Metric::new("rta", average.as_secs_f64()).unit(Unit::Seconds).thresholds(&rta);
        rta.decimals(6).min(0.0)
    });
    // What a router reports ends the C plugin at once; what this host refuses to send is lost.
    match heard.trouble {
        Some(trouble) if trouble.from.is_some() => Vec::new(),
        _ => match rta {
            Some(rta) if task.until_first => vec![rta],
            Some(rta) => vec![loss, rta],
            None => vec![loss],
        },
    }
}

/// Limits as perfdata shows them: the number alone. They are reached, where a range would be left.
fn limits(warning: Option<f64>, critical: Option<f64>, show: impl Fn(f64) -> String) -> Thresholds {
    let range = |limit: Option<f64>| limit.and_then(|limit| show(limit).parse::<Range>().ok());
    Thresholds::new(range(warning), range(critical))
}

//! Waivers as scheduled downtimes: external commands, for Nagios has no file for them.

use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::object::Writer;
use super::side::Check;
use crate::plan::{Plan, Waiver};

/// Lines for Nagios' command file, one per service of a waived point; empty when there is none.
///
/// A line says nothing of the time at which it was written: the downtime begins at the epoch, which is at once, and Nagios
/// refuses one that is over.
pub fn commands(plan: &Plan, checks: &[Check<'_>], writer: &mut Writer<'_>) -> String {
    let mut lines = Vec::new();
    for check in checks {
        let item = &check.item;
        let Some(waiver) = &item.point.waiver else { continue };
        let Some(end) = end(waiver) else { continue };
        // `;` parts the fields, and the comment is the last of them.
        let field = |text: &str| crate::engine::output::clean(text).replace([';', '\n'], ",");
        let ticket = waiver.ticket.as_ref().map(|ticket| format!(" ({ticket})")).unwrap_or_default();
        let comment = field(&format!("{}{ticket}", waiver.reason));
        lines.push(format!(
            "[1] SCHEDULE_SVC_DOWNTIME;{};{};1;{end};1;0;0;{};{comment}\n",
            check.host,
            item.name,
            field(&waiver.by)
        ));
        writer.draft.holds("downtime", format!("{}/{}", check.host, item.name));
    }
    if !lines.is_empty() {
        writer.draft.notices.push(format!(
            "waivers of {} become downtimes; each time silences.cmd is sent, Nagios adds them again",
            plan.dc
        ));
    }
    lines.concat()
}

/// The second after a waiver's last day, UTC.
fn end(waiver: &Waiver) -> Option<i64> {
    let after = waiver.until.tomorrow().ok()?.to_datetime(Time::midnight());
    Some(after.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

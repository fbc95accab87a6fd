//! Without a terminal: one line per change.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::{News, Watch, say};
use crate::cli::print;
use crate::engine::facts::Sources;
use crate::exit::{Error, Exit};
use crate::render::style::Style;
use crate::render::watch as lines;
use crate::render::words::{count, span_exact};

/// How often to look for signals and for the end of the time.
const SLICE: Duration = Duration::from_millis(50);

/// Prints until it is over.
pub(super) fn follow<'w>(watch: &Watch<'w>, updates: &Receiver<News<'w>>) -> Result<Exit, Error> {
    let style = watch.global.style();
    let shows = watch.shows();
    if !watch.global.quiet {
        print(&opening(watch, style))?;
    }
    let mut before = BTreeMap::new();
    let mut started = false;
    let mut last = None;
    let bell = if watch.args.bell { "\u{7}" } else { "" };
    loop {
        if watch.stop.requested()
            && let Some(snapshot) = &last
        {
            return say(watch.stopped(snapshot, style));
        }
        let update = match updates.recv_timeout(SLICE) {
            Ok(update) => update?,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => {
                let snapshot = last.ok_or_else(|| Error::own("the checks have ended before they began"))?;
                return say(watch.stopped(&snapshot, style));
            }
        };
        let snapshot = &update.snapshot;
        if started || watch.has_begun(&update) {
            let changes = lines::changes(snapshot, shows, &mut before);
            if started {
                let width = watch.chosen.iter().map(String::len).max().unwrap_or(0);
                let text = changes.iter().map(|change| change.line(width, style, watch.global.verbose));
                let text: String = text.collect();
                print(&format!("{text}{}", if changes.is_empty() { "" } else { bell }))?;
            } else {
                print(&lines::start(snapshot, shows, style))?;
                started = true;
            }
            if watch.is_over(&update) {
                return say(watch.done(snapshot, style));
            }
        }
        last = Some(update.snapshot);
    }
}

fn opening(watch: &Watch<'_>, style: Style) -> String {
    let every = watch.args.every.map_or_else(
        || "each at its own interval".to_owned(),
        |every| format!("every {}", span_exact(every)),
    );
    let mut parts = vec![
        watch.context.plan.dc.clone(),
        format!("until {}", watch.args.until),
        match watch.args.source {
            Some(Sources::Engine) => "what is pulled from engines".to_owned(),
            _ => format!("{} here, {every}", count(watch.points, "point")),
        },
    ];
    parts.extend(watch.timeout.map(|timeout| format!("at most {}", span_exact(timeout))));
    if watch.args.as_vantage.is_none() && watch.args.source != Some(Sources::Engine) {
        parts.push("not recorded: no --as VANTAGE".to_owned());
    }
    format!("{}\n", parts.join(style.dot()))
}

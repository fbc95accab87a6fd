//! How a state looks: a sign, a word, a colour, a pattern. The colours stand in the style sheet.

use super::html::Html;
use crate::engine::State;
use crate::engine::tally::Tally;
use crate::exit::Exit;

/// Signs as symbols, fills as patterns; both take their colours from the style sheet. The page begins with them.
/// A state's sign has the shape that the terminal shows.
pub const DEFINITIONS: &str = concat!(
    r#"<svg width="0" height="0" class="defs" aria-hidden="true"><defs>"#,
    r#"<symbol id="i-green" viewBox="0 0 16 16"><path class="s" d="M2.2 8.6 6.2 12.8 13.8 3.6"/></symbol>"#,
    r#"<symbol id="i-red" viewBox="0 0 16 16"><path class="s" d="M3.2 3.2 12.8 12.8M12.8 3.2 3.2 12.8"/></symbol>"#,
    r#"<symbol id="i-settling" viewBox="0 0 16 16"><circle class="t" cx="8" cy="8" r="6"/>"#,
    r#"<path class="f" d="M8 2a6 6 0 0 0 0 12z"/></symbol>"#,
    r#"<symbol id="i-warning" viewBox="0 0 16 16"><path class="f" fill-rule="evenodd" "#,
    r#"d="M8 1.2 15.4 14.4H.6zM7.1 5.8v4.4h1.8V5.8zM7.1 11.3v1.8h1.8v-1.8z"/></symbol>"#,
    r#"<symbol id="i-blocked" viewBox="0 0 16 16"><path class="t" d="M3 1.9h10M3 14.1h10M4.4 2c0 4 3.4 4.2 3.4 6"#,
    r#"s-3.4 2-3.4 6M11.6 2c0 4-3.4 4.2-3.4 6s3.4 2 3.4 6"/><path class="f" d="M5 14c.3-2.4 2-3 3-3s2.7.6 3 3z"/></symbol>"#,
    r#"<symbol id="i-not-due" viewBox="0 0 16 16"><circle class="t d" cx="8" cy="8" r="6"/></symbol>"#,
    r#"<symbol id="i-unknown" viewBox="0 0 16 16"><path class="q" d="M4.8 5.4a3.2 3.2 0 1 1 5 2.7C8.5 9 8 9.4 8 10.6"/>"#,
    r#"<circle class="f" cx="8" cy="13.6" r="1.3"/></symbol>"#,
    r#"<symbol id="i-waived" viewBox="0 0 16 16"><circle class="t" cx="8" cy="8" r="6"/>"#,
    r#"<path class="t" d="M3.8 3.8 12.2 12.2"/></symbol>"#,
    r#"<pattern id="t-settling" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">"#,
    r#"<rect class="c-settling" width="6" height="6"/><rect class="w" width="2" height="6"/></pattern>"#,
    r#"<pattern id="t-warning" width="5" height="5" patternUnits="userSpaceOnUse">"#,
    r#"<rect class="c-warning" width="5" height="5"/><circle class="b" cx="2.5" cy="2.5" r="1"/></pattern>"#,
    r#"<pattern id="t-red" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">"#,
    r#"<rect class="c-red" width="6" height="6"/><path class="w2" d="M0 3h6M3 0v6"/></pattern>"#,
    r#"<pattern id="t-blocked" width="4" height="4" patternUnits="userSpaceOnUse">"#,
    r#"<rect class="c-blocked" width="4" height="4"/><rect class="w" width="4" height="1.3"/></pattern>"#,
    r#"<pattern id="t-waived" width="4" height="4" patternUnits="userSpaceOnUse">"#,
    r#"<rect class="c-waived" width="4" height="4"/><rect class="n" width="1.2" height="4"/></pattern>"#,
    r#"<pattern id="t-unknown" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">"#,
    r#"<rect class="p" width="5" height="5"/><rect class="g" width="1.4" height="5"/></pattern>"#,
    r#"<pattern id="t-not-due" width="6" height="6" patternUnits="userSpaceOnUse">"#,
    r#"<rect class="p" width="6" height="6"/><circle class="g" cx="3" cy="3" r=".8"/></pattern>"#,
    "</defs></svg>",
);

/// The verdict as a word, and the state whose sign and colour it has.
pub fn verdict(exit: Exit) -> (&'static str, State) {
    match exit {
        Exit::Done => ("DONE", State::Green),
        Exit::Unknown => ("UNKNOWN", State::Unknown),
        _ => ("NOT DONE", State::Red),
    }
}

/// The verdict as a shape, for the tab.
pub fn favicon(state: State) -> &'static str {
    match state {
        State::Green => concat!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="16" fill="#00563F"/>"##,
            r##"<path d="M8 17l6 6L25 10" fill="none" stroke="#fff" stroke-width="4"/></svg>"##
        ),
        State::Unknown => concat!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="14" fill="#fff" "##,
            r##"stroke="#3D3D3D" stroke-width="3" stroke-dasharray="5 3"/><path d="M11 12a5 5 0 1 1 7 5c-2 1-2 2-2 4" "##,
            r##"fill="none" stroke="#3D3D3D" stroke-width="3"/><circle cx="16" cy="25" r="2" fill="#3D3D3D"/></svg>"##
        ),
        _ => concat!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="3" fill="#8F1D00"/>"##,
            r##"<path d="M9 9l14 14M23 9L9 23" stroke="#fff" stroke-width="4"/></svg>"##
        ),
    }
}

/// Reference to a state's symbol.
fn symbol(state: State) -> &'static str {
    match state {
        State::Green => "#i-green",
        State::Warning => "#i-warning",
        State::Settling => "#i-settling",
        State::Red => "#i-red",
        State::Blocked => "#i-blocked",
        State::NotDue => "#i-not-due",
        State::Unknown => "#i-unknown",
        State::Waived => "#i-waived",
    }
}

/// The sign alone; the word has to stand beside it.
pub fn sign(html: &mut Html, state: State) {
    html.element("svg", &[("class", &format!("i {}", state.key())), ("aria-hidden", "true")], |html| {
        html.void("use", &[("href", symbol(state))]);
    });
}

/// Sign and word on the state's tint.
pub fn chip(html: &mut Html, state: State) {
    html.element("span", &[("class", &format!("chip {}", state.key()))], |html| {
        sign(html, state);
        html.text(state.word());
    });
}

/// A bar of the states of some points, the best ones first; the numbers have to stand beside it.
pub fn bar(html: &mut Html, tally: &Tally) {
    let mut states: Vec<(State, usize)> = tally.worst_first().collect();
    states.reverse();
    html.element("svg", &[("class", "bar"), ("aria-hidden", "true")], |html| {
        let mut before = 0;
        for (state, count) in states {
            let share = |points: usize| percent(points as f64 / tally.points as f64);
            let class = format!("t-{}", state.key());
            html.void(
                "rect",
                &[("class", &class), ("x", &share(before)), ("width", &share(count)), ("height", "100%")],
            );
            before += count;
        }
    });
}

/// A share of the width: `12.5%`.
pub fn percent(share: f64) -> String {
    let text = format!("{:.2}", share.clamp(0.0, 1.0) * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_width() {
        let shares = [0.0, 0.125, 1.0 / 3.0, 1.0, 1.5, -1.0].map(percent);
        assert_eq!(shares, ["0%", "12.5%", "33.33%", "100%", "100%", "0%"]);
    }

    #[test]
    fn every_state_has_a_symbol_and_all_but_green_a_pattern() {
        for state in State::ALL {
            let id = symbol(state).trim_start_matches('#');
            assert!(DEFINITIONS.contains(&format!("<symbol id=\"{id}\"")), "{id}");
            let pattern = format!("<pattern id=\"t-{}\"", state.key());
            assert_eq!(DEFINITIONS.contains(&pattern), state != State::Green, "{pattern}");
        }
    }
}

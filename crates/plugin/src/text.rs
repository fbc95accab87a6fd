//! Foreign text made harmless: control characters, bars, newlines, escape codes, direction marks, length.

use std::borrow::Cow;

/// One line of text that no agent trips over: controls and newlines become blanks, `|` becomes `/`, marks that turn the
/// direction of text are dropped, blanks at the ends are cut.
pub fn clean(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if !text.chars().any(|c| c == '|' || c.is_control() || turns_direction(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' => out.push('/'),
            c if turns_direction(c) => {}
            // A run of controls, such as CR LF, is one blank.
            c if c.is_control() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out.trim().to_owned())
}

/// [`clean`] for bytes from a socket: invalid UTF-8 is replaced.
pub fn clean_bytes(bytes: &[u8]) -> String {
    clean(&String::from_utf8_lossy(bytes)).into_owned()
}

/// At most `limit` bytes, cut at a character's edge, the cut shown as `…` where there is room for it.
pub fn shorten(text: &str, limit: usize) -> Cow<'_, str> {
    const MARK: &str = "…";
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let room = limit.saturating_sub(MARK.len());
    let kept = text[..text.floor_char_boundary(room)].trim_end();
    Cow::Owned(if limit < MARK.len() { String::new() } else { format!("{kept}{MARK}") })
}

/// Unicode's line and paragraph separators, embeddings, overrides and isolates (UAX #9).
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::{clean, clean_bytes, shorten};

    #[test]
    fn what_agents_trip_over_is_gone() {
        assert_eq!(clean(" 220 hello\r\nworld | a=1\u{1b}[31m "), "220 hello world / a=1 [31m");
        assert_eq!(clean("\u{202e} abc"), "abc");
        assert_eq!(clean("\u{1b}[1m"), "[1m");
        assert_eq!(clean_bytes(b"\xff\x00ok"), "\u{fffd} ok");
    }

    #[test]
    fn cuts_show_and_keep_characters_whole() {
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdef", 5), "ab…");
        assert_eq!(shorten("ééé", 5), "é…");
        assert_eq!(shorten("abcdef", 2), "");
    }
}

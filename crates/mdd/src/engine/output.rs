//! Output of plugins is foreign text: decoded, freed of control characters, and parted from performance data.
//!
//! Layout: Monitoring Plugins Development Guidelines, "Plugin Output for Nagios".

/// Longest text kept of one result, in bytes.
pub const TEXT_LIMIT: usize = 4096;

/// Text and performance data of what a plugin wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Lines without performance data; the first one is the summary.
    pub text: String,
    /// Performance data of all lines, items separated by single blanks.
    pub perf: String,
}

/// Parts and cleans what a plugin wrote. Bytes that are no UTF-8 become `U+FFFD`.
pub fn parse(bytes: &[u8]) -> Output {
    let clean = clean(&String::from_utf8_lossy(bytes));
    let mut lines = clean.lines().map(str::trim_end).skip_while(|line| line.is_empty());
    let mut text = String::new();
    let mut perf: Vec<&str> = Vec::new();
    let mut only_perf = false;
    if let Some(first) = lines.next() {
        let (summary, data) = first.split_once('|').unwrap_or((first, ""));
        text.push_str(summary.trim());
        perf.extend(data.split_whitespace());
    }
    // In the lines after the first, everything behind the first bar is performance data, to the end.
    for line in lines {
        let (long, data) = match line.split_once('|') {
            _ if only_perf => ("", line),
            Some(parts) => {
                only_perf = true;
                parts
            }
            None => (line, ""),
        };
        if !only_perf || !long.trim().is_empty() {
            text.push('\n');
            text.push_str(long.trim_end());
        }
        perf.extend(data.split_whitespace());
    }
    Output { text: cut(text.trim_end(), TEXT_LIMIT), perf: cut(&perf.join(" "), TEXT_LIMIT) }
}

/// Removes escape sequences whole, other control characters, and marks that turn the direction of text.
/// Line ends stay; a tab becomes a blank.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\n' => out.push('\n'),
            '\t' => out.push(' '),
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_csi(&mut chars),
            c if c.is_control() || turns_text(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// ECMA-48: `ESC [` … final byte; `ESC ]`, `ESC P`, `ESC X`, `ESC ^`, `ESC _` … string terminator; else two or more
/// bytes: intermediates and one final.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_csi(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            // An unterminated string must not eat the whole output: it ends with its line.
            while let Some(&c) = chars.peek() {
                if c == '\n' {
                    return;
                }
                chars.next();
                match c {
                    '\u{7}' | '\u{9c}' => return,
                    '\u{1b}' => {
                        if chars.peek() == Some(&'\\') {
                            chars.next();
                        }
                        return;
                    }
                    _ => {}
                }
            }
        }
        Some(' '..='/') => {
            while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            chars.next_if(|c| matches!(c, '0'..='~'));
        }
        Some('0'..='~') => {
            chars.next();
        }
        _ => {}
    }
}

fn skip_csi(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

pub(crate) fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Cuts to at most `limit` bytes, with an ellipsis, at a character's border.
fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// A summary without the plugin's name and state in front: `TCP OK - 3 ms` gives `3 ms`. The row already says both.
pub fn bare(summary: &str) -> &str {
    const WORDS: [&str; 4] = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];
    for mark in [": ", " - "] {
        let Some((head, rest)) = summary.split_once(mark) else { continue };
        let plain = head.len() <= 40
            && head.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || " _-".contains(c));
        if plain && head.split([' ', '-']).next_back().is_some_and(|last| WORDS.contains(&last)) {
            let rest = rest.trim_start();
            return if rest.is_empty() { summary } else { rest };
        }
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn performance_data_is_parted_on_every_line() {
        let of = |text: &str| parse(text.as_bytes());
        let both = |text: &str, perf: &str| Output { text: text.into(), perf: perf.into() };
        assert_eq!(of("TCP OK - 3 ms | time=0.003s;;;0;10\n"), both("TCP OK - 3 ms", "time=0.003s;;;0;10"));
        assert_eq!(of("a | x=1\nlong\nmore | y=2\nz=3\n"), both("a\nlong\nmore", "x=1 y=2 z=3"));
        assert_eq!(of("\n\nfirst\n\n"), both("first", ""));
        assert_eq!(of(""), both("", ""));
        assert_eq!(of("only text"), both("only text", ""));
    }

    #[test]
    fn control_characters_and_escapes_are_gone() {
        for (given, expected) in [
            ("\u{1b}[31;1mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("\u{1b}]0;never ends\nnext", "\nnext"),
            ("\u{9b}2Jgone", "gone"),
            ("\u{1b}(Bascii", "ascii"),
            ("bell\u{7} nul\0 del\u{7f}", "bell nul del"),
            ("a\tb\r\nc\rd", "a b\nc\nd"),
            ("right\u{202e}left", "rightleft"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(clean(given), expected, "{given:?}");
        }
    }

    #[test]
    fn foreign_bytes_and_length_are_bounded() {
        assert_eq!(parse(b"a\xffb").text, "a\u{fffd}b");
        let long = parse("ä".repeat(5000).as_bytes()).text;
        assert!(long.len() <= TEXT_LIMIT && long.ends_with("ä…"), "{}", long.len());
    }

    #[test]
    fn the_state_in_front_of_a_summary_goes() {
        for (given, expected) in [
            ("TCP OK - 3 ms", "3 ms"),
            ("OK: fine", "fine"),
            ("FILE_AGE CRITICAL: old", "old"),
            ("HTTP CRITICAL - a: b", "a: b"),
            ("DNS OK: 0.0 seconds - x", "0.0 seconds - x"),
            ("OK: ", "OK: "),
            ("host: no answer", "host: no answer"),
            ("NOT A STATE - text", "NOT A STATE - text"),
            ("", ""),
        ] {
            assert_eq!(bare(given), expected, "{given:?}");
        }
    }
}

//! The first bytes of an HTTP/1 answer as they came: hyper keeps neither the spelling nor the order of headers.

use plugin::text;

/// Status line and header lines of the answer proper; interim answers (RFC 9110, 15.2) before it are passed over.
///
/// Lines are cleaned. `None` where no whole head is among the bytes.
pub(crate) fn split(bytes: &[u8]) -> Option<(String, String)> {
    let mut rest = bytes;
    loop {
        let end = end_of(rest)?;
        let mut lines = rest[..end].split(|byte| *byte == b'\n');
        let status = text::clean_bytes(lines.next()?);
        let code = status.split(' ').nth(1).unwrap_or_default();
        rest = &rest[end..];
        if code.len() == 3 && code.starts_with('1') && code != "101" {
            continue;
        }
        let lines: Vec<String> = lines.map(text::clean_bytes).filter(|line| !line.is_empty()).collect();
        return Some((status, lines.join("\n")));
    }
}

// Just behind the first empty line.
fn end_of(bytes: &[u8]) -> Option<usize> {
    let mut line = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' {
            if matches!(&bytes[line..at], b"" | b"\r") && line > 0 {
                return Some(at + 1);
            }
            line = at + 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::split;

    fn head(text: &str) -> Option<(String, String)> {
        split(text.as_bytes())
    }

    #[test]
    fn status_and_headers_as_they_came() {
        let shown = |status: &str, lines: &str| Some((status.to_owned(), lines.to_owned()));
        assert_eq!(
            head("HTTP/1.1 200 OK\r\nX-A: b\r\nc: D\r\n\r\nbody\n\n"),
            shown("HTTP/1.1 200 OK", "X-A: b\nc: D")
        );
        assert_eq!(head("HTTP/1.0 204\n\n"), shown("HTTP/1.0 204", ""));
        assert_eq!(
            head("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 N\u{1b}o\r\nA: 1\r\n\r\n"),
            shown("HTTP/1.1 404 N o", "A: 1")
        );
        assert_eq!(head("HTTP/1.1 101 Switching\r\n\r\n"), shown("HTTP/1.1 101 Switching", ""));
        assert_eq!(head("HTTP/1.1 200 OK\r\nX-A: b\r\n"), None);
        assert_eq!(head(""), None);
    }
}

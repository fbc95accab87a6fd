//! What a terminal sends when a key is pressed.

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Char(char),
}

/// Bytes as they come, keys as they are complete.
#[derive(Debug, Default)]
pub(super) struct Keys {
    bytes: Vec<u8>,
}

impl Keys {
    /// Adds what was read.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether what may be the beginning of a longer sequence is waiting.
    pub fn is_waiting(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// The next key. `ended`: nothing more came for a moment, so that a lone escape is the key of that name.
    pub fn next(&mut self, ended: bool) -> Option<Key> {
        while !self.bytes.is_empty() {
            let (used, key) = read(&self.bytes, ended)?;
            self.bytes.drain(..used);
            if key.is_some() {
                return key;
            }
        }
        None
    }
}

/// How many bytes the first key takes, and which it is if it means something here. None when it is not complete.
fn read(bytes: &[u8], ended: bool) -> Option<(usize, Option<Key>)> {
    match bytes {
        [0x1b, b'[', rest @ ..] => {
            // ECMA-48: parameters and intermediates, then one final byte.
            let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
                return ended.then_some((bytes.len(), None));
            };
            let key = match (&rest[..end], rest[end]) {
                (b"", b'A') => Some(Key::Up),
                (b"", b'B') => Some(Key::Down),
                (b"", b'H') | (b"1" | b"7", b'~') => Some(Key::Home),
                (b"", b'F') | (b"4" | b"8", b'~') => Some(Key::End),
                (b"5", b'~') => Some(Key::PageUp),
                (b"6", b'~') => Some(Key::PageDown),
                _ => None,
            };
            Some((2 + end + 1, key))
        }
        // Keypads in application mode.
        [0x1b, b'O', byte, ..] => {
            let key = match byte {
                b'A' => Some(Key::Up),
                b'B' => Some(Key::Down),
                b'H' => Some(Key::Home),
                b'F' => Some(Key::End),
                b'M' => Some(Key::Enter),
                _ => None,
            };
            Some((3, key))
        }
        [0x1b] | [0x1b, b'O'] => ended.then_some((1, Some(Key::Escape))),
        // Alt means nothing here: this is somebody quick.
        [0x1b, _, ..] => Some((1, Some(Key::Escape))),
        [b'\r' | b'\n', ..] => Some((1, Some(Key::Enter))),
        [byte, ..] if byte.is_ascii_graphic() || *byte == b' ' => {
            Some((1, Some(Key::Char(char::from(*byte)))))
        }
        [_, ..] => Some((1, None)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], ended: bool) -> Vec<Key> {
        let mut keys = Keys::default();
        keys.feed(bytes);
        std::iter::from_fn(|| keys.next(ended)).collect()
    }

    #[test]
    fn sequences_are_keys_and_foreign_ones_are_nothing() {
        assert_eq!(all(b"jq\r", false), [Key::Char('j'), Key::Char('q'), Key::Enter]);
        assert_eq!(all(b"\x1b[A\x1bOB\x1b[5~\x1b[1~", false), [Key::Up, Key::Down, Key::PageUp, Key::Home]);
        assert_eq!(all(b"\x1b[1;5C\x1b[200~q", false), [Key::Char('q')]);
        assert_eq!(all("ä\u{1}".as_bytes(), false), []);
        assert_eq!(all(b"\x1bq", false), [Key::Escape, Key::Char('q')]);
    }

    #[test]
    fn an_escape_alone_is_a_key_when_nothing_follows() {
        let mut keys = Keys::default();
        keys.feed(b"\x1b");
        assert_eq!((keys.next(false), keys.is_waiting()), (None, true));
        assert_eq!((keys.next(true), keys.is_waiting()), (Some(Key::Escape), false));
        keys.feed(b"\x1b");
        assert_eq!(keys.next(false), None);
        keys.feed(b"[B");
        assert_eq!(keys.next(false), Some(Key::Down));
        assert_eq!(all(b"\x1b\x1b", true), [Key::Escape, Key::Escape]);
    }
}

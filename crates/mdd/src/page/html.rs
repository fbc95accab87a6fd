//! A small writer of HTML: names of tags and attributes are constants, everything else is escaped in one place.

use crate::engine::output::turns_text;

/// An attribute: its name, and a value that is escaped.
pub type Attribute<'a> = (&'static str, &'a str);

/// A document that grows.
#[derive(Debug, Default)]
pub struct Html {
    text: String,
}

impl Html {
    /// What has been written.
    pub fn into_string(self) -> String {
        self.text
    }

    /// An element with what `inside` writes.
    pub fn element(
        &mut self,
        tag: &'static str,
        attributes: &[Attribute<'_>],
        inside: impl FnOnce(&mut Html),
    ) {
        self.open(tag, attributes);
        self.text.push('>');
        inside(self);
        self.text.extend(["</", tag, ">"]);
    }

    /// An element with text.
    pub fn leaf(&mut self, tag: &'static str, attributes: &[Attribute<'_>], text: &str) {
        self.element(tag, attributes, |html| html.text(text));
    }

    /// An element without an end: `meta`, `link`, the shapes of SVG.
    pub fn void(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.open(tag, attributes);
        self.text.push_str("/>");
    }

    /// Text.
    pub fn text(&mut self, text: &str) {
        escape(text, &mut self.text);
    }

    /// Markup of our own.
    pub fn markup(&mut self, markup: &'static str) {
        self.text.push_str(markup);
    }

    /// A link to another page; only its text where the address is neither http(s) nor mailto.
    pub fn link(&mut self, address: &str, text: &str) {
        if is_followed(address) {
            self.leaf("a", &[("href", address), ("rel", "noopener noreferrer")], text);
        } else {
            self.text(text);
        }
    }

    fn open(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.text.extend(["<", tag]);
        for (name, value) in attributes {
            self.text.extend([" ", name, "=\""]);
            escape(value, &mut self.text);
            self.text.push('"');
        }
    }
}

/// Whether the page links to this address.
pub fn is_followed(address: &str) -> bool {
    ["http://", "https://", "mailto:"].iter().any(|scheme| {
        address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && address.len() > scheme.len()
    })
}

/// Foreign text for an element or for an attribute in double quotes. Control characters but line ends, and marks that
/// turn the direction of text, are left out.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            '\t' => out.push(' '),
            c if c.is_control() || turns_text(c) => {}
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str) -> String {
        let mut html = Html::default();
        html.text(text);
        html.into_string()
    }

    /// What a browser makes of escaped text.
    fn read_back(text: &str) -> String {
        let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
        entities.iter().fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c))
    }

    #[test]
    fn elements_and_attributes() {
        let mut html = Html::default();
        html.element("p", &[("title", "a \"b\"")], |html| {
            html.text("1 < 2 & 'x'\u{1b}[31m\u{202e}\0");
            html.void("br", &[]);
        });
        assert_eq!(
            html.into_string(),
            "<p title=\"a &quot;b&quot;\">1 &lt; 2 &amp; &#39;x&#39;[31m<br/></p>"
        );
    }

    #[test]
    fn only_pages_and_addresses_are_linked() {
        for (address, followed) in [
            ("https://wiki.example.net/a?b=c&d", true),
            ("HTTP://x", true),
            ("mailto:a@example.net", true),
            ("https://", false),
            ("javascript:alert(1)", false),
            (" https://x", false),
            ("java\nscript:x", false),
            ("data:text/html,x", false),
            ("//x", false),
            ("ftp://x", false),
            ("é", false),
        ] {
            assert_eq!(is_followed(address), followed, "{address}");
            let mut html = Html::default();
            html.link(address, "page");
            assert_eq!(html.into_string().starts_with("<a href="), followed, "{address}");
        }
    }

    proptest! {
        #[test]
        fn no_text_opens_a_tag_or_ends_an_attribute(text in any::<String>(), nasty in "[<>\"'&/a-z= \u{0}-\u{1f}]{0,40}") {
            for text in [text, nasty] {
                let out = escaped(&text);
                prop_assert!(!out.contains(['<', '>', '"', '\'', '\0']), "{out}");
                let kept = |c: &char| matches!(c, '\n' | '\t') || !(c.is_control() || turns_text(*c));
                let expected: String = text.chars().filter(kept).map(|c| if c == '\t' { ' ' } else { c }).collect();
                prop_assert_eq!(read_back(&out), expected);
            }
        }
    }
}

//! XMPP (RFC 6120, 5.4): a stream, its features, `<starttls/>`, `<proceed/>`.

use plugin::Result;

use super::talk::Talk;

const NAMESPACE: &str = "urn:ietf:params:xml:ns:xmpp-tls";

pub(super) fn start(talk: &mut Talk<'_, '_>, content: &str, domain: &str) -> Result<()> {
    talk.send(format!(
        "<?xml version='1.0'?><stream:stream to='{}' version='1.0' xmlns='{content}' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
        escaped(domain)
    ))?;
    let mut offered = false;
    let mut opened = false;
    loop {
        let tag = talk.tag()?;
        match name(&tag) {
            Some("stream:stream") => opened = true,
            Some("?xml") => {}
            _ if !opened => return Err(talk.not_the("XMPP", &tag)),
            Some("starttls") => offered |= tag.contains(NAMESPACE),
            Some("stream:error") => {
                let why = talk.tag()?;
                return Err(talk.refused("the stream", name(&why).unwrap_or("stream:error")));
            }
            Some("stream:features" | "features") if tag.ends_with("/>") => break,
            Some("/stream:features" | "/features") => break,
            Some("/stream:stream") => return Err(talk.refused("the stream", &tag)),
            _ => {}
        }
    }
    if !offered {
        return Err(talk.does_not_offer());
    }
    talk.send(format!("<starttls xmlns='{NAMESPACE}'/>"))?;
    let answer = talk.tag()?;
    if name(&answer) != Some("proceed") {
        return Err(talk.refused("STARTTLS", name(&answer).unwrap_or(&answer)));
    }
    if !answer.ends_with("/>") {
        let end = talk.tag()?;
        if name(&end) != Some("/proceed") {
            return Err(talk.failure("sent XML in the clear behind its go-ahead to TLS"));
        }
    }
    Ok(())
}

/// The name of a tag: `starttls` of `<starttls xmlns='…'/>`.
fn name(tag: &str) -> Option<&str> {
    // Text in front of a tag is not looked at.
    let inside = tag[tag.rfind('<')? + 1..].trim_end_matches('>');
    inside
        .split(|c: char| c.is_whitespace())
        .next()
        .map(|name| if name.len() > 1 { name.trim_end_matches('/') } else { name })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;")
}

#[cfg(test)]
mod tests {
    use super::{escaped, name};

    #[test]
    fn names_of_tags() {
        assert_eq!(name("<starttls xmlns='x'/>"), Some("starttls"));
        assert_eq!(name("<required/>"), Some("required"));
        assert_eq!(name("</stream:features>"), Some("/stream:features"));
        assert_eq!(name("text<proceed>"), Some("proceed"));
        assert_eq!(name("no tag>"), None);
        assert_eq!(escaped("a'b<&"), "a&apos;b&lt;&amp;");
    }
}

//! Protocols of lines: SMTP and LMTP, IMAP, POP3, FTP, NNTP, ManageSieve.

use plugin::Result;

use super::talk::{Reply, Talk};

/// Who we are: a monitoring host need not have a name, and an address literal is looked up nowhere (RFC 5321, 4.1.3).
const OURSELVES: &str = "[127.0.0.1]";

/// RFC 3207; for LMTP the greeting is `LHLO` (RFC 2033).
pub(super) fn smtp(talk: &mut Talk<'_, '_>, hello: &str) -> Result<()> {
    let greeting = talk.reply("SMTP")?;
    if greeting.code != "220" {
        return Err(talk.refused("the connection", &greeting.lines[0]));
    }
    talk.send(format!("{hello} {OURSELVES}\r\n"))?;
    let offers = talk.reply("SMTP")?;
    if offers.code != "250" {
        return Err(talk.refused(hello, &offers.lines[0]));
    }
    let is_starttls =
        |line: &String| line.get(4..).is_some_and(|offer| offer.trim().eq_ignore_ascii_case("STARTTLS"));
    if !offers.lines.iter().any(is_starttls) {
        return Err(talk.does_not_offer());
    }
    numbered(talk, "SMTP", "STARTTLS", "220")
}

/// RFC 4217: `AUTH TLS`. Whether it is offered shows in the answer; `FEAT` is newer than some servers.
pub(super) fn ftp(talk: &mut Talk<'_, '_>) -> Result<()> {
    let greeting = talk.reply("FTP")?;
    if greeting.code != "220" {
        return Err(talk.refused("the connection", &greeting.lines[0]));
    }
    talk.send("AUTH TLS\r\n")?;
    let Reply { code, lines } = talk.reply("FTP")?;
    match code.as_str() {
        "234" => Ok(()),
        // Unknown, not implemented, not for this parameter; and what asks for a login first.
        "500" | "502" | "504" | "530" => Err(talk.does_not_offer()),
        _ => Err(talk.refused("AUTH TLS", &lines[0])),
    }
}

/// RFC 4642.
pub(super) fn nntp(talk: &mut Talk<'_, '_>) -> Result<()> {
    let greeting = talk.reply("NNTP")?;
    if !matches!(greeting.code.as_str(), "200" | "201") {
        return Err(talk.refused("the connection", &greeting.lines[0]));
    }
    talk.send("CAPABILITIES\r\n")?;
    let answer = talk.reply("NNTP")?;
    // Servers before RFC 3977 know no capabilities, but may know STARTTLS.
    if answer.code == "101" {
        let offers = talk.lines(|line| line == ".")?;
        if !offers.iter().any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
            return Err(talk.does_not_offer());
        }
    }
    numbered(talk, "NNTP", "STARTTLS", "382")
}

/// RFC 9051, 6.2.1.
pub(super) fn imap(talk: &mut Talk<'_, '_>) -> Result<()> {
    let greeting = talk.line()?;
    if has_word(&greeting, "* PREAUTH") {
        return Err(talk.failure("has logged us in already, and takes no STARTTLS then"));
    }
    if !has_word(&greeting, "* OK") {
        return Err(greeted_otherwise(talk, "IMAP", &greeting, "* BYE"));
    }
    talk.send("a1 CAPABILITY\r\n")?;
    let answer = talk.lines(|line| line.starts_with("a1 "))?;
    let offers = |line: &String| {
        has_word(line, "* CAPABILITY") && line.split(' ').any(|offer| offer.eq_ignore_ascii_case("STARTTLS"))
    };
    if !answer.iter().any(offers) {
        return Err(talk.does_not_offer());
    }
    talk.send("a2 STARTTLS\r\n")?;
    let answer = talk.lines(|line| line.starts_with("a2 "))?;
    worded(talk, answer.last(), "a2 OK")
}

/// RFC 2595, 4.
pub(super) fn pop3(talk: &mut Talk<'_, '_>) -> Result<()> {
    let greeting = talk.line()?;
    if !has_word(&greeting, "+OK") {
        return Err(greeted_otherwise(talk, "POP3", &greeting, "-ERR"));
    }
    talk.send("CAPA\r\n")?;
    // Servers before RFC 2449 know no capabilities, but may know STLS.
    if has_word(&talk.line()?, "+OK") {
        let offers = talk.lines(|line| line == ".")?;
        if !offers.iter().any(|line| line.trim().eq_ignore_ascii_case("STLS")) {
            return Err(talk.does_not_offer());
        }
    }
    talk.send("STLS\r\n")?;
    let answer = talk.line()?;
    worded(talk, Some(&answer), "+OK")
}

/// RFC 5804, 1.7 and 2.2: the server greets with its capabilities.
pub(super) fn sieve(talk: &mut Talk<'_, '_>) -> Result<()> {
    let is_end = |line: &str| ["OK", "NO", "BYE"].iter().any(|word| has_word(line, word));
    let first = talk.line()?;
    if !first.starts_with('"') && !is_end(&first) {
        return Err(talk.not_the("ManageSieve", &first));
    }
    let mut greeting = vec![first];
    if !is_end(&greeting[0]) {
        greeting.extend(talk.lines(is_end)?);
    }
    let last = greeting.last().cloned().unwrap_or_default();
    if !has_word(&last, "OK") {
        return Err(talk.refused("the connection", &last));
    }
    if !greeting.iter().any(|line| line.trim().eq_ignore_ascii_case("\"STARTTLS\"")) {
        return Err(talk.does_not_offer());
    }
    talk.send("STARTTLS\r\n")?;
    let answer = talk.line()?;
    worded(talk, Some(&answer), "OK")
}

fn numbered(talk: &mut Talk<'_, '_>, protocol: &str, command: &str, go_ahead: &str) -> Result<()> {
    talk.send(format!("{command}\r\n"))?;
    let answer = talk.reply(protocol)?;
    if answer.code == go_ahead { Ok(()) } else { Err(talk.refused(command, &answer.lines[0])) }
}

fn worded(talk: &Talk<'_, '_>, answer: Option<&String>, go_ahead: &str) -> Result<()> {
    match answer {
        Some(line) if has_word(line, go_ahead) => Ok(()),
        line => Err(talk.refused("STARTTLS", line.map_or("", String::as_str))),
    }
}

fn greeted_otherwise(talk: &Talk<'_, '_>, protocol: &str, greeting: &str, refusal: &str) -> plugin::Failure {
    if has_word(greeting, refusal) {
        talk.refused("the connection", greeting)
    } else {
        talk.not_the(protocol, greeting)
    }
}

/// Whether a line begins with these words, in any case.
fn has_word(line: &str, words: &str) -> bool {
    let start = line.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words));
    start && line[words.len()..].chars().next().is_none_or(|next| next == ' ')
}
